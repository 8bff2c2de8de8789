// Names of arguments that nobody has: what JavaScript, a cast or a spread brings, in both flavours.
import * as pulumi from "@pulumi/pulumi";
import { App, Chart, type ApiObject } from "cdk8s";

import { PodRangePlan, podInterfaces } from "../../lib/model";
import * as constructs from "../../lib/cdk8s";
import * as components from "../../lib/pulumi";
import { saidBy } from "./said";

const warned: string[] = [];

beforeAll(async () => {
  await pulumi.runtime.setMocks({ newResource: ({ name, inputs }) => ({ id: name, state: inputs }), call: () => ({}) });
  jest.spyOn(pulumi.log, "warn").mockImplementation((text) => {
    warned.push(text);
    return Promise.resolve();
  });
  jest.spyOn(process, "emitWarning").mockImplementation((text) => void warned.push(String(text)));
});
beforeEach(() => warned.splice(0));
afterAll(() => jest.restoreAllMocks());

type Kind = Exclude<
  keyof typeof components & keyof typeof constructs,
  "podSetup" | "podInterfaces" | keyof typeof import("../../lib/model")
>;

const chart = () => new Chart(new App(), "test");
const both = (kind: Kind, args: unknown): string[] => [
  saidBy(() => new components[kind]("shaped", args as never)),
  saidBy(() => new constructs[kind](chart(), "shaped", args as never)),
];
const invalid = (kind: string, ...lines: string[]) =>
  [`${kind} "shaped" is not valid:`, ...lines.map((line) => `  - ${line}`)].join("\n");
const is = (name: string, shown: string, meant: string) =>
  `${name}: got ${shown}; that is the name of no argument: use ${meant}`;

const claims = new Map();
const pool = { claims };
const cluster = { facts: {} };

test.each<[Kind, object, string]>([
  ["PersistentIpPool", { regoin: "us-central1" }, is("regoin", '"us-central1"', "region")],
  ["PersistentIpPool", { Size: 2 }, is("Size", "2", "size")],
  [
    "PersistentIpPool",
    { namespace_selector: { team: "edge" } },
    is("namespace_selector", "a value", "namespaceSelector"),
  ],
  ["PinnedPodRoute", { pool, statefulset: "db" }, is("statefulset", '"db"', "statefulSet")],
  ["PinnedPodRoute", { pool, healthCheck: "amf" }, is("healthCheck", '"amf"', "healthCheckName")],
  ["PinnedStatefulSet", { pool, addressPerPod: 2 }, is("addressPerPod", "2", "addressesPerPod")],
  ["PinnedDeployment", { pool, podSelectors: pulumi.output({}) }, is("podSelectors", "a value", "podSelector")],
  ["PersistentIpFirewall", { pool, sourceRange: [] }, is("sourceRange", "a value", "sourceRanges")],
  ["PersistentIpHealthCheck", { prot: 80 }, is("prot", "80", "port")],
  ["PersistentIpController", { imgae: "x" }, is("imgae", '"x"', "image")],
  ["PersistentIpCluster", { locaton: "us-central1" }, is("locaton", '"us-central1"', "location")],
  ["PersistentIpNodePool", { cluster, machinetype: "n2" }, is("machinetype", '"n2"', "machineType")],
  ["PodNetwork", { subnetworks: ["a"] }, is("subnetworks", "a value", "subnetwork")],
  [
    "PersistentIpNodePool",
    { cluster, additionalPodNetworkConfigs: [{ subnetwork: "s", secondaryPodRange: "r", maxPodPerNode: 8 }] },
    is("additionalPodNetworkConfigs[0].maxPodPerNode", "8", "maxPodsPerNode"),
  ],
  [
    "PersistentIpController",
    { tolerations: [{ Key: "gpu", operator: "Exists" }] },
    is("tolerations[0].Key", '"gpu"', "key"),
  ],
  ["PinnedStatefulSet", { pool, ordinals: { form: 0, to: 2 } }, is("ordinals.form", "0", "from")],
])("%s is told of %j", (kind, args, line) => {
  expect(both(kind, args)).toEqual([invalid(kind, line), invalid(kind, line)]);
});

test("slips of factories and functions are told in both flavours", () => {
  const addresses = { adresses: ["198.51.100.7"] } as never;
  const lines = [is("adresses", "a value", "addresses"), "addresses: got nothing; use a list, even for one entry"];
  expect([
    saidBy(() => components.PersistentIpPool.fromAddresses("shaped", addresses)),
    saidBy(() => constructs.PersistentIpPool.fromAddresses(chart(), "shaped", addresses)),
  ]).toEqual(Array(2).fill(invalid("PersistentIpPool", ...lines)));

  const named = { clustername: "core", location: "us-central1" } as never;
  const line = is("clustername", '"core"', "clusterName");
  expect([
    saidBy(() => components.PersistentIpCluster.fromExisting("shaped", named)),
    saidBy(() => constructs.PersistentIpCluster.fromExisting(chart(), "shaped", named)),
  ]).toEqual(Array(2).fill(invalid("PersistentIpCluster", line)));

  const setup = `podSetup is not valid:\n  - ${is("replica", "3", "replicas")}`;
  for (const { podSetup } of [components, constructs]) {
    expect(saidBy(() => podSetup({ pool, image: "x", replica: 3 } as never))).toBe(setup);
  }
});

