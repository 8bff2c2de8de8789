// How fast and how much at once: two lanes, so that an address whose node is lost never waits behind housekeeping.
//
// Compute allows 1,500 requests a minute for each group of methods, unless the project has another quota (API rate quotas,
// cloud.google.com/compute/api-quota, read 2026-08). The ordinary lane takes at most 620 of them in any minute, whatever the
// group; the urgent lane has a bucket for each group, of at most 840. So both together stay below, and a zone that is lost with
// hundreds of leaders is left in one burst.
import type { Clock } from "../../kube/api";
import { pause } from "../../kube/backoff";
import { ComputeError } from "./compute";

export interface Rate {
  readonly perSecond: number;
  readonly burst: number;
}

export interface Limits {
  /** Calls of every group together. */
  readonly ordinary: Rate;
  /** Calls of each group that are urgent. */
  readonly urgent: Rate;
  /** Operations that may be under way at once; the urgent ones have places of their own. */
  readonly operations: { readonly ordinary: number; readonly urgent: number };
}

export const LIMITS: Limits = {
  ordinary: { perSecond: 10, burst: 20 },
  urgent: { perSecond: 8, burst: 360 },
  operations: { ordinary: 8, urgent: 128 },
};

/** Told how long something waited, when it had to. */
export type OnThrottled = (why: "rate" | "quota" | "operations", milliseconds: number, urgent: boolean) => void;

export class Limiter {
  readonly #ordinary: Bucket;
  readonly #urgent = new Map<string, Bucket>();
  readonly #places: { readonly ordinary: Places; readonly urgent: Places };
  /** When the cloud takes calls of a group again, by the clock. */
  readonly #closedUntil = new Map<string, number>();

  constructor(
    private readonly clock: Clock,
    private readonly signal: AbortSignal,
    private readonly onThrottled: OnThrottled = () => undefined,
    private readonly limits: Limits = LIMITS,
  ) {
    this.#ordinary = new Bucket(clock, limits.ordinary);
    const { ordinary, urgent } = limits.operations;
    this.#places = { ordinary: new Places(ordinary), urgent: new Places(urgent) };
  }

  /** Resolves when a call of the group may be sent; in the order in which they asked, per lane. */
  async turn(group: string, urgent: boolean): Promise<void> {
    for (;;) {
      // A group that the cloud has closed takes no turn from the others.
      const closedMs = (this.#closedUntil.get(group) ?? 0) - this.clock.now();
      if (closedMs > 0) {
        await this.#wait(closedMs, "quota", urgent);
        continue;
      }
      const rateMs = (urgent ? this.#urgentBucket(group) : this.#ordinary).take();
      if (rateMs > 0) await this.#wait(rateMs, "rate", urgent);
      if ((this.#closedUntil.get(group) ?? 0) <= this.clock.now()) return;
    }
  }

  /** Sends no call of the group for so long: the cloud has said that it takes none. */
  close(group: string, milliseconds: number): void {
    this.#closedUntil.set(group, Math.max(this.#closedUntil.get(group) ?? 0, this.clock.now() + milliseconds));
  }

  /** Runs it while it holds one of the places for operations. */
  async operation<T>(urgent: boolean, run: () => Promise<T>): Promise<T> {
    const places = urgent ? this.#places.urgent : this.#places.ordinary;
    const asked = this.clock.now();
    await places.enter(this.signal);
    const waited = this.clock.now() - asked;
    if (waited > 0) this.onThrottled("operations", waited, urgent);
    try {
      return await run();
    } finally {
      places.leave();
    }
  }

  async #wait(milliseconds: number, why: "rate" | "quota", urgent: boolean): Promise<void> {
    this.onThrottled(why, milliseconds, urgent);
    await pause(this.clock, milliseconds, this.signal);
    if (this.signal.aborted) throw closed();
  }

  #urgentBucket(group: string): Bucket {
    let bucket = this.#urgent.get(group);
    if (bucket === undefined) this.#urgent.set(group, (bucket = new Bucket(this.clock, this.limits.urgent)));
    return bucket;
  }
}

/** What everything is refused with that was not done yet when the client was closed. */
export function closed(call = ""): ComputeError {
  return new ComputeError("the client was closed before there was an answer", 0, "closed", call);
}

/** A bucket of tokens, in which a debt is a wait: who takes from an empty one knows at once when its turn is. */
class Bucket {
  #tokens: number;
  #at: number;

  constructor(
    private readonly clock: Clock,
    private readonly rate: Rate,
  ) {
    this.#tokens = rate.burst;
    this.#at = clock.now();
  }

  /** Milliseconds until the turn that is hereby taken. */
  take(): number {
    const now = this.clock.now();
    const { perSecond, burst } = this.rate;
    this.#tokens = Math.min(burst, this.#tokens + ((now - this.#at) / 1000) * perSecond) - 1;
    this.#at = now;
    return this.#tokens >= 0 ? 0 : Math.ceil((-this.#tokens / perSecond) * 1000);
  }
}

class Places {
  readonly #waiting: (() => void)[] = [];
  #taken = 0;

  constructor(private readonly size: number) {}

  async enter(signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw closed();
    if (this.#taken < this.size) return void this.#taken++;
    await new Promise<void>((resolve, reject) => {
      const entered = (): void => {
        signal.removeEventListener("abort", left);
        resolve();
      };
      const left = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(entered), 1);
        reject(closed());
      };
      this.#waiting.push(entered);
      signal.addEventListener("abort", left, { once: true });
    });
  }

  /** The place goes to who has waited longest, without being free in between. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken--;
    else next();
  }
}
