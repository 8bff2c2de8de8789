// The whole controller with a fabric that is led: from Pods to what the cloud is asked, and back to the status.
import { typedAddress } from "../../lib/model/address";
import { RESOURCES, type KubeObject, type Node } from "../../lib/model/kubernetes";
import type { Controller, ControllerOptions } from "../../controller-image/src/controller/controller";
import { cloudNodeOf } from "../../controller-image/src/fabric/cloud";
import { A, aClass, aGateway, B } from "../support/objects";
import { ScriptedCloud, type ScriptedFabric } from "../support/scripted-cloud";
import { bare, newRoute, World } from "./world";

const { addressBindings, events, gateways, gatewayClasses, gkeIpRoutes, gkeNetworkParamSets, networks, nodes } =
  RESOURCES;
const CLASS = "podpin-regional-external";

let world: World;
let cloud: ScriptedCloud;
let fabric: ScriptedFabric;
beforeEach(() => {
  world = new World();
  cloud = new ScriptedCloud(world.clock);
  world.server.create(gatewayClasses, aClass(CLASS, "gce"));
  world.server.create(gateways, bare(aGateway({ gatewayClassName: CLASS }, { name: "cloud" })));
});
afterEach(() => world.stop());

const start = (options: Partial<ControllerOptions> = {}): Controller =>
  world.start({ cloud: (around) => (fabric = cloud.fabric(around)), ...options });
const route = (fields: Parameters<typeof newRoute>[0] = {}, name = "route") =>
  newRoute({ parentRefs: [{ name: "cloud", namespace: "default" }], ...fields }, { name });
const uid = (name = "route"): string => world.route(name)!.metadata.uid!;
const newer = (): void => world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
const servedOn = (name: string) => (): boolean =>
  world.binding()?.spec.nodeName === name && world.ready() === "True ProgrammingComplete";
const gcp = (name = "route"): string | undefined => {
  const condition = world.route(name)?.status?.conditions?.find(({ type }) => type === "GCPReady");
  return condition && `${condition.status} ${condition.reason}: ${condition.message}`;
};
const told = (reason: string): string[] =>
  world.server
    .list<KubeObject & { reason: string; note: string }>(events)
    .filter((event) => event.reason === reason)
    .map(({ note }) => note);
const deleteRoute = (name = "route"): void => world.server.delete(gkeIpRoutes, { namespace: "edge", name });

async function served(addresses = [A]): Promise<Controller> {
  world.pod("p");
  world.server.create(gkeIpRoutes, route({ addresses: addresses.map(typedAddress) }));
  const controller = start();
  await world.until(servedOn("node1"));
  await world.clock.run(60_000);
  world.kube.calls.length = 0;
  cloud.changes.length = 0;
  return controller;
}

test("without a cloud the class is refused, and says what to do", async () => {
  world.pod("p");
  world.server.create(gkeIpRoutes, route());
  world.start();
  await world.until(() => world.ready() !== undefined);
  expect(world.ready()).toBe("False GatewayNotAccepted");
  const accepted = world.server.get<KubeObject & { status: { conditions: { message: string }[] } }>(gatewayClasses, {
    name: CLASS,
  })!.status.conditions[0]!;
  expect(accepted.message).toBe(
    "fabric gce needs Google Cloud, and this controller has no access to it: set googleCloudProject on PersistentIpController, or use a class of l2 or none",
  );
});

test("a route is led once its node delivers, and then asks nothing more of anybody", async () => {
  await served();
  expect(world.binding()?.spec.led).toEqual({ nodeName: "node1", epoch: 1 });
  expect(gcp()).toBe(`True GCPReady: ${A} led to node node1`);
  const before = fabric.wishes.length;
  await world.clock.run(3_600_000);
  expect([cloud.changes, fabric.wishes.length, world.kube.writes]).toEqual([[], before, []]);
});

test("a planned move: the cloud is asked once for all addresses, and the old node lets go after it", async () => {
  await served([A, B]);
  const seen: string[] = [];
  world.server.onCommit(() => {
    const { epoch, led, releasing, nodeName } = world.binding()?.spec ?? {};
    const text = `${nodeName} ${epoch}, led to ${led?.nodeName}, ${releasing?.nodeName ?? "nobody"} has to let go`;
    if (seen.at(-1) !== text) seen.push(text);
  });
  newer();
  await world.until(servedOn("node2"));
  expect(cloud.changes).toEqual([`${uid()} ${A} -> node2`, `${uid()} ${B} -> node2`]);
  expect(fabric.wishes.filter((wish) => wish.verb === "want" && wish.intent.leader === "node2")).toHaveLength(1);
  expect(seen).toEqual([
    "node1 1, led to node1, nobody has to let go",
    "node2 2, led to node1, node1 has to let go",
    "node2 2, led to node2, node1 has to let go",
    "node2 2, led to node2, nobody has to let go",
  ]);
  expect(told("AddressesMoved")).toHaveLength(1);
});

test("while the cloud refuses, the old node goes on serving, the route says why, and an Event does; then it goes on", async () => {
  await served();
  cloud.problem = { reason: "PermissionDenied", message: "grant compute.regionBackendServices.update." };
  newer();
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  fabric.tellAll();
  await world.clock.run(1_800_000);
  expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node1", wait: true });
  expect(gcp()).toBe("False GCPFailed: PermissionDenied: grant compute.regionBackendServices.update.");
  expect(told("GCPFailed")).toEqual(["PermissionDenied: grant compute.regionBackendServices.update."]);
  cloud.problem = undefined;
  fabric.tellAll();
  await world.until(servedOn("node2"));
});

