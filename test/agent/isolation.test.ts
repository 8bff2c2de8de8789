import { KubeError } from "../../controller-image/src/kube/api";
import type { Delivery } from "../support/memory-kube";
import { ack, binding, ME, movedAway, OTHER, OTHER_IP } from "./bindings";
import { IsolationSwitch } from "./isolation-switch";
import { MAC, UPLINK } from "./memory-kernel";
import { A, B, POD, World } from "./world";

/** A node that serves {@link A} and hears somebody. */
async function serving({ delivery = "auto" as Delivery } = {}) {
  const world = new World();
  const isolation = new IsolationSwitch();
  const agent = world.agent({ isolation, delivery });
  world.write(binding(A));
  agent.kube.deliver();
  await world.rest();
  expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
  return { world, isolation, agent };
}

/** It hears somebody again, for long enough to be told of what was decided while it was taken for lost. */
async function comesBack(world: World, isolation: IsolationSwitch): Promise<void> {
  isolation.turn(false);
  await world.clock.run(300);
  await world.rest();
}

const spoken = (world: World, from: number): string[] =>
  world.announcer.said.slice(from).filter((line) => line.includes(" at "));

test("a node that hears nobody neither answers nor announces, and still delivers what reaches it", async () => {
  const { world, isolation, agent } = await serving();
  agent.kube.connected = false;
  isolation.turn(true);
  // Repeats end at once, before any look at the kernel.
  expect(world.announcer.said.at(-1)).toBe(`${A} no more`);
  await world.rest();
  expect(world.kernel.proxies.size).toBe(0);
  expect(world.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth1" });
  expect(world.kernel.state().nft.podOf.get(A)).toBe(POD);
});

test("while it is silent it says that it is not announced", async () => {
  const { world, isolation } = await serving();
  isolation.turn(true);
  await world.rest();
  expect(world.ack()).toEqual(ack("node-1", 1, "Programmed", "uid-1"));
  await comesBack(world, isolation);
  expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
});

test("what is given to another node just as it comes back it does not speak for", async () => {
  const { world, isolation, agent } = await serving({ delivery: "manual" });
  isolation.turn(true);
  await world.rest();
  const from = world.announcer.said.length;
  isolation.turn(false);
  await world.clock.run(200);
  await world.rest();
  world.write(movedAway(A, { releasing: undefined }));
  await world.clock.run(60_000);
  await world.rest();
  expect([world.kernel.proxies.size, spoken(world, from)]).toEqual([0, []]);
  agent.kube.deliver();
});

test("when it hears somebody again it reads each binding anew before it speaks", async () => {
  const { world, isolation, agent } = await serving();
  isolation.turn(true);
  await world.rest();
  agent.kube.fault = ({ verb }) => (verb === "get" ? new KubeError(0, "Unreachable", "no route to host") : undefined);
  const from = world.announcer.said.length;
  isolation.turn(false);
  await world.clock.run(60_000);
  await world.rest();
  expect([world.kernel.proxies.size, spoken(world, from)]).toEqual([0, []]);
  agent.kube.fault = undefined;
  await world.clock.run(6_000);
  await world.rest();
  expect(world.kernel.proxies.get(A)).toBe("ours");
  expect(spoken(world, from)).toEqual([`${A} at ${MAC}`]);
});

test("a node that comes back with a lower epoch stays silent and cleans up, though its cache still names it", async () => {
  // Requests get through before the watch does.
  const { world, isolation, agent } = await serving({ delivery: "manual" });
  agent.kube.connected = false;
  isolation.turn(true);
  await world.rest();
  world.write(movedAway(A, { releasing: undefined }));
  const from = world.announcer.said.length;
  agent.kube.connected = true;
  await comesBack(world, isolation);
  expect(spoken(world, from)).toEqual([]);
  expect(world.kernel.untouched).toBe(true);
  agent.kube.deliver();
  await world.clock.run(60_000);
  await world.rest();
  expect(spoken(world, from)).toEqual([]);
  expect(world.kernel.untouched).toBe(true);
});

test("a node that was given the address again in the meantime speaks on the API server's word, before its cache knows", async () => {
  const { world, isolation, agent } = await serving({ delivery: "manual" });
  agent.kube.connected = false;
  isolation.turn(true);
  await world.rest();
  world.write(binding(A, { epoch: 3 }));
  agent.kube.connected = true;
  await comesBack(world, isolation);
  expect(world.ack()).toEqual(ack("node-1", 3, "Announced", "uid-1"));
  expect(world.kernel.proxies.get(A)).toBe("ours");
  agent.kube.deliver();
  await world.clock.run(60_000);
  await world.rest();
  expect(world.ack()).toEqual(ack("node-1", 3, "Announced", "uid-1"));
});

test("what the caches first say after it was isolated is doubted as well", async () => {
  const { world, isolation, agent } = await serving();
  isolation.turn(true);
  await world.rest();
  isolation.turn(false);
  await world.rest();
  agent.kube.fault = ({ verb, ref }) =>
    verb === "get" && ref.name === B ? new KubeError(503, "ServiceUnavailable", "not now") : undefined;
  world.write(binding(B, { owner: { podName: "pod-1", podUid: "uid-1", podIp: POD } }));
  await world.rest();
  expect(world.ack(B)?.state).toBe("Programmed");
  expect(world.kernel.proxies.has(B)).toBe(false);
  agent.kube.fault = undefined;
  await world.clock.run(6_000);
  await world.rest();
  expect(world.ack(B)?.state).toBe("Announced");
});

test("a hand-over to another node goes on while it is isolated", async () => {
  const { world, isolation } = await serving();
  isolation.turn(true);
  await world.rest();
  world.write(movedAway(A));
  world.otherSays(A, ack(OTHER, 2, "Programmed", "uid-2"));
  await world.rest();
  expect(world.kernel.paths.get(A)).toEqual({ via: OTHER_IP, dev: UPLINK });
  expect(world.ack()).toEqual(ack("node-1", 1, "Released", ""));
});

test("an agent that starts on an isolated node silences what an earlier life left, though it can read nothing", async () => {
  const { world, isolation, agent } = await serving();
  await agent.stop();
  expect(isolation.listeners).toBe(0);
  isolation.turn(true);
  world.agent({ isolation, delivery: "manual" });
  await world.rest();
  expect(world.kernel.proxies.size).toBe(0);
  expect(world.kernel.paths.size).toBe(1);
});

test("isolated again before the answer has come, the answer counts for nothing", async () => {
  const { world, isolation, agent } = await serving();
  isolation.turn(true);
  await world.rest();
  const answers: (() => void)[] = [];
  const { get } = agent.kube;
  agent.kube.get = async (...args) => {
    const found = await get.apply(agent.kube, args);
    await new Promise<void>((resolve) => answers.push(resolve));
    return found as never;
  };
  await comesBack(world, isolation);
  isolation.turn(true);
  await world.rest();
  await comesBack(world, isolation);
  const from = world.announcer.said.length;
  answers[0]?.();
  await world.rest();
  expect([world.kernel.proxies.size, spoken(world, from)]).toEqual([0, []]);
  answers[1]?.();
  await world.rest();
  expect(spoken(world, from)).toEqual([`${A} at ${MAC}`]);
});

test("what becomes certain while the kernel is looked at may be that the address is gone: nothing is said from the older word", async () => {
  const { world, isolation, agent } = await serving({ delivery: "manual" });
  isolation.turn(true);
  await world.rest();
  agent.kube.fault = ({ verb }) => (verb === "get" ? new KubeError(0, "Unreachable", "no route to host") : undefined);
  isolation.turn(false);
  await world.rest();
  world.write(movedAway(A, { releasing: undefined }));
  const from = world.announcer.said.length;
  const { observe } = world.kernel;
  world.kernel.observe = async (ips) => {
    const seen = await observe.call(world.kernel, ips);
    world.kernel.observe = observe;
    // The cache hears that it is another node's.
    agent.kube.deliver();
    return seen;
  };
  agent.poke();
  await world.rest();
  expect([world.kernel.proxies.size, spoken(world, from)]).toEqual([0, []]);
});

describe("an address of which the controller says that it has moved", () => {
  test("is not spoken for while the API server cannot be asked, nor by what the cache says; it is still delivered here", async () => {
    const { world, isolation, agent } = await serving();
    world.write(binding(B, { owner: { podName: "pod-1", podUid: "uid-1", podIp: POD } }));
    await world.rest();
    agent.kube.connected = false;
    const from = world.announcer.said.length;
    for (let n = 0; n < 20; n++) {
      isolation.moved(A, "198.51.100.99");
      await world.clock.run(40);
    }
    await world.clock.run(60_000);
    await world.rest();
    expect(world.announcer.said.slice(from)).toContain(`${A} no more`);
    expect([...world.kernel.proxies.keys()]).toEqual([B]);
    expect(world.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth1" });
    expect(spoken(world, from)).not.toContain(`${A} at ${MAC}`);
  });

  test("is let go of as soon as the API server can be asked", async () => {
    const { world, isolation, agent } = await serving({ delivery: "manual" });
    agent.kube.connected = false;
    world.write(movedAway(A, { releasing: undefined }));
    isolation.moved(A);
    await world.rest();
    expect(world.kernel.proxies.size).toBe(0);
    agent.kube.connected = true;
    await world.clock.run(6_000);
    await world.rest();
    expect(world.kernel.untouched).toBe(true);
  });

  test("and that the node had only while it heard of nothing is not spoken for by the word of then", async () => {
    const { world, isolation, agent } = await serving({ delivery: "manual" });
    agent.kube.deliver();
    world.write(binding(B, { owner: { podName: "pod-1", podUid: "uid-1", podIp: POD } }));
    world.write(movedAway(B, { releasing: undefined }));
    const from = world.announcer.said.length;
    isolation.moved(B);
    await world.rest();
    agent.kube.deliver(1);
    await world.rest();
    await world.clock.run(1_000);
    await world.rest();
    expect(spoken(world, from)).toEqual([]);
    expect([...world.kernel.proxies.keys()]).toEqual([A]);
  });

  test("is spoken for again when the API server says that it is this node's", async () => {
    const { world, isolation, agent } = await serving();
    const asked = (): number => agent.kube.calls.filter(({ verb }) => verb === "get").length;
    const before = asked();
    isolation.moved(A);
    expect(world.announcer.said.at(-1)).toBe(`${A} no more`);
    await world.clock.run(10);
    await world.rest();
    expect(world.kernel.proxies.get(A)).toBe("ours");
    expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
    isolation.moved(A);
    await world.clock.run(10);
    expect([asked() - before, world.kernel.proxies.get(A)]).toEqual([1, "ours"]);
  });

  test("is spoken for without another question when it comes back after the API server was asked", async () => {
    const { world, isolation, agent } = await serving();
    const asked = (): number => agent.kube.calls.filter(({ verb }) => verb === "get").length;
    world.write(movedAway(A, { releasing: undefined }));
    await world.rest();
    isolation.moved(A);
    await world.clock.run(1_000);
    await world.rest();
    expect(world.kernel.proxies.size).toBe(0);
    const before = asked();
    world.write(binding(A, { epoch: 3 }));
    await world.rest();
    expect([asked() - before, world.kernel.proxies.get(A)]).toEqual([0, "ours"]);
    expect(world.ack()).toEqual(ack("node-1", 3, "Announced", "uid-1"));
  });

  test.each(["remembers it", "never heard of it"])(
    "and whose binding shows an entry that an earlier life of the agent wrote late: the entry goes, by an agent that %s",
    async (knows) => {
      const { world, isolation, agent } = await serving();
      world.write(movedAway(A));
      world.otherSays(A, ack(OTHER, 2, "Programmed", "uid-2"));
      await world.rest();
      world.write(movedAway(A, { releasing: undefined }));
      await world.clock.run(70_000);
      await world.rest();
      expect([world.ack(), world.kernel.untouched]).toEqual([undefined, true]);
      const next = knows === "remembers it" ? agent : world.agent({ isolation });
      if (next !== agent) await agent.stop();
      await world.rest();
      world.says(A, ack(ME, 1, "Announced", "uid-1"));
      const asked = (): number => next.kube.calls.filter(({ verb }) => verb === "get").length;
      const before = asked();
      for (let n = 0; n < 20; n++) {
        isolation.moved(A);
        await world.clock.run(40);
      }
      expect(world.binding(A)?.status?.acks).toEqual([ack(OTHER, 2, "Programmed", "uid-2")]);
      expect(asked() - before).toBeLessThanOrEqual(2);
    },
  );

  describe("to an agent that was started anew and can read nothing", () => {
    /** What an earlier life left is in the kernel. */
    async function blind() {
      const { world, isolation, agent } = await serving({ delivery: "manual" });
      world.write(binding(B, { owner: { podName: "pod-1", podUid: "uid-1", podIp: POD } }));
      agent.kube.deliver();
      await world.rest();
      await agent.stop();
      const next = world.agent({ isolation, delivery: "manual" });
      next.kube.connected = false;
      await world.rest();
      expect([...world.kernel.proxies.keys()]).toEqual([A, B]);
      return { world, isolation, agent: next };
    }

    test("is not spoken for, though neither caches nor memory know it; all else stays", async () => {
      const { world, isolation, agent } = await blind();
      const { paths } = world.kernel;
      isolation.moved(A, "198.51.100.99");
      await world.rest();
      expect([...world.kernel.proxies.keys()]).toEqual([B]);
      for (const address of [A, B]) expect(paths.get(address)).toEqual({ via: POD, dev: "veth1" });
      expect(agent.unready()).toContain("the bindings have not been read yet");
      // Nobody has said anything else.
      isolation.moved(A);
      await world.clock.run(120_000);
      await world.rest();
      expect([...world.kernel.proxies.keys()]).toEqual([B]);
      expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
    });

    test("is let go of when the API server can be read again", async () => {
      const { world, isolation, agent } = await blind();
      isolation.moved(A);
      await world.rest();
      world.write(movedAway(A, { releasing: undefined }));
      const from = world.announcer.said.length;
      agent.kube.connected = true;
      for (let n = 0; n < 10; n++) {
        agent.kube.deliver();
        await world.clock.run(1_000);
        await world.rest();
      }
      expect(world.kernel.paths.has(A)).toBe(false);
      expect([...world.kernel.proxies.keys()]).toEqual([B]);
      expect(spoken(world, from)).not.toContain(`${A} at ${MAC}`);
    });

    test("is spoken for again when the API server says that it is this node's", async () => {
      const { world, isolation, agent } = await blind();
      isolation.moved(A);
      await world.rest();
      agent.kube.connected = true;
      for (let n = 0; n < 10; n++) {
        agent.kube.deliver();
        await world.clock.run(1_000);
        await world.rest();
      }
      expect([...world.kernel.proxies.keys()].sort()).toEqual([A, B]);
      expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
    });
  });
});
