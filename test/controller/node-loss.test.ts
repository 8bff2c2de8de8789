// Nodes that are cordoned, tainted or silent, and what the whole controller does about them.
import { RESOURCES, type KubeObject, type Node } from "../../lib/model/kubernetes";
import { StoppableProcess } from "../support/stoppable-process";
import { aNode, newRoute, World } from "./world";

const { gkeIpRoutes, nodes } = RESOURCES;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.stop());

const edit = (name: string, change: (node: Node) => object): void => {
  const node = world.server.get<Node>(nodes, { name })!;
  world.server.replace(nodes, { ...node, ...change(node) } as KubeObject);
};
const onNode = (name: string) => (): boolean =>
  world.binding()?.spec.nodeName === name && world.ready() === "True ProgrammingComplete";

/** The newest Pod on node1 has the address; an older one is Ready on node2. */
async function served(): Promise<ReturnType<World["start"]>> {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  const controller = await world.served();
  await world.clock.run(1_000);
  return controller;
}

test.each([
  ["is cordoned", (): object => ({ spec: { unschedulable: true } })],
  ["is about to be removed by the Cluster Autoscaler", () => tainted("ToBeDeletedByClusterAutoscaler")],
  ["has been shut down", () => tainted("node.kubernetes.io/out-of-service")],
])("a node that %s hands its address over while its Pod still runs", async (_, change) => {
  await served();
  edit("node1", change);
  await world.until(onNode("node2"));
  expect(world.server.get(RESOURCES.pods, { namespace: "edge", name: "p" })).toBeDefined();
  expect(world.binding()?.spec).toMatchObject({ epoch: 2, owner: { podName: "q" } });
});

test("a taint that says nothing of a drain moves nothing", async () => {
  await served();
  edit("node1", () => tainted("example.com/gpu"));
  await world.clock.run(60_000);
  expect(world.binding()?.spec).toMatchObject({ epoch: 1, nodeName: "node1" });
});

test("of two cordoned nodes the one that is uncordoned gets the address, though it had none before", async () => {
  for (const name of ["node1", "node2"]) edit(name, () => ({ spec: { unschedulable: true } }));
  await served();
  edit("node2", () => ({ spec: { unschedulable: false } }));
  await world.until(onNode("node2"));
});

test("a node that does not answer loses its address within the time of one write, and finds that out when it is back", async () => {
  const controller = await served();
  world.agents.delete("node1");
  const start = world.clock.now();
  controller.setLost("node1", true);
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  expect(world.clock.now() - start).toBe(0);
  await world.until(onNode("node2"));
  expect(world.clock.now() - start).toBeLessThan(100);
  world.put(nodes, { ...aNode("node3", "172.30.0.13") });
  await world.clock.run(600_000);
  expect(world.binding()?.spec.releasing).toEqual({
    nodeName: "node1",
    epoch: 1,
    forwardTo: "172.30.0.12",
    wait: false,
  });
  world.agents.add("node1");
  world.answer();
  await world.until(() => world.binding()?.spec.releasing === undefined);
});

test("a node that answers again while its route is still being told of keeps its address", async () => {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  const slow = new StoppableProcess(world.clock).kube(world.kube, () => 20);
  const controller = await world.served({}, { kube: slow });
  await world.clock.run(1_000);
  controller.setLost("node1", true);
  await world.clock.run(30);
  expect(world.ready()).toBe("False Mutated");
  controller.setLost("node1", false);
  await world.until(() => world.ready() === "True ProgrammingComplete");
  expect(world.binding()?.spec).toMatchObject({ epoch: 1, nodeName: "node1" });
  const stopped = controller.stop();
  await world.clock.run(1_000);
  await stopped;
});

test("a route whose only Pod is on a node that does not answer is not Ready until the node answers again", async () => {
  const controller = await world.served();
  controller.setLost("node1", true);
  await world.until(() => world.ready() === "False DPV2NotReady");
  expect(world.binding()?.spec).toMatchObject({ epoch: 1, nodeName: "node1" });
  controller.setLost("node1", false);
  await world.until(() => world.ready() === "True ProgrammingComplete");
  expect(world.binding()?.spec.epoch).toBe(1);
});

test("a verdict that comes before the first lists are complete counts all the same", async () => {
  world.pod("p");
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  world.server.create(gkeIpRoutes, newRoute());
  world.start().setLost("node1", true);
  await world.until(onNode("node2"));
});

function tainted(key: string): object {
  return { spec: { taints: [{ key, effect: "NoSchedule" }] } };
}
