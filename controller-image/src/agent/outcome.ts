// What should become of one address on this node while it is the owner's: pure, like everything that it is made of; each rule looks
// at one address alone, so that a bad binding can only fail itself. What becomes of it afterwards: letting-go.ts.
import {
  AckState,
  type AddressBinding,
  AnnouncerKind,
  type BindingAck,
  type Delivery,
  FABRICS,
  FailReason,
  ackOf,
  isLedFabric,
  mayAnnounce,
} from "../../../lib/model/binding";
import { hold, wasProgrammed } from "./hold";
import type { NodeVerdict } from "./node-problems";
import { type Reading, versionOf } from "./reading";
import { type Footprint, isEmpty, type KernelState, NO_FOOTPRINT } from "./state";

/** What the agent remembers of an address for as long as it runs. */
export interface AddressMemory {
  /** The highest epoch seen. */
  readonly epoch: number;
  /** Of which binding: one that was deleted and made again counts its epochs anew. */
  readonly bindingUid?: string;
  /** The newest version of it that was seen. */
  readonly version?: number;
  /** When it was known last, or had a trace in the kernel, on the clock of {@link NodeView.now}. */
  readonly seenAt?: number;
  /** The Pod interface that was programmed last; a Pod that takes over the same Pod IP has another one. */
  readonly programmed?: {
    readonly epoch: number;
    readonly podUid: string;
    readonly podIp: string;
    readonly delivery: Delivery;
    readonly ifindex: number;
    /** Behind a bridge, whose own number says nothing: that of the Pod's port, where it is known. */
    readonly port?: number;
  };
  readonly announced?: Announcement;
  /** Since when nothing should arrive any more but what went astray, on the clock of {@link NodeView.now}. */
  readonly lettingGoSince?: number;
  /** Numbers of the interfaces of Pods that had it and are fenced off from it. */
  readonly fenced?: readonly number[];
}

/** What the network is told once: by what, for whom, and at which hardware address of the uplink, which can change under it. */
export interface Announcement {
  readonly announcer: AnnouncerKind;
  readonly epoch: number;
  readonly podUid: string;
  readonly mac?: string;
}

/** What the rules look at besides the address's own binding. */
export interface NodeView {
  readonly nodeName: string;
  readonly uplink: string;
  /** True when every cache is complete; until then nothing is removed. */
  readonly synced: boolean;
  readonly rangesKnown: boolean;
  /** Addresses of nodes, which can never be persistent addresses. */
  readonly nodeAddresses: ReadonlySet<string>;
  readonly kernel: KernelState;
  readonly node?: NodeVerdict;
  /** Milliseconds on a clock that never jumps. */
  readonly now: number;
}

export interface Outcome {
  readonly target: Footprint;
  /** To be written once the kernel has it; nothing means: say nothing. */
  readonly ack?: BindingAck;
  /** Withdraw the entry that this node has in the binding. */
  readonly withdrawAck?: boolean;
  readonly announce?: Announcement;
  /** What was said before was said by another announcer than the fabric has now. */
  readonly silence?: boolean;
  readonly programmed?: AddressMemory["programmed"];
  readonly lettingGoSince?: number;
  /** Look again at this time. */
  readonly wakeAt?: number;
  /** It may heal without any event. */
  readonly retry?: boolean;
  /** The binding must be read from the API before anything may be removed. */
  readonly inquire?: boolean;
  /** Why nothing was done, for the log. */
  readonly note?: string;
}

/** On a fabric that is led nothing may go back to where it came from: it would come again. */
export const STRAY: Footprint = { ...NO_FOOTPRINT, stray: true, thrown: true };

