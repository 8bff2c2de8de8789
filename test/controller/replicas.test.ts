// Several controllers with one Lease: one works, the others stand by; what happens when it stops, dies, hangs or is cut off.
import { RESOURCES } from "../../lib/model/kubernetes";
import { selectorOf } from "../../lib/model/manifest";
import type { Controller } from "../../controller-image/src/controller/controller";
import type { Lease } from "../../controller-image/src/kube/election";
import { Metrics } from "../../controller-image/src/kube/metrics";
import { MemoryKube } from "../support/memory-kube";
import { StoppableProcess } from "../support/stoppable-process";
import { newRoute, World } from "./world";

const { gkeIpRoutes, leases, pods } = RESOURCES;
const LEASE = { namespace: "podpin-system", name: "podpin-controller" };

/** One replica: its process, its connection and its controller. */
class Replica {
  readonly process: StoppableProcess;
  readonly kube: MemoryKube;
  readonly controller: Controller;
  readonly metrics = new Metrics();

  constructor(
    private readonly world: World,
    readonly name: string,
    delayMs = 2,
  ) {
    this.process = new StoppableProcess(world.clock);
    this.kube = new MemoryKube(world.server, { clock: world.clock });
    const kube = this.process.kube(this.kube, () => delayMs);
    const { metrics, process } = this;
    this.controller = world.start({
      kube,
      leases: kube,
      podName: name,
      identity: `${name}_1`,
      clock: process.clock,
      metrics,
    });
  }

  /** Writes of anything but the Lease. */
  get writes(): string[] {
    return this.kube.writes
      .filter(({ resource }) => resource !== leases)
      .map(({ verb, resource }) => `${verb} ${resource.kind}`);
  }

  /** The process is gone, and so are its connections. */
  crash(): void {
    this.process.stop();
    this.kube.connected = false;
  }

  async stop(): Promise<void> {
    let done = false;
    const stopped = this.controller.stop().then(() => (done = true));
    await this.world.clock.runUntil(() => done);
    await stopped;
  }
}

let world: World;
beforeEach(() => {
  world = new World();
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute());
});

const movePodToNode2 = (): void => {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
};
const isReady = (): boolean => world.ready() === "True ProgrammingComplete";
const movedToNode2 = (): boolean => world.binding()?.spec.nodeName === "node2" && isReady();
const holder = (): string | undefined => world.server.get<Lease>(leases, LEASE)?.spec?.holderIdentity;

/** Two replicas; the first leads and the route is Ready. */
async function twoReplicas(): Promise<[Replica, Replica]> {
  const first = new Replica(world, "first");
  await world.until(isReady);
  const second = new Replica(world, "second");
  await world.clock.run(2_000);
  return [first, second];
}

test("a single replica leads at once when the Lease is free, and needs no longer to the first Ready than its own two requests", async () => {
  const alone = new Replica(world, "alone");
  await world.clock.run(9);
  expect([alone.controller.isLeading(), holder()]).toEqual([true, "alone_1"]);
  await world.until(isReady);
  expect(world.clock.now()).toBeLessThanOrEqual(50);
});

test("a replica that stands by is ready, and writes nothing", async () => {
  const [first, second] = await twoReplicas();
  expect([first.controller.isLeading(), second.controller.isLeading()]).toEqual([true, false]);
  expect(second.controller.problems()).toEqual([]);
  movePodToNode2();
  await world.until(movedToNode2);
  await world.clock.run(60_000);
  expect(second.writes).toEqual([]);
  expect(second.kube.writes).toEqual([]);
});

test("is not ready while the Lease cannot be read, and says why", async () => {
  const kube = new MemoryKube(world.server, { clock: world.clock });
  const controller = world.start({
    kube,
    leases: new MemoryKube(world.server, { clock: world.clock, fault: () => "request-lost" }),
  });
  await world.clock.run(1_000);
  expect(controller.problems()).toEqual(["the Lease cannot be read or written: the connection was lost"]);
  expect(kube.writes).toEqual([]);
});

test("a replica that crashes is followed within four seconds, and what happened meanwhile is caught up with", async () => {
  const [first, second] = await twoReplicas();
  first.crash();
  const crashed = world.clock.now();
  movePodToNode2();
  await world.until(movedToNode2);
  expect(world.clock.now() - crashed).toBeLessThanOrEqual(4_000);
  expect(second.controller.isLeading()).toBe(true);
  expect(world.binding()?.spec.epoch).toBe(2);
});

/** The Pod of a replica. */
const podOf = ({ name }: Replica, nodeName: string): void => {
  const metadata = { namespace: LEASE.namespace, name, labels: selectorOf("controller") };
  world.server.create(pods, { metadata, spec: { nodeName }, status: { phase: "Running" } } as never);
};

test("a replica that is lost together with its node is followed at once", async () => {
  const [first, second] = await twoReplicas();
  podOf(first, "node1");
  await world.clock.run(100);
  first.crash();
  world.agents.delete("node1");
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2025-12-01T00:00:00Z" });
  const lost = world.clock.now();
  second.controller.setLost("node1", true);
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  expect(world.clock.now() - lost).toBeLessThanOrEqual(50);
  expect(holder()).toBe("second_1");
});

test("a replica that was taken for lost and is not gives way, and the other goes on", async () => {
  const [first, second] = await twoReplicas();
  podOf(first, "node1");
  await world.clock.run(100);
  second.controller.setLost("node1", true);
  await world.clock.run(1_100);
  expect([first.controller.isLeading(), second.controller.isLeading()]).toEqual([false, true]);
  await world.clock.run(10_000);
  expect([first.controller.isLeading(), second.controller.isLeading(), holder()]).toEqual([false, true, "second_1"]);
});

