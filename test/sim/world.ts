// The whole in one process: an API server, nodes with kernels and Pods, a segment with clients, and the shipped
// controller and agents as processes. Time moves from event to event; after each one the checks look.
import { type AddressBinding, Fabric } from "../../lib/model/binding";
import { RESOURCES, type KubeObject, type Pod } from "../../lib/model/kubernetes";
import { MemoryServer } from "../support/memory-kube";
import { VirtualClock } from "../support/virtual-clock";
import { Checks } from "./checks";
import { SimCloud } from "./cloud";
import { Hearts } from "./hearts";
import { Machines } from "./machines";
import { settleNow } from "./microtasks";
import { MovedNews } from "./moved-news";
import { nodeIp, SimNode } from "./node";
import { Pods } from "./pods";
import { PODPIN, Processes } from "./processes";
import { Random } from "./random";
import { Routes } from "./routes";
import { type Fate, Segment } from "./segment";

export const ADDRESSES = ["198.51.100.10", "198.51.100.11", "198.51.100.12"] as const;
const [A, B, C] = ADDRESSES;
export const NAMESPACE = "edge";
/** Pods that routes are for have one of these as `component`. */
export const GROUPS = ["web", "db"] as const;
const NODES = [1, 2, 3];
/** A path that works keeps working unless something happened to it in this time. */
const CALM_MS = 10_000;
/** Longer than any process stands still and any request is late. */
const QUIET_MS = 17_000;

const HOUSEKEEPING: ReadonlySet<string> = new Set(["Event"]);

/** A schedule takes about a thousand. */
const MOST_STEPS = 15_000;

interface Last {
  readonly at: number;
  readonly works: boolean;
}

export class World {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly server: MemoryServer;
  readonly checks: Checks;
  readonly nodes: SimNode[];
  readonly segment: Segment;
  readonly hearts: Hearts;
  readonly processes: Processes;
  readonly machines: Machines;
  readonly pods: Pods;
  readonly routes: Routes;
  /** When somebody last changed a kernel by hand. */
  editedAt = -Infinity;
  /** On a fabric that is led. */
  readonly cloud: SimCloud | undefined;
  /** Texts of what happened, for a reader. */
  readonly trace: string[] | undefined;
  /** Nodes whose agents' requests have come in so late that nobody had waited for them any more. */
  readonly late = new Set<string>();
  steps = 0;
  /** Commits but for Events, which are best effort. */
  writes = 0;
  #author = "world";
  #dirty = true;
  #disturbedAt = 0;
  #editedAt = 0;
  readonly #last = new Map<string, Last>();

