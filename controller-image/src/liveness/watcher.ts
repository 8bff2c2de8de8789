// Which nodes are lost, from their answers and their silence, and from what other nodes say of them. Pure: time, chance and
// the network are the caller's. It knows nothing of Kubernetes, so a failing API server changes no verdict.
//
// A node is lost only when all of this holds:
//  - it has answered before, and since then nothing for the limit;
//  - no other node has heard it, and its kernel has answered no knock (a node whose agent alone is gone goes on serving);
//  - others than the node of this process, two where there are two, have asked it in vain themselves, and have heard a third;
//  - more than half of all nodes answer, so that whoever is cut off himself blames nobody.
// Silence is counted in attentive time: while this process pauses, that clock stands still.
import type { Answer, Peer, Probe } from "./message";
import { MAX_NODES } from "./message";
import { Panel } from "./panel";
import { STANDBY_TIMES, WATCH_TIMES } from "./times";
import { type NodeState, Watched } from "./watched";

export interface WatchedNode extends Peer {
  /** It has addresses, or is about to get some: it is asked as often as possible. */
  readonly owns: boolean;
  /** Another replica leads there: one that stands by is all that can find the node lost soon. @default false */
  readonly leads?: boolean;
}

export interface WatcherOptions {
  /** Name of the node that this process runs on: it cannot be a witness, as both would be cut off together. */
  readonly ownNode: string;
  /** Tells this process from every other. */
  readonly boot: number;
  readonly nonce: () => number;
  /** 0 (inclusive) to 1 (exclusive). */
  readonly random: () => number;
  /** What the node is to be told: addresses that it had, each with the node that has it now. @default nothing */
  readonly moved?: (nodeName: string) => readonly Peer[];
}

export interface Outgoing {
  readonly to: Peer;
  readonly probe: Probe;
}

export interface Tick {
  readonly send: readonly Outgoing[];
  /** Nodes whose kernels are to be asked. */
  readonly knock: readonly Peer[];
  /** When to call again. */
  readonly waitMs: number;
}

export interface Verdict {
  readonly name: string;
  readonly lost: boolean;
  /** How long it was silent before it was lost; or how long it was lost. */
  readonly afterMs: number;
  /** Why a node is no longer lost: the very agent answers, another one does (so the node was started anew), or it was removed. */
  readonly because?: "same agent" | "new agent" | "removed";
}

/** Whom a node may ask when it hears nobody: so many, chosen anew after this time. */
const PEERS = 3;
const PEERS_FOR_MS = 10_000;
/** A node that is suspect because of fewer probes was hardly asked. */
const LEAST_PROBES = 4;
/** The share of nodes that answer is judged by at least so many, where there are so many. */
const LEAST_SAMPLE = 16;
/** Nodes of which nothing is known lately are asked when another is suspect, so many a round: is it the one, or are it all? */
const CANARIES = 40;
/** So much sooner than due a node is asked together with others: a share of the time between two questions, within bounds. */
const EARLY_SHARE = 0.4;
const LONGEST_EARLY_MS = 16;
const SHORTEST_WAIT_MS = 5;
const LONGEST_WAIT_MS = 50;
const SECOND_MS = 1_000;
/** Longer than a question can go unanswered by a node that lives and is busy, and than any verdict takes. */
const LATELY_MS = 2_000;

export class Watcher {
  readonly #nodes = new Map<string, Watched>();
  readonly #panel: Panel;
  /** By the name of the witness: a node that it must hear for its silence about others to count. */
  readonly #controls = new Map<string, Watched>();
  #list: readonly Watched[] = [];
  #times = STANDBY_TIMES;
  /** Attentive time. */
  #at = 0;
  #calledAt: number | undefined;
  #waitMs = 0;
  #nextAskAt = 0;
  #counts: Readonly<Record<NodeState, number>> = NOBODY;
  #owners = 0;
  /** What nodes are told of when they will be asked again. */
  #promised = { owner: 0, other: 0 };
  readonly #pending: Verdict[] = [];

  constructor(private readonly options: WatcherOptions) {
    this.#panel = new Panel(options.random);
  }

  /** How many nodes are in each state. */
  get counts(): Readonly<Record<NodeState, number>> {
    return this.#counts;
  }

