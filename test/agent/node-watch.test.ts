import type { NodeFacts } from "../../controller-image/src/agent/node-problems";
import { watchNode } from "../../controller-image/src/agent/node-watch";
import { Metrics } from "../../controller-image/src/kube/metrics";
import { VirtualClock } from "../support/virtual-clock";
import { HEALTHY } from "./healthy-node";

describe("the watch over the node", () => {
  test("holds on to what it found when it cannot look, and begins without it", async () => {
    const clock = new VirtualClock();
    const said: string[] = [];
    const looks = [new Error("nft: no answer"), HEALTHY, new Error("nft: no answer")];
    const watch = await watchNode({
      check: () => {
        const next = looks.shift() ?? HEALTHY;
        return next instanceof Error ? Promise.reject(next) : Promise.resolve(next);
      },
      clock,
      metrics: new Metrics(),
      log: (level, text) => said.push(`${level}: ${text}`),
      onChange: () => undefined,
    });
    expect(watch.verdict()).toBeUndefined();
    await clock.run(60_000);
    expect(watch.verdict()?.fences).toBe(true);
    await clock.run(60_000);
    expect(watch.verdict()?.fences).toBe(true);
    const text = "warn: the node could not be looked at; what was found before counts";
    expect(said).toEqual([text, text]);
    watch.stop();
  });

  test("says each problem once and when it is gone, counts it, and has the agent look again", async () => {
    const clock = new VirtualClock();
    const metrics = new Metrics();
    const said: string[] = [];
    let facts: NodeFacts = { ...HEALTHY, sysctls: { "ipv4.ip_forward": "0" } };
    let changes = 0;
    const watch = await watchNode({
      check: () => Promise.resolve(facts),
      clock,
      metrics,
      log: (level, text) => said.push(`${level}: ${text}`),
      onChange: () => changes++,
    });
    await clock.run(60_000);
    expect(said).toEqual(["error: net.ipv4.ip_forward: got 0; set it to 1 on the node, or no packet reaches a Pod"]);
    expect(metrics.text()).toContain('podpin_agent_node_problem{problem="ip_forward"} 1');
    expect(watch.verdict()?.unfit.size).toBe(3);
    facts = HEALTHY;
    await clock.run(60_000);
    expect([said.at(-1), changes]).toEqual(["info: a problem of the node is gone", 1]);
    expect(watch.verdict()?.unfit.size).toBe(0);
    watch.stop();
    expect(clock.pending).toBe(0);
  });
});
