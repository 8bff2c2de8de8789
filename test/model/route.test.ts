import fc from "fast-check";

import { MAX_ADDRESSES_PER_ROUTE } from "../../lib/model/gke-api";
import { LATER } from "../../lib/model/later";
import { planPool, type PoolInput, type PoolPlan } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";
import { planRoute, type RouteInput, type RoutePlan } from "../../lib/model/route";
import { routeObject } from "../../lib/model/route-object";

const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index + 1}`);

function pool(input: Partial<PoolInput> = {}): PoolPlan {
  const problems = new Problems();
  const planned = planPool(
    { name: "n2", addresses: ["198.51.100.7", "198.51.100.8"], allowedNamespaces: "All", controller: {}, ...input },
    problems,
  );
  expect(problems.lines).toEqual([]);
  return planned;
}

const ofSet = { statefulSet: { name: "db" }, ordinal: 1 };

function plan(input: Partial<RouteInput>): { plan: RoutePlan; lines: readonly string[] } {
  const problems = new Problems();
  return { plan: planRoute({ name: "db", pool: pool(), ...input }, problems), lines: problems.lines };
}

test.each<[string, Partial<RouteInput>, string[]]>([
  ["a name in capitals", { ...ofSet, name: "DB" }, ['name: got "DB"; use "db"']],
  [
    "a namespace that the pool does not admit",
    { ...ofSet, namespace: "edge", pool: pool({ allowedNamespaces: "Same" }) },
    [
      'namespace: got "edge"; pool "n2" admits only routes of its own namespace "default": set allowedNamespaces on the pool',
    ],
  ],
  [
    "a namespace that the pool's selector cannot match",
    {
      ...ofSet,
      namespace: "edge",
      pool: pool({ allowedNamespaces: "Selector", namespaceSelector: { "kubernetes.io/metadata.name": "core" } }),
    },
    ['namespace: got "edge"; the namespaceSelector of pool "n2" admits only namespace "core": change one of the two'],
  ],
  [
    "another namespace than the StatefulSet's",
    { statefulSet: { name: "db", namespace: "data" }, ordinal: 1, namespace: "edge" },
    [
      'namespace: got "edge"; the StatefulSet is in "data", and a route finds Pods only in its own namespace: use that, or leave namespace out',
    ],
  ],
  [
    "a Deployment for a StatefulSet",
    { statefulSet: { name: "db", givenKind: "Deployment" }, ordinal: 1 },
    ["statefulSet: got a Deployment; its Pods have no ordinals: pass a StatefulSet, or use PinnedDeployment"],
  ],
  [
    "a selector as kubectl takes it",
    { podSelector: "app=db" as never },
    ['podSelector: got "app=db"; write the labels as an object, for example { app: "web" }'],
  ],
  [
    "a selector as Kubernetes writes it",
    { podSelector: { matchLabels: { app: "db" } } as never },
    [
      'podSelector: got {"matchLabels":{"app":"db"}}; write the labels themselves, without matchLabels, for example { app: "web" }',
    ],
  ],
  [
    "a number for the value of a label",
    { podSelector: { version: 2 as never, canary: true as never } },
    [
      'podSelector["version"]: got 2; the value of a label is text: use "2"',
      'podSelector["canary"]: got true; the value of a label is text: use "true"',
    ],
  ],
  [
    "an entry that the pool does not have",
    { ...ofSet, addresses: [{ value: undefined as never }] },
    [
      'addresses[0]: got nothing; pool "n2" has pool.addresses[0] to pool.addresses[1] and no more: use one of those, or make the pool larger',
    ],
  ],
  [
    "an entry that a pool of one address does not have",
    { ...ofSet, pool: pool({ addresses: ["198.51.100.7"] }), addresses: [{ value: undefined as never }] },
    [
      'addresses[0]: got nothing; pool "n2" has pool.addresses[0] and no more: use one of those, or make the pool larger',
    ],
  ],
  [
    "neither a StatefulSet nor a selector",
    {},
    ["podSelector: got nothing; say which Pod: pass statefulSet and ordinal, or podSelector"],
  ],
  [
    "both a StatefulSet and a selector",
    { ...ofSet, podSelector: { app: "db" } },
    ['podSelector: got {"app":"db"}; statefulSet and ordinal choose the Pod already, leave one of the two out'],
  ],
  [
    "an empty selector",
    { podSelector: {} },
    ["podSelector: got {}; no labels match every Pod, name at least one label of the Pods"],
  ],
  [
    "a bad label key",
    { podSelector: { "app/": "db" } },
    [
      'podSelector: got "app/"; a label key has 1 to 63 letters, digits, "-", "_" and ".", starts and ends with a letter or digit, and may follow a DNS prefix as in "example.com/team"',
    ],
  ],
  [
    "a bad label value",
    { podSelector: { app: "my db" } },
    [
      'podSelector["app"]: got "my db"; a label value has at most 63 letters, digits, "-", "_" and ".", and starts and ends with a letter or digit',
    ],
  ],
  [
    "an ordinal without a StatefulSet",
    { podSelector: { app: "db" }, ordinal: 0 },
    ["ordinal: got 0; it counts only with statefulSet, leave it out"],
  ],
  [
    "a StatefulSet without an ordinal",
    { statefulSet: { name: "db" } },
    ["ordinal: got nothing; use the number at the end of the Pod's name, a whole number from 0"],
  ],
  [
    "half an ordinal",
    { statefulSet: { name: "db" }, ordinal: 1.5 },
    ["ordinal: got 1.5; use the number at the end of the Pod's name, a whole number from 0"],
  ],
  [
    "an ordinal that is no number",
    { statefulSet: { name: "db" }, ordinal: NaN },
    ["ordinal: got NaN; use the number at the end of the Pod's name, a whole number from 0"],
  ],
  [
    "an ordinal beyond the replicas",
    { statefulSet: { name: "db", replicas: 3 }, ordinal: 3 },
    ['ordinal: got 3; StatefulSet "db" has 3 replicas: use 0 to 2, or set replicas to at least 4'],
  ],
  [
    "an ordinal beyond the only replica",
    { statefulSet: { name: "db", replicas: 1 }, ordinal: 1 },
    ['ordinal: got 1; StatefulSet "db" has 1 replica: use 0, or set replicas to at least 2'],
  ],
  [
    "an ordinal of a StatefulSet without replicas",
    { statefulSet: { name: "db", replicas: 0 }, ordinal: 0 },
    ['ordinal: got 0; StatefulSet "db" has no replicas: set replicas to at least 1'],
  ],
  [
    "an ordinal below the first",
    { statefulSet: { name: "db", replicas: 2, firstOrdinal: 5 }, ordinal: 0 },
    ['ordinal: got 0; StatefulSet "db" starts at ordinal 5: use 5 to 6'],
  ],
  [
    "a name that no StatefulSet can have",
    { statefulSet: { name: "Db" }, ordinal: 0 },
    ['statefulSet: got "Db"; use the name of a StatefulSet, or the StatefulSet itself'],
  ],
  [
    "no addresses",
    { ...ofSet, addresses: [] },
    ["addresses: got []; pass at least one address of the pool, or leave it out for all of them"],
  ],
  [
    "an address that the pool does not list",
    { ...ofSet, addresses: [{ value: "203.0.113.9" }] },
    ['addresses[0]: got "203.0.113.9"; pool "n2" does not list it: add it to the pool, or use one of pool.addresses'],
  ],
  [
    "an address that another route has",
    { ...ofSet, addresses: [{ value: "198.51.100.8/32" }], claims: new Map([[1, { holder: 'PinnedPodRoute "web"' }]]) },
    [
      'addresses[0]: got "198.51.100.8/32"; PinnedPodRoute "web" has it already, and an address goes to one Pod: remove it from one of the two',
    ],
  ],
  [
    "an address that a StatefulSet has that takes all of the pool",
    {
      ...ofSet,
      addresses: [{ value: "198.51.100.8" }],
      claims: new Map([[1, { holder: 'PinnedStatefulSet "amf"', limit: "replicas" }]]),
    },
    [
      'addresses[0]: got "198.51.100.8"; PinnedStatefulSet "amf" has it already, as it takes all of the pool: set replicas there to leave this one free',
    ],
  ],
  [
    "an address of two that take all of the pool",
    { ...ofSet, claims: new Map([[1, { holder: 'PinnedDeployment "web"', limit: "addresses" }]]) },
    [
      'addresses[1]: got "198.51.100.8"; PinnedDeployment "web" has it already, and each of the two takes all of the pool: set addresses here and addresses there',
    ],
  ],
  [
    "an address that is not known yet, of a pool with several Gateways",
    { ...ofSet, pool: pool({ addresses: addresses(17) }), addresses: [{ value: LATER }] },
    [
      'addresses[0]: got "a value that is not known yet"; pool "n2" has several Gateways, and the preview must show which one: use pool.addresses[i]',
    ],
  ],
  [
    "an entry of pool.addresses twice while it is not known yet",
    {
      ...ofSet,
      pool: pool({ addresses: [LATER] }),
      addresses: [
        { value: LATER, position: 0 },
        { value: LATER, position: 0 },
      ],
    },
    ['addresses[1]: got "pool.addresses[0]"; list each address once'],
  ],
  [
    "a reaction mode in the wrong case",
    { ...ofSet, reactionMode: "exists" as never },
    ['reactionMode: got "exists"; use "Exists"'],
  ],
  [
    "an unknown reaction mode",
    { ...ofSet, reactionMode: "Ready" as never },
    ['reactionMode: got "Ready"; use "ReadyCondition" or "Exists"'],
  ],
  ["a network in capitals", { ...ofSet, network: "Blue_Network" }, ['network: got "Blue_Network"; use "blue-network"']],
  [
    "an unknown delivery",
    { ...ofSet, delivery: "dnat" as never },
    ['delivery: got "dnat"; use "app", "interface" or "nat"'],
  ],
  [
    "delivery interface where agents may not enter Pods",
    { ...ofSet, delivery: "interface" },
    [
      'delivery: got "interface"; the agents of its controller may not enter Pods: set interfaceDelivery: true on the PersistentIpController of pool "n2", or use "nat"',
    ],
  ],
  [
    "another delivery than GKE's on GKE's own provider",
    { ...ofSet, delivery: "nat", pool: pool({ controller: undefined }) },
    [
      'delivery: got "nat"; GKE\'s own provider knows only "app": leave delivery out, or pass a PersistentIpController to pool "n2"',
    ],
  ],
])("says what is wrong with %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});

test("takes delivery interface where agents may enter Pods", () => {
  const { plan: route, lines } = plan({
    ...ofSet,
    delivery: "interface",
    pool: pool({ controller: { interfaceDelivery: true } }),
  });
  expect([route.delivery, lines]).toEqual(["interface", []]);
});

test("refuses a Pod name that is too long for a label", () => {
  const name = "a".repeat(62);
  expect(plan({ statefulSet: { name }, ordinal: 1 }).lines).toEqual([
    `statefulSet: got "${name}"; the Pod name "${name}-1" is a label value, which has at most 63 characters: shorten the StatefulSet's name`,
  ]);
});

