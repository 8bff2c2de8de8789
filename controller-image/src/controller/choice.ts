// Which Pod has the addresses of a route. Pure.
import type { AddressBinding } from "../../../lib/model/binding";
import { DEFAULT_NETWORK, ReactionMode, type GKEIPRoute } from "../../../lib/model/gke-api";
import type { Pod } from "../../../lib/model/kubernetes";
import { choosePod, NodeHealth, selectorProblem, selects, type ChoiceRules } from "../../../lib/model/selection";
import type { NodeView } from "./handover";

export interface ChoiceInput {
  readonly route: GKEIPRoute;
  /** Pods of the route's namespace; those that do not match are passed over. */
  readonly pods: readonly Pod[];
  readonly node: (name: string) => NodeView | undefined;
  readonly bindings: readonly AddressBinding[];
}

/** The Pod that the route's rules choose now; undefined when there is none. */
export function choose({ route, pods, bindings, node }: ChoiceInput): Pod | undefined {
  const selector = route.spec.podSelector;
  if (selector === undefined || selectorProblem(selector) !== undefined) return undefined;
  const matching = pods.filter(
    ({ metadata }) => metadata.namespace === route.metadata.namespace && selects(selector, metadata.labels),
  );
  const incumbent = bindings.find(({ spec }) => spec.route.uid === route.metadata.uid && spec.owner !== undefined);
  const rules: ChoiceRules = {
    reactionMode: route.spec.reactionMode ?? ReactionMode.ReadyCondition,
    network: route.spec.network ?? DEFAULT_NETWORK,
    incumbentUid: incumbent?.spec.owner?.podUid,
    nodeHealth: (name) => healthOf(node(name)),
  };
  return choosePod(matching, rules);
}

/** What the view of a node means for the Pods on it. A node without an object has been removed. */
export function healthOf(node: NodeView | undefined): NodeHealth {
  if (node === undefined || node.lost) return NodeHealth.Lost;
  return node.cordoned ? NodeHealth.Cordoned : NodeHealth.Healthy;
}
