// P4: changes that must not cost a packet, at 1,000 packets a second.
import { PODPIN_NAMESPACE } from "../lib/model/runtime";
import { counted } from "../lab/steps/traffic";
import type { Bench, Figure } from "./figure";
import { NAMESPACE, onRig, type Rig } from "./lab/rig";

const ID = "P4";
const ADDRESSES = ["198.51.100.101", "198.51.100.102"] as const;
const [WATCHED] = ADDRESSES;
const POD = "served";
/** Long enough for every watch to notice, and for leases and caches to run out. */
const API_SERVER_DOWN_MS = 60_000;

type Change = (rig: Rig) => Promise<void>;

const CHANGES: Readonly<Record<string, Change>> = {
  "route edited: a label, a second address and back": async ({ cluster }) => {
    const route = ["gkeiproute", "-n", NAMESPACE, `r-${WATCHED.replaceAll(".", "-")}`];
    await cluster.kubectl("label", ...route, "bench/edited=yes");
    for (const addresses of [ADDRESSES, [WATCHED]]) {
      const values = addresses.map((address) => ({ type: "gke.networking.io/cidr", value: `${address}/32` }));
      await cluster.kubectl("patch", ...route, "--type=merge", "-p", JSON.stringify({ spec: { addresses: values } }));
      await sleep(1000);
    }
  },
  "agent restarted": (rig) => restarted(rig, "agent"),
  "agent rolled out anew": async ({ cluster }) => {
    const agents = ["daemonset/podpin-agent", "-n", PODPIN_NAMESPACE];
    await cluster.kubectl("rollout", "restart", ...agents);
    await cluster.kubectl("rollout", "status", ...agents, "--timeout=100s");
  },
  "controller restarted": (rig) => restarted(rig, "controller"),
  "API server down for a minute": async ({ lab, cluster }) => {
    await lab.controlPlane.whileDown(() => sleep(API_SERVER_DOWN_MS));
    await cluster.kubectl("get", "nodes");
  },
};

export const undisturbed: Bench = {
  id: ID,
  title: "changes that must not cost a packet",
  async measure(report) {
    const raw: Record<string, { sent: number; lost: number; overflowed: number }> = {};
    await onRig(
      { addresses: ADDRESSES, pods: [{ name: POD, node: "node1", addresses: ADDRESSES }] },
      report,
      async (rig) => {
        for (const [what, change] of Object.entries(CHANGES)) {
          report(what);
          const watched = { address: WATCHED, namespace: NAMESPACE, pods: [POD] };
          const { probe, overflowed } = await counted(rig.cluster, watched, () => change(rig));
          raw[what] = { sent: probe.sent, lost: probe.lost, overflowed };
        }
      },
    );
    const figures = Object.entries(raw).map(([what, { lost }]): Figure => {
      return { id: ID, metric: what, value: lost, unit: "packets lost", floor: null, goal: 0, ok: lost === 0 };
    });
    return { figures, raw };
  },
};

async function restarted({ cluster }: Rig, component: "agent" | "controller"): Promise<void> {
  const selector = `app.kubernetes.io/component=${component}`;
  const count = (await cluster.list("pods", "-n", PODPIN_NAMESPACE, "-l", selector)).length;
  await cluster.kubectl("delete", "pods", "-n", PODPIN_NAMESPACE, "-l", selector);
  await cluster.readyPods(PODPIN_NAMESPACE, selector, count);
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
