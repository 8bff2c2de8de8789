// Waiting between attempts. One place for the two shapes that the runtime uses.
import type { Clock } from "./api";

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
}

/** The ceiling of the n-th wait (from 0): doubles from `firstMs`, never above `maxMs`. */
export function ceilingMs(options: BackoffOptions, attempt: number): number {
  // 2 ** 1024 is Infinity, and the minimum of that is still `maxMs`.
  return Math.min(options.maxMs, options.firstMs * 2 ** attempt);
}

/**
 * Counts failures and says how long to wait. Full jitter: anything from `firstMs` to the ceiling, so that a thousand
 * clients of one restarted server come back spread out, and none of them at once.
 */
export class Backoff {
  #attempt = 0;

  constructor(
    private readonly clock: Clock,
    private readonly options: BackoffOptions,
  ) {}

  nextMs(): number {
    const { firstMs } = this.options;
    const ceiling = ceilingMs(this.options, ++this.#attempt);
    return firstMs + this.clock.random() * Math.max(0, ceiling - firstMs);
  }

  /** Call it on progress. */
  reset(): void {
    this.#attempt = 0;
  }
}