  constructor(seed: number, options: { readonly trace?: boolean; readonly fabric?: Fabric } = {}) {
    this.random = new Random(seed);
    this.clock = new VirtualClock({ seed });
    this.trace = options.trace === true ? [] : undefined;
    this.server = new MemoryServer({ clock: this.clock });
    const now = (): number => this.clock.now();
    this.nodes = NODES.map((n) => new SimNode(n, now, NODES.filter((other) => other !== n).map(nodeIp)));
    this.cloud =
      options.fabric === Fabric.Gce
        ? new SimCloud({
            clock: this.clock,
            random: new Random(seed ^ 0xc10d),
            say: (text) => this.say(text),
            onLead: (address, node, askedAt) => {
              this.#dirty = true;
              // What was asked while something had just happened is done, and may cost packets, however long it takes.
              if (askedAt - this.#disturbedAt <= CALM_MS) this.disturb();
              this.checks.leads?.onLead(address, node);
            },
            isSucceeded: (process) => this.processes.isSucceeded(process),
          })
        : undefined;
    this.segment = new Segment(this.nodes, now, this.random, this.cloud);
    this.hearts = new Hearts({
      nodes: this.nodes,
      clock: this.clock,
      random: this.random,
      acquaintance: new Random(seed ^ 0xea5),
      agentOf: (node) => this.processes.agents.get(node)?.process,
      onVerdict: (node, lost) => this.processes.judged(node, lost),
    });
    this.processes = new Processes(this);
    this.machines = new Machines(this);
    this.pods = new Pods(this);
    this.routes = new Routes(this, seed);
    this.checks = new Checks(
      {
        now,
        author: () => this.#author,
        isQuiet: () => this.clock.now() - Math.max(this.#disturbedAt, this.#editedAt) > QUIET_MS,
        podExists: (uid) => this.server.list<Pod>(RESOURCES.pods).some(({ metadata }) => metadata.uid === uid),
        nodeReady: (name) => this.machines.health(name),
        isLeftAlone: (uid, routeUid) => this.pods.isLeftAlone(uid, routeUid),
        isLeaving: (uid) => this.routes.isLeaving(uid),
        isNewer: (uid, than) => this.pods.isNewer(uid, than),
        ...(this.cloud && {
          leadsTo: (address: string) => this.cloud?.to(address),
          isLate: (address: string) => this.cloud?.late.has(address) === true,
          holds: (routeUid: string) => this.cloud?.holds(routeUid) === true,
        }),
      },
      ADDRESSES,
    );
    const movedNews = new MovedNews(this, seed);
    this.server.onCommit((commit) => {
      this.checks.onCommit(commit);
      const object = commit.after ?? commit.before;
      if (HOUSEKEEPING.has(commit.resource.kind)) return;
      this.writes++;
      this.say(() => `${this.#author} writes ${commit.resource.kind} ${object?.metadata.name}: ${brief(commit.after)}`);
      if (commit.resource.plural !== RESOURCES.addressBindings.plural) return;
      const [was, is] = [commit.before, commit.after] as (AddressBinding | undefined)[];
      if (was?.spec.epoch !== is?.spec.epoch) this.disturb();
      movedNews.look();
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
    for (const node of this.nodes) this.machines.register(node);
    this.routes.putClass();
    this.routes.putGateway();
    this.routes.put("first", [A, B], "web", { delivery: "nat" });
    this.routes.put("second", [C], "db", { delivery: "app", reactionMode: "Exists" });
    this.pods.create(this.nodes[0]!, "web");
    this.pods.create(this.nodes[1]!, "db");
    this.processes.startController(0);
    for (const node of this.nodes) this.processes.startAgent(node);
    const probe = (): void => {
      this.#dirty = true;
      this.clock.after(1_000, probe);
    };
    probe();
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

  close(): void {
    this.processes.killAll();
  }

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
      const answering = this.segment.answering(address);
      for (const node of answering) this.checks.nodes.onArp(node, address);
      // Without an answer it goes on for as long as neighbours remember the last one.
      const found = this.cloud !== undefined || answering.length > 0;
      for (const node of this.nodes)
        if (node.onSegment) this.checks.nodes.onFate(address, this.segment.arrive(node, address));
      for (const [index, client] of this.segment.clients.entries()) {
        const fate = this.segment.send(client, address);
        this.checks.nodes.onFate(address, fate);
        this.#continuity(index, address, fate, found, now);
      }
    }
  }

  // 3: what works goes on working while nothing happens to it, whatever happens to the control plane. Cannot see:
  // losses in the first seconds after an event that may cost packets.
  #continuity(client: number, address: string, fate: Fate, found: boolean, now: number): void {
    const key = `client ${client} ${address}`;
    const last = this.#last.get(key);
    // While the new node's agent stands still in the middle of a hand-over, nobody can help.
    const settled = this.checks.history.of(address).last?.announced === true;
    const delivered = fate.end === "pod";
    if (last?.works === true && !delivered && settled && last.at - this.#disturbedAt > CALM_MS) {
      const why = fate.end === "lost" ? fate.why : "";
      this.checks.fail(3, `${key}: worked, and then not (${why}), though nothing had happened for ${CALM_MS} ms`);
    }
    this.#last.set(key, { at: now, works: delivered && found });
  }
}

function brief(object: KubeObject | undefined): string {
  if (object === undefined) return "(gone)";
  const { spec, status, metadata } = object as KubeObject & { spec?: object; status?: object };
  return JSON.stringify({ v: metadata.resourceVersion, deleting: metadata.deletionTimestamp, spec, status });
}
