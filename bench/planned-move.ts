// P1: a planned move, from the moment in which a better Pod is known to the API server until its node has programmed the
// address, announced it and acknowledged.
import path from "node:path";
import { type Bench, type Figure, median, quantile } from "./figure";
import { startChild } from "./lab/child";
import type { FloorSettings } from "./lab/planned-move-floor";
import type { Moved, MoverSettings, Steps } from "./lab/planned-move-mover";
import { NAMESPACE, onRig, type Rig, routeOf } from "./lab/rig";

const ID = "P1";
const MOVES = 100;
const FLOOR = "floor";
const FOLDER = path.join(__dirname, "lab");
/** A table of its own, so that the floor's route is in nobody's way. */
const FLOOR_TABLE = "7499";

export const plannedMove: Bench = {
  id: ID,
  title: "a planned move to another node",
  async measure(report) {
    const addresses = Array.from({ length: MOVES }, (_, index) => `198.51.100.${index + 101}`);
    const pods = [
      { name: "here", node: "node1", addresses },
      { name: "there", node: "node2" },
    ];
    const raw = await onRig({ addresses, pods }, report, (rig) => moves(rig, addresses, report));
    const floor = { p50: median(raw.floor), p99: quantile(raw.floor, 0.99) };
    const figure = (metric: string, value: number, beside: number, goal: number): Figure => {
      return { id: ID, metric, value, unit: "ms", floor: beside, goal, ok: value <= goal };
    };
    const until = (step: keyof Steps): number[] => raw.steps.map((steps) => steps[step]);
    const p50 = median(until("programmed"));
    const shown = (metric: string, value: number): Figure => {
      return { id: ID, metric, value, unit: "ms", floor: null, goal: null, ok: true };
    };
    return {
      figures: [
        figure("planned move programmed and acknowledged, p50", p50, floor.p50, 30),
        figure("the same against the floor", p50, floor.p50, 2 * floor.p50),
        figure("the same, p99", quantile(until("programmed"), 0.99), floor.p99, 150),
        shown("until the route is no longer Ready, p50", median(until("told"))),
        shown("until the binding names its new owner, p50", median(until("bound"))),
        shown("until the old node let go and the new one announced, p50", median(until("announced"))),
        shown("the same, p99", quantile(until("announced"), 0.99)),
      ],
      raw,
    };
  },
};

async function moves(
  { lab, cluster, pods, labelOf }: Rig,
  addresses: readonly string[],
  report: (doing: string) => void,
): Promise<{ steps: Steps[]; floor: number[] }> {
  const there = pods.get("there");
  const node = cluster.node("node2");
  const podIp = there?.status?.podIP ?? "";
  await cluster.kubectl("create", "configmap", "-n", NAMESPACE, FLOOR);
  // Not by way of the Pod's address, because the agent looks at the kernel when a route to one of its Pods changes.
  const route = ["route", "replace", "203.0.113.1/32", "dev", await deviceOf(node, podIp)];
  const floorSettings: FloorSettings = {
    kubeconfig: lab.kubeconfig,
    namespace: NAMESPACE,
    floor: FLOOR,
    command: ["ip", ...route, "table", FLOOR_TABLE],
  };
  const floorChild = startChild<{ ready?: true; ended?: number; code?: number }>(
    node,
    path.join(FOLDER, "planned-move-floor.ts"),
    floorSettings,
  );
  const settings: MoverSettings = {
    kubeconfig: lab.kubeconfig,
    namespace: NAMESPACE,
    pod: { name: "there", uid: there?.metadata.uid ?? "" },
    moves: addresses.map((address) => ({ address, label: labelOf(address), route: routeOf(address) })),
    floor: FLOOR,
  };
  try {
    await floorChild.next();
    const mover = startChild<Moved>(lab.control, path.join(FOLDER, "planned-move-mover.ts"), settings);
    try {
      const samples = { steps: [] as Steps[], floor: [] as number[] };
      for (const index of addresses.keys()) {
        report(`move ${index + 1} of ${addresses.length}`);
        const ours = await mover.next();
        if (ours.what === "ours") samples.steps.push(ours.steps);
        const began = await mover.next();
        const { ended = 0, code } = await floorChild.next();
        if (code !== 0) throw new Error(`the floor's ip command ended with ${code}`);
        if (began.what === "floor") samples.floor.push(ended - began.began);
      }
      return samples;
    } finally {
      mover.stop();
    }
  } finally {
    floorChild.stop();
  }
}

async function deviceOf(node: Rig["lab"]["nodes"][number], podIp: string): Promise<string> {
  const { stdout } = await node.exec(["ip", "-j", "route", "get", podIp]);
  const [hop] = JSON.parse(stdout) as { dev: string }[];
  if (hop === undefined) throw new Error(`${node.name} has no route to ${podIp}`);
  return hop.dev;
}
