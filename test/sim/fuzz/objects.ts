// Object sets from a number: what a user, a cluster and chance can put into the API. By hand and not with fast-check, which
// needs a thousand times as long for one; what a number gives can be had again.
import { Delivery } from "../../../lib/model/binding";
import { ReactionMode } from "../../../lib/model/gke-api";
import { Random } from "../random";

type Json = unknown;
type Fields = Record<string, Json>;

export interface ObjectSet {
  readonly seed: number;
  readonly route: Fields;
  readonly rivals: ReadonlyMap<string, string>;
  readonly classes: readonly Fields[];
  readonly gateways: readonly Fields[];
  readonly networks: readonly Fields[];
  readonly namespaces: readonly Fields[];
  readonly nodes: readonly Fields[];
  readonly pods: readonly Fields[];
  readonly bindings: readonly Fields[];
  /** What somebody has deleted, of other addresses. */
  readonly deleted: readonly Fields[];
  /** Objects with nothing sound in them, of no name that is used otherwise. */
  readonly garbage: readonly Json[];
  readonly now: number;
}

export const FUZZ_NODE = "node1";
const ADDRESSES = ["198.51.100.9", "198.51.100.10", "198.51.100.11"] as const;
const NODES = [FUZZ_NODE, "node2", "node3"] as const;
const TIMES = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-02-01T00:00:00Z", "soon", ""] as const;
const TEXTS = [
  "",
  " ",
  "0",
  "node1",
  "198.51.100.10",
  "198.51.100.10/32",
  "198.51.100.10/24",
  "256.1.1.1",
  "2001:db8::1/128",
  "1.1.1.1; flush ruleset",
  "a\nb",
  "\u0000",
  "\ud800",
  "ü".repeat(70),
  "__proto__",
  "constructor",
  "x".repeat(300),
] as const;
const NUMBERS = [0, -1, 1, 2, 3.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e300] as const;

