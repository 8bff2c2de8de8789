// What can happen. Each event picks its victim by number from what exists when it happens, so that a schedule from which
// events were taken out still means something.
import type { AddressBinding } from "../../lib/model/binding";
import { GKE_CONTROLLER_NAME, PODPIN_CONTROLLER_NAME } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject, type Pod } from "../../lib/model/kubernetes";
import { CLOUD_EVENTS } from "./cloud-events";
import type { SimNode } from "./node";
import { groupOf } from "./pods";
import { connect, type Running } from "./processes";
import { REQUEST_FAULTS } from "./sim-kube";
import { ADDRESSES, GROUPS, NAMESPACE, type World } from "./world";

export interface SimEvent {
  /** Milliseconds since the start. */
  readonly at: number;
  readonly kind: EventKind;
  /** Which of those that could be hit. */
  readonly which: number;
  /** Variant. */
  readonly how: number;
  /** How long it lasts, where it lasts. */
  readonly ms: number;
}

type Happen = (world: World, event: SimEvent) => void;

const [A, B, C] = ADDRESSES;

const nodeOf = (world: World, { which }: SimEvent): SimNode => world.nodes[which % world.nodes.length]!;
const podOf = (world: World, { which }: SimEvent): Pod | undefined => {
  const pods = world.pods.all().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  return pods[which % Math.max(1, pods.length)];
};
const running = (world: World): Running[] => [
  ...world.processes.agents.values(),
  ...world.processes.controllers.filter((c) => c !== undefined),
];

/** Pods, their interfaces and addresses. */
const POD_EVENTS = {
  "pod created": (world, event) => {
    if (world.pods.all().length > 6) return;
    world.pods.create(nodeOf(world, event), GROUPS[event.how % 2]!, event.how % 3 > 0);
  },
  "pod deleted": (world, event) => {
    const pod = podOf(world, event);
    if (pod !== undefined) world.pods.delete(pod, false);
  },
  "pod removed by force": (world, event) => {
    const pod = podOf(world, event);
    if (pod !== undefined) world.pods.delete(pod, true);
  },
  "pod replaced": (world, event) => {
    const pod = podOf(world, event);
    if (pod === undefined) return;
    world.pods.delete(pod, event.how % 4 === 0);
    world.pods.create(
      event.how % 3 === 0 ? nodeOf(world, event) : (world.pods.nodeOf(pod) ?? nodeOf(world, event)),
      groupOf(pod),
      true,
    );
  },
  "readiness flips": (world, event) => {
    const pod = podOf(world, event);
    if (pod === undefined) return;
    const uid = pod.metadata.uid ?? "";
    world.pods.setUnready(pod, !world.pods.unready.has(uid));
    if (event.how % 2 === 0) world.after(event.ms / 4, () => world.pods.setUnready(pod, !world.pods.unready.has(uid)));
  },
  "pod relabelled": (world, event) => {
    const pod = podOf(world, event);
    if (pod === undefined) return;
    world.pods.relabel(pod, false);
    if (event.how % 3 > 0) world.after(event.ms, () => world.pods.relabel(pod, true));
  },
  "readiness flaps": (world, event) => {
    const pod = podOf(world, event);
    if (pod === undefined) return;
    for (let at = 0; at <= Math.min(event.ms, 6_000); at += 500) {
      world.after(at, () => world.pods.setUnready(pod, (at / 500) % 2 === 0));
    }
    world.after(Math.min(event.ms, 6_000) + 500, () => world.pods.setUnready(pod, false));
  },
  "new sandbox": (world, event) => {
    const pod = podOf(world, event);
    const node = pod && world.pods.nodeOf(pod);
    const ip = node?.ipOf(pod?.metadata.uid ?? "");
    if (pod === undefined || node === undefined || ip === undefined || !node.linked) return;
    world.pods.plug(node, pod, event.how % 2 === 0 ? ip : node.freeIp(event.how % 3 === 0));
    world.pods.kubeletSoon(node);
  },
} satisfies Record<string, Happen>;

