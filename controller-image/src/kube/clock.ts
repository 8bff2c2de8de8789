import type { Clock } from "./api";

/** Longest delay that a timer of Node.js can hold; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** The clock of the machine. Its timers keep the process alive, as a controller without connections must stay up. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after: (ms, callback) => {
    const timer = setTimeout(callback, Math.min(Math.max(0, ms), LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
  random: () => Math.random(),
};

/** The present as `metav1.MicroTime`, which wants exactly six digits. */
export function microTime(clock: Clock): string {
  return new Date(clock.wallTime()).toISOString().replace("Z", "000Z");
}
