// What the plan of a route becomes once the values are there that other resources give.
import * as pulumi from "@pulumi/pulumi";

import { isAllKnown } from "../model/later";
import type { PoolPlan } from "../model/pool";
import type { RouteAddress, RoutePlan } from "../model/route";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { routeNetworkLater } from "./route-network";
import type { LateStages, NetworkReference } from "./route-resources";

/** What a plan needs of a route besides its pool, its network and its addresses. */
export interface LateInputs {
  /** Namespace, workload and the like, as the program gave them. */
  readonly place: object;
  readonly network: NetworkReference | undefined;
  readonly addresses: readonly pulumi.Input<string>[] | undefined;
}

/** Whether the program knows all of it already. The pool answers for itself, as it may have a thousand addresses and as many routes. */
export function knowsAll(pool: PersistentIpPool, { pool: _, ...own }: { readonly pool: PoolPlan }): boolean {
  return pool.isComplete && isAllKnown(own);
}

/**
 * @param now what is known while the program runs
 * @param planWith makes the plan of what is known
 */
export function lateStages<Known extends { readonly addresses?: readonly RouteAddress[] }>(
  pool: PersistentIpPool,
  inputs: LateInputs,
  now: Known,
  planWith: (known: Known) => RoutePlan,
): LateStages {
  const place = pulumi.output(inputs.place);
  const placed = place.apply((found) => planWith({ ...now, ...found }));
  const complete = pulumi
    .output({ found: place, addresses: inputs.addresses, podNetwork: routeNetworkLater(inputs.network) })
    .apply(({ found, addresses: values, podNetwork }) => {
      const addresses = values?.map((value, index) => ({ value, position: now.addresses?.[index]?.position }));
      const known = { ...now, ...found, podNetwork, addresses };
      // Not beside the others, as an output of all inputs would look into every address of the pool for each route.
      return pool.settled.apply((poolPlan) => planWith({ ...known, pool: poolPlan }));
    });
  return { placed, complete };
}
