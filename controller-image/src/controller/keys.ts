// Keys and versions that the store reads out of objects and their changes.
import { isGatewayRef, parentNamespace } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import type { GKEIPRoute, Network } from "../../../lib/model/gke-api";
import { RESOURCES, type KubeObject } from "../../../lib/model/kubernetes";
import type { Change } from "../kube/api";

/** What the object is now; undefined when it is gone. */
export function after<T>(change: Change<T>): T | undefined {
  return change.type === "set" ? change.object : undefined;
}

/** `namespace/name` of the route that a binding names. */
export function routeKeyOf({ spec }: AddressBinding): string {
  return `${spec.route.namespace}/${spec.route.name}`;
}

/** `namespace/name` of the Gateways that a route names. */
export function parentKeys(route: GKEIPRoute): string[] {
  return (route.spec.parentRefs ?? []).filter(isGatewayRef).map((ref) => `${parentNamespace(route, ref)}/${ref.name}`);
}

/** Name of the GKENetworkParamSet that a Network names. */
export function paramsOf(network: Network | undefined): string | undefined {
  const { group, kind, name } = network?.spec?.parametersRef ?? {};
  const { gkeNetworkParamSets } = RESOURCES;
  return group === gkeNetworkParamSets.group && kind === gkeNetworkParamSets.kind ? name : undefined;
}

/** Nodes that a binding concerns: who has the address, and who is to let it go. */
export function nodesOf({ spec }: AddressBinding): string[] {
  return [spec.nodeName, spec.releasing?.nodeName ?? ""].filter((name) => name !== "");
}

/** Versions of one object grow. */
export function versionOf({ metadata }: KubeObject): bigint {
  return BigInt(metadata.resourceVersion ?? "0");
}

/** Those of the keys that there is an object for. */
export function present<T>(keys: Iterable<string>, get: (key: string) => T | undefined): T[] {
  const found: T[] = [];
  for (const key of keys) {
    const object = get(key);
    if (object !== undefined) found.push(object);
  }
  return found;
}
