// The status of a GKEIPRoute, from what the bindings say. `Ready` is True only by acknowledgements for this
// generation's bindings: this Pod UID, this epoch.
import type { RouteVerdict } from "../../../lib/model/acceptance";
import { AckState, isLed, isReleased, mayAnnounce, ownerAck, type AddressBinding } from "../../../lib/model/binding";
import {
  DEFAULT_NETWORK,
  routeCondition,
  RouteCondition,
  RouteReason,
  type GKEIPRoute,
} from "../../../lib/model/gke-api";
import type { Condition, Pod } from "../../../lib/model/kubernetes";
import { NodeHealth } from "../../../lib/model/node-health";
import { isDefaultNetwork, isReadyButForNode, podAddress } from "../../../lib/model/selection";
import type { CloudProblem, CloudView } from "../fabric/cloud";
import { mergeConditions, same, type WantedCondition } from "./conditions";
import { healthOf, type Held } from "./choice";
import type { BindingChange, NodeView } from "./handover";

export interface RouteStatus {
  readonly pods: readonly string[];
  readonly conditions: readonly Condition[];
}

export interface RouteStatusInput {
  readonly route: GKEIPRoute;
  readonly verdict: RouteVerdict;
  readonly rivals: ReadonlyMap<string, string>;
  readonly bindings: readonly AddressBinding[];
  readonly wanted: readonly string[];
  readonly chosen?: Pod;
  readonly held?: Held;
  /** Kubernetes calls the chosen Pod not Ready because it heard nothing of its node, and podpin does. */
  readonly unheard?: boolean;
  readonly deleting: boolean;
  readonly node: (name: string) => NodeView | undefined;
  readonly waitedMs: (address: string) => number;
  /** Changes that are about to be written: what they replace acknowledges nothing any more. */
  readonly pending: readonly BindingChange[];
  /** What is known of the cloud for the route, where the controller has one. */
  readonly cloud?: CloudView;
  /** What the cloud has of the route is to go. */
  readonly removing: boolean;
  readonly now: string;
}

/** The status to write; undefined when the route says it already. */
export function routeStatus(input: RouteStatusInput): RouteStatus | undefined {
  const { route, chosen } = input;
  const status: RouteStatus = {
    pods: chosen === undefined ? [] : [chosen.metadata.name],
    conditions: mergeConditions(
      route.status?.conditions,
      wantedConditions(input),
      route.metadata.generation ?? 1,
      input.now,
    ),
  };
  return same(status, { pods: route.status?.pods ?? [], conditions: route.status?.conditions ?? [] })
    ? undefined
    : status;
}

function wantedConditions(input: RouteStatusInput): readonly WantedCondition[] {
  if (input.deleting) return deletionConditions(input);
  const accepted = acceptedCondition(input);
  const [gcp, dpv2] = progressConditions(input, accepted);
  return [accepted, gcp, dpv2, readyCondition(input, accepted, gcp, dpv2)];
}

function acceptedCondition({ verdict, rivals }: RouteStatusInput): WantedCondition {
  const type = RouteCondition.Accepted;
  if (!verdict.accepted) return { type, status: "False", reason: verdict.reason, message: verdict.message };
  const contested = verdict.addresses.filter((address) => rivals.has(address));
  if (contested.length > 0) {
    const list = contested.map((address) => `${address}/32 belongs to GKEIPRoute ${rivals.get(address) ?? ""}`);
    const message = `${list.join(", ")}; the older route keeps it, this one gets it when that one lets go`;
    return { type, status: "False", reason: RouteReason.InvalidAddresses, message };
  }
  return { type, status: "True", reason: verdict.reason, message: verdict.message };
}

