import { Chart } from "cdk8s";
import type { Construct } from "constructs";

import { Declarations, DeclaringComponent } from "../model/declarations";
import type { PersistentIpCluster } from "./persistent-ip-cluster";

/**
 * A construct among those of its app. A chart is for one cluster; charts that name the same cluster are for that one.
 *
 * @param subject the construct as the user knows it
 */
export function amongOthers(
  construct: Construct,
  subject: string,
  cluster: PersistentIpCluster | undefined,
): DeclaringComponent {
  const clusters = [Chart.of(construct), ...(cluster === undefined ? [] : [cluster])];
  return new DeclaringComponent(Declarations.of(construct.node.root), clusters, construct, subject);
}
