import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { planRoute, type RouteOptions } from "../model/route";
import { checkProperties } from "./kubernetes-object";
import type { PersistentIpPool } from "./persistent-ip-pool";
import type { NetworkReference } from "./route-objects";
import { singleRoute } from "./single-route";
import { statefulSetFacts, type StatefulSetReference } from "./stateful-set";

/** What a {@link PinnedPodRoute} takes. */
export interface PinnedPodRouteProps extends RouteOptions {
  /** The pool that has the addresses. Fixed after creation. */
  readonly pool: PersistentIpPool;
  /**
   * The addresses that go to the Pod: entries of `pool.addresses`, or literals that the pool lists. A later change takes
   * effect at once; with podpin's controller addresses that stay do not notice.
   *
   * @default - all of the pool
   */
  readonly addresses?: string[] | undefined;
  /**
   * Namespace of the Pods and of the route. Fixed after creation.
   *
   * @default - the namespace of `statefulSet` where that is an object, else that of the chart, else "default"
   */
  readonly namespace?: string | undefined;
  /**
   * The StatefulSet of the Pod, with `ordinal`: its name, or the object itself; `ApiObject.of(set)` gives it for a
   * higher-level construct. With the object the route comes after it, takes its namespace, and checks `ordinal` against
   * its replicas.
   *
   * @default - none; required without `podSelector`
   */
  readonly statefulSet?: StatefulSetReference | undefined;
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
 * Pins addresses of a pool to a Pod: they go to the newest eligible Pod that the selector finds and follow it from node
 * to node.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedPodRoute extends Construct {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: string[];
  /**
   * The GKEIPRoutes: one for each Gateway of the pool that lists some of the addresses. The first has the id of the
   * construct as name, later ones end in `-2`, `-3` and so on.
   */
  public readonly routes: ApiObject[];

  constructor(scope: Construct, id: string, props: PinnedPodRouteProps) {
    props = checkProperties("PinnedPodRoute", id, props);
    super(scope, id);

    const { statefulSet } = props;
    const made = singleRoute(this, { kind: "PinnedPodRoute", id }, props, statefulSet, (input, problems) =>
      planRoute({ ...props, ...input, statefulSet: statefulSetFacts(statefulSet) }, problems),
    );
    this.addresses = made.addresses;
    this.routes = made.routes;
  }
}
