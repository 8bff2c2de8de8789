// What a node asks of the API server and writes there beyond what its watches tell: no question and no write more than it takes.
import { ackWriter } from "../../controller-image/src/agent/acks";
import { evidence } from "../../controller-image/src/agent/evidence";
import { NO_FOOTPRINT } from "../../controller-image/src/agent/state";
import { KubeError } from "../../controller-image/src/kube/api";
import { ackOf, type AddressBinding, type BindingAck } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { MemoryKube } from "../support/memory-kube";
import { settle, VirtualClock } from "../support/virtual-clock";
import { ack, binding, ME, movedAway } from "./bindings";
import { A, World } from "./world";

/** A node that has let go of {@link A}, and how often it has asked since it began. */
async function letGo() {
  const world = new World();
  const { kube } = world.agent();
  world.write(binding(A));
  await world.rest();
  world.write(movedAway(A, { wait: false }));
  await world.clock.run(1_000);
  return { world, questions: (): number => kube.calls.filter(({ verb }) => verb === "get").length };
}

test("a move is told by the two watches of the node that had the address; it asks nothing meanwhile", async () => {
  const { world, questions } = await letGo();
  expect(world.ack()).toEqual(ack(ME, 1, "Released", ""));
  expect(questions()).toBe(0);
});

test("for what may still arrive it asks less often soon, and often enough for whoever deletes the route and waits for 10 s", async () => {
  const { world, questions } = await letGo();
  world.write(binding(A, { ...movedAway(A).spec, releasing: undefined }));
  const began = world.clock.now();
  const asked: number[] = [];
  for (let second = 0; second < 70; second++) {
    await world.clock.run(1_000);
    while (asked.length < questions()) asked.push(Math.round((world.clock.now() - began) / 1000));
  }
  expect(asked).toEqual([1, 6, 12, 20, 28, 36, 44, 52, 60]);
  expect(world.kernel.untouched).toBe(true);
});

describe("answers", () => {
  const made = { inquire: [A], outcomes: new Map([[A, { target: NO_FOOTPRINT, inquire: true }]]) };

  function asker() {
    const clock = new VirtualClock();
    const reads: string[] = [];
    const told = evidence({
      clock,
      log: () => undefined,
      read: (address) => {
        reads.push(address);
        return Promise.resolve(binding(address));
      },
      isCached: () => false,
      onAnswer: () => undefined,
      onFailure: () => undefined,
    });
    return { clock, reads, told };
  }

  test("an answer that came while a pass was under way is left for the next pass, not asked for again", async () => {
    const { clock, reads, told } = asker();
    const before = new Map(told.answers);
    told.ask(A);
    await clock.run(100);
    expect(told.inquire(made, before)).toBe(Infinity);
    await clock.run(5_000);
    expect([reads, [...told.answers.keys()]]).toEqual([[A], [A]]);
  });

  test("one that a pass was made with and that settled nothing is asked for again, half a second later", async () => {
    const { clock, reads, told } = asker();
    told.ask(A);
    await clock.run(100);
    const at = told.inquire(made, new Map(told.answers));
    expect([at, told.answers.size]).toEqual([clock.now() + 500, 0]);
    await clock.run(500);
    told.inquire(made, new Map());
    await clock.run(100);
    expect(reads).toEqual([A, A]);
  });

  test("whoever is stopped asks nothing any more", async () => {
    const { clock, reads, told } = asker();
    told.ask(A);
    told.stop();
    await clock.run(1_000);
    expect(reads).toEqual([]);
  });
});

describe("an acknowledgement", () => {
  const said = ack(ME, 1, "Programmed", "uid-of-pod") as BindingAck;

  async function written() {
    const world = new World();
    const kube = new MemoryKube(world.server, { clock: world.clock });
    const writer = ackWriter(kube, world.clock, () => undefined, ME);
    world.write(binding(A));
    const before = world.binding(A) as AddressBinding;
    writer.say(before, said);
    await settle();
    const after = world.binding(A) as AddressBinding;
    expect(writer.heard(after, ackOf(after, ME) as BindingAck)).toBe(true);
    const writes = (): number => kube.calls.filter(({ verb }) => verb === "apply").length;
    return { world, writer, before, after, writes };
  }

  test("is not written again by a pass that began before it came back", async () => {
    const { writer, before, writes } = await written();
    writer.say(before, said);
    await settle();
    expect(writes()).toBe(1);
  });

  test("is written again when somebody has taken it away since", async () => {
    const { world, writer, after, writes } = await written();
    const bare = { ...after, status: { acks: [] } };
    world.server.replace<AddressBinding>(RESOURCES.addressBindings, bare, "status");
    writer.say(world.binding(A) as AddressBinding, said);
    await settle();
    expect([writes(), world.ack()]).toEqual([2, said]);
  });

  test("is written again, five seconds later, to a server that has forgotten it and counts from further back", async () => {
    const { world, writer, before, writes } = await written();
    await world.clock.run(5_000);
    writer.say(before, said);
    await settle();
    expect(writes()).toBe(2);
  });

  test.each([
    { standing: "concerned", acks: [said], requests: 0 },
    { standing: "named", acks: [said], requests: 0 },
    { standing: "left", acks: [], requests: 1 },
    { standing: "gone", acks: [said], requests: 0 },
  ] as const)("that arrived after its binding was last read: $standing", async ({ standing, acks, requests }) => {
    const { world, writer, writes } = await written();
    for (let pass = 0; pass < 3; pass++) {
      writer.settle(() => standing);
      await settle();
    }
    expect([world.binding(A)?.status?.acks, writes() - 1]).toEqual([acks, requests]);
  });

  test.each([
    { concerned: [], acks: [] },
    { concerned: [A], acks: [said] },
  ])(
    "that is refused is tried on only for bindings that still concern the node: $concerned",
    async ({ concerned, acks }) => {
      const world = new World();
      const kube = new MemoryKube(world.server, { clock: world.clock });
      const writer = ackWriter(kube, world.clock, () => undefined, ME);
      world.write(binding(A));
      kube.fault = () => new KubeError(503, "ServiceUnavailable", "etcd is away");
      writer.say(world.binding(A) as AddressBinding, said);
      await settle();
      writer.settle((name) => (concerned.includes(name) ? "concerned" : "left"));
      kube.fault = undefined;
      await world.clock.run(60_000);
      expect(world.binding(A)?.status?.acks ?? []).toEqual(acks);
    },
  );
});
