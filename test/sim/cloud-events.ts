// What can happen to a cloud, where there is one.
import type { SimEvent } from "./events";
import type { SimCloud } from "./cloud";
import type { World } from "./world";

const withCloud =
  (change: (cloud: SimCloud, event: SimEvent, world: World) => void) =>
  (world: World, event: SimEvent): void => {
    if (world.cloud !== undefined) change(world.cloud, event, world);
  };

const refuse = (why: "down" | "denied") =>
  withCloud((cloud, { ms }, world) => {
    cloud.refuses = why;
    world.after(ms, () => (cloud.refuses = undefined));
  });

export const CLOUD_EVENTS = {
  "cloud out of reach": refuse("down"),
  "permission taken away": refuse("denied"),
  "cloud is slow": withCloud((cloud, { how, ms }, world) => {
    const before = cloud.slowMs;
    cloud.slowMs = (
      [
        [2_000, 4_000],
        [8_000, 12_000],
        [20, 50],
      ] as const
    )[how % 3]!;
    world.after(ms, () => (cloud.slowMs = before));
  }),
  "cloud loses answers": withCloud((cloud, { how }) => {
    cloud.lostAnswers += 1 + (how % 3);
  }),
};
