// Work by key. A key is in the queue at most once and is never worked on twice at a time; what arrives while it is worked
// on makes it run once more. Failures are tried again, later and later.
import { ceilingMs, longestMs } from "./backoff";
import { KubeError, type Clock, type Log } from "./api";

/** Most urgent first. */
export const LANES = ["failover", "move", "housekeeping"] as const;
export type QueueLane = (typeof LANES)[number];

export interface WorkQueueOptions {
  readonly clock: Clock;
  readonly log: Log;
  /**
   * Works on one key. When it resolves, the key is done and its failures are forgotten; a number of milliseconds makes it
   * run again after that time. When it rejects, the key runs again after its backoff.
   */
  readonly run: (key: string) => Promise<number | undefined> | Promise<void>;
  /** Keys that are worked on at a time. @default 1 */
  readonly concurrency?: number;
  /** So many more of the first lane: others may take long because somebody keeps the API server waiting. @default 0 */
  readonly moreForFailover?: number;
  /** Ceiling of the first wait after a failure. @default 5 */
  readonly firstRetryMs?: number;
  /** Ceiling of every later one; less where nobody answered. @default 60000 */
  readonly maxRetryMs?: number;
}

export interface QueueCounters {
  /** Keys that wait for a free worker. */
  readonly waiting: number;
  readonly running: number;
  /** Keys that wait for a time. */
  readonly delayed: number;
  /** Runs that rejected, since the start. */
  readonly failures: number;
}

/** After so many keys in a row went past a waiting key of a lower lane, one of that lane goes first. */
const OVERTAKING_LIMIT = 16;

interface Delayed {
  readonly dueAt: number;
  readonly lane: QueueLane;
  /** Ours, for a failure; a success in the meantime makes it pointless. */
  readonly isRetry: boolean;
  readonly cancel: () => void;
}

