// Heartbeats in the whole controller: nodes that fall silent, addresses that move, and what is told of it.
import { Metrics } from "../../controller-image/src/kube/metrics";
import type { Message } from "../../controller-image/src/liveness/message";
import type { HeartbeatParts } from "../../controller-image/src/liveness/node-watch";
import { Responder } from "../../controller-image/src/liveness/responder";
import { keyOf, type Keys, open, seal } from "../../controller-image/src/liveness/seal";
import type { Controller } from "../../controller-image/src/controller/controller";
import { type KubeObject, type Node, type Pod, RESOURCES } from "../../lib/model/kubernetes";
import { selectorOf } from "../../lib/model/manifest";
import { nonceFrom } from "../liveness/cluster";
import { MemoryKube } from "../support/memory-kube";
import { A } from "../support/objects";
import { aNode, newRoute, World } from "./world";

const { events, gkeIpRoutes, nodes, pods, secrets } = RESOURCES;

/** Nodes that answer, each by its own responder with the key from the Secret. */
class Air {
  readonly answering = new Set(["172.30.0.11", "172.30.0.12", "172.30.0.13"]);
  readonly #responders = new Map<string, Responder>();
  /** What nodes were told, by their addresses. */
  readonly moved = new Map<string, Set<string>>();

  constructor(private readonly world: World) {}

  parts(): HeartbeatParts {
    const { clock } = this.world;
    const nonce = (): number => nonceFrom(() => clock.random());
    const wire: HeartbeatParts["wire"] = (onDatagram) => ({
      send: (datagram, to) => this.#send(datagram, to.address, nonce, (answer) => onDatagram(answer, to)),
      afterArrived: (callback) => void clock.after(0.1, callback),
      knock: () => undefined,
      close: () => undefined,
    });
    return { wire, ownNode: "node3", nonce };
  }

  #send(datagram: Buffer, address: string, nonce: () => number, back: (answer: Buffer) => void): void {
    const { clock } = this.world;
    clock.after(0.5, () => {
      const keys = this.#keys();
      if (!this.answering.has(address) || keys === undefined) return;
      const opened = open(datagram, keys);
      if ("refused" in opened || opened.message.type !== "probe") throw new Error("this is no probe");
      const reaction = this.#responder(address, nonce).probed(opened.message, clock.now());
      for (const each of reaction.moved ?? [])
        this.moved.set(address, (this.moved.get(address) ?? new Set()).add(each));
      // Witnesses ask each other here without a wire.
      for (const { to, probe } of reaction.probes) {
        if (!this.answering.has(to.address)) continue;
        const heard = this.#responder(to.address, nonce).probed(probe, clock.now()).answer;
        if (heard !== undefined) this.#responder(address, nonce).answered(heard, clock.now());
      }
      const { answer } = reaction;
      if (answer !== undefined) clock.after(0.5, () => back(seal(answer satisfies Message, opened.key)));
    });
  }

  #responder(address: string, nonce: () => number): Responder {
    const nodeName = `node${address.slice(-1)}`;
    const known = this.#responders.get(address) ?? new Responder({ nodeName, boot: nonce(), nonce });
    this.#responders.set(address, known);
    return known;
  }

  #keys(): Keys | undefined {
    const ref = { namespace: "podpin-system", name: "podpin-heartbeat-keys" };
    const secret = this.world.server.get<KubeObject & { data?: Record<string, string> }>(secrets, ref);
    const present = secret?.data?.["present"];
    return present === undefined ? undefined : { present: keyOf(Buffer.from(present, "base64"))! };
  }
}

let world: World;
let air: Air;
let metrics: Metrics;
beforeEach(() => {
  world = new World();
  world.put(nodes, aNode("node3", "172.30.0.13"));
  air = new Air(world);
  metrics = new Metrics();
});
afterEach(() => world.stop());

/** The newest Pod on node1 has the address, an older one is Ready on node2; every node is heard. */
async function served(): Promise<Controller> {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute());
  const controller = world.start({ heartbeats: air.parts(), metrics });
  await world.until(() => world.ready() === "True ProgrammingComplete" && world.binding()?.spec.nodeName === "node1");
  await world.until(() => /^podpin_nodes\{state="answering"\} 3$/m.test(metrics.text()));
  await world.clock.run(3_000);
  return controller;
}

