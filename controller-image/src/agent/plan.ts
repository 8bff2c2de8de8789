// From what the API says and what the kernel holds to what has to change: pure and total. The same input gives the same
// plan whatever the order of the bindings; a plan for a kernel that is as it should be is empty.
import {
  type AddressBinding,
  type AnnouncerKind,
  type BindingAck,
  DELIVERIES,
  type FailReason,
} from "../../../lib/model/binding";
import { isIPv4 } from "../../../lib/model/address";
import { NO_POD_CHANGES, type PodChanges, podSideChanges } from "./inside";
import { type FenceChanges, type Fences, fenceChanges, fencesIn } from "./fence";
import { forwardChanges } from "./forward";
import { ADD_RULE, proxyLine, routeLines, setProxyDelay } from "./iproute";
import { baseScript, type ElementChange, elementChange, expectStrays, joined, linkLines, untranslate } from "./nft";
import type { NodeVerdict } from "./node-problems";
import { clusterLines, delayMarker, lacksPort, podChanges, portChanges, strayProxies, teardownOf } from "./node-wide";
import { leftover, release } from "./letting-go";
import { type AddressMemory, type Announcement, deliver, type NodeView, type Outcome, silenced } from "./outcome";
import { byAddress, newest, type Reading, readBinding, versionOf } from "./reading";
import { standbysOn } from "./standbys";
import {
  addressesIn,
  type Footprint,
  footprintOf,
  isEmpty,
  type KernelState,
  NO_FOOTPRINT,
  UNTOUCHED_NFT,
} from "./state";

export interface PlanInput {
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly uplink: string;
  /** Bindings with `spec.nodeName` of this node. */
  readonly delivering: readonly AddressBinding[];
  /** Bindings with `spec.releasing.nodeName` of this node. */
  readonly releasing: readonly AddressBinding[];
  /**
   * Bindings with `spec.standby.nodeName` of this node, whose addresses it may have to take over: it has nothing of them, but all
   * that it needs for the first address. @default none
   */
  readonly standby?: readonly AddressBinding[] | "unknown";
  /** Bindings of neither kind whose addresses the kernel still holds, as a GET has just returned them. */
  readonly evidence: ReadonlyMap<string, AddressBinding | "absent">;
  /** Every cache is complete; until then nothing is removed. */
  readonly synced: boolean;
  /** Ranges that must not see a persistent address as source; nothing while unknown. */
  readonly clusterCidrs?: readonly string[];
  readonly kernel: KernelState;
  /** The uplink's last `proxy_delay` that was not ours, in case somebody has deleted our table, which remembers it. */
  readonly proxyDelayBefore?: number;
  readonly memory: ReadonlyMap<string, AddressMemory>;
  /** What the node can do; without it everything. */
  readonly node?: NodeVerdict;
  /** The node hears nobody: it speaks for no address, and goes on delivering to its Pods what reaches it. */
  readonly isolated: boolean;
  /** Addresses that it does not speak for either, because what the caches say of them may be from before it was isolated. */
  readonly doubted?: ReadonlySet<string>;
  /** Milliseconds on a clock that never jumps. */
  readonly now: number;
}

/** The changes for one address, in order: routes, elements, Pods, proxy neighbour; then connections are forgotten. */
export interface Step {
  readonly address: string;
  /**
   * Elements that change before the routes. Of an address whose Pod's interface is gone: while its routes still end in the
   * blackhole nothing is translated to the Pod's address, which may be another Pod's by now; with other routes it would be, until
   * the elements have changed. Of one that goes: without its routes it would be sent back to where it comes from.
   */
  readonly early: readonly string[];
  readonly routes: readonly string[];
  readonly elements: ElementChange;
  /** Where its nat went changed, so connections that are known with the old translation must be forgotten. */
  readonly flush?: Flush;
  /** In Pods: taken away after the routes, added after the elements. */
  readonly pods: PodChanges;
  readonly proxies: readonly string[];
}

/** What is to become of connections that are known as they were translated before. */
export interface Flush {
  /** The Pod that they lead to; without one they are not translated, and no acknowledgement promises that they are gone. */
  readonly pod?: string;
  /** The Pod that has the address now. */
  readonly to?: string;
  /** Nothing that clients send finds its way to that Pod by them any more, so it may still answer what it has got already. */
  readonly cut: boolean;
  /** Whatever arrives for the address goes elsewhere, so answers to the Pod's own connections do not reach it either. */
  readonly away: boolean;
}

