// Who leads, and when nobody does: on the in-memory API server, in virtual time.
import { Election, ELECTION_TIMES, type ElectionOptions, type Lease } from "../../controller-image/src/kube/election";
import { KubeError, type Clock } from "../../controller-image/src/kube/api";
import { RESOURCES } from "../../lib/model/kubernetes";
import { MemoryKube, MemoryServer, type Fault } from "../support/memory-kube";
import { StoppableProcess } from "../support/stoppable-process";
import { VirtualClock } from "../support/virtual-clock";

const { leases } = RESOURCES;
const LEASE = { namespace: "podpin-system", name: "podpin-controller" };

class Replica {
  readonly process: StoppableProcess;
  readonly kube: MemoryKube;
  readonly election: Election;
  readonly history: string[] = [];

  constructor(
    readonly time: VirtualClock,
    server: MemoryServer,
    readonly identity: string,
    options: Partial<ElectionOptions> & {
      readonly delayMs?: () => number;
      readonly fault?: () => Fault | undefined;
    } = {},
  ) {
    const { delayMs = () => 1, fault, ...more } = options;
    this.process = new StoppableProcess(time);
    this.kube = new MemoryKube(server, { clock: time, fault });
    const tell = (what: string): void => void this.history.push(`${what} at ${Math.round(time.now())}`);
    this.election = new Election({
      leases: this.process.kube(this.kube, delayMs),
      clock: this.process.clock,
      log: () => undefined,
      lease: LEASE,
      identity,
      onStarted: () => tell("leads"),
      onStopped: () => tell("stops"),
      ...more,
    });
  }

  get leads(): boolean {
    return this.election.isLeading();
  }
}

function world() {
  const time = new VirtualClock();
  const server = new MemoryServer({ clock: time });
  const replica = (identity: string, options?: ConstructorParameters<typeof Replica>[3]): Replica =>
    new Replica(time, server, identity, options);
  const lease = (): Lease["spec"] => server.get<Lease>(leases, LEASE)?.spec;
  return { time, server, replica, lease };
}

type Scene = ReturnType<typeof world>;

