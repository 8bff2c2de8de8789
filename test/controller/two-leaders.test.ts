// For a moment two replicas may lead: a node that was taken for lost comes back, and the controller on it has not heard yet that another
// one has taken its Lease. What it knows is from before, and some of its watches are further than others.
import type { Lease } from "../../controller-image/src/kube/election";
import type { GatewayClass } from "../../lib/model/gke-api";
import { RESOURCES } from "../../lib/model/kubernetes";
import { MemoryKube, MemoryServer } from "../support/memory-kube";
import { A } from "../support/objects";
import { aNode, newRoute, World } from "./world";

const { addressBindings, gatewayClasses, gkeIpRoutes, leases, nodes, pods } = RESOURCES;
const LEASE = { namespace: "podpin-system", name: "podpin-controller" };

/** What a node writes that falls silent. */
const notAnnounced = (nodeName: string) =>
  ({
    metadata: { name: A },
    status: { acks: [{ nodeName, epoch: 1, podUid: "p-uid", state: "Programmed" }] },
  }) as never;

let world: World;
let behind: MemoryKube;
let itsLeases: MemoryServer;

/** Which of its watches are those of routes, of bindings, of Pods. */
const ROUTES = 2;
const BINDINGS = 6;
const PODS = 7;

beforeEach(async () => {
  world = new World();
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute({}));
  behind = new MemoryKube(world.server, { clock: world.clock, delivery: "manual" });
  itsLeases = new MemoryServer({ clock: world.clock });
  world.start({ kube: behind, leases: new MemoryKube(itsLeases, { clock: world.clock }) });
  for (let step = 0; step < 100; step++) {
    behind.deliver();
    await world.clock.run(20);
  }
  expect([world.ready(), world.route()?.status?.pods]).toEqual(["True ProgrammingComplete", ["p"]]);
});

afterEach(() => world.stop());

/** Another replica takes the Lease and gives the address to a newer Pod, whose node has not acknowledged it yet. */
async function movedByAnother(): Promise<void> {
  world.agents.delete("node2");
  world.pod("q", { node: "node2", ip: "10.244.2.7", created: "2026-01-02T00:00:00Z" });
  world.start();
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  const lease = itsLeases.get<Lease>(leases, LEASE);
  if (lease === undefined) throw new Error("there is no Lease");
  itsLeases.replace(leases, { ...lease, spec: { ...lease.spec, holderIdentity: "another" } } as Lease);
}

/** The route is not Ready any more; answers as which version it says so. */
async function notReady(): Promise<string | undefined> {
  world.agents.clear();
  world.server.apply(addressBindings, notAnnounced("node1"), "podpin-agent-node1", "status");
  behind.deliver();
  await world.clock.run(20);
  expect(world.ready()).toBe("False Mutated");
  return world.route()?.metadata.resourceVersion;
}

test("one that hears of the route, and not of the move, does not call the route Ready", async () => {
  await movedByAnother();
  const said = new Set<string | undefined>();
  world.server.onCommit(() => said.add(world.ready()));
  expect(world.ready()).toBe("False Mutated");
  for (let step = 0; step < 10; step++) {
    behind.deliverOf(ROUTES);
    await world.clock.run(1);
  }
  await world.clock.run(5_000);
  expect([...said]).toEqual(["False Mutated"]);
});

test("one that has just begun to lead writes to a route before its address moves, Ready or not: what another was about to say is refused", async () => {
  const said = await notReady();
  const saidWhenMoved: unknown[] = [];
  world.server.onCommit(() => {
    if (world.binding()?.spec.nodeName === "node2") saidWhenMoved.push(world.route()?.metadata.resourceVersion);
  });
  await movedByAnother();
  expect(saidWhenMoved[0]).not.toBe(said);
});

test("so it does when it only takes the address back, because the route's class became another's", async () => {
  const said = await notReady();
  const [podpins] = world.server.list<GatewayClass>(gatewayClasses);
  if (podpins === undefined) throw new Error("there is no class");
  world.server.replace(gatewayClasses, { ...podpins, spec: { controllerName: "example.com/another" } });
  const saidWhenTaken: unknown[] = [];
  world.server.onCommit(() => {
    if (world.binding()?.spec.nodeName === "") saidWhenTaken.push(world.route()?.metadata.resourceVersion);
  });
  world.start();
  await world.until(() => saidWhenTaken.length > 0);
  expect(saidWhenTaken[0]).not.toBe(said);
});

test("one that hears of a move, and not of the Pod that has the address now, does not take that Pod for gone", async () => {
  world.server.remove(pods, { namespace: "edge", name: "p" });
  world.pod("p", { uid: "next-uid", node: "node2", ip: "10.244.2.7", created: "2026-01-02T00:00:00Z" });
  world.start();
  await world.until(() => world.binding()?.spec.owner?.podUid === "next-uid");
  await world.until(() => world.ready() === "True ProgrammingComplete");
  const epoch = world.binding()?.spec.epoch;
  for (let step = 0; step < 20; step++) {
    behind.deliverOf(BINDINGS);
    behind.deliverOf(ROUTES);
    await world.clock.run(100);
  }
  expect(world.binding()?.spec).toMatchObject({ epoch, owner: { podUid: "next-uid" } });
});

test("nor the node of that Pod", async () => {
  world.put(nodes, aNode("node3", "172.30.0.13"));
  world.agents.add("node3");
  world.pod("q", { node: "node3", ip: "10.244.3.7", created: "2026-01-02T00:00:00Z" });
  world.start();
  await world.until(() => world.binding()?.spec.nodeName === "node3");
  await world.until(() => world.ready() === "True ProgrammingComplete");
  const epoch = world.binding()?.spec.epoch;
  for (let step = 0; step < 20; step++) {
    for (const watch of [PODS, BINDINGS, ROUTES]) behind.deliverOf(watch);
    await world.clock.run(100);
  }
  expect(world.binding()?.spec).toMatchObject({ epoch, nodeName: "node3" });
});
