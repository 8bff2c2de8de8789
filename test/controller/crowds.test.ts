// Very many changes at once: what is written does not grow with them, and routes that they do not concern hear nothing of them.
import { typedAddress } from "../../lib/model/address";
import type { Gateway } from "../../lib/model/gke-api";
import { RESOURCES, type Namespace, type Pod } from "../../lib/model/kubernetes";
import { B } from "../support/objects";
import { newRoute, World } from "./world";

const { gateways, gkeIpRoutes, namespaces, pods } = RESOURCES;
const SERVED = "True ProgrammingComplete";
const ADDRESSES = Array.from({ length: 15 }, (_, i) => `203.0.113.${i + 1}`);

let world: World;
beforeEach(() => {
  world = new World();
  world.server.create(namespaces, { metadata: { name: "calm" } });
});
afterEach(() => world.stop());

function listed(from: object): void {
  const gateway = world.server.get<Gateway>(gateways, { namespace: "default", name: "allowed" })!;
  const listener = { ...gateway.spec.listeners![0]!, allowedRoutes: { namespaces: from as never } };
  const addresses = [...ADDRESSES, B].map(typedAddress);
  world.server.replace(gateways, { ...gateway, spec: { ...gateway.spec, addresses, listeners: [listener] } });
}

async function served(): Promise<void> {
  world.pod("c", { namespace: "calm", ip: "10.244.2.2", node: "node2" });
  world.server.create(gkeIpRoutes, newRoute({ addresses: [typedAddress(B)] }, { name: "calm", namespace: "calm" }));
  world.server.create(gkeIpRoutes, newRoute({ addresses: ADDRESSES.map(typedAddress) }));
  world.start();
  await world.until(() => world.ready() === SERVED && world.binding(B)?.status !== undefined);
  await world.clock.run(60_000);
  world.kube.calls.length = 0;
}
const calm = (): unknown => [world.server.get(gkeIpRoutes, { namespace: "calm", name: "calm" }), world.binding(B)];
const written = (kind: string): number => world.kube.writes.filter(({ resource }) => resource.kind === kind).length;

test("a thousand Pods of one route that are no longer Ready at once, and are again, cost as many writes as one", async () => {
  const names = Array.from({ length: 1_000 }, (_, i) => `p${i}`);
  listed({ from: "All" });
  for (const [i, name] of names.entries()) world.pod(name, { ip: `10.244.${10 + (i >> 8)}.${i & 255}` });
  await served();
  const before = calm();
  const flip = (status: string): void => {
    for (const name of names) {
      const pod = world.server.get<Pod>(pods, { namespace: "edge", name })!;
      world.server.put(pods, { ...pod, status: { ...pod.status, conditions: [{ type: "Ready", status }] } });
    }
  };
  flip("False");
  await world.until(() => ADDRESSES.every((address) => world.binding(address)?.spec.owner === undefined));
  flip("True");
  await world.until(() => world.ready() === SERVED);
  await world.clock.run(60_000);
  // Let go, given, and whom the binding names for the next time.
  expect(written("AddressBinding")).toBeLessThanOrEqual(3 * ADDRESSES.length);
  expect(written("GKEIPRoute")).toBeLessThanOrEqual(10);
  expect(calm()).toEqual(before);
});

test("a namespace that is admitted and refused five times a second is written for at a bounded rate, and serves when it ends", async () => {
  listed({ from: "Selector", selector: { matchLabels: { team: "edge" } } });
  const label = (name: string, on: boolean): void => {
    const namespace = world.server.get<Namespace>(namespaces, { name })!;
    const labels: Record<string, string> = on ? { team: "edge" } : {};
    world.server.replace(namespaces, { ...namespace, metadata: { ...namespace.metadata, labels } });
  };
  for (const name of ["edge", "calm"]) label(name, true);
  world.pod("p");
  await served();
  const before = calm();
  for (let i = 0; i < 300; i++) {
    label("edge", i % 2 === 1);
    await world.clock.run(200);
  }
  expect(written("AddressBinding")).toBeLessThanOrEqual(ADDRESSES.length * (20 + 10 * 60));
  expect(written("Gateway")).toBeLessThanOrEqual(20 + 60);
  expect(written("Event")).toBeLessThanOrEqual(20);
  expect(calm()).toEqual(before);
  await world.until(() => world.ready() === SERVED);
});
