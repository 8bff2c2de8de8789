import fc from "fast-check";

import { UNKNOWN_CLUSTER } from "../../lib/model/cluster-facts";
import { LATER } from "../../lib/model/later";
import { gatewayObject, planPool, type PoolInput, type PoolPlan } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";
import { clusterFacts } from "../support/cluster-facts";

const documentationAddress = (index: number) => `203.0.113.${index + 1}`;
const addresses = (count: number) => Array.from({ length: count }, (_, index) => documentationAddress(index));

const cluster = clusterFacts({ dataplaneV2: true, podCidr: LATER, serviceCidr: LATER });

function plan(input: Partial<PoolInput>): { plan: PoolPlan; lines: readonly string[] } {
  const problems = new Problems();
  return { plan: planPool({ name: "n2", addresses: ["198.51.100.7"], ...input }, problems), lines: problems.lines };
}

test.each<[string, Partial<PoolInput>, string[]]>([
  [
    "an address that is nothing, as mocks give it",
    { addresses: ["198.51.100.7", undefined as never] },
    [
      "addresses[1]: got nothing; pass one IPv4 address; where it is that of a resource in a test, let the mocks answer with its address",
    ],
  ],
  ["a name in capitals", { name: "My_Pool" }, ['name: got "My_Pool"; use "my-pool"']],
  [
    "a name that cannot be mended",
    { name: "-" },
    [
      'name: got "-"; an object name has 1 to 253 lower-case letters, digits, "-" and ".", and starts and ends with a letter or digit',
    ],
  ],
  ["no addresses at all", { addresses: undefined }, ["addresses: got nothing; pass at least one address"]],
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
    "class and mode together",
    { mode: "standard", gatewayClassName: "gke-persistent-fast-regional-external-managed" },
    ['mode: got "standard"; gatewayClassName decides that already, leave one of the two out'],
  ],
  ["a mode in the wrong case", { mode: "Standard" as never }, ['mode: got "Standard"; use "standard"']],
  [
    "an unknown mode",
    { mode: "fast" as never },
    ['mode: got "fast"; use "standard", "fast-failover" or "load-balancing"'],
  ],
  [
    "a mode that podpin's controller does not serve",
    { controller: {}, mode: "load-balancing" },
    [
      'mode: got "load-balancing"; podpin\'s controller serves only "standard": leave mode out, or leave controller out on GKE',
    ],
  ],
  [
    "a private address in an external pool of GKE's",
    { addresses: ["10.0.0.5"] },
    ['addresses[0]: got "10.0.0.5"; that is a private address, set addressType: "INTERNAL"'],
  ],
  [
    "a private address in an external pool of podpin's on Google Cloud",
    { controller: {}, addresses: ["198.51.100.7", "172.31.0.5"] },
    ['addresses[1]: got "172.31.0.5"; that is a private address, set addressType: "INTERNAL"'],
  ],
  [
    "an address that was reserved with the other type",
    { addresses: ["198.51.100.7", LATER], adoptedFacts: [{ addressType: "INTERNAL" }, { addressType: "INTERNAL" }] },
    [
      'addresses[0]: got "198.51.100.7"; it was reserved with addressType "INTERNAL", and the pool is "EXTERNAL": make the two agree',
      'addresses[1]: got "a value that is not known yet"; it was reserved with addressType "INTERNAL", and the pool is "EXTERNAL": make the two agree',
    ],
  ],
  [
    "an address of another region",
    { adoptedFacts: [{ region: "europe-west1" }], cluster },
    [
      'addresses[0].region: got "europe-west1"; cluster "core" is in "us-central1", and addresses must be in its region',
    ],
  ],
  [
    "a cluster without Dataplane V2",
    { cluster: { ...cluster, dataplaneV2: false } },
    [
      'cluster: got "core"; it has no Dataplane V2, which GKE\'s own controller needs: use a cluster that has, or pass a controller',
    ],
  ],
  [
    "a cluster that is too old for load balancing",
    { cluster: { ...cluster, version: "1.32.3-gke.1000000" }, mode: "load-balancing" },
    [
      'cluster: got "core"; it has version "1.32.3-gke.1000000", and GKE has load balancing from 1.32.3-gke.1440000 on: upgrade it first',
    ],
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
    "a class of Google Cloud with a controller that has no access there",
    { controller: { googleCloud: false }, gatewayClassName: "podpin-regional-internal" },
    [
      'gatewayClassName: got "podpin-regional-internal"; that class needs Google Cloud, and the controller has no access to it: set googleCloudProject on the PersistentIpController, or use another class, for example "podpin-l2"',
    ],
  ],
  [
    "no class with a controller that has no access to Google Cloud",
    { controller: { googleCloud: false }, addressType: "INTERNAL" },
    [
      'gatewayClassName: got nothing; without it the class is "podpin-regional-internal", which needs Google Cloud, and the controller has no access to it: set googleCloudProject on the PersistentIpController, or use another class, for example "podpin-l2"',
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
  ["podpin's external class on Google Cloud", { controller: { googleCloud: true } }, "podpin-regional-external"],
  [
    "a class that is not led, without Google Cloud",
    { controller: { googleCloud: false }, gatewayClassName: "podpin-l2" },
    "podpin-l2",
  ],
  [
    "GKE's class where the controller serves it, without Google Cloud",
    {
      controller: { gkeClassFabric: "l2" as const, googleCloud: false },
      gatewayClassName: "gke-passthrough-lb-external-managed",
    },
    "gke-passthrough-lb-external-managed",
  ],
  [
    "GKE's class where the controller serves it",
    { controller: { gkeClassFabric: "l2" as const }, gatewayClassName: "gke-passthrough-lb-external-managed" },
    "gke-passthrough-lb-external-managed",
  ],
  ["GKE's fast external class", { mode: "fast-failover" as const }, "gke-persistent-fast-regional-external-managed"],
  [
    "GKE's fast internal class",
    { mode: "fast-failover" as const, addressType: "INTERNAL" as const },
    "gke-persistent-fast-regional-internal-managed",
  ],
  [
    "GKE's external class for load balancing",
    { mode: "load-balancing" as const },
    "gke-passthrough-lb-external-managed",
  ],
  [
    "GKE's internal class for load balancing",
    { mode: "load-balancing" as const, addressType: "INTERNAL" as const },
    "gke-passthrough-lb-internal-managed",
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

test("takes address type and mode from the name of a class that says them", () => {
  const kindOf = (input: Partial<PoolInput>) => {
    const { addressType, mode } = plan(input).plan;
    return [addressType, mode];
  };
  expect(kindOf({ gatewayClassName: "gke-passthrough-lb-internal-managed" })).toEqual(["INTERNAL", "load-balancing"]);
  expect(kindOf({ gatewayClassName: "gke-persistent-fast-regional-external-managed" })).toEqual([
    "EXTERNAL",
    "fast-failover",
  ]);
  expect(kindOf({ controller: {}, gatewayClassName: "podpin-regional-internal" })).toEqual(["INTERNAL", "standard"]);
});

test("lets classes that say nothing of the address type have private addresses, and be told the type", () => {
  const { lines } = plan({ controller: {}, gatewayClassName: "podpin-l2", addresses: ["10.0.0.5"] });
  const told = plan({ controller: {}, gatewayClassName: "podpin-l2", addressType: "INTERNAL" });
  expect([lines, told.lines, told.plan.addressType]).toEqual([[], [], "INTERNAL"]);
});

test("asks of a cluster only what is known of it, and nothing where podpin's controller runs the routes", () => {
  expect(plan({ cluster: UNKNOWN_CLUSTER }).lines).toEqual([]);
  const bare = { ...cluster, dataplaneV2: false, version: "1.30.1" };
  expect(plan({ cluster: bare, controller: {} }).lines).toEqual([]);
});
