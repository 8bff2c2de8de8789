// What is around the addresses: where they come from, networks, firewalls, health checks.
import { A, R, addresses, group, linkTo, populated, rule, rules, service, services, world } from "./support";

const FIREWALLS = "global/firewalls";

describe("an address", () => {
  test("is one of its range, always the same for the same name, and never one that another has", async () => {
    const taken = new Set<string>();
    for (let round = 0; round < 2; round++) {
      const { cloud, get } = world({ externalRange: "203.0.113.0/28" });
      for (let i = 0; i < 14; i++) {
        cloud.make(R, "addresses", { name: `web-${i}` });
        taken.add(`web-${i} ${String((await get(`${addresses}/web-${i}`))["address"])}`);
      }
      expect(() => cloud.make(R, "addresses", { name: "one-more" })).toThrow(
        "IP space of '203.0.113.0/28' is exhausted.",
      );
    }
    expect(taken.size).toBe(14);
  });

  test("comes from a brought prefix where it is asked for there, and then is as any other", async () => {
    const { cloud, done, get } = populated();
    await done("POST", "global/publicAdvertisedPrefixes", { name: "ours", ipCidrRange: "198.51.100.0/24" });
    const parentPrefix = linkTo("global/publicAdvertisedPrefixes/ours");
    const delegated = { name: "part", ipCidrRange: "198.51.100.64/30", parentPrefix };
    await done("POST", `${R}/publicDelegatedPrefixes`, delegated);
    const ipCollection = `${R}/publicDelegatedPrefixes/part`;
    for (const name of ["a", "b", "c", "d"]) await done("POST", addresses, { name, ipCollection });
    const brought = await Promise.all(["a", "b", "c", "d"].map((name) => get(`${addresses}/${name}`)));
    expect(brought.map(({ address }) => address).sort()).toEqual(
      ["64", "65", "66", "67"].map((n) => `198.51.100.${n}`),
    );
    await done("POST", services, service([]));
    await done("POST", rules, rule("ipr-x-1", { IPAddress: linkTo(`${addresses}/a`) }));
    expect(await get(`${addresses}/a`)).toMatchObject({ status: "IN_USE" });
    expect(cloud.state.get(`projects/demo/${rules}/ipr-x-1`)?.body["IPAddress"]).toBe(brought[0]?.["address"]);
  });

  test.each([
    [
      "a delegated prefix outside its parent",
      `${R}/publicDelegatedPrefixes`,
      { ipCidrRange: "192.0.2.0/28", parentPrefix: linkTo("global/publicAdvertisedPrefixes/ours") },
      "Invalid value for field 'resource.ipCidrRange': '192.0.2.0/28'. It is not in 198.51.100.0/24 of its parent prefix.",
    ],
    [
      "an internal address of a subnetwork's range that Google keeps",
      addresses,
      { addressType: "INTERNAL", subnetwork: linkTo(`${R}/subnetworks/default`), address: "10.128.0.1" },
      "Invalid value for field 'resource.address': '10.128.0.1'. It is not in the range 10.128.0.0/20, or kept by Google.",
    ],
    [
      "an internal address of a tier",
      addresses,
      { addressType: "INTERNAL", subnetwork: linkTo(`${R}/subnetworks/default`), networkTier: "STANDARD" },
      "Invalid value for field 'resource.networkTier': 'STANDARD'. An internal address is of the tier PREMIUM.",
    ],
    [
      "an external address of a subnetwork",
      addresses,
      { subnetwork: linkTo(`${R}/subnetworks/default`) },
      `Invalid value for field 'resource.subnetwork': '${linkTo(`${R}/subnetworks/default`)}'. An external address has none.`,
    ],
    [
      "a subnetwork whose range overlaps another one's",
      `${R}/subnetworks`,
      { network: linkTo("global/networks/default"), ipCidrRange: "10.128.8.0/24" },
      "The resource '10.128.8.0/24' is already being used by 'projects/demo/regions/us-central1/subnetworks/default'",
    ],
    [
      "a health check of another protocol than it says",
      `${R}/healthChecks`,
      { type: "TCP", httpHealthCheck: { port: 80 } },
      "Invalid value for field 'resource.type': 'TCP'. It does not fit httpHealthCheck.",
    ],
  ])("refuses %s", async (_title, path, body, message) => {
    const { call, cloud } = populated();
    cloud.make("global", "publicAdvertisedPrefixes", { name: "ours", ipCidrRange: "198.51.100.0/24" });
    expect(await call("POST", path, { name: "fresh", ...body })).toMatchObject({ body: { error: { message } } });
  });
});

