// The whole in one process: an API server, nodes with kernels and Pods, a segment with clients, and the shipped
// controller and agents as processes. Time moves from event to event; after each one the checks look.
import { runAgent } from "../../controller-image/src/agent/agent";
import { runController } from "../../controller-image/src/controller/controller";
import { l2Announcer } from "../../controller-image/src/fabric/l2";
import { typedAddress } from "../../lib/model/address";
import type { AddressBinding } from "../../lib/model/binding";
import { ANNOTATION_DELIVERY, ROUTE_FINALIZER, type GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject, type Node, type Pod } from "../../lib/model/kubernetes";
import { MemoryServer } from "../support/memory-kube";
import { aClass, aGateway } from "../support/objects";
import { VirtualClock } from "../support/virtual-clock";
import { Checks } from "./checks";
import { Hearts } from "./hearts";
import { LeaseStore } from "./leases";
import { settleNow } from "./microtasks";
import { nodeIp, SimNode } from "./node";
import { SimProcess } from "./process";
import { Random } from "./random";
import { Segment } from "./segment";
import { SimKernel } from "./sim-kernel";
import { LATEST_MS, SimKube } from "./sim-kube";

export const ADDRESSES = ["198.51.100.10", "198.51.100.11", "198.51.100.12"] as const;
const [A, B, C] = ADDRESSES;
export const NAMESPACE = "edge";
const PODPIN = "podpin-system";
const NODES = [1, 2, 3];
/** When the control plane gives a silent node up; shorter than Kubernetes' 40 s, so that a schedule sees more. */
const NODE_LOST_MS = 8_000;
/** A path that works keeps working unless something happened to it in this time. */
const CALM_MS = 10_000;
/** Longer than any process stands still and any request is late. */
const QUIET_MS = 17_000;
/** The longest that a watch is behind. */
const NEWS_MS = 1_000;
/** An agent that has run for so long has heard the others. */
const ACQUAINTED_MS = 2_000;
/** Whoever hears nobody for so long has long known it, and its kernel has been told. */
const CUT_OFF_MS = 1_500;

const HOUSEKEEPING: ReadonlySet<string> = new Set(["Event"]);

export interface Running {
  readonly process: SimProcess;
  readonly kube: SimKube;
  /** The controller's second connection. */
  readonly leases?: SimKube;
}

export function connect({ kube, leases }: Running, connected: boolean): void {
  kube.connected = connected;
  if (leases !== undefined) leases.connected = connected;
}

/** A schedule takes about a thousand. */
const MOST_STEPS = 15_000;

interface Last {
  readonly at: number;
  readonly delivered: boolean;
}

export class World {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly server: MemoryServer;
  readonly checks: Checks;
  readonly nodes: SimNode[];
  readonly segment: Segment;
  readonly hearts: Hearts;
  readonly agents = new Map<SimNode, Running & { readonly kernel: SimKernel }>();
  readonly controllers: (Running | undefined)[] = [];
  /** Texts of what happened, for a reader. */
  readonly trace: string[] | undefined;
  /** Pods that shall not be Ready, by UID. */
  readonly unready = new Set<string>();
  /** Nodes whose agents' requests have come in so late that nobody had waited for them any more. */
  readonly late = new Set<string>();
  steps = 0;
  /** Commits but for Events, which are best effort. */
  writes = 0;
  readonly #leases = new LeaseStore();
  #author = "world";
  #dirty = true;
  #disturbedAt = 0;
  #editedAt = 0;
  #unreadySince = new Map<string, number>();
  /** Nodes of which a controller may not know yet that they are Ready again. */
  readonly #readyAgain = new Map<string, number>();
  readonly #lostAt = new Map<string, number>();
  readonly #cameBack = new Set<string>();
  readonly #busy = new Set<string>();
  readonly #last = new Map<string, Last>();
  #processes = 0;