test("a prefix, which Pulumi alone has", () => {
  expect(saidBy(() => new components.ByoipPrefix("shaped", { advertizedRange: "203.0.113.0/24" } as never))).toBe(
    invalid("ByoipPrefix", is("advertizedRange", '"203.0.113.0/24"', "advertisedRange")),
  );
});

test("an option of the resource among the arguments is told where it belongs", () => {
  const provider = new pulumi.ComponentResource("test:index:Provider", "provider");
  expect(saidBy(() => new components.PersistentIpPool("shaped", { region: "us-central1", provider } as never))).toBe(
    invalid(
      "PersistentIpPool",
      "provider: got a value; that is an option of the resource: pass { provider: … } after the arguments",
    ),
  );
});

test("a name that resembles none does nothing, and is warned of once", () => {
  const args = { addresses: ["198.51.100.7"], team: "edge", owner: undefined };
  const warning =
    'PersistentIpPool "shaped" has no argument "team": what is given there does nothing. Leave it out, or use one of cluster, namespace, controller, gatewayClassName, addressType, mode, allowedNamespaces, namespaceSelector, addresses';
  components.PersistentIpPool.fromAddresses("shaped", args as never);
  expect(warned.splice(0)).toEqual([warning]);
  constructs.PersistentIpPool.fromAddresses(chart(), "shaped", args as never);
  expect(warned).toEqual([warning]);
});

test("names of podpin's own inner fields mean nothing as arguments", () => {
  const made = constructs.PersistentIpPool.fromAddresses(chart(), "pool", { addresses: ["198.51.100.7"] });
  const extra = { owner: "PinnedStatefulSet", limit: "replicas", workload: {}, kind: "PinnedDeployment" };
  const { routes } = new constructs.PinnedPodRoute(chart(), "shaped", {
    pool: made,
    podSelector: { app: "web" },
    ...extra,
  });
  expect(routes.map(({ name }: ApiObject) => name)).toEqual(["shaped"]);
  expect([...made.claims.values()]).toEqual([{ holder: 'PinnedPodRoute "shaped"', limit: "addresses" }]);
  expect(warned).toHaveLength(1);
});

test.each<[string, () => unknown, string]>([
  [
    "a slip",
    () => PodRangePlan.forNodes({ maxNode: 10 } as never),
    `PodRangePlan is not valid:\n  - ${is("maxNode", "10", "maxNodes")}`,
  ],
  [
    "a name that resembles none",
    () => PodRangePlan.forRanges({ podRange: "/14", pods: 32 } as never),
    `PodRangePlan is not valid:\n  - ${is("pods", "32", "podRange, nodeRange, serviceRange, maxPodsPerNode, maxNodes, internalAddresses")}`,
  ],
  [
    "no options",
    () => PodRangePlan.forNodes(undefined as never),
    "PodRangePlan is not valid:\n  - options: got nothing; pass them as one object",
  ],
  [
    "one interface without a list",
    () => podInterfaces({ interfaceName: "eth1", network: "blue" } as never),
    'podInterfaces is not valid:\n  - interfaces: got {"interfaceName":"eth1","network":"blue"}; use a list, for example [{ interfaceName: "eth1", network: "blue" }]',
  ],
  [
    "interfaces in other words",
    () => podInterfaces([{ name: "eth1", network: "blue" }, "eth2"] as never),
    [
      "podInterfaces is not valid:",
      `  - ${is("interfaces[0].name", '"eth1"', "interfaceName, network")}`,
      '  - interfaces[0].interfaceName: got nothing; use the name of the interface, for example "eth1"',
      '  - interfaces[1]: got "eth2"; use an object, for example { interfaceName: "eth1", network: "blue" }',
    ].join("\n"),
  ],
])("functions without a framework are told of %s", (_, make, expected) => {
  expect(saidBy(make)).toBe(expected);
});

test("options that do nothing for a component are warned of, and those that are heeded are not", () => {
  const opts = { ignoreChanges: ["spec"], customTimeouts: { create: "1m" }, protect: true, retainOnDelete: true };
  components.PersistentIpPool.fromAddresses("shaped", { addresses: ["198.51.100.7"] }, opts);
  expect(warned).toEqual([
    'PersistentIpPool "shaped" has customTimeouts, ignoreChanges among its options, which Pulumi heeds for no object inside a component: set it there, by transforms',
  ]);
});
