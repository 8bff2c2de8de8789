// Waiting between attempts: one shape for connections, reflectors and the queue.
import { type Clock, KubeError } from "./api";

export interface BackoffOptions {
  /** Ceiling of the first wait. */
  readonly firstMs: number;
  /** Ceiling of every later wait, which doubles until here. */
  readonly maxMs: number;
}

/** The ceiling of the n-th wait, counted from 0. */
export function ceilingMs(options: BackoffOptions, attempt: number): number {
  // 2 ** 1024 is Infinity, and the minimum of that is still `maxMs`.
  return Math.min(options.maxMs, options.firstMs * 2 ** attempt);
}

/** However long the API server was out of reach, what failed for that goes on within seconds when it is back. */
const UNANSWERED_MAX_MS = 4_000;

/** The longest wait after this error, where it would be `maxMs` after one that the server has answered with. */
export function longestMs(error: unknown, maxMs: number): number {
  const unanswered = error instanceof KubeError && error.status === 0;
  return unanswered ? Math.min(maxMs, UNANSWERED_MAX_MS) : maxMs;
}

/**
 * Full jitter: anything from nothing to the ceiling. A thousand clients of one restarted server come back spread out,
 * and the mean wait is still only half of what each would wait without jitter.
 */
export class Backoff {
  #failures = 0;

  constructor(
    private readonly clock: Clock,
    private readonly options: BackoffOptions,
  ) {}

  get failures(): number {
    return this.#failures;
  }

  nextMs(): number {
    return this.clock.random() * ceilingMs(this.options, this.#failures++);
  }

  /** Call it on progress. */
  reset(): void {
    this.#failures = 0;
  }
}

/** Waits by the clock; ends early, without an error, when the signal aborts. Leaves no timer behind. */
export function pause(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(ms, done);
    signal?.addEventListener("abort", done);
  });
}

/** Of several times to wait the shortest; undefined where there is none. */
export function soonest(...waitsMs: readonly (number | undefined)[]): number | undefined {
  const known = waitsMs.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
