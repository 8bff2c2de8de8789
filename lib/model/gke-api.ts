// GKE's persistent-IP API and the Gateway API objects around it, with the constants to the letter.
import type { TypedAddress } from "./address";
import type { Condition, KubeObject, LabelSelector } from "./kubernetes";

/** `gke.networking.io/cidr` addresses that one Gateway may list (Gateway API: `spec.addresses`, max 16). */
export const MAX_ADDRESSES_PER_GATEWAY = 16;
/** Addresses that one GKEIPRoute may list (GKE docs, "Control communication with persistent IP addresses"). */
export const MAX_ADDRESSES_PER_ROUTE = 16;

/** Controller name on GKE's own persistent-IP GatewayClasses. */
export const GKE_CONTROLLER_NAME = "networking.gke.io/persistent-ip-controller";
/** Controller name on the GatewayClasses that podpin serves. */
export const PODPIN_CONTROLLER_NAME = "podpin.dev/persistent-ip-controller";

// Annotations. What GKE has no field for lives under `podpin.dev/`.
/** On a GKEIPRoute: how packets reach the Pod, `app` or `nat`. Without it `app`, which is what GKE does. */
export const ANNOTATION_DELIVERY = "podpin.dev/delivery";
/** On a GatewayClass: what brings packets to the nodes, `gce`, `l2` or `none`. */
export const ANNOTATION_FABRIC = "podpin.dev/fabric";
/** On Pods, written by GKE: JSON list of `{networkName, ip}`. */
export const ANNOTATION_POD_IPS = "networking.gke.io/pod-ips";

/** On a GKEIPRoute while bindings of it exist. */
export const ROUTE_FINALIZER = "podpin.dev/address-release";

/** `spec.network` of the primary Pod network, and its legacy alias. */
export const DEFAULT_NETWORK = "default";
export const LEGACY_DEFAULT_NETWORK = "pod-network";

/** When a Pod is eligible for the addresses of a route; GKE's own words. */
export const ReactionMode = {
  /** The Pod is eligible while its condition `Ready` is True. */
  ReadyCondition: "ReadyCondition",
  /** The Pod is eligible as soon as it is bound to a node. */
  Exists: "Exists",
} as const;
export type ReactionMode = (typeof ReactionMode)[keyof typeof ReactionMode];

/** Condition types of a GKEIPRoute. */
export const RouteCondition = {
  /** The route is valid and its Gateway admits it. */
  Accepted: "Accepted",
  /** The documented name; the newest public constant says `IPRouteGCPReady`, so readers accept both. */
  GCPReady: "GCPReady",
  /** The node of the Pod is programmed. GKE's name; podpin sets it without Dataplane V2 as well. */
  DPV2Ready: "DPV2Ready",
  /** Packets reach the Pod: all others are True. */
  Ready: "Ready",
} as const;
export type RouteCondition = (typeof RouteCondition)[keyof typeof RouteCondition];

/** Names under which a condition has also been seen (public constants and schema comments), in lower case. */
const CONDITION_ALIASES: Readonly<Record<string, RouteCondition>> = {
  iproutegcpready: RouteCondition.GCPReady,
};

/** The documented name of a condition's type; types that GKE does not document stay as they are. */
export function conditionType(type: string): string {
  const name = type.toLowerCase();
  return CONDITION_ALIASES[name] ?? Object.values(RouteCondition).find((known) => known.toLowerCase() === name) ?? type;
}

/** A condition of a route, whichever controller wrote it and under whichever of its names. */
export function routeCondition(
  conditions: readonly Condition[] | undefined,
  wanted: RouteCondition,
): Condition | undefined {
  return conditions?.find(({ type }) => conditionType(type) === wanted);
}

