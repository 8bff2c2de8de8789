import { agentMetrics } from "../../controller-image/src/agent/metrics";
import type { Plan } from "../../controller-image/src/agent/plan";
import { Metrics } from "../../controller-image/src/kube/metrics";
import { AckState, type BindingAck } from "../../lib/model/binding";

const ack = (state: AckState): BindingAck => ({ nodeName: "node1", epoch: 1, podUid: "p", state });

/** A plan that changes these addresses and acknowledges so. */
function planOf(changed: readonly string[], acks: Readonly<Record<string, AckState | undefined>>): Plan {
  const outcomes = new Map(
    Object.entries(acks).map(([address, state]) => [address, { ack: state === undefined ? undefined : ack(state) }]),
  );
  const standbys = ["198.51.100.9"];
  return { changes: { steps: changed.map((address) => ({ address })) }, outcomes, standbys } as unknown as Plan;
}

test("counts passes and changes, and says the present state of each address, failures as such", () => {
  const metrics = new Metrics();
  const passed = agentMetrics(metrics);
  const { Announced, Programmed, Released } = AckState;
  const first = { "198.51.100.1": Announced, "198.51.100.2": Programmed, "198.51.100.3": undefined };
  passed(planOf(["198.51.100.1", "198.51.100.2"], first), { seconds: 0.02, failed: new Set(["198.51.100.2"]) });
  const lines = (name: string): string[] =>
    metrics
      .text()
      .split("\n")
      .filter((line) => line.startsWith(name));
  expect(lines("podpin_agent_addresses")).toEqual([
    'podpin_agent_addresses{state="Announced"} 1',
    'podpin_agent_addresses{state="Failed"} 1',
  ]);
  expect(lines("podpin_agent_standby_addresses")).toEqual(["podpin_agent_standby_addresses 1"]);
  passed(planOf(["198.51.100.2"], { "198.51.100.1": Released, "198.51.100.2": Announced }), {
    seconds: 0.3,
    failed: new Set(),
  });
  expect(lines("podpin_agent_addresses")).toEqual([
    'podpin_agent_addresses{state="Released"} 1',
    'podpin_agent_addresses{state="Announced"} 1',
  ]);
  expect(lines("podpin_agent_kernel_changes_total")).toEqual([
    'podpin_agent_kernel_changes_total{result="ok"} 2',
    'podpin_agent_kernel_changes_total{result="failed"} 1',
  ]);
  expect(lines("podpin_agent_pass_seconds_bucket")).toContain('podpin_agent_pass_seconds_bucket{le="0.025"} 1');
  expect(lines("podpin_agent_pass_seconds_sum")).toEqual(["podpin_agent_pass_seconds_sum 0.32"]);
});
