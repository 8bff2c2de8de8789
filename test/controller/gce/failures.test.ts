import type { Fault } from "../../../lab/cloud/inject";
import { begin, DRIVERS, intentFor, isLed, led } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const ADDRESSES = ["203.0.113.10", "203.0.113.11"];
const CANDIDATES = ["node1", "node2"];
const UID = "route-uid-1";
const MINUTE = 60_000;
const to = (leader: string, epoch: number, urgent = false) =>
  intentFor({ addresses: ADDRESSES, leader, candidates: CANDIDATES, epoch, urgent });

describe.each(DRIVERS)("driver $name", ({ name, driver }) => {
  const moves = name === "ha-policy" ? "compute.regionBackendServices.update" : "compute.forwardingRules.setTarget";
  const move = name === "ha-policy" ? "regionBackendServices.patch" : "forwardingRules.setTarget";

  // Not settled: what is nobody's stays.
  const begun = () => begin(driver, ADDRESSES, { settled: false });
  const ledToNode1 = () => led(driver, to("node1", 1), { settled: false });

  const passing: readonly (Fault & { readonly what: string })[] = [
    { what: "operations end with an error", operationError: { status: 503, reason: "backendError" }, times: 3 },
    { what: "answers are lost after all was done", reset: "after", probability: 0.3 },
    { what: "calls are lost on the way", reset: "before", probability: 0.3 },
    {
      what: "the service is unavailable now and then",
      refuse: { status: 503, reason: "backendError" },
      probability: 0.3,
    },
    {
      what: "reads are seconds behind",
      calls: /GET .*(forwardingRules|backendServices|networkEndpointGroups|targetInstances)\//,
      staleMs: 4_000,
    },
    { what: "operations take half a minute", operation: { from: 20_000, to: 40_000 } },
    {
      what: "somebody else's write comes first",
      calls: /PATCH/,
      refuse: { status: 412, reason: "conditionNotMet" },
      times: 3,
    },
  ];
  test.each(passing)("gets there while $what", async ({ what: _what, ...fault }) => {
    const { world, replica, fabric } = begun();
    world.cloud.faults.add(fault);
    fabric.settled();
    fabric.want(to("node1", 1));
    await world.until(() => isLed(replica, to("node1", 1)));
    fabric.want(to("node2", 2));
    await world.until(() => isLed(replica, to("node2", 2)));
    for (const address of ADDRESSES) expect(world.delivered.get(address)).toEqual(["node1", "node2"]);
    world.cloud.faults.clear();
    fabric.remove(UID);
    await world.until(() => fabric.view(UID).empty);
    await world.clock.run(30 * MINUTE);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("goes on leading where it leads while the right to move is missing, says which one, and moves when it is back", async () => {
    const { world, replica, fabric } = await ledToNode1();
    world.cloud.conditions.revoke(moves);
    fabric.want(to("node2", 2));
    await world.clock.run(30 * MINUTE);
    expect(fabric.view(UID).problem?.reason).toBe("PermissionDenied");
    expect(fabric.view(UID).problem?.message).toContain(moves);
    expect(fabric.view(UID).leads.get("203.0.113.10")).toBe("node1");
    expect(world.delivered.size).toBe(0);
    // Later and later, up to a minute.
    expect(world.changes.filter((id) => id === move).length).toBeLessThan(60 * ADDRESSES.length);
    world.cloud.conditions.giveBack(moves);
    await world.until(() => isLed(replica, to("node2", 2)), 2 * MINUTE);
    expect(fabric.view(UID).problem).toBeUndefined();
    await fabric.stop();
  });

  test("waits for the next minute when the rate is used up, for five minutes, and moves then", async () => {
    const { world, replica, fabric } = await ledToNode1();
    world.cloud.conditions.setRates({ perMinute: 0 });
    fabric.want(to("node2", 2));
    await world.clock.run(5 * MINUTE);
    expect(fabric.view(UID).problem?.reason).toBe("RateLimited");
    expect(world.delivered.size).toBe(0);
    world.cloud.conditions.setRates();
    await world.until(() => isLed(replica, to("node2", 2)), 3 * MINUTE);
    await fabric.stop();
  });

  test("changes nothing while the API is down for half an hour, and does what is wanted then", async () => {
    const { world, replica, fabric } = await ledToNode1();
    world.cloud.faults.add({ reset: "before" });
    fabric.want(to("node2", 2));
    await world.clock.run(30 * MINUTE);
    expect(fabric.view(UID).problem?.reason).toBe("CloudUnreachable");
    expect(fabric.view(UID).leads.get("203.0.113.10")).toBe("node1");
    expect(world.delivered.size).toBe(0);
    world.cloud.faults.clear();
    await world.until(() => isLed(replica, to("node2", 2)), 3 * MINUTE);
    for (const address of ADDRESSES) expect(world.delivered.get(address)).toEqual(["node2"]);
    await fabric.stop();
  });

  test("says why nothing is known when the cloud cannot be read, and does not take that for nothing", async () => {
    const { world, replica, fabric } = begun();
    world.cloud.conditions.revoke("compute.forwardingRules.list");
    fabric.want(to("node1", 1));
    await world.clock.run(10 * MINUTE);
    expect(fabric.view(UID)).toMatchObject({ known: false, empty: false, problem: { reason: "PermissionDenied" } });
    expect(fabric.view(UID).problem?.message).toContain("compute.forwardingRules.list");
    expect(world.changes).toEqual([]);
    world.cloud.conditions.giveBack("compute.forwardingRules.list");
    await world.until(() => isLed(replica, to("node1", 1)), 2 * MINUTE);
    await fabric.stop();
  });

  test("leads a VM's addresses elsewhere when it is gone, and to it again when another one has its name", async () => {
    const { world, replica, fabric } = await ledToNode1();
    world.cloud.vanish(world.zoneOf("node1"), "node1");
    const away = to("node2", 2, true);
    fabric.want({ ...away, candidates: ["node2"] });
    await world.until(() => isLed(replica, away), MINUTE);
    await world.clock.run(30 * MINUTE);
    world.addNode("node1");
    fabric.want(to("node1", 3));
    await world.until(() => isLed(replica, to("node1", 3)), 5 * MINUTE);
    expect(world.goesTo("203.0.113.10")).toBe("node1");
    await fabric.stop();
  });

  test("leads to a VM that was made again under its name as soon as it has the next owner", async () => {
    const { world, replica, fabric } = await ledToNode1();
    world.cloud.vanish(world.zoneOf("node1"), "node1");
    await world.clock.run(10_000);
    world.addNode("node1");
    fabric.want(to("node1", 2));
    await world.clock.run(10_000);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node1", "node1"]);
    expect(isLed(replica, to("node1", 2))).toBe(true);
    await fabric.stop();
  });

  test("leads to a VM that was made again under its name when it next looks at everything", async () => {
    const { world, fabric } = await ledToNode1();
    world.cloud.vanish(world.zoneOf("node1"), "node1");
    world.addNode("node1");
    await world.clock.run(6 * MINUTE);
    expect(ADDRESSES.map((address) => world.goesTo(address))).toEqual(["node1", "node1"]);
    await fabric.stop();
  });
});
