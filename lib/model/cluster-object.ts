// The cluster as the Pulumi provider and Config Connector take it. Both name the fields as the API does.
import type { ClusterPlan, ClusterValues } from "./cluster";
import type { PassThrough, Refusal } from "./pass-through";

/** The values of a cluster once each is known, or a promise of it. */
export interface ClusterObjectValues<T> extends Omit<ClusterValues<T>, "project" | "network" | "subnetwork"> {
  readonly workloadPool: T;
}

/** Fields with the same name and shape in both. */
export function clusterFields<T>(plan: ClusterPlan, values: ClusterObjectValues<T>): Record<string, unknown> {
  const { releaseChannel, defaultMaxPodsPerNode, enableMultiNetworking, datapathProvider } = plan;
  return {
    location: values.location,
    minMasterVersion: values.minMasterVersion,
    releaseChannel: releaseChannel === undefined ? undefined : { channel: releaseChannel },
    networkingMode: "VPC_NATIVE",
    ipAllocationPolicy: {
      clusterIpv4CidrBlock: values.clusterIpv4CidrBlock,
      clusterSecondaryRangeName: values.clusterSecondaryRangeName,
      servicesIpv4CidrBlock: values.servicesIpv4CidrBlock,
      servicesSecondaryRangeName: values.servicesSecondaryRangeName,
    },
    datapathProvider,
    enableMultiNetworking: enableMultiNetworking ? true : undefined,
    defaultMaxPodsPerNode,
    gatewayApiConfig: { channel: "CHANNEL_STANDARD" },
    workloadIdentityConfig: { workloadPool: values.workloadPool },
    // GKE makes no cluster without nodes; this pool goes as soon as the cluster is there.
    initialNodeCount: 1,
  };
}

const ARGUMENTS = {
  name: "the name",
  location: "location",
  minMasterVersion: "minMasterVersion",
  "releaseChannel.channel": "releaseChannel",
  "ipAllocationPolicy.clusterIpv4CidrBlock": "clusterIpv4CidrBlock",
  "ipAllocationPolicy.clusterSecondaryRangeName": "clusterSecondaryRangeName",
  "ipAllocationPolicy.servicesIpv4CidrBlock": "servicesIpv4CidrBlock",
  "ipAllocationPolicy.servicesSecondaryRangeName": "servicesSecondaryRangeName",
  datapathProvider: "datapathProvider",
  enableMultiNetworking: "enableMultiNetworking",
  defaultMaxPodsPerNode: "defaultMaxPodsPerNode",
};

const REFUSED: Readonly<Record<string, Refusal>> = {
  "workloadIdentityConfig.workloadPool": "workloadPool",
  clusterIpv4Cidr: "routesBased",
};

/** How `clusterArgs` of the Pulumi component meet its own fields. */
export function clusterArgsThrough(plan: ClusterPlan, given: PassThrough["given"]): PassThrough {
  return {
    what: "clusterArgs",
    given,
    arguments: {
      ...ARGUMENTS,
      project: "project",
      network: "network",
      subnetwork: "subnetwork",
      deletionProtection: "deletionProtection",
    },
    refused: {
      ...refused(plan, given),
      nodePools: "nodePools",
    },
  };
}

/** How `clusterSpec` of the CDK8s construct meets its own fields. */
export function clusterSpecThrough(plan: ClusterPlan, given: PassThrough["given"]): PassThrough {
  return {
    what: "clusterSpec",
    given,
    arguments: { ...ARGUMENTS, resourceID: "the id", networkRef: "network", subnetworkRef: "subnetwork" },
    refused: refused(plan, given),
  };
}

function refused(plan: ClusterPlan, given: PassThrough["given"]): Record<string, Refusal> {
  return {
    ...REFUSED,
    ...(given?.["enableAutopilot"] === false ? {} : { enableAutopilot: "autopilot" }),
    ...(isDualStack(given) && plan.enableMultiNetworking ? { "ipAllocationPolicy.stackType": "dualStack" } : {}),
    ...(hasManagedHubble(given) && plan.enableMultiNetworking ? { monitoringConfig: "managedHubble" } : {}),
  };
}

function isDualStack(given: PassThrough["given"]): boolean {
  const policy = given?.["ipAllocationPolicy"] as { readonly stackType?: unknown } | undefined;
  return policy?.stackType === "IPV4_IPV6";
}

/** GKE docs, "Set up multi-network support for Pods", read 2026-11. */
function hasManagedHubble(given: PassThrough["given"]): boolean {
  const monitoring = given?.["monitoringConfig"] as
    { readonly advancedDatapathObservabilityConfig?: { readonly enableRelay?: unknown } } | undefined;
  return monitoring?.advancedDatapathObservabilityConfig?.enableRelay === true;
}
