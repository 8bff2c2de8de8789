// The whole controller on an in-memory API server: what it writes, in which order, and that it stops writing.
import { ackOf, CLUSTER_RANGES_CONFIG_MAP } from "../../lib/model/binding";
import { typedAddress } from "../../lib/model/address";
import { GKE_CONTROLLER_NAME } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { MemoryKube } from "../support/memory-kube";
import { A, aGateway, B } from "../support/objects";
import { aNode, bare, newRoute, World } from "./world";

const { addressBindings, gkeIpRoutes, gateways, gatewayClasses, pods, nodes, configMaps } = RESOURCES;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.stop());

test("a route becomes Ready, behind a finalizer, and then nothing more is written", async () => {
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute());
  const controller = world.start();
  expect(controller.problems()).not.toEqual([]);
  await world.until(() => world.ready() === "True ProgrammingComplete");
  expect(controller.problems()).toEqual([]);
  expect(world.route()).toMatchObject({
    metadata: { finalizers: ["podpin.dev/address-release"] },
    status: { pods: ["p"] },
  });
  await world.clock.run(1_000);
  world.kube.calls.length = 0;
  await world.clock.run(600_000);
  expect(world.kube.writes).toEqual([]);
});

test("a new controller writes nothing when everything is as it must be", async () => {
  const first = await world.served();
  await world.clock.run(1_000);
  await first.stop();
  const kube = new MemoryKube(world.server, { clock: world.clock });
  const second = world.start({ kube });
  await world.until(() => second.problems().length === 0);
  await world.clock.run(60_000);
  expect(kube.writes).toEqual([]);
});

test("a Pod that dies gives the addresses to the next one, on whatever node", async () => {
  await world.served();
  world.server.delete(pods, { namespace: "edge", name: "p" });
  await world.until(() => world.ready() === "False NoPodsFound");
  await world.until(() => world.binding()?.spec.nodeName === "" && world.binding()?.spec.releasing === undefined);
  world.pod("q", { node: "node2", ip: "10.244.2.9" });
  await world.until(() => world.ready() === "True ProgrammingComplete");
  expect(world.binding()?.spec).toMatchObject({ epoch: 3, nodeName: "node2", owner: { podName: "q" } });
  expect(world.route()?.status?.pods).toEqual(["q"]);
});

test("a planned move goes through both nodes, and Ready is never True in between", async () => {
  await world.served();
  const lies: string[] = [];
  world.server.onCommit(() => {
    const binding = world.binding();
    const ack = binding && ackOf(binding, binding.spec.nodeName);
    const served = ack?.epoch === binding?.spec.epoch && ack?.state === "Announced";
    if (world.ready() === "True ProgrammingComplete" && !served) lies.push(JSON.stringify(binding?.spec));
  });
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
  await world.until(() => world.binding()?.spec.nodeName === "node2" && world.ready() === "True ProgrammingComplete");
  expect(lies).toEqual([]);
  await world.clock.run(1_000);
  expect(world.binding()?.spec).toMatchObject({ epoch: 2 });
  expect(world.binding()?.spec.releasing).toBeUndefined();
});

test("an old node whose agent does not answer is waited for five seconds, no longer", async () => {
  await world.served();
  world.agents.delete("node1");
  const start = world.clock.now();
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
  await world.until(() => world.ready() === "False Mutated");
  await world.until(() => world.ready() === "True ProgrammingComplete");
  expect(world.clock.now() - start).toBeGreaterThanOrEqual(5_000);
  expect(world.clock.now() - start).toBeLessThanOrEqual(6_500);
});

test("a deleted route goes when its addresses are released, and leaves no binding", async () => {
  await world.served({ addresses: [typedAddress(A), typedAddress(B)] });
  world.agents.delete("node1");
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
  await world.clock.run(5_000);
  expect(world.route()).toBeDefined();
  expect(world.binding()?.spec).toMatchObject({ nodeName: "", releasing: { nodeName: "node1" } });
  world.agents.add("node1");
  world.answer();
  await world.until(() => world.route() === undefined);
  expect(world.server.list(addressBindings)).toEqual([]);
});

test("bindings of a route that vanished without its finalizer are released too", async () => {
  await world.served();
  world.server.remove(gkeIpRoutes, { namespace: "edge", name: "route" });
  await world.until(() => world.server.list(addressBindings).length === 0);
});

test("two routes claim one address: the older keeps it, the younger says so and takes over", async () => {
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute({}, { name: "older" }));
  await world.clock.run(2_000);
  world.server.create(gkeIpRoutes, newRoute({}, { name: "younger" }));
  world.start();
  await world.until(() => world.ready("older") === "True ProgrammingComplete" && world.ready("younger") !== undefined);
  const message = world.route("younger")?.status?.conditions?.find(({ type }) => type === "Accepted")?.message;
  expect(message).toContain(`${A}/32 belongs to GKEIPRoute edge/older`);
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "older" });
  await world.until(() => world.ready("younger") === "True ProgrammingComplete");
  expect(world.binding()?.spec.route.name).toBe("younger");
});

