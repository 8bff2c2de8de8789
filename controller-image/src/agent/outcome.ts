// What should become of one address on this node: the rules of delivering, letting go and cleaning up. Pure; each rule
// looks at one address alone, so that a bad binding can only fail itself.
import { isIPv4 } from "../../../lib/model/address";
import {
  AckState,
  type AddressBinding,
  type AddressBindingSpec,
  type BindingAck,
  type BindingOwner,
  DELIVERIES,
  FailReason,
  FABRICS,
  ackOf,
  mayAnnounce,
  ownerAck,
} from "../../../lib/model/binding";
import type { NodeVerdict } from "./node-check";
import { type Reading, versionOf } from "./reading";
import { claimOf } from "./sandboxes";
import {
  type Footprint,
  FORWARD_CHECK_MS,
  FORWARD_MS,
  type Hop,
  type KernelState,
  NO_FOOTPRINT,
  isEmpty,
  samePath,
} from "./state";

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
    readonly ifindex: number;
    /** Behind a bridge, whose own number says nothing: that of the Pod's port, where it is known. */
    readonly port?: number;
  };
  readonly announced?: { readonly epoch: number; readonly podUid: string };
  /** When forwarding to a new node began, on the clock of {@link NodeView.now}. */
  readonly forwardingSince?: number;
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
  readonly announce?: { readonly epoch: number; readonly podUid: string };
  readonly programmed?: AddressMemory["programmed"];
  readonly forwardingSince?: number;
  /** Look again at this time. */
  readonly wakeAt?: number;
  /** It may heal without any event. */
  readonly retry?: boolean;
  /** The binding must be read from the API before anything may be removed. */
  readonly inquire?: boolean;
  /** Why nothing was done, for the log. */
  readonly note?: string;
}

/** Link kinds at whose other end a Pod can be. A tunnel has no gateway either, but the Pod is on another node. */
const POD_LINK_KINDS: ReadonlySet<string> = new Set(["veth", "bridge", "netkit"]);

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
  // The old Pod's entries must go even where the new ones cannot be made: a higher epoch says so.
  const refuse = (reason: FailReason, message: string, retry = false): Outcome => ({
    target: isEmpty(current) ? NO_FOOTPRINT : { ...NO_FOOTPRINT, fallback: true },
    ack: failed(view, id, reason, message),
    retry,
  });
  if (view.nodeAddresses.has(spec.address)) {
    return refuse(FailReason.AddressNotAllowed, `${spec.address} is the address of a node; reserve another one`);
  }
  const { translates: nat, insidePod: inside } = DELIVERIES[spec.delivery];
  const { arp } = FABRICS[spec.fabric];
  if (inside && view.kernel.pods === undefined) {
    const message = `delivery "interface" is off, because for it agents enter Pods: set interfaceDelivery: true on PersistentIpController, or use delivery "nat"`;
    return refuse(FailReason.DeliveryNotSupported, message);
  }
  const unfit = isEmpty(current) ? unfitNode(spec, view) : undefined;
  if (unfit !== undefined) return refuse(FailReason.NodeNotSupported, unfit, true);
  const hop = view.kernel.hops.get(owner.podIp);
  if (hop === undefined) return { target: current, retry: true, note: `${owner.podIp} was not looked up` };
  const known = memory?.bindingUid === binding.metadata.uid ? memory?.programmed : undefined;
  const same = known?.epoch === spec.epoch && known.podUid === owner.podUid;
  const before = same ? known : undefined;
  if (hop !== "unreachable" && hop.local) {
    const message = `the Pod's address ${owner.podIp} is its node's own (hostNetwork: true), and a node has no persistent address; run the Pod on the Pod network`;
    return refuse(FailReason.PodOnHostNetwork, message, true);
  }
  const reason = notLocal(owner.podIp, hop, view);
  if (hop === "unreachable" || reason !== undefined) {
    return before !== undefined || wasProgrammed(mine, id)
      ? refuse(FailReason.PodInterfaceGone, goneMessage(owner.podIp, reason), true)
      : refuse(FailReason.PodNotOnNode, `${reason}; it is tried again`, true);
  }
  const path = { via: owner.podIp, dev: hop.dev };
  // Without memory (the agent was restarted) the kernel remembers: a route outlives no interface.
  const port = portOf(hop, view);
  const gone = before?.port !== undefined && (!exists(before.port, view) || (port ?? before.port) !== before.port);
  const changed =
    gone ||
    (before !== undefined ? before.ifindex !== hop.ifindex : wasProgrammed(mine, id) && !samePath(current.path, path));
  if (changed)
    return refuse(FailReason.PodInterfaceGone, goneMessage(owner.podIp, `another Pod may have it on ${hop.dev}`));

  const stranger = otherPod(owner, before !== undefined || wasProgrammed(mine, id), view);
  if (stranger !== undefined) return refuse(stranger.reason, stranger.message, true);

  if (nat && !view.rangesKnown && !(samePath(current.path, path) && current.nat && current.natPod === owner.podIp)) {
    const message = "the ranges of the cluster are not known yet: ConfigMap podpin-cluster-ranges is missing or empty";
    return refuse(FailReason.ClusterRangesUnknown, message, true);
  }
  const look = inside ? view.kernel.pods?.get(owner.podIp) : undefined;
  if (inside && (look === undefined || "problem" in look)) {
    const why = look?.problem ?? `the Pod with ${owner.podIp} was not looked into`;
    // What works goes on working.
    if (samePath(current.path, path) && current.insideOf === owner.podIp)
      return { target: current, retry: true, note: why };
    return refuse(FailReason.PodNamespaceUnknown, `${why}; it is tried again`, true);
  }
  // A Pod that was replaced on this very node: whoever had the address here has just been overwritten.
  const allowed = mayAnnounce(binding) || spec.releasing?.nodeName === view.nodeName;
  const foreignProxy = view.kernel.proxies.get(spec.address) === "foreign";
  return {
    target: {
      path,
      fallback: true,
      app: !nat,
      forward: false,
      natPod: nat ? owner.podIp : undefined,
      nat,
      insideOf: inside ? owner.podIp : undefined,
      held: inside,
      proxy: arp && allowed && !foreignProxy,
    },
    ack: { nodeName: view.nodeName, ...id, state: allowed ? AckState.Announced : AckState.Programmed },
    announce: arp && allowed ? id : undefined,
    programmed: { ...id, ifindex: hop.ifindex, port: port ?? before?.port },
  };
}

