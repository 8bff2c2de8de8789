// Objects that are odd, huge or hostile, and what becomes of objects in the middle of things: each changes its own outcome alone.
import { acceptRoute } from "../../lib/model/acceptance";
import { typedAddress } from "../../lib/model/address";
import type { AddressBinding } from "../../lib/model/binding";
import type { Gateway, GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type Pod } from "../../lib/model/kubernetes";
import { KubeError } from "../../controller-image/src/kube/api";
import { rivalsOf } from "../../controller-image/src/controller/rivals";
import type { Store } from "../../controller-image/src/controller/store";
import { aGateway, aPod, aRoute, aView, B } from "../support/objects";
import { decided } from "./decided";
import { aNode, bare, newRoute, World } from "./world";

const { addressBindings, gateways, gkeIpRoutes, namespaces, nodes, pods } = RESOURCES;
const SERVED = "True ProgrammingComplete";
const MANY = Array.from({ length: 10_000 }, (_, i) => `10.99.${i >> 8}.${i & 255}`);

let world: World;
beforeEach(async () => {
  world = new World();
  await world.served();
});
afterEach(() => world.stop());

const make = (name: string, spec: Parameters<typeof newRoute>[0], namespace = "edge"): unknown =>
  world.server.create(gkeIpRoutes, newRoute(spec, { name, namespace }));
const routeIn = (namespace: string, name: string): GKEIPRoute | undefined =>
  world.server.get<GKEIPRoute>(gkeIpRoutes, { namespace, name });
const said = (name: string, type = "Accepted", namespace = "edge"): string | undefined => {
  const { reason, message } = routeIn(namespace, name)?.status?.conditions?.find((one) => one.type === type) ?? {};
  return reason && `${reason}: ${message}`;
};
const podNow = (name = "p"): Pod => world.server.get<Pod>(pods, { namespace: "edge", name })!;
const newer = (): void => world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });

describe("another object, of which the route knows nothing", () => {
  test.each<[string, string, () => void]>([
    [
      "routes that list the same ten thousand addresses",
      "InvalidAddresses: spec.addresses: 10000 addresses; a GKEIPRoute holds at most 16",
      () => {
        for (const name of ["other", "third"]) make(name, { addresses: MANY.map(typedAddress) });
      },
    ],
    [
      "a Gateway with ten thousand addresses",
      "Accepted: the route is accepted",
      () => {
        const spec = { addresses: MANY.map(typedAddress) };
        world.server.create<Gateway>(gateways, bare(aGateway(spec, { name: "huge" })));
        make("other", {
          addresses: [typedAddress(MANY[9_999] ?? "")],
          parentRefs: [{ name: "huge", namespace: "default" }],
        });
      },
    ],
    [
      "a route that lists an address twice",
      "Accepted: the route is accepted",
      () => make("other", { addresses: [typedAddress(B), typedAddress(B)] }),
    ],
    [
      "a route with a leading zero",
      'InvalidAddresses: spec.addresses[0]: "198.51.100.011/32" is not one IPv4 address as a.b.c.d/32',
      () => make("other", { addresses: [typedAddress("198.51.100.011")] }),
    ],
    [
      "a route with blanks around an address",
      'InvalidAddresses: spec.addresses[0]: " 198.51.100.11/32" is not one IPv4 address as a.b.c.d/32. spec.addresses[1]: "198.51.100.11/32 " is not one IPv4 address as a.b.c.d/32',
      () => {
        const { type } = typedAddress(B);
        make("other", { addresses: [` ${B}/32`, `${B}/32 `].map((value) => ({ type, value })) });
      },
    ],
  ])("%s", async (_what, outcome, create) => {
    await world.clock.run(5_000);
    const before = [world.route(), world.binding()];
    create();
    await world.until(() => said("other") === outcome);
    await world.clock.run(30_000);
    expect([world.route(), world.binding()]).toEqual(before);
    newer();
    await world.until(() => world.binding()?.spec.nodeName === "node2" && world.ready() === SERVED);
  });

  test("names as long as they may be", async () => {
    const [namespace, long] = ["n".repeat(63), (letter: string): string => letter.repeat(253)];
    world.server.create(namespaces, { metadata: { name: namespace } });
    world.agents.add(long("k"));
    world.put(nodes, aNode(long("k"), "172.30.0.13"));
    world.pod(long("p"), { namespace, node: long("k"), ip: "10.244.3.3" });
    make(long("r"), { addresses: [typedAddress(B)] }, namespace);
    await world.until(() => said(long("r"), "Ready", namespace)?.startsWith("ProgrammingComplete") === true);
    expect(world.binding(B)?.spec).toMatchObject({ nodeName: long("k"), owner: { podName: long("p") } });
  });
});