export interface KernelChanges {
  /** Before everything: `ip` lines without which no address works. */
  readonly setup: readonly string[];
  /** First lines of the nft transaction: the table and the cluster's ranges. */
  readonly base: readonly string[];
  readonly steps: readonly Step[];
  /** After the elements, which remember what these lines change of interfaces that are not ours. */
  readonly finish: readonly string[];
  /** An nft transaction of its own: what no address needs any more outside the table. */
  readonly cleanup: readonly string[];
  /** After everything, when nothing is left. */
  readonly teardown: { readonly ip: readonly string[]; readonly nft: readonly string[] };
}

export interface Plan {
  readonly changes: KernelChanges;
  /** What becomes of each address that is known, by name of its binding. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  /** Not yet announced for this epoch and Pod at the uplink's present hardware address: by what it shall be. */
  readonly announce: ReadonlyMap<string, AnnouncerKind>;
  /** Say no more of these, before anything new is announced. */
  readonly silence: readonly string[];
  /** The node is ready to take these over. */
  readonly standbys: readonly string[];
  /** What would have to announce them. */
  readonly ready: readonly AnnouncerKind[];
  /** What is fenced off from the interfaces of Pods that had it. */
  readonly fenced: Fences;
  /** Read these bindings from the API. */
  readonly inquire: readonly string[];
  readonly wakeAt?: number;
  readonly retry: boolean;
}

export function plan(input: PlanInput): Plan {
  const outcomes = outcomesOf(input);
  const ready = standbysOn(input.standby, input.nodeName);
  const standbys = [...ready.keys()].sort(byAddress);
  const targets = new Map([...outcomes].map(([address, { target }]) => [address, target]));
  const known = fencesIn(input.memory);
  const fences = fenceChanges(input.kernel, targets, { possible: input.node?.fences !== false, known });
  const changes = kernelChanges(input, targets, fences, standbys.length > 0);
  const names = [...outcomes.keys()];
  const wakes = [...outcomes.values()].flatMap(({ wakeAt }) => wakeAt ?? []);
  return {
    changes,
    outcomes,
    announce: new Map(
      [...outcomes].flatMap(([address, { announce: wanted }]) => {
        const done = input.memory.get(address)?.announced;
        return wanted === undefined || isSaid(wanted, done) ? [] : [[address, wanted.announcer]];
      }),
    ),
    silence: [...input.memory].flatMap(([address, { announced }]) => {
      const { target, silence = false } = outcomes.get(address) ?? {};
      const owns = target?.path !== undefined && !target.forward && !isQuiet(input, address) && !silence;
      return announced !== undefined && !owns ? [address] : [];
    }),
    standbys,
    ready: [...new Set([...ready.values()].flatMap(({ announcer }) => announcer ?? []))],
    fenced: fences.fenced,
    inquire: names.filter((address) => outcomes.get(address)?.inquire === true),
    wakeAt: wakes.length === 0 ? undefined : Math.min(...wakes),
    retry: [...outcomes.values()].some((outcome) => outcome.retry === true || lacksPort(input.kernel, outcome.target)),
  };
}

function isSaid({ announcer, epoch, podUid, mac }: Announcement, done: Announcement | undefined): boolean {
  return done?.announcer === announcer && done.epoch === epoch && done.podUid === podUid && done.mac === mac;
}

/** Whether the kernel is as it should be. */
export function isNoChange({ setup, base, steps, finish, cleanup, teardown }: KernelChanges): boolean {
  return [setup, base, steps, finish, cleanup, teardown.ip, teardown.nft].every((part) => part.length === 0);
}

/** The Pods that have to be looked into. */
export function podsNeeded(delivering: readonly AddressBinding[]): string[] {
  const readings = delivering.map((binding) => readBinding(binding));
  const inside = readings.flatMap((r) => (r.ok && DELIVERIES[r.binding.spec.delivery].insidePod ? r.binding : []));
  return [...new Set(inside.flatMap(({ spec }) => spec.owner?.podIp ?? []))].sort(byAddress);
}

/**
 * The Pod addresses and node addresses whose next hop the plan will ask for.
 *
 * @param others the answer of {@link formerPods}, and of the Pods in that of {@link standbysOn}
 */
export function hopsNeeded(
  delivering: readonly AddressBinding[],
  releasing: readonly AddressBinding[],
  others: readonly string[],
): string[] {
  const asked = [
    ...others,
    ...delivering.map((binding) => readBinding(binding)).map((r) => (r.ok ? r.binding.spec.owner?.podIp : undefined)),
    ...releasing.map((binding) => readBinding(binding)).map((r) => (r.ok ? r.binding.spec.releasing?.forwardTo : "")),
  ];
  return [...new Set(asked.filter((ip): ip is string => ip !== undefined && isIPv4(ip)))].sort(byAddress);
}

