// Which Pod a route's addresses belong to. Pure; used by the controller's `decide` and by `podpin explain`.
import { ANNOTATION_POD_IPS, DEFAULT_NETWORK, LEGACY_DEFAULT_NETWORK, ReactionMode } from "./gke-api";
import { isIPv4 } from "./address";
import type { LabelSelector, Pod } from "./kubernetes";

/** Why a label selector cannot be used; undefined where it can. An empty one is refused, as GKE's field text says. */
export function selectorProblem(selector: LabelSelector | undefined): string | undefined {
  const labels = Object.entries(selector?.matchLabels ?? {});
  const expressions = selector?.matchExpressions ?? [];
  if (labels.length === 0 && expressions.length === 0) return "podSelector is empty; it must name at least one label";
  for (const { key, operator, values = [] } of expressions) {
    switch (operator) {
      case "In":
      case "NotIn":
        if (values.length === 0) return `podSelector: operator ${operator} on label "${key}" needs at least one value`;
        break;
      case "Exists":
      case "DoesNotExist":
        if (values.length > 0) return `podSelector: operator ${operator} on label "${key}" takes no values`;
        break;
      default:
        return `podSelector: operator "${operator}" on label "${key}" is not one of In, NotIn, Exists, DoesNotExist`;
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

/** The Pod's own IPv4 address on a network, once it has one. Other networks' addresses are in GKE's annotation. */
export function podAddress(pod: Pod, network: string): string | undefined {
  if (isDefaultNetwork(network)) return ipv4OrNothing(pod.status?.podIP);
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

/** Whether the Pod may have the addresses at all. */
export function isEligible(pod: Pod, reactionMode: string): boolean {
  if (!pod.spec?.nodeName || pod.metadata.uid === undefined) return false;
  // A hostNetwork Pod has the node's own address: there is nothing to deliver to.
  if (pod.spec.hostNetwork === true) return false;
  if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return false;
  if (reactionMode === ReactionMode.Exists) return true;
  return pod.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/**
 * The Pod that gets the addresses: the newest eligible one. Pods that are going away stand behind all others, Pods
 * without an address on the network too; on a tie the incumbent stays, else the greater UID wins.
 */
export function choosePod(
  pods: readonly Pod[],
  reactionMode: string,
  network: string,
  incumbentUid?: string,
): Pod | undefined {
  const rank = (pod: Pod): readonly (string | number)[] => [
    podAddress(pod, network) === undefined ? 0 : 1,
    pod.metadata.deletionTimestamp === undefined ? 1 : 0,
    pod.metadata.creationTimestamp ?? "",
    pod.metadata.uid === incumbentUid ? 1 : 0,
    pod.metadata.uid ?? "",
  ];
  let best: Pod | undefined;
  for (const pod of pods) {
    if (!isEligible(pod, reactionMode)) continue;
    if (best === undefined || compareRanks(rank(pod), rank(best)) > 0) best = pod;
  }
  return best;
}

function compareRanks(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [i, left] of a.entries()) {
    const right = b[i];
    if (right === undefined || left === right) continue;
    return left > right ? 1 : -1;
  }
  return 0;
}
