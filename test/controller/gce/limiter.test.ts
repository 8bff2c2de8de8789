// How fast calls are sent, and who waits for whom.
import { LIMITS, Limiter, type OnThrottled } from "../../../controller-image/src/fabric/gce/limiter";
import { settle, VirtualClock } from "../../support/virtual-clock";

function limiter(onThrottled?: OnThrottled) {
  const clock = new VirtualClock();
  const ending = new AbortController();
  const tested = new Limiter(clock, ending.signal, onThrottled);
  const turns: { readonly name: string; readonly at: number }[] = [];
  const ask = (name: string, group = "addresses.get", urgent = false): void => {
    void tested.turn(group, urgent).then(() => turns.push({ name, at: clock.now() }));
  };
  return { clock, tested, ask, turns, end: () => ending.abort() };
}

const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

test("twenty at once, then ten each second, in the order in which they asked", async () => {
  const { clock, ask, turns } = limiter();
  range(45).forEach((index) => ask(String(index)));
  await clock.run(10_000);
  expect(turns.map(({ name }) => Number(name))).toEqual(range(45));
  expect(turns.filter(({ at }) => at === 0)).toHaveLength(20);
  expect(turns.slice(20).map(({ at }) => at)).toEqual(range(25).map((index) => (index + 1) * 100));
});

test("what is not used comes back, but no more than a burst of it", async () => {
  const { clock, ask, turns } = limiter();
  range(20).forEach((index) => ask(String(index)));
  await clock.run(3_600_000);
  range(25).forEach((index) => ask(String(index)));
  await settle();
  expect(turns.slice(20)).toHaveLength(20);
});

test("the urgent do not wait behind a thousand others, and the others do not wait behind the urgent", async () => {
  const { clock, ask, turns } = limiter();
  range(1_000).forEach((index) => ask(`housekeeping ${index}`));
  await clock.run(5_000);
  range(300).forEach((index) => ask(`failover ${index}`, "backendServices.patch", true));
  await settle();
  expect(turns.filter(({ name }) => name.startsWith("failover")).map(({ at }) => at)).toEqual(
    range(300).map(() => 5_000),
  );
  await clock.run(5_000);
  expect(turns.filter(({ name }) => name.startsWith("housekeeping"))).toHaveLength(120);
});

test("both lanes together stay below 1,500 calls of a group in any minute, whatever is asked for", async () => {
  const { clock, ask, turns } = limiter();
  // Full buckets meet full queues half a minute after the start.
  await clock.run(30_000);
  range(3_000).forEach((index) => ask(`${index}`, "backendServices.patch", index % 2 === 0));
  await clock.run(300_000);
  const times = turns.map(({ at }) => at);
  const most = Math.max(...times.map((start) => times.filter((at) => at >= start && at < start + 60_000).length));
  expect(most).toBeLessThanOrEqual(1_500);
  expect(most).toBeGreaterThan(1_300);
});

test("each group has its urgent calls for itself", async () => {
  const { clock, ask, turns } = limiter();
  const { burst } = LIMITS.urgent;
  range(burst + 1).forEach((index) => ask(`patch ${index}`, "backendServices.patch", true));
  ask("wait", "operations.wait", true);
  await settle();
  expect(turns.map(({ name }) => name)).toContain("wait");
  expect(turns.map(({ name }) => name)).not.toContain(`patch ${burst}`);
  await clock.run(125);
  expect(turns.map(({ name }) => name)).toContain(`patch ${burst}`);
});

test("eight operations at once; the urgent ones have their own 128 places", async () => {
  const { clock, tested } = limiter();
  let [ordinary, urgent] = [0, 0];
  const ends: (() => void)[] = [];
  const held = (): Promise<void> => new Promise((resolve) => void ends.push(resolve));
  range(20).forEach(() => void tested.operation(false, () => (ordinary++, held())));
  range(200).forEach(() => void tested.operation(true, () => (urgent++, held())));
  await settle();
  expect([ordinary, urgent]).toEqual([8, 128]);
  ends.splice(0).forEach((end) => end());
  await settle();
  expect([ordinary, urgent]).toEqual([16, 200]);
  expect(clock.pending).toBe(0);
});

test("a place is given back by an operation that fails", async () => {
  const { tested } = limiter();
  const failing = range(8).map(() =>
    tested.operation(false, () => Promise.reject(new Error("no"))).catch(() => "failed"),
  );
  expect(await tested.operation(false, () => Promise.resolve("done"))).toBe("done");
  expect(await Promise.all(failing)).toEqual(range(8).map(() => "failed"));
});

test("says why and how long something had to wait", async () => {
  const waits: unknown[] = [];
  const { clock, tested, ask } = limiter((...wait) => waits.push(wait));
  range(21).forEach((index) => ask(String(index)));
  tested.close("operations.wait", 5_000);
  ask("closed", "operations.wait", true);
  range(9).forEach(
    () => void tested.operation(false, () => new Promise((resolve) => clock.after(700, () => resolve(0)))),
  );
  await clock.run(10_000);
  expect(waits).toEqual([
    ["rate", 100, false],
    ["quota", 5_000, true],
    ["operations", 700, false],
  ]);
});

test("closing ends every wait and leaves no timer", async () => {
  const { clock, tested, end } = limiter();
  const failures: unknown[] = [];
  const failed = (error: unknown): void => void failures.push((error as Error).message);
  range(21).forEach(() => void tested.turn("addresses.get", false).catch(failed));
  const held = range(9).map(() => tested.operation(false, () => new Promise(() => undefined)).catch(failed));
  await settle();
  end();
  await held[8];
  await settle();
  expect(failures).toEqual(range(2).map(() => "the client was closed before there was an answer"));
  expect(clock.pending).toBe(0);
});