/** A binding that asks this node to let go. */
export function release(
  reading: Reading,
  current: Footprint,
  memory: AddressMemory | undefined,
  view: NodeView,
): Outcome {
  if (!reading.ok) return { target: current, ack: failed(view, reading, FailReason.InvalidBinding, reading.problem) };
  const { binding } = reading;
  const { owner, releasing, epoch } = binding.spec;
  if (epoch < leastEpoch(binding, memory)) return refusedEpoch(epoch, current);
  if (releasing === undefined) return { target: current };
  const ack: BindingAck = {
    nodeName: view.nodeName,
    epoch: releasing.epoch,
    podUid: "",
    state: AckState.Released,
  };
  if (owner === undefined) return { target: NO_FOOTPRINT, ack };
  const state = ownerAck(binding)?.state;
  const ready = state === AckState.Programmed || state === AckState.Announced;
  if (releasing.wait && !ready) return { target: current };
  if (isEmpty(current)) return { target: NO_FOOTPRINT, ack };
  const since = memory?.forwardingSince ?? view.now;
  const target = forwarding(current, releasing.forwardTo, view);
  if (target === undefined || view.now - since >= FORWARD_MS) return { target: NO_FOOTPRINT, ack };
  return { target, ack, forwardingSince: since, wakeAt: since + FORWARD_MS };
}

/**
 * Something of ours in the kernel that no binding of this node explains.
 *
 * @param evidence the binding as the API server has just returned it
 */
