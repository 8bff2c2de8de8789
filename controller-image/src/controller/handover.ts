// What one AddressBinding must say next. Every change of the owner raises the epoch; the node that had the address
// before stays in `releasing` until it has acknowledged, or until it is proved that it cannot serve any more.
import {
  AckState,
  HIGHEST_CREDIBLE_EPOCH,
  isInterfaceGone,
  isLed,
  isLedFabric,
  isReleased,
  mayAnnounce,
  ownerAck,
  type AddressBinding,
  type AddressBindingSpec,
  type BindingLead,
  type BindingRelease,
  type BindingStandby,
  type Delivery,
  Fabric,
} from "../../../lib/model/binding";
import { apiVersionOf, RESOURCES, type Pod } from "../../../lib/model/kubernetes";
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import type { CloudView } from "../fabric/cloud";
import { sameStandby } from "./standby";

export interface NodeView {
  /** The node's own address, where other nodes send what is still on its way. */
  readonly address: string;
  /** What Kubernetes says of it. */
  readonly ready: boolean;
  /** How long it has said otherwise, in milliseconds. */
  readonly unreadyMs: number;
  /** How long Kubernetes has heard it, in milliseconds, as far as that is known: 0 while it does not. */
  readonly backMs?: number;
  /** It does not answer heartbeats: nothing there can be reached, and nothing there is waited for. */
  readonly lost: boolean;
  /** It has answered heartbeats lately, or another node has heard it. */
  readonly heard: boolean;
  /** Its Pods will be stopped: it is cordoned, or has a taint that announces a drain. */
  readonly cordoned: boolean;
}

/** A Pod as a binding names it. */
export interface Target {
  readonly nodeName: string;
  readonly owner: NonNullable<AddressBinding["spec"]["owner"]>;
}

/** A write to one binding. `replace` and `delete` are compare-and-swap on the resourceVersion inside. */
export type BindingChange =
  | { readonly verb: "create" | "replace"; readonly binding: AddressBinding }
  | { readonly verb: "delete"; readonly binding: AddressBinding };

export interface Step {
  readonly change?: BindingChange;
  /** True while only the passing of time can bring the next step. */
  readonly waiting: boolean;
}

/**
 * After this long an old node that does not answer is no longer waited for: its agent is down, its Pod may be too. On a fabric
 * that is led it counts from when the packets go to the new node; until then the old one must serve, however long that takes.
 */
const HANDOVER_WAIT_MS = 5_000;
/** After this long without Ready a node that has not let go counts as gone; if it comes back it cleans up first. */
const GONE_NODE_WAIT_MS = 60_000;
/** How long a deleted address waits for nodes that only forward: longer than they need to notice, the agent's CHECK_MS. */
const FORWARDERS_WAIT_MS = 10_000;
/**
 * How long a Pod must outlive its own interface before the address follows it to another one (a new sandbox of the same
 * Pod). Shorter, and it could be a dying Pod whose address somebody else gets next.
 */
const GONE_INTERFACE_WAIT_MS = 10_000;

export interface GrantInput {
  readonly address: string;
  readonly route: GKEIPRoute;
  readonly binding?: AddressBinding;
  /** Without a binding: what it said last, where somebody deleted it while a node may still have had the address. */
  readonly former?: AddressBinding;
  /** Who shall have the address; undefined when no Pod can. */
  readonly target?: Target;
  readonly delivery: Delivery;
  readonly fabric?: Fabric;
  readonly network: string;
  readonly pods: readonly Pod[];
  readonly node: (name: string) => NodeView | undefined;
  /** The same, and a node whose object was deleted a moment ago while it was heard: it may still have addresses. @default node */
  readonly mayHold?: (name: string) => NodeView | undefined;
  readonly waitedMs: number;
  /** What is known of the cloud for the route; only where the controller has one. */
  readonly cloud?: CloudView;
  /** Who could take over, given whom the binding names for it. @default nobody */
  readonly standby?: (before?: BindingStandby) => BindingStandby | undefined;
}

