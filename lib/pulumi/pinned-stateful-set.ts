import * as pulumi from "@pulumi/pulumi";

import {
  type OrdinalRange,
  pinnedStatefulSetSubject,
  type PinnedStatefulSetInput,
  type PinnedStatefulSetOptions,
  type PinnedStatefulSetPlan,
  planPinnedStatefulSet,
} from "../model/pinned-stateful-set";
import { noteRoute, type RoutePlan } from "../model/route";
import type { RouteNetwork } from "../model/route-network";
import type { KubernetesObject } from "./declared-resources";
import { checkArguments, checked, knownNow } from "./inputs";
import { knowsAll } from "./late-stages";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { amongOthers } from "./program";
import { withKubernetesProvider } from "./providers";
import { routeNetworkLater, routeNetworkNow } from "./route-network";
import {
  checkTimeout,
  networkName,
  type NetworkReference,
  routeResources,
  type RouteStages,
  type RouteWaiting,
} from "./route-resources";
import { statefulSetLater, statefulSetNow, type StatefulSetReference } from "./stateful-set";

/** What a {@link PinnedStatefulSet} takes. */
export interface PinnedStatefulSetArgs extends PinnedStatefulSetOptions, RouteWaiting {
  /** The pool that has the addresses. Fixed after creation: a change replaces the routes. */
  pool: PersistentIpPool;
  /**
   * The StatefulSet: the resource itself, or its name together with `replicas`. With the resource the routes wait for
   * it and take its namespace, and its replicas, its first ordinal and its Pod template are checked.
   */
  statefulSet: StatefulSetReference;
  /**
   * Namespace of the Pods and of the routes. Fixed after creation: a change replaces the routes.
   *
   * @default - the namespace of `statefulSet` where that is a resource, else "default"
   */
  namespace?: pulumi.Input<string> | undefined;
  /**
   * The Pod network whose interface receives the packets: its name, or the `PodNetwork`, which the routes then wait for.
   * `default` is the primary one. Fixed after creation: a change replaces the routes.
   *
   * @default "default"
   */
  network?: NetworkReference | undefined;
}

/**
 * Gives every Pod of a StatefulSet addresses of its own: Pod i has the i-th address of the pool, or the i-th group of
 * `addressesPerPod`, and keeps it wherever it runs. More replicas and a larger pool move no address.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/persistent-ip-addresses-for-gke-pods
 */
export class PinnedStatefulSet extends pulumi.ComponentResource {
  /** The addresses, `a.b.c.d`, in the order of the Pods; with `addressesPerPod` those of a Pod stand together. */
  public readonly addresses: pulumi.Output<string>[];
  /** The GKEIPRoutes, named `<name>-<ordinal>`, in the order of the Pods. */
  public readonly routes: KubernetesObject[];

  constructor(name: string, args: PinnedStatefulSetArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PinnedStatefulSet", name, args, opts);
    super("podpin:index:PinnedStatefulSet", name, {}, withKubernetesProvider(opts, args.pool.cluster?.provider));

    const { pool, namespace, network, statefulSet, ...options } = args;
    const place = { namespace, network: networkName(network) };
    const now: Known = {
      pool: pool.plan,
      podNetwork: routeNetworkNow(network),
      namespace: knownNow(place.namespace),
      network: knownNow(place.network),
      statefulSet: statefulSetNow(statefulSet),
    };
    const subject = pinnedStatefulSetSubject(name);
    const program = amongOthers(this, subject);
    const planWith = (known: Known, planned?: OrdinalRange): PinnedStatefulSetPlan =>
      checked("PinnedStatefulSet", name, this, (problems) => {
        const found = planPinnedStatefulSet(
          { ...options, ...known, name, claims: pool.claims, others: program, planned },
          problems,
        );
        checkTimeout(args, problems);
        return found;
      });
    const plan = planWith(now);
    const { ordinals } = plan;
    for (const { positions, route } of plan.pods) {
      for (const position of positions) pool.claims.set(position, route.claim);
      noteRoute(program, route);
    }

    const late = () => {
      const inputs = { ...place, statefulSet: statefulSetLater(statefulSet) };
      const placed = pulumi.output(inputs).apply((found) => planWith({ ...now, ...(found as Place) }, ordinals));
      const complete = pulumi
        .output({ found: inputs, podNetwork: routeNetworkLater(network) })
        .apply(({ found, podNetwork }) => {
          const known = { ...(found as Place), podNetwork: podNetwork as RouteNetwork };
          // Not beside the others, as an output of all inputs would look into every address of the pool.
          return pool.settled.apply((poolPlan) => planWith({ ...known, pool: poolPlan }, ordinals));
        });
      return { placed, complete };
    };

    const whole = knowsAll(pool, now) ? undefined : late();
    const after = [statefulSet, network];
    const made = plan.pods.map((pod, index) => {
      const routeOf = (all: PinnedStatefulSetPlan) => all.pods[index]?.route as RoutePlan;
      const stages: RouteStages = {
        now: pod.route,
        late: whole && { placed: whole.placed.apply(routeOf), complete: whole.complete.apply(routeOf) },
      };
      return routeResources(this, pool, stages, args, after);
    });
    this.addresses = made.flatMap(({ addresses }) => addresses);
    this.routes = made.flatMap(({ routes }) => routes);
    this.registerOutputs({ addresses: made.flatMap(({ registered }) => registered) });
  }
}

/** The inputs that may come from other resources. */
type Place = Pick<PinnedStatefulSetInput, "namespace" | "network" | "statefulSet">;
type Known = Place & Pick<PinnedStatefulSetInput, "pool" | "podNetwork">;