test("a firewall is made, changed and deleted by operations that are global, and keeps its network", async () => {
  const { call, done, get } = populated();
  const allowed = [{ IPProtocol: "all" }];
  const insert = await done("POST", FIREWALLS, {
    name: "ipr-x",
    allowed,
    sourceRanges: ["0.0.0.0/0"],
    destinationRanges: ["203.0.113.7/32"],
    targetTags: ["node"],
  });
  expect(insert).toMatchObject({ operationType: "insert", targetLink: linkTo(`${FIREWALLS}/ipr-x`) });
  expect(insert).not.toHaveProperty("region");
  expect(await get(`${FIREWALLS}/ipr-x`)).toMatchObject({
    direction: "INGRESS",
    network: linkTo("global/networks/default"),
    priority: 1000,
  });
  await done("PATCH", `${FIREWALLS}/ipr-x`, { destinationRanges: ["203.0.113.7/32", "203.0.113.8/32"] });
  expect(await get(`${FIREWALLS}/ipr-x`)).toMatchObject({
    allowed,
    destinationRanges: ["203.0.113.7/32", "203.0.113.8/32"],
    targetTags: ["node"],
  });
  expect(await call("PATCH", `${FIREWALLS}/ipr-x`, { direction: "EGRESS" })).toMatchObject({ status: 400 });
  expect(await call("PATCH", `${FIREWALLS}/ipr-x`, { destinationRanges: ["everywhere"] })).toMatchObject({
    body: {
      error: {
        message:
          "Invalid value for field 'resource.destinationRanges': 'everywhere'. It is not a range of IPv4 addresses.",
      },
    },
  });
  await done("DELETE", `${FIREWALLS}/ipr-x`);
  expect(await call("GET", `${FIREWALLS}/ipr-x`)).toMatchObject({ status: 404 });
});

test("a service with a health check needs no haPolicy, and the check stays while it does", async () => {
  const { call, cloud, done } = populated();
  await done("POST", `${R}/healthChecks`, { name: "ready", type: "TCP", tcpHealthCheck: { port: 80 } });
  await done("POST", `${A}/networkEndpointGroups`, group());
  const healthChecks = [linkTo(`${R}/healthChecks/ready`)];
  await done("POST", services, { ...service([A]), haPolicy: undefined, healthChecks });
  await done("POST", rules, rule());
  // Which of its VMs would be healthy nobody knows here.
  expect(cloud.delivery.deliver("203.0.113.7")).toBeUndefined();
  expect(await call("DELETE", `${R}/healthChecks/ready`)).toMatchObject({
    body: { error: { errors: [{ reason: "resourceInUseByAnotherResource" }] } },
  });
});

test("a network goes when its subnetworks have gone, and a subnetwork when nothing is in it", async () => {
  const { call, done } = populated();
  await done("POST", "global/networks", { name: "blue", autoCreateSubnetworks: false });
  const network = linkTo("global/networks/blue");
  await done("POST", `${R}/subnetworks`, { name: "blue", network, ipCidrRange: "10.9.0.0/24" });
  const subnetwork = linkTo(`${R}/subnetworks/blue`);
  await done("POST", `${A}/instances`, { name: "gamma", networkInterfaces: [{ subnetwork }] });
  const inUse = { status: 400, body: { error: { errors: [{ reason: "resourceInUseByAnotherResource" }] } } };
  expect(await call("DELETE", "global/networks/blue")).toMatchObject(inUse);
  expect(await call("DELETE", `${R}/subnetworks/blue`)).toMatchObject(inUse);
  await done("DELETE", `${A}/instances/gamma`);
  await done("DELETE", `${R}/subnetworks/blue`);
  await done("DELETE", "global/networks/blue");
});
