// A schedule: what happens when, from a seed.
import { Fabric } from "../../lib/model/binding";
import { CLOUD_EVENTS } from "./cloud-events";
import { EVENTS, type EventKind, type SimEvent } from "./events";
import { Random } from "./random";

/** Faults stop at this time; then the cluster has to come right. */
export const FAULTS_END_MS = 25_000;
const FIRST_MS = 400;
/** The longest that anything lasts. */
const MOST_MS = 15_000;

/** Pods come and go more often than anything else; the rest is equally likely. */
const OFTEN: readonly EventKind[] = [
  "pod created",
  "pod created",
  "pod replaced",
  "pod replaced",
  "pod deleted",
  "readiness flips",
];
/** What came later: one of these in some schedules, so that what a seed meant before it means still. */
const SELDOM: readonly EventKind[] = ["readiness flaps", "node removed for a while"];
/** Of these the one takes time to be noticed, and the other matters then. */
const [SLOW, SWIFT]: readonly [EventKind, EventKind] = ["kubelet stands still", "controller replaced"];
/** What starts anew on a node, and takes time to be as before. */
const ANEW: readonly EventKind[] = ["kubelet starts anew", "node starts anew"];
const RELABELLED: EventKind = "pod relabelled";
const TAKEN: EventKind = "lead is taken away";
const LATEST: readonly EventKind[] = [SLOW, SWIFT, ...ANEW, RELABELLED, TAKEN];
/** Whoever meets that. */
const MEANWHILE: readonly EventKind[] = [SWIFT, SWIFT, "controller dies", SLOW, "pod created", "agent dies"];
const KINDS: readonly EventKind[] = [
  ...(Object.keys(EVENTS) as EventKind[]).filter(
    (kind) => !SELDOM.includes(kind) && !LATEST.includes(kind) && !(kind in CLOUD_EVENTS),
  ),
  ...OFTEN,
];

const OF_CLOUDS = Object.keys(CLOUD_EVENTS) as EventKind[];

/** What brings the packets to the nodes in the schedule of a seed. */
export function fabricOf(seed: number): Fabric {
  return new Random(seed ^ 0x6ce).chance(0.2) ? Fabric.Gce : Fabric.L2;
}

export function scheduleOf(seed: number, steps?: number, fabric = fabricOf(seed)): SimEvent[] {
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
    ms: random.pick([50, 500, 2_000, 6_000, MOST_MS]),
  }));
  const more = new Random(seed ^ 0x5e1d);
  if (more.chance(0.2)) {
    const at = Math.round(from + more.next() * spread);
    const [which, how] = [more.between(0, 999), more.between(0, 999)];
    events.push({ at, kind: more.pick(SELDOM), which, how, ms: more.pick([500, 2_000, 6_000, 15_000]) });
  }
  const slow = new Random(seed ^ 0x5107);
  if (slow.chance(0.2)) {
    const [which, how] = [slow.between(0, 999), slow.between(0, 999)];
    const at = Math.round(from + slow.next() * spread);
    events.push({ at, kind: SLOW, which, how, ms: slow.pick([2_000, 15_000]) });
    events.push({ at: at + slow.between(0, 15_000), kind: SWIFT, which, how, ms: 50 });
  }
  const anew = new Random(seed ^ 0xa6e7);
  if (anew.chance(0.2)) {
    const [which, how] = [anew.between(0, 999), anew.between(0, 999)];
    // Some come when all else is over: what follows from them alone shows only then.
    const at = anew.chance(0.5) ? Math.round(from + anew.next() * spread) : FAULTS_END_MS + MOST_MS;
    const ms = anew.pick([500, 2_000, 10_000, 12_000, MOST_MS]);
    events.push({ at, kind: anew.pick(ANEW), which, how, ms });
    const then = { at: at + ms + anew.between(0, 10_000), which: anew.between(0, 999), how: anew.between(0, 999) };
    if (anew.chance(0.5)) events.push({ ...then, kind: anew.pick(MEANWHILE), ms: anew.pick([500, 2_000]) });
  }
  const labels = new Random(seed ^ 0x1abe2);
  for (let left = labels.chance(0.2) ? labels.between(1, 3) : 0; left > 0; left--) {
    const at = Math.round(from + labels.next() * spread);
    const [which, how] = [labels.between(0, 999), labels.between(0, 999)];
    events.push({ at, kind: RELABELLED, which, how, ms: labels.pick([50, 500, 2_000, MOST_MS]) });
  }
  if (fabric === Fabric.Gce) {
    for (let left = more.between(0, 3); left > 0; left--) {
      const at = Math.round(from + more.next() * spread);
      const [which, how] = [more.between(0, 999), more.between(0, 999)];
      events.push({ at, kind: more.pick(OF_CLOUDS), which, how, ms: more.pick([500, 2_000, 6_000, 15_000]) });
    }
  }
  const taken = new Random(seed ^ 0x7a4e);
  // Not where a cloud makes trouble: a deletion that the former leader has sent reaches a slow one late, and this cloud's fabric, which is
  // not the one that ships, looks only once at what is there.
  if (taken.chance(0.2) && !events.some(({ kind }) => OF_CLOUDS.includes(kind))) {
    const at = Math.round(from + taken.next() * spread);
    events.push({ at, kind: TAKEN, which: 0, how: taken.between(0, 999), ms: taken.pick([50, 500, 2_000]) });
  }
  return events.sort((a, b) => a.at - b.at).slice(0, steps);
}

/**
 * A move to another node, and every process killed at each of its moments; the first part is the same each time. Then a kubelet
 * that stands still, or starts anew.
 */
export function killPoints(): SimEvent[][] {
  const began = 6_000;
  const move: SimEvent = { at: began, kind: "pod created", which: 2, how: 1, ms: 50 };
  const victims: readonly Pick<SimEvent, "kind" | "which">[] = [
    { kind: "controller dies", which: 0 },
    ...[0, 1, 2].map((which) => ({ kind: "agent dies" as const, which })),
    { kind: "node loses power", which: 1 },
    { kind: "node loses power", which: 2 },
  ];
  const moments = Array.from({ length: MOVE_MS / KILL_EVERY_MS }, (_, n) => began + n * KILL_EVERY_MS);
  return [
    ...victims.flatMap((victim) => moments.map((at) => [move, { ...victim, at, how: 0, ms: 2_000 }])),
    ...unheard({ at: 20_000, kind: SLOW, which: 2, how: 0, ms: MOST_MS }, 26_000),
    ...unheard({ at: 20_000, kind: "kubelet starts anew", which: 2, how: 1, ms: 12_000 }, 31_000),
  ];
}

/**
 * Nothing happens but that a kubelet stands still or is away, on the owner's node and long enough to be noticed, while an older Pod
 * could have the addresses; and a new controller begins at each moment around that being noticed, or it being back.
 */
function unheard(still: SimEvent, from: number): SimEvent[][] {
  const newer: SimEvent = { at: 1_500, kind: "pod created", which: 2, how: 2, ms: 50 };
  const anew: readonly EventKind[] = ["controller dies", SWIFT];
  return anew.flatMap((kind) =>
    Array.from({ length: 20 }, (_, n): SimEvent[] => [
      newer,
      still,
      { at: from + n * 200, kind, which: 0, how: 0, ms: 500 },
    ]),
  );
}

/** A move from a Pod's creation to the last write takes no longer in most schedules. */
const MOVE_MS = 400;
const KILL_EVERY_MS = 4;
