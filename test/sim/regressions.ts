// Bugs that the simulator has found, each as the shortest schedule that showed it. They must hold for ever.
import type { SimEvent } from "./events";

export interface Regression {
  readonly name: string;
  readonly seed: number;
  readonly events: readonly SimEvent[];
}

export const REGRESSIONS: readonly Regression[] = [
  {
    name: "a binding that is deleted and made again is not refused for its low epoch",
    seed: 228,
    events: [{ at: 20350, kind: "class becomes another's for a while", which: 691, how: 303, ms: 500 }],
  },
  {
    name: "a late acknowledgement of a deleted binding does not reach the next one of its name",
    seed: 352,
    events: [
      { at: 9686, kind: "class becomes another's for a while", which: 427, how: 145, ms: 6000 },
      { at: 12906, kind: "pod deleted", which: 136, how: 967, ms: 50 },
      { at: 13649, kind: "node cut off from the API", which: 188, how: 110, ms: 50 },
      { at: 14211, kind: "agent dies", which: 530, how: 27, ms: 500 },
      { at: 18937, kind: "requests fail", which: 93, how: 172, ms: 50 },
      { at: 25467, kind: "route deleted", which: 753, how: 961, ms: 15000 },
    ],
  },
  {
    name: "the same, when the answer to the first attempt was lost and the second came late",
    seed: 2,
    events: [
      { at: 10000, kind: "requests fail", which: 1, how: 16, ms: 50 },
      { at: 10010, kind: "route deleted", which: 1, how: 0, ms: 2000 },
    ],
  },
  {
    name: "Ready does not stay behind on a route whose class became another's",
    seed: 36,
    events: [
      { at: 14447, kind: "gateway deleted for a while", which: 969, how: 466, ms: 50 },
      { at: 15031, kind: "class becomes another's for a while", which: 688, how: 559, ms: 15000 },
    ],
  },
  {
    name: "a node that lost power while it forwarded does not hold up the deletion of a route",
    seed: 256,
    events: [
      { at: 5457, kind: "pod created", which: 666, how: 463, ms: 50 },
      { at: 12092, kind: "pod deleted", which: 983, how: 514, ms: 50 },
      { at: 12663, kind: "node loses power", which: 717, how: 684, ms: 50 },
      { at: 14626, kind: "route deleted", which: 501, how: 301, ms: 50 },
    ],
  },
  {
    name: "the same, when a Pod was removed by force",
    seed: 306,
    events: [
      { at: 2768, kind: "pod created", which: 669, how: 601, ms: 50 },
      { at: 3539, kind: "pod created", which: 967, how: 784, ms: 50 },
      { at: 4883, kind: "pod removed by force", which: 990, how: 522, ms: 50 },
      { at: 20839, kind: "route deleted", which: 891, how: 456, ms: 50 },
      { at: 22320, kind: "node loses power", which: 39, how: 226, ms: 50 },
    ],
  },
  {
    name: "two addresses that still forward do not ask the API server in turns",
    seed: 1,
    events: [
      { at: 4607, kind: "pod created", which: 0, how: 2, ms: 500 },
      { at: 9000, kind: "pod created", which: 1, how: 2, ms: 500 },
      { at: 13000, kind: "pod created", which: 2, how: 2, ms: 500 },
    ],
  },
];
