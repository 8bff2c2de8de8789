import { gkeIpRoute } from "./gke-ip-route";
import { gkeNetworkParamSet } from "./gke-network-param-set";
import { network } from "./network";
import type { CustomResourceDefinition } from "./schema";

export { addressBinding } from "./address-binding";
export { gkeIpRoute } from "./gke-ip-route";
export { gkeNetworkParamSet } from "./gke-network-param-set";
export { network } from "./network";
export type { CustomResourceDefinition } from "./schema";

/** GKE's persistent-IP API, which podpin fills in where it is absent. On GKE these are Google's and stay untouched. */
export const gkeApi: readonly CustomResourceDefinition[] = [gkeIpRoute, network, gkeNetworkParamSet];