/** `GCPReady` (the fabric brings the packets to the node) and `DPV2Ready` (the node brings them to the Pod). */
function progressConditions(input: RouteStatusInput, accepted: WantedCondition): [WantedCondition, WantedCondition] {
  const { route, chosen, wanted } = input;
  const gcp = (status: Condition["status"], reason: string, message: string): WantedCondition => ({
    type: RouteCondition.GCPReady,
    status,
    reason,
    message,
  });
  const dpv2 = (status: Condition["status"], reason: string, message: string): WantedCondition => ({
    type: RouteCondition.DPV2Ready,
    status,
    reason,
    message,
  });
  if (accepted.status !== "True") {
    const message = `the route is not accepted (${accepted.reason})`;
    return [gcp("False", RouteReason.GCPNotReady, message), dpv2("False", RouteReason.DPV2NotReady, message)];
  }
  if (chosen === undefined) {
    const message = "no eligible Pod matches podSelector in the route's namespace";
    return [gcp("False", RouteReason.NoPodsFound, message), dpv2("False", RouteReason.NoPodsFound, message)];
  }
  const pod = `Pod ${chosen.metadata.name}`;
  const network = route.spec.network ?? DEFAULT_NETWORK;
  if (podAddress(chosen, network) === undefined) {
    const message = `${pod} ${noAddressText(chosen, network)}`;
    return [gcp("False", RouteReason.GCPNotReady, message), dpv2("False", RouteReason.DPV2NotReady, message)];
  }
  const nodeName = chosen.spec?.nodeName ?? "";
  if (isOnLostNode(input)) {
    // What its agent said before is no proof any more, and nothing is under way that could bring a new one.
    const message = `node ${nodeName} does not answer; ${pod} cannot be reached, and no other eligible Pod could take over`;
    return [gcp("False", RouteReason.GCPNotReady, message), dpv2("False", RouteReason.DPV2NotReady, message)];
  }
  const views = wanted.map((address) => viewOf(address, input));
  const failed = views.filter(({ failure }) => failure !== undefined);
  const notProgrammed = views.filter(({ programmed }) => !programmed);
  const notAnnounced = views.filter(({ announced }) => !announced);
  const moving = wasReady(route) ? RouteReason.Mutated : undefined;
  const on = `on node ${nodeName}`;
  const datapath =
    failed.length > 0
      ? dpv2("False", RouteReason.DPV2NotReady, failed.map(({ failure }) => failure ?? "").join(". "))
      : notProgrammed.length > 0
        ? dpv2("False", moving ?? RouteReason.DPV2NotReady, `${list(notProgrammed)} not yet delivered to ${pod} ${on}`)
        : dpv2("True", RouteReason.DPV2Ready, `${list(views)} delivered to ${pod} ${on}`);
  const problem = input.cloud?.known === true ? input.cloud.problem : undefined;
  const fabric =
    problem !== undefined
      ? gcp("False", RouteReason.GCPFailed, problemText(problem))
      : notAnnounced.length > 0
        ? gcp("False", moving ?? RouteReason.GCPNotReady, notAnnounced.map(({ why }) => why).join(". "))
        : gcp("True", RouteReason.GCPReady, `${list(views)} led to node ${nodeName}`);
  return [fabric, datapath];
}

function noAddressText({ status }: Pod, network: string): string {
  const only = isDefaultNetwork(network) ? status?.podIP : undefined;
  if (only === undefined) return `has no address on network ${network} yet`;
  return `has only ${only} on network ${network}; a persistent address is delivered to a Pod's own IPv4 address, so the Pod needs one`;
}

interface AddressView {
  readonly address: string;
  readonly programmed: boolean;
  readonly announced: boolean;
  readonly failure?: string;
  /** Why it is not announced. */
  readonly why: string;
}

/** GKE has one reason for all that a cloud may say; what it is comes first in the message, for people and programs. */
function problemText({ reason, message }: CloudProblem): string {
  return `${reason}: ${message}`;
}

function viewOf(address: string, { bindings, chosen, pending, route, cloud }: RouteStatusInput): AddressView {
  const binding = bindings.find(({ spec }) => spec.address === address);
  const changing = pending.some((change) => change.binding.spec.address === address && movesOwner(change, binding));
  const ack = binding === undefined || changing ? undefined : ownerAck(binding);
  const current =
    binding?.spec.route.uid === route.metadata.uid && binding?.spec.owner?.podUid === chosen?.metadata.uid
      ? ack
      : undefined;
  const announced = current?.state === AckState.Announced;
  // What was read back before counts as long as nothing newer has been.
  const led = binding !== undefined && isLed(binding) && !isAstray(binding, cloud);
  const failure =
    current?.state === AckState.Failed ? `${address}: ${current.reason ?? ""}: ${current.message ?? ""}` : undefined;
  const waits = binding !== undefined && isLed(binding) && !mayAnnounce(binding) && !isReleased(binding);
  const why = waits
    ? `${address} waits for node ${binding.spec.releasing?.nodeName ?? ""} to let go`
    : `${address} is not yet led to node ${chosen?.spec?.nodeName ?? ""}`;
  const programmed = announced || current?.state === AckState.Programmed;
  return { address, programmed, announced: announced && led, failure, why };
}

/** Whether the cloud is known to take the packets elsewhere than the binding says. */
function isAstray({ spec }: AddressBinding, cloud: CloudView | undefined): boolean {
  return spec.led !== undefined && cloud?.known === true && cloud.leads.get(spec.address) !== spec.led.nodeName;
}

function movesOwner(change: BindingChange, before: AddressBinding | undefined): boolean {
  return change.verb === "delete" || change.binding.spec.epoch !== before?.spec.epoch;
}

function readyCondition(
  input: RouteStatusInput,
  accepted: WantedCondition,
  gcp: WantedCondition,
  dpv2: WantedCondition,
): WantedCondition {
  const { chosen } = input;
  const type = RouteCondition.Ready;
  const missing = [accepted, gcp, dpv2].filter(({ status }) => status !== "True");
  if (missing.length === 0) {
    const notes = [input.held?.note, input.unheard === true ? unheardNote(chosen) : undefined];
    const more = notes.map((note) => (note === undefined ? "" : `; ${note}`)).join("");
    const message = `the addresses reach Pod ${chosen?.metadata.name ?? ""}${more}`;
    return { type, status: "True", reason: RouteReason.ProgrammingComplete, message };
  }
  const reason = whyNotReady(input, accepted);
  const message = missing.map(({ type: what, message: why }) => `${what}: ${why}`).join("; ");
  return { type, status: "False", reason, message };
}