const silence = (index: number): void => {
  air.answering.delete(`172.30.0.1${index}`);
  world.agents.delete(`node${index}`);
};
const told = () =>
  world.server
    .list<KubeObject & { reason: string; regarding: { kind: string; name: string } }>(events)
    .filter(({ regarding }) => regarding.kind === "Node")
    .map(({ reason, regarding }) => [reason, regarding.name]);

test("a node that answers nobody loses its addresses within 0.7 seconds, and an Event says so", async () => {
  await served();
  silence(1);
  const at = world.clock.now();
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  expect(world.clock.now() - at).toBeLessThanOrEqual(700);
  await world.clock.run(5_000);
  expect(world.ready()).toBe("True ProgrammingComplete");
  expect(told()).toEqual([["NodeUnreachable", "node1"]]);
  expect(metrics.text()).toMatch(/^podpin_node_unreachable_total 1$/m);
});

test("a node that answers again is told of, and is one on which addresses may be", async () => {
  await served();
  silence(1);
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  air.answering.add("172.30.0.11");
  world.agents.add("node1");
  await world.clock.run(1_000);
  expect(told()).toEqual([
    ["NodeUnreachable", "node1"],
    ["NodeReachable", "node1"],
  ]);
  expect(metrics.text()).toMatch(/^podpin_node_returned_total\{because="same_agent"\} 1$/m);
  silence(2);
  await world.until(() => world.binding()?.spec.nodeName === "node1");
});

test("a lost node that is removed is forgotten", async () => {
  await served();
  silence(1);
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  world.server.delete(nodes, { name: "node1" });
  await world.clock.run(1_500);
  expect(metrics.text()).toMatch(/^podpin_nodes\{state="lost"\} 0$/m);
  expect(metrics.text()).toMatch(/^podpin_node_returned_total\{because="removed"\} 1$/m);
});

test("while the API server is away nothing moves, and nobody is taken for lost because of it", async () => {
  const kube = new MemoryKube(world.server, { clock: world.clock });
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute());
  world.start({ heartbeats: air.parts(), metrics, kube });
  await world.until(() => /^podpin_nodes\{state="answering"\} 3$/m.test(metrics.text()));
  kube.connected = false;
  await world.clock.run(60_000);
  expect(metrics.text()).toMatch(/^podpin_nodes\{state="answering"\} 3$/m);
  expect(metrics.text()).not.toMatch(/^podpin_node_unreachable_total 1$/m);
});

test("a replica that stands by finds the same node lost, and tells nobody", async () => {
  await served();
  const kube = new MemoryKube(world.server, { clock: world.clock });
  const others = new Metrics();
  const leases = new MemoryKube(world.server, { clock: world.clock, fault: () => "request-lost" });
  world.start({ heartbeats: air.parts(), metrics: others, kube, leases });
  await world.until(() => /^podpin_nodes\{state="answering"\} 3$/m.test(others.text()));
  await world.clock.run(3_000);
  silence(1);
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  await world.clock.run(1_000);
  expect(others.text()).toMatch(/^podpin_nodes\{state="lost"\} 1$/m);
  expect(kube.writes).toEqual([]);
  expect(told()).toEqual([["NodeUnreachable", "node1"]]);
});

test("a replica that takes over because the other one was on the lost node tells of it", async () => {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  world.pod("p");
  world.server.create(gkeIpRoutes, newRoute());
  const replica = (podName: string, nodeName: string, tells: Metrics): MemoryKube => {
    const metadata = { namespace: "podpin-system", name: podName, labels: selectorOf("controller") };
    world.server.create(RESOURCES.pods, { metadata, spec: { nodeName } } as KubeObject);
    const kube = new MemoryKube(world.server, { clock: world.clock });
    const identity = `${podName}_1`;
    world.start({ heartbeats: air.parts(), metrics: tells, kube, leases: kube, podName, identity });
    return kube;
  };
  const first = replica("first", "node1", new Metrics());
  await world.until(() => world.binding()?.spec.nodeName === "node1");
  replica("second", "node3", metrics);
  await world.until(() => /^podpin_nodes\{state="answering"\} 3$/m.test(metrics.text()));
  await world.clock.run(3_000);
  silence(1);
  first.connected = false;
  const at = world.clock.now();
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  expect(world.clock.now() - at).toBeLessThanOrEqual(800);
  await world.clock.run(1_000);
  expect(told()).toEqual([["NodeUnreachable", "node1"]]);
  expect(metrics.text()).toMatch(/^podpin_node_unreachable_total 1$/m);
});

