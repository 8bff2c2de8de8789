import fc from "fast-check";

import { PodRangePlan } from "../../lib/model";
import { perNodePrefix, podsOfPrefix } from "../../lib/model/pod-ranges";

// The tables of the fact sheet, row by row.
test.each([
  [8, 8, "/28", 16],
  [9, 16, "/27", 32],
  [17, 32, "/26", 64],
  [33, 64, "/25", 128],
  [65, 128, "/24", 256],
  [129, 256, "/23", 512],
])("a node with %i to %i Pods takes %s, %i addresses", (least, most, range, addresses) => {
  for (const maxPodsPerNode of [least, most]) {
    const plan = PodRangePlan.forNodes({ maxNodes: 1, maxPodsPerNode });
    expect([plan.podRangePerNode, plan.podAddressesPerNode]).toEqual([range, addresses]);
    expect(plan.spareAddressesPerNode).toBe(addresses - maxPodsPerNode);
  }
  expect(podsOfPrefix(perNodePrefix(least))).toBe(most);
});

test("a node has 110 Pods where the program says nothing, and takes /24", () => {
  expect(PodRangePlan.forNodes({ maxNodes: 1 })).toMatchObject({
    maxPodsPerNode: 110,
    podRangePerNode: "/24",
    podAddressesPerNode: 256,
    spareAddressesPerNode: 146,
  });
});

const PODS = [8, 16, 32, 64, 110, 256];
test.each([
  ["/21", [128, 64, 32, 16, 8, 4]],
  ["/20", [256, 128, 64, 32, 16, 8]],
  ["/18", [1024, 512, 256, 128, 64, 32]],
  ["/16", [4096, 2048, 1024, 512, 256, 128]],
  ["/14", [16384, 8192, 4096, 2048, 1024, 512]],
])("a Pod range of %s has room for %j nodes with 8, 16, 32, 64, 110 and 256 Pods", (podRange, nodes) => {
  expect(PODS.map((maxPodsPerNode) => PodRangePlan.forRanges({ podRange, maxPodsPerNode }).podRangeNodes)).toEqual(
    nodes,
  );
  // And the other way round: exactly so many nodes need exactly that range.
  expect(
    PODS.map((maxPodsPerNode, at) => PodRangePlan.forNodes({ maxNodes: nodes[at]!, maxPodsPerNode }).podRange),
  ).toEqual(PODS.map(() => podRange));
});

test("GKE's default /14 has 262,144 addresses for 1,024 nodes, and 4,096 Services are /20", () => {
  expect(PodRangePlan.forRanges({ podRange: "/14" })).toEqual({
    maxNodes: 1024,
    maxPodsPerNode: 110,
    internalAddresses: 0,
    podRangePerNode: "/24",
    podAddressesPerNode: 256,
    spareAddressesPerNode: 146,
    podRange: "/14",
    podAddresses: 262144,
    podRangeNodes: 1024,
    idlePodAddresses: 0,
    nodeRange: "/21",
    nodeAddresses: 2044,
    serviceRange: "/20",
    serviceAddresses: 4096,
  });
});

test.each([
  [1, "/29", 4],
  [4, "/29", 4],
  [5, "/28", 12],
  [12, "/28", 12],
  [13, "/27", 28],
  [60, "/26", 60],
  [61, "/25", 124],
  [252, "/24", 252],
  [253, "/23", 508],
])("%i nodes need a primary range of %s, as four of its addresses are reserved", (maxNodes, range, usable) => {
  const plan = PodRangePlan.forNodes({ maxNodes });
  expect([plan.nodeRange, plan.nodeAddresses]).toEqual([range, usable]);
});

test("an internal persistent address takes an address of the nodes' range, and none of the Pods'", () => {
  const [without, with10] = [0, 10].map((internalAddresses) =>
    PodRangePlan.forNodes({ maxNodes: 60, internalAddresses }),
  );
  expect([without?.nodeRange, with10?.nodeRange]).toEqual(["/26", "/25"]);
  expect(with10?.podRange).toBe(without?.podRange);
});

