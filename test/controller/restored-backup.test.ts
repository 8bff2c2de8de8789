// A backup of etcd is restored while controllers and agents live: what they know is newer than what the API server says.
import type { AddressBinding } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { A } from "../support/objects";
import { type Machine, POD_1, POD_2, twoMachines } from "./machine";
import type { World } from "./world";

const { addressBindings, gkeIpRoutes, pods } = RESOURCES;
let world: World;
let machines: readonly Machine[];
let answering: () => string[];
let stop: () => Promise<void>;
beforeEach(() => ({ world, machines, answering, stop } = twoMachines()));
afterEach(() => stop());

const older = (): void => world.pod("p", { ip: POD_1 });
const newer = (): void => world.pod("q", { node: "node2", ip: POD_2, created: "2026-01-01T00:30:00Z" });
const servedOn = (name: string) => (): boolean =>
  world.binding()?.spec.nodeName === name && world.ready() === "True ProgrammingComplete";
const restore = (backup: ReturnType<World["server"]["backup"]>): void => {
  world.server.restore(backup);
  for (const kube of [world.kube, ...machines.map((machine) => machine.kube)]) kube.relist();
};
/** The address has gone from node1 to node2 since. */
async function movedSinceBackup() {
  older();
  await world.until(servedOn("node1"));
  const backup = world.server.backup();
  newer();
  await world.until(servedOn("node2"));
  const { epoch } = world.binding()!.spec;
  return { backup, epoch };
}
const settled = async (): Promise<void> => {
  await world.clock.run(1_000);
  world.kube.calls.length = 0;
  await world.clock.run(60_000);
};

test("an address that moved since has one owner again, the one that the backup names, in an epoch above all that were", async () => {
  const { backup, epoch } = await movedSinceBackup();
  // The node before has forgotten the address by then.
  await world.clock.run(180_000);
  restore(backup);
  await world.until(() => (world.binding()?.spec.epoch ?? 0) > epoch && servedOn("node1")());
  await settled();
  expect([answering(), world.ready()]).toEqual([["node1"], "True ProgrammingComplete"]);
  expect(world.kube.writes).toEqual([]);
  expect(world.binding()?.status?.acks?.map(({ nodeName }) => nodeName)).toEqual(["node1"]);
});

test("so it has while both nodes remember the later epochs, and with a controller that never saw them", async () => {
  const { backup, epoch } = await movedSinceBackup();
  await world.stop();
  restore(backup);
  world.start();
  await world.until(() => (world.binding()?.spec.epoch ?? 0) > epoch && servedOn("node1")());
  await settled();
  expect(answering()).toEqual(["node1"]);
});

test("a binding that was made since, and is made anew, is served, though versions count from before", async () => {
  await world.clock.run(1_000);
  const backup = world.server.backup();
  older();
  await world.until(servedOn("node1"));
  const first = world.binding()?.metadata;
  restore(backup);
  older();
  await world.until(servedOn("node1"));
  const second = world.binding()?.metadata;
  expect(Number(second?.resourceVersion)).toBeLessThan(Number(first?.resourceVersion) + 5);
  expect(second?.uid).not.toBe(first?.uid);
  await settled();
  expect(answering()).toEqual(["node1"]);
});

test("a route that was deleted since, and is there again, is served again; one whose deletion was under way is deleted", async () => {
  older();
  await world.until(servedOn("node1"));
  const served = world.server.backup();
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
  await world.until(() => (world.binding()?.spec.owner ?? "gone") === "gone");
  const leaving = world.server.backup();
  await world.until(() => world.route() === undefined);
  restore(served);
  await world.until(servedOn("node1"));
  await world.clock.run(120_000);
  restore(leaving);
  await world.until(() => world.route() === undefined && world.binding() === undefined);
  await settled();
  expect(answering()).toEqual([]);
});

test("a release that the backup is in the middle of comes to its end, though the node has acted for later epochs", async () => {
  older();
  await world.until(servedOn("node1"));
  world.server.delete(pods, { namespace: "edge", name: "p" });
  let backup: ReturnType<World["server"]["backup"]> | undefined;
  const stop = world.server.onCommit(({ after, resource }) => {
    const spec = (after as AddressBinding | undefined)?.spec;
    if (resource.kind === "AddressBinding" && spec?.releasing !== undefined && spec.owner === undefined)
      backup ??= world.server.backup();
  });
  await world.until(() => backup !== undefined);
  stop();
  older();
  await world.until(servedOn("node1"));
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
  await world.clock.run(2);
  restore(backup!);
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
  await world.until(() => world.route() === undefined && world.binding() === undefined);
  expect(answering()).toEqual([]);
});

test("a binding whose epoch was edited to a number that none can be above is made anew when it is deleted, and served", async () => {
  older();
  await world.until(servedOn("node1"));
  const binding = world.binding()!;
  const edited = { ...binding, spec: { ...binding.spec, epoch: Number.MAX_SAFE_INTEGER } };
  world.server.replace(addressBindings, edited);
  await world.until(servedOn("node1"));
  world.server.delete(addressBindings, { name: A });
  await world.until(() => world.binding()?.spec.epoch === 1 && servedOn("node1")());
  newer();
  await world.until(() => world.binding()?.spec.epoch === 2 && servedOn("node2")());
  await settled();
  expect(answering()).toEqual(["node2"]);
});

describe("a write of the controller whose echo never came before the backup was restored", () => {
  /** Cuts the controller off just after it has written to an object of this kind. */
  async function lastWrite(kind: string): Promise<void> {
    const stop = world.server.onCommit(({ resource, after }) => {
      const spec = (after as AddressBinding | undefined)?.spec;
      if (resource.kind === kind && (kind !== "AddressBinding" || spec?.nodeName === "node2"))
        world.kube.connected = false;
    });
    await world.until(() => !world.kube.connected);
    stop();
    await world.clock.run(50);
  }
  const comeBack = (backup: ReturnType<World["server"]["backup"]>): void => {
    world.kube.connected = true;
    restore(backup);
  };

  test.each(["AddressBinding", "GKEIPRoute"])("%s: holds up nothing that follows", async (kind) => {
    older();
    await world.until(servedOn("node1"));
    await settled();
    const backup = world.server.backup();
    newer();
    await lastWrite(kind);
    comeBack(backup);
    await world.clock.run(60_000);
    expect([answering(), world.ready()]).toEqual([["node1"], "True ProgrammingComplete"]);
    newer();
    await world.until(servedOn("node2"));
    await settled();
    expect(answering()).toEqual(["node2"]);
    expect(world.kube.writes).toEqual([]);
  });

  test.each(["AddressBinding", "GKEIPRoute"])("%s: is made again where nothing else was lost", async (kind) => {
    older();
    await world.until(servedOn("node1"));
    await settled();
    newer();
    const backup = world.server.backup();
    await lastWrite(kind);
    comeBack(backup);
    await world.until(servedOn("node2"));
    await settled();
    expect(answering()).toEqual(["node2"]);
  });

  test("a first write of all is made again", async () => {
    older();
    const backup = world.server.backup();
    const stop = world.server.onCommit(({ resource }) => {
      if (resource.kind === "AddressBinding") world.kube.connected = false;
    });
    await world.until(() => !world.kube.connected);
    stop();
    comeBack(backup);
    await world.until(servedOn("node1"));
  });
});
