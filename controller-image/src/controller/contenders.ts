// Pods that wait for something, one for each route, and since when: as long as the same Pod waits without a break.
import type { Clock } from "../kube/api";

export interface Contender {
  readonly podUid: string;
  readonly forMs: number;
  /** RFC 3339. */
  readonly since: string;
}

export class Contenders {
  readonly #seen = new Map<string, { readonly podUid: string; readonly at: number; readonly since: string }>();

  constructor(private readonly clock: Clock) {}

  of(key: string): Contender | undefined {
    const seen = this.#seen.get(key);
    return seen && { podUid: seen.podUid, forMs: this.clock.now() - seen.at, since: seen.since };
  }

  /** @param podUid who waits now; undefined where nobody does */
  note(key: string, podUid: string | undefined): void {
    if (podUid === undefined) return void this.#seen.delete(key);
    if (this.#seen.get(key)?.podUid === podUid) return;
    const { clock } = this;
    this.#seen.set(key, { podUid, at: clock.now(), since: new Date(clock.wallTime()).toISOString() });
  }

  clear(): void {
    this.#seen.clear();
  }
}
