// Which Pod a route's addresses belong to. Pure; used by the controller's `decide` and by `podpin explain`.
import { ANNOTATION_POD_IPS, DEFAULT_NETWORK, LEGACY_DEFAULT_NETWORK, ReactionMode } from "./gke-api";
import { isIPv4 } from "./address";
import type { LabelSelector, Pod } from "./kubernetes";
import { NodeHealth } from "./node-health";

/** Why a label selector cannot be used; undefined where it can. An empty one is refused, as GKE's field text says. */
export function selectorProblem(selector: LabelSelector | undefined): string | undefined {
  const labels = Object.entries(selector?.matchLabels ?? {});
  const expressions = selector?.matchExpressions ?? [];
  if (labels.length === 0 && expressions.length === 0) return "podSelector is empty; it must name at least one label";
  const problem = expressionProblem({ matchExpressions: expressions });
  return problem === undefined ? undefined : `podSelector: ${problem}`;
}

/** What is wrong with the expressions of a selector, if anything is. */
export function expressionProblem(selector: LabelSelector): string | undefined {
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    switch (operator) {
      case "In":
      case "NotIn":
        if (values.length === 0) return `operator ${operator} on label "${key}" needs at least one value`;
        break;
      case "Exists":
      case "DoesNotExist":
        if (values.length > 0) return `operator ${operator} on label "${key}" takes no values`;
        break;
      default:
        return `operator "${operator}" on label "${key}" is not one of In, NotIn, Exists, DoesNotExist`;
    }
  }
  return undefined;
}

/** Whether a valid selector matches these labels. A selector with no requirement matches everything, as in Kubernetes. */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>> | undefined): boolean {
  const has = (key: string): boolean => labels !== undefined && Object.hasOwn(labels, key);
  const value = (key: string): string => (has(key) ? (labels?.[key] ?? "") : "");
  for (const [key, wanted] of Object.entries(selector.matchLabels ?? {})) {
    if (!has(key) || value(key) !== wanted) return false;
  }
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    if (operator === "In" && !(has(key) && values.includes(value(key)))) return false;
    if (operator === "NotIn" && has(key) && values.includes(value(key))) return false;
    if (operator === "Exists" && !has(key)) return false;
    if (operator === "DoesNotExist" && has(key)) return false;
  }
  return true;
}

/** Whether the name means the Pods' primary network. */
export function isDefaultNetwork(network: string): boolean {
  return network === DEFAULT_NETWORK || network === LEGACY_DEFAULT_NETWORK;
}

/**
 * The Pod's own IPv4 address on a network, once it has one; of two families either may be the first. Other networks' addresses
 * are in GKE's annotation.
 */
export function podAddress(pod: Pod, network: string): string | undefined {
  const { podIP = "", podIPs = [] } = pod.status ?? {};
  if (isDefaultNetwork(network)) return [podIP, ...podIPs.map(({ ip = "" }) => ip)].find(isIPv4);
  try {
    const listed: unknown = JSON.parse(pod.metadata.annotations?.[ANNOTATION_POD_IPS] ?? "[]");
    if (!Array.isArray(listed)) return undefined;
    const entry = listed.find((item: { networkName?: unknown }) => item?.networkName === network) as
      { ip?: unknown } | undefined;
    return ipv4OrNothing(entry?.ip);
  } catch {
    // Somebody else's annotation: unreadable means that the Pod has no address there.
    return undefined;
  }
}

function ipv4OrNothing(value: unknown): string | undefined {
  return typeof value === "string" && isIPv4(value) ? value : undefined;
}

/** Conditions of Pods that reaction modes may ask for: the controller keeps no others. */
export const ASKED_CONDITIONS = ["Ready"] as const;
type AskedCondition = (typeof ASKED_CONDITIONS)[number];

/**
 * When a Pod that is bound to a node is eligible, by `reactionMode`. The whole of a reaction mode is its line here and its name in
 * {@link ReactionMode}; a value that nobody knows counts as GKE's default.
 */
const ELIGIBLE: Readonly<Record<ReactionMode, (is: (condition: AskedCondition) => boolean) => boolean>> = {
  [ReactionMode.ReadyCondition]: (is) => is("Ready"),
  [ReactionMode.Exists]: () => true,
};

function modeOf(reactionMode: string): ReactionMode | undefined {
  return Object.values(ReactionMode).find((mode) => mode === reactionMode);
}

/** Whether a Pod gets the addresses no sooner than it is Ready. */
export function waitsForReady(reactionMode: string): boolean {
  const mode = modeOf(reactionMode);
  return mode !== undefined && !ELIGIBLE[mode]((condition) => condition !== "Ready");
}

function isPodReady(pod: Pod): boolean {
  return isTrue(pod, "Ready");
}