/** Nodes and cables. */
const NODE_EVENTS = {
  "node loses power": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.powerOff(node);
    world.after(event.ms, () => world.machines.powerOn(node));
  },
  "node cut off from the API": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.setLinked(node, false);
    world.after(event.ms, () => world.machines.setLinked(node, true));
  },
  "node unplugged": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.setCabled(node, false, event.how % 2 === 0);
    world.after(event.ms, () => world.machines.setCabled(node, true));
  },
  "node cut off from everything": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.setCabled(node, false, event.how % 2 === 0);
    world.machines.setLinked(node, false);
    world.after(event.ms, () => world.machines.setCabled(node, true));
    // The API server may be reached again before the segment is, or after.
    world.after(event.ms + (event.how % 3) * 1_000, () => world.machines.setLinked(node, true));
  },
  "node removed for a while": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.powerOff(node);
    world.after(500, () => world.machines.setRegistered(node, false));
    world.after(event.ms + 1_000, () => {
      world.machines.setRegistered(node, true);
      world.machines.powerOn(node);
    });
  },
  "node cordoned": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.setCordoned(node, true);
    if (event.how % 4 > 0) world.after(event.ms, () => world.machines.setCordoned(node, false));
  },
  "kubelet stands still": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.setKubelet(node, false);
    world.after(event.ms, () => world.machines.setKubelet(node, true));
  },
  "kubelet starts anew": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.setKubelet(node, false);
    // Until Kubernetes 1.35 also one that nobody has missed calls its containers not ready.
    const calls = event.how % 3 === 0 ? "all" : "those of a node that was missed";
    world.after(event.ms, () => world.machines.startKubelet(node, calls));
  },
  "node starts anew": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.powerOff(node);
    world.after(event.ms, () => {
      world.machines.powerOn(node);
      world.pods.unask(node, { missed: false, all: true });
    });
  },
  "node drained": (world, event) => {
    const node = nodeOf(world, event);
    world.machines.setCordoned(node, true);
    world.after(1_000, () => world.pods.on(node).forEach((pod) => world.pods.delete(pod, false)));
    world.after(event.ms + 1_000, () => world.machines.setCordoned(node, false));
  },
  "announcements are lost": (world, event) => {
    world.segment.lossRate = [0.3, 0.7, 1][event.how % 3]!;
    world.after(event.ms, () => (world.segment.lossRate = 0));
  },
  "somebody edits the kernel": (world, event) => {
    const node = nodeOf(world, event);
    const { kernel } = node;
    world.disturb();
    world.machines.alone(node, false);
    world.checks.nodes.forget(node);
    world.editedAt = world.clock.now();
    if (event.how % 4 === 0) kernel.table = undefined;
    if (event.how % 4 === 1) kernel.paths.clear();
    if (event.how % 4 === 2) kernel.rule = false;
    if (event.how % 4 === 3)
      for (const [address, owner] of kernel.proxies) if (owner === "ours") kernel.proxies.delete(address);
    // Proxy neighbours go without a word.
    if (event.how % 4 < 3) kernel.event();
  },
  "kernel refuses": (world, event) => {
    const node = nodeOf(world, event);
    const agent = world.processes.agents.get(node);
    if (agent === undefined) return;
    world.disturb();
    agent.kernel.refuseRate = [0.2, 1][event.how % 2]!;
    node.agentFineSince = undefined;
    world.machines.alone(node, false);
    world.after(Math.min(event.ms, 10_000), () => {
      agent.kernel.refuseRate = 0;
      world.disturb();
    });
  },
} satisfies Record<string, Happen>;