/** The next step towards "this target has this address". */
export function grant(input: GrantInput): Step {
  const { address, binding, target, node, mayHold = node } = input;
  const desired = {
    address,
    route: routeRef(input.route),
    nodeName: target?.nodeName ?? "",
    owner: target?.owner,
    delivery: input.delivery,
    fabric: input.fabric ?? Fabric.None,
    network: input.network,
  };
  if (binding === undefined) {
    // An address that nobody has needs no object.
    if (target === undefined) return { waiting: false };
    const next = { ...desired, ...begin(input, target.nodeName), standby: input.standby?.() };
    const spec = withLead(next, input.former?.spec.led, input.cloud);
    return { change: { verb: "create", binding: newBinding(address, spec) }, waiting: next.releasing?.wait === true };
  }
  const { spec } = binding;
  const epoch = nextEpoch(binding);
  if (sameGrant(spec, desired) && epoch === spec.epoch + 1) {
    if (!isInterfaceGone(binding)) return settle(binding, input);
    if (input.waitedMs < GONE_INTERFACE_WAIT_MS) return { waiting: true };
  }
  // The owner has not announced yet because the node before it has not let go. Moving on now would lose sight of that
  // node; so first things first, unless the owner itself is gone. What is led moves as a whole: isUnderWay.
  const owed = !mayAnnounce(binding) && ownerLives(spec, input) && !isLost(node(spec.nodeName));
  if (
    owed &&
    !isLedFabric(spec.fabric) &&
    !isLost(mayHold(spec.releasing?.nodeName ?? "")) &&
    input.waitedMs < HANDOVER_WAIT_MS
  )
    return { waiting: true };
  const releasing = nextRelease(binding, desired.nodeName, input);
  // It is written anyway, so whoever would be next by the rules of now.
  const standby = target && input.standby?.();
  return {
    change: replaced(binding, withLead({ ...desired, epoch, releasing, standby }, spec.led, input.cloud)),
    waiting: releasing?.wait === true,
  };
}

/** Deleted by hand it goes on where it was: its node may not have heard of that, and still serve. */
function begin(input: GrantInput, newNode: string): Pick<AddressBindingSpec, "epoch" | "releasing"> {
  const { former } = input;
  const epoch = former === undefined ? 1 : nextEpoch(former);
  // To get rid of such an epoch it was deleted.
  if (former === undefined || epoch > HIGHEST_CREDIBLE_EPOCH) return { epoch: 1 };
  const releasing = nextRelease(former, newNode, input);
  return { epoch, ...(releasing && { releasing }) };
}

/** Whether a node may still have the address. */
export function isHeld(binding: AddressBinding): boolean {
  const { nodeName, releasing } = binding.spec;
  return nodeName !== "" || (releasing !== undefined && !isReleased(binding));
}

/**
 * Whether the cloud may be leading the packets to the owner's node just now, or has just done so: a route must not be sent
 * elsewhere meanwhile, or they would arrive where nobody expects them any more.
 */
export function isUnderWay(
  binding: AddressBinding,
  { pods, node, waitedMs }: Pick<GrantInput, "pods" | "node" | "waitedMs">,
): boolean {
  const { spec } = binding;
  if (!isLedFabric(spec.fabric) || mayAnnounce(binding) || !isProgrammed(binding)) return false;
  if (!ownerLives(spec, { pods }) || isLost(node(spec.nodeName))) return false;
  return !isLost(node(spec.releasing?.nodeName ?? "")) && (!isLed(binding) || waitedMs < HANDOVER_WAIT_MS);
}

/** Whether the owner's node delivers, for this epoch and Pod. */
export function isProgrammed(binding: AddressBinding): boolean {
  const state = ownerAck(binding)?.state;
  return state === AckState.Programmed || state === AckState.Announced;
}

