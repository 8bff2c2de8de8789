import type { Clock } from "./api";

/** Longest delay that a timer of Node.js can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The clock of the machine. Its timers keep the process alive, as a controller without connections must stay up. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => {
    const due = performance.now() + Math.max(0, ms);
    // Node.js counts whole milliseconds of a coarser clock, and most of its timers fire up to 2 ms before their time by this one.
    const ring = (): void => {
      const leftMs = due - performance.now();
      if (leftMs > 0) timer = wait(leftMs);
      else callback();
    };
    const wait = (leftMs: number) => setTimeout(ring, Math.min(Math.ceil(leftMs), LONGEST_TIMER_MS));
    let timer = wait(Math.max(0, ms));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** The present as `metav1.MicroTime`, which wants exactly six digits. */
export function microTime(clock: Clock): string {
  return new Date(clock.wallTime()).toISOString().replace("Z", "000Z");
}
