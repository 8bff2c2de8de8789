import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { type PinnedDeploymentOptions, planPinnedDeployment } from "../model/pinned-deployment";
import { deploymentFacts, type DeploymentReference } from "./deployment";
import { checkProperties } from "./kubernetes-object";
import type { PersistentIpPool } from "./persistent-ip-pool";
import type { NetworkReference } from "./route-objects";
import { singleRoute } from "./single-route";

/** What a {@link PinnedDeployment} takes. */
export interface PinnedDeploymentProps extends PinnedDeploymentOptions {
  /** The pool that has the addresses. Fixed after creation. */
  readonly pool: PersistentIpPool;
  /**
   * The Deployment: the object itself (`ApiObject.of(deployment)` gives it for a higher-level construct), or its name
   * together with `podSelector`. With the object the route comes after it and takes its namespace and its selector, and
   * its Pod template is checked.
   */
  readonly deployment: DeploymentReference;
  /**
   * The addresses that go to the newest Pod: entries of `pool.addresses`, or literals that the pool lists. A later change
   * takes effect at once; with podpin's controller addresses that stay do not notice.
   *
   * @default - all of the pool
   */
  readonly addresses?: string[] | undefined;
  /**
   * Namespace of the Pods and of the route. Fixed after creation.
   *
   * @default - the namespace of `deployment` where that is an object, else that of the chart, else "default"
   */
  readonly namespace?: string | undefined;
  /**
   * The Pod network whose interface receives the packets: its name, or the `PodNetwork`, after which the route comes then.
   * `default` is the primary one. Fixed after creation: delete the route before you apply a change.
   *
   * @default "default"
   */
  readonly network?: NetworkReference | undefined;
  /**
   * Name of a regional Compute Engine health check in the project and the region of the cluster. With it all eligible
   * Pods share the addresses, at most one on a node, and Google Cloud sends packets to those that are healthy. GKE's
   * own provider only. A later change updates the route in place.
   *
   * @default - none: the newest eligible Pod alone has the addresses
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
   */
  readonly healthCheckName?: string | undefined;
}

/**
 * Gives addresses to the newest eligible Pod of a Deployment, however many replicas it has: they move with every rollout
 * and when that Pod is gone.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedDeployment extends Construct {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: string[];
  /**
   * The GKEIPRoutes: one for each Gateway of the pool that lists some of the addresses. The first has the id of the
   * construct as name, later ones end in `-2`, `-3` and so on.
   */
  public readonly routes: ApiObject[];

  constructor(scope: Construct, id: string, props: PinnedDeploymentProps) {
    props = checkProperties("PinnedDeployment", id, props);
    super(scope, id);

    const { deployment } = props;
    const made = singleRoute(this, { kind: "PinnedDeployment", id }, props, deployment, (input, problems) =>
      planPinnedDeployment({ ...props, ...input, deployment: deploymentFacts(deployment) }, problems),
    );
    this.addresses = made.addresses;
    this.routes = made.routes;
  }
}
