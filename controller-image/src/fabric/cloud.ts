// What a fabric that is led through a cloud's API does for a route, and what is known of it. The controller decides what is
// wanted (pure, `decide`); the fabric brings it about in its own time and says when anything has changed.
import type { BindingRoute } from "../../../lib/model/binding";
import type { AddressType } from "../../../lib/model/classes";
import type { Clock, Log } from "../kube/api";
import type { Metrics } from "../kube/metrics";

/** What one route wants of the cloud. */
export interface CloudIntent {
  readonly route: BindingRoute;
  /** Name of the `Network` whose interface of the nodes receives the packets. */
  readonly network: string;
  readonly addressType: AddressType;
  readonly allowGlobalAccess: boolean;
  /** The addresses to lead, sorted. One that is no longer here is no longer led. */
  readonly addresses: readonly string[];
  /**
   * The epoch of each address's binding. It is written down in the cloud with the leader: of two controllers that both take
   * themselves for the one that acts, the one whose epochs are behind changes nothing.
   */
  readonly epochs: ReadonlyMap<string, number>;
  /**
   * The node that shall get the packets; its kernel delivers them already. Absent while there is none: what leads somewhere stays
   * as it is, and nothing new is made.
   */
  readonly leader?: string;
  /** Nodes that may be next, prepared ahead, so that a move is one call; sorted, with the leader, few at a time. */
  readonly candidates: readonly string[];
  /** Packets are being lost until the leader is the one above. */
  readonly urgent: boolean;
}

/** What the cloud shall do for a route: what the methods of {@link CloudFabric} of the same names are told. */
export type CloudWish =
  | { readonly verb: "want"; readonly intent: CloudIntent }
  | { readonly verb: "keep"; readonly addresses: readonly string[] }
  | { readonly verb: "remove" };

/** What keeps the cloud from doing what is wanted, for the route's status. */
export interface CloudProblem {
  /** CamelCase, for programs: `PermissionDenied`, `QuotaExceeded`, `AddressInUse`, … */
  readonly reason: string;
  /** One sentence for people: which permission, quota, resource or user of an address, and what to do. */
  readonly message: string;
}

/** What is known of the cloud for one route. */
export interface CloudView {
  /** False until the cloud has been read once; then nothing else here counts. */
  readonly known: boolean;
  /** Where the cloud takes each address, as it was last read back: name of the node. */
  readonly leads: ReadonlyMap<string, string>;
  /**
   * Addresses that may be led elsewhere by now: a change is under way, or was asked for and nobody knows what became of it. Nothing new is
   * concluded from where they were led.
   */
  readonly unsure?: ReadonlySet<string>;
  /** Nothing of this route is left in the cloud. */
  readonly empty: boolean;
  readonly problem?: CloudProblem;
}

/** A fabric in which the controller leads the packets to a node, by calls that take seconds. */
export interface CloudFabric {
  /** Brings it about, from now on, until something else is wanted for the route. Returns at once. */
  want(intent: CloudIntent): void;
  /**
   * The route is not accepted just now, but nothing says that it lost the right to these addresses: they are led on as they are,
   * and nothing is made, moved or replaced. Others of the route are no longer led.
   */
  keep(routeUid: string, addresses: readonly string[]): void;
  /** Takes away everything that is the route's; {@link CloudView.empty} says when that is done. */
  remove(routeUid: string): void;
  view(routeUid: string): CloudView;
  /**
   * Every route of the cluster has been told, by {@link want}, {@link keep} or {@link remove}, since {@link start}. Before that, what no route
   * asks for is nobody's garbage: its route may only not have been looked at yet. Call it again after each start.
   */
  settled(): void;
  /** UIDs of routes that something is left of in the cloud, as far as is known. */
  routes(): readonly string[];
  /** Only the leading replica acts; what is under way elsewhere is fenced off by the cloud itself. */
  start(): void;
  pause(): void;
  /** Ends what is under way, without undoing it. */
  stop(): Promise<void>;
}

/** What access to a cloud is made of, besides what the user says of it. */
export interface CloudParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly version: string;
}

/** What the controller can do where it has access to a cloud. */
export interface CloudAccess {
  /** Makes the fabric, which connects to nothing before it is started. */
  readonly fabric: (around: CloudAround) => CloudFabric;
  /** What is said of a machine; rejects when there is no answer. `witness` is a machine that runs. */
  readonly machineState: (machine: CloudNode, witness: CloudNode) => Promise<MachineState>;
}

/** What such a fabric needs of the controller around it. */
export interface CloudAround {
  /** Whether this replica may act at this moment: asked before each call that changes something, also when one is tried again. */
  isActing(): boolean;
  /** Tells this cluster from all others, for as long as it lives; undefined until it is known. */
  clusterUid(): string | undefined;
  /** Where the nodes are; undefined until one of them is known. */
  region(): string | undefined;
  /** The machine of a node; undefined when the node is gone, or is no machine of this cloud. */
  node(name: string): CloudNode | undefined;
  /** Name of the node that is this machine. */
  nodeOn(machine: CloudNode): string | undefined;
  /** What a `Network` is in the cloud; undefined for the default one, and while its parameters are not known. */
  network(name: string): CloudNetwork | undefined;
  /**
   * What {@link CloudFabric.view} says of a route is new; when the cloud has been read for the first time, that of every route
   * that was told of before.
   *
   * @param urgent packets are being lost until it is looked at
   */
  changed(routeUid: string, urgent: boolean): void;
}

/** A network and a subnetwork, by name, as a GKENetworkParamSet says them. */
export interface CloudNetwork {
  readonly vpc: string;
  readonly vpcSubnet: string;
}

/** A node as the cloud knows it. */
export interface CloudNode {
  readonly project: string;
  readonly zone: string;
  readonly instance: string;
}

/** Whether a machine runs, by the word of whoever runs it. */
export type MachineState =
  /** It does not exist, or has been stopped: nothing runs there, and nothing will by itself. */
  | "gone"
  | "running"
  /** It may be either. */
  | "unknown";

/** `gce://<project>/<zone>/<instance>`, as the field `spec.providerID` of a Node says it; nothing for any other. */
export function cloudNodeOf(providerId: string | undefined): CloudNode | undefined {
  const [, project, zone, instance] = /^gce:\/\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(providerId ?? "") ?? [];
  return project === undefined || zone === undefined || instance === undefined
    ? undefined
    : { project, zone, instance };
}
