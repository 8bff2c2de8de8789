// Real packets from the client outside: short checks, and the 1 kHz probe that tells what a change costs.
import { startListener, startProbe, type ProbeResult } from "../cluster/probe";
import type { Lab } from "../cluster/lab";
import type { Cluster } from "./cluster";
import { must } from "./step";

export type Protocol = "udp" | "tcp";

const PORT = 8080;
const LISTENER_PORT = 7100;

/** Asks all these addresses by these protocols at once; what was seen, one sentence each. */
export function answeredByAll(
  lab: Lab,
  addresses: readonly string[],
  protocols: readonly Protocol[],
  pod: string,
): Promise<string[]> {
  return Promise.all(
    addresses.flatMap((address) => protocols.map((protocol) => answeredBy(lab, address, protocol, pod))),
  );
}

/** Asks the address some times by one protocol; fails unless this Pod answered everything and saw the client itself. */
async function answeredBy(lab: Lab, address: string, protocol: Protocol, pod: string): Promise<string> {
  const settings = { address, port: PORT, protocol, intervalMs: 10, maxSeconds: 30, graceMs: 1500 };
  const probe = await startProbe(lab.client, settings);
  await sleep(400);
  const result = await probe.stop();
  const names = result.answerers.map(({ hostname }) => hostname).join(", ");
  const saw = result.clientsSeen.join(", ") || "nobody";
  const text = `${protocol} ${address}: ${result.received} of ${result.sent} answered by ${names || "nobody"}, who saw ${saw}`;
  const right = names === pod && result.clientsSeen.join() === lab.client.address;
  if (!right || result.lost > 0 || result.sent === 0) {
    throw new Error(`${text}; expected ${pod} and ${lab.client.address}`);
  }
  return text;
}

/** Makes the Pod behind the address open connections to the client; fails unless they come from `source`. */
export async function callsFrom(lab: Lab, address: string, source: string, boundTo?: string): Promise<string> {
  const listener = await startListener(lab.client, LISTENER_PORT);
  try {
    for (const path of ["source", "source-udp"]) {
      const from = boundTo === undefined ? "" : `&from=${boundTo}`;
      await get(lab, `http://${address}:${PORT}/${path}?host=${lab.client.address}&port=${LISTENER_PORT}${from}`);
    }
  } finally {
    await listener.stop();
  }
  const seen = listener.heard.map(({ protocol, address: from }) => `${protocol} from ${from}`);
  const text = `the client was called by ${seen.join(", ") || "nobody"}`;
  const all = ["tcp", "udp"].every((protocol) => seen.includes(`${protocol} from ${source}`));
  if (!all || new Set(listener.heard.map(({ address: from }) => from)).size !== 1) {
    throw new Error(`${text}; expected tcp and udp from ${source}`);
  }
  return text;
}

/** Probes by UDP, every millisecond if nothing else is said, while `change` happens, and a little longer. */
export async function probed(
  lab: Lab,
  address: string,
  change: () => Promise<void>,
  intervalMs = 1,
): Promise<ProbeResult> {
  const probe = await startProbe(lab.client, { address, port: PORT, intervalMs, maxSeconds: 600 });
  let result: ProbeResult | undefined;
  try {
    await sleep(300);
    await change();
    await sleep(500);
  } finally {
    result = await probe.stop();
  }
  return result;
}

/** Who is probed: the address, and the Pods that may answer. */
export interface Watched {
  readonly address: string;
  readonly namespace: string;
  readonly pods: readonly string[];
  readonly intervalMs?: number;
}

/**
 * The same, with what was lost on the way told from what was not read in time: a probe that reached an end whose process did
 * not come round to read it (this machine has few cores) was delivered, and the kernels of both ends count those.
 */
export async function counted(
  cluster: Cluster,
  { address, namespace, pods, intervalMs }: Watched,
  change: () => Promise<void>,
): Promise<{ readonly probe: ProbeResult; readonly overflowed: number }> {
  const overflows = async (): Promise<number> => {
    const inPods = pods.map((pod) =>
      cluster.kubectl("exec", "--namespace", namespace, pod, "--", "cat", "/proc/net/snmp"),
    );
    const outside = await cluster.lab.client.exec(["cat", "/proc/net/snmp"]);
    return [...(await Promise.all(inPods)), outside.stdout].reduce((sum, snmp) => sum + receiveBufferErrors(snmp), 0);
  };
  const before = await overflows();
  const probe = await probed(cluster.lab, address, change, intervalMs);
  const overflowed = (await overflows()) - before;
  return { probe: { ...probe, lost: Math.max(0, probe.lost - overflowed) }, overflowed };
}

/** The same for a change that must not cost a packet; fails if it did. */
export async function undisturbed(
  cluster: Cluster,
  { address, namespace, pod }: { readonly address: string; readonly namespace: string; readonly pod: string },
  what: string,
  change: () => Promise<void>,
): Promise<{ probe: ProbeResult; seen: string[] }> {
  const { probe, overflowed } = await counted(cluster, { address, namespace, pods: [pod] }, change);
  must(
    probe.lost === 0,
    `${probe.lost} of ${probe.sent} packets were lost ${what}, at most ${probe.longestLoss} in a row, besides ${overflowed} in front of a process that did not read`,
  );
  const seen =
    overflowed > 0 ? [`${overflowed} probes were delivered to a process that did not read them in time`] : [];
  return { probe, seen };
}

/** `RcvbufErrors` of UDP, from /proc/net/snmp: a line of names, then a line of values. */
function receiveBufferErrors(snmp: string): number {
  const [names = [], values = []] = snmp
    .split("\n")
    .filter((line) => line.startsWith("Udp:"))
    .map((line) => line.split(/\s+/));
  const value = Number(values[names.indexOf("RcvbufErrors")]);
  if (!Number.isInteger(value))
    throw new Error(`/proc/net/snmp: got no RcvbufErrors of UDP in ${JSON.stringify(snmp)}`);
  return value;
}

async function get(lab: Lab, url: string): Promise<string> {
  const script = `fetch(${JSON.stringify(url)}).then(async (r) => { process.stdout.write(await r.text()); process.exit(r.ok ? 0 : 1); })`;
  const { code, stdout, stderr } = await lab.client.exec([process.execPath, "-e", script], { timeoutMs: 10_000 });
  if (code !== 0) throw new Error(`GET ${url}: ${stdout || stderr}`);
  return stdout;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