/** The next step towards "nobody has this address and the binding is gone". */
export function release(
  binding: AddressBinding,
  { node, mayHold = node, waitedMs, cloud }: Pick<GrantInput, "node" | "mayHold" | "waitedMs" | "cloud">,
): Step {
  const { spec } = binding;
  if (spec.owner !== undefined || spec.nodeName !== "") {
    // One node at a time: the one before this owner still has to let go, or to be given up.
    const former = !mayAnnounce(binding) && !isGone(spec.releasing, mayHold);
    if (former && waitedMs < HANDOVER_WAIT_MS) return { waiting: true };
    const releasing: BindingRelease = { nodeName: spec.nodeName, epoch: spec.epoch, forwardTo: "", wait: false };
    return { change: replaced(binding, { ...unowned(spec), epoch: nextEpoch(binding), releasing }), waiting: true };
  }
  // Whoever has acted for more already does nothing for this one.
  const epoch = nextEpoch(binding);
  if (epoch > spec.epoch + 1) {
    return { change: replaced(binding, { ...unowned(spec), epoch, releasing: spec.releasing }), waiting: true };
  }
  const done = isReleased(binding) || isGone(spec.releasing, mayHold);
  // A node before that still forwards withdraws its acknowledgement when it has cleaned up; a lost one never does, nor one
  // that was started anew. What it forwards meanwhile harms nobody, so it is not waited for long.
  const forwards = (binding.status?.acks ?? []).some(
    ({ nodeName }) => nodeName !== spec.releasing?.nodeName && node(nodeName)?.ready === true,
  );
  // The next route could not have the address before: the cloud has one place for it.
  const led = isLedFabric(spec.fabric) && cloud !== undefined && (!cloud.known || cloud.leads.has(spec.address));
  if (done && !led && (!forwards || waitedMs >= FORWARDERS_WAIT_MS))
    return { change: { verb: "delete", binding }, waiting: false };
  return { waiting: !done || !led };
}

/** What is known here and nothing else: a later version may have written more, which has no sense without the owner. */
function unowned({ address, route, delivery, fabric, network, led }: AddressBindingSpec) {
  return { address, route, nodeName: "", delivery, fabric, network, ...(led && { led }) };
}

/** The owner is right; only the hand-over may still be under way. */
function settle(binding: AddressBinding, input: GrantInput): Step {
  const { releasing, led, standby: before, ...spec } = binding.spec;
  const steady = sameLead(leadOf(spec, led, input.cloud), led);
  // Only when nothing arrives at the node before any more, and has not for as long as was waited.
  const next = releasing && settledRelease(binding, releasing, input, { elsewhere: steady && isLed(binding) });
  const waiting = next?.wait === true && isLed(binding);
  const standby = input.standby?.(before);
  // While a node is waited for the write that ends the waiting is still to come, and takes it along.
  if (next === releasing && steady && (next?.wait === true || sameStandby(standby, before))) return { waiting };
  const settled = { ...spec, ...(next && { releasing: next }), ...(standby && { standby }) };
  return { change: replaced(binding, withLead(settled, led, input.cloud)), waiting };
}

/** What is still to be let go of, the same object where nothing changes. */
function settledRelease(
  binding: AddressBinding,
  releasing: BindingRelease,
  { node, mayHold = node, waitedMs }: GrantInput,
  { elsewhere }: { readonly elsewhere: boolean },
): BindingRelease | undefined {
  const former = mayHold(releasing.nodeName);
  // A node that only does not answer keeps its place here, however long: when it comes back, it must find that it has lost
  // the address before it speaks for it again.
  if (isReleased(binding) || former === undefined || releasing.nodeName === binding.spec.nodeName) return undefined;
  if (!releasing.wait) return releasing;
  const patient = !elsewhere || (answers(former) && waitedMs < HANDOVER_WAIT_MS);
  return patient && !former.lost ? releasing : { ...releasing, wait: false };
}

/** What a binding must say with where the cloud takes the packets now; as far as that is known, else as it was. */
function withLead(
  spec: Omit<AddressBindingSpec, "led">,
  before: BindingLead | undefined,
  cloud: CloudView | undefined,
): AddressBindingSpec {
  const led = leadOf(spec, before, cloud);
  return led === undefined ? spec : { ...spec, led };
}

function leadOf(
  { address, epoch, fabric, nodeName: owner }: Omit<AddressBindingSpec, "led">,
  before: BindingLead | undefined,
  cloud: CloudView | undefined,
): BindingLead | undefined {
  if (!isLedFabric(fabric)) return undefined;
  if (cloud?.known !== true || cloud.unsure?.has(address) === true) return before;
  const nodeName = cloud.leads.get(address);
  if (nodeName === undefined) return undefined;
  // Where it has led since an epoch before it goes on leading for that one, unless that is where the owner is now.
  return nodeName === before?.nodeName && nodeName !== owner ? before : { nodeName, epoch };
}

