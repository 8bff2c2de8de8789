// How often one object is written. No object needs more; but whoever else writes to it, again and again, is answered with a write
// each time, and the two would go on as fast as the API server can.
import type { Clock, Log } from "../kube/api";

/** So many writes may follow each other at once; a move takes four. */
const AT_ONCE = 20;
/** How often it is said of one object. */
const LOG_AGAIN_MS = 60_000;

const TEXT = "somebody else writes to an object again and again; from now on podpin writes to it only now and then";

interface Spent {
  /** When all that was spent will have come back. */
  readonly until: number;
  readonly loggedAt?: number;
}

export class WriteLimit {
  readonly #spent = new Map<string, Spent>();
  #sweptAt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly log: Log,
    /** From one write of an object to the next, after the first few. */
    private readonly everyMs: number,
  ) {}

  /** How long the next write of the object has to wait, in milliseconds. */
  waitMs(object: string): number {
    const spent = this.#spent.get(object);
    const now = this.clock.now();
    const waitMs = spent === undefined ? 0 : spent.until - (AT_ONCE - 1) * this.everyMs - now;
    if (spent === undefined || waitMs <= 0) return 0;
    if (spent.loggedAt === undefined || now - spent.loggedAt >= LOG_AGAIN_MS) {
      this.#spent.set(object, { ...spent, loggedAt: now });
      this.log("warn", TEXT, { object, everyMs: this.everyMs });
    }
    return waitMs;
  }

  wrote(object: string): void {
    this.#sweep();
    const { until = 0, loggedAt } = this.#spent.get(object) ?? {};
    this.#spent.set(object, { until: Math.max(until, this.clock.now()) + this.everyMs, loggedAt });
  }

  #sweep(): void {
    const now = this.clock.now();
    if (now - this.#sweptAt < LOG_AGAIN_MS) return;
    this.#sweptAt = now;
    for (const [object, { until }] of this.#spent) if (until <= now) this.#spent.delete(object);
  }
}