function objects(input: Partial<RouteInput>) {
  const { plan: route, lines } = plan(input);
  expect(lines).toEqual([]);
  return route.parts.map((part) =>
    routeObject(route, part, {
      namespace: route.namespace as string,
      gatewayNamespace: "default",
      network: route.network as string,
      podSelector: route.podSelector as object,
      cidrs: part.indexes.map((index) => `${String(route.addresses[index])}/32`),
    }),
  );
}

test("writes the route of the how-to, with podpin's delivery", () => {
  const [route, ...more] = objects({
    name: "my-pod-ips",
    namespace: "proxy-ss-ns",
    statefulSet: { name: "proxy-ss" },
    ordinal: 1,
  });
  expect(more).toEqual([]);
  expect(route).toEqual({
    apiVersion: "networking.gke.io/v1",
    kind: "GKEIPRoute",
    metadata: { name: "my-pod-ips", namespace: "proxy-ss-ns", annotations: { "podpin.dev/delivery": "nat" } },
    spec: {
      parentRefs: [{ name: "n2", namespace: "default" }],
      addresses: [
        { type: "gke.networking.io/cidr", value: "198.51.100.7/32" },
        { type: "gke.networking.io/cidr", value: "198.51.100.8/32" },
      ],
      network: "default",
      podSelector: { matchLabels: { "statefulset.kubernetes.io/pod-name": "proxy-ss-1" } },
      reactionMode: "ReadyCondition",
    },
  });
});

