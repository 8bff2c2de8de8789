// Somebody deletes the Node of a machine that runs on. Its Pod gets no address any more, and it still has what it had until its agent
// has heard of it.
import { RESOURCES } from "../../lib/model/kubernetes";
import { POD_1, POD_2, twoMachines } from "./machine";
import { aNode } from "./world";

const { gkeIpRoutes, nodes } = RESOURCES;

let lab: ReturnType<typeof twoMachines>;
let heard: boolean | undefined;
const releasing = () => lab.world.binding()?.spec.releasing;

/** The Pod of node1 has the address; the one of node2 could have it. */
beforeEach(async () => {
  lab = twoMachines();
  heard = true;
  lab.controller.listen(() => heard);
  lab.world.pod("p", { ip: POD_1 });
  lab.world.pod("q", { node: "node2", ip: POD_2, created: "2025-12-31T00:00:00Z" });
  await lab.world.until(() => lab.world.ready() === "True ProgrammingComplete" && lab.answering().includes("node1"));
  // Its agent hears of nothing until a test says so.
  lab.machines[0].kube.connected = false;
});
afterEach(() => lab.stop());

async function removed(): Promise<void> {
  lab.world.server.delete(nodes, { name: "node1" });
  await lab.world.until(() => lab.world.binding()?.spec.nodeName === "node2");
}

/** Who answers in the next milliseconds, each combination once. */
async function answersWithin(ms: number): Promise<string[]> {
  const seen = new Set<string>();
  for (let passed = 0; passed < ms; passed += 10) {
    await lab.world.clock.run(10);
    seen.add(lab.answering().join(" and "));
  }
  return [...seen];
}

test("the node that gets the address waits until the other has let go, and never do both answer", async () => {
  await removed();
  expect(releasing()).toMatchObject({ nodeName: "node1", wait: true });
  expect(await answersWithin(3_000)).toEqual(["node1"]);
  lab.machines[0].kube.connected = true;
  expect(await answersWithin(3_000)).not.toContain("node1 and node2");
  expect([lab.answering(), lab.world.ready()]).toEqual([["node2"], "True ProgrammingComplete"]);
  expect(releasing()).toBeUndefined();
});

test("five seconds at most, and ten seconds after the deletion the node is gone for good", async () => {
  await removed();
  await lab.world.clock.run(4_500);
  expect(lab.answering()).toEqual(["node1"]);
  await lab.world.clock.run(1_500);
  expect(lab.answering()).toEqual(["node1", "node2"]);
  expect(releasing()).toMatchObject({ nodeName: "node1", wait: false });
  await lab.world.clock.run(5_000);
  expect(releasing()).toBeUndefined();
});

test("no longer when the heartbeats find it lost", async () => {
  await removed();
  lab.controller.setLost("node1", true);
  await lab.world.until(() => lab.answering().includes("node2"));
  expect(lab.world.ready()).toBe("True ProgrammingComplete");
});

test.each([
  ["was heard no more", () => (heard = false)],
  ["was never heard", () => (heard = undefined)],
  ["was lost", () => lab.controller.setLost("node1", true)],
])("a node that %s is gone with its object, and not waited for", async (_title, before) => {
  before();
  await removed();
  await lab.world.clock.run(100);
  expect(lab.answering()).toContain("node2");
});

test("made anew it is a node as any other", async () => {
  await removed();
  lab.world.put(nodes, aNode("node1", "172.30.0.11"));
  await lab.world.until(() => lab.world.binding()?.spec.nodeName === "node1");
  lab.machines[0].kube.connected = true;
  await lab.world.until(() => lab.answering().join() === "node1" && lab.world.ready() === "True ProgrammingComplete");
});

test("a route that is deleted waits for it, too, but not for longer than ten seconds", async () => {
  lab.world.server.delete(nodes, { name: "node1" });
  lab.world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
  await lab.world.clock.run(5_000);
  expect(lab.world.route()).toBeDefined();
  await lab.world.until(() => lab.world.route() === undefined);
});