function unheardNote(pod: Pod | undefined): string {
  if (pod !== undefined && !isReadyButForNode(pod)) {
    return `Kubernetes hears node ${pod.spec?.nodeName ?? ""} again, whose kubelet has not found the Pod Ready yet`;
  }
  return `Kubernetes has not heard node ${pod?.spec?.nodeName ?? ""} and calls the Pod not Ready for that; the Pod's containers are, and the node answers podpin`;
}

/** Not accepted says it all; otherwise no Pod was found, its node is lost, or something is under way or stuck. */
function whyNotReady(input: RouteStatusInput, accepted: WantedCondition): string {
  if (accepted.status !== "True") return accepted.reason;
  if (input.chosen === undefined) return RouteReason.NoPodsFound;
  return isOnLostNode(input) ? RouteReason.DPV2NotReady : RouteReason.Mutated;
}

function isOnLostNode({ chosen, node }: RouteStatusInput): boolean {
  return chosen !== undefined && healthOf(node(chosen.spec?.nodeName ?? "")) === NodeHealth.Lost;
}

/** After this long a node that has not let go is a problem that somebody has to look at. */
const OVERDUE_MS = 60_000;

function deletionConditions(input: RouteStatusInput): readonly WantedCondition[] {
  const nodes = onNodes(input);
  const cloud = inCloud(input, nodes);
  // Of the two the one that is not done yet; the nodes first, since somebody may have to go there.
  const both = nodes.reason === RouteReason.CleanupComplete ? cloud : nodes;
  return [
    { type: RouteCondition.GCPReady, status: "False", ...cloud },
    { type: RouteCondition.DPV2Ready, status: "False", ...nodes },
    { type: RouteCondition.Ready, status: "False", ...both },
  ];
}

interface Progress {
  readonly reason: RouteReason;
  readonly message: string;
}

/** What nodes have not let go of yet. */
function onNodes({ bindings, route, removing, waitedMs }: RouteStatusInput): Progress {
  const own = bindings.filter(({ spec }) => spec.route.uid === route.metadata.uid);
  // Only the cloud keeps a binding whose node has let go.
  const left = removing ? own.filter((binding) => binding.spec.owner !== undefined || !isReleased(binding)) : own;
  if (left.length === 0) return { reason: RouteReason.CleanupComplete, message: "every address is released" };
  const held = ({ spec }: AddressBinding): string =>
    `${spec.address} on node ${spec.releasing?.nodeName ?? spec.nodeName}`;
  const overdue = left.filter((binding) => !isReleased(binding) && waitedMs(binding.spec.address) >= OVERDUE_MS);
  if (overdue.length > 0) {
    const message = `the route is being deleted; not released after 60 s: ${overdue.map(held).join(", ")}. See whether podpin-agent runs there; if the machine is gone, delete its Node`;
    return { reason: RouteReason.DPV2NotReady, message };
  }
  return {
    reason: RouteReason.Mutated,
    message: `the route is being deleted; still held: ${left.map(held).join(", ")}`,
  };
}

/** What is left in the cloud; without one it is done when the nodes are. */
function inCloud({ cloud, removing }: RouteStatusInput, nodes: Progress): Progress {
  if (!removing || cloud === undefined) {
    return nodes.reason === RouteReason.DPV2NotReady ? { ...nodes, reason: RouteReason.GCPNotReady } : nodes;
  }
  if (!cloud.known) {
    const message = "the route is being deleted; what Google Cloud has of it has not been read yet";
    return { reason: RouteReason.Mutated, message };
  }
  const rules = [...cloud.leads.keys()].sort();
  const what = rules.length > 0 ? `what leads ${rules.join(", ")}` : "what its forwarding rules pointed at";
  const message = `the route is being deleted; still in Google Cloud: ${what}`;
  if (cloud.problem === undefined) return { reason: RouteReason.Mutated, message };
  return { reason: RouteReason.GCPFailed, message: `${message}. ${problemText(cloud.problem)}` };
}

/** Whether a reader was told Ready before, so that what is missing now is a move and not a first start. */
function wasReady(route: GKEIPRoute): boolean {
  const ready = routeCondition(route.status?.conditions, RouteCondition.Ready);
  const fabric = routeCondition(route.status?.conditions, RouteCondition.GCPReady);
  return ready?.status === "True" || fabric?.reason === RouteReason.Mutated;
}

function list(views: readonly AddressView[]): string {
  return views.map(({ address }) => address).join(", ");
}
