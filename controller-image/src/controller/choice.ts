// Which Pod has the addresses of a route, and whether a better one has to wait. Pure.
import { AckState, ownerAck, type AddressBinding } from "../../../lib/model/binding";
import { DWELL_MS, holdMs, isUnsteady, steadyMs, type Motive, type PastMove } from "../../../lib/model/damping";
import { DEFAULT_NETWORK, ReactionMode, type GKEIPRoute } from "../../../lib/model/gke-api";
import type { Pod } from "../../../lib/model/kubernetes";
import { NodeHealth } from "../../../lib/model/node-health";
import {
  choosePod,
  isEligible,
  isReadyButForContainers,
  isReadyButForNode,
  selectorProblem,
  selects,
  standingOf,
  type ChoiceRules,
  type Standing,
} from "../../../lib/model/selection";
import type { Contender } from "./contenders";
import type { NodeView } from "./handover";

export interface ChoiceInput {
  readonly route: GKEIPRoute;
  /** Pods of the route's namespace; those that do not match are passed over. */
  readonly pods: readonly Pod[];
  readonly node: (name: string) => NodeView | undefined;
  readonly bindings: readonly AddressBinding[];
  /** Moves of an address that still count. @default none */
  readonly moves?: (address: string) => readonly PastMove[];
  /** The Pod that was held back when this route was last looked at, if one was. */
  readonly challenge?: Contender;
}

export interface Choice {
  /** The Pod that has, or gets, the addresses; undefined when none can. */
  readonly pod?: Pod;
  /** Set while a better Pod has to wait. */
  readonly held?: Held;
  /** The Pod that has the addresses cannot serve any more. */
  readonly failed?: boolean;
  /** Kubernetes calls the Pod not Ready because it hears, or heard until now, nothing of its node, and podpin does. */
  readonly unheard?: boolean;
}

export interface Held {
  readonly challenger: Pod;
  /** Look again after this many milliseconds. */
  readonly againAfterMs: number;
  /** What people shall know, the same text for as long as the wait lasts; only where it is more than a moment. */
  readonly note?: string;
}

/** Who may have the addresses of a route, and by what rules one of them is chosen. */
export interface Contest {
  readonly own: readonly AddressBinding[];
  /** Nobody where the selector selects nothing that is known. */
  readonly matching: readonly Pod[];
  readonly rules: ChoiceRules;
  /** Of a Pod that has lost the addresses too often. */
  readonly isUnsteady: (podUid: string) => boolean;
}

export function contest(input: ChoiceInput): Contest {
  const { route, pods, node } = input;
  const { podSelector: selector, reactionMode, network } = route.spec;
  const own = input.bindings.filter(({ spec }) => spec.route.uid === route.metadata.uid);
  const sound = selector !== undefined && selectorProblem(selector) === undefined;
  return {
    own,
    matching: pods.filter(
      ({ metadata }) => sound && metadata.namespace === route.metadata.namespace && selects(selector, metadata.labels),
    ),
    rules: {
      reactionMode: reactionMode ?? ReactionMode.ReadyCondition,
      network: network ?? DEFAULT_NETWORK,
      incumbentUid: own.flatMap(({ spec }) => spec.owner?.podUid ?? [])[0],
      nodeHealth: (name) => healthOf(node(name)),
      // Nothing works worse than before, so what works stays. A Pod that has no addresses yet gets none on such a word.
      isReadyAnyway: (pod) => {
        if (!own.some(({ spec }) => spec.owner !== undefined && spec.owner.podUid === pod.metadata.uid)) return false;
        const on = node(pod.spec?.nodeName ?? "");
        return isHeard(on) && (isReadyButForNode(pod) || isUnasked(pod, on));
      },
    },
    isUnsteady: (uid) => own.some(({ spec }) => isUnsteady(input.moves?.(spec.address) ?? [], uid)),
  };
}

/** The Pod that the route's rules choose now. */
export function choose(input: ChoiceInput): Choice {
  const contenders = contest(input);
  const choice = chooseAmong(input, contenders);
  const unheard = choice.pod !== undefined && !isEligible(choice.pod, contenders.rules.reactionMode);
  return unheard ? { ...choice, unheard } : choice;
}