test("malformed routes get their own condition and the good one does not notice", async () => {
  await world.served();
  const version = world.route()?.metadata.resourceVersion;
  const bad = (name: string, spec: object): unknown => world.server.create(gkeIpRoutes, newRoute(spec, { name }));
  bad("mask", { addresses: [{ type: "gke.networking.io/cidr", value: "198.51.100.10/24" }] });
  bad("foreign", { addresses: [typedAddress("198.51.100.99")] });
  bad("orphan", { parentRefs: [{ name: "nowhere" }] });
  bad("nobody", { addresses: [typedAddress(B)], podSelector: { matchLabels: { component: "nobody" } } });
  bad("nothing", { addresses: undefined, podSelector: undefined, parentRefs: undefined });
  await world.until(() => ["mask", "foreign", "orphan", "nobody", "nothing"].every((name) => world.ready(name)));
  const accepted = (name: string) =>
    world.route(name)?.status?.conditions?.find(({ type }) => type === "Accepted")?.reason;
  expect(["mask", "foreign", "orphan", "nobody", "nothing"].map((name) => [accepted(name), world.ready(name)])).toEqual(
    [
      ["InvalidAddresses", "False InvalidAddresses"],
      ["InvalidAddresses", "False InvalidAddresses"],
      ["GatewayNotFound", "False GatewayNotFound"],
      ["Accepted", "False NoPodsFound"],
      ["InvalidLabels", "False InvalidLabels"],
    ],
  );
  expect(world.route()?.metadata.resourceVersion).toBe(version);
});

test("routes of GKE's own classes are never touched", async () => {
  world.server.create(gatewayClasses, {
    metadata: { name: "gke" },
    spec: { controllerName: GKE_CONTROLLER_NAME },
  } as KubeObject);
  world.server.create(gateways, bare(aGateway({ gatewayClassName: "gke" }, { name: "theirs" })));
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute({ parentRefs: [{ name: "theirs", namespace: "default" }] }));
  world.server.create(gkeIpRoutes, newRoute({ parentRefs: [{ name: "nowhere" }] }, { name: "unplaced" }));
  world.start();
  await world.clock.run(60_000);
  expect(world.route()?.status).toBeUndefined();
  expect(world.route("unplaced")?.status).toBeUndefined();
  expect(world.server.get(gatewayClasses, { name: "gke" })).not.toHaveProperty("status");
});

test("Gateways and classes say what upstream's conditions say, and count their routes", async () => {
  await world.served();
  await world.clock.run(1_000);
  const brief = (object: unknown): unknown =>
    (object as { status: { conditions: { type: string; status: string; reason: string }[] } }).status.conditions.map(
      ({ type, status, reason }) => `${type} ${status} ${reason}`,
    );
  expect(brief(world.server.get(gatewayClasses, { name: "podpin-l2" }))).toEqual(["Accepted True Accepted"]);
  const gateway = world.server.get(gateways, { namespace: "default", name: "allowed" });
  expect(brief(gateway)).toEqual(["Accepted True Accepted", "Programmed True Programmed"]);
  expect(gateway).toMatchObject({
    status: {
      addresses: [typedAddress(A), typedAddress(B)],
      listeners: [
        {
          name: "default",
          attachedRoutes: 1,
          supportedKinds: [{ group: "networking.gke.io", kind: "GKEIPRoute" }],
        },
      ],
    },
  });
});

test("agents are told the cluster's own ranges, once", async () => {
  world.start({ clusterCidrs: ["10.96.0.0/16"] });
  await world.until(() => world.ranges() !== undefined);
  expect(world.ranges()?.split("\n")).toEqual([
    "10.96.0.0/16",
    "10.244.1.0/24",
    "10.244.2.0/24",
    "169.254.0.0/16",
    "172.30.0.11/32",
    "172.30.0.12/32",
    "224.0.0.0/4",
  ]);
  world.put(nodes, aNode("node3", "172.30.0.13"));
  await world.until(() => world.ranges()?.includes("172.30.0.13/32") === true);
});

test("the cluster's ranges are there again when somebody has edited or deleted them", async () => {
  world.start({ clusterCidrs: ["10.96.0.0/16"] });
  const ref = { namespace: "podpin-system", name: CLUSTER_RANGES_CONFIG_MAP };
  await world.until(() => world.ranges() !== undefined);
  const right = world.ranges();
  world.server.replace(configMaps, {
    ...world.server.get(configMaps, ref)!,
    data: { cidrs: "0.0.0.0/0" },
  } as KubeObject);
  expect(world.ranges()).not.toBe(right);
  await world.until(() => world.ranges() === right);
  world.server.delete(configMaps, ref);
  await world.until(() => world.ranges() === right);
});

test("two controllers at once end in one owner, and no epoch is ever written twice for two owners", async () => {
  world.expectOneOwnerPerEpoch();
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute({ addresses: [typedAddress(A), typedAddress(B)] }));
  world.start();
  world.start({ kube: new MemoryKube(world.server, { clock: world.clock, delivery: { minMs: 0, maxMs: 300 } }) });
  await world.until(() => world.ready() === "True ProgrammingComplete");
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
  await world.until(() => world.binding(B)?.spec.nodeName === "node2" && world.ready() === "True ProgrammingComplete");
  world.server.delete(pods, { namespace: "edge", name: "q" });
  await world.until(() => world.binding()?.spec.nodeName === "node1" && world.ready() === "True ProgrammingComplete");
});
