// Whether a node is cut off from everybody: whether it hears nobody, or nobody hears it. Pure: the caller tells what was heard
// and asks what to do.
//
// A controller's probe shows not only that the controller is there, but also until when it has heard this node. One that goes
// on asking and hears nothing new will find this node lost, however well it is heard here. Answers of nodes and of the API
// server to what was asked here go both ways anyway.
//
// Losing the controller is no isolation, nor is losing the API server: as long as anybody at all is heard, the addresses of
// the node may still be its own. And a node that has never known others to ask stays what it is.
import type { Peer } from "./message";
import type { Contact } from "./responder";
import { ISOLATION_TIMES, UNHEARD_PROBES } from "./times";

export type IsolationCause = "silence" | "carrier";

export interface IsolationTick {
  /** Nodes to be asked now. */
  readonly probe: readonly Peer[];
  /** Whether the API server is to be asked now. */
  readonly askApi: boolean;
  /** When to call again. */
  readonly waitMs: number;
}

/** With fewer other nodes the controller never judges one of them lost, so nothing is taken from this one either. */
const LEAST_PEERS = 2;
/** How late the caller may call before the time counts as a pause of this process. */
const LATE_MS = 20;
/** A replica that has not been heard for so long no longer says how often the controller asks. */
const FORGET_MS = 3_000;
/** How soon a lost carrier is noticed. */
const LONGEST_WAIT_MS = 100;
/** More than there are replicas; of one that is gone nothing need be known. */
const MAX_CONTROLLERS = 8;

/** What one controller has shown last. */
interface Proof {
  /** When the answer was given that it is known to have heard: the caller's time. */
  readonly provenAt: number;
  /** When the probe came that showed it; its answer is the first that the controller may not have heard. */
  readonly at: number;
}

export class IsolationDetector {
  /** Attentive time. */
  #at = 0;
  #calledAt: number | undefined;
  #intervalMs = Infinity;
  #oftenAt = 0;
  #waitMs = 0;
  #heardAt = 0;
  /** When a controller should have been heard again, and have shown that it hears: only from then on silence says something. */
  #controllerDueAt: number | undefined;
  /** The same of nodes and of the API server, where one of them was heard after the controller. */
  #othersDueAt = 0;
  /** By controller, the one with the newest proof last. */
  readonly #proofs = new Map<number, Proof>();
  /** When what some controller has heard was newer than before. */
  #newsAt = 0;
  /** Up to when what was said here is known to have been heard. */
  #provenAt = 0;
  /** Probes since then that showed nothing new, and when the last one came that was counted. */
  #unheard = 0;
  #countedAt = 0;
  #down = false;
  #peers: readonly Peer[] = [];
  #probedAt = Number.NEGATIVE_INFINITY;
  #askedApiAt = Number.NEGATIVE_INFINITY;
  #cause: IsolationCause | undefined;
  /** By the caller's time. */
  #causeSince = 0;

  /** Why the node is isolated; undefined while it is not. */
  get cause(): IsolationCause | undefined {
    return this.#cause;
  }

