import type { Driver } from "../../../controller-image/src/fabric/gce/plan";
import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import { allLed, CloudWorld, intentFor, isLed } from "./cloud-world";

// A thousand routes are a few seconds of work; how many depends on the machine.
jest.setTimeout(300_000);

const MINUTE = 60_000;

/** Routes that all lead to node1, in zone a, each prepared for node2, in zone b. */
async function ledToZoneA(routes: number, driver: Driver) {
  const world = new CloudWorld({ externalRange: "203.0.0.0/16" });
  const addresses = Array.from({ length: routes }, (_, i) => `203.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`);
  for (const address of addresses) world.reserve(address);
  const led = (leader: string, epoch: number, urgent = false) =>
    addresses.map((address, i) => {
      const candidates = ["node1", "node2"];
      return intentFor({ uid: `route-uid-${i}`, addresses: [address], leader, candidates, epoch, urgent });
    });
  const { clock, cloud } = world;
  // Making them is not what is looked at here.
  const maker = world.replica({ driver, compute: world.directly() });
  maker.fabric.start();
  for (const intent of led("node1", 1)) maker.fabric.want(intent);
  await world.until(allLed(maker, led("node1", 1)));
  // The nodes that may be next are prepared last.
  await clock.run(10 * MINUTE);
  await maker.fabric.stop();
  cloud.calls.clear();
  const replica = world.replica({ driver });
  replica.fabric.start();
  for (const intent of led("node1", 1)) replica.fabric.want(intent);
  await world.until(allLed(replica, led("node1", 1)));
  replica.fabric.settled();
  expect(world.changes).toEqual([]);
  cloud.calls.clear();
  return { world, replica, fabric: replica.fabric, addresses, led };
}

test("a zone with the leaders of 1,000 routes is lost: each goes where it is wanted by one call, within the quota", async () => {
  const { world, replica, fabric, addresses, led } = await ledToZoneA(1_000, haPolicy);
  // As many calls of a group as Compute allows in a minute; nobody may ask for more.
  world.cloud.conditions.setRates({ perMinute: 1_500 });
  world.cloud.conditions.loseZone(world.zoneOf("node1"));
  world.delivered.clear();
  for (const intent of led("node2", 2, true)) fabric.want(intent);
  await world.until(allLed(replica, led("node2", 2, true)), 3 * MINUTE);
  expect(world.changes).toEqual(addresses.map(() => "regionBackendServices.patch"));
  expect(world.cloud.calls.log.filter(({ status = 0 }) => status >= 400)).toEqual([]);
  for (const address of addresses) expect(world.delivered.get(address)).toEqual(["node2"]);
  await fabric.stop();
});

test.each([
  { name: "ha-policy", driver: haPolicy },
  { name: "target-instance", driver: targetInstance },
])("with $name, what cannot be asked in a lost zone is not taken for gone", async ({ driver }) => {
  const { world, replica, fabric, led } = await ledToZoneA(3, driver);
  const zone = world.zoneOf("node1");
  world.cloud.conditions.loseZone(zone);
  for (const intent of led("node2", 2, true)) fabric.want(intent);
  await world.until(allLed(replica, led("node2", 2, true)), MINUTE);
  await fabric.stop();

  const next = world.replica({ driver });
  next.fabric.start();
  const [first, ...others] = led("node2", 2);
  for (const intent of others) next.fabric.want(intent);
  next.fabric.remove(first?.route.uid ?? "");
  next.fabric.settled();
  await world.clock.run(30 * MINUTE);
  expect(others.every((intent) => isLed(next, intent))).toBe(true);
  // Its rules are gone; what else there was cannot be seen from here.
  expect(next.fabric.view("route-uid-0").leads.size).toBe(0);
  expect(next.fabric.view("route-uid-0").empty).toBe(false);
  world.cloud.conditions.restoreZone(zone);
  await world.until(() => next.fabric.view("route-uid-0").empty, 30 * MINUTE);
  for (const { route } of others) next.fabric.remove(route.uid);
  await world.clock.run(45 * MINUTE);
  expect(world.made).toEqual([]);
  await next.fabric.stop();
});