export class WorkQueue {
  readonly #lanes: Readonly<Record<QueueLane, Set<string>>> = {
    failover: new Set(),
    move: new Set(),
    housekeeping: new Set(),
  };
  /** Keys that must run (once more), by lane; those that run at the moment are in no lane's set until they end. */
  readonly #dirty = new Map<string, QueueLane>();
  readonly #running = new Map<string, QueueLane>();
  readonly #delayed = new Map<string, Delayed>();
  readonly #failures = new Map<string, number>();
  #failed = 0;
  #overtaken = 0;
  #pumping = false;
  #closed = false;
  #paused = false;
  #whenIdle: (() => void)[] = [];

  constructor(private readonly options: WorkQueueOptions) {}

  get counters(): QueueCounters {
    const waiting = LANES.reduce((sum, lane) => sum + this.#lanes[lane].size, 0);
    return { waiting, running: this.#running.size, delayed: this.#delayed.size, failures: this.#failed };
  }

  /** Makes the key run soon. A key that waits already is only moved to the more urgent lane of the two. */
  add(key: string, lane: QueueLane = "move"): void {
    if (this.#deaf) return;
    const present = this.#dirty.get(key);
    const urgent = present === undefined ? lane : moreUrgent(present, lane);
    if (present === urgent) return;
    this.#dirty.set(key, urgent);
    if (this.#running.has(key)) return;
    if (present !== undefined) this.#lanes[present].delete(key);
    this.#lanes[urgent].add(key);
    this.#pumpSoon();
  }

  /** Makes the key run after that time; of several times the earliest counts. */
  addAfter(key: string, ms: number, lane: QueueLane = "move"): void {
    this.#delay(key, ms, lane, false);
  }

  /** Forgets the failures of a key, and its time if it waits for one; for keys that are gone for good. */
  forget(key: string): void {
    this.#failures.delete(key);
    this.#cancelDelay(key);
  }

  /** How often a key has failed in a row. */
  failuresOf(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Drops what waits, failures and all, and takes nothing in until {@link resume}. What runs ends as it can. */
  pause(): void {
    this.#paused = true;
    for (const key of [...this.#delayed.keys()]) this.#cancelDelay(key);
    for (const lane of LANES) this.#lanes[lane].clear();
    this.#dirty.clear();
    this.#failures.clear();
  }

  /** Takes work in again. A key that still runs from before {@link pause} is not run a second time until it has ended. */
  resume(): void {
    this.#paused = false;
  }

  /** Takes nothing in any more, drops what waits, and resolves when what runs has ended. */
  shutdown(): Promise<void> {
    this.#closed = true;
    this.pause();
    if (this.#running.size === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#whenIdle.push(resolve));
  }

  get #deaf(): boolean {
    return this.#closed || this.#paused;
  }

  #delay(key: string, ms: number, lane: QueueLane, isRetry: boolean): void {
    if (this.#deaf) return;
    const dueAt = this.options.clock.now() + ms;
    const present = this.#delayed.get(key);
    if (present !== undefined && present.dueAt <= dueAt) {
      // The time that somebody asked for must outlive a success, whoever asked first.
      this.#delayed.set(key, {
        ...present,
        lane: moreUrgent(present.lane, lane),
        isRetry: present.isRetry && isRetry,
      });
      return;
    }
    present?.cancel();
    const cancel = this.options.clock.after(ms, () => {
      const due = this.#delayed.get(key);
      this.#delayed.delete(key);
      this.add(key, due?.lane ?? lane);
    });
    const merged = present === undefined ? lane : moreUrgent(present.lane, lane);
    this.#delayed.set(key, { dueAt, lane: merged, isRetry: isRetry && present?.isRetry !== false, cancel });
  }

  #cancelDelay(key: string): void {
    this.#delayed.get(key)?.cancel();
    this.#delayed.delete(key);
  }

  /** In a microtask, so that everything that one event adds is sorted by urgency before the first key starts. */
  #pumpSoon(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    queueMicrotask(() => {
      this.#pumping = false;
      while (!this.#deaf) {
        const lane = this.#nextLane();
        if (lane === undefined) return;
        const [key = ""] = this.#lanes[lane];
        this.#lanes[lane].delete(key);
        this.#dirty.delete(key);
        this.#running.set(key, lane);
        void this.#work(key, lane);
      }
    });
  }

  #nextLane(): QueueLane | undefined {
    const { concurrency = 1, moreForFailover = 0 } = this.options;
    const isFailover = this.#lanes.failover.size > 0;
    if (this.#running.size >= (isFailover ? concurrency + moreForFailover : concurrency)) return undefined;
    const others = [...this.#running.values()].filter((lane) => lane !== "failover").length;
    if (others >= concurrency) return "failover";
    const waiting = LANES.filter((lane) => this.#lanes[lane].size > 0);
    if (waiting.length <= 1) this.#overtaken = 0;
    else if (++this.#overtaken > OVERTAKING_LIMIT) {
      this.#overtaken = 0;
      return waiting[waiting.length - 1];
    }
    return waiting[0];
  }

  async #work(key: string, lane: QueueLane): Promise<void> {
    try {
      const againMs = await this.options.run(key);
      this.#failures.delete(key);
      if (this.#delayed.get(key)?.isRetry === true) this.#cancelDelay(key);
      if (typeof againMs === "number") this.#delay(key, againMs, lane, false);
    } catch (error) {
      this.#retry(key, lane, error);
    }
    this.#running.delete(key);
    const again = this.#dirty.get(key);
    if (again !== undefined) this.#lanes[again].add(key);
    if (this.#running.size === 0) this.#whenIdle.splice(0).forEach((resolve) => resolve());
    this.#pumpSoon();
  }

  #retry(key: string, lane: QueueLane, error: unknown): void {
    const { clock, log, firstRetryMs = 5, maxRetryMs = 60_000 } = this.options;
    // Nobody waits for it here any more, so its end is no failure.
    if (this.#deaf) return log("debug", "given up", { key, error });
    const failures = this.failuresOf(key);
    this.#failures.set(key, failures + 1);
    this.#failed++;
    const ceiling = ceilingMs({ firstMs: firstRetryMs, maxMs: longestMs(error, maxRetryMs) }, failures);
    const asked = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1000 : 0;
    // Half of it is fixed, so that a key that fails does so ever more rarely, whatever chance says.
    const ms = Math.max(asked, ceiling / 2 + (clock.random() * ceiling) / 2);
    const conflict = error instanceof KubeError && error.status === 409;
    log(conflict ? "debug" : "warn", "failed, will be tried again", {
      key,
      error,
      failures: failures + 1,
      retryMs: Math.round(ms),
    });
    this.#delay(key, ms, lane, true);
  }
}

function moreUrgent(left: QueueLane, right: QueueLane): QueueLane {
  return LANES.indexOf(left) <= LANES.indexOf(right) ? left : right;
}
