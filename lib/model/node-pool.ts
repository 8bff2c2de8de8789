// Nodes for Pods with persistent addresses, with further networks where Pods have several (GKE docs, "Set up multi-network
// support for Pods").
import { type ClusterFacts, isAtLeast } from "./cluster-facts";
import { checkGkeName } from "./gke-names";
import { isKnown, type MaybeLater } from "./later";
import { checkMaxPodsPerNode } from "./pod-ranges";
import type { Problems } from "./problems";
import { checkSysctlPatterns } from "./sysctls";

/** What a node pool takes in both flavours as plain values. */
export interface NodePoolOptions {
  /**
   * How many nodes in each zone of the cluster, from 0. A later change adds or removes nodes. Not together with the
   * limits of the autoscaler.
   *
   * @default 1, where the autoscaler has no limits
   */
  nodeCount?: number | undefined;
  /**
   * The fewest nodes in each zone, with `maxNodeCount`: the autoscaler decides in between. A later change takes effect
   * in place.
   *
   * @default 0, where `maxNodeCount` is given
   */
  minNodeCount?: number | undefined;
  /**
   * The most nodes in each zone: it switches the autoscaler on. A later change takes effect in place.
   *
   * @default - the autoscaler is off
   */
  maxNodeCount?: number | undefined;
  /**
   * The fewest nodes in all zones together, with `totalMaxNodeCount` and instead of `minNodeCount`. A later change
   * takes effect in place.
   *
   * @default 0, where `totalMaxNodeCount` is given
   */
  totalMinNodeCount?: number | undefined;
  /**
   * The most nodes in all zones together, instead of `maxNodeCount`: it switches the autoscaler on. A later change
   * takes effect in place.
   *
   * @default - the autoscaler is off
   */
  totalMaxNodeCount?: number | undefined;
  /**
   * The most Pods on one node, 8 to 256, with the system's own. It sets how large a range each node takes. Fixed at
   * creation: a change replaces the nodes.
   *
   * @default - that of the cluster
   */
  maxPodsPerNode?: number | undefined;
  /**
   * Unsafe kernel parameters that Pods on these nodes may set for themselves, by name or by beginning, `net.ipv4.*`.
   * With `IN_POD_SYSCTLS` a Pod can prepare itself for persistent addresses without privileges. With a later change GKE
   * updates the nodes, and Pods on them may move.
   *
   * @default - none
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/node-system-config
   */
  allowedUnsafeSysctls?: string[] | undefined;
}

/** A further network interface of the nodes, as a program knows it. */
export interface NodeNetworkInput {
  readonly network: MaybeLater<string>;
  readonly subnetwork: MaybeLater<string>;
}

/** A further range for Pods, as a program knows it. */
export interface PodNetworkInput {
  readonly subnetwork: MaybeLater<string>;
  readonly secondaryPodRange: MaybeLater<string>;
  readonly maxPodsPerNode?: number;
}

export interface NodePoolInput extends NodePoolOptions {
  readonly name: string;
  readonly cluster: ClusterFacts;
  readonly machineType?: MaybeLater<string>;
  readonly imageType?: MaybeLater<string>;
  readonly additionalNodeNetworkConfigs?: readonly NodeNetworkInput[];
  readonly additionalPodNetworkConfigs?: readonly PodNetworkInput[];
  /** What podpin may append to the name. */
  readonly longestSuffix?: string;
}

export interface NodePoolPlan extends NodePoolOptions {
  readonly name: string;
  readonly allowedUnsafeSysctls: string[];
}

/** The primary interface is the eighth (GKE docs, read 2026-11). */
const MAX_NODE_NETWORKS = 7;
/** The first GKE version whose Ubuntu nodes have several networks (GKE docs, read 2026-11). */
const UBUNTU_MULTI_NETWORK_VERSION = "1.32.3-gke.1785000";

/** Fills in the defaults of a node pool and reports what is wrong with it. */
export function planNodePool(input: NodePoolInput, problems: Problems): NodePoolPlan {
  const { name, cluster, maxPodsPerNode, allowedUnsafeSysctls = [] } = input;
  checkGkeName("name", name, problems, input.longestSuffix);
  const isScaled = checkSize(input, problems);
  if (maxPodsPerNode !== undefined) checkMaxPodsPerNode("maxPodsPerNode", maxPodsPerNode, problems);
  checkNetworks(input, problems);
  checkSysctlPatterns("allowedUnsafeSysctls", allowedUnsafeSysctls, problems);
  if (cluster.autopilot === true) {
    problems.add(
      "cluster",
      isKnown(cluster.name) ? cluster.name : "an Autopilot cluster",
      "Autopilot has no node pools, use a Standard cluster",
    );
  }
  return {
    name,
    nodeCount: isScaled ? undefined : (input.nodeCount ?? 1),
    minNodeCount: input.maxNodeCount === undefined ? undefined : (input.minNodeCount ?? 0),
    maxNodeCount: input.maxNodeCount,
    totalMinNodeCount: input.totalMaxNodeCount === undefined ? undefined : (input.totalMinNodeCount ?? 0),
    totalMaxNodeCount: input.totalMaxNodeCount,
    maxPodsPerNode,
    allowedUnsafeSysctls,
  };
}

const COUNTS = ["nodeCount", "minNodeCount", "maxNodeCount", "totalMinNodeCount", "totalMaxNodeCount"] as const;

