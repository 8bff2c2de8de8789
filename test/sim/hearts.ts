// What heartbeats tell controllers and agents, by the rules of the design said again: whether the shipped watcher keeps
// them is tested elsewhere, datagram by datagram. Here counts what the verdicts lead to.
import type { Isolation } from "../../controller-image/src/agent/isolation";
import type { VirtualClock } from "../support/virtual-clock";
import type { SimNode } from "./node";
import type { SimProcess } from "./process";
import type { Random } from "./random";

/** A node knows that it hears nobody before any controller takes its addresses away. */
const ISOLATED_AFTER_MS = [500, 540] as const;
const LOST_AFTER_MS = [545, 620] as const;
const HEARD_AFTER_MS = [10, 250] as const;
/** From when on a controller has asked every node, and how long it takes a node for one that it hears. */
const ACQUAINTED_AFTER_MS = [20, 1_500] as const;
const LATELY_MS = 2_000;
/** A lost carrier is seen by looking. */
const CARRIER_MS = [1, 100] as const;

/** A controller process that listens. */
export interface Listener {
  readonly process: SimProcess;
  readonly setLost: (node: string, lost: boolean) => void;
}

interface Ear {
  readonly process: SimProcess;
  /** What would change its mind is under way. */
  pending: boolean;
  opinion: boolean;
  /** Has heard the other side before, without which it judges nothing. */
  acquainted: boolean;
  /** When it can first have. */
  readonly from: number;
}

interface AgentEar extends Ear {
  readonly callbacks: Set<() => void>;
  readonly moved: Set<(addresses: readonly string[]) => void>;
}

export interface HeartsOptions {
  readonly nodes: readonly SimNode[];
  readonly clock: VirtualClock;
  readonly random: Random;
  /** How long controllers take to get to know nodes, apart from what else is left to chance. */
  readonly acquaintance: Random;
  readonly agentOf: (node: SimNode) => SimProcess | undefined;
  readonly onVerdict: (node: SimNode, lost: boolean) => void;
}

export class Hearts {
  readonly #listeners = new Map<Listener, Map<SimNode, Ear>>();
  readonly #agents = new Map<SimNode, AgentEar>();
  readonly #waits = new Set<Wait>();
  readonly #silentSince = new Map<SimNode, number>();

  constructor(private readonly options: HeartsOptions) {}

  listen(listener: Listener): void {
    const { clock, acquaintance } = this.options;
    const afterMs = acquaintance.between(...ACQUAINTED_AFTER_MS);
    const from = clock.now() + afterMs;
    clock.after(afterMs, () => this.look());
    const ear = (): Ear => ({ process: listener.process, pending: false, opinion: false, acquainted: false, from });
    this.#listeners.set(listener, new Map(this.options.nodes.map((node) => [node, ear()])));
    this.look();
  }