function chooseAmong(input: ChoiceInput, { own, matching, rules, isUnsteady: isUnstable }: Contest): Choice {
  const owners = own.flatMap(({ spec }) => spec.owner?.podUid ?? []);
  const best = choosePod(matching, rules);
  // A Pod that has one of the addresses already gets the others too: half a move is finished.
  if (best === undefined || owners.length === 0 || owners.includes(best.metadata.uid ?? "")) return { pod: best };
  const incumbent = matching.find(({ metadata }) => metadata.uid === owners[0]);
  // Its node may also have said that it cannot deliver there.
  const undelivered = own.some((binding) => ownerAck(binding)?.state === AckState.Failed);
  if (incumbent === undefined || undelivered || !canServe(incumbent, rules)) {
    return { pod: choosePod(matching, { ...rules, isUnsteady: isUnstable }), failed: true };
  }
  const motive = motiveOf(standingOf(incumbent, rules), standingOf(best, rules));
  const held = motive && hold(input, own, best, motive);
  return held === undefined ? { pod: best } : { pod: incumbent, held };
}

/** Whether packets for the address would reach the Pod now. */
function canServe(pod: Pod, rules: ChoiceRules): boolean {
  if (!isEligible(pod, rules.reactionMode, rules.isReadyAnyway)) return false;
  const standing = standingOf(pod, rules);
  return standing !== "no address" && standing !== "lost node";
}

/** What a better Pod has to wait for, where the present one can serve; undefined: that one will soon have ended. */
function motiveOf(from: Standing, to: Standing): Motive | undefined {
  if (from === to) return "newer";
  return from === "cordoned node" ? "leaving" : undefined;
}

function hold(
  { moves = () => [], challenge }: ChoiceInput,
  own: readonly AddressBinding[],
  challenger: Pod,
  motive: Motive,
): Held | undefined {
  const uid = challenger.metadata.uid ?? "";
  const known = challenge?.podUid === uid ? challenge : undefined;
  const forMs = known?.forMs ?? 0;
  const histories = own.map(({ spec }) => moves(spec.address));
  const waitMs = Math.max(0, ...histories.map((past) => holdMs(past, motive, { uid, forMs })));
  if (waitMs === 0) return undefined;
  const steady = Math.max(0, ...histories.map((past) => steadyMs(past, motive, uid)));
  // A Pod that comes and goes would otherwise have its coming and going written down.
  if (known === undefined || forMs < DWELL_MS || steady <= DWELL_MS) {
    return { challenger, againAfterMs: Math.min(waitMs, Math.max(1, DWELL_MS - forMs)) };
  }
  const until = new Date(Math.ceil((Date.parse(known.since) + steady) / 1000) * 1000).toISOString().replace(".000", "");
  const most = Math.max(...histories.map(({ length }) => length));
  const times = `${most} ${most === 1 ? "move" : "moves"} in the last 10 minutes`;
  const note = `moves are damped (${times}): Pod ${challenger.metadata.name} gets the addresses at ${until} if it stays eligible until then`;
  return { challenger, againAfterMs: waitMs, note };
}

/**
 * Whether the node answers podpin's own heartbeats, whatever Kubernetes says of it: news of its Pods may come before that of the
 * node, and when the node is back its kubelet takes seconds to say so of each Pod.
 */
function isHeard(node: NodeView | undefined): boolean {
  return node !== undefined && node.heard && !node.lost;
}

/**
 * A kubelet that starts where Kubernetes had given up the node calls each container with a readiness probe not ready until the
 * probe has passed (setReadyStateOnKubeletRestart, Kubernetes 1.35), and begins within a period of the probe, by default 10 s.
 */
const FIRST_PROBE_MS = 15_000;

function isUnasked(pod: Pod, node: NodeView | undefined): boolean {
  return isReadyButForContainers(pod) && (node?.backMs ?? Infinity) < FIRST_PROBE_MS;
}

/** What the view of a node means for the Pods on it. A node without an object has been removed. */
export function healthOf(node: NodeView | undefined): NodeHealth {
  if (node === undefined || node.lost) return NodeHealth.Lost;
  return node.cordoned ? NodeHealth.Cordoned : NodeHealth.Healthy;
}