test.each(["app", undefined] as const)("writes no annotation on GKE's own provider with delivery %s", (delivery) => {
  const [route] = objects({ ...ofSet, delivery, pool: pool({ controller: undefined }) });
  expect(route?.metadata).toEqual({ name: "db", namespace: "default" });
});

test("takes the namespace of the StatefulSet", () => {
  expect(plan({ statefulSet: { name: "db", namespace: "data" }, ordinal: 0 }).plan.namespace).toBe("data");
});

test("gives one route to each Gateway that lists some of the addresses, in the order in which they appear", () => {
  const big = pool({ addresses: addresses(40) });
  const parts = plan({
    ...ofSet,
    pool: big,
    addresses: ["203.0.113.20", "203.0.113.1", "203.0.113.21"].map((value) => ({ value })),
  }).plan.parts;
  expect(parts.map(({ name, gateway, indexes }) => [name, gateway.name, indexes])).toEqual([
    ["db", "n2-2", [0, 2]],
    ["db-2", "n2", [1]],
  ]);
});

test("lists no more addresses in a route than GKE allows", () => {
  const { parts } = plan({ ...ofSet, pool: pool({ addresses: addresses(100) }) }).plan;
  expect(parts.map(({ indexes }) => indexes.length)).toEqual([16, 16, 16, 16, 16, 16, 4]);
  expect(MAX_ADDRESSES_PER_ROUTE).toBe(16);
});

test("appending addresses renames no route, moves no address, and no address is in two routes", () => {
  const big = pool({ addresses: addresses(64) });
  fc.assert(
    fc.property(fc.shuffledSubarray(addresses(64), { minLength: 1 }), fc.nat(), (chosen, cut) => {
      const count = (cut % chosen.length) + 1;
      const homes = (list: string[]) =>
        plan({ ...ofSet, pool: big, addresses: list.map((value) => ({ value })) }).plan.parts.flatMap(
          ({ name, gateway, indexes }) => indexes.map((index) => [index, name, gateway.name] as const),
        );
      const before = homes(chosen.slice(0, count));
      const after = homes(chosen);
      expect(after.filter(([index]) => index < count)).toEqual(before);
      expect(after.map(([index]) => index).sort((a, b) => a - b)).toEqual(chosen.map((_, index) => index));
    }),
  );
});
