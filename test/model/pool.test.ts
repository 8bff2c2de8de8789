import fc from "fast-check";

import { LATER } from "../../lib/model/later";
import { gatewayObject, planPool, type PoolInput, type PoolPlan } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";

const documentationAddress = (index: number) => `203.0.113.${index + 1}`;
const addresses = (count: number) => Array.from({ length: count }, (_, index) => documentationAddress(index));

function plan(input: Partial<PoolInput>): { plan: PoolPlan; lines: readonly string[] } {
  const problems = new Problems();
  return { plan: planPool({ name: "n2", addresses: ["198.51.100.7"], ...input }, problems), lines: problems.lines };
}

test.each<[string, Partial<PoolInput>, string[]]>([
  ["a name in capitals", { name: "My_Pool" }, ['name: got "My_Pool"; use "my-pool"']],
  [
    "a name that cannot be mended",
    { name: "-" },
    [
      'name: got "-"; an object name has 1 to 253 lower-case letters, digits, "-" and ".", and starts and ends with a letter or digit',
    ],
  ],
  [
    "no addresses at all",
    { addresses: undefined },
    [
      "addresses: got nothing; this version does not reserve addresses yet, pass those that you have to PersistentIpPool.fromAddresses",
    ],
  ],
  ["an empty list", { addresses: [] }, ["addresses: got []; pass at least one address"]],
  [
    "a range",
    { addresses: ["198.51.100.7", "10.0.0.5/24"] },
    ['addresses[1]: got "10.0.0.5/24"; use one address, for example "10.0.0.5" or "10.0.0.5/32"'],
  ],
  [
    "IPv6",
    { addresses: ["2001:db8::1"] },
    ['addresses[0]: got "2001:db8::1"; persistent addresses are IPv4 only, use an IPv4 address'],
  ],
  [
    "a host name",
    { addresses: ["db.example.com"] },
    ['addresses[0]: got "db.example.com"; use one IPv4 address, for example "198.51.100.7"'],
  ],
  [
    "a leading zero",
    { addresses: ["198.51.100.07"] },
    ['addresses[0]: got "198.51.100.07"; use one IPv4 address, for example "198.51.100.7"'],
  ],
  [
    "multicast",
    { addresses: ["224.0.0.1"] },
    ['addresses[0]: got "224.0.0.1"; no host can have that address, use a unicast address'],
  ],
  [
    "the same address twice in two spellings",
    { addresses: ["198.51.100.7", "198.51.100.7/32"] },
    ['addresses[1]: got "198.51.100.7/32"; that is addresses[0] already, list each address once'],
  ],
  ["a namespace in capitals", { namespace: "Edge" }, ['namespace: got "Edge"; use "edge"']],
  [
    "a namespace with a dot",
    { namespace: "a.b" },
    [
      'namespace: got "a.b"; a namespace name has 1 to 63 lower-case letters, digits and "-", and starts and ends with a letter or digit',
    ],
  ],
  [
    "an address type in the wrong case",
    { addressType: "internal" as never },
    ['addressType: got "internal"; use "INTERNAL"'],
  ],
  [
    "an unknown address type",
    { addressType: "public" as never },
    ['addressType: got "public"; use "EXTERNAL" or "INTERNAL"'],
  ],
  [
    "class and address type together",
    { addressType: "INTERNAL", gatewayClassName: "gke-persistent-regional-internal-managed" },
    ['addressType: got "INTERNAL"; gatewayClassName decides that already, leave one of the two out'],
  ],
  [
    "a class of podpin without its controller",
    { gatewayClassName: "podpin-l2" },
    ['gatewayClassName: got "podpin-l2"; podpin serves that class, pass its controller as well'],
  ],
  [
    "a class of GKE with a controller that does not serve it",
    { controller: {}, gatewayClassName: "gke-persistent-regional-external-managed" },
    [
      'gatewayClassName: got "gke-persistent-regional-external-managed"; on GKE Google serves that class, leave controller out; elsewhere set gkeClassFabric on the PersistentIpController',
    ],
  ],
  [
    "an unknown word for the namespaces",
    { allowedNamespaces: "Any" as never },
    ['allowedNamespaces: got "Any"; use "All", "Same" or "Selector"'],
  ],
  [
    "Selector without a selector",
    { allowedNamespaces: "Selector" },
    [
      'namespaceSelector: got nothing; allowedNamespaces: "Selector" needs the labels to select by, for example { team: "edge" }',
    ],
  ],
  [
    "a selector without Selector",
    { namespaceSelector: { team: "edge" } },
    ['namespaceSelector: got {"team":"edge"}; it counts only with allowedNamespaces: "Selector"'],
  ],
  [
    "an empty selector",
    { allowedNamespaces: "Selector", namespaceSelector: {} },
    ['namespaceSelector: got {}; no labels match every namespace, say that with allowedNamespaces: "All"'],
  ],
])("says what is wrong with %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});

test("collects every mistake of a pool in the order of its fields", () => {
  const { lines } = plan({
    name: "N2",
    addresses: ["::1", "10.0.0.5/24"],
    namespace: "A_b",
    allowedNamespaces: "all" as never,
  });
  expect(lines.map((line) => line.split(":")[0])).toEqual([
    "name",
    "addresses[0]",
    "addresses[1]",
    "namespace",
    "allowedNamespaces",
  ]);
});

test.each([
  ["GKE's external class", {}, "gke-persistent-regional-external-managed"],
  ["GKE's internal class", { addressType: "INTERNAL" as const }, "gke-persistent-regional-internal-managed"],
  ["podpin's external class", { controller: {} }, "podpin-regional-external"],
  ["podpin's internal class", { controller: {}, addressType: "INTERNAL" as const }, "podpin-regional-internal"],
  [
    "GKE's class where the controller serves it",
    { controller: { gkeClassFabric: "l2" as const }, gatewayClassName: "gke-passthrough-lb-external-managed" },
    "gke-passthrough-lb-external-managed",
  ],
])("chooses %s", (_, input, className) => {
  const { plan: pool, lines } = plan(input);
  expect(lines).toEqual([]);
  expect(pool.gateways[0]?.className).toBe(className);
});

test("writes the Gateway as the how-to has it", () => {
  const { plan: pool } = plan({ name: "allowed-pod-ips", allowedNamespaces: "All" });
  expect(gatewayObject(pool.gateways[0]!, { namespace: "default", cidrs: ["198.51.100.7/32"] })).toEqual({
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name: "allowed-pod-ips", namespace: "default" },
    spec: {
      gatewayClassName: "gke-persistent-regional-external-managed",
      listeners: [{ name: "default", port: 443, protocol: "none", allowedRoutes: { namespaces: { from: "All" } } }],
      addresses: [{ type: "gke.networking.io/cidr", value: "198.51.100.7/32" }],
    },
  });
});

