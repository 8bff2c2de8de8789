// What PinnedPodRoute and PinnedDeployment have in common: they give addresses to one Pod, whatever says which.
import type { ApiObject } from "cdk8s";
import type { Construct } from "constructs";

import type { Problems } from "../model/problems";
import { claimantOf, noteRoute, type RouteInput, type RoutePlan, type RouteSurroundings } from "../model/route";
import { checked, routeNamespace } from "./kubernetes-object";
import type { PersistentIpPool } from "./persistent-ip-pool";
import { amongOthers } from "./program";
import { networkName, type NetworkReference, routeNetwork, routeObjects } from "./route-objects";

/** The properties that both take. */
interface SingleRouteProps {
  readonly pool: PersistentIpPool;
  readonly addresses?: readonly string[];
  readonly network?: NetworkReference;
  readonly namespace?: string;
}

/** What stands in the place of the properties of these names, so that none is left out. */
type Inputs = { readonly [Field in "pool" | "namespace" | "network" | "podNetwork" | "addresses"]: RouteInput[Field] };

/**
 * Plans the route of a construct, with all that is wrong as one message, and adds its GKEIPRoutes.
 *
 * @param workload what says which Pod it is, as the program gave it
 */
export function singleRoute(
  scope: Construct,
  { kind, id }: { readonly kind: NonNullable<RouteInput["kind"]>; readonly id: string },
  props: SingleRouteProps,
  workload: unknown,
  planOf: (input: RouteSurroundings & Inputs, problems: Problems) => RoutePlan,
): { readonly addresses: string[]; readonly routes: ApiObject[] } {
  const { pool, addresses, network, namespace } = props;
  const others = amongOthers(scope, claimantOf({ name: id, kind }), pool.cluster);
  const plan = checked(kind, id, (problems) =>
    planOf(
      {
        name: id,
        claims: pool.claims,
        others,
        pool: pool.plan,
        namespace: routeNamespace(scope, namespace, workload),
        network: networkName(network),
        podNetwork: routeNetwork(network),
        addresses: addresses?.map((value) => ({ value })),
      },
      problems,
    ),
  );
  for (const position of plan.positions) pool.claims.set(position, plan.claim);
  noteRoute(others, plan);

  // Every value is a literal here, so none is left to come.
  const known = plan.addresses as string[];
  return { addresses: known, routes: routeObjects(scope, "Resource", pool, plan, [workload, network]) };
}