/** The control plane and the processes. */
const CONTROL_EVENTS = {
  "agent dies": (world, event) => {
    const node = nodeOf(world, event);
    world.processes.killAgent(node);
    world.after(event.ms, () => world.processes.startAgent(node));
  },
  "agent stands still": (world, event) => {
    const node = nodeOf(world, event);
    const agent = world.processes.agents.get(node);
    if (agent === undefined) return;
    world.processes.pause(agent);
    node.agentFineSince = undefined;
    world.machines.alone(node, false);
    world.after(event.ms, () => {
      world.processes.resume(agent);
      const fine = world.processes.agents.get(node) === agent && agent.kernel.refuseRate === 0;
      if (fine) node.agentFineSince = world.clock.now();
    });
  },
  "controller dies": (world, event) => {
    world.processes.killController(0);
    world.after(event.ms, () => world.processes.startController(0));
  },
  "controller replaced": (world) => world.processes.replaceController(0),
  "controller stands still": (world, event) => {
    const controller = world.processes.controllers[0];
    if (controller === undefined) return;
    world.processes.pause(controller);
    if (event.how % 2 === 0) world.processes.startController(1);
    world.after(event.ms, () => world.processes.resume(controller));
    world.after(event.ms + 3_000, () => world.processes.killController(1));
  },
  "second controller": (world, event) => {
    world.processes.startController(1);
    world.after(event.ms, () => world.processes.killController(1));
  },
  "lead is taken away": (world, event) => {
    world.processes.startController(1);
    for (let n = 0; n <= event.how % 4; n++) {
      world.after(event.ms + n * 700, () => world.processes.giveUpLease());
    }
    world.after(event.ms + 6_000, () => world.processes.killController(1));
  },
  "controller cut off": (world, event) => {
    const controller = world.processes.controllers[0];
    if (controller === undefined) return;
    connect(controller, false);
    world.after(event.ms, () => connect(controller, true));
  },
  "watches expire": (world, event) => {
    const all = running(world);
    all[event.which % Math.max(1, all.length)]?.kube.relist();
  },
  "requests fail": (world, event) => {
    const all = running(world);
    const hit = all[event.which % Math.max(1, all.length)];
    const kube = event.how % 7 === 0 ? (hit?.leases ?? hit?.kube) : hit?.kube;
    for (let n = 0; n <= event.how % 5; n++)
      kube?.faults.push(REQUEST_FAULTS[(event.how + n * 7) % REQUEST_FAULTS.length]!);
  },
  "slow API server": (world, event) => {
    const slow = running(world);
    const set = (ms: number): void => {
      for (const kube of slow.flatMap((one) => [one.kube, one.leases ?? []].flat())) kube.slowMs = ms;
    };
    set([200, 1_500][event.how % 2]!);
    world.after(event.ms, () => set(0));
  },
  "API server down": (world, event) => {
    const down = running(world);
    for (const one of down) connect(one, false);
    world.after(event.ms, () => {
      for (const one of down) {
        const node = world.nodes.find((candidate) => world.processes.agents.get(candidate) === one);
        connect(one, node?.linked ?? true);
      }
    });
  },
  "agent sees an older version": (world, event) => {
    const agent = world.processes.agents.get(nodeOf(world, event));
    const { versions } = world.checks.history;
    const newest = versions.at(-1 - (event.how % Math.max(1, Math.min(6, versions.length))));
    const older = versions.filter(({ metadata }) => metadata.uid === newest?.metadata.uid);
    const shown = older[event.how % Math.max(1, older.length)];
    if (agent !== undefined && shown !== undefined && !agent.process.paused) agent.kube.showOlder(shown, event.ms / 4);
  },
} satisfies Record<string, Happen>;

/** What users do. */
const USER_EVENTS = {
  "addresses edited": (world, event) => {
    world.routes.put("first", [[A], [A, B], [B], [B, A]][event.how % 4]!, "web", { delivery: "nat" });
  },
  "delivery edited": (world, event) => {
    world.routes.put("second", [C], "db", { delivery: ["app", "nat"][event.how % 2]!, reactionMode: "Exists" });
  },
  "selector edited": (world, event) => {
    world.routes.put("second", [C], GROUPS[event.how % 2]!, { delivery: "app", reactionMode: "Exists" });
  },
  "route deleted": (world, event) => {
    const name = ["first", "second"][event.which % 2]!;
    world.server.delete(RESOURCES.gkeIpRoutes, { namespace: NAMESPACE, name });
    world.after(event.ms, () =>
      world.routes.put(name, name === "first" ? [A, B] : [C], name === "first" ? "web" : "db"),
    );
  },
  rival: (world, event) => {
    world.routes.put("rival", [[C], [A], [A, C]][event.how % 3]!, GROUPS[event.how % 2]!, { delivery: "app" });
    if (event.how % 5 < 3) {
      world.after(event.ms, () => world.server.delete(RESOURCES.gkeIpRoutes, { namespace: NAMESPACE, name: "rival" }));
    }
  },
  "gateway deleted for a while": (world, event) => {
    world.server.remove(RESOURCES.gateways, { namespace: "default", name: "allowed" });
    world.after(event.ms, () => world.routes.putGateway());
  },
  "class becomes another's for a while": (world, event) => {
    const put = (controllerName: string): void => world.routes.putClass(controllerName);
    if (event.how % 2 === 0) put("example.com/unknown");
    else put(GKE_CONTROLLER_NAME);
    world.after(Math.min(event.ms, 5_000), () => put(PODPIN_CONTROLLER_NAME));
  },
  poison: (world, event) => POISON[event.how % POISON.length]!(world, event),
} satisfies Record<string, Happen>;