function outcomesOf(input: PlanInput): Map<string, Outcome> {
  const { kernel, memory } = input;
  const view = viewOf(input);
  const delivering = newest(input.delivering);
  const releasing = newest(input.releasing);
  const names = new Set([...delivering.keys(), ...releasing.keys(), ...input.evidence.keys(), ...addressesIn(kernel)]);
  const outcomes = new Map<string, Outcome>();
  for (const name of [...names].sort(byAddress)) {
    const mine = delivering.get(name);
    const going = releasing.get(name);
    // A name that is no address has nothing in the kernel, and must not get anything.
    const current = isIPv4(name) ? footprintOf(kernel, name) : NO_FOOTPRINT;
    const known = memory.get(name);
    if (mine !== undefined && (going === undefined || isNewer(mine, going))) {
      outcomes.set(name, deliver(mine, current, known, view));
    } else if (going !== undefined) {
      outcomes.set(name, release(going, current, known, view));
    } else {
      const evidence = input.evidence.get(name);
      const reading = evidence === undefined || evidence === "absent" ? evidence : readBinding(evidence);
      outcomes.set(name, leftover(reading, current, known, view));
    }
  }
  for (const [name, outcome] of outcomes) if (isQuiet(input, name)) outcomes.set(name, silenced(outcome));
  return outcomes;
}

/** Whether the node must not speak for the address, whatever the binding says. */
function isQuiet({ isolated, doubted }: PlanInput, name: string): boolean {
  return isolated || doubted?.has(name) === true;
}

function viewOf(input: PlanInput): NodeView {
  const { nodeName, nodeIp, uplink, synced, clusterCidrs, kernel, node, now } = input;
  const nodes = (clusterCidrs ?? []).flatMap((cidr) => (cidr.endsWith("/32") ? [cidr.slice(0, -3)] : []));
  return {
    nodeName,
    uplink,
    synced,
    rangesKnown: clusterCidrs !== undefined,
    nodeAddresses: new Set([nodeIp, ...nodes, ...(node?.addresses ?? []), ...(kernel.own ?? [])]),
    kernel,
    node,
    now,
  };
}

/** The caches can hold different versions of one binding, also one that was deleted and the one that was made after it. */
function isNewer(mine: Reading, going: Reading): boolean {
  if (mine.ok && going.ok && mine.binding.metadata.uid !== going.binding.metadata.uid) {
    return versionOf(mine.binding) > versionOf(going.binding);
  }
  return epochIn(mine) >= epochIn(going);
}

const epochIn = (reading: Reading): number => (reading.ok ? reading.binding.spec.epoch : reading.epoch);

function kernelChanges(
  input: PlanInput,
  targets: ReadonlyMap<string, Footprint>,
  fences: FenceChanges,
  isStandby: boolean,
): KernelChanges {
  const { kernel, uplink, synced, proxyDelayBefore } = input;
  const wanted = isStandby || [...targets.values()].some((target) => !isEmpty(target));
  const zones = input.node?.zones !== false;
  const rebuild = wanted && (kernel.nft.base !== "current" || kernel.nft.zones !== zones);
  // A table that is made anew starts empty, in the same transaction that fills it again.
  const present: KernelState = rebuild ? { ...kernel, nft: UNTOUCHED_NFT } : kernel;
  const pods = podChanges(present, targets);
  const sides = podSideChanges(kernel, targets);
  const forward = forwardChanges(kernel, targets.values());
  const cleanup = [...fences.cleanup, ...(synced ? forward.cleanup : [])];
  const steps = [...targets].flatMap(([address, target]): Step[] => {
    if (!isIPv4(address)) return [];
    const before = footprintOf(kernel, address);
    const gone = !rebuild && before.path === undefined && before.natPod !== target.natPod ? before.natPod : undefined;
    const from = footprintOf(present, address);
    const expects = !rebuild && kernel.nft.base === "current" && target.stray && !from.stray;
    const early = [
      ...(gone === undefined ? [] : [untranslate(address, gone)]),
      ...(expects ? [expectStrays(address)] : []),
    ];
    const left = { ...from, ...(gone !== undefined && { natPod: undefined }), ...(expects && { stray: true }) };
    const elements = joined([elementChange(address, left, target), pods.get(address), fences.steps.get(address)]);
    const step: Step = {
      address,
      early,
      routes: routeLines(address, before, target, uplink),
      elements,
      flush: flushOf(before, target, !rebuild && kernel.nft.zones),
      pods: sides.get(address) ?? NO_POD_CHANGES,
      proxies: target.proxy && !before.proxy ? [proxyLine(address, uplink)] : [],
    };
    const { first, leave, enter } = step.pods;
    const parts = [step.early, step.routes, elements.remove, elements.add, first, leave, enter, step.proxies];
    const idle = parts.every((part) => part.length === 0);
    return idle && step.flush === undefined ? [] : [step];
  });
  if (!wanted) {
    const known = synced && input.standby !== "unknown";
    const teardown = known ? teardownOf(kernel, uplink) : { ip: [], nft: [] };
    return { setup: [], base: [], steps, finish: [], cleanup, teardown };
  }
  const delay = kernel.uplink?.proxyDelay;
  const proxies = [...targets.values()].some(({ proxy }) => proxy);
  const answered = proxies || [...targets.values()].some(({ forward }) => forward);
  const slow = proxies && delay !== undefined && delay !== 0;
  const ports = portChanges(present, targets);
  const setup = [...(kernel.rule ? [] : [ADD_RULE]), ...strayProxies(kernel), ...ports.before];
  const base = [
    ...(rebuild ? baseScript(zones) : []),
    ...delayMarker(present, kernel.nft.proxyDelayBefore ?? (slow ? delay : answered ? proxyDelayBefore : undefined)),
    ...clusterLines(present, input.clusterCidrs),
    ...linkLines(kernel.links, present.nft),
    ...ports.elements,
    ...forward.base,
  ];
  const finish = [...(slow ? [setProxyDelay(uplink, 0)] : []), ...ports.after];
  return { setup, base, steps, finish, cleanup, teardown: { ip: [], nft: [] } };
}