describe("one replica", () => {
  test("leads as soon as the API server has answered twice, when there is no Lease", async () => {
    const { time, replica, lease } = world();
    const only = replica("a");
    expect(only.election.problem).toBe("the Lease has not been read yet");
    await time.run(10);
    expect([only.leads, only.history, only.election.problem]).toEqual([true, ["leads at 4"], undefined]);
    expect(lease()).toMatchObject({ holderIdentity: "a", leaseDurationSeconds: 3, leaseTransitions: 0 });
    expect(lease()?.renewTime).toBe("2026-01-01T00:00:00.002000Z");
  });

  test("writes the Lease about once a second, and reads it no more", async () => {
    const { time, replica } = world();
    const only = replica("a");
    await time.run(100);
    only.kube.calls.length = 0;
    await time.run(60_000);
    expect(only.kube.calls.length - only.kube.writes.length).toBe(0);
    expect(only.kube.writes.length).toBeGreaterThanOrEqual(59);
    expect(only.kube.writes.length).toBeLessThanOrEqual(67);
    expect(only.history).toEqual(["leads at 4"]);
  });

  test("keeps who else has written into the Lease", async () => {
    const { time, server, replica } = world();
    server.create(leases, { metadata: { ...LEASE, labels: { team: "edge" } }, spec: {} } as Lease);
    replica("a");
    await time.run(5_000);
    expect(server.get(leases, LEASE)).toMatchObject({ metadata: { labels: { team: "edge" } } });
  });

  test.each([
    ["an answer that never comes", 1, "answer-lost"],
    ["a request that never arrives", 1, "request-lost"],
    ["a refusal", 1, new KubeError(500, "InternalError", "etcd leader changed")],
  ] as const)("goes on leading through %s", async (_what, count, fault) => {
    const { time, replica } = world();
    const only = replica("a");
    await time.run(1_500);
    let left: number = count;
    only.kube.fault = () => (left-- > 0 ? fault : undefined);
    await time.run(10_000);
    expect(only.history).toEqual(["leads at 4"]);
  });

  test("goes on leading through one answer that takes two seconds", async () => {
    const { time, replica } = world();
    let delays: number[] = [];
    const only = replica("a", { delayMs: () => delays.shift() ?? 1 });
    await time.run(5_000);
    delays = [1, 2_000];
    await time.run(10_000);
    expect([delays, only.history]).toEqual([[], ["leads at 4"]]);
  });

  test("goes on leading while every answer takes 0.6 seconds", async () => {
    const { time, replica } = world();
    const only = replica("a", { delayMs: () => 300 });
    await time.run(60_000);
    expect(only.history).toEqual(["leads at 1200"]);
  });

  test("looks at once when somebody else has written into the Lease, and goes on", async () => {
    const { time, server, replica } = world();
    const only = replica("a");
    await time.run(1_500);
    server.mergePatch(leases, LEASE, { metadata: { labels: { team: "edge" } } });
    only.kube.calls.length = 0;
    await time.runUntil(() => only.kube.calls.length > 0);
    await time.run(10);
    expect(only.kube.calls.map(({ verb }) => verb)).toEqual(["replace", "get", "replace"]);
    expect(only.history).toEqual(["leads at 4"]);
  });

  test("stops leading two seconds after its last renewal when the API server is down, says why, and leads again after", async () => {
    const { time, replica, lease } = world();
    const only = replica("a");
    await time.run(100);
    only.kube.connected = false;
    await time.run(2_100);
    expect(only.leads).toBe(false);
    expect(only.history).toEqual(["leads at 4", "stops at 2002"]);
    expect(only.election.problem).toBe("the Lease cannot be read or written: the API server cannot be reached");
    await time.run(60_000);
    only.kube.connected = true;
    await time.run(700);
    expect([only.leads, only.election.problem, lease()?.leaseTransitions]).toEqual([true, undefined, 0]);
  });

  test("logs a failure that goes on twice a minute, not twice a second", async () => {
    const { time, server, replica } = world();
    const lines: string[] = [];
    server.create(leases, { metadata: LEASE, spec: {} } as Lease);
    const fault = (): Fault => new KubeError(403, "Forbidden", "not allowed");
    replica("a", { fault, log: (level, text) => lines.push(`${level} ${text}`) });
    await time.run(60_000);
    expect(lines).toEqual([
      "warn the Lease could not be read or written",
      "warn the Lease could not be read or written",
    ]);
  });
});