export function objectSet(seed: number): ObjectSet {
  const random = new Random(seed);
  const some = <T>(most: number, make: (n: number) => T): T[] =>
    Array.from({ length: random.between(0, most) }, (_, n) => make(n));
  const maybe = <T>(probability: number, make: () => T): T | undefined =>
    random.chance(probability) ? make() : undefined;
  const meta = (name: string, more: Fields = {}): Fields => ({
    name,
    uid: `${name}-uid`,
    resourceVersion: String(random.between(1, 99)),
    generation: random.between(1, 3),
    creationTimestamp: random.pick(TIMES),
    ...more,
  });
  const typed = (address: string): Fields => ({ type: "gke.networking.io/cidr", value: `${address}/32` });
  const podIp = (node: string): string => `10.244.${NODES.indexOf(node as "node1") + 1}.${random.between(5, 7)}`;
  const condition = (type: string): Fields => ({
    type,
    status: random.pick(["True", "False", "Unknown"]),
    reason: random.pick(["Ready", "Mutated", "ProgrammingComplete"]),
    message: "as before",
    observedGeneration: random.between(1, 3),
    lastTransitionTime: random.pick(TIMES),
  });
  const addresses = ADDRESSES.filter(() => random.chance(0.6));
  const deleting = maybe(0.1, () => random.pick(TIMES));

  const route: Fields = {
    metadata: meta("route", {
      namespace: "edge",
      annotations: { "podpin.dev/delivery": random.pick([...Object.values(Delivery), "teleport"]) },
      ...(deleting !== undefined && { deletionTimestamp: deleting }),
      ...(random.chance(0.5) && {
        finalizers: ["podpin.dev/addresses", "example.com/other"].slice(random.between(0, 1)),
      }),
    }),
    spec: {
      parentRefs: [{ name: random.pick(["allowed", "allowed", "allowed", "nowhere"]), namespace: "default" }],
      addresses: addresses.map(typed),
      network: random.pick(["default", "default", "default", "blue", "red"]),
      podSelector: random.pick<Json>([
        { matchLabels: { app: "web" } },
        { matchLabels: { app: "web" } },
        { matchExpressions: [{ key: "app", operator: "In", values: ["web", "db"] }] },
        { matchExpressions: [{ key: "app", operator: "Near" }] },
        {},
      ]),
      reactionMode: random.pick([...Object.values(ReactionMode), "Sometimes"]),
    },
    ...(random.chance(0.5) && {
      status: {
        pods: some(1, (n) => `pod-${n}`),
        conditions: ["Accepted", "GCPReady", "DPV2Ready", "Ready"].map(condition),
      },
    }),
  };
  const pods = some(4, (n): Fields => {
    const node = random.pick(NODES);
    return {
      metadata: meta(`pod-${n}`, {
        namespace: "edge",
        labels: { app: random.pick(["web", "web", "db"]) },
        ...(random.chance(0.2) && { deletionTimestamp: random.pick(TIMES) }),
        ...(random.chance(0.2) && {
          annotations: {
            "networking.gke.io/pod-ips": random.pick(["[]", "{", '[{"networkName":"blue","ip":"10.9.0.5"}]', "null"]),
          },
        }),
      }),
      spec: { nodeName: random.chance(0.9) ? node : undefined, hostNetwork: maybe(0.1, () => true) },
      status: {
        phase: random.pick(["Running", "Running", "Running", "Pending", "Failed"]),
        podIP: maybe(0.8, () => podIp(node)),
        conditions: [condition("Ready")],
      },
    };
  });
  const [present, absent] = split(random, ADDRESSES, 0.6);
  const anyBinding = (address: string): Fields => {
    const node = random.pick(NODES);
    const pod = random.between(0, 4);
    const owned = random.chance(0.8);
    const epoch = random.between(1, 4);
    return {
      metadata: meta(address),
      spec: {
        address,
        epoch,
        route: {
          namespace: "edge",
          name: random.pick(["route", "route", "other"]),
          uid: random.pick(["route-uid", "route-uid", "older-uid"]),
        },
        nodeName: owned ? node : "",
        ...(owned && { owner: { podName: `pod-${pod}`, podUid: `pod-${pod}-uid`, podIp: podIp(node) } }),
        ...(random.chance(0.5) && {
          releasing: {
            nodeName: random.pick(NODES),
            epoch: random.between(0, epoch),
            forwardTo: random.pick(["172.30.0.11", "172.30.0.12", "", "nowhere"]),
            wait: random.chance(0.5),
          },
        }),
        ...(random.chance(0.4) && {
          standby: {
            nodeName: random.pick(NODES),
            podName: `pod-${pod + 1}`,
            podUid: random.pick([`pod-${pod + 1}-uid`, ""]),
            podIp: random.pick([podIp(node), "nowhere"]),
          },
        }),
        delivery: random.pick(Object.values(Delivery)),
        fabric: random.pick(["l2", "l2", "none", "gce"]),
        network: random.pick(["default", "default", "blue"]),
      },
      status: {
        acks: NODES.filter(() => random.chance(0.4)).map((nodeName) => ({
          nodeName,
          epoch: random.between(1, 4),
          podUid: random.pick([`pod-${pod}-uid`, "pod-0-uid", ""]),
          state: random.pick(["Programmed", "Announced", "Released", "Failed"]),
          ...(random.chance(0.2) && { reason: random.pick(["PodInterfaceGone", "KernelRefused"]), message: "why" }),
        })),
      },
    };
  };
  const set: ObjectSet = {
    seed,
    route,
    rivals: new Map(ADDRESSES.filter(() => random.chance(0.1)).map((address) => [address, "edge/older"])),
    classes: [
      {
        metadata: meta("podpin-l2", {
          annotations: { "podpin.dev/fabric": random.pick(["l2", "l2", "none", "wire"]) },
        }),
        spec: {
          controllerName: random.pick([
            "podpin.dev/persistent-ip-controller",
            "podpin.dev/persistent-ip-controller",
            "example.com/x",
          ]),
        },
      },
    ],
    gateways: [
      {
        metadata: meta("allowed", { namespace: "default" }),
        spec: {
          gatewayClassName: "podpin-l2",
          addresses: ADDRESSES.slice(random.between(0, 1)).map(typed),
          listeners: [
            {
              name: "default",
              port: 443,
              protocol: "none",
              allowedRoutes: {
                namespaces: random.pick<Json>([
                  { from: "All" },
                  { from: "Same" },
                  { from: "Selector", selector: { matchLabels: { team: "a" } } },
                ]),
              },
            },
          ],
        },
      },
    ],
    networks: [{ metadata: meta("blue"), spec: { type: "L3" }, status: { conditions: [condition("Ready")] } }],
    namespaces: [{ metadata: { name: "edge", labels: { team: random.pick(["a", "b"]) } } }],
    nodes: NODES.filter(() => random.chance(0.9)).map((name, n) => ({
      metadata: meta(name),
      spec: { podCIDRs: [`10.244.${n + 1}.0/24`], unschedulable: maybe(0.2, () => true) },
      status: { addresses: [{ type: "InternalIP", address: `172.30.0.1${n + 1}` }], conditions: [condition("Ready")] },
    })),
    pods,
    bindings: present.map(anyBinding),
    deleted: split(random, absent, 0.5)[0].map(anyBinding),
    garbage: some(2, () => value(random, 0)),
    now: random.between(0, 100_000),
  };
  // Half of the sets are what schemas let through; in the others somebody has been at the objects.
  const broken = random.chance(0.5) ? random.between(1, 3) : 0;
  for (let n = 0; n < broken; n++) {
    const objects = [
      set.route,
      ...set.classes,
      ...set.gateways,
      ...set.networks,
      ...set.namespaces,
      ...set.nodes,
      ...set.pods,
      ...set.bindings,
      ...set.deleted,
    ];
    breakSomething(random, random.pick(objects));
  }
  return set;
}

function split<T>(random: Random, all: readonly T[], chance: number): [yes: T[], no: T[]] {
  const yes = all.filter(() => random.chance(chance));
  return [yes, all.filter((one) => !yes.includes(one))];
}

/** Puts something else in the place of some field of the object, however deep, or takes it away, or doubles an entry. */
function breakSomething(random: Random, object: Fields): void {
  let at: Fields = object;
  for (let depth = 0; depth < 8; depth++) {
    const names = Object.keys(at);
    if (names.length === 0) return;
    const name = random.pick(names);
    const inner = at[name];
    if (typeof inner === "object" && inner !== null && random.chance(0.8)) {
      at = inner as Fields;
      continue;
    }
    if (Array.isArray(at) && random.chance(0.3)) at.push(structuredClone(inner));
    else if (random.chance(0.2)) {
      if (Array.isArray(at)) at.splice(Number(name), 1);
      else Reflect.deleteProperty(at, name);
    } else at[name] = value(random, 0);
    return;
  }
}

/** Anything that JSON can say. */
function value(random: Random, depth: number): Json {
  const kind = random.between(0, depth > 2 ? 4 : 6);
  if (kind === 0) return null;
  if (kind === 1) return random.chance(0.5);
  if (kind === 2) return random.pick(NUMBERS);
  if (kind <= 4) return random.pick(TEXTS);
  if (kind === 5) return Array.from({ length: random.between(0, 3) }, () => value(random, depth + 1));
  const names = ["metadata", "name", "spec", "status", "conditions", "type", "x"];
  return Object.fromEntries(
    Array.from({ length: random.between(0, 3) }, () => [random.pick(names), value(random, depth + 1)]),
  );
}
