// A kubelet that is heard again calls its Pods not Ready until it has asked them, and a controller starts in the middle of it.
import type { Condition, Pod } from "../../lib/model/kubernetes";
import { RESOURCES } from "../../lib/model/kubernetes";
import { aPod } from "../support/objects";
import { aNode, newRoute, World } from "./world";

const { gkeIpRoutes, nodes, pods } = RESOURCES;

let world: World;
beforeEach(() => (world = new World()));
afterEach(() => world.stop());

const isReady = (): boolean => world.ready() === "True ProgrammingComplete";

/** Ready since so long before now, by the node's own clock. */
function nodeReady(agoMs: number): void {
  const { metadata, ...node } = aNode("node1", "172.30.0.11");
  const lastTransitionTime = new Date(world.clock.wallTime() - agoMs).toISOString();
  const ready = { type: "Ready", status: "True", lastTransitionTime } as Condition;
  const { status } = node as unknown as { status: object };
  world.server.put(nodes, { metadata, ...node, ...{ status: { ...status, conditions: [ready] } } });
}

function podUnasked(): void {
  const { metadata, spec, status } = aPod("p", { ready: false });
  const conditions = [...(status?.conditions ?? []), { type: "ContainersReady", status: "False" }];
  world.server.put<Pod>(pods, { metadata, spec, status: { ...status, conditions } });
}

async function startedAnew(readyAgoMs: number): Promise<void> {
  world.server.create(gkeIpRoutes, newRoute());
  world.pod("p");
  world.start().listen(() => true);
  await world.until(isReady);
  await world.clock.run(30_000);
  await world.stop();
  podUnasked();
  nodeReady(readyAgoMs);
  world.start().listen(() => true);
}

test.each([
  ["some seconds ago", 6_000, 8_900],
  ["just now, by a clock that is ahead", -60_000, 14_900],
])("of a node that became Ready %s the Pod keeps its address for the time that is left", async (_, agoMs, leftMs) => {
  await startedAnew(agoMs);
  await world.clock.run(leftMs);
  expect([isReady(), world.binding()?.spec.epoch]).toEqual([true, 1]);
  await world.clock.run(2_000);
  expect(world.binding()?.spec.owner).toBeUndefined();
});

test("of a node that became Ready long ago a Pod that is not Ready loses its address", async () => {
  await startedAnew(60_000);
  await world.until(() => world.binding()?.spec.owner === undefined);
});
