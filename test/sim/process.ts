// A process: its view of time, and what can befall it. All that it is told (timers, answers, events) comes through
// `run`, so a paused process hears everything later, in order, and a dead one never.
import type { Clock } from "../../controller-image/src/kube/api";

const SHORTEST_WAIT_MS = 1e-3;

export class SimProcess {
  #alive = true;
  #paused = false;
  #held: (() => void)[] = [];
  /** How often it was stopped. */
  pauses = 0;
  readonly clock: Clock;

  /** @param skewMs what its wall clock shows more than the true one */
  constructor(
    readonly name: string,
    world: Clock,
    skewMs: number,
  ) {
    this.clock = {
      now: () => world.now(),
      wallTime: () => world.wallTime() + skewMs,
      random: () => world.random(),
      after: (ms, callback) => {
        let cancelled = false;
        // A timer of a real clock comes after its time, never at a moment before it: what rounding leaves of a wait is not nothing.
        const cancel = world.after(ms > 0 ? Math.max(ms, SHORTEST_WAIT_MS) : ms, () =>
          this.run(() => {
            if (!cancelled) callback();
          }),
        );
        return () => {
          cancelled = true;
          cancel();
        };
      },
    };
  }

  get alive(): boolean {
    return this.#alive;
  }

  get paused(): boolean {
    return this.#paused;
  }

  run(callback: () => void): void {
    if (!this.#alive) return;
    if (this.#paused) this.#held.push(callback);
    else callback();
  }

  pause(): void {
    if (!this.#paused) this.pauses++;
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    for (const callback of this.#held.splice(0)) this.run(callback);
  }

  /** As by SIGKILL or the loss of its machine: nothing of it runs any more. */
  kill(): void {
    this.#alive = false;
    this.#held = [];
  }
}
