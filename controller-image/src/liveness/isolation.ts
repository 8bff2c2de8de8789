// Whether a node is cut off from everybody. Pure: the caller tells what was heard and asks what to do.
//
// Losing the controller is no isolation, nor is losing the API server: as long as anybody at all is heard, the addresses of
// the node may still be its own. And a node that has never known others to ask stays what it is.
import type { Peer } from "./message";
import type { Contact } from "./responder";
import { ISOLATION_TIMES } from "./times";

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

export class IsolationDetector {
  /** Attentive time. */
  #at = 0;
  #calledAt: number | undefined;
  #controllerAt: number | undefined;
  #intervalMs = Infinity;
  #oftenAt = 0;
  #waitMs = 0;
  #heardAt = 0;
  /** When somebody should have been heard again: only from then on silence says something. */
  #dueAt = 0;
  #down = false;
  #peers: readonly Peer[] = [];
  #probedAt = Number.NEGATIVE_INFINITY;
  #askedApiAt = Number.NEGATIVE_INFINITY;
  #cause: IsolationCause | undefined;

  /** Why the node is isolated; undefined while it is not. */
  get cause(): IsolationCause | undefined {
    return this.#cause;
  }

  controllerHeard(now: number, { intervalMs, peers, neighbour }: Contact): void {
    const at = this.#attentive(now);
    if (peers !== undefined && peers.length > 0) this.#peers = peers;
    if (neighbour) {
      // Whom to ask is worth knowing. That it is heard is not: both would be cut off together.
      this.#controllerAt ??= at;
      if (this.#intervalMs === Infinity) this.#intervalMs = intervalMs;
      return;
    }
    // Replicas that stand by ask less often; what counts is whoever asks most often.
    if (intervalMs <= this.#intervalMs || at - this.#oftenAt > FORGET_MS) {
      this.#intervalMs = intervalMs;
      this.#oftenAt = at;
    }
    this.#controllerAt = at;
    this.#heard(at, this.#intervalMs);
  }

  peerHeard(now: number): void {
    this.#heard(this.#attentive(now), ISOLATION_TIMES.restMs);
  }

  apiHeard(now: number): void {
    this.#heard(this.#attentive(now), ISOLATION_TIMES.askApiEveryMs);
  }

  /** @param up whether the uplink has a carrier; undefined where that cannot be known */
  tick(now: number, up: boolean | undefined): IsolationTick {
    const { tickMs, askPeersAfterMs, askPeersEveryMs, askApiEveryMs, restMs, windowMs } = ISOLATION_TIMES;
    this.#at = this.#attentive(now);
    this.#calledAt = now;
    const silentMs = this.#at - this.#heardAt;
    this.#down = up === false;
    if (this.#down) this.#cause = "carrier";
    else if (this.#mayJudge() && this.#at - this.#dueAt >= windowMs) this.#cause ??= "silence";

    const patienceMs = this.#intervalMs + askPeersAfterMs - (this.#at - (this.#controllerAt ?? this.#at));
    this.#waitMs = Math.min(LONGEST_WAIT_MS, Math.max(tickMs, patienceMs));
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

  #mayJudge(): boolean {
    return this.#controllerAt !== undefined && this.#peers.length >= LEAST_PEERS;
  }

  /** Ends the isolation; one by the carrier only once it is back, as whoever was heard came another way. */
  #heard(at: number, againInMs: number): void {
    this.#heardAt = at;
    this.#dueAt = at + againInMs;
    if (!this.#down) this.#cause = undefined;
  }
}
