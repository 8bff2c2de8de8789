// Addresses that would go back and forth: the whole controller in virtual time. A move counts when another Pod is written
// into the binding.
import type { AddressBinding } from "../../lib/model/binding";
import { RESOURCES, type KubeObject, type Node, type Pod } from "../../lib/model/kubernetes";
import type { Controller } from "../../controller-image/src/controller/controller";
import { World } from "./world";

const { events, nodes, pods } = RESOURCES;
const TEN_MINUTES = 600_000;

let world: World;
let controller: Controller;
/** When the address was given to another Pod than the one before. */
let moves: number[];
beforeEach(async () => {
  world = new World();
  moves = [];
  let owner: string | undefined;
  world.server.onCommit((commit) => {
    const is = (commit.after as AddressBinding | undefined)?.spec?.owner?.podUid;
    if (commit.resource.kind !== "AddressBinding" || is === undefined || is === owner) return;
    if (owner !== undefined) moves.push(world.clock.now());
    owner = is;
  });
  controller = await world.served();
  await world.clock.run(1_000);
});
afterEach(() => world.stop());

const newer = (name = "q", created = "2026-01-01T00:30:00Z"): void =>
  world.pod(name, { node: "node2", ip: "10.244.2.9", created });
const setReady = (name: string, ready: boolean): void => {
  const pod = world.server.get<Pod>(pods, { namespace: "edge", name })!;
  const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
  world.server.replace(pods, { ...pod, status: { ...pod.status, conditions } } as KubeObject, "status");
};
const cordon = (name: string, unschedulable: boolean): void => {
  const node = world.server.get<Node>(nodes, { name })!;
  world.server.replace(nodes, { ...node, spec: { ...node.spec, unschedulable } } as KubeObject);
};
const owner = (): string | undefined => world.binding()?.spec.owner?.podName;
/** The most moves in any ten minutes. */
const busiest = (): number =>
  Math.max(0, ...moves.map((from) => moves.filter((at) => at >= from && at < from + TEN_MINUTES).length));

async function forLong(everyMs: number, act: (time: number) => void): Promise<void> {
  // Slow ones need longer to show what happens when their first moves count no more.
  const minutes = everyMs < 5_000 ? 11 : 30;
  for (let time = 0; time * everyMs < minutes * 60_000; time++) {
    act(time);
    await world.clock.run(everyMs);
  }
}

test("the first move is immediate, the next ones follow after three seconds", async () => {
  for (const [i, name] of ["q", "r", "s"].entries()) newer(name, `2026-01-01T00:3${i}:00Z`);
  const start = world.clock.now();
  await world.clock.run(0);
  expect(owner()).toBe("s");
  newer("t", "2026-01-01T00:39:00Z");
  await world.until(() => owner() === "t");
  expect(moves.map((at) => at - start)).toEqual([0, 3_000]);
});

test.each([
  ["of the newest Pod toggles every 500 ms", 500],
  ["toggles every 2 s", 2_000],
  ["toggles every 7.6 s", 7_600],
  ["toggles every 20 s", 20_000],
  ["toggles every 50 s", 50_000],
  ["toggles every 59 s", 59_000],
])("readiness %s: at most eight moves in any ten minutes, and the Pod that is left is always Ready", async (_, ms) => {
  newer();
  await forLong(ms, (time) => setReady("q", time % 2 === 1));
  expect(moves.length).toBeGreaterThan(2);
  expect(busiest()).toBeLessThanOrEqual(8);
  setReady("q", false);
  await world.clock.run(10);
  expect(owner()).toBe("p");
});

test.each([500, 2_000, 30_000])(
  "two Pods that come and go by turns every %i ms do not keep an address from one that stays",
  async (ms) => {
    for (const name of ["q", "r"]) newer(name);
    await forLong(ms, (time) => {
      setReady("q", time % 2 === 0);
      setReady("r", time % 2 === 1);
    });
    expect(moves.length).toBeGreaterThan(2);
    expect(busiest()).toBeLessThanOrEqual(8);
  },
);

