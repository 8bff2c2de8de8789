// How large the ranges of a cluster must be. A persistent address comes on top of them and replaces no Pod address.
import { baseOfCidr, cidrContains, isIPv4Cidr, RESERVED_IN_PRIMARY_RANGE } from "./address";
import { type ArgumentNames, checkAllNames, type Named } from "./argument-names";
import { Problems } from "./problems";

/** What {@link PodRangePlan.forNodes} takes. */
export interface PodRangePlanForNodesOptions {
  /**
   * The most nodes that the cluster will have, from 1. Count those that an upgrade adds for a while (surge) as well.
   * A larger number later needs larger ranges, or additional Pod ranges.
   */
  maxNodes: number;
  /**
   * The most Pods on one node, 8 to 256, with the system's own. Fixed when a node pool is created.
   *
   * @default 110
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/flexible-pod-cidr
   */
  maxPodsPerNode?: number | undefined;
  /**
   * The most Services, from 1, with the one of the API server.
   *
   * @default 4096
   */
  maxServices?: number | undefined;
  /**
   * How many internal persistent addresses are reserved in the range of the nodes. Each takes one address of it;
   * external ones take none.
   *
   * @default 0
   */
  internalAddresses?: number | undefined;
}

/** What {@link PodRangePlan.forRanges} takes. A range is a size, `/14`, or a range with its place, `10.8.0.0/14`. */
export interface PodRangePlanForRangesOptions {
  /** Range of all Pods of the cluster, for example `/14` or `10.8.0.0/14`. */
  podRange: string;
  /**
   * Primary range of the subnetwork, in which the nodes are.
   *
   * @default - as large as the nodes need that `podRange` has room for
   */
  nodeRange?: string | undefined;
  /**
   * Range of the Services.
   *
   * @default "/20"
   */
  serviceRange?: string | undefined;
  /**
   * The most Pods on one node, 8 to 256.
   *
   * @default - with `maxNodes` as many as `podRange` has room for, else 110
   */
  maxPodsPerNode?: number | undefined;
  /**
   * The most nodes, from 1. Ranges without room for them are reported.
   *
   * @default - as many as the ranges have room for
   */
  maxNodes?: number | undefined;
  /**
   * How many internal persistent addresses are reserved in the range of the nodes.
   *
   * @default 0
   */
  internalAddresses?: number | undefined;
}

/** The ranges of a cluster, and what they have room for. Plain data: the same numbers give the same plan. */
export interface PodRangePlan {
  /** The most nodes, as asked, or as many as the ranges have room for. */
  readonly maxNodes: number;
  /** The most Pods on one node. */
  readonly maxPodsPerNode: number;
  /** How many internal persistent addresses the range of the nodes has room for besides the nodes that were asked. */
  readonly internalAddresses: number;

  /** Size of the range that each node takes for its Pods, `/24` for 65 to 128 Pods: twice the Pods, as a power of two. */
  readonly podRangePerNode: string;
  /** How many addresses that is. */
  readonly podAddressesPerNode: number;
  /** Addresses of a node's range that no Pod can ever have: what is left of it at `maxPodsPerNode` Pods. */
  readonly spareAddressesPerNode: number;

  /** Range of all Pods: a size, or the range that was given. */
  readonly podRange: string;
  /** How many addresses it has. */
  readonly podAddresses: number;
  /** For how many nodes it has room. */
  readonly podRangeNodes: number;
  /** Addresses of the Pod range that belong to no node at `maxNodes` nodes. */
  readonly idlePodAddresses: number;

  /** Primary range of the subnetwork: a size, or the range that was given. */
  readonly nodeRange: string;
  /** Addresses in it that nodes and internal persistent addresses can have: four are reserved in every primary range. */
  readonly nodeAddresses: number;
  /** Range of the Services: a size, or the range that was given. */
  readonly serviceRange: string;
  /** How many addresses it has. */
  readonly serviceAddresses: number;
}

