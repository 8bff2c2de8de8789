// What became of the datagrams that came in. Counted thousands of times a second and read once in a while, so the labels are
// made when it is read.
import type { Metrics, Reading } from "../kube/metrics";
import type { Refusal } from "./seal";

export type Fate = Refusal | "ok" | "unexpected";

export function tally(metrics: Metrics): (fate: Fate) => void {
  const counts = new Map<Fate, number>();
  metrics.counted("podpin_heartbeats_received_total", "Heartbeat datagrams, by what became of them.", () =>
    [...counts].map(([fate, count]): Reading => [count, { result: fate.replace(" ", "_") }]),
  );
  return (fate) => void counts.set(fate, (counts.get(fate) ?? 0) + 1);
}
