// Must stay first: it says what to install where a peer is missing.
import "./peers";

export {
  AddressType,
  AllowedNamespaces,
  type ControllerOptions,
  Delivery,
  Fabric,
  GkeClassFabric,
  type PoolOptions,
  ReactionMode,
  type RouteOptions,
  type Toleration,
} from "../model";
export { PersistentIpController, type PersistentIpControllerArgs } from "./persistent-ip-controller";
export {
  type AddressResource,
  PersistentIpPool,
  type PersistentIpPoolArgs,
  type PersistentIpPoolFromAddressesArgs,
  type PoolAddress,
} from "./persistent-ip-pool";
export { PinnedPodRoute, type PinnedPodRouteArgs } from "./pinned-pod-route";
export type {
  StatefulSetMetadata,
  StatefulSetOrdinals,
  StatefulSetReference,
  StatefulSetResource,
  StatefulSetSpec,
} from "./stateful-set";