describe("two replicas", () => {
  test("the second takes over within four seconds when the first one crashes", async () => {
    for (let crashAt = 5_000; crashAt < 6_200; crashAt += 100) {
      const { time, replica, lease } = world();
      const first = replica("a");
      await time.run(50);
      const second = replica("b");
      await time.run(crashAt - 50);
      first.process.stop();
      const crashed = time.now();
      await time.runUntil(() => second.leads);
      expect(time.now() - crashed).toBeLessThanOrEqual(4_000);
      expect(time.now() - crashed).toBeGreaterThan(1_900);
      expect(lease()).toMatchObject({ holderIdentity: "b", leaseTransitions: 1 });
    }
  });

  test("the second takes over at its next look when the first one stops, which waits for its work first", async () => {
    const { time, replica, lease } = world();
    const first = replica("a");
    await time.run(50);
    const second = replica("b");
    await time.run(5_000);
    let drained = (): void => undefined;
    const stopped = first.election.stop(() => new Promise((resolve) => (drained = resolve)));
    expect(first.leads).toBe(false);
    await time.run(200);
    expect(lease()?.holderIdentity).toBe("a");
    drained();
    const at = time.now();
    await time.runUntil(() => second.leads);
    await stopped;
    expect(time.now() - at).toBeLessThanOrEqual(620);
    await time.run(10_000);
    expect([first.history.length, second.history.length]).toEqual([2, 1]);
  });

  test("a replica that stops while its last answer is on the way gives the Lease back all the same", async () => {
    const { time, replica, lease } = world();
    let delay = 1;
    const only = replica("a", { delayMs: () => delay });
    await time.run(100);
    delay = 300;
    await time.run(1_100);
    const stopped = only.election.stop();
    await time.run(3_000);
    await stopped;
    expect([lease()?.holderIdentity, only.history.length, only.leads]).toEqual(["", 2, false]);
  });

  test("one that never had the Lease writes nothing when it stops", async () => {
    const { time, replica } = world();
    replica("a");
    await time.run(50);
    const second = replica("b");
    await time.run(2_000);
    await second.election.stop();
    expect(second.kube.writes).toEqual([]);
  });

  test("a process that was stopped finds that it leads no more before it does anything else", async () => {
    const { time, replica } = world();
    const first = replica("a");
    await time.run(50);
    const second = replica("b");
    await time.run(3_000);
    first.process.stop();
    await time.runUntil(() => second.leads);
    expect(first.leads).toBe(false);
    expect(first.history).toHaveLength(2);
    first.process.resume();
    await time.run(10_000);
    expect([first.leads, second.leads, first.history.length, second.history.length]).toEqual([false, true, 2, 1]);
  });

  test.each([
    { says: "itself", holder: "first", confirmed: true, leads: true },
    { says: "another", holder: "second", confirmed: false, leads: false },
    { says: "nobody", holder: "", confirmed: false, leads: true },
  ])("a Lease that one who leads has just read says $says", async ({ holder, confirmed, leads: goesOn }) => {
    const { time, server, replica } = world();
    const first = replica("first");
    await time.run(1_000);
    const lease = server.get<Lease>(leases, LEASE)!;
    expect(first.election.confirm({ ...lease, spec: { ...lease.spec, holderIdentity: holder } })).toBe(confirmed);
    expect([first.leads, first.history.length]).toEqual([goesOn, goesOn ? 1 : 2]);
    const stopped = first.election.stop();
    await time.run(1_000);
    await stopped;
    expect(first.election.confirm(lease)).toBe(false);
  });

  test("a Lease that somebody deletes still protects whom the other saw hold it", async () => {
    const { time, server, replica } = world();
    const first = replica("a");
    await time.run(50);
    const second = replica("b");
    await time.run(3_000);
    server.remove(leases, LEASE);
    await time.run(5_000);
    expect([first.leads, second.leads, second.history]).toEqual([true, false, []]);
  });

  test("a Lease of another version of podpin is left alone for as long as that version asks", async () => {
    const { time, server, replica } = world();
    const spec = { holderIdentity: "old", leaseDurationSeconds: 15 };
    server.create(leases, { metadata: LEASE, spec } as Lease);
    const next = replica("b");
    await time.run(14_000);
    expect(next.leads).toBe(false);
    await time.run(1_100);
    expect(next.leads).toBe(true);
  });

  test.each<[string, NonNullable<Lease["spec"]>]>([
    ["lasts for 68 years", { holderIdentity: "dead", leaseDurationSeconds: 2 ** 31 - 1 }],
    ["was renewed in the far future", { holderIdentity: "dead", renewTime: "2999-01-01T00:00:00.000000Z" }],
    [
      "has changed hands as often as the API server can count",
      { holderIdentity: "dead", leaseTransitions: 2 ** 31 - 1 },
    ],
  ])(
    "a Lease that somebody edited for a holder that is gone, and that %s, is taken within a minute",
    async (_what, spec) => {
      const { time, server, replica, lease } = world();
      server.create(leases, { metadata: LEASE, spec } as Lease);
      const next = replica("b");
      await time.run(60_100);
      expect([next.leads, lease()?.holderIdentity]).toEqual([true, "b"]);
      expect(lease()?.leaseTransitions).toBeLessThan(2 ** 31);
    },
  );

  test.each<[string, boolean, (scene: Scene, first: Replica) => void]>([
    ["has crashed", false, (_scene, first) => first.process.stop()],
    ["has given the Lease back", false, (_scene, first) => void first.election.stop()],
    [
      "has crashed, and the Lease was deleted",
      false,
      ({ server }, first) => {
        first.process.stop();
        server.delete(leases, LEASE);
      },
    ],
    [
      "works on, and somebody emptied the Lease",
      true,
      ({ server }) => {
        server.mergePatch(leases, LEASE, { spec: { holderIdentity: null } });
      },
    ],
    ["works on, and is taken for gone", true, () => undefined],
  ])("the second knows whether the first may still act when it %s", async (what, mayAct, happen) => {
    const scene = world();
    const { time, replica } = scene;
    const beside: number[] = [];
    const first = replica("a");
    await time.run(50);
    const isGone = (): boolean => what.endsWith("gone") && time.now() > 5_000;
    const second = replica("b", { isGone, onStarted: (ms) => beside.push(ms) });
    await time.run(4_950);
    happen(scene, first);
    await time.runUntil(() => second.leads);
    expect(beside).toEqual([mayAct ? ELECTION_TIMES.leaseMs : 0]);
    await time.run(beside[0]!);
    expect(first.leads).toBe(false);
  });

  test("wall clocks that are hours apart change nothing", async () => {
    const { time, replica } = world();
    const skewed = (hours: number, clock: Clock): Clock => ({
      now: () => clock.now(),
      random: () => clock.random(),
      after: (ms, callback) => clock.after(ms, callback),
      wallTime: () => clock.wallTime() + hours * 3_600_000,
    });
    const first = replica("a", { clock: skewed(-5, time) });
    await time.run(50);
    const second = replica("b", { clock: skewed(5, time) });
    await time.run(30_000);
    expect([first.history.length, second.history.length]).toEqual([1, 0]);
  });
});

