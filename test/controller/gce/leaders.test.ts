import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import type { Driver } from "../../../controller-image/src/fabric/gce/plan";
import { LATE_LOOKS_MS } from "../../../controller-image/src/fabric/gce/surveys";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import { CLUSTER, CloudWorld, intentFor, isLed } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const ADDRESSES = ["203.0.113.10", "203.0.113.11"];
const CANDIDATES = ["node1", "node2", "node3"];
const led = (leader: string, epoch: number) =>
  intentFor({ addresses: ADDRESSES, leader, candidates: CANDIDATES, epoch });

async function oneLeader(driver = haPolicy) {
  const world = new CloudWorld();
  for (const address of ADDRESSES) world.reserve(address);
  const old = world.replica({ driver });
  old.fabric.start();
  old.fabric.want(led("node1", 1));
  await world.until(() => isLed(old, led("node1", 1)));
  await world.clock.run(30_000);
  return { world, old };
}

/** Leads for a later owner. */
async function successor(world: CloudWorld, driver: Driver) {
  const next = world.replica({ driver });
  next.fabric.start();
  next.fabric.want(led("node3", 3));
  await world.until(() => isLed(next, led("node3", 3)));
  return next;
}

async function twoLeaders() {
  const { world, old } = await oneLeader();
  const next = world.replica();
  next.fabric.start();
  next.fabric.want(led("node1", 1));
  await world.until(() => isLed(next, led("node1", 1)));
  world.delivered.clear();
  world.cloud.calls.clear();
  return { world, old, next };
}

test("a controller that is late changes nothing once another one has led the addresses for a later owner", async () => {
  const { world, old, next } = await twoLeaders();
  next.fabric.want(led("node3", 3));
  await world.until(() => isLed(next, led("node3", 3)));
  // What it knows is from before, and so is the fingerprint.
  old.fabric.want(led("node2", 2));
  await world.clock.run(25_000);
  expect(world.goesTo("203.0.113.10")).toBe("node3");
  expect(world.delivered.get("203.0.113.10")).toEqual(["node3"]);
  expect(old.fabric.view("route-uid-1").problem?.reason).toBe("Superseded");
  expect(world.changes).toEqual(["regionBackendServices.patch", "regionBackendServices.patch"]);
  await old.fabric.stop();
  await next.fabric.stop();
});

test("two controllers that act at the same time end where the later owner is, and do not pull to and fro", async () => {
  const { world, old, next } = await twoLeaders();
  world.cloud.faults.add({ calls: "regionBackendServices.patch", operation: { from: 500, to: 3_000 } });
  old.fabric.want(led("node2", 2));
  next.fabric.want(led("node3", 3));
  await world.clock.run(25_000);
  expect(world.goesTo("203.0.113.10")).toBe("node3");
  const went = world.delivered.get("203.0.113.10") ?? [];
  expect([["node3"], ["node2", "node3"]]).toContainEqual(went);
  await old.fabric.stop();
  await next.fabric.stop();
});

test("a late controller finds no fingerprint of before an owner that came back to the same node", async () => {
  const { world, old, next } = await twoLeaders();
  // The owner was on node2 for an epoch that only the late one has heard of, and is on node1 again.
  next.fabric.want(led("node1", 3));
  await world.clock.run(5_000);
  old.fabric.want(led("node2", 2));
  await world.clock.run(20_000);
  expect(world.goesTo("203.0.113.10")).toBe("node1");
  expect(world.delivered.get("203.0.113.10")).toBeUndefined();
  await old.fabric.stop();
  await next.fabric.stop();
});

test("a controller that goes on acting believes itself in the end: epochs begin anew with a binding that was made again", async () => {
  const { world, old, next } = await twoLeaders();
  await old.fabric.stop();
  next.fabric.want(led("node2", 7));
  await world.until(() => isLed(next, led("node2", 7)));
  next.fabric.want(led("node3", 1));
  await world.clock.run(20_000);
  expect(world.goesTo("203.0.113.10")).toBe("node2");
  await world.clock.run(15_000);
  expect(world.goesTo("203.0.113.10")).toBe("node3");
  await next.fabric.stop();
});

