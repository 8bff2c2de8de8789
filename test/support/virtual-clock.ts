// Time that stands still until a test moves it, and chance that a seed decides.
import type { Clock } from "../../controller-image/src/kube/api";

interface Timer {
  readonly at: number;
  readonly order: number;
  /** Undefined once it has fired or was cancelled. */
  callback: (() => void) | undefined;
}

const isBefore = (left: Timer, right: Timer): boolean =>
  left.at < right.at || (left.at === right.at && left.order < right.order);

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
  /** A binary heap, soonest first; what was cancelled leaves it when its time comes. */
  readonly #timers: Timer[] = [];
  #pending = 0;

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
    this.#push(timer);
    return () => {
      if (timer.callback !== undefined) this.#pending--;
      timer.callback = undefined;
    };
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
    return this.#pending;
  }

  /** Milliseconds until each timer, soonest first. */
  get waits(): number[] {
    const waiting = this.#timers.filter(({ callback }) => callback !== undefined);
    return waiting.map((timer) => timer.at - this.#now).sort((left, right) => left - right);
  }

  /** Milliseconds until the next timer; undefined when none waits. */
  get untilNext(): number | undefined {
    const next = this.#next();
    return next === undefined ? undefined : next.at - this.#now;
  }

  /** Moves time on to the next timer and fires it, if that is not later than `end`; answers whether there was one. */
  step(end: number): boolean {
    const next = this.#next();
    if (next === undefined || next.at > end) return false;
    this.#fire(next);
    return true;
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
    const { callback } = timer;
    timer.callback = undefined;
    this.#pending--;
    this.#pop();
    this.#now = timer.at;
    callback?.();
  }

  #next(): Timer | undefined {
    let first = this.#timers[0];
    while (first !== undefined && first.callback === undefined) {
      this.#pop();
      first = this.#timers[0];
    }
    return first;
  }

  #push(timer: Timer): void {
    const timers = this.#timers;
    this.#pending++;
    let at = timers.push(timer) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = timers[above]!;
      if (!isBefore(timer, parent)) break;
      timers[at] = parent;
      at = above;
    }
    timers[at] = timer;
  }

  /** Takes the first one out. */
  #pop(): void {
    const timers = this.#timers;
    const last = timers.pop();
    if (last === undefined || timers.length === 0) return;
    let at = 0;
    for (;;) {
      let below = 2 * at + 1;
      if (below >= timers.length) break;
      if (below + 1 < timers.length && isBefore(timers[below + 1]!, timers[below]!)) below++;
      if (!isBefore(timers[below]!, last)) break;
      timers[at] = timers[below]!;
      at = below;
    }
    timers[at] = last;
  }
}