/** GKE's default (read 2026-11). */
const DEFAULT_MAX_PODS_PER_NODE = 110;
const MIN_PODS_PER_NODE = 8;
const MAX_PODS_PER_NODE = 256;
/** About 4,000 Services by default (training text on GKE Pod address planning). */
export const DEFAULT_SERVICE_RANGE = "/20";
/** The smallest subnetwork, and the largest private range (RFC 1918). */
const SMALLEST_PREFIX = 29;
const LARGEST_PREFIX = 8;

const addressesOf = (prefix: number): number => 2 ** (32 - prefix);
const prefixOf = (range: string): number => Number(range.slice(range.indexOf("/") + 1));
/** The smallest range with so many addresses; a prefix below 0 where there is none. */
const prefixFor = (addresses: number): number => 32 - Math.ceil(Math.log2(Math.max(1, addresses)));

/** The size of the range that a node takes: `maxPodsPerNode` up to a power of two, then doubled (Kubernetes Engine API). */
export function perNodePrefix(maxPodsPerNode: number): number {
  return prefixFor(maxPodsPerNode) - 1;
}

/** The most Pods of a node whose range has this size. */
export function podsOfPrefix(prefix: number): number {
  return Math.min(MAX_PODS_PER_NODE, addressesOf(prefix) / 2);
}

/** How many nodes a Pod range has room for. */
function nodesOfRange(podPrefix: number, nodePrefix: number): number {
  return nodePrefix < podPrefix ? 0 : 2 ** (nodePrefix - podPrefix);
}

/** Checks the most Pods of a node, wherever a program says it. */
export function checkMaxPodsPerNode(what: string, got: unknown, problems: Problems): got is number {
  const valid = Number.isSafeInteger(got) && Number(got) >= MIN_PODS_PER_NODE && Number(got) <= MAX_PODS_PER_NODE;
  if (!valid) problems.add(what, got, `use a whole number from ${MIN_PODS_PER_NODE} to ${MAX_PODS_PER_NODE}`);
  return valid;
}

/**
 * Plans the ranges of a cluster: from nodes and Pods to ranges, and the other way round.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/flexible-pod-cidr
 */
export const PodRangePlan = {
  /** The smallest ranges for so many nodes and Pods. Throws what is wrong with the numbers, and which to use instead. */
  forNodes(options: PodRangePlanForNodesOptions): PodRangePlan {
    return planned(options, FOR_NODES, (problems) => planForNodes(options, problems));
  },

  /** What given ranges have room for. Throws where that is less than `maxNodes` or `maxPodsPerNode` asks. */
  forRanges(options: PodRangePlanForRangesOptions): PodRangePlan {
    return planned(options, FOR_RANGES, (problems) => planForRanges(options, problems));
  },
};

const FOR_NODES: Named<PodRangePlanForNodesOptions> = {
  maxNodes: true,
  maxPodsPerNode: true,
  maxServices: true,
  internalAddresses: true,
};
const FOR_RANGES: Named<PodRangePlanForRangesOptions> = {
  podRange: true,
  nodeRange: true,
  serviceRange: true,
  maxPodsPerNode: true,
  maxNodes: true,
  internalAddresses: true,
};

function planned(
  options: unknown,
  names: ArgumentNames,
  plan: (problems: Problems) => PodRangePlan | undefined,
): PodRangePlan {
  const problems = new Problems();
  if (typeof options !== "object" || options === null) problems.add("options", options, "pass them as one object");
  else checkAllNames("", options, names, problems);
  const result = problems.lines.length > 0 ? undefined : plan(problems);
  if (result === undefined || problems.lines.length > 0) throw new Error(problems.message("PodRangePlan"));
  return result;
}

