// The properties of every construct by name.
import { SHARED_ARGUMENTS } from "../model/argument-lists";
import type { ArgumentNames, Named } from "../model/argument-names";
import type { ShapedComponent } from "../model/shape";
import type { PersistentIpClusterFromExistingProps } from "./existing-cluster";
import type { PersistentIpClusterProps } from "./persistent-ip-cluster";
import type { PersistentIpControllerProps } from "./persistent-ip-controller";
import type { PersistentIpFirewallProps } from "./persistent-ip-firewall";
import type { PersistentIpHealthCheckProps } from "./persistent-ip-health-check";
import type { PersistentIpNodePoolProps } from "./persistent-ip-node-pool";
import type { PersistentIpPoolFromAddressesProps, PersistentIpPoolProps } from "./persistent-ip-pool";
import type { PinnedDeploymentProps } from "./pinned-deployment";
import type { PinnedPodRouteProps } from "./pinned-pod-route";
import type { PinnedStatefulSetProps } from "./pinned-stateful-set";
import type { PodNetworkProps } from "./pod-network";
import type { PodSetupProps } from "./pod-setup";

const SHARED = SHARED_ARGUMENTS;

/** The properties of each construct. */
export const PROPERTY_NAMES: Readonly<Record<Exclude<ShapedComponent, "ByoipPrefix">, ArgumentNames>> = {
  PersistentIpCluster: {
    ...SHARED.PersistentIpCluster,
    clusterSpec: true,
    namespace: true,
  } satisfies Named<PersistentIpClusterProps>,
  "PersistentIpCluster.fromExisting": {
    ...SHARED["PersistentIpCluster.fromExisting"],
    masterVersion: true,
    networkingMode: true,
    network: true,
    subnetwork: true,
    enableAutopilot: true,
    gatewayApiChannel: true,
    enableMultiNetworking: true,
    clusterIpv4Cidr: true,
    servicesIpv4Cidr: true,
    namespace: true,
  } satisfies Named<PersistentIpClusterFromExistingProps>,
  PersistentIpController: SHARED.PersistentIpController satisfies Named<PersistentIpControllerProps>,
  PersistentIpFirewall: SHARED.PersistentIpFirewall satisfies Named<PersistentIpFirewallProps>,
  PersistentIpHealthCheck: {
    ...SHARED.PersistentIpHealthCheck,
    namespace: true,
  } satisfies Named<PersistentIpHealthCheckProps>,
  PersistentIpNodePool: {
    ...SHARED.PersistentIpNodePool,
    nodePoolSpec: true,
  } satisfies Named<PersistentIpNodePoolProps>,
  PersistentIpPool: SHARED.PersistentIpPool satisfies Named<PersistentIpPoolProps>,
  "PersistentIpPool.fromAddresses": SHARED[
    "PersistentIpPool.fromAddresses"
  ] satisfies Named<PersistentIpPoolFromAddressesProps>,
  PinnedDeployment: SHARED.PinnedDeployment satisfies Named<PinnedDeploymentProps>,
  PinnedPodRoute: SHARED.PinnedPodRoute satisfies Named<PinnedPodRouteProps>,
  PinnedStatefulSet: SHARED.PinnedStatefulSet satisfies Named<PinnedStatefulSetProps>,
  PodNetwork: SHARED.PodNetwork satisfies Named<PodNetworkProps>,
  podSetup: SHARED.podSetup satisfies Named<PodSetupProps>,
};
