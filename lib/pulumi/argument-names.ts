// The arguments of every component by name.
import type { ArgumentNames, Named } from "../model/argument-names";
import { SHARED_ARGUMENTS } from "../model/argument-lists";
import type { ShapedComponent } from "../model/shape";
import type { ByoipPrefixArgs } from "./byoip-prefix";
import type { PersistentIpClusterFromExistingArgs } from "./existing-cluster";
import type { PersistentIpClusterArgs } from "./persistent-ip-cluster";
import type { PersistentIpControllerArgs } from "./persistent-ip-controller";
import type { PersistentIpFirewallArgs } from "./persistent-ip-firewall";
import type { PersistentIpHealthCheckArgs } from "./persistent-ip-health-check";
import type { PersistentIpNodePoolArgs } from "./persistent-ip-node-pool";
import type { PersistentIpPoolArgs, PersistentIpPoolFromAddressesArgs } from "./persistent-ip-pool";
import type { PinnedDeploymentArgs } from "./pinned-deployment";
import type { PinnedPodRouteArgs } from "./pinned-pod-route";
import type { PinnedStatefulSetArgs } from "./pinned-stateful-set";
import type { PodNetworkArgs } from "./pod-network";
import type { PodSetupArgs } from "./pod-setup";
import type { RouteWaiting } from "./route-resources";

const ROUTE_WAITING = { waitUntilReady: true, readyTimeoutSeconds: true } satisfies Named<RouteWaiting>;

const SHARED = SHARED_ARGUMENTS;

/** The arguments of each component. */
export const ARGUMENT_NAMES: Readonly<Record<ShapedComponent, ArgumentNames>> = {
  ByoipPrefix: {
    advertisedRange: true,
    dnsVerificationIp: true,
    advertisedPrefix: true,
    delegatedRange: true,
    region: true,
    project: true,
    protectPrefixes: true,
  } satisfies Named<ByoipPrefixArgs>,
  PersistentIpCluster: { ...SHARED.PersistentIpCluster, clusterArgs: true } satisfies Named<PersistentIpClusterArgs>,
  "PersistentIpCluster.fromExisting": SHARED[
    "PersistentIpCluster.fromExisting"
  ] satisfies Named<PersistentIpClusterFromExistingArgs>,
  PersistentIpController: {
    ...SHARED.PersistentIpController,
    imageRepository: true,
    imageBase: true,
    imagePlatforms: true,
  } satisfies Named<PersistentIpControllerArgs>,
  PersistentIpFirewall: SHARED.PersistentIpFirewall satisfies Named<PersistentIpFirewallArgs>,
  PersistentIpHealthCheck: SHARED.PersistentIpHealthCheck satisfies Named<PersistentIpHealthCheckArgs>,
  PersistentIpNodePool: {
    ...SHARED.PersistentIpNodePool,
    nodePoolArgs: true,
  } satisfies Named<PersistentIpNodePoolArgs>,
  PersistentIpPool: { ...SHARED.PersistentIpPool, deletionPolicy: true } satisfies Named<PersistentIpPoolArgs>,
  "PersistentIpPool.fromAddresses": SHARED[
    "PersistentIpPool.fromAddresses"
  ] satisfies Named<PersistentIpPoolFromAddressesArgs>,
  PinnedDeployment: { ...SHARED.PinnedDeployment, ...ROUTE_WAITING } satisfies Named<PinnedDeploymentArgs>,
  PinnedPodRoute: { ...SHARED.PinnedPodRoute, ...ROUTE_WAITING } satisfies Named<PinnedPodRouteArgs>,
  PinnedStatefulSet: { ...SHARED.PinnedStatefulSet, ...ROUTE_WAITING } satisfies Named<PinnedStatefulSetArgs>,
  PodNetwork: SHARED.PodNetwork satisfies Named<PodNetworkArgs>,
  podSetup: SHARED.podSetup satisfies Named<PodSetupArgs>,
};