test("of routes that list the same addresses each is judged once, however many they are", () => {
  const addresses = MANY.map(typedAddress);
  const older = aRoute({ addresses }, { name: "older" });
  const younger = aRoute({ addresses }, { name: "younger", creationTimestamp: "2026-01-02T00:00:00Z" });
  const view = aView();
  let looks = 0;
  const store = {
    ...view,
    gateway: (...asked: Parameters<typeof view.gateway>) => (looks++, view.gateway(...asked)),
    routesClaiming: () => [older, younger],
    binding: () => undefined,
  };
  expect(rivalsOf(younger, acceptRoute(younger, view), store as unknown as Store).size).toBe(0);
  expect(looks).toBe(1);
});

test("what is wrong with very many addresses is told as far as a condition has room, so that it can be told at all", () => {
  const addresses = MANY.map((value) => ({ type: "IPAddress", value }));
  const { status } = decided({ route: aRoute({ addresses }) });
  const messages = (status?.conditions ?? []).map(({ message }) => message);
  expect(Math.max(...messages.map(({ length }) => length))).toBeLessThanOrEqual(32_768);
  expect(messages[0]).toMatch(/^spec\.addresses\[0\]: type is "IPAddress"; use gke\.networking\.io\/cidr\. .*…$/);
});

test("a Pod that gets another address of its own is served by that one, in a new epoch", async () => {
  const pod = podNow();
  world.server.put(pods, { ...pod, status: { ...pod.status, podIP: "10.244.1.77" } });
  await world.until(() => world.binding()?.spec.owner?.podIp === "10.244.1.77" && world.ready() === SERVED);
  expect(world.binding()?.spec).toMatchObject({ epoch: 2, nodeName: "node1", owner: { podUid: "p-uid" } });
});

test.each(["Succeeded", "Failed"])("a Pod in phase %s has no address, though it still says Ready", async (phase) => {
  const pod = podNow();
  world.server.put(pods, { ...pod, status: { ...pod.status, phase } });
  await world.until(() => world.binding() !== undefined && world.binding()?.spec.owner === undefined);
  expect(said("route", "Ready")?.startsWith("NoPodsFound")).toBe(true);
});

describe("a Node that is deleted and made anew under its name", () => {
  const away = (): void => world.server.delete(nodes, { name: "node1" });
  const anew = (): void => world.put(nodes, aNode("node1", "172.30.0.21"));

  test("has its addresses again where nobody else could take them, and nothing of the node before is remembered", async () => {
    away();
    await world.until(() => world.ready() !== SERVED);
    await world.clock.run(30_000);
    anew();
    await world.until(() => world.ready() === SERVED);
    expect(world.binding()?.spec).toMatchObject({ epoch: 1, nodeName: "node1" });
  });

  test("does not take them back from where they have gone, and gets them by the address that it has now", async () => {
    world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
    await world.clock.run(5_000);
    away();
    await world.until(() => world.binding()?.spec.nodeName === "node2" && world.ready() === SERVED);
    world.server.delete(pods, { namespace: "edge", name: "p" });
    anew();
    await world.clock.run(30_000);
    expect(world.binding()?.spec.nodeName).toBe("node2");
    world.agents.delete("node2");
    world.pod("p", { uid: "again", ip: "10.244.1.6", created: "2026-01-01T00:40:00Z" });
    await world.until(() => world.binding()?.spec.nodeName === "node1");
    expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node2", forwardTo: "172.30.0.21" });
  });
});

test("in a namespace that is going away addresses move and are let go, though nothing new may be created there", async () => {
  world.kube.fault = ({ resource, verb, ref }) =>
    verb === "create" && ref.namespace === "edge"
      ? new KubeError(
          403,
          "Forbidden",
          `${resource.plural} "x" is forbidden: unable to create new content in namespace edge`,
        )
      : undefined;
  newer();
  await world.clock.run(3);
  world.server.markDeleted(namespaces, { name: "edge" });
  await world.until(() => world.binding()?.spec.nodeName === "node2" && world.ready() === SERVED);
  world.server.create(namespaces, { metadata: { name: "calm" } });
  world.put(pods, aPod("c", { namespace: "calm", ip: "10.244.1.9" }));
  make("calm", { addresses: [typedAddress(B)] }, "calm");
  // The namespace controller deletes what is in it, in no order.
  for (const name of ["q", "p"]) world.server.delete(pods, { namespace: "edge", name });
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
  await world.until(() => world.route() === undefined && world.binding() === undefined);
  world.server.remove(namespaces, { name: "edge" });
  await world.until(() => said("calm", "Ready", "calm")?.startsWith("ProgrammingComplete") === true);
  expect(world.server.list<AddressBinding>(addressBindings).map(({ metadata }) => metadata.name)).toEqual([B]);
});
