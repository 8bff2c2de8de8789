// Which connections are forgotten when an address moves, and when: what a Pod has got it may still answer, but nothing more
// reaches it.
import { LATE_ANSWERS_MS, type Stale } from "../../controller-image/src/agent/forgetting";
import { ack, binding, ME, movedAway, OTHER } from "./bindings";
import { podHop } from "./memory-kernel";
import { A, B, POD, World } from "./world";

const NEXT = "10.244.1.12";
const next = { podName: "pod-2", podUid: "uid-2", podIp: NEXT };
const of = (pod: string, whose: string, address = A) => ({ address, pod, whose });

/** A node that has served {@link A} for a while, and {@link B}. */
async function serving({ zones = true } = {}) {
  const world = new World();
  world.kernel.hops.set(NEXT, podHop("veth2", 12));
  const node = () => ({ unfit: new Map(), addresses: new Set<string>(), fences: true, zones });
  const agent = world.agent({ node });
  world.write(binding(B));
  await world.rest();
  world.write(binding(A));
  await world.rest();
  await world.clock.run(LATE_ANSWERS_MS);
  world.kernel.forgotten.length = 0;
  /** What had been forgotten when each acknowledgement came. */
  const acked: unknown[] = [];
  let last: string | undefined;
  world.server.onCommit(() => {
    const { epoch = 0, state = "" } = world.ack() ?? {};
    if (`${state} ${epoch}` === last) return;
    last = `${state} ${epoch}`;
    acked.push([state, epoch, [...world.kernel.forgotten]]);
  });
  return { world, agent, acked };
}

test("the old Pod's own connections are gone before the new one is acknowledged, those of clients half a second later", async () => {
  const { world, agent, acked } = await serving();
  world.write(binding(A, { epoch: 2, owner: next }));
  await world.rest();
  expect(acked.at(-1)).toEqual(["Announced", 2, [of(POD, "pod")]]);
  await world.clock.run(LATE_ANSWERS_MS - 50);
  expect(world.kernel.forgotten).toEqual([of(POD, "pod")]);
  await world.clock.run(100);
  expect(world.kernel.forgotten).toEqual([of(POD, "pod"), of(POD, "clients")]);
  await agent.stop();
});

test("where connections have no zones all are gone before the new Pod is acknowledged", async () => {
  const { world, agent, acked } = await serving({ zones: false });
  world.write(binding(A, { epoch: 2, owner: next }));
  await world.rest();
  expect(acked.at(-1)).toEqual(["Announced", 2, [of(POD, "clients"), of(POD, "pod")]]);
  await agent.stop();
});

test("a Pod that gets the address back within that time keeps the connections that lead to it", async () => {
  const { world, agent } = await serving();
  world.write(binding(A, { epoch: 2, owner: next }));
  await world.rest();
  world.write(binding(A, { epoch: 3 }));
  await world.rest();
  await world.clock.run(2 * LATE_ANSWERS_MS);
  expect(world.ack()).toEqual(ack(ME, 3, "Announced", "uid-1"));
  expect(world.kernel.forgotten).not.toContainEqual(of(POD, "clients"));
  expect(world.kernel.forgotten).toContainEqual(of(NEXT, "clients"));
  await agent.stop();
});

test("an address that was not translated here has nothing to be forgotten", async () => {
  const { world, agent } = await serving();
  world.write(binding("198.51.100.9"));
  await world.rest();
  await world.clock.run(2 * LATE_ANSWERS_MS);
  expect(world.kernel.forgotten).toEqual([]);
  await agent.stop();
});

test("a node that sends on what arrives says at once that it has let go, and lets its Pod answer, too", async () => {
  const { world, agent } = await serving();
  const forget = world.kernel.forgetConnections.bind(world.kernel);
  let free = (): void => undefined;
  const busy = new Promise<void>((resolve) => (free = resolve));
  world.kernel.forgetConnections = (stale) => busy.then(() => forget(stale));
  world.write(movedAway(A));
  world.otherSays(A, { nodeName: OTHER, epoch: 2, podUid: "uid-2", state: "Programmed" });
  await world.rest();
  expect(world.ack()).toEqual(ack(ME, 1, "Released", ""));
  expect(world.kernel.forgotten).toEqual([]);
  free();
  await world.rest();
  expect(world.kernel.forgotten).toEqual([of(POD, "pod")]);
  await world.clock.run(LATE_ANSWERS_MS + 50);
  expect(world.kernel.forgotten).toContainEqual(of(POD, "clients"));
  await agent.stop();
});

test("an agent that stops leaves nothing for later", async () => {
  const { world, agent } = await serving();
  world.write(binding(A, { epoch: 2, owner: next }));
  await world.rest();
  await agent.stop();
  expect(world.kernel.forgotten).toContainEqual(of(POD, "clients"));
});

