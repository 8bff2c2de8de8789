import * as pulumi from "@pulumi/pulumi";

import { planRoute, type RouteOptions } from "../model/route";
import type { KubernetesObject } from "./declared-resources";
import { checkArguments } from "./inputs";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { withKubernetesProvider } from "./providers";
import type { NetworkReference, RouteWaiting } from "./route-resources";
import { withShortTraces } from "./short-traces";
import { singleRoute } from "./single-route";
import { statefulSetLater, statefulSetNow, type StatefulSetReference } from "./stateful-set";

/** What a {@link PinnedPodRoute} takes. */
export interface PinnedPodRouteArgs extends RouteOptions, RouteWaiting {
  /** The pool that has the addresses. Fixed after creation: a change replaces the route. */
  pool: PersistentIpPool;
  /**
   * The addresses that go to the Pod: entries of `pool.addresses`, or literals that the pool lists. A later change takes
   * effect at once; with podpin's controller addresses that stay do not notice.
   *
   * @default - all of the pool
   */
  addresses?: pulumi.Input<string>[] | undefined;
  /**
   * Namespace of the Pods and of the route. Fixed after creation: a change replaces the route.
   *
   * @default - the namespace of `statefulSet` where that is a resource, else "default"
   */
  namespace?: pulumi.Input<string> | undefined;
  /**
   * The StatefulSet of the Pod, with `ordinal`: its name, or the resource itself. With the resource the route waits for
   * it, takes its namespace, and checks `ordinal` against its replicas; where an autoscaler sets those, pass the name.
   *
   * @default - none; required without `podSelector`
   */
  statefulSet?: StatefulSetReference | undefined;
  /**
   * The Pod network whose interface receives the packets: its name, or the `PodNetwork`, which the route then waits for.
   * `default` is the primary one. Fixed after creation: a change replaces the route, and traffic stops until the new one
   * is Ready.
   *
   * @default "default"
   */
  network?: NetworkReference | undefined;
  /**
   * Name of a regional Compute Engine health check in the project and the region of the cluster, for example
   * `healthCheck.name` of a `gcp.compute.RegionHealthCheck`. With it all eligible Pods share the addresses, at most one
   * on a node, and Google Cloud sends packets to those that are healthy. GKE's own provider only. The deployment then
   * waits until the route is Accepted, as nothing is published about Ready in that mode. A later change updates the
   * route in place.
   *
   * @default - none: the newest eligible Pod alone has the addresses
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
   */
  healthCheckName?: pulumi.Input<string> | undefined;
}

/**
 * Pins addresses of a pool to a Pod: they go to the newest eligible Pod that the selector finds and follow it from node
 * to node.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedPodRoute extends pulumi.ComponentResource {
  /** The addresses, `a.b.c.d`, in the order in which they were given. */
  public readonly addresses: pulumi.Output<string>[];
  /**
   * The GKEIPRoutes: one for each Gateway of the pool that lists some of the addresses. The first has the name of the
   * component, later ones end in `-2`, `-3` and so on.
   */
  public readonly routes: KubernetesObject[];

  constructor(name: string, args: PinnedPodRouteArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PinnedPodRoute", name, args, opts);
    super("podpin:index:PinnedPodRoute", name, {}, withKubernetesProvider(opts, args.pool.cluster?.provider));

    const { statefulSet } = args;
    const workload = {
      reference: statefulSet,
      now: { statefulSet: statefulSetNow(statefulSet) },
      later: () => ({ statefulSet: statefulSetLater(statefulSet) }),
    };
    const made = singleRoute(this, { kind: "PinnedPodRoute", name }, args, workload, (input, problems) =>
      planRoute({ ...args, ...input }, problems),
    );
    this.addresses = made.addresses;
    this.routes = made.routes;
    withShortTraces(() => this.registerOutputs({ addresses: made.registered }));
  }
}