  constructor(seed: number, options: { readonly trace?: boolean } = {}) {
    this.random = new Random(seed);
    this.clock = new VirtualClock({ seed });
    this.trace = options.trace === true ? [] : undefined;
    this.server = new MemoryServer({ clock: this.clock });
    const now = (): number => this.clock.now();
    this.nodes = NODES.map((n) => new SimNode(n, now, NODES.filter((other) => other !== n).map(nodeIp)));
    this.segment = new Segment(this.nodes, now, this.random);
    this.hearts = new Hearts({
      nodes: this.nodes,
      clock: this.clock,
      random: this.random,
      agentOf: (node) => this.agents.get(node)?.process,
      onVerdict: (node, lost) => this.#verdict(node, lost),
    });
    this.checks = new Checks({
      now,
      author: () => this.#author,
      isQuiet: () => this.clock.now() - Math.max(this.#disturbedAt, this.#editedAt) > QUIET_MS,
      podExists: (uid) => this.server.list<Pod>(RESOURCES.pods).some(({ metadata }) => metadata.uid === uid),
      nodeReady: (name) => {
        // Whoever has seen that it was removed need not have seen yet that it came back; and it remembers nothing.
        const exists = this.server.get(RESOURCES.nodes, { name }) !== undefined && !this.#cameBack.has(name);
        const lostAt = this.#lostAt.get(name);
        const unreadySince = this.#unreadySince.get(name) ?? this.#readyAgain.get(name) ?? lostAt;
        return { exists, readyNow: exists && unreadySince === undefined, unreadySince };
      },
    });
    this.checks.addresses = ADDRESSES;
    this.server.onCommit((commit) => {
      this.checks.onCommit(commit);
      const object = commit.after ?? commit.before;
      if (HOUSEKEEPING.has(commit.resource.kind)) return;
      this.writes++;
      this.say(() => `${this.#author} writes ${commit.resource.kind} ${object?.metadata.name}: ${brief(commit.after)}`);
      if (commit.resource.plural !== RESOURCES.addressBindings.plural) return;
      const [was, is] = [commit.before, commit.after] as (AddressBinding | undefined)[];
      if (was?.spec.epoch !== is?.spec.epoch) this.disturb();
    });
    this.#furnish();
  }

  say(text: () => string): void {
    this.trace?.push(`${(this.clock.now() / 1000).toFixed(3).padStart(9)}  ${text()}`);
  }

  /** Something happened that may cost packets. */
  disturb(): void {
    this.#disturbedAt = this.clock.now();
    this.#dirty = true;
  }

  /** The user or a Pod changed what shall be. */
  edited(): void {
    this.#editedAt = this.clock.now();
  }

  touch(): void {
    this.#dirty = true;
  }

  after(ms: number, callback: () => void): void {
    this.clock.after(ms, callback);
  }

  #furnish(): void {
    const { server } = this;
    for (const name of [NAMESPACE, "default", PODPIN]) server.create(RESOURCES.namespaces, { metadata: { name } });
    for (const node of this.nodes) this.#register(node);
    server.create(RESOURCES.gatewayClasses, aClass());
    this.putGateway();
    this.putRoute("first", [A, B], "web", { delivery: "nat" });
    this.putRoute("second", [C], "db", { delivery: "app", reactionMode: "Exists" });
    this.createPod(this.nodes[0]!, "web");
    this.createPod(this.nodes[1]!, "db");
    this.startController(0);
    for (const node of this.nodes) this.startAgent(node);
    const probe = (): void => {
      this.#dirty = true;
      this.clock.after(1_000, probe);
    };
    probe();
  }

  // --- processes

