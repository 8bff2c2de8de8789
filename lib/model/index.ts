// `podpin`: the words and the rules of the domain, without any framework.
export { CIDR_ADDRESS_TYPE, isIPv4, parseAddress } from "./address";
export { AckState, Delivery, Fabric } from "./binding";
export type {
  AddressBinding,
  AddressBindingSpec,
  AddressBindingStatus,
  BindingAck,
  BindingOwner,
  BindingRelease,
  BindingStandby,
} from "./binding";
export { AddressType, GkeClassFabric, PoolMode, Provider } from "./classes";
export { DatapathProvider, ReleaseChannel } from "./cluster";
export type { ClusterOptions } from "./cluster";
export { DataplaneV2 } from "./controller";
export type { ControllerOptions, Toleration } from "./controller";
export { GoogleCloudDriver } from "./google-cloud";
export type { GoogleCloudOptions } from "./google-cloud";
export {
  ANNOTATION_DELIVERY,
  ANNOTATION_FABRIC,
  MAX_ADDRESSES_PER_GATEWAY,
  MAX_ADDRESSES_PER_ROUTE,
  PODPIN_CONTROLLER_NAME,
  ReactionMode,
  RouteCondition,
  RouteReason,
} from "./gke-api";
export type { NodePoolOptions } from "./node-pool";
export { PodRangePlan } from "./pod-ranges";
export type { PodRangePlanForNodesOptions, PodRangePlanForRangesOptions } from "./pod-ranges";
export { ImagePlatform } from "./image";
export type { FirewallOptions } from "./firewall";
export { HealthCheckProtocol } from "./health-check";
export type { HealthCheckOptions } from "./health-check";
export { AllowedNamespaces } from "./pool";
export type { PoolOptions } from "./pool";
export { NetworkTier } from "./pool-reservation";
export type { ReservationOptions } from "./pool-reservation";
export type { RouteOptions } from "./route";
export type { GkeRouteOptions } from "./route-fields";
export { LabelOperator } from "./selector";
export type { LabelExpression } from "./selector";
export type {
  OrdinalRange,
  PinnedStatefulSetOptions,
  PinnedWorkloadOptions,
  PodAddressOptions,
} from "./pinned-stateful-set";
export type { PinnedDeploymentOptions } from "./pinned-deployment";
export { podInterfaces } from "./pod-interfaces";
export type { PodInterface } from "./pod-interfaces";
export { DeviceMode, PodNetworkType } from "./pod-network";
export type { PodNetworkOptions } from "./pod-network";
export { PodSetupMethod } from "./pod-setup";
export type {
  PodSetupCapabilities,
  PodSetupContainerObject,
  PodSetupFieldRef,
  PodSetupOptions,
  PodSetupSecurityContext,
  PodSetupVariable,
  PodSetupVariableSource,
  PodSysctl,
} from "./pod-setup";
export type { PodTemplate, PodTemplateContainer, PodTemplateMetadata, PodTemplateSpec } from "./pod-template";
export { adviceFor } from "./waiting";
export { PODPIN_NAMESPACE } from "./runtime";
export { addressBinding, gkeApi, gkeIpRoute, gkeNetworkParamSet, network } from "../crds";
export type { CustomResourceDefinition } from "../crds";
export { IN_POD_SYSCTLS } from "./sysctls";