export function leftover(
  evidence: Reading | "absent" | undefined,
  current: Footprint,
  memory: AddressMemory | undefined,
  view: NodeView,
): Outcome {
  if (!view.synced) return { target: current };
  if (evidence === undefined) return { target: current, inquire: true, forwardingSince: memory?.forwardingSince };
  if (evidence === "absent") return { target: NO_FOOTPRINT };
  if (!evidence.ok) return { target: current, inquire: true, retry: true, note: evidence.problem };
  const { binding } = evidence;
  const { nodeName, releasing, epoch } = binding.spec;
  // The caches have not caught up with this answer; their next event decides.
  if (nodeName === view.nodeName || releasing?.nodeName === view.nodeName) {
    return { target: current, inquire: true, retry: true };
  }
  if (epoch < leastEpoch(binding, memory)) return { ...refusedEpoch(epoch, current), inquire: true, retry: true };
  const withdrawAck = ackOf(binding, view.nodeName) !== undefined;
  const since = memory?.forwardingSince ?? view.now;
  // Nobody watches for this node any more, so it asks now and then: with the owner gone there is nowhere to forward to.
  if (current.forward && binding.spec.owner !== undefined && view.now - since < FORWARD_MS) {
    const wakeAt = Math.min(since + FORWARD_MS, view.now + FORWARD_CHECK_MS);
    return { target: current, forwardingSince: since, wakeAt, inquire: true };
  }
  return { target: NO_FOOTPRINT, withdrawAck };
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
function leastEpoch(binding: AddressBinding, memory: AddressMemory | undefined): number {
  if (memory === undefined) return 0;
  if (binding.metadata.uid === memory.bindingUid) return memory.epoch;
  return versionOf(binding) > (memory.version ?? 0) ? 0 : Infinity;
}

/** The route back out of the uplink both delivers to the new node and silences our ARP, in one step. */
function forwarding(current: Footprint, forwardTo: string, view: NodeView): Footprint | undefined {
  const hop = isIPv4(forwardTo) ? view.kernel.hops.get(forwardTo) : undefined;
  if (hop === undefined || hop === "unreachable") return undefined;
  if (hop.local || hop.gateway !== undefined || hop.dev !== view.uplink) return undefined;
  // Untracked, or the kernel calls connections that it sees from the middle on invalid. In `app` stays: the mark.
  return { ...NO_FOOTPRINT, path: { via: forwardTo, dev: view.uplink }, app: current.app, forward: true };
}

const portOf = ({ port }: Hop, { kernel }: NodeView): number | undefined =>
  port === undefined ? undefined : kernel.devices.get(port)?.ifindex;

const exists = (ifindex: number, { kernel }: NodeView): boolean =>
  [...kernel.devices.values()].some((device) => device.ifindex === ifindex);

function notLocal(podIp: string, hop: Hop | "unreachable", view: NodeView): string | undefined {
  if (hop === "unreachable") return `this node has no route to the Pod's address ${podIp}`;
  if (hop.gateway !== undefined) return `the Pod's address ${podIp} is behind ${hop.gateway}, not on this node`;
  if (hop.dev === view.uplink || !POD_LINK_KINDS.has(hop.kind)) {
    return `the Pod's address ${podIp} is reached by ${hop.dev}, which is no interface of a Pod on this node`;
  }
  return undefined;
}

/** Why this node cannot serve the binding. Nothing is taken away for it: a check can be wrong about what works. */
function unfitNode({ address, delivery }: AddressBindingSpec, { node }: NodeView): string | undefined {
  if (node?.taken.has(address) === true && !DELIVERIES[delivery].translates) {
    return `the guest agent has made ${address} the node's own, so the node answers for it before the Pod can; set ip_forwarding = false in the guest agent's configuration, or use delivery "nat"`;
  }
  return node?.unfit.get(delivery);
}

/**
 * Why the Pod that has the address is not the one that is meant. The controller may have read it before the Pod died and
 * its address was given to the next one.
 */
function otherPod(
  { podUid, podIp }: BindingOwner,
  started: boolean,
  { kernel }: NodeView,
): { readonly reason: FailReason; readonly message: string } | undefined {
  const claim = claimOf(kernel.sandboxes, podUid, podIp);
  if (claim === "other") {
    const why = `the container runtime says that ${podIp} is another Pod's`;
    return started
      ? { reason: FailReason.PodInterfaceGone, message: goneMessage(podIp, why) }
      : { reason: FailReason.PodNotOnNode, message: `${why}, not that of ${podUid}; it is tried again` };
  }
  // What works is not taken away for want of evidence.
  if (claim !== "absent" || started) return undefined;
  const message = `the container runtime of this node has no Pod ${podUid}; it is tried again`;
  return { reason: FailReason.PodNotOnNode, message };
}

const goneMessage = (podIp: string, why: string | undefined): string =>
  `the interface that the Pod had with ${podIp} is gone${why === undefined ? "" : ` (${why})`}; the address waits for a higher epoch`;

/** Whether this node has said, perhaps in an earlier life, that it programmed this very Pod. */
function wasProgrammed(ack: BindingAck | undefined, id: { epoch: number; podUid: string }): boolean {
  if (ack?.epoch !== id.epoch || ack.podUid !== id.podUid) return false;
  const done = ack.state === AckState.Programmed || ack.state === AckState.Announced;
  return done || ack.reason === FailReason.PodInterfaceGone;
}

function failed(
  view: NodeView,
  id: { readonly epoch: number; readonly podUid: string },
  reason: FailReason,
  message: string,
): BindingAck {
  return { nodeName: view.nodeName, epoch: id.epoch, podUid: id.podUid, state: AckState.Failed, reason, message };
}

const refusedEpoch = (epoch: number, current: Footprint): Outcome => ({
  target: current,
  note: `epoch ${epoch} is lower than one that was seen before; nothing is done`,
});
