// P2: a node is powered off: its link goes, then everything on it. How long the address is silent for its clients.
import type { AddressBinding } from "../lib/model/binding";
import type { KubeObject } from "../lib/model/kubernetes";
import { CONTROLLER, PODPIN_NAMESPACE } from "../lib/model/runtime";
import { startProbe } from "../lab/cluster/probe";
import { type Bench, type Figure, median, quantile } from "./figure";
import { NAMESPACE, onRig, type Rig } from "./lab/rig";

const ID = "P2";
const KILLS = 50;
/**
 * As often as on three nodes by chance. Left alone it would be every time: whoever leads next runs where the address goes, as the node
 * that comes back is the only one without a controller.
 */
const LEADER_DIES_EVERY = 3;
const ADDRESS = "198.51.100.101";
const PODS = [
  { name: "p1", node: "node1", addresses: [ADDRESS] },
  { name: "p2", node: "node2" },
  { name: "p3", node: "node3" },
];

interface Kill {
  readonly node: string;
  /** Whether the controller that led ran there too: then another has to take over first. */
  readonly leader: boolean;
  /** From the last answer of the old Pod to the first of the next one. */
  readonly silentMs: number;
  /** Answers of the old Pod after one of the new, also when its node came back. */
  readonly misdelivered: number;
}

export const nodeLoss: Bench = {
  id: ID,
  title: "a node is powered off",
  async measure(report) {
    const raw = await onRig({ addresses: [ADDRESS], pods: PODS }, report, async (rig) => {
      for (const { name } of PODS.slice(1)) await rig.move(ADDRESS, name);
      const kills: Kill[] = [];
      while (kills.length < KILLS) {
        report(`kill ${kills.length + 1} of ${KILLS}`);
        kills.push(await kill(rig, kills.length % LEADER_DIES_EVERY !== 0));
      }
      return kills;
    });
    const times = (leader: boolean): number[] => raw.filter((one) => one.leader === leader).map((one) => one.silentMs);
    const figure = (metric: string, value: number, unit: string, goal: number | null): Figure => {
      return { id: ID, metric, value, unit, floor: null, goal, ok: goal === null || value <= goal };
    };
    const [others, leaders] = [times(false), times(true)];
    return {
      figures: [
        figure(`node powered off, p50 of ${raw.length}`, median(raw.map((one) => one.silentMs)), "ms", 600),
        figure(
          "the same, p99",
          quantile(
            raw.map((one) => one.silentMs),
            0.99,
          ),
          "ms",
          1000,
        ),
        figure(`without the leading controller on it (${others.length}), p50`, median(others), "ms", null),
        figure("the same, p99", quantile(others, 0.99), "ms", null),
        figure(`with the leading controller on it (${leaders.length}), p50`, median(leaders), "ms", null),
        figure("the same, p99", quantile(leaders, 0.99), "ms", null),
        figure(
          "answers of the old Pod after one of the new",
          Math.max(...raw.map((one) => one.misdelivered)),
          "packets",
          0,
        ),
      ],
      raw,
    };
  },
};

async function kill({ lab, cluster }: Rig, leaderElsewhere: boolean): Promise<Kill> {
  let binding = await settled(cluster);
  let leading = await leader(cluster);
  if (leaderElsewhere && leading?.spec.nodeName === binding.spec.nodeName) {
    await cluster.kubectl("delete", "pod", "-n", PODPIN_NAMESPACE, leading.metadata.name);
    binding = await settled(cluster);
    leading = await leader(cluster);
  }
  const node = cluster.node(binding.spec.nodeName);
  const probe = await startProbe(lab.client, { address: ADDRESS, intervalMs: 1, maxSeconds: 120 });
  await sleep(300);
  await node.powerOff();
  await cluster.until("another Pod has the address", async () => {
    const now = await cluster.binding(ADDRESS);
    return now.spec.nodeName !== node.name && now.spec.nodeName !== "" ? true : undefined;
  });
  await sleep(500);
  await node.powerOn();
  await sleep(1000);
  const { answerers } = await probe.stop();
  const [first, second] = answerers;
  if (first === undefined || second === undefined) throw new Error(`${ADDRESS} was answered by one Pod alone`);
  return {
    node: node.name,
    leader: leading?.spec.nodeName === node.name,
    silentMs: second.firstAtMs - first.lastAtMs,
    misdelivered: Math.max(0, first.lastSeq - second.firstSeq + 1),
  };
}

/** The controller that leads. */
async function leader(cluster: Rig["cluster"]): Promise<ControllerPod | undefined> {
  const lease = await cluster.find<KubeObject & { spec: { holderIdentity: string } }>(
    "lease",
    PODPIN_NAMESPACE,
    CONTROLLER,
  );
  const controllers = await cluster.list<ControllerPod>(
    ...(["pods", "-n", PODPIN_NAMESPACE, "-l", "app.kubernetes.io/component=controller"] as const),
  );
  return controllers.find(({ metadata }) => lease?.spec.holderIdentity.startsWith(`${metadata.name}_`));
}

type ControllerPod = KubeObject & { readonly spec: { readonly nodeName: string } };

/** Waits until every Pod could have the address, every node has its agent, and both controllers are there. */
async function settled(cluster: Rig["cluster"]): Promise<AddressBinding> {
  const runtime = "app.kubernetes.io/part-of=podpin";
  await cluster.until(
    "everything runs again",
    async () => {
      const pods = [
        ...(await cluster.list<Running>("pods", "-n", NAMESPACE)),
        ...(await cluster.list<Running>("pods", "-n", PODPIN_NAMESPACE, "-l", runtime)),
      ];
      return pods.length >= PODS.length + 4 && pods.every(isReady) ? true : undefined;
    },
    120_000,
  );
  // The heartbeats watch a node once it has answered.
  await sleep(3000);
  return cluster.until("the address is served", async () => {
    const binding = await cluster.binding(ADDRESS);
    const { nodeName, epoch, releasing } = binding.spec;
    const ack = binding.status?.acks?.find((one) => one.nodeName === nodeName && one.epoch === epoch);
    return ack?.state === "Announced" && releasing === undefined ? binding : undefined;
  });
}

type Running = KubeObject & { readonly status?: { conditions?: readonly { type: string; status: string }[] } };

const isReady = ({ metadata, status }: Running): boolean =>
  metadata.deletionTimestamp === undefined &&
  status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
