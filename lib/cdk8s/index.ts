// Must stay first: it says what to install where a peer is missing.
import "./peers";

export {
  AddressType,
  AllowedNamespaces,
  type ControllerOptions,
  Delivery,
  Fabric,
  GkeClassFabric,
  NetworkTier,
  PoolMode,
  type PoolOptions,
  type ReservationOptions,
  ReactionMode,
  type RouteOptions,
  type Toleration,
} from "../model";
export { PersistentIpController, type PersistentIpControllerProps } from "./persistent-ip-controller";
export {
  PersistentIpPool,
  type PersistentIpPoolCommonProps,
  type PersistentIpPoolFromAddressesProps,
  type PersistentIpPoolProps,
  type PoolCluster,
} from "./persistent-ip-pool";
export type { PersistentIpPoolReservationProps } from "./persistent-ip-pool-reservation";
export { PinnedPodRoute, type PinnedPodRouteProps } from "./pinned-pod-route";