  /** Undefined while the listener cannot know. */
  hears(listener: Listener, name: string): boolean | undefined {
    const [node, ear] = [...(this.#listeners.get(listener) ?? [])].find(([one]) => one.name === name) ?? [];
    if (node === undefined || ear?.acquainted !== true) return undefined;
    const silentSince = this.#silentSince.get(node) ?? Infinity;
    return !ear.opinion && this.options.clock.now() - silentSince < LATELY_MS;
  }

  isolationOf(node: SimNode, process: SimProcess): Isolation {
    const callbacks = new Set<() => void>();
    const moved = new Set<(addresses: readonly string[]) => void>();
    const ear = { process, pending: false, opinion: false, acquainted: false, from: 0, callbacks, moved };
    this.#agents.set(node, ear);
    return {
      isolated: () => ear.opinion,
      onChange: (callback) => {
        ear.callbacks.add(callback);
        return () => void ear.callbacks.delete(callback);
      },
      onMoved: (callback) => {
        moved.add(callback);
        return () => void moved.delete(callback);
      },
    };
  }

  tellMoved(node: SimNode, addresses: readonly string[]): void {
    for (const callback of this.#agents.get(node)?.moved ?? []) callback(addresses);
  }

  /** To be called whenever anything that can be heard has changed. */
  look(): void {
    for (const node of this.options.nodes) {
      // A machine that runs and is reached is heard for by others, whatever its agent does.
      if (node.onSegment) this.#silentSince.delete(node);
      else if (!this.#silentSince.has(node)) this.#silentSince.set(node, this.options.clock.now());
    }
    for (const wait of this.#waits) wait.broken ||= !wait.holds();
    for (const [listener, ears] of this.#listeners) {
      if (!listener.process.alive) this.#listeners.delete(listener);
      else for (const [node, ear] of ears) this.#judge(listener, node, ear);
    }
    for (const [node, ear] of this.#agents) this.#feel(node, ear);
  }

  /** A verdict needs others that have asked in vain too, and that most nodes answer. */
  #judge(listener: Listener, node: SimNode, ear: Ear): void {
    const { nodes, onVerdict } = this.options;
    const answers = this.answers(node);
    ear.acquainted ||= answers && this.options.clock.now() >= ear.from;
    const others = nodes.filter((other) => other !== node && this.answers(other)).length;
    const isLost = (): boolean => {
      // A machine that runs and is reached is never lost, whatever its agent does.
      const enough = nodes.filter((other) => other !== node && this.answers(other)).length * 2 > nodes.length;
      return !node.onSegment && enough;
    };
    const change = (lost: boolean): void => {
      onVerdict(node, lost);
      listener.setLost(node.name, lost);
    };
    if (!ear.opinion && ear.acquainted && !node.onSegment && others * 2 > nodes.length) {
      this.#after(ear, LOST_AFTER_MS, isLost, () => change(true), true);
    }
    if (ear.opinion && answers)
      this.#after(
        ear,
        HEARD_AFTER_MS,
        () => this.answers(node),
        () => change(false),
        false,
      );
  }

  #feel(node: SimNode, ear: AgentEar): void {
    const { nodes } = this.options;
    if (!ear.process.alive) return void this.#agents.delete(node);
    const others = (): boolean => nodes.some((other) => other !== node && this.answers(other));
    const hears = (): boolean => node.linked || (node.onSegment && (others() || this.#listeners.size > 0));
    const cutOff = (): boolean => !node.carrier || (ear.acquainted && !hears());
    ear.acquainted ||= node.onSegment && others();
    const tell = (): void => ear.callbacks.forEach((callback) => callback());
    if (!ear.opinion && cutOff()) {
      this.#after(ear, node.carrier ? ISOLATED_AFTER_MS : CARRIER_MS, cutOff, tell, true);
    } else if (ear.opinion && !cutOff()) this.#after(ear, HEARD_AFTER_MS, () => !cutOff(), tell, false);
  }

  answers(node: SimNode): boolean {
    const agent = this.options.agentOf(node);
    return node.onSegment && agent?.alive === true && !agent.paused;
  }

  /** Changes an opinion after a time in which nothing has spoken against it and the process has not stood still. */
  #after(ear: Ear, [least, most]: Span, holds: () => boolean, act: () => void, opinion: boolean): void {
    if (ear.pending) return;
    const { clock, random } = this.options;
    const wait: Wait = { holds, broken: false };
    const { pauses } = ear.process;
    ear.pending = true;
    this.#waits.add(wait);
    clock.after(random.between(least, most), () => {
      ear.pending = false;
      this.#waits.delete(wait);
      if (!ear.process.alive) return;
      const steady = !wait.broken && !ear.process.paused && ear.process.pauses === pauses;
      if (!steady || !holds()) return this.look();
      ear.opinion = opinion;
      ear.process.run(act);
      this.look();
    });
  }
}

type Span = readonly [least: number, most: number];

/** What must hold all the time. */
interface Wait {
  readonly holds: () => boolean;
  broken: boolean;
}
