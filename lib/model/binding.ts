// AddressBinding: runtime truth for one address. The controller writes `spec` (compare-and-swap on resourceVersion,
// the epoch only grows); agents write only their own entry of `status.acks`.
import type { KubeObject } from "./kubernetes";

/** How packets reach the Pod; the value of the annotation `podpin.dev/delivery` on a route. */
export const Delivery = {
  /** GKE's semantics: the application holds the address itself. */
  App: "app",
  /** The agent adds the address to the Pod's interface. */
  Interface: "interface",
  /** Transparent one-to-one translation on the node; the application knows nothing. */
  Nat: "nat",
} as const;
export type Delivery = (typeof Delivery)[keyof typeof Delivery];

/** What a node does for a delivery, besides the route to the Pod that each of them needs. */
export interface DeliveryTraits {
  /** Packets get the Pod's own address as destination on their way in, and the persistent one as source on their way out. */
  readonly translates: boolean;
  /** The address is put on an interface inside the Pod. */
  readonly insidePod: boolean;
}

/** The deliveries. Another one is a name above and a line here; what it needs of the kernel is a footprint of the agent. */
export const DELIVERIES: Readonly<Record<Delivery, DeliveryTraits>> = {
  [Delivery.App]: { translates: false, insidePod: false },
  [Delivery.Interface]: { translates: false, insidePod: true },
  [Delivery.Nat]: { translates: true, insidePod: false },
};

/** Undefined where this version does not know the delivery. */
export function deliveryTraits(delivery: string): DeliveryTraits | undefined {
  const known = Object.values(Delivery).find((each) => each === delivery);
  return known && DELIVERIES[known];
}

/** The delivery of which a node does this. */
export function deliveryWith({ translates, insidePod }: DeliveryTraits): Delivery {
  const likely = Object.values(Delivery).filter((delivery) => DELIVERIES[delivery].translates === translates);
  return likely.find((delivery) => DELIVERIES[delivery].insidePod === insidePod) ?? likely[0] ?? Delivery.App;
}

/** What brings packets for an address to a node; the value of the annotation `podpin.dev/fabric` on a GatewayClass. */
export const Fabric = {
  /** Google Cloud forwarding rules. */
  Gce: "gce",
  /** ARP on a shared Ethernet segment. */
  L2: "l2",
  /** The user's own routing. */
  None: "none",
} as const;
export type Fabric = (typeof Fabric)[keyof typeof Fabric];

/** How a node tells the network that it has got an address. */
export const AnnouncerKind = {
  /** The node's kernel answers ARP for the address, and the neighbours on the segment are told once. */
  Arp: "arp",
} as const;
export type AnnouncerKind = (typeof AnnouncerKind)[keyof typeof AnnouncerKind];

/** Through whose API the controller leads packets to a node. */
export const CloudKind = {
  GoogleCloud: "google-cloud",
} as const;
export type CloudKind = (typeof CloudKind)[keyof typeof CloudKind];

/** What a fabric needs of podpin. */
export interface FabricTraits {
  /** By what the node says that it has the address. @default nobody is told */
  readonly announcer?: AnnouncerKind;
  /**
   * Where the controller leads the packets to the node, by calls that take seconds. Until they do, the node before delivers what
   * still arrives there: it cannot pass them on, because the network goes by their destination. @default nobody leads them
   */
  readonly led?: CloudKind;
}

/** The fabrics. Another one is a name above and a line here; for another announcer or cloud the compiler leads to the rest. */
export const FABRICS: Readonly<Record<Fabric, FabricTraits>> = {
  [Fabric.Gce]: { led: CloudKind.GoogleCloud },
  [Fabric.L2]: { announcer: AnnouncerKind.Arp },
  [Fabric.None]: {},
};

/** Whether the controller leads its packets. A binding may name a fabric that this version does not know: nobody leads that. */
export function isLedFabric(fabric: Fabric): boolean {
  return Object.hasOwn(FABRICS, fabric) && FABRICS[fabric].led !== undefined;
}

