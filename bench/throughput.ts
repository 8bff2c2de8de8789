// P5: what the way through a persistent address costs, against the way to the Pod's own: round trip and packets a second, with
// one address on the node and with 10,000.
import path from "node:path";
import type { AddressBinding } from "../lib/model/binding";
import { Delivery } from "../lib/model/binding";
import type { Pod } from "../lib/model/kubernetes";
import { PODPIN_NAMESPACE } from "../lib/model/runtime";
import { type Bench, type Figure, inTurns, median } from "./figure";
import { startChild } from "./lab/child";
import { NAMESPACE, onRig, type Rig } from "./lab/rig";

const ID = "P5";
const ROUNDS = 9;
const ECHOES = 20_000;
const PACKETS = 150_000;
const CROWD = 10_000;
/** How much slower it may be. */
const GOALS: Readonly<Record<Delivery, number>> = { app: 1 / 0.97, interface: 1 / 0.97, nat: 1 / 0.93 };
const ADDRESSES: Readonly<Record<Delivery, string>> = {
  nat: "198.51.100.101",
  app: "198.51.100.102",
  interface: "198.51.100.103",
};

interface Samples {
  /** Milliseconds. */
  readonly rtt: { readonly ours: readonly number[]; readonly bare: readonly number[] };
  /** Packets a second. */
  readonly pps: { readonly ours: readonly number[]; readonly bare: readonly number[] };
}

export const throughput: Bench = {
  id: ID,
  title: "the way through a persistent address",
  async measure(report) {
    const deliveries = Object.values(Delivery);
    const options = {
      addresses: deliveries.map((delivery) => ADDRESSES[delivery]),
      deliveries: new Map(deliveries.map((delivery) => [ADDRESSES[delivery], delivery])),
      pods: deliveries.map((name) => ({ name, node: "node1", addresses: [ADDRESSES[name]], holds: name === "app" })),
    };
    const raw = await onRig(options, report, async (rig) => {
      // The floor is the Pod's own address, which nobody outside of the cluster reaches otherwise.
      for (const { podCidr, address } of rig.lab.nodes) {
        await rig.lab.client.exec(["ip", "route", "add", podCidr, "via", address]);
      }
      const alone = await eachDelivery(rig, "1 address", report);
      report(`${CROWD} addresses on the node`);
      await crowd(rig);
      return { alone, crowded: await eachDelivery(rig, `${CROWD} addresses`, report) };
    });
    const figures = Object.entries(raw).flatMap(([, byDelivery]) => byDelivery.flatMap((one) => one.figures));
    return { figures, raw };
  },
};

async function eachDelivery(rig: Rig, with_: string, report: (doing: string) => void) {
  const results: { delivery: Delivery; samples: Samples; figures: Figure[] }[] = [];
  for (const delivery of Object.values(Delivery)) {
    const pod = rig.pods.get(delivery);
    if (pod === undefined) throw new Error(`there is no Pod ${delivery}`);
    const samples = await measured(rig, pod, ADDRESSES[delivery], (round) => report(`${delivery}, ${with_}: ${round}`));
    const slower = (metric: string, value: number): Figure => {
      const goal = GOALS[delivery];
      return {
        id: ID,
        metric: `${delivery}, ${with_}: ${metric}`,
        value,
        unit: "×",
        floor: 1,
        goal,
        ok: value <= goal,
      };
    };
    const { rtt, pps } = samples;
    results.push({
      delivery,
      samples,
      figures: [
        slower("round trip against the Pod's own address", median(rtt.ours) / median(rtt.bare)),
        slower("time for a packet against the Pod's own address", median(pps.bare) / median(pps.ours)),
      ],
    });
  }
  return results;
}

async function measured(rig: Rig, pod: Pod, address: string, report: (round: string) => void): Promise<Samples> {
  const own = pod.status?.podIP ?? "";
  const rtt = await inTurns(ROUNDS, { bare: () => roundTrip(rig, own), ours: () => roundTrip(rig, address) }, report);
  const pps = await inTurns(
    ROUNDS,
    { bare: () => packets(rig, pod.metadata.name, own), ours: () => packets(rig, pod.metadata.name, address) },
    report,
  );
  return { rtt, pps };
}

/** Answered by the kernel of the Pod, so that no program's time is in it. */
async function roundTrip({ lab }: Rig, to: string): Promise<number> {
  const { code, stdout, stderr } = await lab.client.exec(["ping", "-f", "-q", "-c", String(ECHOES), to], {
    timeoutMs: 60_000,
  });
  // Each goes out when the one before it has come back: the time of all of them tells more than the rounded average.
  const all = /, time (\d+)ms/.exec(stdout)?.[1];
  if (code !== 0 || all === undefined) throw new Error(`ping ${to}: ${stderr || stdout}`);
  return Number(all) / ECHOES;
}

/** Packets of 64 bytes a second, as many as one sender can send, counted by the kernel of the Pod. */
async function packets({ lab, cluster }: Rig, pod: string, to: string): Promise<number> {
  const count = async (): Promise<number> => {
    const snmp = await cluster.kubectl("exec", "--namespace", NAMESPACE, pod, "--", "cat", "/proc/net/snmp");
    const [names = [], values = []] = snmp
      .split("\n")
      .filter((line) => line.startsWith("Udp:"))
      .map((line) => line.split(/\s+/));
    // Nobody listens: each of them is counted as one without a port.
    return Number(values[names.indexOf("NoPorts")]);
  };
  const before = await count();
  const sender = startChild<{ seconds: number }>(lab.client, path.join(__dirname, "lab/sender.ts"), {
    to,
    packets: PACKETS,
  });
  try {
    const { seconds } = await sender.next();
    const delivered = (await count()) - before;
    if (delivered < PACKETS * 0.9) throw new Error(`${to}: ${delivered} of ${PACKETS} packets were delivered`);
    return delivered / seconds;
  } finally {
    sender.stop();
  }
}

/** The controller would take back bindings of no route, so it rests meanwhile. */
async function crowd({ cluster, lab, pods }: Rig): Promise<void> {
  await cluster.kubectl("scale", "deployment/podpin-controller", "-n", PODPIN_NAMESPACE, "--replicas=0");
  const pod = pods.get("nat");
  const owner = { podName: "nat", podUid: pod?.metadata.uid ?? "", podIp: pod?.status?.podIP ?? "" };
  const route = { namespace: NAMESPACE, name: "crowd", uid: "00000000-0000-4000-8000-000000000000" };
  const rest = { epoch: 1, route, nodeName: "node1", owner, delivery: "nat", fabric: "none", network: "default" };
  const items = Array.from({ length: CROWD }, (_, index) => {
    const address = `10.200.${index >> 8}.${index & 255}`;
    return {
      apiVersion: "podpin.dev/v1alpha1",
      kind: "AddressBinding",
      metadata: { name: address },
      spec: { address, ...rest },
    };
  });
  for (let at = 0; at < items.length; at += 1000) {
    const list = { apiVersion: "v1", kind: "List", items: items.slice(at, at + 1000) };
    await lab.kubectl(["create", "-f", "-"], JSON.stringify(list));
  }
  await cluster.until(
    "every address is acknowledged",
    async () => {
      const bindings = await cluster.list<AddressBinding>("addressbindings");
      const done = bindings.filter(({ status }) => status?.acks?.some(({ state }) => state === "Announced"));
      return done.length >= CROWD ? true : undefined;
    },
    300_000,
  );
}
