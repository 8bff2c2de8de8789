// How many passes a burst of moves makes, and that a single one waits for nothing.
import { Pace } from "../../controller-image/src/agent/pace";
import type { Kernel } from "../../controller-image/src/agent/kernel";
import { RESOURCES } from "../../lib/model/kubernetes";
import { VirtualClock } from "../support/virtual-clock";
import { ack, binding, ME, OTHER } from "./bindings";
import { A, B, POD, World } from "./world";

describe("pace", () => {
  test.each([
    ["nothing before", [], 0],
    ["the passes of a few moves", Array<number>(20).fill(20), 0],
    ["one pass that was long", [440], 80],
    ["many in a row", Array<number>(50).fill(20), 100],
  ])("after %s", (_case, passes, expected) => {
    const pace = new Pace(new VirtualClock());
    for (const ms of passes) pace.took(ms);
    expect(pace.waitMs()).toBe(expected);
  });

  test("what was spent is forgiven in twice the time", async () => {
    const clock = new VirtualClock();
    const pace = new Pace(clock);
    pace.took(460);
    await clock.run(80);
    expect(pace.waitMs()).toBe(40);
    await clock.run(40);
    expect(pace.waitMs()).toBe(0);
  });
});

/** Looks at the kernel take so long. */
function slowly(world: World, ms: number): void {
  const observe: Kernel["observe"] = world.kernel.observe.bind(world.kernel);
  world.kernel.observe = async (...args: Parameters<Kernel["observe"]>) => {
    await new Promise<void>((resolve) => world.clock.after(ms, resolve));
    return observe(...args);
  };
}

const addresses = Array.from({ length: 200 }, (_, index) => `203.0.113.${index + 1}`);

test("a burst of moves shares passes, and each of them is served", async () => {
  const world = new World();
  const agent = world.agent();
  await world.rest();
  slowly(world, 40);
  const before = agent.passes.length;
  for (const address of addresses) {
    world.write(binding(address));
    await world.clock.run(10);
  }
  await world.clock.run(500);
  for (const address of addresses) expect(world.ack(address)?.state).toBe("Announced");
  // In 2.5 s, half of which are theirs: with one pass for each event there would be as many as fit, sixty.
  expect(agent.passes.length - before).toBeLessThan(40);
  await agent.stop();
});

test("after a quiet time a move waits for no other pass", async () => {
  const world = new World();
  const agent = world.agent();
  await world.rest();
  slowly(world, 40);
  world.write(binding(A));
  await world.clock.run(45);
  expect(world.ack()?.state).toBe("Announced");
  await agent.stop();
});

describe("an agent's own word", () => {
  test("coming back, makes no pass", async () => {
    const world = new World();
    const agent = world.agent();
    await world.rest();
    world.write(binding(A));
    await world.rest();
    expect(world.ack()).toEqual(ack(ME, 1, "Announced", "uid-1"));
    const { length } = agent.passes;
    // Its own Pod is another one now: one pass, and none for the acknowledgement.
    world.write(binding(A, { epoch: 2, owner: { podName: "pod-1", podUid: "uid-9", podIp: POD } }));
    await world.rest();
    expect(world.ack()).toEqual(ack(ME, 2, "Announced", "uid-9"));
    expect(agent.passes.length - length).toBe(1);
    await agent.stop();
  });

  test("is corrected when somebody changes it, and another's is heard", async () => {
    const world = new World();
    const agent = world.agent();
    await world.rest();
    world.write(binding(A));
    await world.rest();
    const entry = ack(ME, 1, "Failed", "uid-1");
    const { apiVersion, kind } = binding(A);
    const object = { apiVersion, kind, metadata: { name: A }, status: { acks: [entry] } };
    world.server.apply(RESOURCES.addressBindings, object as never, `podpin-agent-${ME}`, "status");
    await world.rest();
    expect(world.ack()).toEqual(ack(ME, 1, "Announced", "uid-1"));
    const { length } = agent.passes;
    world.otherSays(A, ack(OTHER, 1, "Programmed", "uid-7"));
    await world.rest();
    expect(agent.passes.length).toBeGreaterThan(length);
    await agent.stop();
  });
});

test("old connections that the kernel is slow to forget hold up no other address", async () => {
  const world = new World();
  world.agent();
  await world.rest();
  world.kernel.forgetConnections = () => new Promise(() => undefined);
  world.write(binding(A));
  await world.rest();
  world.write(binding(B));
  await world.rest();
  expect(world.ack(B)?.state).toBe("Announced");
});
