// What PinnedPodRoute and PinnedDeployment have in common: they give addresses to one Pod, whatever says which.
import type * as pulumi from "@pulumi/pulumi";

import { LATER } from "../model/later";
import type { Problems } from "../model/problems";
import { claimantOf, noteRoute, type RouteInput, type RoutePlan, type RouteSurroundings } from "../model/route";
import { checked, knownNow } from "./inputs";
import { knowsAll, lateStages } from "./late-stages";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { amongOthers } from "./program";
import { routeNetworkNow } from "./route-network";
import {
  addressNow,
  checkTimeout,
  networkName,
  type NetworkReference,
  type RouteResources,
  routeResources,
  type RouteStages,
  type RouteWaiting,
} from "./route-resources";

/** The arguments that both take. */
interface SingleRouteArgs extends RouteWaiting {
  readonly pool: PersistentIpPool;
  readonly addresses?: readonly pulumi.Input<string>[];
  readonly namespace?: pulumi.Input<string>;
  readonly network?: NetworkReference;
  readonly healthCheckName?: pulumi.Input<string>;
}

/** What says which Pod it is. */
export interface RouteWorkload<Facts> {
  /** As the program gave it: a name, a resource, or nothing. */
  readonly reference: unknown;
  /** What the program knows of it while it runs. */
  readonly now: Facts;
  /** The same with nothing left to come. */
  readonly later: () => object;
  /** Whether the selector waits for checks that come with the rest. */
  readonly isSelectorLate?: boolean;
}

/** The inputs that may come from other resources, besides those of the workload. */
type Known = Whole<"pool" | "podNetwork" | "namespace" | "network" | "healthCheckName" | "addresses">;
/** Each of them stands in the place of the argument of that name, so that none is left out. */
type Whole<Field extends keyof RouteInput> = { readonly [Each in Field]: RouteInput[Each] };

/** Plans the route of a component, with all that is wrong as one message, and registers its GKEIPRoutes. */
export function singleRoute<Facts extends object>(
  component: pulumi.ComponentResource,
  { kind, name }: { readonly kind: NonNullable<RouteInput["kind"]>; readonly name: string },
  args: SingleRouteArgs,
  workload: RouteWorkload<Facts>,
  planOf: (input: RouteSurroundings & Known & Facts, problems: Problems) => RoutePlan,
): RouteResources {
  const { pool, namespace, network, healthCheckName, addresses: given } = args;
  const place = { namespace, network: networkName(network), healthCheckName };
  const now: Known & Facts = {
    ...workload.now,
    pool: pool.plan,
    podNetwork: routeNetworkNow(network),
    namespace: knownNow(place.namespace),
    network: knownNow(place.network),
    healthCheckName: knownNow(place.healthCheckName),
    addresses: given?.map((address) => addressNow(pool, address)),
  };
  const program = amongOthers(component, claimantOf({ name, kind }));
  const planWith = (known: Known & Facts): RoutePlan =>
    checked(kind, name, component, (problems) => {
      const planned = planOf({ ...known, name, claims: pool.claims, others: program }, problems);
      checkTimeout(args, problems);
      return planned;
    });
  const plan = planWith(now);
  for (const position of plan.positions) pool.claims.set(position, plan.claim);
  noteRoute(program, plan);

  const late = () => {
    const inputs = { place: { ...place, ...workload.later() }, network, addresses: given };
    return lateStages(pool, inputs, now, planWith);
  };
  const stages: RouteStages = {
    now: workload.isSelectorLate === true ? { ...plan, podSelector: LATER } : plan,
    late: knowsAll(pool, now) ? undefined : late(),
  };
  return routeResources(component, pool, stages, args, [workload.reference, network]);
}
