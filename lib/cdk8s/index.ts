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
export { PersistentIpController, type PersistentIpControllerProps } from "./persistent-ip-controller";
export {
  PersistentIpPool,
  type PersistentIpPoolFromAddressesProps,
  type PersistentIpPoolProps,
} from "./persistent-ip-pool";
export { PinnedPodRoute, type PinnedPodRouteProps } from "./pinned-pod-route";
