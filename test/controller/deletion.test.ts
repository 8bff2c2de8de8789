// A route that is deleted: its addresses are free when every node has said so, or is proved to be gone, and not before.
import { RESOURCES, type KubeObject, type Node } from "../../lib/model/kubernetes";
import { aNode, newRoute, World } from "./world";

const { addressBindings, events, gkeIpRoutes, nodes } = RESOURCES;

let world: World;
beforeEach(async () => {
  world = new World();
  await world.served();
  world.agents.delete("node1");
});
afterEach(() => world.stop());

const deleteRoute = (): void => world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
const told = (reason: string): string[] =>
  world.server
    .list<KubeObject & { reason: string; note: string; type: string }>(events)
    .filter((event) => event.reason === reason)
    .map(({ type, note }) => `${type}: ${note}`);

test("a node that does not let go keeps the route, which says so after a minute, in its conditions and by an Event", async () => {
  deleteRoute();
  await world.until(() => world.ready() === "False Mutated");
  await world.clock.run(59_000);
  expect([world.ready(), told("ReleaseOverdue")]).toEqual(["False Mutated", []]);
  await world.clock.run(2_000);
  expect(world.ready()).toBe("False DPV2NotReady");
  const message =
    "the route is being deleted; not released after 60 s: 198.51.100.10 on node node1. See whether podpin-agent runs there; if the machine is gone, delete its Node";
  expect(world.route()?.status?.conditions?.find(({ type }) => type === "Ready")?.message).toBe(message);
  expect(told("ReleaseOverdue")).toEqual([`Warning: ${message}`]);
  world.kube.calls.length = 0;
  await world.clock.run(600_000);
  expect(world.kube.writes).toEqual([]);
  expect(world.server.list(addressBindings)).toHaveLength(1);
  world.agents.add("node1");
  world.answer();
  await world.until(() => world.route() === undefined);
  expect(world.server.list(addressBindings)).toEqual([]);
});

test("a node that is removed holds nothing any more", async () => {
  deleteRoute();
  await world.clock.run(5_000);
  world.server.remove(nodes, { name: "node1" });
  await world.until(() => world.route() === undefined);
  expect(world.server.list(addressBindings)).toEqual([]);
});

test("a node that Kubernetes has missed for a minute holds nothing any more, one that it missed for a moment does", async () => {
  deleteRoute();
  await world.clock.run(90_000);
  const setReady = (ready: boolean): void => {
    const { status } = aNode("node1", "172.30.0.11", ready) as Node;
    world.server.replace(
      nodes,
      { ...world.server.get<Node>(nodes, { name: "node1" })!, status } as KubeObject,
      "status",
    );
  };
  setReady(false);
  await world.clock.run(30_000);
  setReady(true);
  await world.clock.run(60_000);
  expect(world.route()).toBeDefined();
  setReady(false);
  const start = world.clock.now();
  await world.until(() => world.route() === undefined);
  expect(world.clock.now() - start).toBeGreaterThanOrEqual(60_000);
  expect(world.clock.now() - start).toBeLessThan(62_000);
});

test("a route whose finalizer somebody took away leaves nothing behind all the same", async () => {
  world.server.remove(gkeIpRoutes, { namespace: "edge", name: "route" });
  await world.until(() => world.binding()?.spec.nodeName === "");
  await world.clock.run(60_000);
  expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node1" });
  world.agents.add("node1");
  world.answer();
  await world.until(() => world.server.list(addressBindings).length === 0);
});

test("an address that is still being released is not given to the next route before its node has let go, and then is", async () => {
  deleteRoute();
  await world.clock.run(5_000);
  world.server.create(gkeIpRoutes, newRoute({}, { name: "next" }));
  await world.until(() => world.ready("next") !== undefined);
  await world.clock.run(20_000);
  expect(world.binding()?.spec.route.name).toBe("route");
  expect(world.ready("next")).toBe("False InvalidAddresses");
  world.agents.add("node1");
  world.answer();
  await world.until(() => world.ready("next") === "True ProgrammingComplete");
});
