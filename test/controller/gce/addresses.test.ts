import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import { ruleName, routeName } from "../../../controller-image/src/fabric/gce/names";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import { begin, CloudWorld, CLUSTER, DRIVERS, intentFor, isLed, REGION } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const SCOPE = `regions/${REGION}`;
const UID = "route-uid-1";
const MINUTE = 60_000;

describe.each(DRIVERS)("driver $name", ({ name, driver }) => {
  /** Somebody else's rule for an address. */
  function theirs(world: CloudWorld, address: string): void {
    const zone = `zones/${world.zoneOf("node3")}`;
    world.cloud.make(zone, "targetInstances", { name: "theirs", instance: `${zone}/instances/node3` });
    world.cloud.make(SCOPE, "forwardingRules", {
      name: "theirs",
      IPAddress: address,
      IPProtocol: "L3_DEFAULT",
      allPorts: true,
      loadBalancingScheme: "EXTERNAL",
      target: `${zone}/targetInstances/theirs`,
    });
  }

  test("names who uses an address, leads the others, and takes it over when it is free", async () => {
    const { world, replica, fabric } = begin(driver);
    for (const address of ["203.0.113.10", "203.0.113.11"]) world.reserve(address);
    theirs(world, "203.0.113.10");
    const both = intentFor({ addresses: ["203.0.113.10", "203.0.113.11"], leader: "node1" });
    fabric.want(both);
    await world.clock.run(10 * MINUTE);
    expect(fabric.view(UID).problem).toEqual({
      reason: "AddressInUse",
      message: `203.0.113.10 (address a-203-0-113-10) is in use by https://www.googleapis.com/compute/v1/projects/demo/${SCOPE}/forwardingRules/theirs; release it there, or take it off the route.`,
    });
    expect(world.goesTo("203.0.113.10")).toBe("node3");
    expect(world.goesTo("203.0.113.11")).toBe("node1");
    const gone = world.client().delete(SCOPE, "forwardingRules", "theirs");
    await world.clock.run(1_000);
    await gone;
    await world.until(() => isLed(replica, both), 2 * MINUTE);
    await fabric.stop();
  });

  test("says that an address is not reserved, or is of another type, and leads it once it is", async () => {
    const { world, replica, fabric } = begin(driver);
    world.reserve("10.128.0.50", { addressType: "INTERNAL", subnetwork: `${SCOPE}/subnetworks/default` });
    const both = intentFor({ addresses: ["10.128.0.50", "203.0.113.10"], leader: "node1" });
    fabric.want(both);
    await world.clock.run(MINUTE);
    expect(fabric.view(UID).problem?.message).toBe(
      "10.128.0.50 (address a-10-128-0-50) is INTERNAL, and the class of the Gateway is for EXTERNAL addresses. 203.0.113.10 is not reserved in project demo, region us-central1; reserve it there, or take it off the route.",
    );
    world.reserve("203.0.113.10");
    const one = intentFor({ addresses: ["203.0.113.10"], leader: "node1" });
    fabric.want(one);
    await world.until(() => isLed(replica, one), MINUTE);
    await fabric.stop();
  });

  test("takes an address over from another route as soon as that one lets go", async () => {
    const { world, replica, fabric } = begin(driver);
    world.reserve("203.0.113.10");
    const older = intentFor({ uid: "route-uid-2", leader: "node1" });
    const younger = intentFor({ leader: "node2" });
    fabric.want(older);
    await world.until(() => isLed(replica, older));
    fabric.want(younger);
    await world.clock.run(MINUTE);
    expect(fabric.view(UID).problem).toEqual({
      reason: "AddressInUse",
      message: "203.0.113.10 is still led for the route edge/r2; it is taken over when that one lets go of it.",
    });
    fabric.remove("route-uid-2");
    await world.until(() => isLed(replica, younger), 30_000);
    expect(world.goesTo("203.0.113.10")).toBe("node2");
    await fabric.stop();
  });

  test("goes on with the rules that a quota leaves, says which quota, and makes the others when it is raised", async () => {
    const { world, replica, fabric } = begin(driver);
    const metric = name === "ha-policy" ? "EXTERNAL_NETWORK_LB_FORWARDING_RULES" : "EXTERNAL_PROTOCOL_FORWARDING_RULES";
    world.cloud.conditions.setQuota(metric, 29);
    const intents = Array.from({ length: 40 }, (_, index) => {
      const addresses = [`203.0.113.${index + 10}`];
      world.reserve(addresses[0] ?? "");
      return intentFor({ uid: `route-uid-${index}`, addresses, leader: "node1" });
    });
    for (const intent of intents) fabric.want(intent);
    await world.clock.run(5 * MINUTE);
    const waiting = intents.filter((intent) => !isLed(replica, intent));
    expect(waiting).toHaveLength(11);
    for (const { route } of waiting) {
      expect(fabric.view(route.uid).problem?.reason).toBe("QuotaExceeded");
      expect(fabric.view(route.uid).problem?.message).toContain(metric);
    }
    world.cloud.conditions.setQuota(metric, undefined);
    await world.until(() => intents.every((intent) => isLed(replica, intent)), 3 * MINUTE);
    for (const { route } of intents) fabric.remove(route.uid);
    await world.until(() => intents.every(({ route }) => fabric.view(route.uid).empty));
    await world.clock.run(20 * MINUTE);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("never touches what has its name or its prefix but not its mark", async () => {
    const { world, fabric } = begin(driver);
    world.reserve("203.0.113.10");
    world.reserve("203.0.113.11");
    const zone = `zones/${world.zoneOf("node3")}`;
    const mine = ruleName(routeName(CLUSTER, UID, "default"), "203.0.113.10");
    const other = JSON.stringify({ owner: "podpin.dev", cluster: "another", uid: "route-uid-9" });
    world.cloud.make(zone, "targetInstances", {
      name: "ipr-theirs",
      instance: `${zone}/instances/node3`,
      description: other,
    });
    world.cloud.make(SCOPE, "forwardingRules", {
      name: mine,
      IPAddress: "203.0.113.11",
      IPProtocol: "L3_DEFAULT",
      allPorts: true,
      loadBalancingScheme: "EXTERNAL",
      description: other,
      target: `${zone}/targetInstances/ipr-theirs`,
    });
    fabric.want(intentFor({ leader: "node1" }));
    await world.clock.run(5 * MINUTE);
    expect(fabric.view(UID).problem?.reason).toBe("NameTaken");
    fabric.remove(UID);
    await world.clock.run(60 * MINUTE);
    expect(world.made).toEqual([`${SCOPE}/forwardingRules/${mine}`, `${zone}/targetInstances/ipr-theirs`]);
    await fabric.stop();
  });

  test("collects what belongs to no route after two sightings, and only when every route has been told", async () => {
    const world = new CloudWorld();
    world.reserve("203.0.113.10");
    const first = begin(driver, [], { world });
    first.fabric.want(intentFor({ leader: "node1" }));
    await world.until(() => isLed(first.replica, intentFor({ leader: "node1" })));
    await first.fabric.stop();
    const made = world.made;
    const next = world.replica({ driver });
    next.fabric.start();
    await world.clock.run(60 * MINUTE);
    expect(world.made).toEqual(made);
    expect(next.fabric.routes()).toEqual([UID]);
    next.fabric.settled();
    await world.clock.run(9 * MINUTE);
    expect(world.made).toEqual(made);
    // What its rules referred to is nobody's only when they are gone.
    await world.clock.run(40 * MINUTE);
    expect(world.made).toEqual([]);
    await next.fabric.stop();
  });

  test("leads internal addresses, reachable from other regions where that is wanted", async () => {
    const { world, replica, fabric } = begin(driver);
    world.reserve("10.128.0.50", { addressType: "INTERNAL", subnetwork: `${SCOPE}/subnetworks/default` });
    const near = intentFor({ addresses: ["10.128.0.50"], leader: "node1", internal: true });
    fabric.want(near);
    await world.until(() => isLed(replica, near));
    expect(world.goesTo("10.128.0.50")).toBe("node1");
    fabric.want({ ...near, allowGlobalAccess: true });
    await world.clock.run(MINUTE);
    const rules = await listed(world);
    expect(rules.map(({ allowGlobalAccess }) => allowGlobalAccess)).toEqual([true]);
    expect(world.goesTo("10.128.0.50")).toBe("node1");
    await fabric.stop();
  });

  test("makes the rule in the tier of its address", async () => {
    const { world, replica, fabric } = begin(driver);
    world.reserve("203.0.113.10", { networkTier: "STANDARD" });
    const intent = intentFor({ leader: "node1" });
    fabric.want(intent);
    await world.until(() => isLed(replica, intent));
    expect((await listed(world)).map(({ networkTier }) => networkTier)).toEqual(["STANDARD"]);
    await fabric.stop();
  });

  test("leads to the interface that a node has in the network of the route", async () => {
    const { world, replica, fabric } = begin(driver, [], { world: withSecondNetwork() });
    world.reserve("203.0.113.10");
    const intent = intentFor({ leader: "node4", network: "blue" });
    fabric.want(intent);
    await world.until(() => isLed(replica, intent));
    expect(world.cloud.delivery.deliver("203.0.113.10")).toMatchObject({ instance: "node4", nic: "nic1" });
    fabric.want(intentFor({ leader: "node1", network: "blue", epoch: 2 }));
    await world.clock.run(MINUTE);
    expect(fabric.view(UID).problem).toEqual({
      reason: "InterfaceNotFound",
      message:
        "VM node1 in zone us-central1-a of project demo does not exist, or has no interface for the Network blue.",
    });
    expect(world.goesTo("203.0.113.10")).toBe("node4");
    await fabric.stop();
  });

  test("makes one firewall rule for the addresses of a route where podpin is asked to, and takes it away last", async () => {
    const world = new CloudWorld();
    for (const address of ["203.0.113.10", "203.0.113.11"]) world.reserve(address);
    const firewall = { sourceRanges: ["0.0.0.0/0"], targetTags: ["nodes"] };
    const replica = world.replica({ driver, firewall });
    const { fabric } = replica;
    fabric.start();
    fabric.settled();
    const one = intentFor({ leader: "node1" });
    fabric.want(one);
    await world.until(() => isLed(replica, one));
    await world.clock.run(MINUTE);
    const two = intentFor({ addresses: ["203.0.113.10", "203.0.113.11"], leader: "node1" });
    fabric.want(two);
    await world.clock.run(MINUTE);
    const listing = world.client().list("global", "firewalls");
    await world.clock.run(1_000);
    expect(await listing).toMatchObject([
      {
        destinationRanges: ["203.0.113.10/32", "203.0.113.11/32"],
        sourceRanges: ["0.0.0.0/0"],
        targetTags: ["nodes"],
        allowed: [{ IPProtocol: "all" }],
      },
    ]);
    world.cloud.calls.clear();
    await world.clock.run(30 * MINUTE);
    expect(world.changes).toEqual([]);
    fabric.remove(UID);
    await world.until(() => fabric.view(UID).empty);
    const ofTheRoute = world.changes.filter((id) => !id.startsWith("targetInstances."));
    expect(ofTheRoute.at(-1)).toBe("firewalls.delete");
    await fabric.stop();
  });

  test("goes over to the other driver by making the rules anew", async () => {
    const { world, replica, fabric } = begin(driver);
    world.reserve("203.0.113.10");
    const intent = intentFor({ leader: "node1" });
    fabric.want(intent);
    await world.until(() => isLed(replica, intent));
    await fabric.stop();
    const other = world.replica({ driver: driver === haPolicy ? targetInstance : haPolicy });
    other.fabric.start();
    other.fabric.settled();
    other.fabric.want(intent);
    await world.clock.run(40 * MINUTE);
    expect(isLed(other, intent)).toBe(true);
    expect(world.goesTo("203.0.113.10")).toBe("node1");
    const leftover = name === "ha-policy" ? /backendServices|networkEndpointGroups/ : /targetInstances/;
    expect(world.made.filter((path) => leftover.test(path))).toEqual([]);
    await other.fabric.stop();
  });
});

async function listed(world: CloudWorld) {
  const listing = world.client().list(SCOPE, "forwardingRules");
  await world.clock.run(1_000);
  return listing;
}

function withSecondNetwork(): CloudWorld {
  const world = new CloudWorld();
  world.cloud.make("global", "networks", { name: "blue" });
  world.cloud.make(SCOPE, "subnetworks", { name: "blue", network: "global/networks/blue", ipCidrRange: "10.9.0.0/24" });
  world.addNode("node4", [{}, { subnetwork: `${SCOPE}/subnetworks/blue` }]);
  return world;
}
