// How soon one pass may follow another. A move is a handful of passes, and none of them waits; a burst of hundreds of moves would
// be thousands of them, each looking at everything, so that they come to serve many moves at once.
import type { Clock } from "../kube/api";

/** What the passes of some moves take together, on a node that has more to do. */
const AT_ONCE_MS = 400;
/** Of the time beyond that, passes get this part. */
const SHARE = 0.5;
/** However long passes take. */
const LONGEST_WAIT_MS = 100;

export class Pace {
  /** Time that passes took, less the share of the time since. */
  #spentMs = 0;
  #at: number;

  constructor(private readonly clock: Clock) {
    this.#at = clock.now();
  }

  /** A pass took so long, until now. */
  took(ms: number): void {
    this.#spentMs = this.#now() + ms;
  }

  /** How long the next pass is to wait. */
  waitMs(): number {
    return Math.min(LONGEST_WAIT_MS, Math.max(0, this.#now() - AT_ONCE_MS) / SHARE);
  }

  #now(): number {
    const at = this.clock.now();
    this.#spentMs = Math.max(0, this.#spentMs - (at - this.#at) * SHARE);
    this.#at = at;
    return this.#spentMs;
  }
}