function flushOf({ natPod: pod, zone }: Footprint, target: Footprint, zones: boolean): Flush | undefined {
  const to = target.natPod;
  if (pod === to) return undefined;
  const cut = zones && (pod === undefined || zone !== undefined) && zone !== target.zone;
  return { pod, to, cut, away: target.forward || target.stray };
}

/**
 * What the agent knows after a plan was carried out.
 *
 * @param failed what went wrong, by address; those are tried again
 */
export function remember(
  input: Pick<PlanInput, "memory" | "delivering" | "releasing" | "nodeName" | "now">,
  done: Plan,
  failed: ReadonlyMap<string, unknown>,
): Map<string, AddressMemory> {
  const next = new Map<string, AddressMemory>();
  const seen = new Map<string, Seen>();
  for (const reading of [...newest(input.delivering).values(), ...newest(input.releasing).values()]) {
    if (!reading.ok) continue;
    const { metadata, spec } = reading.binding;
    const { name } = reading;
    const one = { epoch: spec.epoch, bindingUid: metadata.uid, version: versionOf(reading.binding) };
    seen.set(name, later(seen.get(name) ?? input.memory.get(name), one));
  }
  for (const name of new Set([...input.memory.keys(), ...seen.keys(), ...done.outcomes.keys()])) {
    const old = input.memory.get(name);
    const outcome = done.outcomes.get(name);
    const { epoch = 0, bindingUid, version } = seen.get(name) ?? old ?? {};
    const planned = [...done.fenced].flatMap(([ifindex, addresses]) => (addresses.has(name) ? [ifindex] : []));
    const fenced = failed.has(name) ? old?.fenced : planned;
    const empty = (outcome === undefined || isEmpty(outcome.target)) && (fenced ?? []).length === 0;
    const traceless = !seen.has(name) && empty && !failed.has(name);
    const seenAt = traceless ? (old?.seenAt ?? -Infinity) : input.now;
    // Not forgotten with its last trace: a cache that is behind may still bring an epoch that was answered already.
    if (input.now - seenAt >= FORGET_MS) continue;
    const succeeded = outcome !== undefined && !failed.has(name);
    const said = done.announce.has(name) && succeeded ? outcome.announce : undefined;
    next.set(name, {
      epoch,
      bindingUid,
      version,
      seenAt,
      programmed: (succeeded ? outcome.programmed : undefined) ?? old?.programmed,
      announced: said ?? (done.silence.includes(name) ? undefined : old?.announced),
      lettingGoSince: succeeded ? outcome.lettingGoSince : old?.lettingGoSince,
      fenced,
    });
  }
  return next;
}

/** Longer than any cache is behind what the API server has answered. */
const FORGET_MS = 60_000;

type Seen = Pick<AddressMemory, "epoch" | "bindingUid" | "version">;

function later(known: Seen | undefined, one: Required<Pick<Seen, "version">> & Seen): Seen {
  if (known === undefined) return one;
  const version = Math.max(known.version ?? 0, one.version);
  if (known.bindingUid === one.bindingUid) return { ...one, epoch: Math.max(known.epoch, one.epoch), version };
  return one.version > (known.version ?? 0) ? one : known;
}

/** The acknowledgement of an address whose change the kernel or the fabric refused. */
export function refusedAck(ack: BindingAck, reason: FailReason, message: string): BindingAck {
  return { ...ack, state: "Failed", reason, message };
}