const POISON: readonly Happen[] = [
  (world, { which }) =>
    badRoute(world, `bad-${which % 7}`, { addresses: [{ type: "gke.networking.io/cidr", value: "198.51.100.10/24" }] }),
  (world, { which }) =>
    badRoute(world, `bad-${which % 7}`, {
      addresses: [{ value: `${A}/32` }, {}],
      podSelector: { matchExpressions: [{ key: "x", operator: "Near" }] },
    }),
  (world, { which }) => badRoute(world, `bad-${which % 7}`, {}),
  (world, { which }) =>
    badRoute(world, `bad-${which % 7}`, {
      addresses: [{ type: "gke.networking.io/cidr", value: `${B}/32` }],
      parentRefs: [{ name: "nowhere" }],
      podSelector: { matchLabels: { component: "web" } },
    }),
  (world, { which, how }) => badBinding(world, { nodeName: `node${(which % 3) + 1}`, epoch: (how % 3) * 2 ** 40 }),
  (world, { which }) => badBinding(world, { nodeName: `node${(which % 3) + 1}`, address: "127.0.0.1", epoch: 4 }),
  (world, { which }) =>
    badBinding(world, {
      releasing: { nodeName: `node${(which % 3) + 1}`, epoch: 1, forwardTo: "; reboot", wait: true },
      epoch: 2,
      nodeName: "",
    }),
  (world, { which }) =>
    void world.server.put<Pod>(RESOURCES.pods, {
      metadata: {
        name: `poison-${which % 5}`,
        namespace: NAMESPACE,
        labels: { component: "poison" },
        annotations: { "networking.gke.io/pod-ips": "{" },
      },
      status: { phase: "Running", podIP: "not an address", conditions: [{ type: "Ready", status: "True" }] },
    } as Pod),
];

function badRoute(world: World, name: string, spec: object): void {
  if (world.routes.get(name) !== undefined) return;
  world.server.put(RESOURCES.gkeIpRoutes, { metadata: { name, namespace: NAMESPACE }, spec } as KubeObject);
}

function badBinding(world: World, spec: object): void {
  const name = "198.51.100.99";
  if (world.server.get(RESOURCES.addressBindings, { name }) !== undefined) return;
  const route = { namespace: "nowhere", name: "nobody", uid: "none" };
  const whole = {
    address: name,
    epoch: 1,
    route,
    nodeName: "",
    delivery: "nat",
    fabric: "l2",
    network: "default",
    ...spec,
  };
  world.server.put(RESOURCES.addressBindings, { metadata: { name }, spec: whole } as unknown as AddressBinding);
}

export const EVENTS = { ...POD_EVENTS, ...NODE_EVENTS, ...CONTROL_EVENTS, ...USER_EVENTS, ...CLOUD_EVENTS };
export type EventKind = keyof typeof EVENTS;

/** What users do, and what Kubernetes does not hear of a node, that must cost no Pod its address. */
const HARMLESS: ReadonlySet<EventKind> = new Set([
  "gateway deleted for a while",
  "poison",
  "node cut off from the API",
  "kubelet stands still",
  "kubelet starts anew",
]);

export function happen(world: World, event: SimEvent): void {
  world.say(() => `--- ${event.kind} (${event.which}, ${event.how}, ${event.ms} ms)`);
  if (!(event.kind in CONTROL_EVENTS) && !(event.kind in CLOUD_EVENTS) && !HARMLESS.has(event.kind)) {
    world.edited();
    world.after(event.ms, () => world.edited());
  }
  (EVENTS[event.kind] as Happen)(world, event);
  world.touch();
}