function planForNodes(options: PodRangePlanForNodesOptions, problems: Problems): PodRangePlan | undefined {
  const { maxNodes, maxPodsPerNode = DEFAULT_MAX_PODS_PER_NODE, maxServices, internalAddresses = 0 } = options;
  checkCount("maxNodes", maxNodes, 1, problems);
  checkMaxPodsPerNode("maxPodsPerNode", maxPodsPerNode, problems);
  if (maxServices !== undefined) checkCount("maxServices", maxServices, 1, problems);
  checkCount("internalAddresses", internalAddresses, 0, problems);
  if (problems.lines.length > 0) return undefined;

  const perNode = perNodePrefix(maxPodsPerNode);
  const pods = prefixFor(maxNodes * addressesOf(perNode));
  const nodes = nodePrefixFor(maxNodes + internalAddresses);
  const services = maxServices === undefined ? prefixOf(DEFAULT_SERVICE_RANGE) : prefixFor(maxServices);
  if (pods < LARGEST_PREFIX) {
    const most = nodesOfRange(LARGEST_PREFIX, perNode);
    problems.add(
      "maxNodes",
      maxNodes,
      `with ${maxPodsPerNode} Pods each they need more than 10.0.0.0/8 has: use at most ${most} nodes${fewerPods(LARGEST_PREFIX, maxNodes)}`,
    );
  } else if (nodes < LARGEST_PREFIX) {
    const most = addressesOf(LARGEST_PREFIX) - RESERVED_IN_PRIMARY_RANGE - maxNodes;
    problems.add("internalAddresses", internalAddresses, `use at most ${most} with ${maxNodes} nodes`);
  }
  if (services < LARGEST_PREFIX) {
    problems.add("maxServices", maxServices, `use at most ${addressesOf(LARGEST_PREFIX)}`);
  }
  return {
    ...numbers(maxNodes, maxPodsPerNode, pods, nodes, services),
    internalAddresses,
    podRange: `/${pods}`,
    nodeRange: `/${nodes}`,
    serviceRange: `/${services}`,
  };
}

function planForRanges(options: PodRangePlanForRangesOptions, problems: Problems): PodRangePlan | undefined {
  const { podRange, nodeRange, serviceRange = DEFAULT_SERVICE_RANGE, maxNodes, internalAddresses = 0 } = options;
  checkRange("podRange", podRange, "10.8.0.0/14", problems);
  if (nodeRange !== undefined) checkRange("nodeRange", nodeRange, "10.0.0.0/20", problems);
  checkRange("serviceRange", serviceRange, "10.4.0.0/20", problems);
  checkApart({ podRange, nodeRange, serviceRange }, problems);
  if (options.maxPodsPerNode !== undefined) {
    checkMaxPodsPerNode("maxPodsPerNode", options.maxPodsPerNode, problems);
  }
  if (maxNodes !== undefined) checkCount("maxNodes", maxNodes, 1, problems);
  checkCount("internalAddresses", internalAddresses, 0, problems);
  if (problems.lines.length > 0) return undefined;

  const pods = prefixOf(podRange);
  const asked = options.maxPodsPerNode ?? (maxNodes === undefined ? DEFAULT_MAX_PODS_PER_NODE : undefined);
  // Without a number of Pods each node takes the largest share that leaves one for all of them.
  const maxPodsPerNode = asked ?? Math.max(MIN_PODS_PER_NODE, podsOfPrefix(sharePrefix(pods, maxNodes ?? 1)));
  const perNode = perNodePrefix(maxPodsPerNode);
  const room = nodesOfRange(pods, perNode);
  if (room < (maxNodes ?? 1)) {
    const want = prefixFor((maxNodes ?? 1) * addressesOf(perNode));
    const larger = want < LARGEST_PREFIX ? `at most ${room} nodes` : `"/${want}" for ${counted(maxNodes ?? 1, "node")}`;
    problems.add(
      "podRange",
      podRange,
      `it has room for ${counted(room, "node")} with ${maxPodsPerNode} Pods each: use ${larger}${fewerPods(pods, maxNodes ?? 1)}`,
    );
    return undefined;
  }

  const nodes = nodeRange === undefined ? nodePrefixFor((maxNodes ?? room) + internalAddresses) : prefixOf(nodeRange);
  const hosts = addressesOf(nodes) - RESERVED_IN_PRIMARY_RANGE - internalAddresses;
  if (hosts < (maxNodes ?? 1)) {
    const besides = internalAddresses === 0 ? "" : ` besides ${counted(internalAddresses, "persistent address")}`;
    problems.add(
      nodeRange === undefined ? "internalAddresses" : "nodeRange",
      nodeRange ?? internalAddresses,
      `it has room for ${counted(Math.max(0, hosts), "node")}${besides}, four addresses are reserved: use "/${nodePrefixFor((maxNodes ?? 1) + internalAddresses)}" for ${counted(maxNodes ?? 1, "node")}`,
    );
    return undefined;
  }
  return {
    ...numbers(maxNodes ?? Math.min(room, hosts), maxPodsPerNode, pods, nodes, prefixOf(serviceRange)),
    internalAddresses,
    podRange,
    nodeRange: nodeRange ?? `/${nodes}`,
    serviceRange,
  };
}

