// Where packets go: only ever to one VM, and as the objects say.
import type { Delivered } from "../../../lab/cloud";
import {
  A,
  B,
  R,
  addresses,
  group,
  leader,
  led,
  linkTo,
  populated,
  rule,
  rules,
  service,
  services,
  type World,
} from "./support";

const IP = "203.0.113.7";
const at = (world: World): string | undefined => world.cloud.delivery.deliver(IP)?.instance;

async function move(world: World, zone: string, instance: string): Promise<void> {
  const { fingerprint } = await world.get(`${services}/ipr-x`);
  await world.done("PATCH", `${services}/ipr-x`, { fingerprint, haPolicy: { leader: leader(zone, instance) } });
}

test("whoever listens hears what is there, and then every change once", async () => {
  const world = await led();
  const heard: (readonly [string, string | undefined])[] = [];
  const end = world.cloud.delivery.onChange((address: string, delivered: Delivered | undefined) =>
    heard.push([address, delivered?.instance]),
  );
  await move(world, B, "beta");
  await move(world, B, "beta");
  await world.done("DELETE", `${rules}/ipr-x-1`);
  end();
  await world.done("DELETE", `${services}/ipr-x`);
  expect(heard).toEqual([
    [IP, "alpha"],
    [IP, "beta"],
    [IP, undefined],
  ]);
  expect([...world.cloud.delivery.all]).toEqual([]);
});

test("packets go the old way for a while after an operation is DONE, and then the new one", async () => {
  const world = await led({ propagation: 2000 });
  await world.clock.run(2000);
  await move(world, B, "beta");
  expect(at(world)).toBe("alpha");
  await world.clock.run(1999);
  expect(at(world)).toBe("alpha");
  await world.clock.run(1);
  expect(at(world)).toBe("beta");
});

test("a change that spreads slowly does not undo a later one that was quicker", async () => {
  const world = await led({ propagation: { from: 0, to: 60_000 }, operation: 1 });
  await world.clock.run(60_000);
  for (let i = 0; i < 10; i++) {
    await move(world, B, "beta");
    await move(world, A, "alpha");
  }
  await move(world, B, "beta");
  await world.clock.run(60_000);
  expect(at(world)).toBe("beta");
});

test("a VM that is stopped gets nothing until it runs again", async () => {
  const world = await led();
  await world.done("POST", `${A}/instances/alpha/stop`);
  expect(at(world)).toBeUndefined();
  expect(await world.get(`${A}/instances/alpha`)).toMatchObject({ status: "TERMINATED" });
  await world.done("POST", `${A}/instances/alpha/start`);
  expect(at(world)).toBe("alpha");
  await world.done("DELETE", `${A}/instances/alpha`);
  expect(at(world)).toBeUndefined();
});

test("packets come in by the interface that the group's subnetwork, or the target instance's network, is of", async () => {
  const world = populated();
  const { cloud } = world;
  cloud.make("global", "networks", { name: "blue" });
  cloud.make(R, "subnetworks", { name: "blue", network: "global/networks/blue", ipCidrRange: "10.9.0.0/24" });
  const blue = linkTo(`${R}/subnetworks/blue`);
  cloud.make(A, "instances", { name: "gamma", networkInterfaces: [{}, { subnetwork: blue }] });
  cloud.make(A, "networkEndpointGroups", { name: "ipr-b", networkEndpointType: "GCE_VM_IP", subnetwork: blue });
  await world.done("POST", `${A}/networkEndpointGroups/ipr-b/attachNetworkEndpoints`, {
    networkEndpoints: [{ instance: "gamma" }],
  });
  const network = linkTo("global/networks/blue");
  await world.done("POST", services, {
    name: "ipr-b",
    loadBalancingScheme: "INTERNAL",
    protocol: "UNSPECIFIED",
    network,
    backends: [{ group: linkTo(`${A}/networkEndpointGroups/ipr-b`) }],
    haPolicy: { fastIPMove: "DISABLED", leader: leader(A, "gamma", "ipr-b") },
  });
  cloud.make(R, "addresses", { name: "inside", addressType: "INTERNAL", subnetwork: blue, address: "10.9.0.77" });
  await world.done("POST", rules, {
    name: "ipr-b-1",
    IPAddress: linkTo(`${addresses}/inside`),
    IPProtocol: "L3_DEFAULT",
    allPorts: true,
    allowGlobalAccess: true,
    loadBalancingScheme: "INTERNAL",
    subnetwork: blue,
    backendService: linkTo(`${services}/ipr-b`),
  });
  expect(cloud.delivery.deliver("10.9.0.77")).toMatchObject({ instance: "gamma", nic: "nic1" });
  expect(await world.get(`${rules}/ipr-b-1`)).toMatchObject({
    IPAddress: "10.9.0.77",
    network,
    networkTier: "PREMIUM",
  });

  // An internal rule may go over to a target instance of its network, and back.
  cloud.make(A, "targetInstances", { name: "ti-default", instance: linkTo(`${A}/instances/gamma`) });
  cloud.make(A, "targetInstances", { name: "ti-blue", instance: linkTo(`${A}/instances/gamma`), network });
  const target = linkTo(`${A}/targetInstances/ti-default`);
  expect(await world.call("POST", `${rules}/ipr-b-1/setTarget`, { target })).toMatchObject({
    body: { error: { message: `Invalid value for field 'target': '${target}'. Its network is not the rule's.` } },
  });
  await world.done("POST", `${rules}/ipr-b-1/setTarget`, { target: linkTo(`${A}/targetInstances/ti-blue`) });
  const rule = await world.get(`${rules}/ipr-b-1`);
  expect(rule).toMatchObject({ target: linkTo(`${A}/targetInstances/ti-blue`) });
  expect(rule).not.toHaveProperty("backendService");
  expect(cloud.delivery.deliver("10.9.0.77")).toMatchObject({ instance: "gamma", nic: "nic1" });
});