describe("whatever the network and the machines do", () => {
  const SEEDS = Array.from({ length: 150 }, (_, index) => index + 1);

  test.each(SEEDS)("no two replicas lead at the same time, and one does when it is over (seed %i)", async (seed) => {
    const time = new VirtualClock({ seed });
    const server = new MemoryServer({ clock: time });
    let calm = false;
    const chance = (of: number): boolean => !calm && time.random() < of;
    const fault = (): Fault | undefined =>
      chance(0.1)
        ? "request-lost"
        : chance(0.1)
          ? "answer-lost"
          : chance(0.03)
            ? new KubeError(500, "InternalError", "no")
            : undefined;
    const delayMs = (): number => (chance(0.1) ? time.random() * 4_000 : time.random() * 50);
    const replicas = ["a", "b", "c"].map((identity) => new Replica(time, server, identity, { fault, delayMs }));
    const both: string[] = [];
    const check = (): void => {
      const leading = replicas.filter((replica) => replica.leads).map(({ identity }) => identity);
      if (leading.length > 1) both.push(`${leading.join(" and ")} at ${time.now()}`);
    };
    server.onCommit(check);
    for (let step = 0; step < 60; step++) {
      for (const replica of replicas) {
        if (chance(0.15)) replica.process.stop();
        else if (chance(0.5)) replica.process.resume();
        replica.kube.connected = !chance(0.1);
      }
      for (let piece = 0; piece < 5; piece++) {
        await time.run(time.random() * 200);
        check();
      }
    }
    calm = true;
    for (const replica of replicas) {
      replica.process.resume();
      replica.kube.connected = true;
    }
    await time.run(12_000);
    expect(both).toEqual([]);
    expect(replicas.filter((replica) => replica.leads)).toHaveLength(1);
    expect(replicas.reduce((sum, { history }) => sum + history.length, 0)).toBeGreaterThan(2);
  });

  test("two leaders would be noticed: a deadline later than the end of the Lease gives them", async () => {
    const time = new VirtualClock({ seed: 7 });
    const server = new MemoryServer({ clock: time });
    const times = { renewDeadlineMs: ELECTION_TIMES.leaseMs + 3_000 };
    const [first, second] = ["a", "b"].map((identity) => new Replica(time, server, identity, { times }));
    await time.run(2_000);
    const [leader, other] = first!.leads ? [first!, second!] : [second!, first!];
    leader.process.stop();
    await time.runUntil(() => other.leads);
    expect(leader.leads).toBe(true);
  });
});
