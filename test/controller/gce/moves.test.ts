import { IDLE_MS, MOST_ENDPOINTS } from "../../../controller-image/src/fabric/gce/groups";
import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import { LATE_LOOKS_MS } from "../../../controller-image/src/fabric/gce/surveys";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import { begin, CloudWorld, intentFor, isLed } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const ADDRESSES = ["203.0.113.10", "203.0.113.11", "203.0.113.12"];

describe.each([
  { name: "ha-policy", driver: haPolicy, move: ["regionBackendServices.patch"] },
  { name: "target-instance", driver: targetInstance, move: ADDRESSES.map(() => "forwardingRules.setTarget") },
])("driver $name", ({ driver, move }) => {
  test("leads the addresses of a route to a node, moves them to one that was prepared, and takes everything away again", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const first = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });
    fabric.want(first);
    await world.until(() => isLed(replica, first));
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node1", "node1", "node1"]);
    await world.clock.run(10_000);

    world.cloud.calls.clear();
    const second = intentFor({ addresses: ADDRESSES, leader: "node2", candidates: ["node1", "node2"], epoch: 2 });
    fabric.want(second);
    await world.until(() => isLed(replica, second));
    expect(world.changes).toEqual(move);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node2", "node2", "node2"]);

    fabric.remove(first.route.uid);
    await world.until(() => fabric.view(first.route.uid).empty);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual([undefined, undefined, undefined]);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("prepares a node that was not expected before it moves the addresses there", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const first = intentFor({ addresses: ADDRESSES, leader: "node1" });
    fabric.want(first);
    await world.until(() => isLed(replica, first));
    world.delivered.clear();
    const second = intentFor({ addresses: ADDRESSES, leader: "node2", epoch: 2 });
    fabric.want(second);
    await world.until(() => isLed(replica, second));
    for (const address of ADDRESSES) expect(world.delivered.get(address)).toEqual(["node2"]);
    await fabric.stop();
  });

  test("says nothing for certain of an address whose move had no answer, until it can no longer happen", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const first = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });
    fabric.want(first);
    await world.until(() => isLed(replica, first));
    await world.clock.run(10_000);
    const { uid } = first.route;
    expect(fabric.view(uid).unsure).toEqual(new Set());

    // Taken, and slow: nobody hears of it, nor of anything else for two minutes.
    const calls = /patch|setTarget/i;
    world.cloud.faults.add({ calls, times: ADDRESSES.length, reset: "after", operation: 40_000 });
    const away = world.cloud.faults.add({ calls: "*", after: move.length, hang: true });
    fabric.want(intentFor({ addresses: ADDRESSES, leader: "node2", candidates: ["node1", "node2"], epoch: 2 }));
    await world.clock.run(1_000);
    expect(fabric.view(uid).unsure).toEqual(new Set(ADDRESSES));
    // The Pod on the other node ends: back again.
    const third = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"], epoch: 3 });
    fabric.want(third);
    await world.clock.run(30_000);
    expect(fabric.view(uid).unsure).toEqual(new Set(ADDRESSES));
    await world.clock.run(90_000);
    away();
    const isSure = (): boolean => isLed(replica, third) && fabric.view(uid).unsure?.size === 0;
    await world.until(isSure, 30 * 60_000);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node1", "node1", "node1"]);
    await fabric.stop();
  });

  test("touches only what has changed when the addresses become more and fewer", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const two = intentFor({ addresses: ADDRESSES.slice(0, 2), leader: "node1" });
    fabric.want(two);
    await world.until(() => isLed(replica, two));
    world.cloud.calls.clear();
    const three = intentFor({ addresses: ADDRESSES, leader: "node1" });
    fabric.want(three);
    await world.until(() => isLed(replica, three));
    expect(world.changes).toEqual(["forwardingRules.insert"]);
    world.cloud.calls.clear();
    const one = intentFor({ addresses: ADDRESSES.slice(2), leader: "node1" });
    fabric.want(one);
    await world.clock.run(10_000);
    expect(world.changes.filter((id) => id !== "regionBackendServices.patch")).toEqual([
      "forwardingRules.delete",
      "forwardingRules.delete",
    ]);
    expect(fabric.view(one.route.uid).leads).toEqual(new Map([["203.0.113.12", "node1"]]));
    await fabric.stop();
  });

  test("leaves everything as it is while there is no node to lead to", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    fabric.want(intentFor({ addresses: ADDRESSES, candidates: ["node1"] }));
    await world.clock.run(60_000);
    expect(world.made).toEqual([]);
    const led = intentFor({ addresses: ADDRESSES, leader: "node1" });
    fabric.want(led);
    await world.until(() => isLed(replica, led));
    world.cloud.calls.clear();
    fabric.want(intentFor({ addresses: ADDRESSES, epoch: 2 }));
    await world.clock.run(4 * 60_000);
    expect(world.changes).toEqual([]);
    expect(world.goesTo("203.0.113.10")).toBe("node1");
    await fabric.stop();
  });

  test("keeps the addresses that a route has not lost, and lets the others go", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const led = intentFor({ addresses: ADDRESSES, leader: "node1" });
    fabric.want(led);
    await world.until(() => isLed(replica, led));
    world.cloud.calls.clear();
    fabric.keep(led.route.uid, ADDRESSES.slice(1));
    await world.clock.run(30 * 60_000);
    expect(world.changes).toEqual(["forwardingRules.delete"]);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual([undefined, "node1", "node1"]);
    await fabric.stop();
  });

  test("makes no call that changes anything while nothing changes, and reads little", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const led = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2", "node3"] });
    fabric.want(led);
    await world.until(() => isLed(replica, led));
    await world.clock.run(60_000);
    world.cloud.calls.clear();
    fabric.want(led);
    await world.clock.run(60 * 60_000);
    expect(world.changes).toEqual([]);
    // One survey each five minutes, of four kinds of resources at most.
    expect(world.cloud.calls.log.length).toBeLessThanOrEqual(12 * 4);
    await fabric.stop();
  });

  test("begins again with nothing but what the cloud says, and changes nothing", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const led = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });
    fabric.want(led);
    await world.until(() => isLed(replica, led));
    await world.clock.run(60_000);
    await fabric.stop();
    world.cloud.calls.clear();
    const next = world.replica({ driver });
    next.fabric.start();
    next.fabric.want(led);
    await world.until(() => isLed(next, led));
    await world.clock.run(60_000);
    expect(world.changes).toEqual([]);
    const looks = 1 + LATE_LOOKS_MS.filter((ms) => ms < 60_000).length;
    expect(world.cloud.calls.log.length).toBeLessThanOrEqual(4 * looks);
    await next.fabric.stop();
  });

  test("takes back what somebody else has changed, and makes anew what somebody has deleted", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    const led = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });
    fabric.want(led);
    await world.until(() => isLed(replica, led));
    await world.clock.run(60_000);
    const stranger = world.client();
    const [rule] = await stranger.list("regions/us-central1", "forwardingRules");
    const gone = stranger.delete("regions/us-central1", "forwardingRules", rule?.name ?? "");
    await world.clock.run(1_000);
    await gone;
    expect(ADDRESSES.map((address) => world.goesTo(address))).toContain(undefined);
    await world.clock.run(6 * 60_000);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node1", "node1", "node1"]);
    await fabric.stop();
  });

  test("an address whose node is lost does not wait for the making of others", async () => {
    const world = new CloudWorld({ externalRange: "203.0.0.0/16" });
    const others = Array.from({ length: 100 }, (_, index) => `203.0.112.${index + 1}`);
    for (const address of [...ADDRESSES, ...others]) world.reserve(address);
    const replica = world.replica({ driver });
    const { fabric } = replica;
    fabric.start();
    const first = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });
    fabric.want(first);
    await world.until(() => isLed(replica, first));
    await world.clock.run(10_000);
    const making = others.map((address, index) => {
      return intentFor({ uid: `route-uid-${index + 2}`, addresses: [address], leader: "node3" });
    });
    for (const intent of making) fabric.want(intent);
    await world.clock.run(2_000);
    const lost = intentFor({ addresses: ADDRESSES, leader: "node2", candidates: ["node2"], epoch: 2, urgent: true });
    fabric.want(lost);
    // An operation takes 200 ms.
    await world.until(() => isLed(replica, lost), 1_000);
    expect(making.some((intent) => !isLed(replica, intent))).toBe(true);
    await world.until(() => making.every((intent) => isLed(replica, intent)));
    await fabric.stop();
  });
});

test("however fast Pods come and go, a route has no more endpoints than a service is known to hold, and those in use stay", async () => {
  const world = new CloudWorld({ nodes: 81 });
  world.reserve("203.0.113.10");
  const replica = world.replica({ driver: haPolicy });
  const { fabric } = replica;
  fabric.start();
  const attached = (): string[] =>
    world.cloud.state
      .everywhere("demo", "networkEndpointGroups")
      .flatMap(({ endpoints = [] }) => endpoints.map(({ instance }) => instance.split("/").at(-1) ?? ""));
  // All but the leader's node are others after a minute.
  for (const minute of [0, 1, 2, 3, 4]) {
    const others = Array.from({ length: 15 }, (_, i) => `node${minute * 16 + i + 2}`);
    fabric.want(intentFor({ leader: "node1", candidates: ["node1", ...others] }));
    await world.clock.run(60_000);
    expect(attached()).toEqual(expect.arrayContaining(["node1", ...others]));
    expect(attached()).toHaveLength(Math.min((minute + 1) * 15 + 1, MOST_ENDPOINTS));
  }
  await world.clock.run(IDLE_MS);
  expect(attached()).toHaveLength(16);
  expect(world.goesTo("203.0.113.10")).toBe("node1");
  await fabric.stop();
});
