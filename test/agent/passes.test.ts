import { runPasses } from "../../controller-image/src/agent/passes";
import { settle, VirtualClock } from "../support/virtual-clock";

/** Passes that take as long as the test lets them, each noted when it begins. */
function setup() {
  const clock = new VirtualClock();
  const began: number[] = [];
  let end = (): void => undefined;
  const passes = runPasses({
    clock,
    pass: () => {
      began.push(clock.now());
      return new Promise((resolve) => (end = resolve));
    },
    onFailure: (error) => {
      throw error;
    },
  });
  const ends = async (): Promise<void> => {
    end();
    await settle();
  };
  return { clock, began, passes, ends };
}

/** One that is under way, whose beginning is forgotten. */
async function running() {
  const world = setup();
  world.passes.trigger();
  await settle();
  world.began.splice(0);
  return world;
}

test("one pass serves a burst of what the kernel reports", async () => {
  const { clock, began, passes } = setup();
  passes.triggerSoon();
  await clock.run(9);
  passes.triggerSoon();
  expect(began).toEqual([]);
  await clock.run(100);
  expect(began).toEqual([10]);
});

test("what the kernel reported before a pass began is no reason for another one", async () => {
  const { clock, began, passes, ends } = setup();
  passes.triggerSoon();
  passes.trigger();
  await settle();
  await ends();
  await clock.run(1000);
  expect(began).toEqual([0]);
});

test("what the kernel reports during a pass is looked at by one more", async () => {
  const { clock, began, passes, ends } = await running();
  passes.triggerSoon();
  passes.triggerSoon();
  await clock.run(30);
  expect(began).toEqual([]);
  await ends();
  expect(began).toEqual([30]);
  await ends();
  await clock.run(1000);
  expect(began).toEqual([30]);
});

test("nothing begins after the end", async () => {
  const { clock, began, passes, ends } = await running();
  passes.triggerSoon();
  const stopped = passes.stop();
  await ends();
  await stopped;
  passes.triggerSoon();
  await clock.run(1000);
  expect(began).toEqual([]);
});
