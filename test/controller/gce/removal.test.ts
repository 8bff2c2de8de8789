// What is left in the cloud when a route is gone: the controller may be the next to go, as it is when everything is taken down at
// once, so nothing may be left to be done later.
import { targetInstance } from "../../../controller-image/src/fabric/gce/target-instance";
import type { Driver } from "../../../controller-image/src/fabric/gce/plan";
import { begin, DRIVERS, intentFor, isLed } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const MINUTE = 60_000;
const ADDRESSES = ["203.0.113.10", "203.0.113.11"];
const [FIRST, SECOND] = ADDRESSES.map((address, i) =>
  intentFor({ uid: `route-uid-${i}`, addresses: [address], leader: `node${i + 1}`, candidates: ["node1", "node2"] }),
) as [ReturnType<typeof intentFor>, ReturnType<typeof intentFor>];

/** Both routes are led. */
async function led(driver: Driver) {
  const { world, replica, fabric } = begin(driver, ADDRESSES);
  for (const intent of [FIRST, SECOND]) fabric.want(intent);
  await world.until(() => isLed(replica, FIRST) && isLed(replica, SECOND));
  return { world, replica, fabric };
}

describe.each(DRIVERS)("driver $name", ({ driver }) => {
  test("nothing is left when the last route is gone, and what the others use stays until then", async () => {
    const { world, fabric } = await led(driver);
    await world.clock.run(MINUTE);
    fabric.remove(FIRST.route.uid);
    await world.until(() => fabric.view(FIRST.route.uid).empty);
    expect(world.goesTo("203.0.113.11")).toBe("node2");
    world.cloud.calls.clear();
    await world.clock.run(MINUTE);
    expect(world.changes).toEqual([]);
    fabric.remove(SECOND.route.uid);
    await world.until(() => fabric.view(SECOND.route.uid).empty);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("nothing is left when all go at the same time", async () => {
    const { world, fabric } = await led(driver);
    for (const { route } of [FIRST, SECOND]) fabric.remove(route.uid);
    await world.until(() => [FIRST, SECOND].every(({ route }) => fabric.view(route.uid).empty));
    expect(world.made).toEqual([]);
    await fabric.stop();
  });

  test("nothing is left when another replica takes over on the way", async () => {
    const { world, replica, fabric } = await led(driver);
    for (const { route } of [FIRST, SECOND]) fabric.remove(route.uid);
    world.cloud.calls.clear();
    await world.until(() => world.changes.length > 0);
    replica.kill();
    const { fabric: next } = world.replica({ driver });
    next.start();
    for (const { route } of [FIRST, SECOND]) next.remove(route.uid);
    next.settled();
    await world.until(() => [FIRST, SECOND].every(({ route }) => next.view(route.uid).empty), 10 * MINUTE);
    expect(world.made).toEqual([]);
    await next.stop();
  });

  test("a route for which nothing could be made is done with when it is given up, and nothing is made for it later", async () => {
    const { world, fabric } = begin(driver, ADDRESSES);
    const { uid } = FIRST.route;
    const forget = world.cloud.faults.add({ calls: /POST/, refuse: { status: 403, reason: "quotaExceeded" } });
    fabric.want(FIRST);
    await world.clock.run(5 * MINUTE);
    expect(fabric.view(uid).problem?.reason).toBe("QuotaExceeded");
    expect(world.made).toEqual([]);
    // It is tried again all the time.
    expect(fabric.view(uid).empty).toBe(false);
    fabric.remove(uid);
    await world.until(() => fabric.view(uid).empty);
    forget();
    await world.clock.run(30 * MINUTE);
    expect(world.made).toEqual([]);
    await fabric.stop();
  });
});

test("which route is the last is known when every route has been told, and not before", async () => {
  const { world, replica } = await led(targetInstance);
  await world.clock.run(MINUTE);
  const before = world.made.filter((path) => path.includes("/targetInstances/"));
  replica.kill();

  const next = world.replica({ driver: targetInstance });
  next.fabric.start();
  next.fabric.remove(FIRST.route.uid);
  await world.clock.run(5 * MINUTE);
  expect(world.made.filter((path) => path.includes("/targetInstances/"))).toEqual(before);
  expect(next.fabric.view(FIRST.route.uid).empty).toBe(false);
  next.fabric.want(SECOND);
  next.fabric.settled();
  await world.until(() => next.fabric.view(FIRST.route.uid).empty);
  expect(isLed(next, SECOND)).toBe(true);
  await next.fabric.stop();
});
