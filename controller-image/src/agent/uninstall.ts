// `podpin agent --uninstall`: takes away what agents have put into the node's kernel and into its Pods, and nothing else.
// It is the plan of an agent whose every binding is gone; needs no API server; a second time it finds nothing to do.
import { asLines, type Commands, IP_CHANGES } from "../fabric/commands";
import { DELETE_FENCES } from "./fence";
import { forgetting } from "./forgetting";
import type { Kernel } from "./kernel";
import { isNoChange, type KernelChanges, plan } from "./plan";
import { addressesIn, type KernelState, ROUTE_PROTOCOL } from "./state";

/** One is enough unless somebody else changes the same things meanwhile. */
const MOST_ROUNDS = 5;

export interface Uninstalled {
  /** What was done, as lines of `ip` and `nft`. */
  readonly removed: readonly string[];
  /** What could not be removed and why, by address. */
  readonly failed: ReadonlyMap<string, string>;
  /** Addresses that stay on interfaces of Pods, because Pods cannot be entered. */
  readonly inPods: readonly string[];
}

export async function uninstall(kernel: Kernel, commands: Commands, uplink: string): Promise<Uninstalled> {
  const removed: string[] = [];
  const inPods = new Set<string>();
  let failed: ReadonlyMap<string, string> = new Map();
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const found = await kernel.observe([], { pods: [], fresh: true });
    if (found.pods === undefined) for (const address of found.nft.insideOf.keys()) inPods.add(address);
    const changes = removal(found, uplink);
    if (isNoChange(changes)) {
      failed = new Map();
      break;
    }
    failed = await kernel.apply(changes);
    const stale = forgetting();
    for (const step of changes.steps) if (!failed.has(step.address)) stale.note(step, 0);
    const all = (["before", "after"] as const).flatMap((when) => stale.due(when, Infinity)).map((each) => each.stale);
    const { refused } = await kernel.forgetConnections(all);
    failed = new Map([...failed, ...refused]);
    removed.push(...linesOf(changes, failed));
  }
  return { removed: [...removed, ...(await otherUplinks(commands))], failed, inPods: [...inPods] };
}

function removal(kernel: KernelState, uplink: string): KernelChanges {
  const { changes } = plan({
    nodeName: "",
    nodeIp: "",
    uplink,
    delivering: [],
    releasing: [],
    evidence: new Map([...addressesIn(kernel)].map((address) => [address, "absent"])),
    synced: true,
    kernel,
    memory: new Map(),
    isolated: true,
    now: 0,
  });
  if (!kernel.fences.table) return changes;
  // Also those of Pods that still run: nobody says any more whose an address is.
  return { ...changes, cleanup: [...changes.cleanup.filter((line) => !line.includes(" netdev ")), DELETE_FENCES] };
}

function linesOf({ steps, teardown, cleanup }: KernelChanges, failed: ReadonlyMap<string, string>): string[] {
  const done = steps.filter(({ address }) => !failed.has(address));
  return [
    ...done.flatMap(({ early, routes, elements, pods }) => [
      ...early,
      ...routes,
      ...elements.remove,
      ...pods.leave.flatMap(({ namespace, lines }) => lines.map((line) => `${namespace}: ${line}`)),
    ]),
    ...teardown.ip,
    ...teardown.nft,
    ...cleanup,
  ];
}

/** Proxy neighbours on an interface that was the uplink once. */
async function otherUplinks(commands: Commands): Promise<string[]> {
  const { code, stdout } = await commands.run(["ip", "-d", "-N", "-j", "neigh", "show", "proxy"]);
  const found = code === 0 && stdout.trim() !== "" ? (JSON.parse(stdout) as Readonly<Record<string, unknown>>[]) : [];
  const ours = found.filter(({ protocol }) => String(protocol) === String(ROUTE_PROTOCOL));
  const lines = ours.map(({ dst, dev }) => `neigh del proxy ${String(dst)} dev ${String(dev)}`);
  if (lines.length > 0) await commands.run(IP_CHANGES, asLines(lines));
  return lines;
}