/**
 * Whether Kubernetes calls the Pod not Ready for its node alone. When it hears nothing of a node, it takes `Ready` from the Pods
 * there and nothing else (Kubernetes' node lifecycle controller); a kubelet whose containers are not ready says that, too.
 */
export function isReadyButForNode(pod: Pod): boolean {
  return !isPodReady(pod) && isTrue(pod, CONTAINERS_READY) && areGatesOpen(pod);
}

/** Whether nothing speaks against the Pod but what its kubelet says of its containers. */
export function isReadyButForContainers(pod: Pod): boolean {
  const said = pod.status?.conditions?.some(({ type }) => type === CONTAINERS_READY) === true;
  return said && !isPodReady(pod) && !isTrue(pod, CONTAINERS_READY) && areGatesOpen(pod);
}

function areGatesOpen(pod: Pod): boolean {
  return pod.spec?.readinessGates?.every(({ conditionType }) => isTrue(pod, conditionType)) ?? true;
}

/** The condition of a Pod that its kubelet alone sets. */
export const CONTAINERS_READY = "ContainersReady";

function isTrue({ status }: Pod, type: string): boolean {
  return status?.conditions?.some((condition) => condition.type === type && condition.status === "True") ?? false;
}

/**
 * Whether the Pod may have the addresses at all.
 *
 * @param isReadyAnyway Pods that count as Ready whatever Kubernetes says. @default none does
 */
export function isEligible(pod: Pod, reactionMode: string, isReadyAnyway?: (pod: Pod) => boolean): boolean {
  if (!canBeEligible(pod)) return false;
  return ELIGIBLE[modeOf(reactionMode) ?? ReactionMode.ReadyCondition](
    (condition) => isTrue(pod, condition) || (condition === "Ready" && isReadyAnyway?.(pod) === true),
  );
}

/** Whether the Pod may have the addresses by some reaction mode, and by the others perhaps a moment later. */
export function canBeEligible(pod: Pod): boolean {
  if (!pod.spec?.nodeName || pod.metadata.uid === undefined) return false;
  // A hostNetwork Pod has the node's own address: there is nothing to deliver to.
  if (pod.spec.hostNetwork === true) return false;
  return pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed";
}

/** What an eligible Pod has going for it, worst first. A better standing beats a newer Pod. */
const STANDINGS = ["no address", "lost node", "terminating", "cordoned node", "settled"] as const;
export type Standing = (typeof STANDINGS)[number];

/** What a choice among Pods goes by. */
export interface ChoiceRules {
  readonly reactionMode: string;
  readonly network: string;
  /** The Pod that has the addresses now; it stays where another one is only as good. */
  readonly incumbentUid?: string;
  /** @default every node is healthy */
  readonly nodeHealth?: (nodeName: string) => NodeHealth;
  /** Whether the Pod stands behind others of its standing, be it newer or not. @default none does */
  readonly isUnsteady?: (podUid: string) => boolean;
  /** Whether the Pod counts as Ready whatever Kubernetes says. @default none does */
  readonly isReadyAnyway?: (pod: Pod) => boolean;
}

/** The standing of an eligible Pod. A Pod on a lost node is nobody's first choice, but better than none with no address. */
export function standingOf(pod: Pod, { network, nodeHealth }: ChoiceRules): Standing {
  const health = nodeHealth?.(pod.spec?.nodeName ?? "") ?? NodeHealth.Healthy;
  if (podAddress(pod, network) === undefined) return "no address";
  if (health === NodeHealth.Lost) return "lost node";
  if (pod.metadata.deletionTimestamp !== undefined) return "terminating";
  return health === NodeHealth.Cordoned ? "cordoned node" : "settled";
}

/**
 * The Pod that gets the addresses: the newest eligible one among those of the best standing; on a tie the incumbent
 * stays, else the greater UID wins. Whoever is eligible keeps the address while nobody better is, be its node what it may.
 */
export function choosePod(pods: readonly Pod[], rules: ChoiceRules): Pod | undefined {
  const rank = (pod: Pod): readonly (string | number)[] => [
    STANDINGS.indexOf(standingOf(pod, rules)),
    rules.isUnsteady?.(pod.metadata.uid ?? "") === true ? 0 : 1,
    pod.metadata.creationTimestamp ?? "",
    pod.metadata.uid === rules.incumbentUid ? 1 : 0,
    pod.metadata.uid ?? "",
  ];
  let best: { readonly pod: Pod; readonly rank: ReturnType<typeof rank> } | undefined;
  for (const pod of pods) {
    if (!isEligible(pod, rules.reactionMode, rules.isReadyAnyway)) continue;
    const own = rank(pod);
    if (best === undefined || compareRanks(own, best.rank) > 0) best = { pod, rank: own };
  }
  return best?.pod;
}

function compareRanks(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i];
    if (right === undefined || left === right) continue;
    return left > right ? 1 : -1;
  }
  return 0;
}