test("a replica that is told to pause begins nothing more, and one that starts again reads everything anew", async () => {
  const { world, old, next } = await twoLeaders();
  next.fabric.pause();
  expect(next.fabric.view("route-uid-1").known).toBe(false);
  old.fabric.want(led("node2", 2));
  await world.until(() => isLed(old, led("node2", 2)));
  await old.fabric.stop();
  world.cloud.calls.clear();
  next.fabric.want(led("node2", 2));
  await world.clock.run(10 * 60_000);
  expect(world.cloud.calls.log).toEqual([]);
  next.fabric.start();
  await world.until(() => isLed(next, led("node2", 2)));
  expect(world.changes).toEqual([]);
  await next.fabric.stop();
});

test("what goes on besides begins with a term, when the cluster is known, and ends with it", async () => {
  const world = new CloudWorld();
  const seen: string[] = [];
  const besides = { start: () => void seen.push("start"), stop: () => void seen.push("stop") };
  const cluster: { uid?: string } = {};
  const { fabric } = world.replica({ besides }, { clusterUid: () => cluster.uid });
  fabric.start();
  fabric.pause();
  fabric.start();
  await world.clock.run(2_000);
  expect(seen).toEqual([]);
  cluster.uid = CLUSTER;
  await world.clock.run(2_000);
  fabric.start();
  expect(seen).toEqual(["start"]);
  fabric.pause();
  fabric.start();
  expect(seen).toEqual(["start", "stop", "start"]);
  await fabric.stop();
  expect(seen).toEqual(["start", "stop", "start", "stop"]);
});

describe.each([
  // Only here Compute refuses a move that was decided on what is no longer so.
  { name: "ha-policy", driver: haPolicy, move: "regionBackendServices.patch", detour: undefined },
  {
    name: "target-instance",
    driver: targetInstance,
    move: "forwardingRules.setTarget",
    detour: ["node2", "node3"],
  },
])("with the driver $name", ({ driver, move, detour }) => {
  test("what a controller is still trying when its time has run out is not sent again", async () => {
    const { world, old } = await oneLeader(driver);
    world.delivered.clear();
    const away = world.cloud.faults.add({ calls: move, refuse: { status: 503, reason: "backendError" } });
    old.fabric.want(led("node2", 2));
    await world.clock.run(2_000);
    old.depose();
    away();
    world.cloud.calls.clear();
    await world.clock.run(2 * 60_000);
    expect(world.changes).toEqual([]);
    const next = await successor(world, driver);
    for (const address of ADDRESSES) expect(world.delivered.get(address)).toEqual(["node3"]);
    await old.fabric.stop();
    await next.fabric.stop();
  });

  // All but the first on their way for longer than most calls take, the last for longer than anybody waits for an answer.
  test.each([
    [8_000, 10_000],
    [25_000, 30_000],
    [40_000, 90_000],
  ])(
    "what was under way for %d ms when another controller took over does not stay for longer than %d ms",
    async (latency, lookMs) => {
      const { world, old } = await oneLeader(driver);
      const late = world.cloud.faults.add({ calls: move, latency });
      old.fabric.want(led("node2", 2));
      await world.clock.run(1_000);
      late();
      old.depose();
      const next = await successor(world, driver);
      world.delivered.clear();
      await world.clock.run(lookMs + 2_000);
      for (const address of ADDRESSES) {
        expect(world.delivered.get(address)).toEqual(detour);
        expect(world.goesTo(address)).toBe("node3");
      }
      await old.fabric.stop();
      await next.fabric.stop();
    },
  );

  test("what another controller was deleting when this one took over is made again, though nobody tells of it", async () => {
    const { world, old } = await oneLeader(driver);
    const late = world.cloud.faults.add({ calls: "forwardingRules.delete", latency: 40_000 });
    old.fabric.remove(led("node1", 1).route.uid);
    await world.clock.run(1_000);
    late();
    old.depose();
    const next = await successor(world, driver);
    await world.clock.run(45_000);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toContain(undefined);
    await world.clock.run(Math.max(...LATE_LOOKS_MS));
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(ADDRESSES.map(() => "node3"));
    await old.fabric.stop();
    await next.fabric.stop();
  });
});