/** Runtime truth for one address: a cluster-scoped object of `podpin.dev/v1alpha1` that has the address as its name. */
export interface AddressBinding extends KubeObject {
  /** What is decided; the controller writes it. */
  readonly spec: AddressBindingSpec;
  /** What has been done; the agents write it. */
  readonly status?: AddressBindingStatus;
}

/** What the controller decided about an address. */
export interface AddressBindingSpec {
  /** The address, `a.b.c.d`. It is also the name of the object. */
  readonly address: string;
  /** Grows with every change of `owner`. Whoever acts for the address carries it; a lower one is refused. */
  readonly epoch: number;
  /** The route that holds the address. */
  readonly route: BindingRoute;
  /** Node of the owner, repeated here because agents select their bindings by it; empty when there is no owner. */
  readonly nodeName: string;
  /** The Pod that has the address; absent while no Pod does. */
  readonly owner?: BindingOwner;
  /** The node that had the address until this epoch and has not yet said that it let go. */
  readonly releasing?: BindingRelease;
  /** Who would get the address if the owner's node were lost; absent while nobody could. It authorises nobody. */
  readonly standby?: BindingStandby;
  /** How packets reach the Pod. */
  readonly delivery: Delivery;
  /** What brings them to the node. */
  readonly fabric: Fabric;
  /** Name of the `Network` whose Pod interface receives the address; `default` is the primary one. */
  readonly network: string;
  /** Where a fabric that is led takes the packets, as the controller has read it back; absent with any other fabric. */
  readonly led?: BindingLead;
}

/** The GKEIPRoute that holds an address. */
export interface BindingRoute {
  /** Its namespace. */
  readonly namespace: string;
  /** Its name. */
  readonly name: string;
  /** Its UID: a route that is made again under the same name is another one. */
  readonly uid: string;
}

/** The Pod that has an address. */
export interface BindingOwner {
  /** Its name, in the namespace of the route. */
  readonly podName: string;
  /** Its UID: a StatefulSet's Pod keeps its name when it is made again, not its UID. */
  readonly podUid: string;
  /** The Pod's own address on `network`: where the packets go on the node. */
  readonly podIp: string;
}

/** A Pod that could take over. Its node gets ready for that, and has nothing of the address itself. */
export interface BindingStandby extends BindingOwner {
  /** Its node, another one than the owner's. Selectable, so that its agent sees the binding. */
  readonly nodeName: string;
}

/** The node that has to let go of an address. */
export interface BindingRelease {
  /** Selectable, so that the old node's agent keeps seeing the binding. */
  readonly nodeName: string;
  /** The highest epoch that the old node was authorised for. */
  readonly epoch: number;
  /** Where the old node sends what still arrives there; empty when there is no new owner. */
  readonly forwardTo: string;
  /**
   * True while the old owner may still answer: the new node announces only after the old one has acknowledged.
   * False when its Pod or node is gone: nothing there answers, so nothing waits for it.
   */
  readonly wait: boolean;
}

/** Where the packets go. */
export interface BindingLead {
  /** The node. */
  readonly nodeName: string;
  /** The epoch that it was led there for. */
  readonly epoch: number;
}

/** What the agents have done for an address. */
export interface AddressBindingStatus {
  /** One entry for each node that had or has the address. */
  readonly acks?: readonly BindingAck[];
}

/** What an agent has done, one entry per node. */
export interface BindingAck {
  /** The node. */
  readonly nodeName: string;
  /** The epoch that it acted for. */
  readonly epoch: number;
  /** UID of the Pod it was done for; empty for `Released`. */
  readonly podUid: string;
  /** How far it is. */
  readonly state: AckState;
  /** CamelCase, set when `state` is `Failed`. */
  readonly reason?: string;
  /** One sentence for people, set when `state` is `Failed`. */
  readonly message?: string;
}

/**
 * No address moves so often. An edit may raise an epoch up to one more than this, so that later moves have room above it: numbers beyond
 * 2^53 are not exact where objects are read.
 */
