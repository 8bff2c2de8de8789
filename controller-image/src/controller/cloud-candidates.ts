// Which nodes the cloud prepares ahead for a route, so that a move to one of them is one call. Pure.
import { DEFAULT_NETWORK, ReactionMode, type GKEIPRoute } from "../../../lib/model/gke-api";
import type { Pod } from "../../../lib/model/kubernetes";
import { NodeHealth } from "../../../lib/model/node-health";
import { canBeEligible, choosePod, selects } from "../../../lib/model/selection";
import { healthOf } from "./choice";
import type { NodeView } from "./handover";

/**
 * So many nodes of a route are prepared at most. Each costs calls and a place in the cloud, and the likeliest are those of the newest
 * Pods; a move to any other node takes one call more. Half of the endpoints that Compute lets a service with fast moves have, the
 * only bound that it publishes for such services (garp-ra-packet-spec); nodes of Pods that have gone stay for a while besides.
 */
export const MOST_PREPARED = 16;

export interface CandidatesInput {
  readonly route: GKEIPRoute;
  readonly pods: readonly Pod[];
  readonly node: (name: string) => NodeView | undefined;
  /** Nodes of the addresses, which are always among them. */
  readonly serving: readonly string[];
  /** UIDs of the Pods that have the addresses. */
  readonly owners: readonly string[];
}

/** Of every Pod that the selector matches, from the moment that it is bound to a node; sorted. */
export function candidatesOf(input: CandidatesInput): readonly string[] {
  const { route, node, serving, owners } = input;
  const { podSelector: selector, reactionMode = ReactionMode.ReadyCondition, network = DEFAULT_NETWORK } = route.spec;
  const others = input.pods.filter(
    (pod) =>
      selector !== undefined &&
      selects(selector, pod.metadata.labels) &&
      pod.metadata.namespace === route.metadata.namespace &&
      canBeEligible(pod) &&
      !owners.includes(pod.metadata.uid ?? ""),
  );
  const nodeHealth = (name: string): NodeHealth => healthOf(node(name));
  // Whoever would have the addresses if their Pod went now; then the others as they will be chosen when they are eligible.
  const next = choosePod(others, { reactionMode, network, nodeHealth });
  const ranked = [...(next === undefined ? [] : [next]), ...[...others].sort((a, b) => byLikelihood(a, b, nodeHealth))];
  const names = [...serving, ...ranked.map(({ spec }) => spec?.nodeName ?? "")];
  const known = new Set(names.filter((name) => name !== "" && node(name) !== undefined));
  return [...known].slice(0, MOST_PREPARED).sort();
}

/** The newest first, those that are leaving last: a Pod without an address yet will have one. */
function byLikelihood(a: Pod, b: Pod, nodeHealth: (name: string) => NodeHealth): number {
  const isLeaving = ({ metadata, spec }: Pod): number =>
    metadata.deletionTimestamp !== undefined || nodeHealth(spec?.nodeName ?? "") !== NodeHealth.Healthy ? 1 : 0;
  const created = ({ metadata }: Pod): string => metadata.creationTimestamp ?? "";
  const uid = ({ metadata }: Pod): string => metadata.uid ?? "";
  return isLeaving(a) - isLeaving(b) || compare(created(b), created(a)) || compare(uid(b), uid(a));
}

function compare(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
