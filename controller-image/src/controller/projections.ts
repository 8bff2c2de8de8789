// What the controller keeps of Pods and Nodes, of which a large cluster has very many, and what it reads in a Node.
import { ANNOTATION_POD_IPS } from "../../../lib/model/gke-api";
import type { Node, Pod } from "../../../lib/model/kubernetes";

/** Where other nodes reach this one. */
export function nodeAddress(node: Node): string | undefined {
  return node.status?.addresses?.find(({ type }) => type === "InternalIP")?.address;
}

export function isNodeReady(node: Node): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/**
 * Taints of a node whose Pods will be stopped: the one of `kubectl cordon`, the Cluster Autoscaler's before it drains a node
 * (kubernetes/autoscaler, read 2026-11), and the two that say that a machine has been shut down (Kubernetes reference,
 * "Well-Known Labels, Annotations and Taints").
 */
const DRAIN_TAINTS: ReadonlySet<string> = new Set([
  "node.kubernetes.io/unschedulable",
  "ToBeDeletedByClusterAutoscaler",
  "node.kubernetes.io/out-of-service",
  "node.cloudprovider.kubernetes.io/shutdown",
]);

/** Whether the node is cordoned or being drained. */
export function isCordoned({ spec }: Node): boolean {
  return spec?.unschedulable === true || (spec?.taints?.some(({ key }) => DRAIN_TAINTS.has(key)) ?? false);
}

/** A Pod without what nobody here reads. */
export function projectPod({ metadata, spec, status }: Pod): Pod {
  const { name, namespace, uid, resourceVersion, creationTimestamp, deletionTimestamp, labels, annotations } = metadata;
  const podIps = annotations?.[ANNOTATION_POD_IPS];
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      deletionTimestamp,
      labels,
      annotations: podIps === undefined ? undefined : { [ANNOTATION_POD_IPS]: podIps },
    },
    spec: { nodeName: spec?.nodeName, hostNetwork: spec?.hostNetwork },
    status: {
      phase: status?.phase,
      podIP: status?.podIP,
      conditions: status?.conditions
        ?.filter(({ type }) => type === "Ready")
        .map(({ type, status: is }) => ({ type, status: is })),
    },
  };
}

/** A Node without what nobody here reads. */
export function projectNode({ metadata, spec, status }: Node): Node {
  return {
    metadata: { name: metadata.name, uid: metadata.uid, resourceVersion: metadata.resourceVersion },
    spec: {
      podCIDRs: spec?.podCIDRs,
      unschedulable: spec?.unschedulable,
      taints: spec?.taints?.filter(({ key }) => DRAIN_TAINTS.has(key)).map(({ key }) => ({ key })),
    },
    status: {
      addresses: status?.addresses,
      conditions: status?.conditions
        ?.filter(({ type }) => type === "Ready")
        .map(({ type, status: is }) => ({ type, status: is })),
    },
  };
}
