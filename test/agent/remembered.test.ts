import type { Kernel, Wanted } from "../../controller-image/src/agent/kernel";
import type { KernelState } from "../../controller-image/src/agent/state";
import type { KernelChanges } from "../../controller-image/src/agent/plan";
import { ack, binding } from "./bindings";
import { MemoryKernel, podHop } from "./memory-kernel";
import { A, B, POD, World } from "./world";

/** A kernel of which the agent remembers what it saw until the test says that it has heard of a change. */
class Remembering extends MemoryKernel implements Kernel {
  looks = 0;
  known: KernelState | undefined;

  override apply(changes: KernelChanges): Promise<ReadonlyMap<string, string>> {
    this.known = undefined;
    return super.apply(changes);
  }

  override observe(ips: readonly string[], wanted?: Wanted): Promise<KernelState> {
    if (this.known !== undefined && wanted?.fresh !== true) {
      return Promise.resolve({
        ...this.known,
        hops: new Map([...this.state(ips).hops, ...this.known.hops]),
        remembered: true,
      });
    }
    this.looks++;
    this.known = this.state(ips);
    return Promise.resolve(this.known);
  }
}

function worldWith(kernel: Remembering): World {
  const world = new World();
  kernel.hops.set(POD, podHop("veth1", 11));
  return world;
}

/** An agent that has looked once and then serves {@link A}. */
async function serving() {
  const kernel = new Remembering();
  const world = worldWith(kernel);
  const agent = world.agent({ kernel });
  world.write(binding(A));
  await world.rest();
  expect(world.ack()).toEqual(ack("node-1", 1, "Announced", "uid-1"));
  kernel.known = kernel.state([POD]);
  kernel.looks = 0;
  return { world, kernel, agent };
}

/** What is said of {@link B}, each time with how often the kernel was looked at before. */
function saidOf(world: World, kernel: Remembering): unknown[] {
  const said: unknown[] = [];
  const from = kernel.looks;
  world.server.onCommit(() => {
    const state = world.ack(B)?.state;
    if (state !== undefined && said.length === 0) said.push([state, kernel.looks - from]);
  });
  return said;
}

test("an address is programmed on what is remembered, without another look", async () => {
  const { world, kernel, agent } = await serving();
  const looks = saidOf(world, kernel);
  world.write(binding(B));
  await world.rest();
  expect(looks).toEqual([["Announced", 0]]);
  expect(kernel.paths.get(B)).toEqual({ via: POD, dev: "veth1" });
  await agent.stop();
});

test("what the kernel refuses is planned again by what is there now, before anything is said", async () => {
  const { world, kernel, agent } = await serving();
  kernel.hops.set(POD, podHop("veth2", 12));
  kernel.refuse = (line) => (line.includes("dev veth1") ? "Cannot find device" : undefined);
  const looks = saidOf(world, kernel);
  world.write(binding(B));
  await world.rest();
  expect(looks).toEqual([["Announced", 1]]);
  expect(kernel.paths.get(B)).toEqual({ via: POD, dev: "veth2" });
  await agent.stop();
});

test("that an address cannot be served is never said by what is remembered", async () => {
  const { world, kernel, agent } = await serving();
  const other = "10.244.1.77";
  kernel.known = { ...kernel.known!, hops: new Map([...kernel.known!.hops, [other, "unreachable"]]) };
  kernel.hops.set(other, podHop("veth7", 17));
  const looks = saidOf(world, kernel);
  world.write(binding(B, { owner: { podName: "pod-7", podUid: "uid-7", podIp: other } }));
  await world.rest();
  expect(looks).toEqual([["Announced", 1]]);
  await agent.stop();
});

test("what fails is said, and once it is said passes need no look for it", async () => {
  const { world, kernel, agent } = await serving();
  world.write(binding(B, { owner: { podName: "pod-7", podUid: "uid-7", podIp: "10.244.1.77" } }));
  await world.rest();
  expect(world.ack(B)).toMatchObject({ state: "Failed", reason: "PodNotOnNode" });
  const from = kernel.looks;
  world.write(binding(A, { route: { namespace: "edge", name: "other", uid: "u" } }));
  await world.rest();
  expect(kernel.looks).toBe(from);
  await agent.stop();
});

test("connections of an address that moved in the first of two tries are forgotten, too", async () => {
  const { world, kernel, agent } = await serving();
  kernel.hops.set("10.244.1.12", podHop("veth3", 13));
  kernel.hops.set(POD, podHop("veth2", 12));
  kernel.refuse = (line) => (line.includes(B) && line.includes("dev veth1") ? "Cannot find device" : undefined);
  world.write(binding(B));
  world.write(binding(A, { epoch: 2, owner: { podName: "pod-2", podUid: "uid-2", podIp: "10.244.1.12" } }));
  await world.rest();
  expect(kernel.paths.get(A)).toEqual({ via: "10.244.1.12", dev: "veth3" });
  expect(kernel.forgotten).toContainEqual({ address: A, pod: POD, whose: "pod" });
  await agent.stop();
});

test("every 30 seconds nothing that was seen before counts, however often something else happens", async () => {
  const { world, kernel, agent } = await serving();
  for (let second = 0; second < 29; second++) {
    world.write(binding(A, { route: { namespace: "edge", name: `r${second}`, uid: "u" } }));
    await world.clock.run(1000);
  }
  expect(kernel.looks).toBe(0);
  await world.clock.run(1000);
  expect(kernel.looks).toBe(1);
  await agent.stop();
});