test("a group of another project's network works: the links say where everything is", async () => {
  const world = populated({ projects: ["demo", "host"] });
  const { cloud } = world;
  cloud.make("global", "networks", { name: "shared" }, { project: "host" });
  const network = "projects/host/global/networks/shared";
  cloud.make(R, "subnetworks", { name: "shared", network, ipCidrRange: "10.20.0.0/24" }, { project: "host" });
  const subnetwork = `https://www.googleapis.com/compute/v1/projects/host/${R}/subnetworks/shared`;
  cloud.make(A, "instances", { name: "gamma", networkInterfaces: [{ subnetwork }] });
  await world.done("POST", `${A}/networkEndpointGroups`, {
    name: "ipr-s",
    networkEndpointType: "GCE_VM_IP",
    subnetwork,
  });
  const attach = { networkEndpoints: [{ instance: "gamma" }] };
  await world.done("POST", `${A}/networkEndpointGroups/ipr-s/attachNetworkEndpoints`, attach);
  expect(await world.get(`${A}/networkEndpointGroups/ipr-s`)).toMatchObject({
    network: `https://www.googleapis.com/compute/v1/${network}`,
    size: 1,
  });
});

test("links of a VM that was made through the beta API are of that, and mean the same", async () => {
  const world = populated();
  const beta = (path: string): string => linkTo(path).replace("/v1/", "/beta/");
  const subnetwork = beta(`${R}/subnetworks/default`);
  world.cloud.make(A, "instances", { name: "gamma", networkInterfaces: [{ subnetwork }] });
  expect(await world.get(`${A}/instances/gamma`)).toMatchObject({
    networkInterfaces: [{ network: beta("global/networks/default"), subnetwork }],
  });
  await world.done("POST", `${A}/networkEndpointGroups`, group("ipr-g"));
  const attach = { networkEndpoints: [{ instance: "gamma" }] };
  await world.done("POST", `${A}/networkEndpointGroups/ipr-g/attachNetworkEndpoints`, attach);
  await world.done("POST", services, service([A], leader(A, "gamma", "ipr-g"), "ipr-g"));
  const backendService = linkTo(`${services}/ipr-g`);
  await world.done("POST", rules, rule("ipr-g-1", { backendService }));
  expect(at(world)).toBe("gamma");
});

test("a service can be written back as it was read", async () => {
  const world = await led();
  const read = await world.get(`${services}/ipr-x`);
  expect(read).toMatchObject({
    sessionAffinity: "NONE",
    connectionDraining: { drainingTimeoutSec: 0 },
    timeoutSec: 30,
  });
  await world.done("PUT", `${services}/ipr-x`, {
    ...read,
    haPolicy: { fastIPMove: "DISABLED", leader: leader(B, "beta") },
  });
  const after = await world.get(`${services}/ipr-x`);
  expect(after).toEqual({
    ...read,
    fingerprint: after["fingerprint"],
    haPolicy: { fastIPMove: "DISABLED", leader: leader(B, "beta") },
  });
  expect(at(world)).toBe("beta");
});

describe("fast moves", () => {
  const fast = { fastIPMove: "GARP_RA" };
  const network = linkTo("global/networks/default");
  const backends = (name: string): object[] => [{ group: linkTo(`${A}/networkEndpointGroups/${name}`) }];

  test("a service has at most 32 endpoints", async () => {
    const world = populated();
    const names = Array.from({ length: 33 }, (_, i) => `vm-${i}`);
    for (const name of names) world.cloud.make(A, "instances", { name, networkInterfaces: [{}] });
    world.cloud.make(A, "networkEndpointGroups", group("ipr-f"));
    await world.done("POST", services, { ...service([]), network, haPolicy: fast, backends: backends("ipr-f") });
    const attach = (instances: readonly string[]): ReturnType<World["call"]> =>
      world.call("POST", `${A}/networkEndpointGroups/ipr-f/attachNetworkEndpoints`, {
        networkEndpoints: instances.map((instance) => ({ instance })),
      });
    expect(await attach(names)).toMatchObject({
      status: 400,
      body: {
        error: {
          message:
            "Invalid value for field 'networkEndpoints': '33'. A backend service with fastIPMove has at most 32 endpoints.",
        },
      },
    });
    expect((await attach(names.slice(1))).status).toBe(200);
  });

  test("a network has at most 64 such services in a region, and an endpoint is in at most as many", async () => {
    const world = populated();
    world.cloud.make(A, "networkEndpointGroups", group("ipr-f"));
    const attach = { networkEndpoints: [{ instance: "alpha" }] };
    await world.done("POST", `${A}/networkEndpointGroups/ipr-f/attachNetworkEndpoints`, attach);
    const insert = (name: string): ReturnType<World["call"]> =>
      world.call("POST", services, { ...service([]), name, network, haPolicy: fast, backends: backends("ipr-f") });
    for (let i = 0; i < 64; i++) expect((await insert(`fast-${i}`)).status).toBe(200);
    await world.clock.run(1000);
    expect(await insert("fast-64")).toMatchObject({
      status: 400,
      body: {
        error: {
          message:
            "Invalid value for field 'resource.haPolicy.fastIPMove': 'GARP_RA'. A network has at most 64 such services in a region.",
        },
      },
    });
  });
});