/** @returns whether the autoscaler decides how many nodes there are */
function checkSize(input: NodePoolInput, problems: Problems): boolean {
  for (const count of COUNTS) {
    const lowest = count === "maxNodeCount" || count === "totalMaxNodeCount" ? 1 : 0;
    const got = input[count];
    if (got === undefined || (Number.isSafeInteger(got) && got >= lowest)) continue;
    problems.add(count, got, `use a whole number from ${lowest}`);
  }
  const { nodeCount, minNodeCount, maxNodeCount, totalMinNodeCount, totalMaxNodeCount } = input;
  const limits = [minNodeCount, maxNodeCount, totalMinNodeCount, totalMaxNodeCount].some(
    (limit) => limit !== undefined,
  );
  if (nodeCount !== undefined && limits) {
    problems.add("nodeCount", nodeCount, "the autoscaler decides within its limits, leave out nodeCount or the limits");
  }
  checkLimits(["minNodeCount", minNodeCount], ["maxNodeCount", maxNodeCount], problems);
  checkLimits(["totalMinNodeCount", totalMinNodeCount], ["totalMaxNodeCount", totalMaxNodeCount], problems);
  if (maxNodeCount !== undefined && totalMaxNodeCount !== undefined) {
    problems.add(
      "totalMaxNodeCount",
      totalMaxNodeCount,
      "limits are per zone or in total, leave out maxNodeCount or totalMaxNodeCount",
    );
  }
  return limits;
}

type Limit = readonly [name: string, value: number | undefined];
function checkLimits([least, lower]: Limit, [most, upper]: Limit, problems: Problems): void {
  if (lower === undefined) return;
  if (upper === undefined) problems.add(least, lower, `the autoscaler needs ${most} as well`);
  else if (lower > upper) problems.add(least, lower, `use at most ${most}, ${upper}`);
}

function checkNetworks(input: NodePoolInput, problems: Problems): void {
  const {
    cluster,
    imageType,
    additionalNodeNetworkConfigs: nodes = [],
    additionalPodNetworkConfigs: pods = [],
  } = input;
  const first = nodes.length > 0 ? "additionalNodeNetworkConfigs" : "additionalPodNetworkConfigs";
  const count = nodes.length > 0 ? nodes.length : pods.length;
  if (count > 0 && cluster.multiNetworking === false) {
    const name = isKnown(cluster.name) ? `cluster "${cluster.name}"` : "the cluster";
    problems.add(
      first,
      count,
      `${name} has one network: create it with enableMultiNetworking: true, or leave them out`,
    );
  }
  if (nodes.length > MAX_NODE_NETWORKS) {
    problems.add(
      "additionalNodeNetworkConfigs",
      nodes.length,
      `a node has at most ${MAX_NODE_NETWORKS} networks besides the primary one`,
    );
  }
  nodes.forEach(({ network, subnetwork }, index) => {
    const field = `additionalNodeNetworkConfigs[${index}]`;
    checkGiven(`${field}.network`, network, "pass the VPC network of the interface", problems);
    checkGiven(`${field}.subnetwork`, subnetwork, "pass the subnetwork of the interface", problems);
  });
  pods.forEach(({ subnetwork, secondaryPodRange, maxPodsPerNode }, index) => {
    const field = `additionalPodNetworkConfigs[${index}]`;
    checkGiven(`${field}.subnetwork`, subnetwork, "pass the subnetwork that has the range", problems);
    checkGiven(
      `${field}.secondaryPodRange`,
      secondaryPodRange,
      "pass the name of a secondary range of the subnetwork",
      problems,
    );
    if (maxPodsPerNode !== undefined) checkMaxPodsPerNode(`${field}.maxPodsPerNode`, maxPodsPerNode, problems);
  });
  if (count === 0 || imageType === undefined || !isKnown(imageType) || !/^ubuntu/i.test(imageType)) return;
  if (!isKnown(cluster.version) || isAtLeast(cluster.version, UBUNTU_MULTI_NETWORK_VERSION)) return;
  problems.add(
    "imageType",
    imageType,
    `Ubuntu nodes have several networks from ${UBUNTU_MULTI_NETWORK_VERSION} on, and the cluster has ${cluster.version}: upgrade it, or use "COS_CONTAINERD"`,
  );
}

function checkGiven(what: string, got: MaybeLater<string> | undefined, want: string, problems: Problems): void {
  if (got === undefined || got === "") problems.add(what, got, want);
}

/** The autoscaler's limits, as both the Pulumi provider and Config Connector take them. */
export function autoscalingOf(plan: NodePoolPlan): Record<string, unknown> | undefined {
  const { minNodeCount, maxNodeCount, totalMinNodeCount, totalMaxNodeCount } = plan;
  if (maxNodeCount === undefined && totalMaxNodeCount === undefined) return undefined;
  return { minNodeCount, maxNodeCount, totalMinNodeCount, totalMaxNodeCount };
}

/** Paths of a node pool that are an argument of the component, with its name. */
export const NODE_POOL_ARGUMENTS: Readonly<Record<string, string>> = {
  name: "the name",
  location: "cluster",
  nodeCount: "nodeCount",
  initialNodeCount: "nodeCount",
  "autoscaling.minNodeCount": "minNodeCount",
  "autoscaling.maxNodeCount": "maxNodeCount",
  "autoscaling.totalMinNodeCount": "totalMinNodeCount",
  "autoscaling.totalMaxNodeCount": "totalMaxNodeCount",
  maxPodsPerNode: "maxPodsPerNode",
  "networkConfig.additionalNodeNetworkConfigs": "additionalNodeNetworkConfigs",
  "networkConfig.additionalPodNetworkConfigs": "additionalPodNetworkConfigs",
  "nodeConfig.machineType": "machineType",
  "nodeConfig.imageType": "imageType",
  "nodeConfig.kubeletConfig.allowedUnsafeSysctls": "allowedUnsafeSysctls",
};

/** Pods get the identity of their ServiceAccount, not that of the node. */
export const WORKLOAD_METADATA = { mode: "GKE_METADATA" };
