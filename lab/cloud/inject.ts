// What goes wrong on purpose: on calls that a pattern names, from the nth one on, so many times, or by chance.
import type { Clock } from "../../controller-image/src/kube/api";

/** Milliseconds: always as many, or anything between two. */
export type Duration = number | { readonly from: number; readonly to: number };

export interface Effects {
  /** The answer comes so much later. */
  readonly latency?: Duration;
  /** The operation that the call begins takes so long. */
  readonly operation?: Duration | "never";
  /** Refused with this, and nothing done. */
  readonly refuse?: Failure;
  /** The operation ends with this, and nothing done. */
  readonly operationError?: Failure;
  /** The connection ends before anything is done, or when all is done and nobody has heard of it. */
  readonly reset?: "before" | "after";
  /** Nobody ever answers; nothing is done. */
  readonly hang?: boolean;
  /** `wait` answers after so many milliseconds, whatever the operation's state. */
  readonly earlyWaitMs?: number;
  /** A read shows what was there so many milliseconds ago. */
  readonly staleMs?: number;
}

export interface Failure {
  readonly status: number;
  /** As in Google's errors: `backendError`, `quotaExceeded`; in operations its code is made of it. */
  readonly reason: string;
  readonly message?: string;
}

export interface Fault extends Effects {
  /** `forwardingRules.insert`, `forwardingRules.*`, `*`, or a pattern on verb and path. @default every call */
  readonly calls?: string | RegExp;
  /** How many calls that match are left alone first. @default 0 */
  readonly after?: number;
  /** How many are hit then. @default all */
  readonly times?: number;
  /** Chance of each to be hit, by the clock's randomness. @default 1 */
  readonly probability?: number;
}

interface Standing {
  readonly fault: Fault;
  seen: number;
  hit: number;
}

export class Faults {
  readonly #clock: Clock;
  readonly #standing = new Set<Standing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** From now on; the answer takes it away. */
  add(fault: Fault): () => void {
    const standing = { fault, seen: 0, hit: 0 };
    this.#standing.add(standing);
    return () => this.#standing.delete(standing);
  }

  clear(): void {
    this.#standing.clear();
  }

  /** What happens to this call; where several faults say the same thing, the one that was added last counts. */
  of(id: string, verbAndPath: string): Effects {
    let effects: Effects = {};
    for (const standing of this.#standing) {
      if (!concerns(standing.fault, id, verbAndPath) || !this.#hits(standing)) continue;
      const { calls: _calls, after: _after, times: _times, probability: _probability, ...own } = standing.fault;
      effects = { ...effects, ...own };
    }
    return effects;
  }

  /** One length of time. */
  draw(duration: Duration): number {
    if (typeof duration === "number") return duration;
    return duration.from + (duration.to - duration.from) * this.#clock.random();
  }

  #hits(standing: Standing): boolean {
    const { after = 0, times = Number.POSITIVE_INFINITY, probability = 1 } = standing.fault;
    standing.seen++;
    if (standing.seen <= after || standing.hit >= times) return false;
    if (probability < 1 && this.#clock.random() >= probability) return false;
    standing.hit++;
    return true;
  }
}

function concerns({ calls = "*" }: Fault, id: string, verbAndPath: string): boolean {
  if (typeof calls !== "string") return calls.test(verbAndPath);
  return calls === "*" || calls === id || (calls.endsWith(".*") && id.startsWith(calls.slice(0, -1)));
}
