// Must stay first: it says what to install where a peer is missing.
import "./peers";

export {
  AddressType,
  AllowedNamespaces,
  type ClusterOptions,
  type ControllerOptions,
  DatapathProvider,
  DataplaneV2,
  Delivery,
  DeviceMode,
  Fabric,
  GkeClassFabric,
  GoogleCloudDriver,
  type GoogleCloudOptions,
  ImagePlatform,
  type FirewallOptions,
  type HealthCheckOptions,
  HealthCheckProtocol,
  IN_POD_SYSCTLS,
  NetworkTier,
  type NodePoolOptions,
  PoolMode,
  type PoolOptions,
  type ReservationOptions,
  type GkeRouteOptions,
  type LabelExpression,
  LabelOperator,
  type OrdinalRange,
  type PinnedDeploymentOptions,
  type PinnedStatefulSetOptions,
  type PinnedWorkloadOptions,
  type PodAddressOptions,
  type PodInterface,
  podInterfaces,
  type PodNetworkOptions,
  PodNetworkType,
  type PodSetupOptions,
  PodSetupMethod,
  ReactionMode,
  ReleaseChannel,
  type RouteOptions,
  type Toleration,
} from "../model";
export { PersistentIpController, type PersistentIpControllerProps } from "./persistent-ip-controller";
export type { PersistentIpClusterFromExistingProps } from "./existing-cluster";
export { PersistentIpCluster, type PersistentIpClusterProps } from "./persistent-ip-cluster";
export {
  type AdditionalNodeNetwork,
  type AdditionalPodNetwork,
  PersistentIpNodePool,
  type PersistentIpNodePoolProps,
} from "./persistent-ip-node-pool";
export { PersistentIpFirewall, type PersistentIpFirewallProps } from "./persistent-ip-firewall";
export { PersistentIpHealthCheck, type PersistentIpHealthCheckProps } from "./persistent-ip-health-check";
export {
  PersistentIpPool,
  type PersistentIpPoolCommonProps,
  type PersistentIpPoolFromAddressesProps,
  type PersistentIpPoolProps,
} from "./persistent-ip-pool";
export type { PersistentIpPoolReservationProps } from "./persistent-ip-pool-reservation";
export type { DeploymentReference } from "./deployment";
export { PinnedDeployment, type PinnedDeploymentProps } from "./pinned-deployment";
export { PinnedPodRoute, type PinnedPodRouteProps } from "./pinned-pod-route";
export { PinnedStatefulSet, type PinnedStatefulSetProps } from "./pinned-stateful-set";
export { PodNetwork, type PodNetworkProps } from "./pod-network";
export {
  podSetup,
  type PodSetup,
  type PodSetupContainer,
  type PodSetupPodSecurityContext,
  type PodSetupProps,
} from "./pod-setup";
export type { NetworkReference } from "./route-objects";
export type { StatefulSetReference } from "./stateful-set";
