import type { ClusterFacts } from "../../lib/model/cluster-facts";
import { LATER } from "../../lib/model/later";
import { type NodePoolInput, planNodePool } from "../../lib/model/node-pool";
import { Problems } from "../../lib/model/problems";
import { IN_POD_SYSCTLS } from "../../lib/model/sysctls";

const cluster = { name: "core", multiNetworking: true, version: LATER, autopilot: false } as ClusterFacts;

function plan(input: Partial<NodePoolInput>) {
  const problems = new Problems();
  return { plan: planNodePool({ name: "edge", cluster, ...input }, problems), lines: problems.lines };
}

test("one node in each zone where the program says nothing", () => {
  expect(plan({})).toMatchObject({ plan: { nodeCount: 1, maxNodeCount: undefined }, lines: [] });
});

test("the autoscaler starts at no nodes where the program gives only the most", () => {
  expect(plan({ maxNodeCount: 3 }).plan).toMatchObject({ nodeCount: undefined, minNodeCount: 0, maxNodeCount: 3 });
  expect(plan({ totalMaxNodeCount: 3 }).plan).toMatchObject({ totalMinNodeCount: 0, totalMaxNodeCount: 3 });
});

const network = { network: "blue", subnetwork: "blue" };
test.each<[string, Partial<NodePoolInput>, string[]]>([
  ["a name in capitals", { name: "Edge" }, ['name: got "Edge"; use "edge"']],
  [
    "a name without room for the suffix",
    { name: "a".repeat(33), longestSuffix: "-1234567" },
    [
      `name: got "${"a".repeat(33)}"; a name in GKE has 1 to 32 lower-case letters, digits and "-", starts with a letter and does not end with "-"`,
    ],
  ],
  [
    "sizes that cannot be",
    { nodeCount: -1, maxPodsPerNode: 7 },
    ["nodeCount: got -1; use a whole number from 0", "maxPodsPerNode: got 7; use a whole number from 8 to 256"],
  ],
  [
    "a size and limits",
    { nodeCount: 3, minNodeCount: 1, maxNodeCount: 5 },
    ["nodeCount: got 3; the autoscaler decides within its limits, leave out nodeCount or the limits"],
  ],
  ["half a limit", { minNodeCount: 1 }, ["minNodeCount: got 1; the autoscaler needs maxNodeCount as well"]],
  [
    "limits the wrong way round",
    { totalMinNodeCount: 6, totalMaxNodeCount: 5 },
    ["totalMinNodeCount: got 6; use at most totalMaxNodeCount, 5"],
  ],
  [
    "two kinds of limits",
    { maxNodeCount: 5, totalMaxNodeCount: 9 },
    ["totalMaxNodeCount: got 9; limits are per zone or in total, leave out maxNodeCount or totalMaxNodeCount"],
  ],
  [
    "networks in a cluster with one",
    { cluster: { ...cluster, multiNetworking: false }, additionalNodeNetworkConfigs: [network] },
    [
      'additionalNodeNetworkConfigs: got 1; cluster "core" has one network: create it with enableMultiNetworking: true, or leave them out',
    ],
  ],
  [
    "too many networks",
    { additionalNodeNetworkConfigs: Array(8).fill(network) },
    ["additionalNodeNetworkConfigs: got 8; a node has at most 7 networks besides the primary one"],
  ],
  [
    "networks half given",
    {
      additionalNodeNetworkConfigs: [{ network: "blue" } as never],
      additionalPodNetworkConfigs: [{ subnetwork: "blue", secondaryPodRange: "", maxPodsPerNode: 4 }],
    },
    [
      "additionalNodeNetworkConfigs[0].subnetwork: got nothing; pass the subnetwork of the interface",
      "additionalPodNetworkConfigs[0].secondaryPodRange: got nothing; pass the name of a secondary range of the subnetwork",
      "additionalPodNetworkConfigs[0].maxPodsPerNode: got 4; use a whole number from 8 to 256",
    ],
  ],
  [
    "Ubuntu before it had several networks",
    {
      cluster: { ...cluster, version: "1.31.4-gke.1183000" },
      imageType: "UBUNTU_CONTAINERD",
      additionalNodeNetworkConfigs: [network],
    },
    [
      'imageType: got "UBUNTU_CONTAINERD"; Ubuntu nodes have several networks from 1.32.3-gke.1785000 on, and the cluster has 1.31.4-gke.1183000: upgrade it, or use "COS_CONTAINERD"',
    ],
  ],
  [
    "Autopilot",
    { cluster: { ...cluster, autopilot: true } },
    ['cluster: got "core"; Autopilot has no node pools, use a Standard cluster'],
  ],
  [
    "kernel parameters that GKE cannot allow",
    {
      allowedUnsafeSysctls: ["net.ipv4.conf.*.arp_announce", "vm.swappiness", "*", "net.ipv4.*", ...IN_POD_SYSCTLS],
    },
    [
      'allowedUnsafeSysctls[0]: got "net.ipv4.conf.*.arp_announce"; "*" stands at the end only: name the interface, for example "net.ipv4.conf.eth0.arp_announce", or use "net.ipv4.conf.*"',
      'allowedUnsafeSysctls[1]: got "vm.swappiness"; GKE allows only those of "kernel.shm*", "kernel.msg*", "kernel.sem", "fs.mqueue.*" and "net.*"',
      'allowedUnsafeSysctls[2]: got "*"; use a kernel parameter, for example "net.ipv4.ip_nonlocal_bind", or a beginning of some, for example "net.ipv4.*"',
    ],
  ],
])("says what to change about %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});

test("what is not known yet is no mistake", () => {
  const later = { network: LATER, subnetwork: LATER } as const;
  const unknown = { ...cluster, name: LATER, multiNetworking: LATER, autopilot: LATER } as ClusterFacts;
  const input = { cluster: unknown, imageType: "UBUNTU_CONTAINERD", additionalNodeNetworkConfigs: [later] };
  expect(plan(input).lines).toEqual([]);
});