test("says what a plan leaves idle", () => {
  expect(PodRangePlan.forNodes({ maxNodes: 100, maxPodsPerNode: 30 })).toMatchObject({
    podRange: "/19",
    podRangeNodes: 128,
    spareAddressesPerNode: 34,
    idlePodAddresses: 28 * 64,
  });
});

test.each([
  ["/16", 500, 64],
  ["/16", 512, 64],
  ["/16", 513, 32],
  ["/14", 1, 256],
  ["10.8.0.0/21", 128, 8],
])("%s for %i nodes leaves %i Pods for each", (podRange, maxNodes, pods) => {
  expect(PodRangePlan.forRanges({ podRange, maxNodes }).maxPodsPerNode).toBe(pods);
});

test("keeps the places of ranges, and counts the nodes that both ranges have room for", () => {
  expect(
    PodRangePlan.forRanges({ podRange: "10.8.0.0/14", nodeRange: "10.0.0.0/24", serviceRange: "10.4.0.0/22" }),
  ).toMatchObject({
    podRange: "10.8.0.0/14",
    nodeRange: "10.0.0.0/24",
    serviceRange: "10.4.0.0/22",
    serviceAddresses: 1024,
    podRangeNodes: 1024,
    maxNodes: 252,
  });
});

const plan = (options: object) => () => PodRangePlan.forNodes(options as never);
const ranges = (options: object) => () => PodRangePlan.forRanges(options as never);
test.each<[string, () => unknown, string[]]>([
  ["no number of nodes", plan({}), ["maxNodes: got nothing; use a whole number from 1"]],
  [
    "numbers that cannot be",
    plan({ maxNodes: 1.5, maxPodsPerNode: 300, maxServices: 0, internalAddresses: -1 }),
    [
      "maxNodes: got 1.5; use a whole number from 1",
      "maxPodsPerNode: got 300; use a whole number from 8 to 256",
      "maxServices: got 0; use a whole number from 1",
      "internalAddresses: got -1; use a whole number from 0",
    ],
  ],
  [
    "more nodes than there are private addresses",
    plan({ maxNodes: 70_000 }),
    [
      "maxNodes: got 70000; with 110 Pods each they need more than 10.0.0.0/8 has: use at most 65536 nodes, or maxPodsPerNode: 64",
    ],
  ],
  [
    "too many Services",
    plan({ maxNodes: 1, maxServices: 2 ** 25 }),
    ["maxServices: got 33554432; use at most 16777216"],
  ],
  [
    "too many persistent addresses",
    plan({ maxNodes: 10, internalAddresses: 2 ** 24 }),
    ["internalAddresses: got 16777216; use at most 16777202 with 10 nodes"],
  ],
  [
    "ranges that are none",
    ranges({ podRange: "10.9.0.1/14", nodeRange: "24", serviceRange: "/4" }),
    [
      'podRange: got "10.9.0.1/14"; use "10.8.0.0/14"',
      'nodeRange: got "24"; use a size from "/8" to "/32", or a range, for example "10.0.0.0/20"',
      'serviceRange: got "/4"; use a size from "/8" to "/32", or a range, for example "10.4.0.0/20"',
    ],
  ],
  [
    "ranges that overlap",
    ranges({ podRange: "10.8.0.0/14", nodeRange: "10.0.0.0/8", serviceRange: "10.9.0.0/20" }),
    [
      'nodeRange: got "10.0.0.0/8"; it overlaps podRange "10.8.0.0/14": use a range outside it',
      'serviceRange: got "10.9.0.0/20"; it overlaps podRange "10.8.0.0/14": use a range outside it',
      'serviceRange: got "10.9.0.0/20"; it overlaps nodeRange "10.0.0.0/8": use a range outside it',
    ],
  ],
  [
    "a Pod range that is too small",
    ranges({ podRange: "10.8.0.0/18", maxNodes: 100, maxPodsPerNode: 110 }),
    [
      'podRange: got "10.8.0.0/18"; it has room for 64 nodes with 110 Pods each: use "/17" for 100 nodes, or maxPodsPerNode: 64',
    ],
  ],
  [
    "a Pod range that is too small for one node",
    ranges({ podRange: "/26" }),
    ['podRange: got "/26"; it has room for 0 nodes with 110 Pods each: use "/24" for 1 node, or maxPodsPerNode: 32'],
  ],
  [
    "a Pod range that is too small whatever the Pods",
    ranges({ podRange: "/27", maxNodes: 10 }),
    ['podRange: got "/27"; it has room for 2 nodes with 8 Pods each: use "/24" for 10 nodes'],
  ],
  [
    "a primary range that is too small",
    ranges({ podRange: "/14", nodeRange: "10.0.0.0/26", maxNodes: 100, maxPodsPerNode: 110 }),
    ['nodeRange: got "10.0.0.0/26"; it has room for 60 nodes, four addresses are reserved: use "/25" for 100 nodes'],
  ],
  [
    "a primary range that is too small because of persistent addresses",
    ranges({ podRange: "/14", nodeRange: "/26", maxNodes: 60, internalAddresses: 1 }),
    [
      'nodeRange: got "/26"; it has room for 59 nodes besides 1 persistent address, four addresses are reserved: use "/25" for 60 nodes',
    ],
  ],
])("says what to change about %s", (_, make, lines) => {
  expect(make).toThrow(new Error(`PodRangePlan is not valid:\n${lines.map((line) => `  - ${line}`).join("\n")}`));
});

