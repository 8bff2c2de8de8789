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
export type {
  DaemonSetObject,
  DaemonSetStatus,
  DelegatedPrefixResource,
  DeploymentObject,
  DeploymentStatus,
  FirewallResource,
  HealthCheckResource,
  KubernetesObject,
  KubernetesObjectMetadata,
} from "./declared-resources";
export type { PersistentIpClusterFromExistingArgs } from "./existing-cluster";
export { PersistentIpCluster, type PersistentIpClusterArgs } from "./persistent-ip-cluster";
export {
  type AdditionalNodeNetwork,
  type AdditionalPodNetwork,
  PersistentIpNodePool,
  type PersistentIpNodePoolArgs,
} from "./persistent-ip-node-pool";
export { PersistentIpController, type PersistentIpControllerArgs } from "./persistent-ip-controller";
export { ByoipPrefix, type ByoipPrefixArgs } from "./byoip-prefix";
export { PersistentIpFirewall, type PersistentIpFirewallArgs } from "./persistent-ip-firewall";
export { PersistentIpHealthCheck, type PersistentIpHealthCheckArgs } from "./persistent-ip-health-check";
export {
  type AddressResource,
  PersistentIpPool,
  type PersistentIpPoolArgs,
  type PersistentIpPoolCommonArgs,
  type PersistentIpPoolFromAddressesArgs,
  type PoolAddress,
} from "./persistent-ip-pool";
export { AddressDeletionPolicy, type PersistentIpPoolReservationArgs } from "./persistent-ip-pool-reservation";
export type {
  DeploymentExpression,
  DeploymentMetadata,
  DeploymentReference,
  DeploymentResource,
  DeploymentSelector,
  DeploymentSpec,
} from "./deployment";
export { PinnedDeployment, type PinnedDeploymentArgs } from "./pinned-deployment";
export { PinnedPodRoute, type PinnedPodRouteArgs } from "./pinned-pod-route";
export { PinnedStatefulSet, type PinnedStatefulSetArgs } from "./pinned-stateful-set";
export { PodNetwork, type PodNetworkArgs } from "./pod-network";
export {
  podSetup,
  type PodSetup,
  type PodSetupArgs,
  type PodSetupContainer,
  type PodSetupPodSecurityContext,
} from "./pod-setup";
export type { NetworkReference, RouteWaiting } from "./route-resources";
export type {
  StatefulSetMetadata,
  StatefulSetOrdinals,
  StatefulSetReference,
  StatefulSetResource,
  StatefulSetSpec,
} from "./stateful-set";