function numbers(maxNodes: number, maxPodsPerNode: number, pods: number, nodes: number, services: number) {
  const perNode = perNodePrefix(maxPodsPerNode);
  const podAddressesPerNode = addressesOf(perNode);
  return {
    maxNodes,
    maxPodsPerNode,
    podRangePerNode: `/${perNode}`,
    podAddressesPerNode,
    spareAddressesPerNode: podAddressesPerNode - maxPodsPerNode,
    podAddresses: addressesOf(pods),
    podRangeNodes: nodesOfRange(pods, perNode),
    idlePodAddresses: addressesOf(pods) - maxNodes * podAddressesPerNode,
    nodeAddresses: addressesOf(nodes) - RESERVED_IN_PRIMARY_RANGE,
    serviceAddresses: addressesOf(services),
  };
}

const nodePrefixFor = (hosts: number): number =>
  Math.min(SMALLEST_PREFIX, prefixFor(hosts + RESERVED_IN_PRIMARY_RANGE));

/** The share of each node where a range is divided evenly among so many. */
const sharePrefix = (podPrefix: number, nodes: number): number => podPrefix + Math.ceil(Math.log2(nodes));

/** The way out that keeps the nodes: fewer Pods on each, where that is enough. */
function fewerPods(podPrefix: number, nodes: number): string {
  const pods = podsOfPrefix(sharePrefix(podPrefix, nodes));
  return pods < MIN_PODS_PER_NODE ? "" : `, or maxPodsPerNode: ${pods}`;
}

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? "" : noun.endsWith("s") ? "es" : "s"}`;

function checkCount(what: string, got: number, lowest: number, problems: Problems): void {
  if (Number.isSafeInteger(got) && got >= lowest) return;
  problems.add(what, got, `use a whole number from ${lowest}`);
}

/** A size such as `/14`, or a range such as `10.8.0.0/14`. */
function isRange(text: string): boolean {
  return isIPv4Cidr(text.startsWith("/") ? `0.0.0.0${text}` : text) && prefixOf(text) >= LARGEST_PREFIX;
}

/** Checks a range as `PodRangePlan` and clusters take it. */
export function checkRange(what: string, got: string, example: string, problems: Problems): void {
  if (typeof got === "string" && isRange(got)) return;
  const base = typeof got === "string" ? baseOfCidr(got) : undefined;
  const want =
    base !== undefined && isRange(base)
      ? `use "${base}"`
      : `use a size from "/8" to "/32", or a range, for example "${example}"`;
  problems.add(what, got, want);
}

/** Ranges with a place must not overlap. */
export function checkApart(ranges: Readonly<Record<string, string | undefined>>, problems: Problems): void {
  const placed = Object.entries(ranges).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && isIPv4Cidr(entry[1]),
  );
  placed.forEach(([what, range], index) => {
    for (const [earlier, other] of placed.slice(0, index)) {
      const [wide, narrow] = prefixOf(range) < prefixOf(other) ? [range, other] : [other, range];
      if (cidrContains(wide, narrow.split("/")[0] ?? "")) {
        problems.add(what, range, `it overlaps ${earlier} "${other}": use a range outside it`);
      }
    }
  });
}