const sizes = { maxNodes: fc.integer({ min: 1, max: 15_000 }), maxPodsPerNode: fc.integer({ min: 8, max: 256 }) };

test("the way there and back gives room for as many nodes, and half the range would not", () => {
  fc.assert(
    fc.property(sizes.maxNodes, sizes.maxPodsPerNode, (maxNodes, maxPodsPerNode) => {
      const { podRange, nodeRange } = PodRangePlan.forNodes({ maxNodes, maxPodsPerNode });
      const back = PodRangePlan.forRanges({ podRange, nodeRange, maxPodsPerNode });
      expect(back.maxNodes).toBeGreaterThanOrEqual(maxNodes);
      const half = `/${Number(podRange.slice(1)) + 1}`;
      expect(ranges({ podRange: half, maxPodsPerNode, maxNodes })).toThrow("podRange");
      const fewer = `/${Number(nodeRange.slice(1)) + 1}`;
      if (nodeRange !== "/29") {
        expect(ranges({ podRange, nodeRange: fewer, maxPodsPerNode, maxNodes })).toThrow("nodeRange");
      }
    }),
  );
});

test("more nodes or Pods never need a smaller range, and nothing is lost in between", () => {
  fc.assert(
    fc.property(sizes.maxNodes, sizes.maxPodsPerNode, fc.nat(500), fc.nat(100), (nodes, pods, more, denser) => {
      const small = PodRangePlan.forNodes({ maxNodes: nodes, maxPodsPerNode: pods });
      const large = PodRangePlan.forNodes({ maxNodes: nodes + more, maxPodsPerNode: Math.min(256, pods + denser) });
      expect(large.podAddresses).toBeGreaterThanOrEqual(small.podAddresses);
      expect(large.nodeAddresses).toBeGreaterThanOrEqual(small.nodeAddresses);
      expect(small.idlePodAddresses + nodes * small.podAddressesPerNode).toBe(small.podAddresses);
      expect(small.podAddressesPerNode).toBeGreaterThanOrEqual(2 * pods);
      expect(small.podAddressesPerNode).toBeLessThan(4 * Math.max(pods, 8));
    }),
  );
});