export const HIGHEST_CREDIBLE_EPOCH = 2 ** 52;

/** How far a node's agent is with an address. */
export const AckState = {
  /** The kernel delivers packets for the address to the Pod; not yet announced. */
  Programmed: "Programmed",
  /** Programmed, and the fabric was told (or needs no telling). */
  Announced: "Announced",
  /** Nothing of this epoch or a lower one is left but forwarding to the new owner. */
  Released: "Released",
  /** The kernel or the combination does not allow it; `reason` and `message` say why. */
  Failed: "Failed",
} as const;
export type AckState = (typeof AckState)[keyof typeof AckState];

/** Reasons of `Failed`. */
export const FailReason = {
  InvalidBinding: "InvalidBinding",
  /** The binding is older than what the node has done for it already: the API server was restored from a backup. */
  EpochOutdated: "EpochOutdated",
  /** The node lacks what the delivery needs: its kernel is too old, does not forward, or the agent has no program. */
  NodeNotSupported: "NodeNotSupported",
  AddressNotAllowed: "AddressNotAllowed",
  DeliveryNotSupported: "DeliveryNotSupported",
  ClusterRangesUnknown: "ClusterRangesUnknown",
  PodNotOnNode: "PodNotOnNode",
  /** The Pod shares its node's network. */
  PodOnHostNetwork: "PodOnHostNetwork",
  /** Delivery `interface`, and the node does not know which network namespace is the Pod's. */
  PodNamespaceUnknown: "PodNamespaceUnknown",
  /** The interface that was programmed is gone; only a higher epoch may follow the Pod to another one. */
  PodInterfaceGone: "PodInterfaceGone",
  KernelRefused: "KernelRefused",
  AnnouncementFailed: "AnnouncementFailed",
} as const;
export type FailReason = (typeof FailReason)[keyof typeof FailReason];

/** The acknowledgement of a node, if it has given one. */
export function ackOf(binding: AddressBinding, nodeName: string): BindingAck | undefined {
  return binding.status?.acks?.find((ack) => ack.nodeName === nodeName);
}

/** The acknowledgement of the present owner for this very epoch and Pod; an older one counts for nothing. */
export function ownerAck(binding: AddressBinding): BindingAck | undefined {
  const { owner, nodeName, epoch } = binding.spec;
  if (owner === undefined) return undefined;
  const ack = ackOf(binding, nodeName);
  return ack?.epoch === epoch && ack.podUid === owner.podUid ? ack : undefined;
}

/** Whether the node that is letting go has said so for everything below the present epoch. */
export function isReleased(binding: AddressBinding): boolean {
  const { releasing } = binding.spec;
  if (releasing === undefined) return true;
  const ack = ackOf(binding, releasing.nodeName);
  return ack?.state === AckState.Released && ack.epoch >= releasing.epoch;
}

/** Whether the owner's node lost the Pod's interface after it had programmed it. Only a higher epoch helps then. */
export function isInterfaceGone(binding: AddressBinding): boolean {
  const ack = ownerAck(binding);
  return ack?.state === AckState.Failed && ack.reason === FailReason.PodInterfaceGone;
}

/** Whether the owner's node may tell the fabric: the old node has let go, or nothing there answers any more. */
export function mayAnnounce(binding: AddressBinding): boolean {
  return binding.spec.releasing?.wait !== true || isReleased(binding);
}

/** Whether the fabric takes the packets to the present owner's node, or needs nobody to lead it. */
export function isLed({ spec }: AddressBinding): boolean {
  return !isLedFabric(spec.fabric) || (spec.led?.epoch === spec.epoch && spec.led.nodeName === spec.nodeName);
}

/** The ConfigMap, in podpin's namespace, in which the controller tells agents the cluster's own ranges. */
export const CLUSTER_RANGES_CONFIG_MAP = "podpin-cluster-ranges";
/** Its key: one IPv4 CIDR per line. */
export const CLUSTER_RANGES_KEY = "cidrs";
