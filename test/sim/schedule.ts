// A schedule: what happens when, from a seed.
import { EVENTS, type EventKind, type SimEvent } from "./events";
import { Random } from "./random";

/** Faults stop at this time; then the cluster has to come right. */
export const FAULTS_END_MS = 25_000;
const FIRST_MS = 400;

/** Pods come and go more often than anything else; the rest is equally likely. */
const OFTEN: readonly EventKind[] = [
  "pod created",
  "pod created",
  "pod replaced",
  "pod replaced",
  "pod deleted",
  "readiness flips",
];
const KINDS: readonly EventKind[] = [...(Object.keys(EVENTS) as EventKind[]), ...OFTEN];

export function scheduleOf(seed: number, steps?: number): SimEvent[] {
  const random = new Random(seed ^ 0x5eed);
  const count = random.between(3, 14);
  // Half of all schedules crowd their events together, where they can meet.
  const spread = random.chance(0.5) ? 8_000 : FAULTS_END_MS - 2_000;
  const from = random.between(FIRST_MS, FAULTS_END_MS - spread);
  const kinds = random.chance(0.3) ? [random.pick(KINDS), random.pick(KINDS), ...OFTEN] : KINDS;
  const events = Array.from({ length: count }, (): SimEvent => ({
    at: Math.round(from + random.next() * spread),
    kind: random.pick(kinds),
    which: random.between(0, 999),
    how: random.between(0, 999),
    ms: random.pick([50, 500, 2_000, 6_000, 15_000]),
  }));
  return events.sort((a, b) => a.at - b.at).slice(0, steps);
}
