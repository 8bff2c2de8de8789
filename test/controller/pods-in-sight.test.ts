// The controller watches the Pods that routes may select. What it does about those that are out of its sight.
import { KubeError, type Reflector, type ReflectorOptions } from "../../controller-image/src/kube/api";
import { RESOURCES, type KubeObject, type Pod } from "../../lib/model/kubernetes";
import { typedAddress } from "../../lib/model/address";
import { MemoryKube } from "../support/memory-kube";
import { B } from "../support/objects";
import { newRoute, World } from "./world";

const { gkeIpRoutes, pods } = RESOURCES;
const IN_EDGE = { namespace: "edge", name: "p" };
const SPARE = { node: "node2", ip: "10.244.2.9", created: "2025-12-01T00:00:00Z" };

let world: World;
beforeEach(() => (world = new World()));
afterEach(() => world.stop());

/** One Pod has the address, and another one could. */
async function served(): Promise<void> {
  world.pod("p");
  world.pod("q", SPARE);
  world.server.create(gkeIpRoutes, newRoute());
  world.start();
  await world.until(() => world.ready() === "True ProgrammingComplete");
  world.kube.calls.length = 0;
}

function relabel(labels: Readonly<Record<string, string>>): void {
  const pod = world.server.get<Pod>(pods, IN_EDGE);
  if (pod !== undefined) world.server.replace<Pod>(pods, { ...pod, metadata: { ...pod.metadata, labels } });
}

/** Questions after single Pods. */
const questions = (): string[] =>
  world.kube.calls.filter(({ verb, resource }) => verb === "get" && resource === pods).map(({ ref }) => ref.name);

test("a living Pod that no selector matches any more lets go before another one has its address", async () => {
  await served();
  world.agents.delete("node1");
  relabel({});
  await world.until(() => world.binding()?.spec.owner?.podName === "q");
  expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node1", wait: true });
  expect(questions()).toContain("p");
  world.agents.add("node1");
  world.answer();
  await world.until(() => world.ready() === "True ProgrammingComplete");
  world.kube.calls.length = 0;
  await world.clock.run(60_000);
  expect(questions()).toEqual([]);
});

test("so it does when the controller did not run at the time", async () => {
  await served();
  await world.stop();
  world.agents.delete("node1");
  relabel({});
  world.start();
  await world.until(() => world.binding()?.spec.owner?.podName === "q");
  expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node1", wait: true });
});

test("for a Pod that is gone nobody is waited for", async () => {
  await served();
  world.agents.delete("node1");
  world.server.remove(pods, IN_EDGE);
  await world.until(() => world.binding()?.spec.owner?.podName === "q");
  expect(world.binding()?.spec.releasing?.wait).toBe(false);
  expect(questions()).toEqual(["p"]);
});

test("nothing is decided while it is not known whether the Pod is gone", async () => {
  await served();
  world.kube.fault = ({ verb, resource }) =>
    verb === "get" && resource === pods ? new KubeError(500, "InternalError", "no") : undefined;
  world.server.remove(pods, IN_EDGE);
  await world.clock.run(10_000);
  expect(world.binding()?.spec.owner?.podName).toBe("p");
  world.kube.fault = undefined;
  await world.until(() => world.binding()?.spec.owner?.podName === "q");
});

test("an address that a Pod keeps though its route is not accepted goes with the Pod, whatever its labels", async () => {
  await served();
  const route = world.route();
  const podSelector = { matchExpressions: [{ key: "component", operator: "Near" }] };
  if (route !== undefined) world.server.replace(gkeIpRoutes, { ...route, spec: { ...route.spec, podSelector } });
  relabel({});
  await world.clock.run(30_000);
  expect(world.binding()?.spec.owner?.podName).toBe("p");
  world.server.remove(pods, IN_EDGE);
  await world.until(() => world.binding()?.spec.owner === undefined);
});

test("a route whose Pods are not known yet is left as it is, and the others go on", async () => {
  const lists: (() => void)[] = [];
  class Slow extends MemoryKube {
    override reflect<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
      if (!options.labelSelector?.startsWith("team")) return super.reflect(options);
      let inner: Reflector<T> | undefined;
      lists.push(() => (inner = super.reflect(options)));
      return {
        get synced() {
          return inner?.synced ?? false;
        },
        get: (key) => inner?.get(key),
        values: () => inner?.values() ?? ([] as T[]).values(),
        stop: () => inner?.stop(),
      };
    }
  }
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute());
  world.start({ kube: new Slow(world.server, { clock: world.clock }) });
  await world.until(() => world.ready() === "True ProgrammingComplete");

  world.pod("team", { ip: "10.244.1.7", labels: { team: "a" } });
  const other = { podSelector: { matchLabels: { team: "a" } }, addresses: [typedAddress(B)] };
  world.server.create(gkeIpRoutes, newRoute(other, { name: "other" }));
  await world.clock.run(5_000);
  expect([lists.length, world.route("other")?.status, world.binding(B)]).toEqual([1, undefined, undefined]);
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
  await world.until(() => world.binding()?.spec.owner?.podName === "q");

  for (const list of lists) list();
  await world.until(() => world.ready("other") === "True ProgrammingComplete");
  expect(world.binding(B)?.spec.owner?.podName).toBe("team");
});

test("a route that no label can tell the Pods of is served as any other", async () => {
  await served();
  world.pod("odd", { ip: "10.244.1.8", labels: { kind: "odd" } });
  const podSelector = { matchExpressions: [{ key: "component", operator: "DoesNotExist" }] };
  world.server.create(gkeIpRoutes, newRoute({ podSelector, addresses: [typedAddress(B)] }, { name: "other" }));
  await world.until(() => world.ready("other") === "True ProgrammingComplete");
  expect([world.binding(B)?.spec.owner?.podName, world.binding()?.spec.owner?.podName]).toEqual(["odd", "p"]);
  expect(world.binding()?.spec.epoch).toBe(1);
  world.kube.calls.length = 0;
  world.server.remove(pods, IN_EDGE);
  await world.until(() => world.binding()?.spec.owner?.podName === "q");
  expect(questions()).toEqual(["p"]);
});
