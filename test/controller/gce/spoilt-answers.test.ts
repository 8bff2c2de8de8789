// Answers that say nothing, or that say something else than they seem to: nothing is concluded from them.
import { begin, DRIVERS, intentFor, isLed, led } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const ADDRESSES = ["203.0.113.10", "203.0.113.11"];
const UID = "route-uid-1";
const MINUTE = 60_000;
const to = (leader: string, epoch: number) =>
  intentFor({ addresses: ADDRESSES, leader, candidates: ["node1", "node2"], epoch });

describe.each(DRIVERS)("driver $name", ({ name, driver }) => {
  const ledToNode1 = () => led(driver, to("node1", 1));

  test("answers with 200 and no JSON change nothing of what is known, and a route is not gone by them", async () => {
    const { world, replica, fabric } = await ledToNode1();
    const made = world.made;
    world.onTheWay = () => ({ status: 200 });
    world.cloud.faults.add({ refuse: { status: 403, reason: "forbidden" } });
    await world.clock.run(30 * MINUTE);
    expect([...fabric.view(UID).leads.values()]).toEqual(["node1", "node1"]);
    fabric.want(to("node2", 2));
    await world.clock.run(10 * MINUTE);
    expect(fabric.view(UID).problem?.reason).toBe("CloudUnreachable");
    expect([...fabric.view(UID).leads.values()]).toEqual(["node1", "node1"]);
    fabric.remove(UID);
    await world.clock.run(30 * MINUTE);
    expect(fabric.view(UID)).toMatchObject({ empty: false, problem: { reason: "CloudUnreachable" } });
    expect([world.made, world.delivered.size]).toEqual([made, 0]);
    const again = world.replica({ driver });
    again.fabric.start();
    again.fabric.settled();
    again.fabric.remove(UID);
    await world.clock.run(10 * MINUTE);
    expect(again.fabric.view(UID)).toMatchObject({
      known: false,
      empty: false,
      problem: { reason: "CloudUnreachable" },
    });
    await again.fabric.stop();
    world.cloud.faults.clear();
    world.onTheWay = (answer) => answer;
    await world.until(() => replica.fabric.view(UID).empty, 3 * MINUTE);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("answers that are lost in this way after all was done leave one of everything", async () => {
    const { world, replica, fabric } = begin(driver, ADDRESSES);
    let calls = 0;
    world.onTheWay = (answer) => (++calls % 3 === 0 ? { status: 200 } : answer);
    fabric.want(to("node1", 1));
    await world.until(() => isLed(replica, to("node1", 1)));
    fabric.want(to("node2", 2));
    await world.until(() => isLed(replica, to("node2", 2)));
    for (const address of ADDRESSES) expect(world.delivered.get(address)).toEqual(["node1", "node2"]);
    fabric.remove(UID);
    await world.until(() => fabric.view(UID).empty);
    await world.clock.run(30 * MINUTE);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("a deletion of which the operation has vanished has not taken anything away until it is seen", async () => {
    const { world, fabric } = await ledToNode1();
    const made = world.made;
    world.cloud.faults.add({ calls: /DELETE/, operationError: { status: 503, reason: "backendError" } });
    world.cloud.faults.add({ calls: /operations\//, refuse: { status: 404, reason: "notFound" } });
    fabric.remove(UID);
    await world.clock.run(30 * MINUTE);
    expect(world.made).toEqual(made);
    expect(fabric.view(UID)).toMatchObject({ empty: false, problem: { reason: "CloudSlow" } });
    world.cloud.faults.clear();
    await world.until(() => fabric.view(UID).empty, 3 * MINUTE);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("what is known to be deleted is waited for no more, though nobody heard of it at first", async () => {
    const { world, fabric } = await ledToNode1();
    const last = /(networkEndpointGroups|targetInstances)\//;
    const lastGone = (): boolean => !world.made.some((path) => last.test(path));
    world.onTheWay = (answer, { method, path }) => (method === "DELETE" && last.test(path) ? { status: 200 } : answer);
    fabric.remove(UID);
    await world.until(lastGone);
    await world.clock.run(75_000);
    world.onTheWay = (answer) => answer;
    await world.until(() => fabric.view(UID).empty, 15_000);
    await fabric.stop();
  });

  test("a deletion that never ends keeps the route, and says that the cloud is slow", async () => {
    const { world, fabric } = await ledToNode1();
    const rules = world.made.filter((path) => path.includes("/forwardingRules/"));
    world.cloud.faults.add({ calls: "forwardingRules.delete", operation: "never" });
    fabric.remove(UID);
    await world.clock.run(30 * MINUTE);
    expect(fabric.view(UID)).toMatchObject({ empty: false, problem: { reason: "CloudSlow" } });
    expect(world.made).toEqual(expect.arrayContaining(rules));
    await fabric.stop();
  });

  test("a route is not gone while something may still be made for it", async () => {
    const { world, fabric } = begin(driver, ADDRESSES);
    await world.clock.run(1_000);
    world.cloud.faults.add({ calls: /POST .*(networkEndpointGroups|targetInstances)$/, operation: 100_000, times: 1 });
    fabric.want(intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1"] }));
    await world.clock.run(65_000);
    fabric.remove(UID);
    await world.until(() => fabric.view(UID).empty, 10 * MINUTE);
    await world.clock.run(MINUTE);
    expect(world.made).toEqual([]);
    world.cloud.calls.clear();
    await world.clock.run(30 * MINUTE);
    // What nobody doubts any more is read every five minutes.
    expect(world.cloud.calls.log.filter(({ id }) => id === "forwardingRules.list").length).toBeLessThanOrEqual(7);
    await fabric.stop();
  });

  test("what was asked for and never made is forgotten with its route", async () => {
    const { world, fabric } = begin(driver, ADDRESSES);
    await world.clock.run(1_000);
    const inserts = /POST .*(networkEndpointGroups|targetInstances)$/;
    world.cloud.faults.add({ calls: inserts, operation: "never" });
    fabric.want(intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1"] }));
    await world.clock.run(5 * MINUTE);
    expect(fabric.view(UID).problem?.reason).toBe("CloudSlow");
    fabric.remove(UID);
    await world.until(() => fabric.view(UID).empty, 10 * MINUTE);
    world.cloud.calls.clear();
    await world.clock.run(30 * MINUTE);
    expect(world.cloud.calls.log.filter(({ id }) => id === "forwardingRules.list").length).toBeLessThanOrEqual(7);
    await fabric.stop();
  });

  test("without the right to delete a route stays, says which one it is, and goes on once it is back", async () => {
    const { world, fabric } = await ledToNode1();
    const [rules, ...others] =
      name === "ha-policy"
        ? ["forwardingRules", "regionBackendServices", "networkEndpointGroups"]
        : ["forwardingRules", "targetInstances"];
    const rights = [rules, ...others].map((collection) => `compute.${collection}.delete`);
    world.cloud.conditions.revoke(...rights);
    fabric.remove(UID);
    for (const right of rights) {
      await world.clock.run(20 * MINUTE);
      expect(fabric.view(UID)).toMatchObject({ empty: false, problem: { reason: "PermissionDenied" } });
      expect(fabric.view(UID).problem?.message).toContain(`lacks ${right} on`);
      world.cloud.conditions.giveBack(right);
      await world.clock.run(MINUTE + 5_000);
    }
    expect([fabric.view(UID).empty, world.made]).toEqual([true, []]);
    await fabric.stop();
  });
});