test.each([2_000, 9_000, 40_000])(
  "100 Pods replaced in a loop, every %i ms, beside one that stays: at most eight",
  async (ms) => {
    for (let time = 0; time < 100; time++) {
      const created = new Date(world.clock.wallTime() + 3_600_000).toISOString().replace(/\.\d+/, "");
      newer(`q-${time}`, created);
      await world.clock.run(ms);
      world.server.delete(pods, { namespace: "edge", name: `q-${time}` });
      await world.clock.run(100);
      expect(owner()).toBe("p");
    }
    expect(busiest()).toBeLessThanOrEqual(8);
  },
);

test("a node that is cordoned and uncordoned every second moves its address no more than eight times", async () => {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  await forLong(1_000, (time) => cordon("node1", time % 2 === 0));
  expect(busiest()).toBeLessThanOrEqual(8);
  cordon("node1", false);
  await world.until(() => owner() === "p");
});

test("a Pod on a cordoned node is left for a Pod that comes and goes no more than eight times either", async () => {
  cordon("node1", true);
  newer();
  await forLong(500, (time) => setReady("q", time % 2 === 1));
  expect(busiest()).toBeLessThanOrEqual(8);
  expect(moves.length).toBeGreaterThan(2);
});

test("the only eligible Pod is never kept waiting, however often that was before", async () => {
  newer();
  for (let time = 0; time < 60; time++) {
    const [up, down] = time % 2 === 0 ? ["p", "q"] : ["q", "p"];
    setReady(up, true);
    setReady(down, false);
    await world.clock.run(500);
    expect(owner()).toBe(up);
  }
});

describe("a node that comes back after it was lost", () => {
  const lost = async (): Promise<void> => {
    world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
    controller.setLost("node1", true);
    await world.until(() => owner() === "q");
  };

  test("gets the address of its newer Pod back when it has been well for a minute", async () => {
    await lost();
    await world.clock.run(5_000);
    controller.setLost("node1", false);
    const start = world.clock.now();
    await world.until(() => owner() === "p");
    expect(world.clock.now() - start).toBe(60_000);
  });

  test("starts anew when it is lost again in between", async () => {
    await lost();
    for (let time = 0; time < 5; time++) {
      controller.setLost("node1", false);
      await world.clock.run(40_000);
      controller.setLost("node1", true);
      await world.clock.run(1_000);
    }
    expect(moves).toHaveLength(1);
  });

  test("is not waited for when the other Pod ends", async () => {
    await lost();
    controller.setLost("node1", false);
    await world.clock.run(100);
    world.server.delete(pods, { namespace: "edge", name: "q" });
    await world.clock.run(10);
    expect(owner()).toBe("p");
  });
});

test("while a better Pod waits the route is Ready, says for whom and until when, and one Event says it too", async () => {
  newer();
  for (let time = 0; time < 5; time++) {
    await world.clock.run(3_000);
    setReady("q", time % 2 === 1);
  }
  await world.clock.run(2_000);
  expect(moves).toHaveLength(4);
  setReady("q", true);
  const start = world.clock.wallTime();
  await world.clock.run(2_900);
  const ready = (): { status: string; reason: string; message: string } | undefined =>
    world.route()?.status?.conditions?.find(({ type }) => type === "Ready");
  expect(ready()?.message).toBe("the addresses reach Pod p");
  await world.clock.run(500);
  const until = new Date(Math.ceil((start + 60_000) / 1000) * 1000).toISOString().replace(".000", "");
  expect(ready()).toMatchObject({
    status: "True",
    reason: "ProgrammingComplete",
    message: `the addresses reach Pod p; moves are damped (4 moves in the last 10 minutes): Pod q gets the addresses at ${until} if it stays eligible until then`,
  });
  world.kube.calls.length = 0;
  await world.clock.run(56_000);
  expect(world.kube.writes).toEqual([]);
  await world.until(() => owner() === "q");
  expect(world.clock.wallTime() - start).toBe(60_000);
  await world.until(() => ready()?.message === "the addresses reach Pod q");
  const told = world.server.list<KubeObject & { reason: string; note: string }>(events);
  const notes = told.filter(({ reason }) => reason === "MovesDamped").map(({ note }) => note);
  expect(notes.filter((note) => note.includes(`Pod q gets the addresses at ${until} if`))).toHaveLength(1);
});
