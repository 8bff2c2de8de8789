// What was seen of the kernel last counts until something may have changed. Most passes are about what the API server says,
// and a look takes longer than all the rest of a move.
import type { Clock } from "../kube/api";

export interface LastLookOptions {
  readonly clock: Clock;
  /** Whether every change would be heard of; while it would not, nothing is remembered. */
  readonly isTold: () => boolean;
}

/** Longer than the time between two looks without an event, which find what nobody reports. */
const TRUST_MS = 45_000;

export class LastLook<T> {
  #seen: { readonly value: T; readonly at: number } | undefined;
  /** Grows with everything that may have changed the kernel. */
  #changes = 0;

  constructor(private readonly options: LastLookOptions) {}

  /** What was seen, unless it may be wrong by now. */
  get(): T | undefined {
    const { clock, isTold } = this.options;
    if (this.#seen === undefined || !isTold() || clock.now() - this.#seen.at > TRUST_MS) return undefined;
    return this.#seen.value;
  }

  /** Something has changed, or is about to be. */
  forget(): void {
    this.#changes++;
    this.#seen = undefined;
  }

  /** Puts more into what is remembered; it gets no younger by that. */
  extend(value: T): void {
    if (this.#seen !== undefined) this.#seen = { ...this.#seen, value };
  }

  /** What is seen now; not remembered if something changed meanwhile. */
  async look(ask: () => Promise<T>): Promise<T> {
    const before = this.#changes;
    const at = this.options.clock.now();
    const value = await ask();
    if (before === this.#changes) this.#seen = { value, at };
    return value;
  }
}
