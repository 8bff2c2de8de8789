// Somebody else's rules stand between the controller and what it has to write: admission webhooks that refuse or never answer, rights
// that are missing, and others who write to the same objects.
import { typedAddress } from "../../lib/model/address";
import type { AddressBinding } from "../../lib/model/binding";
import type { Gateway, GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { KubeError, type Log } from "../../controller-image/src/kube/api";
import type { Call } from "../support/memory-kube";
import { A } from "../support/objects";
import { newRoute, World } from "./world";

const { addressBindings, events, gateways, gkeIpRoutes, pods } = RESOURCES;
const ROUTE = { namespace: "edge", name: "route" };
const WEBHOOK = new KubeError(500, "InternalError", 'failed calling webhook "policy.example.com"');
const FORBIDDEN = new KubeError(403, "Forbidden", 'admission webhook "policy.example.com" denied the request');

let world: World;
let logged: string[];
/** No write of a status is answered, for as long as a client waits. */
let hanging = false;
const log: Log = (_level, message) => void logged.push(message);
beforeEach(() => {
  world = new World();
  logged = [];
});
afterEach(async () => {
  hanging = false;
  await world.clock.run(11_000);
  await world.stop();
});

const q = (): void => world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });
const older = (): void => world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
const isStatus = ({ resource, subresource }: Call): boolean =>
  resource.kind === "GKEIPRoute" && subresource === "status";
const on = (name: string) => (): boolean => world.binding()?.spec.nodeName === name;
const servedOn = (name: string) => (): boolean => on(name)() && world.ready() === "True ProgrammingComplete";
const written = (kind: string): number => world.kube.writes.filter(({ resource }) => resource.kind === kind).length;
const told = (): string[] =>
  world.server
    .list<KubeObject & { readonly reason: string; readonly note: string }>(events)
    .filter(({ reason }) => reason === "WriteRefused")
    .map(({ note }) => note);

async function served(): Promise<ReturnType<World["start"]>> {
  const controller = await world.served({}, { log });
  await world.clock.run(60_000);
  world.kube.calls.length = 0;
  return controller;
}

describe("a route whose status cannot be written", () => {
  function hang(): void {
    const patch = world.kube.mergePatch.bind(world.kube);
    hanging = true;
    world.kube.mergePatch = async (resource, ref, body, subresource) => {
      const hangs = hanging && isStatus({ resource, ref, subresource, verb: "mergePatch" });
      if (!hangs) return patch(resource, ref, body, subresource);
      await new Promise<void>((resolve) => void world.clock.after(10_000, resolve));
      throw new KubeError(0, "Timeout", "no answer within 10000 ms");
    };
  }

  test.each<[string, () => void]>([
    ["because a webhook is down", () => (world.kube.fault = (call) => (isStatus(call) ? WEBHOOK : undefined))],
    ["because a webhook says no", () => (world.kube.fault = (call) => (isStatus(call) ? FORBIDDEN : undefined))],
    ["because a webhook never answers", hang],
  ])("%s: its address leaves a lost node all the same, within a second", async (_why, begin) => {
    older();
    const controller = await served();
    begin();
    world.agents.delete("node1");
    controller.setLost("node1", true);
    await world.clock.run(1_000);
    expect(on("node2")()).toBe(true);
  });

  test("because nobody answers: of many routes on a lost node none waits for another", async () => {
    older();
    const addresses = Array.from({ length: 15 }, (_, i) => `198.51.100.${20 + i}`);
    const gateway = world.server.get<Gateway>(gateways, { namespace: "default", name: "allowed" })!;
    const listed = addresses.map(typedAddress);
    world.server.replace(gateways, { ...gateway, spec: { ...gateway.spec, addresses: listed } });
    for (const [i, entry] of listed.entries())
      world.server.create(gkeIpRoutes, newRoute({ addresses: [entry] }, { name: `route-${i}` }));
    world.pod("p");
    const controller = world.start();
    await world.until(() => addresses.every((_, i) => world.ready(`route-${i}`) === "True ProgrammingComplete"));
    await world.clock.run(60_000);
    hang();
    world.agents.delete("node1");
    controller.setLost("node1", true);
    await world.clock.run(2_000);
    expect(addresses.map((address) => world.binding(address)?.spec.nodeName)).toEqual(addresses.map(() => "node2"));
  });

  test("because a right is missing: a planned move is made all the same, and the route says so when it has the right again", async () => {
    await served();
    world.kube.fault = (call) => (isStatus(call) ? FORBIDDEN : undefined);
    q();
    await world.until(on("node2"));
    await world.clock.run(30_000);
    world.kube.fault = undefined;
    await world.until(servedOn("node2"));
  });

  test("because a webhook is down: a planned move waits, as the Pod still has its address", async () => {
    await served();
    world.kube.fault = (call) => (isStatus(call) ? WEBHOOK : undefined);
    q();
    await world.clock.run(120_000);
    expect(on("node1")()).toBe(true);
    world.kube.fault = undefined;
    await world.until(servedOn("node2"));
  });
});

