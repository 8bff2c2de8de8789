// Must stay first: it says what to install where a peer is missing.
import "./peers";

export {
  AddressType,
  AllowedNamespaces,
  type ClusterOptions,
  type ControllerOptions,
  DatapathProvider,
  Delivery,
  Fabric,
  GkeClassFabric,
  NetworkTier,
  PoolMode,
  type PoolOptions,
  type ReservationOptions,
  ReactionMode,
  ReleaseChannel,
  type RouteOptions,
  type Toleration,
} from "../model";
export type { PersistentIpClusterFromExistingArgs } from "./existing-cluster";
export { PersistentIpCluster, type PersistentIpClusterArgs } from "./persistent-ip-cluster";
export { PersistentIpController, type PersistentIpControllerArgs } from "./persistent-ip-controller";
export {
  type AddressResource,
  PersistentIpPool,
  type PersistentIpPoolArgs,
  type PersistentIpPoolCommonArgs,
  type PersistentIpPoolFromAddressesArgs,
  type PoolAddress,
  type PoolCluster,
} from "./persistent-ip-pool";
export { AddressDeletionPolicy, type PersistentIpPoolReservationArgs } from "./persistent-ip-pool-reservation";
export { PinnedPodRoute, type PinnedPodRouteArgs } from "./pinned-pod-route";
export type {
  StatefulSetMetadata,
  StatefulSetOrdinals,
  StatefulSetReference,
  StatefulSetResource,
  StatefulSetSpec,
} from "./stateful-set";
