// P3: what a planned move costs those who talk to the address: on one node at 10,000 packets a second, and to another node
// while the old Pod lives.
import { type Bench, type Figure, median } from "./figure";
import { counted, probed } from "../lab/steps/traffic";
import { NAMESPACE, onRig, type Rig } from "./lab/rig";

const ID = "P3";
const ROUNDS = 5;
const FAST_MS = 0.1;
/** Stays where it is while others move, and is probed beside them: what the machine itself makes its clients wait. */
const STILL = "198.51.100.100";

interface Handed {
  readonly sent: number;
  readonly lost: number;
  readonly overflowed: number;
  readonly longestGapMs: number;
  /** The same of the address beside it that nobody moved; not measured at the high rate. */
  readonly stillGapMs?: number;
  /** Answers of the old Pod to probes that were sent after the first one that the new Pod answered. */
  readonly misdelivered: number;
}

export const handOver: Bench = {
  id: ID,
  title: "what a planned move costs its clients",
  async measure(report) {
    const addresses = Array.from({ length: 2 * ROUNDS }, (_, index) => `198.51.100.${index + 101}`);
    const pods = [
      { name: "old", node: "node1", addresses: [STILL, ...addresses] },
      { name: "beside", node: "node1" },
      { name: "away", node: "node2" },
    ];
    const raw = await onRig({ addresses: [STILL, ...addresses], pods }, report, async (rig) => {
      const measured = { sameNode: [] as Handed[], otherNode: [] as Handed[] };
      for (const [index, address] of addresses.entries()) {
        const same = index < ROUNDS;
        report(`${same ? "same node" : "other node"}, round ${(index % ROUNDS) + 1} of ${ROUNDS}`);
        if (same) measured.sameNode.push(await handed(rig, address, "beside", FAST_MS));
        else measured.otherNode.push(await handed(rig, address, "away", 1));
      }
      return measured;
    });
    const most = (values: readonly number[]): number => Math.max(...values);
    const figure = (metric: string, value: number, unit: string, goal: number | null, floor?: number): Figure => {
      return { id: ID, metric, value, unit, floor: floor ?? null, goal, ok: goal === null || value <= goal };
    };
    const { sameNode, otherNode } = raw;
    const still = otherNode.map(({ stillGapMs = 0 }) => stillGapMs);
    return {
      figures: [
        figure(
          "same node at 10 kpps, most packets lost in a round",
          most(sameNode.map(({ lost }) => lost)),
          "packets",
          0,
        ),
        figure(
          "other node at 1 kpps, longest gap of all rounds",
          most(otherNode.map((one) => one.longestGapMs)),
          "ms",
          50,
          most(still),
        ),
        figure(
          "other node at 1 kpps, longest gap, median",
          median(otherNode.map((one) => one.longestGapMs)),
          "ms",
          null,
          median(still),
        ),
        figure(
          "other node at 1 kpps, most packets lost in a round",
          most(otherNode.map(({ lost }) => lost)),
          "packets",
          null,
        ),
        figure(
          "answers of the old Pod after one of the new",
          most([...sameNode, ...otherNode].map(({ misdelivered }) => misdelivered)),
          "packets",
          0,
        ),
      ],
      raw,
    };
  },
};

async function handed({ cluster, move }: Rig, address: string, to: string, intervalMs: number): Promise<Handed> {
  const watched = { address, namespace: NAMESPACE, pods: ["old", to], intervalMs };
  let stillGapMs: number | undefined;
  const { probe, overflowed } = await counted(cluster, watched, async () => {
    if (intervalMs < 1) return move(address, to);
    stillGapMs = (await probed(cluster.lab, STILL, () => move(address, to), intervalMs)).longestGapMs;
  });
  const [first, second, ...others] = probe.answerers;
  if (first?.hostname !== "old" || second?.hostname !== to || others.length > 0) {
    const names = probe.answerers.map(({ hostname }) => hostname).join(", ");
    throw new Error(`${address}: answered by ${names || "nobody"}; expected old, then ${to}`);
  }
  const { sent, lost, longestGapMs } = probe;
  return {
    sent,
    lost,
    overflowed,
    longestGapMs,
    stillGapMs,
    misdelivered: Math.max(0, first.lastSeq - second.firstSeq + 1),
  };
}
