// What a driver decides with, and what it decides: from what is wanted of one route and what has been read of the cloud, the
// calls that may be made now. It keeps nothing: whatever the calls before have done or left undone is seen in what was read, so
// that a controller that ended between any two of them goes on where they stopped.
import type { QueueLane } from "../../kube/queue";
import type { CloudIntent, CloudNode, CloudProblem } from "../cloud";
import type {
  Address,
  BackendService,
  Collection,
  Collections,
  Firewall,
  ForwardingRule,
  NetworkEndpointGroup,
} from "./compute";
import type { Mark } from "./mark";
import { pathOf, type Ref } from "./refs";

/** One call. What it does is seen by reading again what it was made for. */
export type Call =
  | { readonly verb: "insert"; readonly at: Ref; readonly body: Collections[Collection] }
  | { readonly verb: "patch"; readonly at: Ref<"backendServices">; readonly body: Partial<BackendService> }
  | { readonly verb: "patch"; readonly at: Ref<"firewalls">; readonly body: Partial<Firewall> }
  | { readonly verb: "delete"; readonly at: Ref }
  | {
      readonly verb: "attach" | "detach";
      readonly at: Ref<"networkEndpointGroups">;
      readonly zone: string;
      readonly instances: readonly string[];
    }
  | { readonly verb: "setTarget"; readonly at: Ref<"forwardingRules">; readonly target: string }
  /** Reads the endpoints of a group. */
  | { readonly verb: "endpoints"; readonly at: Ref<"networkEndpointGroups">; readonly zone: string }
  /** Reads an instance, for its interfaces. */
  | { readonly verb: "instance"; readonly at: Ref<"instances"> }
  /** Reads all addresses of the region. */
  | { readonly verb: "addresses" };

export interface Step {
  /** What waits for it: lost packets, a move, or nothing. */
  readonly lane: QueueLane;
  readonly call: Call;
  /** Keys of what must not be changing meanwhile, besides what the call itself changes. */
  readonly needs?: readonly string[];
}

export interface Plan {
  /** All of them may be made at once. */
  readonly steps: readonly Step[];
  readonly problems: readonly CloudProblem[];
  /** When to look again although nothing has changed. */
  readonly wakeMs?: number;
  /** Keys of endpoints that are attached and that nobody has a use for. */
  readonly idle?: readonly string[];
  /** The cloud says that a controller acts for later epochs than this one knows of. */
  readonly superseded?: boolean;
}

/** An endpoint group as it is held. */
export interface Group {
  readonly zone: string;
  readonly resource: NetworkEndpointGroup;
  /** Instances; undefined while nobody has had to know. */
  readonly endpoints: ReadonlySet<string> | undefined;
}

/** Everything in the cloud that bears the mark of one route. */
export interface Holdings {
  readonly rules: readonly ForwardingRule[];
  readonly services: readonly BackendService[];
  readonly groups: readonly Group[];
  readonly firewalls: readonly Firewall[];
}

/** An interface of a VM. */
export interface Nic {
  readonly network: string;
  readonly subnetwork: string;
  /** It is the VM's first one, which Compute takes where none is named. */
  readonly isFirst: boolean;
}

export interface FirewallOptions {
  readonly sourceRanges: readonly string[];
  /** Network tags of the nodes. */
  readonly targetTags?: readonly string[];
  readonly targetServiceAccounts?: readonly string[];
}

/** What is known besides the route itself. */
export interface Facts {
  readonly clusterUid: string;
  readonly project: string;
  /** The project of the VPC network and of its firewall rules. */
  readonly networkProject: string;
  readonly region: string;
  /** What full URLs of resources begin with. */
  readonly root: string;
  /** Given when podpin makes the firewall rules. */
  readonly firewall?: FirewallOptions;
  /** Undefined when the cluster has no such node, or it is no VM. */
  node(name: string): CloudNode | undefined;
  /** Name of the node that is this instance. */
  nodeName(zone: string, instance: string): string;
  /** `unread` until the instance was read; undefined when it, or its interface for the network, does not exist. */
  nic(node: CloudNode, network: string): Nic | "unread" | undefined;
  /** The reserved address of this value. */
  address(ip: string): Address | undefined;
  /** Since the addresses were read. */
  addressesAgeMs(): number;
  /** What has this name, whoever made it. */
  find<C extends Collection>(at: Ref<C>): Collections[C] | undefined;
  /** The mark of this cluster on it. */
  mark(resource: { readonly description?: string }): Mark | undefined;
  /** For how long no plan has wanted the endpoint. */
  idleMs(routeUid: string, endpoint: string): number;
  /** For how long the cloud has said that another controller acts for later epochs. */
  supersededMs(routeUid: string): number;
}

/** A way to lead packets to a node. */
export interface Driver {
  /** Collections that it makes something in, besides forwarding rules. */
  readonly regional: readonly "backendServices"[];
  readonly zonal: readonly ("networkEndpointGroups" | "targetInstances")[];
  plan(facts: Facts, intent: CloudIntent, held: Holdings): Plan;
}

/** What a call changes; two calls that share a key are never under way at once. */
export function changesOf(call: Call): readonly string[] {
  switch (call.verb) {
    case "insert":
    case "patch":
    case "delete":
    case "setTarget":
    case "instance":
      return [pathOf(call.at)];
    case "attach":
    case "detach":
      return call.instances.map((instance) => endpointKey(call.at, instance));
    case "endpoints":
      return [`${pathOf(call.at)}/endpoints`];
    case "addresses":
      return ["addresses"];
  }
}

export function endpointKey(group: Ref<"networkEndpointGroups">, instance: string): string {
  return `${pathOf(group)}/${instance}`;
}

/** Says what the call is for, so that the same call again is known to be the same. */
export function identityOf(call: Call): string {
  switch (call.verb) {
    case "patch": {
      // Another fingerprint is another attempt at the same thing.
      const body: Partial<BackendService> = { ...call.body, fingerprint: undefined };
      return JSON.stringify(["patch", pathOf(call.at), body]);
    }
    case "insert":
      return JSON.stringify([call.verb, pathOf(call.at), call.body]);
    case "addresses":
      return "addresses";
    case "attach":
    case "detach":
      return JSON.stringify([call.verb, pathOf(call.at), call.instances]);
    case "setTarget":
      return JSON.stringify([call.verb, pathOf(call.at), call.target]);
    default:
      return JSON.stringify([call.verb, pathOf(call.at)]);
  }
}

export function isRead({ verb }: Call): boolean {
  return verb === "endpoints" || verb === "instance" || verb === "addresses";
}

/** The route's mark, as it is written on everything that is made for it. */
export function markFor(clusterUid: string, { route }: CloudIntent): Mark {
  return { cluster: clusterUid, route: `${route.namespace}/${route.name}`, uid: route.uid };
}

/** Something of the name that podpin would give it is there, and is not this route's. */
export function nameTaken({ project, networkProject }: Facts, at: Ref): CloudProblem {
  const where = at.collection === "firewalls" ? networkProject : project;
  return {
    reason: "NameTaken",
    message: `${pathOf(at)} in project ${where} is not podpin's for this route and is left alone; delete or rename it.`,
  };
}
