import fc from "fast-check";

import { KubeError } from "../../controller-image/src/kube/api";
import { LANES, WorkQueue, type QueueLane, type WorkQueueOptions } from "../../controller-image/src/kube/queue";
import { settle, VirtualClock } from "../support/virtual-clock";

const silent = (): void => undefined;

/** A queue whose runs last until the test ends them. */
function held(options: Partial<WorkQueueOptions> = {}) {
  const clock = new VirtualClock();
  const started: string[] = [];
  const ends = new Map<string, (outcome?: number | Error) => void>();
  const queue = new WorkQueue({
    clock,
    log: silent,
    run: (key) => {
      started.push(key);
      return new Promise<number | undefined>((resolve, reject) => {
        ends.set(key, (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
      });
    },
    ...options,
  });
  const end = async (key: string, outcome?: number | Error): Promise<void> => {
    ends.get(key)?.(outcome);
    await settle();
  };
  return { clock, queue, started, end };
}

test("runs a key once however often it is added before it starts", async () => {
  const { queue, started, end } = held();
  queue.add("a");
  queue.add("a");
  queue.add("b");
  await settle();
  expect(started).toEqual(["a"]);
  await end("a");
  await end("b");
  expect([started, queue.counters.waiting]).toEqual([["a", "b"], 0]);
});

test("runs a key once more, afterwards, when it is added while it runs", async () => {
  const { queue, started, end } = held({ concurrency: 4 });
  queue.add("a");
  await settle();
  queue.add("a");
  queue.add("a");
  await settle();
  expect(started).toEqual(["a"]);
  await end("a");
  expect(started).toEqual(["a", "a"]);
  await end("a");
  expect([started.length, queue.counters.running]).toEqual([2, 0]);
});

test("takes failover before move before housekeeping, also for a key that moves up while it waits", async () => {
  const { queue, started, end } = held();
  queue.add("keep", "housekeeping");
  queue.add("late", "housekeeping");
  queue.add("move", "move");
  queue.add("fail", "failover");
  queue.add("late", "failover");
  queue.add("fail", "housekeeping");
  await settle();
  for (const key of ["fail", "late", "move", "keep"]) await end(key);
  expect(started).toEqual(["fail", "late", "move", "keep"]);
});

test("does not let urgent keys starve the others for ever", async () => {
  const { queue, started, end } = held();
  queue.add("keep", "housekeeping");
  for (let i = 0; i < 20; i++) queue.add(`fail-${i}`, "failover");
  await settle();
  for (let i = 0; i < 17; i++) await end(started.at(-1) ?? "");
  expect(started.indexOf("keep")).toBe(16);
});

test("runs as many keys at a time as it is told", async () => {
  const { queue, started, end } = held({ concurrency: 3 });
  for (const key of ["a", "b", "c", "d", "e"]) queue.add(key);
  await settle();
  expect([started, queue.counters]).toEqual([["a", "b", "c"], { waiting: 2, running: 3, delayed: 0, failures: 0 }]);
  await end("b");
  expect(started).toEqual(["a", "b", "c", "d"]);
});

test("goes beyond that for failover, so that nothing else keeps it waiting, and for nothing else", async () => {
  const { queue, started, end } = held({ concurrency: 2, moreForFailover: 1 });
  for (const key of ["a", "b", "c"]) queue.add(key);
  await settle();
  for (const key of ["lost", "lost too"]) queue.add(key, "failover");
  await settle();
  expect([started, queue.counters.waiting]).toEqual([["a", "b", "lost"], 2]);
  await end("a");
  expect(started).toEqual(["a", "b", "lost", "lost too"]);
  await end("lost");
  await end("lost too");
  expect(started).toEqual(["a", "b", "lost", "lost too", "c"]);
});

test("does other work now and then also while failovers never end", async () => {
  const { queue, started, end } = held({ concurrency: 2, moreForFailover: 1 });
  for (let n = 0; n < 100; n++) queue.add(`lost ${n}`, "failover");
  for (const key of ["move", "another move", "a third"]) queue.add(key);
  await settle();
  const others = (): string[] => started.filter((key) => !key.startsWith("lost"));
  for (let n = 0; n < 40; n++) await end(`lost ${n}`);
  expect(others()).toEqual(["move", "another move"]);
  // They run on, and the one that is beyond the others is for failovers alone.
  for (let n = 40; n < 80; n++) await end(`lost ${n}`);
  expect(others()).toEqual(["move", "another move"]);
  await end("move");
  expect(queue.counters.running).toBe(3);
});

test("tries a failing key again after 5 ms, then ever later, 60 s at most, and forgets after a success", async () => {
  const { clock, queue, started, end } = held();
  queue.add("a");
  await settle();
  const waits: number[] = [];
  for (let failure = 1; failure <= 20; failure++) {
    await end("a", new Error("no"));
    waits.push(clock.untilNext ?? 0);
    expect(queue.failuresOf("a")).toBe(failure);
    await clock.run(clock.untilNext ?? 0);
  }
  waits.forEach((ms, index) => {
    const ceiling = Math.min(60_000, 5 * 2 ** index);
    expect(ms).toBeGreaterThanOrEqual(ceiling / 2);
    expect(ms).toBeLessThanOrEqual(ceiling);
  });
  await end("a");
  expect([started.length, queue.failuresOf("a"), clock.pending]).toEqual([21, 0, 0]);
});

test("waits at least as long as the API server asks for", async () => {
  const { clock, queue, end } = held();
  queue.add("a");
  await settle();
  await end("a", new KubeError(429, "TooManyRequests", "later", { retryAfterSeconds: 9 }));
  expect(clock.untilNext).toBe(9_000);
});

test("where nobody has answered it goes on within 4 s, however long that was so", async () => {
  const { clock, queue, end } = held();
  queue.add("a");
  await settle();
  for (let failure = 1; failure <= 20; failure++) {
    await end("a", new KubeError(0, "ConnectionFailed", "no connection"));
    expect(clock.untilNext).toBeLessThanOrEqual(4000);
    await clock.run(clock.untilNext ?? 0);
  }
});

test("a success in between makes the retry of an earlier failure pointless, but not a time that was asked for", async () => {
  const { clock, queue, started, end } = held();
  queue.add("a");
  await settle();
  await end("a", new Error("no"));
  queue.add("a");
  await settle();
  await end("a", 500);
  expect(clock.waits).toEqual([500]);
  await clock.run(500);
  expect(started.length).toBe(3);
});

test("of several times for one key the earliest counts", async () => {
  const { clock, queue, started } = held();
  queue.addAfter("a", 300);
  queue.addAfter("a", 100, "failover");
  queue.addAfter("a", 200);
  expect(clock.waits).toEqual([100]);
  await clock.run(1_000);
  expect(started).toEqual(["a"]);
});

test("forget drops the failures and the time of a key that is gone", async () => {
  const { clock, queue, end } = held();
  queue.add("a");
  await settle();
  await end("a", new Error("no"));
  queue.forget("a");
  expect([queue.failuresOf("a"), clock.pending]).toEqual([0, 0]);
});

test("shutdown waits for what runs, starts nothing more and leaves no timer", async () => {
  const { clock, queue, started, end } = held();
  queue.add("a");
  queue.add("b");
  queue.addAfter("c", 50);
  await settle();
  let down = false;
  void queue.shutdown().then(() => (down = true));
  queue.add("d");
  queue.add("a");
  await settle();
  expect([down, clock.pending]).toEqual([false, 0]);
  await end("a", new Error("no"));
  expect([down, started, clock.pending]).toEqual([true, ["a"], 0]);
  await queue.shutdown();
});

test("pause drops what waits and what fails, takes nothing in, and leaves no timer; resume takes work in again", async () => {
  const { clock, queue, started, end } = held({ concurrency: 2 });
  for (const key of ["a", "b", "c"]) queue.add(key);
  queue.addAfter("d", 50);
  await settle();
  queue.add("a");
  queue.pause();
  queue.add("e");
  queue.addAfter("f", 10);
  await end("a", new Error("no"));
  await end("b", 20);
  await clock.run(1_000);
  expect([started, clock.pending]).toEqual([["a", "b"], 0]);
  expect(queue.counters).toEqual({ waiting: 0, running: 0, delayed: 0, failures: 0 });
  queue.resume();
  queue.add("c");
  await settle();
  expect(started).toEqual(["a", "b", "c"]);
});

test("a key that still runs when the queue is resumed runs once more, afterwards", async () => {
  const { queue, started, end } = held({ concurrency: 2 });
  queue.add("a");
  await settle();
  queue.pause();
  queue.resume();
  queue.add("a");
  await settle();
  expect(started).toEqual(["a"]);
  await end("a");
  expect(started).toEqual(["a", "a"]);
});

test("a run that throws instead of rejecting is a failure like any other", async () => {
  const lines: string[] = [];
  const clock = new VirtualClock();
  const run = (): Promise<void> => {
    throw new Error("thrown");
  };
  const queue = new WorkQueue({ clock, log: (level, text) => lines.push(`${level} ${text}`), run });
  queue.add("a");
  await settle();
  expect([lines, queue.counters.failures]).toEqual([["warn failed, will be tried again"], 1]);
});

type Step = { readonly key: string; readonly lane: QueueLane; readonly delay: number; readonly pass: number };

test("never runs a key twice at a time, and whatever is added runs after it was added", async () => {
  const step: fc.Arbitrary<Step> = fc.record({
    key: fc.constantFrom("a", "b", "c", "d"),
    lane: fc.constantFrom(...LANES),
    delay: fc.constantFrom(0, 0, 3, 40),
    pass: fc.constantFrom(0, 0, 1, 7, 50),
  });
  const property = fc.asyncProperty(
    fc.array(step, { maxLength: 60 }),
    fc.integer({ min: 1, max: 3 }),
    fc.integer(),
    async (steps, concurrency, seed) => {
      const clock = new VirtualClock({ seed });
      const running = new Set<string>();
      const lastAdded = new Map<string, number>();
      const lastGood = new Map<string, number>();
      let most = 0;
      let moment = 0;
      const run = async (key: string): Promise<void> => {
        expect(running.has(key)).toBe(false);
        running.add(key);
        most = Math.max(most, running.size);
        const startedAt = ++moment;
        if (clock.random() < 0.7) await new Promise<void>((resolve) => clock.after(clock.random() * 20, resolve));
        running.delete(key);
        if (clock.random() < 0.3) throw new Error("by chance");
        lastGood.set(key, startedAt);
      };
      const queue = new WorkQueue({ clock, log: silent, run, concurrency });
      for (const { key, lane, delay, pass } of steps) {
        lastAdded.set(key, ++moment);
        if (delay > 0) queue.addAfter(key, delay, lane);
        else queue.add(key, lane);
        if (pass > 0) await clock.run(pass);
      }
      await clock.run(10 * 60_000);
      for (const [key, added] of lastAdded) expect(lastGood.get(key)).toBeGreaterThan(added);
      expect(most).toBeLessThanOrEqual(concurrency);
      expect(queue.counters).toMatchObject({ waiting: 0, running: 0, delayed: 0 });
      expect(clock.pending).toBe(0);
    },
  );
  await fc.assert(property, { numRuns: 150 });
}, 30_000);
