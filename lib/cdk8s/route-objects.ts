// Adds the GKEIPRoutes of a plan to a chart.
import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { typedAddress } from "../model/address";
import { partNames } from "../model/pool";
import type { RoutePlan } from "../model/route";
import type { RouteNetwork } from "../model/route-network";
import { routeObject } from "../model/route-object";
import { kubernetesObject } from "./kubernetes-object";
import type { PersistentIpPool } from "./persistent-ip-pool";
import type { PodNetwork } from "./pod-network";

/** The name of a Pod network, or the network itself. */
export type NetworkReference = string | PodNetwork;

/**
 * Adds the routes of one plan below a construct.
 *
 * @param id id of the first object
 * @param after what the routes come after, besides the Gateway that lists their addresses
 */
export function routeObjects(
  scope: Construct,
  id: string,
  pool: PersistentIpPool,
  plan: RoutePlan,
  after: readonly unknown[],
): ApiObject[] {
  const ids = partNames(id, plan.parts.length);
  // Every value is a literal here, so none is left to come.
  const addresses = plan.addresses as readonly string[];
  const healthCheckName = plan.fields.healthCheckName as string | undefined;
  return plan.parts.map((part, index) => {
    const manifest = routeObject(plan, part, {
      namespace: plan.namespace as string,
      gatewayNamespace: pool.plan.namespace as string,
      network: plan.network as string,
      podSelector: plan.podSelector as object,
      cidrs: part.indexes.map((at) => typedAddress(addresses[at] ?? "").value),
      ...(healthCheckName === undefined ? {} : { healthCheckName }),
    });
    const object = kubernetesObject(scope, ids[index] ?? id, manifest);
    // On its own Gateway alone: a large pool has many, and cdk8s sorts by every single dependency.
    const gateway = pool.gateways[pool.plan.gateways.indexOf(part.gateway)];
    if (gateway !== undefined) object.addDependency(gateway);
    object.addDependency(...after.filter((one) => Construct.isConstruct(one)));
    return object;
  });
}

/** What a route knows of its network. */
export function routeNetwork(reference: NetworkReference | undefined): RouteNetwork | undefined {
  return typeof reference === "string" ? undefined : reference?.facts;
}

/** The name of a network. */
export function networkName(reference: NetworkReference | undefined): string | undefined {
  return typeof reference === "string" ? reference : reference?.networkName;
}