  #process(name: string): SimProcess {
    const skew = this.random.chance(0.3) ? this.random.between(-3_600_000, 3_600_000) : 0;
    return new SimProcess(`${name}#${++this.#processes}`, this.clock, skew);
  }

  #kube(process: SimProcess): SimKube {
    const { server, clock, random } = this;
    return new SimKube({
      server,
      leases: this.#leases,
      process,
      clock,
      random,
      watchDelayMs: this.random.chance(0.2) ? 400 : 20,
      as: (author, act) => this.as(author, act),
      onLate: () => this.late.add(process.name.replace(/^agent-|#.*/g, "")),
      onTrouble: (error) => {
        this.say(() => `${process.name}: a callback threw: ${String(error)}`);
        this.checks.fail(6, `${process.name}: a callback threw: ${String(error)}`);
      },
    });
  }

  as<R>(author: string, act: () => R): R {
    const before = this.#author;
    this.#author = author;
    try {
      return act();
    } finally {
      this.#author = before;
    }
  }

  startController(slot: number): void {
    if (this.controllers[slot] !== undefined) return;
    const process = this.#process("controller");
    const kube = this.#kube(process);
    const leases = this.#kube(process);
    const options = {
      kube,
      leases,
      podName: `podpin-controller-${slot}`,
      identity: process.name,
      clock: process.clock,
      log: (level: string, message: string, fields?: object): void => this.#log(process, level, message, fields),
      namespace: PODPIN,
      clusterCidrs: ["10.96.0.0/16"],
      definitions: [],
    };
    const { setLost } = runController(options);
    this.controllers[slot] = { process, kube, leases };
    this.hearts.listen({ process, setLost });
  }

  killController(slot: number): void {
    this.#kill(this.controllers[slot]);
    this.controllers[slot] = undefined;
    this.hearts.look();
  }

  pause({ process }: Running): void {
    process.pause();
    this.hearts.look();
  }

  resume({ process }: Running): void {
    process.resume();
    this.hearts.look();
  }

  /** A verdict is the controller's own: what it has sent while it held may arrive later. */
  #verdict(node: SimNode, lost: boolean): void {
    this.say(() => `${node.name} is ${lost ? "lost" : "heard again"}`);
    this.disturb();
    if (lost) this.#lostAt.set(node.name, this.clock.now());
    else {
      const at = this.#lostAt.get(node.name);
      this.after(LATEST_MS, () => {
        if (this.#lostAt.get(node.name) === at) this.#lostAt.delete(node.name);
      });
    }
  }

  startAgent(node: SimNode): void {
    if (this.agents.has(node) || !node.powered) return;
    const process = this.#process(`agent-${node.name}`);
    const kube = this.#kube(process);
    kube.connected = node.linked;
    const { clock } = process;
    const log = (level: string, message: string, fields?: object): void => this.#log(process, level, message, fields);
    const kernel = new SimKernel({
      node,
      process,
      random: this.random,
      onStep: (step) => {
        // Whether it may is the business of invariant 2.
        if (this.checks.onKernelStep(step) === "lets go") this.disturb();
        this.#dirty = true;
      },
      onLine: (at, line) => {
        this.say(() => `${at.name} kernel: ${line}`);
        this.checks.onLine(at, line);
      },
      onTeardown: (at) => this.checks.onTeardown(at),
    });
    const commands = this.segment.commandsOf(node, (address) => {
      this.#dirty = true;
      this.say(() => `${node.name} announces ${address}`);
      this.checks.onAnnouncement(node, address);
    });
    runAgent({
      kube,
      kernel,
      announcer: l2Announcer({ uplink: "eth0", commands, clock, log }),
      clock,
      log,
      nodeName: node.name,
      nodeIp: node.ip,
      uplink: "eth0",
      namespace: PODPIN,
      isolation: this.hearts.isolationOf(node, process),
      onPass: (_plan, { failed }) => {
        if (kernel.refuseRate > 0 || failed.size > 0) return;
        node.passSawAt = kernel.lookedAt;
        if (!process.paused) node.agentFineSince ??= clock.now();
      },
    });
    this.agents.set(node, { process, kube, kernel });
    this.hearts.look();
  }

  killAgent(node: SimNode): void {
    this.#kill(this.agents.get(node));
    this.agents.delete(node);
    node.agentFineSince = undefined;
    this.alone(node, false);
    this.hearts.look();
  }

  #kill(running: Running | undefined): void {
    running?.process.kill();
    running?.kube.close();
    running?.leases?.close();
  }

  #log(process: SimProcess, level: string, message: string, fields: object | undefined): void {
    if (level === "debug") return;
    this.say(() => `${process.name} ${level}: ${message} ${JSON.stringify(fields, errorsToo)}`);
  }

  // --- nodes and Pods

  setLinked(node: SimNode, linked: boolean): void {
    node.linked = linked;
    const agent = this.agents.get(node);
    if (agent !== undefined) agent.kube.connected = linked;
    this.#nodeHealth(node);
    this.alone(node);
    this.hearts.look();
  }

  /** @param carrier whether the node can see that nothing reaches it */
  setCabled(node: SimNode, cabled: boolean, carrier = cabled): void {
    node.cabled = cabled;
    node.carrier = cabled || carrier;
    this.disturb();
    this.alone(node);
    this.hearts.look();
  }

  /** To be called whenever something changes in what a node hears, and when its agent is not well. */
  alone(node: SimNode, well = true): void {
    const { aloneSince } = node;
    const now = this.clock.now();
    const fine = well && this.agents.has(node) && (node.agentFineSince ?? Infinity) < now - ACQUAINTED_MS;
    const alone = !node.onSegment && (!node.linked || !node.carrier);
    if (!well) node.outlawed.clear();
    node.aloneSince = fine && alone ? (aloneSince ?? now) : undefined;
    // Most others must be there, or nobody could take anything away.
    if (fine && node.onSegment && aloneSince !== undefined && now - aloneSince > CUT_OFF_MS) this.checks.onHealed(node);
  }

  powerOff(node: SimNode): void {
    if (!node.powered) return;
    this.disturb();
    this.killAgent(node);
    node.lose();
    this.checks.forget(node);
    this.#nodeHealth(node);
    this.hearts.look();
  }

  powerOn(node: SimNode): void {
    if (node.powered) return;
    node.powered = true;
    this.disturb();
    this.after(this.random.between(300, 2_000), () => this.startAgent(node));
    this.#nodeHealth(node);
  }

  #nodeHealth(node: SimNode): void {
    const fine = node.powered && node.linked;
    this.after(fine ? 500 : NODE_LOST_MS, () => {
      if ((node.powered && node.linked) !== fine) return;
      this.#setNodeReady(node, fine);
      if (fine) this.kubeletSoon(node);
    });
  }

  #setNodeReady(node: SimNode, ready: boolean): void {
    const object = this.server.get<Node>(RESOURCES.nodes, { name: node.name });
    if (object === undefined || this.#unreadySince.has(node.name) === !ready) return;
    if (ready) {
      this.#unreadySince.delete(node.name);
      this.#readyAgain.set(node.name, this.clock.now());
      this.after(NEWS_MS, () => this.#readyAgain.delete(node.name));
    } else this.#unreadySince.set(node.name, this.clock.now());
    const conditions = [{ type: "Ready", status: ready ? "True" : "Unknown" }];
    this.server.put(RESOURCES.nodes, { ...object, status: { ...object.status, conditions } } as Node);
    if (!ready) for (const pod of this.podsOn(node)) this.#setPod(pod, { ready: false });
  }

  /** A cluster autoscaler takes a node away, with every Pod of it; or its machine comes back under its name. */
  setRegistered(node: SimNode, registered: boolean): void {
    this.edited();
    if (registered) {
      if (this.server.get(RESOURCES.nodes, { name: node.name }) !== undefined) return;
      this.#register(node);
      this.#cameBack.add(node.name);
      return this.after(LATEST_MS, () => this.#cameBack.delete(node.name));
    }
    this.server.remove(RESOURCES.nodes, { name: node.name });
    for (const pod of this.podsOn(node)) this.deletePod(pod, true);
    this.#unreadySince.delete(node.name);
  }

  #register({ name, ip, index }: SimNode): void {
    this.server.put(RESOURCES.nodes, {
      metadata: { name },
      spec: { podCIDRs: [`10.244.${index}.0/24`] },
      status: { addresses: [{ type: "InternalIP", address: ip }], conditions: [{ type: "Ready", status: "True" }] },
    } as Node);
  }

  setCordoned(node: SimNode, cordoned: boolean): void {
    const object = this.server.get<Node>(RESOURCES.nodes, { name: node.name });
    if (object === undefined) return;
    this.edited();
    const { unschedulable: _before, ...spec } = object.spec ?? {};
    this.server.put(RESOURCES.nodes, {
      ...object,
      spec: { ...spec, ...(cordoned && { unschedulable: true }) },
    } as Node);
  }

  isCordoned(name: string): boolean {
    return this.server.get<Node>(RESOURCES.nodes, { name })?.spec?.unschedulable === true;
  }

  podsOn(node: SimNode): Pod[] {
    return this.server.list<Pod>(RESOURCES.pods).filter(({ spec }) => spec?.nodeName === node.name);
  }

  createPod(node: SimNode, group: string, reuse = false): void {
    const name = `${group}-${this.random.between(0, 999_999).toString(36)}`;
    this.server.put<Pod>(RESOURCES.pods, {
      metadata: {
        name,
        namespace: NAMESPACE,
        labels: { component: group },
        // The world's own note; nothing that ships reads it.
        annotations: { reuse: String(reuse) },
      },
      spec: { nodeName: node.name },
      status: { phase: "Pending" },
    } as Pod);
    this.kubeletSoon(node);
  }

  deletePod(pod: Pod, force: boolean): void {
    const node = this.nodeOf(pod);
    const { name } = pod.metadata;
    if (force) this.server.remove(RESOURCES.pods, { namespace: NAMESPACE, name });
    else this.server.markDeleted(RESOURCES.pods, { namespace: NAMESPACE, name });
    if (node !== undefined) this.kubeletSoon(node);
  }

  nodeOf(pod: Pod): SimNode | undefined {
    return this.nodes.find(({ name }) => name === pod.spec?.nodeName);
  }

  kubeletSoon(node: SimNode): void {
    this.after(this.random.between(5, 200), () => this.#kubelet(node));
  }

  /** What a kubelet does: interfaces for Pods that lack one, an end for those that shall end. */
  #kubelet(node: SimNode): void {
    if (!node.powered || !node.linked) return;
    const present = new Set<string>();
    for (const pod of this.podsOn(node)) {
      const uid = pod.metadata.uid ?? "";
      present.add(uid);
      if (pod.metadata.deletionTimestamp !== undefined) this.#once(`end ${uid}`, 2_000, () => this.#end(node, pod));
      else if (node.ipOf(uid) === undefined) this.#begin(node, pod);
      else this.#readySoon(node, pod);
    }
    for (const uid of node.uids()) {
      if (!present.has(uid)) this.#once(`gone ${uid}`, 1_000, () => this.#unplug(node, uid));
    }
  }

  #once(what: string, mostMs: number, act: () => void): void {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    this.after(this.random.between(5, mostMs), () => {
      this.#busy.delete(what);
      act();
    });
  }

  #begin(node: SimNode, pod: Pod): void {
    const ip = node.freeIp(pod.metadata.annotations?.["reuse"] === "true");
    this.plug(node, pod, ip);
    this.#readySoon(node, pod);
  }

  /** Gives the Pod an interface; any older one of it is gone. */
  plug(node: SimNode, pod: Pod, ip: string): void {
    const uid = pod.metadata.uid ?? "";
    this.#unplug(node, uid);
    node.plug(uid, ip);
    this.say(() => `Pod ${pod.metadata.name} has ${ip} on ${node.name}`);
    this.disturb();
    this.#setPod(pod, { ip });
  }

  #readySoon(node: SimNode, pod: Pod): void {
    const uid = pod.metadata.uid ?? "";
    this.#once(`ready ${uid}`, 800, () => {
      if (node.powered && node.linked && node.ipOf(uid) !== undefined)
        this.#setPod(pod, { ready: !this.unready.has(uid) });
    });
  }

  #end(node: SimNode, pod: Pod): void {
    if (!node.powered || !node.linked) return;
    this.#unplug(node, pod.metadata.uid ?? "");
    this.after(this.random.between(1, 100), () => {
      const present = this.#present(pod);
      if (present !== undefined) this.server.remove(RESOURCES.pods, { namespace: NAMESPACE, name: pod.metadata.name });
    });
  }

  #unplug(node: SimNode, uid: string): void {
    if (node.ipOf(uid) === undefined) return;
    this.say(() => `an interface on ${node.name} goes`);
    node.unplug(uid);
    this.disturb();
  }

  #present({ metadata }: Pod): Pod | undefined {
    const found = this.server.get<Pod>(RESOURCES.pods, { namespace: NAMESPACE, name: metadata.name });
    return found?.metadata.uid === metadata.uid ? found : undefined;
  }

  #setPod(pod: Pod, change: { readonly ip?: string; readonly ready?: boolean }): void {
    const present = this.#present(pod);
    if (present === undefined) return;
    const was = present.status?.conditions?.find(({ type }) => type === "Ready")?.status === "True";
    const { ip = present.status?.podIP, ready = was } = change;
    const status = { phase: "Running", podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] };
    if (JSON.stringify(status) === JSON.stringify(present.status)) return;
    this.edited();
    this.server.put<Pod>(RESOURCES.pods, { ...present, status } as Pod);
  }

  setUnready(pod: Pod, unready: boolean): void {
    const uid = pod.metadata.uid ?? "";
    if (unready) this.unready.add(uid);
    else this.unready.delete(uid);
    const node = this.nodeOf(pod);
    if (node !== undefined) this.kubeletSoon(node);
  }

  pods(): Pod[] {
    return this.server.list<Pod>(RESOURCES.pods).filter(({ metadata }) => metadata.labels?.["component"] !== "poison");
  }

  // --- routes

  putGateway(): void {
    this.server.put(RESOURCES.gateways, {
      ...aGateway({ addresses: ADDRESSES.map(typedAddress) }),
      metadata: { name: "allowed", namespace: "default" },
    } as KubeObject);
  }

  putRoute(
    name: string,
    addresses: readonly string[],
    group: string,
    options: { readonly delivery?: string; readonly reactionMode?: string } = {},
  ): void {
    const old = this.route(name);
    if (old?.metadata.deletionTimestamp !== undefined) return;
    const { delivery = "nat", reactionMode = "ReadyCondition" } = options;
    const finalizers = old?.metadata.finalizers ?? [];
    this.server.put(RESOURCES.gkeIpRoutes, {
      metadata: {
        name,
        namespace: NAMESPACE,
        annotations: { [ANNOTATION_DELIVERY]: delivery },
        ...(finalizers.includes(ROUTE_FINALIZER) ? { finalizers } : {}),
      },
      spec: {
        parentRefs: [{ name: "allowed", namespace: "default" }],
        addresses: addresses.map(typedAddress),
        network: "default",
        podSelector: { matchLabels: { component: group } },
        reactionMode,
      },
      status: old?.status,
    } as KubeObject);
  }

  route(name: string): GKEIPRoute | undefined {
    return this.server.get<GKEIPRoute>(RESOURCES.gkeIpRoutes, { namespace: NAMESPACE, name });
  }

  /** Ends every process; nothing of the world may be used afterwards. */
  close(): void {
    for (const slot of this.controllers.keys()) this.killController(slot);
    for (const node of this.nodes) this.killAgent(node);
  }

  // --- time

  /** Runs until that time, looking after every step; ends early at the first violation. */
  runUntil(end: number): boolean {
    const { clock, checks } = this;
    for (;;) {
      settleNow();
      this.#look();
      if (checks.violations.length > 0) return false;
      if (!clock.step(end)) break;
      if (++this.steps > MOST_STEPS) checks.fail(9, `no rest after ${MOST_STEPS} steps: something turns in circles`);
    }
    clock.advance(Math.max(0, end - clock.now()));
    return true;
  }

  #look(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    const now = this.clock.now();
    for (const address of ADDRESSES) {
      for (const node of this.segment.answering(address)) this.checks.onArp(node, address);
      for (const node of this.nodes)
        if (node.onSegment) this.checks.onFate(address, this.segment.arrive(node, address));
      for (const [index, client] of this.segment.clients.entries()) {
        const fate = this.segment.send(client, address);
        this.checks.onFate(address, fate);
        this.#continuity(index, address, fate.end === "pod", fate.end === "lost" ? fate.why : "", now);
      }
    }
  }

  // 3: what works goes on working while nothing happens to it, whatever happens to the control plane. Cannot see:
  // losses in the first seconds after an event that may cost packets.
  #continuity(client: number, address: string, delivered: boolean, why: string, now: number): void {
    const key = `client ${client} ${address}`;
    const last = this.#last.get(key);
    // While the new node's agent stands still in the middle of a hand-over, nobody can help.
    const settled = this.checks.history.of(address).last?.announced === true;
    if (last?.delivered === true && !delivered && settled && last.at - this.#disturbedAt > CALM_MS) {
      this.checks.fail(3, `${key}: worked, and then not (${why}), though nothing had happened for ${CALM_MS} ms`);
    }
    this.#last.set(key, { at: now, delivered });
  }
}

function brief(object: KubeObject | undefined): string {
  if (object === undefined) return "(gone)";
  const { spec, status, metadata } = object as KubeObject & { spec?: object; status?: object };
  return JSON.stringify({ v: metadata.resourceVersion, deleting: metadata.deletionTimestamp, spec, status });
}

function errorsToo(_key: string, value: unknown): unknown {
  return value instanceof Error ? value.message : value;
}