test("the node that had it is lost: the cloud is asked urgently, and nothing waits for the node", async () => {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  const controller = await served();
  world.agents.delete("node1");
  controller.setLost("node1", true);
  await world.until(servedOn("node2"));
  const asked = fabric.wishes.find((wish) => wish.verb === "want" && wish.intent.leader === "node2");
  expect(asked).toMatchObject({ intent: { urgent: true, candidates: ["node1", "node2"] } });
});

test("a cloud that cannot be read after a start changes nothing of what works", async () => {
  await served();
  await world.stop();
  cloud.readable = false;
  start();
  await world.clock.run(1_800_000);
  expect([world.ready(), world.kube.writes.filter(({ resource }) => resource.kind !== "Event")]).toEqual([
    "True ProgrammingComplete",
    [],
  ]);
  cloud.readable = true;
  newer();
  await world.until(servedOn("node2"));
});

describe("a route that is deleted", () => {
  test("goes when the cloud has nothing of it any more, and says meanwhile what it is that is left", async () => {
    await served();
    cloud.problem = { reason: "PermissionDenied", message: "grant compute.forwardingRules.delete." };
    deleteRoute();
    await world.clock.run(60_000);
    fabric.tellAll();
    await world.clock.run(600_000);
    expect(gcp()).toBe(
      `False GCPFailed: the route is being deleted; still in Google Cloud: what leads ${A}. PermissionDenied: grant compute.forwardingRules.delete.`,
    );
    expect(world.binding()?.spec).toMatchObject({ nodeName: "" });
    cloud.problem = undefined;
    fabric.tellAll();
    await world.until(() => world.route() === undefined);
    expect([world.server.list(addressBindings), cloud.holdings.size]).toEqual([[], 0]);
  });

  test("while the controller was away is taken from the cloud by the next one, though its finalizer was taken from it", async () => {
    await served();
    const gone = uid();
    await world.stop();
    world.server.remove(gkeIpRoutes, { namespace: "edge", name: "route" });
    start();
    await world.until(() => cloud.holdings.size === 0 && world.server.list(addressBindings).length === 0);
    expect(cloud.changes).toEqual([`${gone} removed`]);
  });

  test("frees its address for the next one only when it leads nowhere any more", async () => {
    await served();
    const before = uid();
    world.server.create(gkeIpRoutes, route({}, "next"));
    await world.until(() => world.ready("next") === "False InvalidAddresses");
    deleteRoute();
    await world.until(() => world.ready("next") === "True ProgrammingComplete");
    expect(cloud.changes).toEqual([`${before} removed`, `${uid("next")} ${A} -> node1`]);
  });
});

test("nothing is taken from the cloud for a Gateway that is away for a while", async () => {
  await served();
  world.server.remove(gateways, { namespace: "default", name: "cloud" });
  await world.until(() => world.ready() === "False GatewayNotFound");
  await world.clock.run(600_000);
  world.server.create(gateways, bare(aGateway({ gatewayClassName: CLASS }, { name: "cloud" })));
  await world.until(servedOn("node1"));
  expect(cloud.changes).toEqual([]);
  expect(fabric.wishes.map(({ verb }) => verb)).toContain("keep");
});

test("the fabric acts while this replica leads, and hears when it was told of every route", async () => {
  for (const name of ["a", "b", "c"]) world.server.create(gkeIpRoutes, route({ addresses: [] }, name));
  const controller = start();
  expect(fabric.told).not.toContain("settled");
  await world.until(() => fabric.told.includes("settled"));
  expect(fabric.told).toEqual(["start", "settled"]);
  expect([controller.isLeading(), fabric.around.isActing()]).toEqual([true, true]);
  await world.stop();
  expect(fabric.told).toEqual(["start", "settled", "pause", "stop"]);
  expect(fabric.around.isActing()).toBe(false);
});

test("the fabric is told what nodes and networks are in the cloud, and routes hear when that changes", async () => {
  const params = { metadata: { name: "blue" }, spec: { vpc: "blue-vpc", vpcSubnet: "blue-nodes" } };
  const parametersRef = { group: "networking.gke.io", kind: "GKENetworkParamSet", name: "blue" };
  world.server.create(networks, {
    metadata: { name: "blue-network" },
    spec: { type: "L3", parametersRef },
  } as KubeObject);
  await served();
  expect(fabric.around.network("blue-network")).toBeUndefined();
  world.server.create(gkeNetworkParamSets, params);
  await world.until(() => fabric.around.network("blue-network") !== undefined);
  expect(fabric.around.network("blue-network")).toEqual({ vpc: "blue-vpc", vpcSubnet: "blue-nodes" });
  expect(fabric.around.network("default")).toBeUndefined();
  expect(fabric.around.node("node1")).toBeUndefined();
  const providerID = "gce://my-project/us-central1-a/machine-1";
  const node = world.server.get<Node>(nodes, { name: "node1" })!;
  world.server.replace(nodes, { ...node, spec: { ...node.spec, providerID } } as KubeObject);
  await world.until(() => fabric.around.node("node1") !== undefined);
  expect(fabric.around.node("node1")).toEqual(cloudNodeOf(providerID));
  expect(fabric.around.nodeOn({ project: "my-project", zone: "us-central1-a", instance: "machine-1" })).toBe("node1");
  expect(fabric.around.nodeOn({ project: "my-project", zone: "us-central1-b", instance: "machine-1" })).toBeUndefined();
});