/** A binding that names this node as the owner's. */
export function deliver(
  reading: Reading,
  current: Footprint,
  memory: AddressMemory | undefined,
  view: NodeView,
): Outcome {
  if (!reading.ok) return { target: current, ack: failed(view, reading, FailReason.InvalidBinding, reading.problem) };
  const { binding } = reading;
  const { spec } = binding;
  const { owner } = spec;
  const mine = ackOf(binding, view.nodeName);
  if (spec.epoch < Math.max(leastEpoch(binding, memory), mine?.epoch ?? 0)) return refusedEpoch(spec.epoch, current);
  const id = { epoch: spec.epoch, podUid: owner?.podUid ?? "" };
  if (owner === undefined) {
    const problem = `spec.owner: got nothing; it must name the Pod, because spec.nodeName is "${spec.nodeName}"`;
    return { target: current, ack: failed(view, id, FailReason.InvalidBinding, problem) };
  }
  const { announcer } = FABRICS[spec.fabric];
  // The old Pod's entries must go even where the new ones cannot be made: a higher epoch says so.
  const refuse = (reason: FailReason, message: string, retry: boolean, target: Footprint): Outcome => ({
    target,
    ack: failed(view, id, reason, message),
    retry,
  });
  const remains = isEmpty(current) ? NO_FOOTPRINT : { ...NO_FOOTPRINT, fallback: true };
  if (view.nodeAddresses.has(spec.address)) {
    const message = view.kernel.own?.has(spec.address)
      ? `an interface of the node has ${spec.address}; take it away from there, or reserve another one`
      : `${spec.address} is the address of a node; reserve another one`;
    return refuse(FailReason.AddressNotAllowed, message, false, remains);
  }
  // Nothing is taken away for what the node lacks: a check can be wrong about what works.
  const unfit = isEmpty(current) ? view.node?.unfit.get(spec.delivery) : undefined;
  if (unfit !== undefined) return refuse(FailReason.NodeNotSupported, unfit, true, NO_FOOTPRINT);
  const known = memory?.bindingUid === binding.metadata.uid ? memory?.programmed : undefined;
  const before = known?.epoch === spec.epoch && known.podUid === owner.podUid ? known : undefined;
  const holding = hold({ ...spec, owner, before, started: wasProgrammed(mine, id) }, current, view);
  if (holding.can === "unknown") return { target: current, retry: true, note: holding.note };
  if (holding.can === "no") {
    const target = isLedFabric(spec.fabric) ? STRAY : { ...remains, thrown: current.thrown };
    return refuse(holding.reason, holding.message, holding.retry, target);
  }
  // A Pod that was replaced on this very node: whoever had the address here has just been overwritten.
  const allowed = mayAnnounce(binding) || spec.releasing?.nodeName === view.nodeName;
  const foreignProxy = view.kernel.proxies.get(spec.address) === "foreign";
  const done: Outcome = {
    target: { ...holding.target, proxy: announcer === AnnouncerKind.Arp && allowed && !foreignProxy },
    ack: { nodeName: view.nodeName, ...id, state: allowed ? AckState.Announced : AckState.Programmed },
    announce: announcer !== undefined && allowed ? { ...id, announcer, mac: view.kernel.uplink?.mac } : undefined,
    silence: memory?.announced !== undefined && memory.announced.announcer !== announcer,
    programmed: holding.programmed,
  };
  if (view.kernel.uplink?.forwards !== false) return done;
  // All is left as it is for the moment in which the node forwards again, and nobody is called here meanwhile.
  const message = `net.ipv4.conf.${view.uplink}.forwarding: got 0; set it, or net.ipv4.ip_forward, to 1 on the node, or no packet that arrives there reaches a Pod`;
  return { ...done, ack: failed(view, id, FailReason.NodeNotSupported, message), announce: undefined };
}

/**
 * The same without a word on the segment. What reaches the node all the same still reaches the Pod: Pods beside it must
 * not lose the address because a cable was pulled.
 */
export function silenced(outcome: Outcome): Outcome {
  const { target, ack, announce } = outcome;
  const unsaid = announce !== undefined && ack?.state === AckState.Announced;
  return {
    ...outcome,
    target: target.proxy ? { ...target, proxy: false } : target,
    ack: unsaid ? { ...ack, state: AckState.Programmed } : ack,
    announce: undefined,
  };
}

/** Below this the binding is older than what was seen already, and nothing of it may be done. */
export function leastEpoch(binding: AddressBinding, memory: AddressMemory | undefined): number {
  if (memory === undefined) return 0;
  if (binding.metadata.uid === memory.bindingUid) return memory.epoch;
  return versionOf(binding) > (memory.version ?? 0) ? 0 : Infinity;
}

export function failed(
  view: NodeView,
  id: { readonly epoch: number; readonly podUid: string },
  reason: FailReason,
  message: string,
): BindingAck {
  return { nodeName: view.nodeName, epoch: id.epoch, podUid: id.podUid, state: AckState.Failed, reason, message };
}

export const refusedEpoch = (epoch: number, current: Footprint): Outcome => ({
  target: current,
  note: `epoch ${epoch} is lower than one that was seen before; nothing is done`,
});