function sameLead(a: BindingLead | undefined, b: BindingLead | undefined): boolean {
  return a?.nodeName === b?.nodeName && a?.epoch === b?.epoch;
}

function nextRelease(binding: AddressBinding, newNode: string, input: GrantInput): BindingRelease | undefined {
  const { spec } = binding;
  const { mayHold = input.node } = input;
  const forwardTo = newNode === "" ? "" : (input.node(newNode)?.address ?? "");
  const former = spec.releasing;
  // The node before the last one may still answer, and the last one has therefore never announced: keep the former.
  if (former !== undefined && !mayAnnounce(binding) && former.nodeName !== newNode) {
    return { ...former, forwardTo, wait: former.wait && !isLost(mayHold(former.nodeName)) };
  }
  if (spec.nodeName === "" || spec.nodeName === newNode) {
    // Nobody else served it since; an unfinished release goes on.
    if (former === undefined || former.nodeName === newNode || isReleased(binding)) return undefined;
    return { ...former, forwardTo };
  }
  const last = mayHold(spec.nodeName);
  // What is led still arrives there, whatever Kubernetes says of the node.
  const serves = last !== undefined && !last.lost && (answers(last) || isLedFabric(spec.fabric));
  const wait = newNode !== "" && ownerLives(spec, input) && serves;
  return { nodeName: spec.nodeName, epoch: spec.epoch, forwardTo, wait };
}

function ownerLives(spec: AddressBindingSpec, { pods }: Pick<GrantInput, "pods">): boolean {
  return spec.owner !== undefined && pods.some(({ metadata }) => metadata.uid === spec.owner?.podUid);
}

/** Whether nothing on the node can answer, as far as is known. */
function isLost(node: NodeView | undefined): boolean {
  return node === undefined || node.lost;
}

/** Whether anybody hears the node: then it may still serve, and say that it has let go. */
function answers(node: NodeView): boolean {
  return !node.lost && (node.ready || node.heard);
}

/** Whether the node that should let go will never say so: it was removed, or nobody hears it and Kubernetes has missed it for long. */
function isGone(releasing: BindingRelease | undefined, mayHold: GrantInput["node"]): boolean {
  if (releasing === undefined) return true;
  const there = mayHold(releasing.nodeName);
  return there === undefined || (!answers(there) && there.unreadyMs >= GONE_NODE_WAIT_MS);
}

function sameGrant(
  spec: AddressBindingSpec,
  desired: Omit<AddressBindingSpec, "epoch" | "releasing" | "standby" | "led">,
): boolean {
  return (
    spec.route.uid === desired.route.uid &&
    spec.nodeName === desired.nodeName &&
    spec.owner?.podUid === desired.owner?.podUid &&
    spec.owner?.podIp === desired.owner?.podIp &&
    spec.delivery === desired.delivery &&
    spec.fabric === desired.fabric &&
    spec.network === desired.network
  );
}

/**
 * Above whatever is acknowledged, too: a node does nothing for less than it has said itself, and what stands there under its
 * name may be somebody's edit, or from before a backup was restored.
 */
function nextEpoch({ spec, status }: AddressBinding): number {
  const said = (status?.acks ?? []).map(({ epoch }) => epoch);
  return Math.max(spec.epoch, ...said.filter((epoch) => epoch <= HIGHEST_CREDIBLE_EPOCH)) + 1;
}

function routeRef({ metadata }: GKEIPRoute): AddressBindingSpec["route"] {
  return { namespace: metadata.namespace ?? "", name: metadata.name, uid: metadata.uid ?? "" };
}

function newBinding(address: string, spec: AddressBindingSpec): AddressBinding {
  const { kind } = RESOURCES.addressBindings;
  return { apiVersion: apiVersionOf(RESOURCES.addressBindings), kind, metadata: { name: address }, spec };
}

function replaced(binding: AddressBinding, spec: AddressBindingSpec): BindingChange {
  return { verb: "replace", binding: { ...binding, spec } };
}
