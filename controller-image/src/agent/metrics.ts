// What the agent counts: its passes, what they changed in the kernel, and what it says of each address.
import type { Metrics, Reading } from "../kube/metrics";
import type { Plan } from "./plan";

/** What came of a {@link Plan}. */
export interface PassResult {
  readonly seconds: number;
  /** Addresses that the kernel or the segment refused. */
  readonly failed: ReadonlySet<string>;
}

/** Answers what has to be called after each pass. */
export function agentMetrics(metrics: Metrics): (plan: Plan, result: PassResult) => void {
  const seconds = metrics.histogram("podpin_agent_pass_seconds", "Time of one look at the kernel, changes included.");
  const changes = metrics.counter("podpin_agent_kernel_changes_total", "Addresses changed in the kernel, by result.");
  let states: readonly Reading[] = [];
  metrics.gauge("podpin_agent_addresses", "Addresses, by the state that this node acknowledges.", () => states);
  let standbys = 0;
  metrics.gauge("podpin_agent_standby_addresses", "Addresses that this node is ready to take over.", () => [
    [standbys],
  ]);
  return ({ changes: { steps }, outcomes, standbys: ready }, { seconds: took, failed }) => {
    seconds.observe(took);
    standbys = ready.length;
    for (const { address } of steps) changes.add({ result: failed.has(address) ? "failed" : "ok" });
    const counts = new Map<string, number>();
    for (const [address, { ack }] of outcomes) {
      if (ack === undefined) continue;
      const state = failed.has(address) ? "Failed" : ack.state;
      counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    states = [...counts].map(([state, count]): Reading => [count, { state }]);
  };
}