test("the loss of a node without the replica that leads changes no leader", async () => {
  const [first, second] = await twoReplicas();
  podOf(first, "node2");
  await world.clock.run(100);
  second.controller.setLost("node1", true);
  first.controller.setLost("node1", true);
  await world.clock.run(10_000);
  expect([first.controller.isLeading(), second.controller.isLeading()]).toEqual([true, false]);
});

test("a replica that stops gives the Lease back, and the other goes on within 0.7 seconds", async () => {
  const [first, second] = await twoReplicas();
  const at = world.clock.now();
  await first.stop();
  expect(holder()).toBe("");
  movePodToNode2();
  await world.until(movedToNode2);
  expect(world.clock.now() - at).toBeLessThanOrEqual(700);
  expect(second.controller.isLeading()).toBe(true);
});

test("taking over a cluster in which everything is as it must be writes nothing but the Lease", async () => {
  const [first, second] = await twoReplicas();
  await first.stop();
  await world.clock.run(60_000);
  expect([second.controller.isLeading(), second.writes]).toEqual([true, []]);
});

// The writes of the move are awaited one by one; stopped after any of them, nothing of the rest may follow.
test.each([0, 1, 2, 3, 4])(
  "a process that hangs after write %i of a move writes nothing once its Lease is over, and does no harm when it goes on",
  async (count) => {
    const [first, second] = await twoReplicas();
    world.expectOneOwnerPerEpoch();
    const before = first.writes.length;
    let taken = false;
    const late: string[] = [];
    first.kube.fault = ({ verb, resource }) => {
      if (verb === "get" || resource === leases) return undefined;
      if (taken) late.push(`${verb} ${resource.kind}`);
      if (first.writes.length - before >= count) first.process.stop();
      return undefined;
    };
    if (count === 0) first.process.stop();
    movePodToNode2();
    await world.until(() => second.controller.isLeading());
    taken = true;
    first.process.resume();
    await world.until(movedToNode2);
    world.server.delete(pods, { namespace: "edge", name: "q" });
    await world.until(() => world.binding()?.spec.nodeName === "node1" && isReady());
    await world.clock.run(20_000);
    expect(late).toEqual([]);
    expect([first.controller.isLeading(), second.controller.isLeading()]).toEqual([false, true]);
  },
);

test("a replica that cannot reach the API server stops leading after two seconds, and goes on when it can", async () => {
  const first = new Replica(world, "first");
  await world.until(isReady);
  const spec = world.binding()?.spec;
  first.kube.connected = false;
  await world.clock.run(2_100);
  expect(first.controller.isLeading()).toBe(false);
  await world.clock.run(30 * 60_000);
  expect(world.binding()?.spec).toEqual(spec);
  const before = first.writes.length;
  first.kube.connected = true;
  await world.clock.run(5_000);
  expect(first.controller.isLeading()).toBe(true);
  expect(first.writes.slice(before)).toEqual([]);
  movePodToNode2();
  await world.until(movedToNode2);
});

test("a replica that lost only its Lease works on nothing, though it still sees everything", async () => {
  const metrics = new Metrics();
  const elsewhere = new MemoryKube(world.server, { clock: world.clock });
  const controller = world.start({ leases: elsewhere, metrics });
  await world.until(isReady);
  await world.clock.run(1_000);
  elsewhere.connected = false;
  await world.clock.run(2_100);
  const work = (): string[] =>
    metrics
      .text()
      .split("\n")
      .filter((line) => /^podpin_(reconcile_seconds_count|queue_)/.test(line));
  const before = work();
  world.kube.calls.length = 0;
  movePodToNode2();
  await world.clock.run(30_000);
  expect([controller.isLeading(), world.kube.calls, work()]).toEqual([false, [], before]);
});

test("work that waits for a time is dropped with the lead, and done by whoever leads next", async () => {
  const [first, second] = await twoReplicas();
  world.agents.delete("node1");
  movePodToNode2();
  await world.clock.run(1_000);
  await first.stop();
  await world.until(movedToNode2);
  expect(second.writes).toContain("replace AddressBinding");
});

test("metrics say who leads, what was written and moved, and how old the watches are", async () => {
  const [first, second] = await twoReplicas();
  movePodToNode2();
  await world.until(movedToNode2);
  await world.clock.run(1_000);
  const of = ({ metrics }: Replica, name: string): string[] =>
    metrics
      .text()
      .split("\n")
      .filter((line) => line.startsWith(name));
  expect([of(first, "podpin_is_leader"), of(second, "podpin_is_leader")]).toEqual([
    ["podpin_is_leader 1"],
    ["podpin_is_leader 0"],
  ]);
  // An acknowledgement that came first is a conflict, and only makes the controller look again.
  expect(of(first, "podpin_binding_writes_total").filter((line) => !line.includes("conflict"))).toEqual([
    'podpin_binding_writes_total{verb="create",result="ok"} 1',
    'podpin_binding_writes_total{verb="replace",result="ok"} 2',
  ]);
  expect(of(first, "podpin_moves_total")).toEqual([
    'podpin_moves_total{kind="assigned"} 1',
    'podpin_moves_total{kind="moved"} 1',
  ]);
  expect(of(first, "podpin_queue_keys")).toHaveLength(3);
  expect(of(first, "podpin_reconcile_seconds_count")).toEqual(
    expect.arrayContaining([expect.stringMatching(/^podpin_reconcile_seconds_count\{kind="route",result="ok"\} \d+$/)]),
  );
  expect(of(second, "podpin_reconcile_seconds_count")).toEqual([]);
});