/** Reasons on a GKEIPRoute, GKE's own. */
export const RouteReason = {
  /** The route is valid and its Gateway admits it. */
  Accepted: "Accepted",
  /** The selector cannot be parsed. */
  InvalidLabels: "InvalidLabels",
  /** The route names no Gateway. */
  MissingParentRefs: "MissingParentRefs",
  /** The Gateway that the route names does not exist. */
  GatewayNotFound: "GatewayNotFound",
  /** The Gateway exists but its controller has not accepted it. */
  GatewayNotAccepted: "GatewayNotAccepted",
  /** The Gateway's listeners do not admit the route's namespace, or the Gateway does not have its addresses. */
  Unattachable: "Unattachable",
  /** An address is malformed, not a single IPv4 address, or held by another route. */
  InvalidAddresses: "InvalidAddresses",
  /** The `Network` that the route names does not exist. */
  NetworkNotFound: "NetworkNotFound",
  /** The `Network` exists but is not ready. */
  NetworkNotReady: "NetworkNotReady",
  /** The cloud's side is done. */
  GCPReady: "GCPReady",
  /** The cloud's side is under way. */
  GCPNotReady: "GCPNotReady",
  /** The cloud's side failed; the message has the cause. */
  GCPFailed: "GCPFailed",
  /** The route is being deleted, and nothing of it is left in the cloud. */
  CleanupComplete: "CleanupComplete",
  /** The node of the Pod is programmed. */
  DPV2Ready: "DPV2Ready",
  /** The node of the Pod is not programmed yet. */
  DPV2NotReady: "DPV2NotReady",
  /** Cloud and node are done: packets reach the Pod. */
  ProgrammingComplete: "ProgrammingComplete",
  /** No eligible Pod matches. */
  NoPodsFound: "NoPodsFound",
  /** The route or its Pod has changed, and the new state is being set up. */
  Mutated: "Mutated",
} as const;
export type RouteReason = (typeof RouteReason)[keyof typeof RouteReason];

export interface ParentReference {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
  readonly sectionName?: string;
  readonly port?: number;
}

export interface GKEIPRoute extends KubeObject {
  readonly spec: GKEIPRouteSpec;
  readonly status?: { readonly pods?: readonly string[]; readonly conditions?: readonly Condition[] };
}

export interface GKEIPRouteSpec {
  readonly parentRefs?: readonly ParentReference[];
  readonly addresses?: readonly TypedAddress[];
  readonly network?: string;
  readonly podSelector?: LabelSelector;
  readonly reactionMode?: string;
  readonly loadBalancing?: { readonly healthCheckName: string };
  readonly haPolicy?: boolean;
  readonly nodeSelector?: LabelSelector;
  readonly allowGlobalAccess?: boolean;
}

export interface GatewayClass extends KubeObject {
  readonly spec: { readonly controllerName: string; readonly parametersRef?: object };
  readonly status?: {
    readonly conditions?: readonly Condition[];
    readonly supportedFeatures?: readonly { readonly name: string }[];
  };
}

export interface Gateway extends KubeObject {
  readonly spec: {
    readonly gatewayClassName: string;
    readonly addresses?: readonly TypedAddress[];
    readonly listeners?: readonly Listener[];
    readonly infrastructure?: { readonly parametersRef?: object };
  };
  readonly status?: {
    readonly addresses?: readonly TypedAddress[];
    readonly conditions?: readonly Condition[];
    readonly listeners?: readonly ListenerStatus[];
  };
}

export interface Listener {
  readonly name: string;
  readonly port?: number;
  readonly protocol?: string;
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string; readonly selector?: LabelSelector };
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[];
  };
}

/** A kind of routes. */
export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

export interface ListenerStatus {
  readonly name: string;
  readonly supportedKinds: readonly RouteKind[];
  readonly attachedRoutes: number;
  readonly conditions: readonly Condition[];
}

/** `networking.gke.io/v1` Network. */
export interface Network extends KubeObject {
  readonly spec?: {
    readonly type?: string;
    readonly parametersRef?: { readonly group?: string; readonly kind?: string; readonly name: string };
  };
  readonly status?: { readonly conditions?: readonly Condition[] };
}

/** `networking.gke.io/v1` GKENetworkParamSet: the network and subnetwork of Google Cloud behind a Network. */
export interface GKENetworkParamSet extends KubeObject {
  readonly spec?: { readonly vpc?: string; readonly vpcSubnet?: string };
}
