// What one AddressBinding must say next. Every change of the owner raises the epoch; the node that had the address
// before stays in `releasing` until it has acknowledged, or until it is proved that it cannot serve any more.
import {
  isInterfaceGone,
  isReleased,
  mayAnnounce,
  type AddressBinding,
  type AddressBindingSpec,
  type BindingRelease,
  type Delivery,
  type Fabric,
} from "../../../lib/model/binding";
import { apiVersionOf, RESOURCES, type Pod } from "../../../lib/model/kubernetes";
import type { GKEIPRoute } from "../../../lib/model/gke-api";

export interface NodeView {
  /** The node's own address, where other nodes send what is still on its way. */
  readonly address: string;
  /** What Kubernetes says of it. */
  readonly ready: boolean;
  /** How long it has said otherwise, in milliseconds. */
  readonly unreadyMs: number;
  /** It does not answer heartbeats: nothing there can be reached, and nothing there is waited for. */
  readonly lost: boolean;
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

/** After this long an old node that does not answer is no longer waited for: its agent is down, its Pod may be too. */
const HANDOVER_WAIT_MS = 5_000;
/** After this long without Ready a node that has not let go counts as gone; if it comes back it cleans up first. */
const GONE_NODE_WAIT_MS = 60_000;
/** How long a deleted address waits for nodes that only forward: twice as long as they need to notice. */
export const FORWARDERS_WAIT_MS = 10_000;
/**
 * How long a Pod must outlive its own interface before the address follows it to another one (a new sandbox of the same
 * Pod). Shorter, and it could be a dying Pod whose address somebody else gets next.
 */
const GONE_INTERFACE_WAIT_MS = 10_000;

export interface GrantInput {
  readonly address: string;
  readonly route: GKEIPRoute;
  readonly binding?: AddressBinding;
  /** Who shall have the address; undefined when no Pod can. */
  readonly target?: Target;
  readonly delivery: Delivery;
  readonly fabric?: Fabric;
  readonly network: string;
  readonly pods: readonly Pod[];
  readonly node: (name: string) => NodeView | undefined;
  readonly waitedMs: number;
}

/** The next step towards "this target has this address". */
export function grant(input: GrantInput): Step {
  const { address, binding, target, node } = input;
  const desired = {
    address,
    route: routeRef(input.route),
    nodeName: target?.nodeName ?? "",
    owner: target?.owner,
    delivery: input.delivery,
    fabric: input.fabric ?? "none",
    network: input.network,
  };
  if (binding === undefined) {
    // An address that nobody has needs no object.
    if (target === undefined) return { waiting: false };
    const spec: AddressBindingSpec = { ...desired, epoch: 1 };
    return { change: { verb: "create", binding: newBinding(address, spec) }, waiting: false };
  }
  const { spec } = binding;
  if (sameGrant(spec, desired)) {
    if (!isInterfaceGone(binding)) return settle(binding, node, input.waitedMs);
    if (input.waitedMs < GONE_INTERFACE_WAIT_MS) return { waiting: true };
  }
  // The owner has not announced yet because the node before it has not let go. Moving on now would lose sight of that
  // node; so first things first, unless the owner itself is gone.
  const owed = !mayAnnounce(binding) && ownerLives(spec, input) && !isLost(node(spec.nodeName));
  if (owed && !isLost(node(spec.releasing?.nodeName ?? "")) && input.waitedMs < HANDOVER_WAIT_MS)
    return { waiting: true };
  const releasing = nextRelease(binding, desired.nodeName, input);
  return {
    change: replaced(binding, { ...desired, epoch: spec.epoch + 1, releasing }),
    waiting: releasing?.wait === true,
  };
}

/** The next step towards "nobody has this address and the binding is gone". */
export function release(binding: AddressBinding, node: GrantInput["node"], waitedMs: number): Step {
  const { spec } = binding;
  if (spec.owner !== undefined || spec.nodeName !== "") {
    // One node at a time: the one before this owner still has to let go, or to be given up.
    const former = !mayAnnounce(binding) && !isGone(spec.releasing, node);
    if (former && waitedMs < HANDOVER_WAIT_MS) return { waiting: true };
    const releasing: BindingRelease = { nodeName: spec.nodeName, epoch: spec.epoch, forwardTo: "", wait: false };
    const { owner: _owner, ...rest } = spec;
    return { change: replaced(binding, { ...rest, epoch: spec.epoch + 1, nodeName: "", releasing }), waiting: true };
  }
  const done = isReleased(binding) || isGone(spec.releasing, node);
  // A node before that still forwards withdraws its acknowledgement when it has cleaned up; a lost one never does, nor one
  // that was started anew. What it forwards meanwhile harms nobody, so it is not waited for long.
  const forwards = (binding.status?.acks ?? []).some(
    ({ nodeName }) => nodeName !== spec.releasing?.nodeName && node(nodeName)?.ready === true,
  );
  if (done && (!forwards || waitedMs >= FORWARDERS_WAIT_MS))
    return { change: { verb: "delete", binding }, waiting: false };
  return { waiting: true };
}

/** The owner is right; only the hand-over may still be under way. */
function settle(binding: AddressBinding, node: GrantInput["node"], waitedMs: number): Step {
  const { releasing, ...spec } = binding.spec;
  if (releasing === undefined) return { waiting: false };
  const former = node(releasing.nodeName);
  // A node that only does not answer keeps its place here, however long: when it comes back, it must find that it has lost
  // the address before it speaks for it again.
  if (isReleased(binding) || former === undefined) return { change: replaced(binding, spec), waiting: false };
  if (!releasing.wait) return { waiting: false };
  if (former.ready && !former.lost && waitedMs < HANDOVER_WAIT_MS) return { waiting: true };
  return { change: replaced(binding, { ...spec, releasing: { ...releasing, wait: false } }), waiting: false };
}

function nextRelease(binding: AddressBinding, newNode: string, input: GrantInput): BindingRelease | undefined {
  const { spec } = binding;
  const forwardTo = newNode === "" ? "" : (input.node(newNode)?.address ?? "");
  const former = spec.releasing;
  // The node before the last one may still answer, and the last one has therefore never announced: keep the former.
  if (former !== undefined && !mayAnnounce(binding) && former.nodeName !== newNode) {
    return { ...former, forwardTo, wait: former.wait && !isLost(input.node(former.nodeName)) };
  }
  if (spec.nodeName === "" || spec.nodeName === newNode) {
    // Nobody else served it since; an unfinished release goes on.
    if (former === undefined || former.nodeName === newNode || isReleased(binding)) return undefined;
    return { ...former, forwardTo };
  }
  const last = input.node(spec.nodeName);
  const wait = newNode !== "" && ownerLives(spec, input) && last?.ready === true && !last.lost;
  return { nodeName: spec.nodeName, epoch: spec.epoch, forwardTo, wait };
}

function ownerLives(spec: AddressBindingSpec, { pods }: GrantInput): boolean {
  return spec.owner !== undefined && pods.some(({ metadata }) => metadata.uid === spec.owner?.podUid);
}

/** Whether nothing on the node can answer, as far as is known. */
function isLost(node: NodeView | undefined): boolean {
  return node === undefined || node.lost;
}

/** Whether the node that should let go will never say so: it was removed, or Kubernetes has missed it for long. */
function isGone(releasing: BindingRelease | undefined, node: GrantInput["node"]): boolean {
  if (releasing === undefined) return true;
  const there = node(releasing.nodeName);
  return there === undefined || there.unreadyMs >= GONE_NODE_WAIT_MS;
}

function sameGrant(spec: AddressBindingSpec, desired: Omit<AddressBindingSpec, "epoch" | "releasing">): boolean {
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
