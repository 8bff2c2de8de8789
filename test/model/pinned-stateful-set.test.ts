import fc from "fast-check";

import { LATER } from "../../lib/model/later";
import { planPinnedStatefulSet, type PinnedStatefulSetInput } from "../../lib/model/pinned-stateful-set";
import { podInterfaces } from "../../lib/model/pod-interfaces";
import type { PodTemplate } from "../../lib/model/pod-template";
import { planPool, type PoolInput, type PoolPlan } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";

const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index + 1}`);

function pool(count: number, input: Partial<PoolInput> = {}): PoolPlan {
  const named = {
    name: "n2",
    addresses: addresses(count),
    allowedNamespaces: "All",
    controller: {},
    ...input,
  } as const;
  return planPool(named, new Problems());
}

function plan(input: Partial<PinnedStatefulSetInput>) {
  const problems = new Problems();
  const set = { name: "db", replicas: 3 };
  const found = planPinnedStatefulSet({ name: "db", pool: pool(3), statefulSet: set, ...input }, problems);
  const pods = found.pods.map(({ ordinal, positions, route }) => [ordinal, route.parts[0]?.name, positions] as const);
  return { pods, lines: problems.lines };
}

const probed: PodTemplate = { spec: { containers: [{ readinessProbe: {} }] } };
const bare: PodTemplate = { spec: { containers: [{}] } };

test("gives Pod i the i-th address, in a route with the name of the set and the ordinal", () => {
  expect(plan({})).toEqual({
    pods: [
      [0, "db-0", [0]],
      [1, "db-1", [1]],
      [2, "db-2", [2]],
    ],
    lines: [],
  });
});

test.each<[string, Partial<PinnedStatefulSetInput>, readonly (readonly [number, readonly number[]])[]]>([
  [
    "several addresses for each Pod",
    { pool: pool(6), addressesPerPod: 2 },
    [
      [0, [0, 1]],
      [1, [2, 3]],
      [2, [4, 5]],
    ],
  ],
  [
    "a later part of the pool",
    { pool: pool(5), startIndex: 2 },
    [
      [0, [2]],
      [1, [3]],
      [2, [4]],
    ],
  ],
  [
    "some Pods only",
    { pool: pool(2), ordinals: { from: 1, to: 2 } },
    [
      [1, [0]],
      [2, [1]],
    ],
  ],
  [
    "a StatefulSet that starts elsewhere",
    { statefulSet: { name: "db", replicas: 2, firstOrdinal: 5 } },
    [
      [5, [0]],
      [6, [1]],
    ],
  ],
  [
    "a name with replicas",
    { statefulSet: { name: "db" }, replicas: 2 },
    [
      [0, [0]],
      [1, [1]],
    ],
  ],
  [
    "a StatefulSet that is not known yet: as many Pods as there are addresses for",
    { pool: pool(5), addressesPerPod: 2, statefulSet: { name: LATER, replicas: LATER, firstOrdinal: LATER } },
    [
      [0, [0, 1]],
      [1, [2, 3]],
    ],
  ],
])("plans %s", (_, input, expected) => {
  const { pods, lines } = plan(input);
  expect(lines).toEqual([]);
  expect(pods.map(([ordinal, , positions]) => [ordinal, positions])).toEqual(expected);
});

test.each<[string, Partial<PinnedStatefulSetInput>, string[]]>([
  [
    "too few addresses of a pool that reserves",
    { pool: { ...pool(3), reservation: {} as never }, statefulSet: { name: "db", replicas: 4 } },
    [
      'ordinals: got 3 addresses for 4 Pods of StatefulSet "db"; reserve 1 more (size: 4) or set ordinals: { from: 0, to: 2 }',
    ],
  ],
  [
    "too few addresses of a pool that adopts",
    { pool: pool(3), addressesPerPod: 2, statefulSet: { name: "db", replicas: 2 } },
    [
      'ordinals: got 3 addresses for 2 Pods of StatefulSet "db" at 2 each; add 1 more to pool "n2" or set ordinals: { from: 0, to: 0 }',
    ],
  ],
  [
    "addresses for no Pod at all",
    { pool: pool(1), addressesPerPod: 2, statefulSet: { name: "db", replicas: 1 } },
    ['ordinals: got 1 address for 1 Pod of StatefulSet "db" at 2 each; add 1 more to pool "n2"'],
  ],
  [
    "more routes than Pods, once the StatefulSet is known",
    { planned: { from: 0, to: 2 }, statefulSet: { name: "db", replicas: 2 } },
    [
      'replicas: got addresses for 3 Pods, and StatefulSet "db" has 2; say so with replicas: 2, and the others stay free',
    ],
  ],
  [
    "fewer routes than Pods, once the StatefulSet is known",
    { planned: { from: 0, to: 2 }, statefulSet: { name: "db", replicas: 4 } },
    [
      'ordinals: got 3 addresses for 4 Pods of StatefulSet "db"; add 1 more to pool "n2" or set ordinals: { from: 0, to: 2 }',
    ],
  ],
  [
    "another first ordinal, once the StatefulSet is known",
    { planned: { from: 0, to: 1 }, statefulSet: { name: "db", replicas: 2, firstOrdinal: 5 } },
    ['ordinals: got nothing; StatefulSet "db" starts at ordinal 5: set ordinals: { from: 5, to: 6 }'],
  ],
  [
    "another number of replicas than the StatefulSet's",
    { replicas: 2 },
    ['replicas: got 2; StatefulSet "db" has 3: give both the same number'],
  ],
  [
    "ordinals beyond the replicas",
    { pool: pool(5), ordinals: { from: 1, to: 4 } },
    [
      'ordinals: got {"from":1,"to":4}; StatefulSet "db" has the ordinals 0 to 2: use { from: 1, to: 2 }, or set its replicas to 5',
    ],
  ],
  [
    "a StatefulSet without replicas",
    { statefulSet: { name: "db", replicas: 0 } },
    ['replicas: got StatefulSet "db" with no replicas; set its replicas to at least 1'],
  ],
  [
    "no StatefulSet",
    { statefulSet: undefined },
    ["statefulSet: got nothing; pass the StatefulSet, or its name together with replicas"],
  ],
  [
    "numbers that are none",
    { addressesPerPod: 0, startIndex: 3, replicas: 1.5 },
    [
      "addressesPerPod: got 0; use a whole number from 1",
      'startIndex: got 3; pool "n2" has 3 addresses: use a whole number from 0 to 2',
      "replicas: got 1.5; use a whole number from 1, the replicas of the StatefulSet",
    ],
  ],
  [
    "ordinals from the larger to the smaller, and replicas besides",
    { ordinals: { from: 2, to: 1 }, replicas: 3 },
    [
      'ordinals: got {"from":2,"to":1}; use whole numbers from 0, from no larger than to, for example { from: 0, to: 2 }',
      "replicas: got 3; ordinals says which Pods, leave one of the two out",
    ],
  ],
  [
    "a Pod whose address another component has",
    { claims: new Map([[1, { holder: 'PinnedPodRoute "web"' }]]) },
    [
      'pool.addresses[1]: got "203.0.113.2"; PinnedPodRoute "web" has it already, and an address goes to one Pod: remove it from one of the two',
    ],
  ],
  [
    "a Pod whose address another component has, where nobody says how many Pods there are",
    { statefulSet: { name: "db" }, claims: new Map([[2, { holder: 'PinnedPodRoute "web"' }]]) },
    [
      'pool.addresses[2]: got "203.0.113.3"; PinnedPodRoute "web" has it already, and this takes all of the pool: set replicas to leave that one out',
    ],
  ],
  [
    "what is wrong with all Pods, once",
    { name: "DB", namespace: "edge", reactionMode: "exists" as never, pool: pool(3, { allowedNamespaces: "Same" }) },
    [
      'name: got "DB"; use "db"',
      'namespace: got "edge"; pool "n2" admits only routes of its own namespace "default": set allowedNamespaces on the pool',
      'reactionMode: got "exists"; use "Exists"',
    ],
  ],
  [
    "ReadyCondition without a readiness probe",
    { statefulSet: { name: "db", replicas: 3, template: bare } },
    [
      'reactionMode: got "ReadyCondition"; no container of StatefulSet "db" has a readinessProbe, so a Pod would have the addresses before it can answer: add a probe, or accept that with allowNoReadinessProbe: true',
    ],
  ],
  ["the same, accepted", { statefulSet: { name: "db", replicas: 3, template: bare }, allowNoReadinessProbe: true }, []],
  ["the same with Exists", { statefulSet: { name: "db", replicas: 3, template: bare }, reactionMode: "Exists" }, []],
  ["a probe", { statefulSet: { name: "db", replicas: 3, template: probed } }, []],
  [
    "a readiness gate",
    { statefulSet: { name: "db", replicas: 3, template: { spec: { containers: [{}], readinessGates: [{}] } } } },
    [],
  ],
  ["a template that is not known yet", { statefulSet: { name: "db", replicas: 3, template: LATER } }, []],
  [
    "Pods on their node's network",
    { statefulSet: { name: "db", replicas: 3, template: { spec: { ...probed.spec, hostNetwork: true } } } },
    [
      "statefulSet: got a Pod template with hostNetwork: true; such Pods have the addresses of their node, and none can be theirs: leave hostNetwork out",
    ],
  ],
  [
    "a network that the template has no interface on",
    { network: "blue-network", statefulSet: { name: "db", replicas: 3, template: probed } },
    [
      'network: got "blue-network"; the Pod template of StatefulSet "db" has no interface on it: spread podInterfaces([{ interfaceName: "eth1", network: "blue-network" }]) into the annotations of the template',
    ],
  ],
  [
    "a network that the template has no interface on, while it has others",
    {
      network: "blue-netwrok",
      statefulSet: {
        name: "db",
        replicas: 3,
        template: {
          ...probed,
          metadata: {
            annotations: podInterfaces([
              { interfaceName: "eth1", network: "blue-network" },
              { interfaceName: "eth2", network: "red" },
            ]),
          },
        },
      },
    },
    [
      'network: got "blue-netwrok"; the Pod template of StatefulSet "db" has interfaces on "blue-network" and "red" and none on it: use the right name, or list one on this network in podInterfaces',
    ],
  ],
])("judges %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});

test("more replicas and a larger pool rename no route and move no address, and no address is given twice", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 8 }),
      fc.integer({ min: 0, max: 4 }),
      fc.integer({ min: 1, max: 3 }),
      fc.nat({ max: 5 }),
      (replicas, more, addressesPerPod, startIndex) => {
        const at = (count: number, size: number) =>
          plan({ pool: pool(size), addressesPerPod, startIndex, statefulSet: { name: "db", replicas: count } }).pods;
        const size = startIndex + replicas * addressesPerPod;
        const before = at(replicas, size);
        const after = at(replicas + more, size + more * addressesPerPod);
        expect(after.slice(0, replicas)).toEqual(before);
        const given = after.flatMap(([, , positions]) => positions);
        expect(new Set(given).size).toBe((replicas + more) * addressesPerPod);
      },
    ),
  );
});
