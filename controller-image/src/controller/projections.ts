// What the controller keeps of Pods and Nodes, of which a large cluster has very many, and what it reads in a Node.
import { isIPv4 } from "../../../lib/model/address";
import { ANNOTATION_POD_IPS, DEFAULT_NETWORK } from "../../../lib/model/gke-api";
import type { Namespace, Node, Pod } from "../../../lib/model/kubernetes";
import { ANNOTATION_OUT_OF_SERVICE, drainTaints, isMarked } from "../../../lib/model/node-health";
import {
  ASKED_CONDITIONS,
  CONTAINERS_READY,
  isReadyButForContainers,
  isReadyButForNode,
  podAddress,
} from "../../../lib/model/selection";
import { decodeJsonPod, decodeNamespace, decodeNode } from "./decoders";

/** Where other nodes reach this one, by IPv4: with two families either may be the first. */
export function nodeAddress(node: Node): string | undefined {
  return node.status?.addresses?.find(({ type, address }) => type === "InternalIP" && isIPv4(address))?.address;
}

export function isNodeReady(node: Node): boolean {
  return saysOfReady(node, "True");
}

/** Since when Kubernetes has said of it what it says now, in milliseconds since 1970; NaN where it does not say. */
export function nodeReadySince({ status }: Node): number {
  return Date.parse(status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime ?? "");
}

/** Whether Kubernetes hears nothing of it. */
export function isNodeSilent(node: Node): boolean {
  return saysOfReady(node, "Unknown");
}

function saysOfReady(node: Node, said: "True" | "Unknown"): boolean {
  return node.status?.conditions?.some(({ type, status }) => type === "Ready" && status === said) ?? false;
}

/** A Pod as it came in JSON, without what nobody here reads. */
export function projectPod(object: Pod): Pod {
  return keptOfPod(decodeJsonPod(object));
}

/** What is kept of a Pod whose fields are known to be what their types say. */
export function keptOfPod({ metadata, spec, status }: Pod): Pod {
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
      podIP: podAddress({ metadata, status }, DEFAULT_NETWORK) ?? status?.podIP,
      conditions: keptConditions({ metadata, spec, status }),
    },
  };
}

const ASKED: readonly string[] = ASKED_CONDITIONS;

/** What reaction modes ask for, and whether it would be Ready but for its node or its containers; readiness gates are in that already. */
function keptConditions(pod: Pod): NonNullable<Pod["status"]>["conditions"] {
  const { conditions } = pod.status ?? {};
  const asked = conditions
    ?.filter(({ type }) => ASKED.includes(type))
    .map(({ type, status: is }) => ({ type, status: is }));
  const containers = (is: "True" | "False") => [...(asked ?? []), { type: CONTAINERS_READY, status: is }];
  if (isReadyButForNode(pod)) return containers("True");
  return isReadyButForContainers(pod) ? containers("False") : asked;
}

/** A Node without what nobody here reads. */
export function projectNode(object: Node): Node {
  const node = decodeNode(object);
  const { metadata, spec, status } = node;
  return {
    metadata: {
      name: metadata.name,
      uid: metadata.uid,
      resourceVersion: metadata.resourceVersion,
      annotations: isMarked(node) ? { [ANNOTATION_OUT_OF_SERVICE]: "" } : undefined,
    },
    spec: {
      providerID: spec?.providerID,
      podCIDRs: spec?.podCIDRs,
      unschedulable: spec?.unschedulable,
      taints: drainTaints({ metadata, spec }).map((key) => ({ key })),
    },
    status: {
      addresses: status?.addresses,
      conditions: status?.conditions
        ?.filter(({ type }) => type === "Ready")
        .map(({ type, status: is, lastTransitionTime }) => ({ type, status: is, lastTransitionTime })),
    },
  };
}

/** A Namespace without what nobody here reads. */
export function projectNamespace(object: Namespace): Namespace {
  const { name, uid, resourceVersion, labels } = decodeNamespace(object).metadata;
  return { metadata: { name, uid, resourceVersion, labels } };
}
