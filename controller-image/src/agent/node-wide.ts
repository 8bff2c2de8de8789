// What the plan changes for all addresses together: the settings of the uplink, of bridges and of our table, and how they
// are undone when the last address goes.
import { DELETE_RULE, deleteProxyLine, hairpinLine, setProxyDelay } from "./iproute";
import {
  clusterIntervals,
  DELETE_TABLE,
  type ElementChange,
  forgetPort,
  joined,
  podChange,
  rememberDelay,
  rememberPort,
  replaceCluster,
  sameIntervals,
} from "./nft";
import type { KernelChanges } from "./plan";
import { byAddress } from "./reading";
import type { Footprint, KernelState } from "./state";

/** The first value counts: it is the one that was there before us. */
export function delayMarker(present: KernelState, before: number | undefined): string[] {
  return before === undefined || present.nft.proxyDelayBefore !== undefined ? [] : [rememberDelay(before)];
}

export function clusterLines(present: KernelState, cidrs: readonly string[] | undefined): string[] {
  // While the ranges are unknown those in the kernel are the best there is.
  if (cidrs === undefined && present.nft.cluster.length > 0) return [];
  const wanted = clusterIntervals(cidrs ?? []);
  return sameIntervals(wanted, present.nft.cluster) ? [] : replaceCluster(wanted);
}

/** The interface was the uplink once. There they would speak for addresses, whatever becomes of those. */
export function strayProxies({ astray = [] }: KernelState): string[] {
  return astray.map(({ address, dev }) => deleteProxyLine(address, dev));
}

export function teardownOf(kernel: KernelState, uplink: string): KernelChanges["teardown"] {
  const { base, proxyDelayBefore } = kernel.nft;
  const restore = proxyDelayBefore !== undefined && kernel.uplink?.proxyDelay === 0;
  const delay = restore ? [setProxyDelay(uplink, proxyDelayBefore)] : [];
  return {
    ip: [...(kernel.rule ? [DELETE_RULE] : []), ...delay, ...strayProxies(kernel), ...portsOff(kernel, new Set())],
    nft: base === "absent" ? [] : [DELETE_TABLE],
  };
}

/** A Pod behind a bridge that the bridge has not heard of yet; the observation has just made the node ask for it. */
export function lacksPort({ hops }: KernelState, { natPod }: Footprint): boolean {
  const hop = natPod === undefined ? undefined : hops.get(natPod);
  return hop !== undefined && hop !== "unreachable" && hop.kind === "bridge" && hop.port === undefined;
}

/**
 * A Pod on a bridge that calls its own address is answered by way of the node, so its port must send back what comes from
 * it. That is remembered before it is changed, and forgotten after it was changed back.
 */
export function portChanges(present: KernelState, targets: ReadonlyMap<string, Footprint>) {
  const pods = [...targets.values()].flatMap(({ natPod }) => natPod ?? []);
  const hops = pods.map((pod) => present.hops.get(pod)).filter((hop) => hop !== "unreachable");
  const wanted = new Set(hops.flatMap((hop) => hop?.port ?? []));
  const { ports } = present.links;
  const recorded = present.nft.hairpinPorts;
  // While it is not known where a Pod is its port may be one that looks unused.
  const known = hops.every((hop) => hop !== undefined && (hop.kind !== "bridge" || hop.port !== undefined));
  const gone = [...recorded].filter((port) => !ports.has(port) || (known && !wanted.has(port)));
  const closed = [...wanted].filter((port) => ports.get(port)?.hairpin === false).sort();
  return {
    before: portsOff(present, known ? wanted : recorded),
    elements: [
      ...gone.map((port) => forgetPort(port)),
      ...closed.filter((port) => !recorded.has(port)).map((port) => rememberPort(port)),
    ],
    after: closed.map((port) => hairpinLine(port, true)),
  };
}

function portsOff({ nft, links }: KernelState, wanted: ReadonlySet<string>): string[] {
  const unused = [...nft.hairpinPorts].filter((port) => !wanted.has(port) && links.ports.get(port)?.hairpin === true);
  return unused.map((port) => hairpinLine(port, false));
}

/** Several addresses of one Pod: its own connections leave with the lowest, the others are inbound only. */
export function podChanges(present: KernelState, targets: ReadonlyMap<string, Footprint>): Map<string, ElementChange> {
  const egress = new Map<string, string>();
  for (const [address, { natPod }] of targets) {
    const chosen = natPod === undefined ? undefined : egress.get(natPod);
    if (natPod !== undefined && (chosen === undefined || byAddress(address, chosen) < 0)) egress.set(natPod, address);
  }
  const { egressOf, hairpinOf } = present.nft;
  const changes = new Map<string, ElementChange>();
  for (const pod of new Set([...egress.keys(), ...egressOf.keys(), ...hairpinOf.keys()])) {
    const was = { egress: egressOf.get(pod), hairpin: hairpinOf.get(pod) };
    const is = egress.get(pod);
    // Carried out together with the address that gains or loses the Pod.
    const address = is ?? was.egress ?? was.hairpin ?? "";
    changes.set(address, joined([changes.get(address), podChange(pod, was, is)]));
  }
  return changes;
}
