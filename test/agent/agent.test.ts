import { runAgent } from "../../controller-image/src/agent/agent";
import { isNoChange } from "../../controller-image/src/agent/plan";
import { KubeError } from "../../controller-image/src/kube/api";
import type { AddressBinding } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { MemoryKube } from "../support/memory-kube";
import { ack, binding, ME, movedAway, MY_IP, OTHER, OTHER_IP, takenBack } from "./bindings";
import { MAC, podHop, segmentHop, UPLINK } from "./memory-kernel";
import { A, B, forArp, POD, World } from "./world";

test("a binding is programmed, announced and acknowledged by this node's own entry", async () => {
  const world = new World();
  const agent = world.agent();
  await world.rest();
  expect(agent.unready()).toBeUndefined();
  expect(world.kernel.untouched).toBe(true);
  world.write(binding(A));
  await world.rest();
  expect(world.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth1" });
  expect(world.announcer.said).toEqual([`${A} at ${MAC}`]);
  expect(world.ack()).toEqual(ack(ME, 1, "Announced", "uid-1"));
  expect(world.kernel.forgotten).toEqual([
    { address: A, whose: "clients" },
    { address: A, whose: "pod" },
  ]);
});

test("a new address is acknowledged before connections from before it are forgotten, and that is tried until it works", async () => {
  const world = new World();
  world.agent();
  await world.rest();
  const seen: (string | undefined)[] = [];
  const forget = world.kernel.forgetConnections.bind(world.kernel);
  world.kernel.forgetConnections = async (stale) => {
    seen.push(world.ack()?.state);
    const refused = new Map(stale.map(({ address }) => [address, "conntrack is busy"]));
    return seen.length < 3 ? { refused } : forget(stale);
  };
  world.write(binding(A));
  await world.clock.runUntil(() => world.kernel.forgotten.some(({ address }) => address === A));
  expect(seen).toHaveLength(3);
  await world.clock.run(120_000);
  expect(seen).toHaveLength(3);
  expect(world.ack()).toEqual(ack(ME, 1, "Announced", "uid-1"));
});

test("half an hour without the API server changes nothing in the kernel and silences nothing", async () => {
  const world = new World();
  const agent = world.agent();
  world.write(binding(A));
  await world.rest();
  agent.kube.connected = false;
  const before = agent.passes.length;
  for (let minutes = 0; minutes < 30; minutes++) await world.clock.run(60_000);
  const meanwhile = agent.passes.slice(before);
  expect(meanwhile.length).toBeGreaterThan(30);
  expect(meanwhile.every(({ changes }) => isNoChange(changes))).toBe(true);
  expect(world.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth1" });
  expect(world.announcer.said).not.toContain(`${A} no more`);
  agent.kube.connected = true;
  await world.rest();
  expect(world.ack()).toEqual(ack(ME, 1, "Announced", "uid-1"));
});

test("it writes an acknowledgement only when it says something new", async () => {
  const world = new World();
  const agent = world.agent();
  world.write(binding(A));
  await world.rest();
  for (let poll = 0; poll < 5; poll++) await world.clock.run(30_000);
  await world.rest();
  expect(agent.passes.length).toBeGreaterThan(5);
  expect(agent.kube.writes).toHaveLength(1);
});

test("an acknowledgement that somebody removed is written again", async () => {
  const world = new World();
  world.agent();
  world.write(binding(A));
  await world.rest();
  await world.clock.run(60_000);
  const { status: _status, ...bare } = world.binding(A)!;
  world.server.replace<AddressBinding>(RESOURCES.addressBindings, { ...bare, status: { acks: [] } }, "status");
  await world.rest();
  expect(world.ack()?.state).toBe("Announced");
});

test("an acknowledgement that is not accepted is tried again until it is", async () => {
  const world = new World();
  const agent = world.agent();
  let refusals = 3;
  agent.kube.fault = ({ verb }) => {
    if (verb !== "apply" || refusals === 0) return undefined;
    refusals--;
    return new KubeError(503, "ServiceUnavailable", "etcd is away");
  };
  world.write(binding(A));
  await world.clock.runUntil(() => world.ack()?.state === "Announced");
  expect(refusals).toBe(0);
});

test("an acknowledgement that is not accepted is not tried any more once the node has nothing to do with the address", async () => {
  const world = new World();
  const agent = world.agent();
  world.kernel.hops.delete(POD);
  let refuses = true;
  agent.kube.fault = ({ verb }) =>
    verb === "apply" && refuses ? new KubeError(503, "ServiceUnavailable", "etcd is away") : undefined;
  world.write(binding(A));
  await world.clock.run(100);
  // It has put nothing into the kernel that would remind it.
  world.write(binding(A, { epoch: 2, nodeName: OTHER }));
  await world.clock.run(100);
  refuses = false;
  await world.clock.run(60_000);
  expect(world.binding(A)?.status?.acks ?? []).toEqual([]);
});

test("nothing is touched before the caches are complete", async () => {
  const world = new World();
  world.write(binding(A));
  const first = world.agent();
  await world.rest();
  await first.stop();
  expect(world.kernel.paths.size).toBe(1);
  const lines = world.kernel.lines.length;
  const kube = new MemoryKube(world.server, { clock: world.clock, delivery: "manual" });
  runAgent({
    kube,
    kernel: world.kernel,
    announcers: forArp(world.announcer),
    clock: world.clock,
    log: () => undefined,
    nodeName: ME,
    nodeIp: MY_IP,
    uplink: UPLINK,
    namespace: "podpin-system",
  });
  await world.clock.run(120_000);
  expect(world.kernel.lines.length).toBe(lines);
});

test("it waits 5 s for the ranges of the cluster, then says that nat cannot do without them, and goes on when they come", async () => {
  const world = new World({ ranges: false });
  world.write(binding(A));
  world.write(binding(B, { delivery: "app" }));
  world.agent();
  await world.clock.run(6000);
  await world.rest();
  expect(world.ack(A)).toMatchObject({ state: "Failed", reason: "ClusterRangesUnknown" });
  expect(world.ack(B)?.state).toBe("Announced");
  world.publishRanges();
  await world.rest();
  expect(world.ack(A)?.state).toBe("Announced");
});

test("stopping leaves the kernel as it is, and the next life changes nothing", async () => {
  const world = new World();
  const first = world.agent();
  world.write(binding(A));
  await world.rest();
  await first.stop();
  first.kube.close();
  const lines = world.kernel.lines.length;
  const second = world.agent();
  await world.rest();
  expect(second.passes.length).toBeGreaterThan(0);
  expect(second.passes.every(({ changes }) => isNoChange(changes))).toBe(true);
  expect(world.kernel.lines.length).toBe(lines);
  expect(second.kube.writes).toEqual([]);
  // The neighbours are told again: a restart is when an announcement may have been lost.
  expect(world.announcer.said).toEqual([`${A} at ${MAC}`, "closed", `${A} at ${MAC}`]);
});

test("losing the API server changes nothing, and drift is still repaired", async () => {
  const world = new World();
  const agent = world.agent();
  world.write(binding(A));
  await world.rest();
  agent.kube.connected = false;
  world.kernel.paths.delete(A);
  await world.hears();
  expect(world.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth1" });
  await world.clock.run(3_600_000);
  expect(world.kernel.paths.size).toBe(1);
});

test("a burst of kernel events is one look", async () => {
  const world = new World();
  const agent = world.agent();
  await world.rest();
  const before = agent.passes.length;
  for (let event = 1; event < 50; event++) world.kernel.event();
  await world.hears();
  expect(agent.passes.length).toBe(before + 1);
});

test("a hand-over: it lets go when the new node is ready, forwards for a minute, then nothing is left, its entry included", async () => {
  const world = new World();
  world.agent();
  world.write(binding(A));
  await world.rest();
  world.write(movedAway(A));
  await world.rest();
  expect(world.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth1" });
  world.otherSays(A, ack(OTHER, 2, "Programmed", "uid-2"));
  await world.rest();
  expect(world.kernel.paths.get(A)).toEqual({ via: OTHER_IP, dev: UPLINK });
  expect(world.ack()).toEqual(ack(ME, 1, "Released", ""));
  expect(world.announcer.said).toContain(`${A} no more`);
  // The controller has seen it: the binding is the other node's alone.
  world.write(binding(A, { ...movedAway(A).spec, releasing: undefined }));
  await world.clock.run(59_000);
  await world.rest();
  expect(world.kernel.paths.get(A)).toEqual({ via: OTHER_IP, dev: UPLINK });
  await world.clock.run(2000);
  await world.rest();
  expect(world.kernel.untouched).toBe(true);
  expect(world.ack()).toBeUndefined();
});

test("its entry goes as well where there was nothing to forward", async () => {
  const world = new World();
  world.kernel.hops.set(OTHER_IP, { ...segmentHop, gateway: "10.0.0.1" });
  world.agent();
  world.write(binding(A));
  await world.rest();
  world.write(movedAway(A, { wait: false }));
  await world.rest();
  expect(world.ack()).toEqual(ack(ME, 1, "Released", ""));
  expect(world.kernel.untouched).toBe(true);
  world.write(binding(A, { ...movedAway(A).spec, releasing: undefined }));
  await world.clock.run(100);
  await world.rest();
  expect(world.ack()).toBeUndefined();
});

test("an address that nobody has any more leaves nothing, and says so", async () => {
  const world = new World();
  world.agent();
  world.write(binding(A));
  await world.rest();
  world.write(takenBack(A));
  await world.rest();
  expect(world.kernel.untouched).toBe(true);
  expect(world.ack()).toEqual(ack(ME, 1, "Released", ""));
});

test("a binding that left the caches is cleaned only by the API server's own word", async () => {
  const world = new World();
  const agent = world.agent();
  world.write(binding(A));
  await world.rest();
  agent.kube.fault = ({ verb }) => (verb === "get" ? new KubeError(500, "InternalError", "not now") : undefined);
  await world.server.delete(RESOURCES.addressBindings, { name: A });
  await world.clock.run(300_000);
  expect(world.kernel.paths.size).toBe(1);
  agent.kube.fault = undefined;
  await world.clock.run(60_000);
  await world.rest();
  expect(world.kernel.untouched).toBe(true);
});

test("one address that the kernel refuses fails alone, says why, and is tried again", async () => {
  const world = new World();
  world.agent();
  world.kernel.refuse = (line) => (line.includes(`${A}/32 via`) ? "RTNETLINK answers: No buffer space" : undefined);
  world.write(binding(A));
  world.write(binding(B));
  await world.rest();
  expect(world.ack(B)?.state).toBe("Announced");
  expect(world.ack(A)).toEqual({
    ...ack(ME, 1, "Failed", "uid-1"),
    reason: "KernelRefused",
    message: "RTNETLINK answers: No buffer space",
  });
  expect(world.announcer.said).toEqual([`${B} at ${MAC}`]);
  world.kernel.refuse = () => undefined;
  await world.clock.run(10_000);
  await world.rest();
  expect(world.ack(A)?.state).toBe("Announced");
});

test("neighbours are told when the uplink's hardware address changes, and once", async () => {
  const world = new World();
  world.agent();
  world.write(binding(A));
  await world.rest();
  world.kernel.uplinkMac = "02:00:00:00:00:99";
  for (const _ of [1, 2]) await world.hears();
  expect(world.announcer.said).toEqual([`${A} at ${MAC}`, `${A} at 02:00:00:00:00:99`]);
});

test("an address that could not be announced is not called announced", async () => {
  const world = new World();
  world.agent();
  world.announcer.fail = "socat on eth0 ended: Operation not permitted";
  world.write(binding(A));
  await world.rest();
  expect(world.ack()).toMatchObject({ state: "Failed", reason: "AnnouncementFailed", message: world.announcer.fail });
  world.announcer.fail = undefined;
  await world.clock.run(10_000);
  await world.rest();
  expect(world.ack()?.state).toBe("Announced");
});

test("a kernel that cannot be read is neither changed nor called served, and the agent says that it is not ready", async () => {
  const world = new World();
  const agent = world.agent();
  await world.rest();
  const { observe } = world.kernel;
  world.kernel.observe = () => Promise.reject(new Error("cannot run nft: spawn nft ENOENT"));
  world.write(binding(A));
  await world.rest();
  expect(agent.unready()).toBe("cannot run nft: spawn nft ENOENT");
  expect(world.ack()).toBeUndefined();
  world.kernel.observe = observe;
  await world.clock.run(10_000);
  await world.rest();
  expect(agent.unready()).toBeUndefined();
  expect(world.ack()?.state).toBe("Announced");
});

test("a Pod that appears after its binding is served as soon as its interface is there", async () => {
  const world = new World();
  world.kernel.hops.delete(POD);
  world.agent();
  world.write(binding(A));
  await world.rest();
  expect(world.ack()?.reason).toBe("PodNotOnNode");
  world.kernel.hops.set(POD, podHop("veth1", 11));
  await world.hears();
  expect(world.ack()?.state).toBe("Announced");
});

test("a binding that is deleted and made again is served, though its epochs start anew", async () => {
  const world = new World();
  world.agent();
  world.write(binding(A));
  await world.rest();
  world.write(takenBack(A));
  await world.rest();
  expect(world.ack()).toEqual(ack(ME, 1, "Released", ""));
  world.server.delete(RESOURCES.addressBindings, { name: A });
  world.write(binding(A));
  await world.rest();
  expect(world.ack()).toEqual(ack(ME, 1, "Announced", "uid-1"));
});

test("two addresses that still forward ask the API server now and then, not in turns", async () => {
  const world = new World();
  const { kube } = world.agent();
  for (const address of [A, B]) {
    world.write(binding(address));
    await world.rest();
    world.write(movedAway(address));
    world.otherSays(address, ack(OTHER, 2, "Programmed", "uid-2"));
    await world.rest();
    const { releasing: _done, ...spec } = movedAway(address).spec;
    world.write({ ...movedAway(address), spec });
    await world.rest();
  }
  kube.calls.length = 0;
  await world.clock.run(30_000);
  expect(kube.calls.length).toBeGreaterThan(4);
  expect(kube.calls.length).toBeLessThan(30);
});