test("what is refused for some seconds is told on the route, and is no concern of other routes", async () => {
  await served();
  world.kube.fault = ({ resource, verb }) =>
    resource.kind === "AddressBinding" && verb === "replace" ? FORBIDDEN : undefined;
  q();
  await world.clock.run(60_000);
  expect(told()).toEqual([FORBIDDEN.message]);
  const tries = world.kube.calls.filter(
    ({ resource, verb }) => resource.kind === "AddressBinding" && verb === "replace",
  );
  expect(tries.length).toBeLessThan(30);
  world.kube.fault = undefined;
  await world.until(servedOn("node2"));
});

describe("somebody who writes to the same object again and again", () => {
  /** Undoes each write, until told to stop. */
  function fight(kind: string, undo: () => void): () => void {
    let fights = true;
    const stop = world.server.onCommit(({ resource }) => {
      if (fights && resource.kind === kind) world.clock.after(1, () => fights && undo());
    });
    world.clock.after(1, undo);
    return () => {
      fights = false;
      stop();
    };
  }
  const route = (): GKEIPRoute => world.route()!;

  test.each<[string, string, () => void]>([
    [
      "a Gateway's status",
      "Gateway",
      () => {
        const gateway = world.server.get<Gateway>(gateways, { namespace: "default", name: "allowed" })!;
        world.server.replace(gateways, { ...gateway, status: { ...gateway.status, addresses: [] } }, "status");
      },
    ],
    [
      "a route's status",
      "GKEIPRoute",
      () => world.server.replace(gkeIpRoutes, { ...route(), status: { pods: [], conditions: [] } }, "status"),
    ],
    [
      "a route's finalizers",
      "GKEIPRoute",
      () => {
        const { metadata } = route();
        world.server.replace(gkeIpRoutes, { ...route(), metadata: { ...metadata, finalizers: [] } });
      },
    ],
    [
      "a binding",
      "AddressBinding",
      () => {
        const binding = world.binding()!;
        const owner = { podName: "x", podUid: "x-uid", podIp: "10.244.1.66" };
        world.server.replace(addressBindings, { ...binding, spec: { ...binding.spec, owner } });
      },
    ],
  ])("is answered only now and then: %s; and all is right when it ends", async (_what, kind, undo) => {
    await served();
    const stop = fight(kind, undo);
    await world.clock.run(60_000);
    expect(written(kind)).toBeLessThanOrEqual(20 + 60 * (kind === "AddressBinding" ? 10 : 1) + 2);
    expect(logged.some((text) => text.startsWith("somebody else writes to an object again and again"))).toBe(true);
    stop();
    await world.until(servedOn("node1"));
    await world.clock.run(5_000);
    world.kube.calls.length = 0;
    await world.clock.run(60_000);
    expect(world.kube.writes).toEqual([]);
    const gateway = world.server.get<Gateway>(gateways, { namespace: "default", name: "allowed" });
    expect(gateway?.status?.addresses).not.toEqual([]);
    expect(route().metadata.finalizers).toHaveLength(1);
    expect(world.binding()?.spec.owner?.podName).toBe("p");
  });

  test("does not delay the next loss of a node by more than a second", async () => {
    older();
    const controller = await served();
    const undo = (): void =>
      void world.server.replace(gkeIpRoutes, { ...route(), status: { pods: [], conditions: [] } }, "status");
    fight("GKEIPRoute", undo);
    await world.clock.run(60_000);
    world.agents.delete("node1");
    controller.setLost("node1", true);
    await world.clock.run(1_000);
    expect(on("node2")()).toBe(true);
  });
});

describe("a definition of AddressBinding that is older than the controller", () => {
  /** As the API server leaves out, without a word, what the definition does not know. */
  function forgetful(): void {
    const { replace, create } = world.kube;
    const pruned = <T extends KubeObject>(object: T): T => {
      const { standby: _standby, ...spec } = (object as unknown as AddressBinding).spec;
      return { ...object, spec };
    };
    const isBinding = (kind: string): boolean => kind === "AddressBinding";
    world.kube.create = (resource, object) =>
      create.call(world.kube, resource, isBinding(resource.kind) ? pruned(object) : object) as never;
    world.kube.replace = (resource, object, subresource) =>
      replace.call(world.kube, resource, isBinding(resource.kind) ? pruned(object) : object, subresource) as never;
  }

  test("is told, costs one write for each version of a binding, and keeps nothing from moving", async () => {
    forgetful();
    older();
    const controller = await served();
    for (let i = 0; i < 50; i++) {
      world.pod(`x${i}`, { node: "node2", ip: `10.244.2.${20 + i}`, ready: false, created: "2026-01-01T00:00:10Z" });
      await world.clock.run(1_000);
    }
    expect(written("AddressBinding")).toBe(0);
    expect(logged.filter((text) => text.includes("its definition is older"))).toHaveLength(1);
    world.agents.delete("node1");
    controller.setLost("node1", true);
    await world.until(servedOn("node2"));
    expect(world.binding()?.spec.address).toBe(A);
    world.server.delete(pods, { namespace: "edge", name: "p" });
    world.server.delete(gkeIpRoutes, ROUTE);
    await world.until(() => world.route() === undefined && world.binding() === undefined);
  });
});
