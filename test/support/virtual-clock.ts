// Time that stands still until a test moves it, and chance that a seed decides.
import type { Clock } from "../../controller-image/src/kube/api";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly callback: () => void;
}

export interface VirtualClockOptions {
  /** Milliseconds since 1970 at `now() === 0`. @default 2026-01-01T00:00:00Z */
  readonly epoch?: number;
  /** @default 1 */
  readonly seed?: number;
}

/** Lets every promise that can settle without time settle. */
export function settle(): Promise<void> {
  // A macrotask runs after all microtasks that are queued now or by each other.
  return new Promise((resolve) => setImmediate(resolve));
}

export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  #state: number;
  readonly #epoch: number;
  readonly #timers = new Set<Timer>();

  constructor(options: VirtualClockOptions = {}) {
    this.#epoch = options.epoch ?? Date.UTC(2026, 0, 1);
    this.#state = (options.seed ?? 1) >>> 0;
  }

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return this.#epoch + this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** mulberry32: small, good enough for jitter, the same on every machine. */
  random(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Milliseconds until each timer, soonest first. */
  get waits(): number[] {
    return [...this.#timers].map((timer) => timer.at - this.#now).sort((left, right) => left - right);
  }

  /** Milliseconds until the next timer; undefined when none waits. */
  get untilNext(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.at - this.#now;
  }

  /** Moves time on, firing what falls due in the order of time; promises do not settle in between. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) this.#fire(next);
    this.#now = end;
  }

  /** Moves time on, and lets promises settle before, between and after the timers. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(); next !== undefined && next.at <= end; next = this.#next()) {
      this.#fire(next);
      await settle();
    }
    this.#now = end;
  }

  /** Runs until `done`, timer by timer; fails when no timer is left or `limitMs` of virtual time have passed. */
  async runUntil(done: () => boolean, limitMs = 600_000): Promise<void> {
    const end = this.#now + limitMs;
    for (;;) {
      await settle();
      if (done()) return;
      const next = this.#next();
      if (next === undefined) throw new Error("runUntil: nothing waits any more, and the condition does not hold");
      if (next.at > end) throw new Error(`runUntil: the condition does not hold after ${limitMs} ms of virtual time`);
      this.#fire(next);
    }
  }

  #fire(timer: Timer): void {
    this.#timers.delete(timer);
    this.#now = timer.at;
    timer.callback();
  }

  #next(): Timer | undefined {
    let best: Timer | undefined;
    for (const timer of this.#timers) {
      if (best === undefined || timer.at < best.at || (timer.at === best.at && timer.order < best.order)) best = timer;
    }
    return best;
  }
}
