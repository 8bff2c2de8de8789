// Controller, fabric, client and the stand-in of Compute Engine together: from Pods to forwarding rules, and back.
import { typedAddress } from "../../lib/model/address";
import { GoogleCloudDriver } from "../../lib/model/google-cloud";
import { RESOURCES, type KubeObject, type Namespace, type Node } from "../../lib/model/kubernetes";
import { createCompute } from "../../controller-image/src/fabric/gce/client";
import { createGceFabric } from "../../controller-image/src/fabric/gce/fabric";
import { haPolicy } from "../../controller-image/src/fabric/gce/ha-policy";
import type { Driver } from "../../controller-image/src/fabric/gce/plan";
import { targetInstance } from "../../controller-image/src/fabric/gce/target-instance";
import { ComputeCloud } from "../../lab/cloud/cloud";
import { transportTo } from "../../lab/cloud/transport";
import { A, aClass, aGateway, B } from "../support/objects";
import { bare, newRoute, World } from "./world";

const { addressBindings, gateways, gatewayClasses, gkeIpRoutes, namespaces, nodes, pods } = RESOURCES;
const CLASS = "podpin-regional-external";
const REGION = "us-central1";
const ZONES: Readonly<Record<string, string>> = { node1: `${REGION}-a`, node2: `${REGION}-b` };
const DRIVERS: Readonly<Record<GoogleCloudDriver, Driver>> = {
  [GoogleCloudDriver.HaPolicy]: haPolicy,
  [GoogleCloudDriver.TargetInstance]: targetInstance,
};

let world: World;
let cloud: ComputeCloud;
beforeEach(() => {
  world = new World();
  cloud = new ComputeCloud({ clock: world.clock });
  world.server.create(namespaces, { metadata: { name: "kube-system" } } as Namespace);
  for (const [name, zone] of Object.entries(ZONES)) {
    cloud.make(`zones/${zone}`, "instances", { name, networkInterfaces: [{}] as never });
    const node = world.server.get<Node>(nodes, { name })!;
    world.server.replace(nodes, {
      ...node,
      spec: { ...node.spec, providerID: `gce://demo/${zone}/${name}` },
    } as KubeObject);
  }
  for (const [i, address] of [A, B].entries()) cloud.make(`regions/${REGION}`, "addresses", { name: `a${i}`, address });
  world.server.create(gatewayClasses, aClass(CLASS, "gce"));
  world.server.create(gateways, bare(aGateway({ gatewayClassName: CLASS }, { name: "cloud" })));
});
afterEach(() => world.stop());

function start(driver: GoogleCloudDriver): void {
  const { clock } = world;
  const log = (): void => undefined;
  const compute = createCompute({ project: "demo", transport: transportTo(cloud), clock, log });
  world.start({
    cloud: (around) => createGceFabric({ compute, around, region: REGION, driver: DRIVERS[driver], clock, log }),
  });
}
const changing = (): number => cloud.calls.mutating.length;
const servedOn = (name: string) => (): boolean =>
  world.binding()?.spec.nodeName === name && world.ready() === "True ProgrammingComplete";
const deliveredTo = (): (string | undefined)[] => [A, B].map((address) => cloud.delivery.deliver(address)?.instance);

test.each(Object.values(GoogleCloudDriver))(
  "with driver %s packets go where the Pod is, through a move and its Pod's death, until the route is deleted",
  async (driver) => {
    world.pod("p");
    const parentRefs = [{ name: "cloud", namespace: "default" }];
    world.server.create(gkeIpRoutes, newRoute({ parentRefs, addresses: [typedAddress(A), typedAddress(B)] }));
    start(driver);
    await world.until(servedOn("node1"));
    expect(deliveredTo()).toEqual(["node1", "node1"]);
    world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
    await world.until(servedOn("node2"));
    expect(deliveredTo()).toEqual(["node2", "node2"]);
    await world.clock.run(60_000);
    const before = changing();
    await world.clock.run(240_000);
    expect(changing()).toBe(before);
    world.server.delete(pods, { namespace: "edge", name: "q" });
    await world.until(servedOn("node1"));
    expect(deliveredTo()).toEqual(["node1", "node1"]);
    world.server.delete(gkeIpRoutes, { namespace: "edge", name: "route" });
    await world.until(() => world.route() === undefined);
    expect(deliveredTo()).toEqual([undefined, undefined]);
    expect(world.server.list(addressBindings)).toEqual([]);
  },
);
