// What people read in `kubectl describe gkeiproute`, from the whole controller.
import { typedAddress } from "../../lib/model/address";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { A, B } from "../support/objects";
import { newRoute, World } from "./world";

const { events, gkeIpRoutes, pods } = RESOURCES;

interface Event extends KubeObject {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly name: string };
  readonly series?: { readonly count: number };
}

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.stop());

const told = (name = "route"): string[] =>
  world.server
    .list<Event>(events)
    .filter(({ regarding }) => regarding.name === name)
    .map(({ type, reason, note }) => `${type} ${reason}: ${note}`);

test("tells each move, from which Pod and node to which, with the epoch, once for all addresses", async () => {
  await world.served({ addresses: [typedAddress(A), typedAddress(B)] });
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
  await world.until(() => world.binding()?.spec.nodeName === "node2" && world.ready() === "True ProgrammingComplete");
  for (const name of ["p", "q"]) world.server.delete(pods, { namespace: "edge", name });
  await world.until(() => world.ready() === "False NoPodsFound");
  await world.clock.run(1_000);
  expect(told()).toEqual([
    `Normal AddressesAssigned: ${A} (epoch 1), ${B} (epoch 1) assigned to Pod p on node node1`,
    `Normal AddressesMoved: ${A} (epoch 2), ${B} (epoch 2) moved from Pod p on node node1 to Pod q on node node2`,
    `Normal AddressesReleased: ${A} (epoch 3), ${B} (epoch 3) released from Pod q on node node2`,
  ]);
});

test("tells that a route is not accepted, once for each reason, and that another route has the address", async () => {
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute({ addresses: [typedAddress("198.51.100.99")] }));
  world.server.create(gkeIpRoutes, newRoute({}, { name: "older" }));
  await world.clock.run(2_000);
  world.server.create(gkeIpRoutes, newRoute({}, { name: "younger" }));
  world.start();
  await world.until(() => world.ready("younger") !== undefined && world.ready() !== undefined);
  await world.clock.run(60_000);
  expect(told()).toEqual([expect.stringMatching(/^Warning InvalidAddresses: .*198\.51\.100\.99/)]);
  expect(told("younger")).toEqual([
    `Warning AddressConflict: ${A}/32 belongs to GKEIPRoute edge/older; the older route keeps it, this one gets it when that one lets go`,
  ]);
});

test("an only Pod that is Ready and not Ready by turns makes no more than ten Events an hour", async () => {
  world.pod("q", { node: "node2", ip: "10.244.2.9" });
  world.server.create(gkeIpRoutes, newRoute());
  world.start();
  await world.until(() => world.ready() === "True ProgrammingComplete");
  const turn = (ready: boolean): void => {
    const pod = world.server.get<KubeObject>(pods, { namespace: "edge", name: "q" })!;
    const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
    world.server.replace(
      pods,
      { ...pod, status: { phase: "Running", podIP: "10.244.2.9", conditions } } as KubeObject,
      "status",
    );
  };
  for (let time = 0; time < 60; time++) {
    turn(time % 2 === 1);
    await world.clock.run(10_000);
  }
  expect(world.binding()?.spec.epoch).toBeGreaterThan(40);
  expect(told()).toHaveLength(10);
});