test("puts the 17th address into a second Gateway", () => {
  const { plan: pool } = plan({ addresses: addresses(17) });
  expect(pool.gateways.map(({ name, positions }) => [name, positions.length])).toEqual([
    ["n2", 16],
    ["n2-2", 1],
  ]);
});

test("passes over addresses that are not known yet, but counts them", () => {
  const { plan: pool, lines } = plan({ addresses: [LATER, "198.51.100.8", LATER], namespace: LATER });
  expect(lines).toEqual([]);
  expect(pool.addresses).toEqual([LATER, "198.51.100.8", LATER]);
  expect(pool.gateways[0]?.positions).toEqual([0, 1, 2]);
});

test("growing a pool renames no Gateway and moves no address", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 120 }), fc.integer({ min: 0, max: 120 }), (count, more) => {
      const before = plan({ addresses: addresses(count) }).plan;
      const after = plan({ addresses: addresses(count + more) }).plan;
      const homes = (pool: PoolPlan) =>
        pool.gateways.flatMap(({ name, positions }) => positions.map((position) => [name, pool.addresses[position]]));
      expect(homes(after).slice(0, count)).toEqual(homes(before));
      expect(after.gateways.every(({ positions }) => positions.length <= 16)).toBe(true);
      const listed = after.gateways.flatMap(({ positions }) => positions);
      expect(new Set(listed).size).toBe(count + more);
    }),
  );
});
