import { Freshness } from "../../controller-image/src/controller/freshness";
import type { AddressBinding } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES } from "../../lib/model/kubernetes";
import { MemoryKube, MemoryServer } from "../support/memory-kube";
import { A, aBinding, aRoute, B } from "../support/objects";
import { VirtualClock } from "../support/virtual-clock";
import { bare } from "./world";

const { addressBindings, gkeIpRoutes } = RESOURCES;

/** A route with one address, whose binding is known as it is. */
function setup() {
  const clock = new VirtualClock();
  const server = new MemoryServer({ clock });
  const kube = new MemoryKube(server, { clock });
  const route = server.create<GKEIPRoute>(gkeIpRoutes, bare(aRoute()));
  const claim = { namespace: "default", name: route.metadata.name, uid: route.metadata.uid ?? "" };
  const binding = server.create<AddressBinding>(addressBindings, bare(aBinding({ route: claim })));
  const lead = { held: true };
  const freshness = new Freshness(kube, clock, () => Promise.resolve(lead.held));
  const change = (): GKEIPRoute => {
    const { namespace, name } = route.metadata;
    const annotations = { at: String(server.get(gkeIpRoutes, { namespace, name })?.metadata.resourceVersion) };
    return server.mergePatch<GKEIPRoute>(gkeIpRoutes, { namespace, name }, { metadata: { annotations } });
  };
  const move = (): AddressBinding =>
    server.mergePatch(addressBindings, { name: A }, { spec: { epoch: 9 } }) as AddressBinding;
  return { clock, server, kube, route, binding, freshness, change, move, claim, lead };
}

test("bindings that are as they are known to be are asked for once, while nobody else writes to the route", async () => {
  const { kube, route, binding, freshness, change } = setup();
  expect(await freshness.isBehind(route, [binding])).toBe(false);
  const asked = kube.calls.length;
  expect(asked).toBeGreaterThan(0);
  const own = change();
  freshness.wrote(route, own);
  expect([await freshness.isBehind(own, [binding]), freshness.isOwn(own)]).toEqual([false, true]);
  expect(kube.calls.length).toBe(asked);
  const others = change();
  expect([await freshness.isBehind(others, [binding]), freshness.isOwn(others)]).toEqual([false, false]);
  expect(kube.calls.length).toBeGreaterThan(asked);
});

test("what was written to a route makes nothing sure of its bindings that was not before", async () => {
  const { route, binding, freshness, change, move } = setup();
  move();
  const own = change();
  freshness.wrote(route, own);
  expect([freshness.isOwn(own), await freshness.isBehind(own, [binding])]).toEqual([true, true]);
});

test("nothing is sure to a replica that has lost the lead, until it has it again", async () => {
  const { route, binding, freshness, lead } = setup();
  lead.held = false;
  expect(await freshness.isBehind(route, [binding])).toBe(true);
  lead.held = true;
  expect(await freshness.isBehind(route, [binding])).toBe(false);
});

test.each<[string, (scene: ReturnType<typeof setup>) => readonly AddressBinding[]]>([
  ["has moved", ({ move, binding }) => (move(), [binding])],
  [
    "is gone",
    ({ server, binding }) => {
      server.delete(addressBindings, { name: A });
      return [binding];
    },
  ],
  ["is not known yet", () => []],
])("they are behind where one of them %s", async (_what, known) => {
  const scene = setup();
  expect(await scene.freshness.isBehind(scene.route, known(scene))).toBe(true);
});

test("neither another route's binding nor one that cannot be read makes them that", async () => {
  const { server, freshness, route, claim } = setup();
  server.delete(addressBindings, { name: A });
  server.create(addressBindings, bare(aBinding({ route: { ...claim, uid: "another" } })));
  expect(await freshness.isBehind(route, [])).toBe(false);
  const both = { ...route, spec: { ...route.spec, addresses: [{ type: "gke.networking.io/cidr", value: `${B}/32` }] } };
  const later = { ...both, metadata: { ...both.metadata, resourceVersion: "later" } };
  server.create(addressBindings, { metadata: { name: B }, spec: { route: "nonsense" } } as never);
  expect(await freshness.isBehind(later, [])).toBe(false);
});

test("nothing is sure while another replica may still act, nor anything from before", async () => {
  const { clock, route, binding, freshness, change } = setup();
  expect(await freshness.isBehind(route, [binding])).toBe(false);
  const own = change();
  freshness.wrote(route, own);
  freshness.beginTerm(3_000);
  expect([await freshness.isBehind(own, [binding]), freshness.isOwn(own)]).toEqual([true, false]);
  await clock.run(3_000);
  expect(await freshness.isBehind(own, [binding])).toBe(false);
});