  controllerHeard(now: number, { from, provenAt, intervalMs, peers, neighbour }: Contact): void {
    const at = this.#attentive(now);
    if (peers !== undefined && peers.length > 0) this.#peers = peers;
    if (neighbour) {
      // Whom to ask is worth knowing. That it is heard is not: both would be cut off together.
      this.#controllerDueAt ??= at + intervalMs;
      if (this.#intervalMs === Infinity) this.#intervalMs = intervalMs;
      return;
    }
    // Replicas that stand by ask less often; what counts is whoever asks most often.
    if (intervalMs <= this.#intervalMs || at - this.#oftenAt > FORGET_MS) {
      this.#intervalMs = intervalMs;
      this.#oftenAt = at;
    }
    if (this.#learned(from, provenAt, at)) {
      // Only what was said since shows that the isolation is over.
      if (provenAt >= this.#causeSince) this.#reconnected();
    } else if (at - this.#countedAt >= ISOLATION_TIMES.apartMs) {
      this.#countedAt = at;
      this.#unheard++;
    }
    if (this.#unheard < UNHEARD_PROBES) {
      this.#heardAt = at;
      this.#controllerDueAt = at + this.#intervalMs;
      this.#othersDueAt = 0;
    } else {
      // The next proof was due with the probe after the last one whose answer was heard; that probe has come, without one.
      this.#controllerDueAt = Math.min(this.#provenAt + this.#intervalMs, this.#newsAt);
    }
  }

  peerHeard(now: number): void {
    this.#answered(this.#attentive(now), ISOLATION_TIMES.restMs);
  }

  apiHeard(now: number): void {
    this.#answered(this.#attentive(now), ISOLATION_TIMES.askApiEveryMs);
  }

  /** @param up whether the uplink has a carrier; undefined where that cannot be known */
  tick(now: number, up: boolean | undefined): IsolationTick {
    const { tickMs, askPeersAfterMs, askPeersEveryMs, askApiEveryMs, restMs, windowMs } = ISOLATION_TIMES;
    this.#at = this.#attentive(now);
    this.#calledAt = now;
    const silentMs = this.#at - this.#heardAt;
    this.#down = up === false;
    const connected = this.#cause === undefined;
    if (this.#down) this.#cause = "carrier";
    else if (this.#mayJudge() && this.#at - this.#dueAt >= windowMs) this.#cause ??= "silence";
    if (connected && this.#cause !== undefined) this.#causeSince = now;

    const patienceMs = (this.#controllerDueAt ?? Infinity) + askPeersAfterMs - this.#at;
    const leftMs = this.#dueAt + windowMs - this.#at;
    // No pause of others is to be feared where they go on asking, so that one is judged to the millisecond.
    const mostMs = this.#unheard < UNHEARD_PROBES || leftMs <= 0 ? LONGEST_WAIT_MS : Math.min(LONGEST_WAIT_MS, leftMs);
    this.#waitMs = Math.min(mostMs, Math.max(tickMs, patienceMs));
    if (this.#cause === undefined && patienceMs > 0) return { probe: [], askApi: false, waitMs: this.#waitMs };
    // Often only while nobody answers and nothing is decided: a controller may be away for hours.
    const urgent = this.#cause === undefined && silentMs > restMs + tickMs;
    const probe = this.#at - this.#probedAt >= (urgent ? askPeersEveryMs : restMs) ? this.#peers : [];
    if (probe.length > 0) this.#probedAt = this.#at;
    // The API server only where nodes do not answer either, or every agent would ask it whenever the controller is away.
    const askApi = silentMs >= windowMs / 2 && this.#at - this.#askedApiAt >= askApiEveryMs;
    if (askApi) this.#askedApiAt = this.#at;
    return { probe, askApi, waitMs: this.#waitMs };
  }

  /** Later than asked for is no silence of others: this process has slept. */
  #attentive(now: number): number {
    const passed = this.#calledAt === undefined ? 0 : now - this.#calledAt;
    return this.#at + Math.min(Math.max(0, passed), this.#waitMs + LATE_MS);
  }

  get #dueAt(): number {
    return Math.max(this.#controllerDueAt ?? 0, this.#othersDueAt);
  }

  #mayJudge(): boolean {
    return this.#controllerDueAt !== undefined && this.#peers.length >= LEAST_PEERS;
  }

  /** @returns whether the controller shows that it has heard more of this node than it has shown before */
  #learned(from: number, provenAt: number, at: number): boolean {
    const last = this.#proofs.get(from);
    if (last !== undefined && provenAt <= last.provenAt) return false;
    this.#proofs.delete(from);
    this.#proofs.set(from, { provenAt, at });
    for (const oldest of this.#proofs.keys()) {
      if (this.#proofs.size <= MAX_CONTROLLERS) break;
      this.#proofs.delete(oldest);
    }
    // That is the answer to the probe that brought the proof before this one, or a later one.
    this.#provenAt = Math.max(this.#provenAt, last?.at ?? at);
    this.#newsAt = this.#countedAt = at;
    this.#unheard = 0;
    return true;
  }

  #answered(at: number, againInMs: number): void {
    this.#heardAt = at;
    this.#othersDueAt = at + againInMs;
    this.#reconnected();
  }

  /** Ends the isolation; one by the carrier only once it is back, as whoever was heard came another way. */
  #reconnected(): void {
    if (!this.#down) this.#cause = undefined;
  }
}
