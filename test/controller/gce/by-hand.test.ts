// What people do by hand to addresses and to what podpin has made: it is seen within five minutes, said or set right, and at no time
// does one address lead to two places.
import type { Compute } from "../../../controller-image/src/fabric/gce/compute";
import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import type { Driver } from "../../../controller-image/src/fabric/gce/plan";
import { DRIVERS, intentFor, isLed, led, REGION } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const SCOPE = `regions/${REGION}` as const;
const [TEN, ELEVEN] = ["203.0.113.10", "203.0.113.11"];
const ADDRESSES = [TEN, ELEVEN];
const UID = "route-uid-1";
const MINUTE = 60_000;
/** From one look at everything to the next, and some for what is done then. */
const SEEN_MS = 5 * MINUTE + 30_000;
const INTENT = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });

async function begun(driver: Driver) {
  const { world, replica, fabric } = await led(driver, INTENT);
  const stranger = world.client();
  const byHand = async (doing: (compute: Compute) => Promise<unknown>): Promise<void> => {
    const done = doing(stranger);
    await world.clock.run(5_000);
    await done;
  };
  const ruleOf = (address: string): string =>
    world.made
      .find((path) => path.endsWith(address.replaceAll(".", "-")))
      ?.split("/")
      .at(-1) ?? "";
  return { world, replica, fabric, byHand, ruleOf };
}

describe.each(DRIVERS)("driver $name", ({ name, driver }) => {
  test("an address that was released under its rule is said to be, the others stay, and it is led when it is there again", async () => {
    const { world, replica, fabric, byHand, ruleOf } = await begun(driver);
    await byHand(async (compute) => {
      await compute.delete(SCOPE, "forwardingRules", ruleOf(TEN));
      await compute.delete(SCOPE, "addresses", "a-203-0-113-10");
    });
    await world.clock.run(SEEN_MS);
    expect([...fabric.view(UID).leads]).toEqual([[ELEVEN, "node1"]]);
    expect(fabric.view(UID).problem).toEqual({
      reason: "AddressNotFound",
      message: `203.0.113.10 is not reserved in project demo, region us-central1; reserve it there, or take it off the route.`,
    });
    expect(world.delivered.get(ELEVEN)).toBeUndefined();
    world.reserve(TEN);
    await world.until(() => isLed(replica, INTENT), MINUTE);
    expect(world.delivered.get(TEN)).toEqual(["", "node1"]);
    await fabric.stop();
  });

  test("an address that a VM has been given stays with it until it is released there", async () => {
    const { world, replica, fabric, byHand, ruleOf } = await begun(driver);
    const vm = `https://www.googleapis.com/compute/v1/projects/demo/zones/${REGION}-c/instances/db`;
    const given = (one: object): object =>
      "address" in one && one.address === TEN ? { ...one, status: "IN_USE", users: [vm] } : one;
    world.onTheWay = (answer, { path }) => {
      const { items } = (answer.body ?? {}) as { items?: readonly object[] };
      if (!path.startsWith(`${SCOPE}/addresses?`)) return answer;
      return { ...answer, body: { ...(answer.body as object), items: items?.map(given) } };
    };
    world.cloud.faults.add({
      calls: "forwardingRules.insert",
      refuse: {
        status: 400,
        reason: "invalid",
        message: `Invalid value for field 'resource.IPAddress': '${TEN}'. Specified IP address is in-use and would result in a conflict.`,
      },
    });
    await byHand((compute) => compute.delete(SCOPE, "forwardingRules", ruleOf(TEN)));
    await world.clock.run(SEEN_MS);
    expect([...fabric.view(UID).leads]).toEqual([[ELEVEN, "node1"]]);
    expect(fabric.view(UID).problem).toEqual({
      reason: "AddressInUse",
      message: `203.0.113.10 (address a-203-0-113-10) is in use by ${vm}; release it there, or take it off the route.`,
    });
    expect(world.delivered.get(TEN)).toEqual([""]);
    world.onTheWay = (answer) => answer;
    world.cloud.faults.clear();
    await world.until(() => isLed(replica, INTENT), 2 * MINUTE);
    expect(world.delivered.get(TEN)).toEqual(["", "node1"]);
    await fabric.stop();
  });

  test("a leader or a target that was changed by hand is set right", async () => {
    const { world, replica, fabric, byHand, ruleOf } = await begun(driver);
    await byHand(async (compute) => {
      if (name === "target-instance") {
        const [other] = (await compute.listEverywhere("targetInstances")).filter(({ name }) => name.includes("node2"));
        return compute.setTarget(REGION, ruleOf(TEN), other?.selfLink ?? "");
      }
      const [service] = await compute.list(SCOPE, "backendServices");
      const groups = await compute.listEverywhere("networkEndpointGroups");
      const group = groups.find(({ selfLink }) => selfLink?.includes(world.zoneOf("node2")) === true);
      const leader = { backendGroup: group?.selfLink ?? "", networkEndpoint: { instance: "node2" } };
      const { fingerprint } = service ?? {};
      return compute.patch(SCOPE, "backendServices", service?.name ?? "", { fingerprint, haPolicy: { leader } });
    });
    expect(world.goesTo(TEN)).toBe("node2");
    await world.clock.run(SEEN_MS);
    expect([isLed(replica, INTENT), world.goesTo(TEN)]).toEqual([true, "node1"]);
    expect(world.delivered.get(TEN)).toEqual(["node2", "node1"]);
    await fabric.stop();
  });
});

test("a node that was detached by hand is attached again before it leads", async () => {
  const { world, replica, fabric, byHand } = await begun(haPolicy);
  const zone = world.zoneOf("node2");
  const group = world.made.find((path) => path.startsWith(`zones/${zone}/networkEndpointGroups`)) ?? "";
  await byHand((compute) => compute.detachEndpoints(zone, group.split("/").at(-1) ?? "", [{ instance: "node2" }]));
  const moved = intentFor({ addresses: ADDRESSES, leader: "node2", candidates: ["node1", "node2"], epoch: 2 });
  fabric.want(moved);
  await world.until(() => isLed(replica, moved), 10_000);
  for (const address of ADDRESSES) expect(world.delivered.get(address)).toEqual(["node2"]);
  await fabric.stop();
});

test("a service that has lost its mark by hand is somebody else's, and is said to be", async () => {
  const { world, replica, fabric, byHand } = await begun(haPolicy);
  const describe = (description: string) => async (compute: Compute) => {
    const [service] = await compute.list(SCOPE, "backendServices");
    const { fingerprint, name: named = "" } = service ?? {};
    before ??= service?.description ?? "";
    return compute.patch(SCOPE, "backendServices", named, { fingerprint, description });
  };
  let before: string | undefined;
  await byHand(describe("mine"));
  await world.clock.run(SEEN_MS);
  expect(fabric.view(UID).problem).toEqual({
    reason: "NameTaken",
    message: expect.stringMatching(
      /^regions\/us-central1\/backendServices\/ipr-\w+ in project demo is not podpin's for this route and is left alone; delete or rename it\.$/,
    ),
  });
  expect(world.delivered.size).toBe(0);
  await byHand(describe(before ?? ""));
  await world.clock.run(SEEN_MS);
  expect(isLed(replica, INTENT)).toBe(true);
  expect(world.delivered.size).toBe(0);
  await fabric.stop();
});