  /** Whether the node, or another one for it, has given a sign of life lately; undefined for one that has never given any. */
  hears(name: string): boolean | undefined {
    const node = this.#nodes.get(name);
    if (node?.boot === undefined) return undefined;
    if (node.lostAt !== undefined) return false;
    return node.silentFor(this.#at) < LATELY_MS || this.#livesElsewhere(node);
  }

  /** Who is to be watched from now on. A node that is no longer among them is forgotten. */
  watch(nodes: Iterable<WatchedNode>): void {
    const { random } = this.options;
    const before = new Map(this.#nodes);
    this.#nodes.clear();
    for (const { name, address, owns, leads = false } of nodes) {
      const known = before.get(name);
      const same = known?.peer.address === address;
      const node = same ? known : new Watched({ name, address }, owns, this.#at - random() * SECOND_MS);
      if (same) before.delete(name);
      node.owns = owns;
      node.leads = leads;
      this.#nodes.set(name, node);
    }
    for (const { name, lostAt } of before.values()) {
      if (lostAt === undefined) continue;
      this.#pending.push({ name, lost: false, afterMs: this.#at - lostAt, because: "removed" });
    }
    this.#list = [...this.#nodes.values()];
    this.#owners = this.#list.filter(({ owns }) => owns).length;
    this.#counts = this.#count();
  }

  /** Whether this replica acts on what it learns; one that does not asks less often. */
  lead(leading: boolean): void {
    this.#times = leading ? WATCH_TIMES : STANDBY_TIMES;
  }

  /** What is due. */
  tick(now: number): Tick {
    const passed = this.#calledAt === undefined ? 0 : now - this.#calledAt;
    this.#calledAt = now;
    this.#at += Math.min(Math.max(0, passed), this.#waitMs + this.#times.lateMs);
    const at = this.#at;
    const intervals = this.#intervals();
    this.#promised = { owner: intervals.answering, other: intervals.others };
    const counts = { ...NOBODY };
    const send: Outgoing[] = [];
    const silent: Watched[] = [];
    let next = at + LONGEST_WAIT_MS;
    for (const node of this.#list) {
      const state = this.#stateOf(node);
      counts[state]++;
      if (state === "suspect" || state === "agent silent") silent.push(node);
      const interval = this.#intervalOf(node, state, intervals);
      // Whoever is due soon is asked now, or every node would have its own timer.
      if (node.lastSentAt + interval - Math.min(LONGEST_EARLY_MS, interval * EARLY_SHARE) <= at) {
        send.push(this.#probe(node, "peers", this.#peersOf(node)));
        const moved = state === "answering" ? this.#movedFrom(node) : [];
        if (moved.length > 0) send.push(this.#probe(node, "moved", moved));
      }
      next = Math.min(next, node.lastSentAt + interval);
      if (state === "answering" && node.silentSince !== undefined) {
        next = Math.min(next, node.silentSince + this.#times.answerMs);
      }
    }
    this.#counts = counts;
    send.push(...this.#askAbout(silent));
    const knock = silent.filter((node) => this.#mayKnock(node)).map(({ peer }) => peer);
    this.#waitMs = Math.max(SHORTEST_WAIT_MS, next - at);
    return { send, knock, waitMs: this.#waitMs };
  }

  #intervalOf({ owns, leads }: Watched, state: NodeState, intervals: Intervals): number {
    if (state !== "answering") return intervals[state];
    // One node more costs nothing, however many share what may be spent.
    if (leads) return WATCH_TIMES.intervalMs;
    return owns ? intervals.answering : intervals.others;
  }

  /** @returns false when it answers no probe that is open: late, repeated, or of another watcher */
  heard(answer: Answer): boolean {
    const node = this.#nodes.get(answer.node);
    const asked = node?.heard(answer, this.#at);
    if (node === undefined || asked === undefined) return false;
    const [control, ...reports] = answer.reports;
    asked.slice(1).forEach((name, index) => {
      const report = reports[index];
      // Who does not even hear a node that answers me may say that it hears another, but not that it does not.
      if (report === undefined || (control?.heardAgoMs === undefined && report.heardAgoMs === undefined)) return;
      this.#nodes.get(name)?.reported(node.name, report, this.#at);
    });
    if (node.lostAt !== undefined) {
      const because = node.boot === answer.boot ? "same agent" : "new agent";
      this.#pending.push({ name: node.name, lost: false, afterMs: this.#at - node.lostAt, because });
      node.lostAt = undefined;
    }
    node.boot = answer.boot;
    return true;
  }

  /** The node's kernel took a connection or refused it: the machine runs and is reached. */
  knocked(name: string): void {
    this.#nodes.get(name)?.elsewhere(this.#at);
  }

  /** To be called once everything that had arrived by the last tick was given to {@link heard}. */
  judge(): Verdict[] {
    const verdicts = this.#pending.splice(0);
    const { limitMs, restMs } = this.#times;
    const silent = this.#list.filter(
      (node) => node.boot !== undefined && node.lostAt === undefined && node.silentFor(this.#at) >= limitMs,
    );
    if (silent.length === 0 || !this.#mostAnswer()) return verdicts;
    const able = this.#able();
    const needed = Math.min(2, able.length);
    if (needed === 0) return verdicts;
    for (const node of silent) {
      // Since the last sign of life that others had it must have been asked as often as any other suspect.
      const sign = this.#at - node.elsewhereAt < limitMs + 2 * restMs;
      if (node.unanswered < LEAST_PROBES || sign) continue;
      const witnesses = node.witnesses(this.#at - limitMs).filter((name) => able.includes(name));
      if (witnesses.length < needed) continue;
      node.lostAt = this.#at;
      verdicts.push({ name: node.name, lost: true, afterMs: node.silentFor(this.#at) });
    }
    return verdicts;
  }

  /** A few at a time, by turns, until there are none. */
  #movedFrom(node: Watched): readonly Peer[] {
    const all = this.options.moved?.(node.name) ?? [];
    if (all.length <= MAX_NODES) return all;
    const from = (node.told += MAX_NODES) % all.length;
    return [...all.slice(from), ...all].slice(0, MAX_NODES);
  }

  #count(): Record<NodeState, number> {
    const counts = { ...NOBODY };
    for (const node of this.#list) counts[this.#stateOf(node)]++;
    return counts;
  }

  #stateOf(node: Watched): NodeState {
    if (node.boot === undefined) return "unheard";
    if (node.lostAt !== undefined) return "lost";
    if (node.silentFor(this.#at) < this.#times.answerMs) return "answering";
    return this.#livesElsewhere(node) ? "agent silent" : "suspect";
  }

  /** Somebody else has had a sign of life of it lately: it is asked less often. */
  #livesElsewhere({ elsewhereAt }: Watched): boolean {
    return this.#at - elsewhereAt < 2 * this.#times.restMs;
  }

  /** Nodes whose word counts: those that answer, but for a probe that may have been lost. */
  #able(): string[] {
    const { ownNode } = this.options;
    return this.#list.flatMap((node) => {
      const { name, boot, lostAt } = node;
      const answers = boot !== undefined && lostAt === undefined && node.silentFor(this.#at) < this.#times.askAfterMs;
      return answers && name !== ownNode ? name : [];
    });
  }

  /** Whether more than half of all nodes that ever answered still do, as far as those tell that were asked lately. */
  #mostAnswer(): boolean {
    const { limitMs } = this.#times;
    let [all, lost, answer, silent] = [0, 0, 0, 0];
    for (const node of this.#list) {
      if (node.boot === undefined) continue;
      all++;
      if (node.lostAt !== undefined) lost++;
      else if (node.silentFor(this.#at) >= limitMs / 2) silent++;
      else if (node.heardAt >= this.#at - limitMs) answer++;
    }
    const sample = answer + silent;
    if (sample < Math.min(LEAST_SAMPLE, all - lost)) return false;
    return (answer / sample) * (all - lost) > all / 2;
  }

  /** Questions to others about the silent ones, and to those of which nothing is known lately. */
  #askAbout(suspects: readonly Watched[]): Outgoing[] {
    const { askAfterMs, askEveryMs, restMs, perSecond, limitMs } = this.#times;
    if (suspects.length === 0) {
      this.#panel.dismiss();
      this.#controls.clear();
      return [];
    }
    const about = suspects.filter((node) => node.silentFor(this.#at) >= askAfterMs);
    if (about.length === 0 || this.#at < this.#nextAskAt) return [];
    const send: Outgoing[] = [];
    for (const [witness, asked] of this.#panel.round(
      about.map(({ name }) => name),
      this.#able(),
    )) {
      const node = this.#nodes.get(witness);
      const control = node && this.#controlFor(node);
      if (node === undefined || control === undefined) continue;
      for (let from = 0; from < asked.length; from += MAX_NODES - 1) {
        const peers = asked.slice(from, from + MAX_NODES - 1).flatMap((name) => this.#nodes.get(name)?.peer ?? []);
        send.push(this.#probe(node, "asks", [control, ...peers]));
      }
    }
    const unknown = this.#list.filter(
      (node) => node.heardAt < this.#at - limitMs && this.#stateOf(node) === "answering",
    );
    for (const node of sample(unknown, CANARIES, this.options.random)) {
      send.push(this.#probe(node, "peers", this.#peersOf(node)));
    }
    const urgent = about.some((node) => this.#stateOf(node) === "suspect");
    const least = (SECOND_MS * send.length) / perSecond;
    this.#nextAskAt = this.#at + Math.max(urgent ? askEveryMs : restMs, least);
    return send;
  }

  /** A node that answers, about which the witness is asked as well: whether it hears anybody. */
  #controlFor(witness: Watched): Peer | undefined {
    const fits = (node: Watched | undefined): boolean =>
      node !== undefined && node !== witness && this.#stateOf(node) === "answering";
    let control = this.#controls.get(witness.name);
    if (!fits(control)) control = sample(this.#list, CANARIES, this.options.random).find(fits);
    if (control === undefined) return undefined;
    this.#controls.set(witness.name, control);
    return control.peer;
  }

  #probe(node: Watched, list: Probe["list"], nodes: readonly Peer[]): Outgoing {
    const { boot, nonce, ownNode } = this.options;
    const number = nonce();
    const asked = list === "asks" ? nodes.map(({ name }) => name) : [];
    node.sent(number, this.#at, asked);
    const { name, peer, echo } = node;
    const probe: Probe = {
      type: "probe",
      prober: name === ownNode ? "neighbour" : "controller",
      node: name,
      boot,
      nonce: number,
      echo,
      intervalMs: node.owns ? this.#promised.owner : this.#promised.other,
      list,
      nodes,
    };
    return { to: peer, probe };
  }

  #peersOf(node: Watched): readonly Peer[] {
    const stale = this.#at - node.peersAt > PEERS_FOR_MS;
    const gone = node.peers.some(({ name }) => this.#nodes.get(name)?.lostAt !== undefined);
    const full = node.peers.length === Math.min(PEERS, this.#list.length - 1);
    if (full && !stale && !gone) return node.peers;
    // Drawn from a few more than needed, not from all: this is done for every node.
    const drawn = sample(this.#list, PEERS + 4, this.options.random);
    const fit = drawn.filter((other) => other !== node && this.#stateOf(other) === "answering").slice(0, PEERS);
    // Better the old ones than none.
    if (fit.length > (stale || gone ? 0 : node.peers.length)) {
      node.peers = fit.map(({ peer }) => peer);
      node.peersAt = this.#at;
    }
    return node.peers;
  }

  #mayKnock(node: Watched): boolean {
    const { askAfterMs, askEveryMs, restMs } = this.#times;
    const every = this.#livesElsewhere(node) ? restMs : 2 * askEveryMs;
    if (node.silentFor(this.#at) < askAfterMs || this.#at - node.lastKnockAt < every) return false;
    node.lastKnockAt = this.#at;
    return true;
  }

  /** From one probe to the next, by the state of the node: many share what may be spent. */
  #intervals(): Intervals {
    const { intervalMs, retryMs, restMs, perSecond, othersPerSecond } = this.#times;
    const { lost, suspect, unheard } = this.#counts;
    const shared = (least: number, count: number, each: number): number => Math.max(least, (SECOND_MS * count) / each);
    const rest = shared(restMs, lost + this.#counts["agent silent"], othersPerSecond);
    return {
      answering: shared(intervalMs, this.#owners, perSecond),
      others: shared(intervalMs, this.#list.length - this.#owners, othersPerSecond),
      suspect: shared(retryMs, suspect, perSecond),
      "agent silent": rest,
      lost: rest,
      unheard: shared(restMs, unheard, perSecond),
    };
  }
}

type Intervals = Readonly<Record<NodeState | "others", number>>;

const NOBODY = { unheard: 0, answering: 0, suspect: 0, "agent silent": 0, lost: 0 } as const;

/** So many of them at most, each once. */
function sample<T>(all: readonly T[], count: number, random: () => number): T[] {
  if (all.length <= count) return [...all];
  const chosen = new Set<number>();
  while (chosen.size < count) chosen.add(Math.floor(random() * all.length));
  return [...chosen].flatMap((index) => all[index] ?? []);
}
