// How well a node can keep an address, and what of it the Node object tells.
import type { Node } from "./kubernetes";

/** How well a node can keep an address. */
export const NodeHealth = {
  /** Nothing speaks against it. */
  Healthy: "healthy",
  /** It is cordoned or being drained: its Pods will be stopped. */
  Cordoned: "cordoned",
  /** It does not answer, or does not exist: packets do not arrive there. */
  Lost: "lost",
} as const;
export type NodeHealth = (typeof NodeHealth)[keyof typeof NodeHealth];

/** By which Kubernetes deletes the Pods of a node that does not run, and detaches their volumes. */
export const OUT_OF_SERVICE = {
  key: "node.kubernetes.io/out-of-service",
  value: "nodeshutdown",
  effect: "NoExecute",
} as const;
/**
 * Taints of a node whose Pods will be stopped: the one of `kubectl cordon`, the Cluster Autoscaler's before it drains a node
 * (kubernetes/autoscaler, read 2026-11), and the two that say that a machine has been shut down (Kubernetes reference,
 * "Well-Known Labels, Annotations and Taints").
 */
const DRAIN_TAINTS: ReadonlySet<string> = new Set([
  "node.kubernetes.io/unschedulable",
  "ToBeDeletedByClusterAutoscaler",
  OUT_OF_SERVICE.key,
  "node.cloudprovider.kubernetes.io/shutdown",
]);

/** The taints of a node that announce a drain. */
export function drainTaints({ spec }: Node): readonly string[] {
  return (spec?.taints ?? []).map(({ key }) => key).filter((key) => DRAIN_TAINTS.has(key));
}

/** Whether the node is cordoned or being drained. */
export function isCordoned(node: Node): boolean {
  return node.spec?.unschedulable === true || drainTaints(node).length > 0;
}

/** On a Node that podpin has given that taint: what somebody else has given is never taken away. */
export const ANNOTATION_OUT_OF_SERVICE = "podpin.dev/out-of-service";

/** Whether podpin has marked the node. */
export function isMarked({ metadata }: Node): boolean {
  return metadata.annotations?.[ANNOTATION_OUT_OF_SERVICE] !== undefined;
}