test("a table that is made anew starts without what was known before", async () => {
  const { world, agent, acked } = await serving();
  world.kernel.table = undefined;
  world.write(binding(A, { epoch: 2, owner: next }));
  await world.rest();
  expect(acked.at(-1)).toMatchObject(["Announced", 2, expect.anything()]);
  expect(world.kernel.forgotten).toContainEqual({ address: A, whose: "clients" });
  expect(world.kernel.state().nft.zoneOf.get(A)).toBe(268);
  await agent.stop();
});

/** What is under way takes its time, in virtual time. */
async function stopped(world: World, agent: { stop(): Promise<void> }): Promise<void> {
  const end = agent.stop();
  await world.clock.run(30_000);
  await end;
}

describe("conntrack that hangs", () => {
  const C = "198.51.100.10";
  const WHY = "conntrack -D: no answer within 10000 ms";

  /** Moves {@link A} to another Pod of the node while conntrack does not answer. */
  async function hanging() {
    const { world, agent, acked } = await serving();
    const answer = world.kernel.forgetConnections.bind(world.kernel);
    const asked: (readonly Stale[])[] = [];
    world.kernel.forgetConnections = async (stale) => {
      asked.push(stale);
      await new Promise<void>((resolve) => world.clock.after(10_000, resolve));
      return { refused: new Map(stale.map(({ address }) => [address, WHY])), noAnswer: WHY };
    };
    world.write(binding(A, { epoch: 2, owner: next }));
    await world.rest();
    const heal = (): void => void (world.kernel.forgetConnections = answer);
    return { world, agent, acked, asked, heal };
  }

  test("holds up no other address for more than a second, and none of the passes after it", async () => {
    const { world, agent } = await hanging();
    await world.clock.run(1_100);
    expect(world.ack()).toEqual(ack(ME, 1, "Announced", "uid-1"));
    for (let minute = 0; minute < 3; minute++) {
      for (const address of [C, `198.51.100.${20 + minute}`]) {
        world.write(binding(address, { epoch: 1 + minute }));
        await world.clock.run(150);
        expect(world.ack(address)).toEqual(ack(ME, 1 + minute, "Announced", "uid-1"));
      }
      await world.clock.run(60_000);
    }
    await stopped(world, agent);
  });

  test("leaves unsaid that old connections are gone, says why, and is tried ever more rarely, with one question", async () => {
    const { world, agent, asked } = await hanging();
    await world.clock.run(11_000);
    expect(world.ack()).toEqual({ ...ack(ME, 2, "Failed", "uid-2"), reason: "KernelRefused", message: WHY });
    expect(agent.unanswered()).toBe(WHY);
    asked.length = 0;
    await world.clock.run(600_000);
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.length).toBeLessThan(20);
    expect(asked.every((stale) => stale.length === 1)).toBe(true);
    await stopped(world, agent);
  });

  test("and answers again: what is promised is done, and said, without anything else happening", async () => {
    const { world, agent, heal } = await hanging();
    await world.clock.run(300_000);
    heal();
    await world.clock.runUntil(() => world.ack()?.state === "Announced");
    expect(world.ack()).toEqual(ack(ME, 2, "Announced", "uid-2"));
    expect(world.kernel.forgotten).toContainEqual(of(POD, "pod"));
    expect(agent.unanswered()).toBeUndefined();
    await world.clock.run(LATE_ANSWERS_MS);
    expect(world.kernel.forgotten).toContainEqual(of(POD, "clients"));
    await stopped(world, agent);
  });

  test("or only takes long: the acknowledgement waits for it, others do not", async () => {
    const { world, agent, acked } = await serving();
    const answer = world.kernel.forgetConnections.bind(world.kernel);
    world.kernel.forgetConnections = async (stale) => {
      await new Promise<void>((resolve) => world.clock.after(5_000, resolve));
      return answer(stale);
    };
    world.write(binding(A, { epoch: 2, owner: next }));
    world.write(binding(C));
    await world.clock.run(1_100);
    expect(world.ack(C)?.state).toBe("Announced");
    expect(world.ack()?.epoch).toBe(1);
    await world.clock.run(4_500);
    expect(acked.at(-1)).toEqual(["Announced", 2, [of(POD, "pod")]]);
    await stopped(world, agent);
  });

  test("keeps the Pod's connections stale where they became so once more while it was asked about them", async () => {
    const { world, agent } = await serving();
    const answers: (() => void)[] = [];
    const answer = world.kernel.forgetConnections.bind(world.kernel);
    world.kernel.forgetConnections = async (stale) => {
      await new Promise<void>((resolve) => answers.push(resolve));
      return answer(stale);
    };
    for (const [epoch, owner] of [
      [2, next],
      [3, undefined],
      [4, next],
    ] as const) {
      world.write(binding(A, { epoch, ...(owner && { owner }) }));
      await world.clock.run(2_000);
    }
    expect(world.ack()?.epoch).toBe(1);
    const pods = (): number => world.kernel.forgotten.filter(({ pod, whose }) => pod === POD && whose === "pod").length;
    while (world.ack()?.epoch !== 4) {
      answers.splice(0).forEach((resolve) => resolve());
      await world.clock.run(100);
    }
    expect(pods()).toBe(2);
    await stopped(world, agent);
  });
});