describe("a node of which Kubernetes hears nothing, and whose Pod could be replaced by another,", () => {
  /** As Kubernetes does it when a kubelet is silent. */
  const kubernetesGivesUp = (name: string): void => {
    const node = world.server.get<Node>(nodes, { name })!;
    const unknown = { ...node.status, conditions: [{ type: "Ready", status: "Unknown" }] };
    world.server.replace(nodes, { ...node, status: unknown } as KubeObject, "status");
    const pod = world.server.get<Pod>(pods, { namespace: "edge", name: "p" })!;
    const conditions = [
      { type: "Ready", status: "False" },
      { type: "ContainersReady", status: "True" },
    ];
    world.server.replace(pods, { ...pod, status: { ...pod.status, conditions } } as KubeObject, "status");
  };
  const stays = (): void => expect(world.binding()?.spec).toMatchObject({ epoch: 1, nodeName: "node1" });

  test("keeps its addresses while it answers podpin, and loses them when that ends", async () => {
    await served();
    kubernetesGivesUp("node1");
    await world.clock.run(90_000);
    stays();
    expect(world.ready()).toBe("True ProgrammingComplete");
    silence(1);
    const at = world.clock.now();
    await world.until(() => world.binding()?.spec.nodeName === "node2");
    expect(world.clock.now() - at).toBeLessThanOrEqual(700);
  });

  /** As a kubelet that was started anew does where Kubernetes had given up the node. */
  const kubeletReturns = (ready: boolean): void => {
    const node = world.server.get<Node>(nodes, { name: "node1" })!;
    const known = { ...node.status, conditions: [{ type: "Ready", status: "True" }] };
    world.server.replace(nodes, { ...node, status: known } as KubeObject, "status");
    const pod = world.server.get<Pod>(pods, { namespace: "edge", name: "p" })!;
    const conditions = ["Ready", "ContainersReady"].map((type) => ({ type, status: ready ? "True" : "False" }));
    world.server.replace(pods, { ...pod, status: { ...pod.status, conditions } } as KubeObject, "status");
  };

  test("keeps them while a kubelet that comes back has not asked it yet, and loses them when that takes long", async () => {
    await served();
    for (const found of [true, false]) {
      kubernetesGivesUp("node1");
      await world.clock.run(2_000);
      kubeletReturns(false);
      await world.clock.run(10_000);
      stays();
      if (found) kubeletReturns(true);
      await world.clock.run(4_000);
      stays();
    }
    await world.until(() => world.binding()?.spec.nodeName === "node2");
  });

  test("keeps them when the controller starts anew, which has heard nobody yet", async () => {
    const controller = await served();
    kubernetesGivesUp("node1");
    await world.clock.run(5_000);
    await controller.stop();
    world.start({ heartbeats: air.parts() });
    await world.clock.run(60_000);
    stays();
  });

  test("loses them 3 seconds after a controller has started that hears nothing of it either", async () => {
    const controller = await served();
    kubernetesGivesUp("node1");
    await controller.stop();
    silence(1);
    const kube = new MemoryKube(world.server, { clock: world.clock });
    world.start({ heartbeats: air.parts(), kube });
    await world.clock.run(2_900);
    stays();
    await world.clock.run(2_000);
    expect(world.binding()?.spec).toMatchObject({ epoch: 2, nodeName: "node2" });
  });
});

test("a node that answers podpin but does not let go is told, once nobody waits for it any more, which address is another's", async () => {
  await served();
  world.agents.delete("node1");
  world.pod("r", { node: "node2", ip: "10.244.2.10", created: "2026-01-01T00:02:00Z" });
  await world.until(() => world.binding()?.spec.nodeName === "node2");
  expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node1", wait: true });
  await world.clock.run(4_000);
  expect(air.moved.size).toBe(0);
  await world.clock.run(3_000);
  expect(world.ready()).toBe("True ProgrammingComplete");
  expect([...air.moved]).toEqual([["172.30.0.11", new Set([A])]]);
  // When it has let go, nothing is said any more.
  world.agents.add("node1");
  world.answer();
  await world.clock.run(2_000);
  air.moved.clear();
  await world.clock.run(5_000);
  expect(air.moved.size).toBe(0);
});
