// What this node's kernel holds to deliver an address to one Pod, and why it cannot. Pure. The rules are the same for the Pod that
// has the address and, on a fabric that is led, for the one that had it until the packets go elsewhere.
import {
  AckState,
  type BindingAck,
  type BindingOwner,
  DELIVERIES,
  type Delivery,
  type Fabric,
  FailReason,
  isLedFabric,
} from "../../../lib/model/binding";
import { zoneOf } from "./nft";
import type { AddressMemory, NodeView } from "./outcome";
import { claimOf } from "./sandboxes";
import { type Footprint, type Hop, NO_FOOTPRINT, samePath } from "./state";

export interface Held {
  readonly address: string;
  readonly epoch: number;
  /** The UID is empty where nothing says it any more: an agent that was started anew, and had not got to say it. */
  readonly owner: Pick<BindingOwner, "podUid" | "podIp">;
  readonly delivery: Delivery;
  readonly fabric: Fabric;
  /** What is remembered of this very epoch and Pod. */
  readonly before?: AddressMemory["programmed"];
  /** Without memory (the agent was restarted): this node has programmed this very Pod. */
  readonly started: boolean;
}

export type Holding =
  | { readonly can: "yes"; readonly target: Footprint; readonly programmed: NonNullable<AddressMemory["programmed"]> }
  /** What is needed to decide is not known; what there is stays. */
  | { readonly can: "unknown"; readonly note: string }
  | { readonly can: "no"; readonly reason: FailReason; readonly message: string; readonly retry: boolean };

/** Link kinds at whose other end a Pod can be. A tunnel has no gateway either, but the Pod is on another node. */
const POD_LINK_KINDS: ReadonlySet<string> = new Set(["veth", "bridge", "netkit"]);

export function hold(held: Held, current: Footprint, view: NodeView): Holding {
  const { address, epoch, owner, delivery, before } = held;
  const { podUid, podIp } = owner;
  const { kernel } = view;
  const started = held.started || before !== undefined;
  const { translates: nat, insidePod: inside } = DELIVERIES[delivery];
  if (inside && kernel.pods === undefined) {
    const message = `delivery "${delivery}" is off, because for it agents enter Pods: set interfaceDelivery: true on PersistentIpController, or use delivery "nat"`;
    return no(FailReason.DeliveryNotSupported, message, false);
  }
  const hop = kernel.hops.get(podIp);
  if (hop === undefined) return { can: "unknown", note: `${podIp} was not looked up` };
  if (hop !== "unreachable" && hop.local) {
    const message = `the Pod's address ${podIp} is its node's own (hostNetwork: true), and a node has no persistent address; run the Pod on the Pod network`;
    return no(FailReason.PodOnHostNetwork, message);
  }
  const reason = notLocal(podIp, hop, view);
  if (hop === "unreachable" || reason !== undefined) {
    return started
      ? no(FailReason.PodInterfaceGone, goneMessage(podIp, reason))
      : no(FailReason.PodNotOnNode, `${reason}; it is tried again`);
  }
  const path = { via: podIp, dev: hop.dev };
  // Without memory the kernel remembers: a route outlives no interface.
  const port = portOf(hop, view);
  const gone = before?.port !== undefined && (!exists(before.port, view) || (port ?? before.port) !== before.port);
  const changed =
    gone || (before !== undefined ? before.ifindex !== hop.ifindex : started && !samePath(current.path, path));
  if (changed) return no(FailReason.PodInterfaceGone, goneMessage(podIp, `another Pod may have it on ${hop.dev}`));

  const stranger = otherPod(owner, started, view);
  if (stranger !== undefined) return stranger;

  if (nat && !view.rangesKnown && !(samePath(current.path, path) && current.nat && current.natPod === podIp)) {
    const message = "the ranges of the cluster are not known yet: ConfigMap podpin-cluster-ranges is missing or empty";
    return no(FailReason.ClusterRangesUnknown, message);
  }
  const look = inside ? kernel.pods?.get(podIp) : undefined;
  if (inside && (look === undefined || "problem" in look)) {
    const why = look?.problem ?? `the Pod with ${podIp} was not looked into`;
    // What works goes on working.
    if (samePath(current.path, path) && current.insideOf === podIp) return { can: "unknown", note: why };
    return no(FailReason.PodNamespaceUnknown, `${why}; it is tried again`);
  }
  const target: Footprint = {
    ...NO_FOOTPRINT,
    path,
    fallback: true,
    app: !nat,
    natPod: nat ? podIp : undefined,
    zone: nat ? zoneOf(podIp) : undefined,
    nat,
    insideOf: inside ? podIp : undefined,
    held: inside,
    // Before the guest agent can claim the address, which it does as soon as the fabric brings it here. Once there it stays: it
    // keeps the guest agent from saying again what it is against.
    thrown: isLedFabric(held.fabric) || kernel.claimed.has(address) || current.thrown,
  };
  const programmed = { epoch, podUid, podIp, delivery, ifindex: hop.ifindex, port: port ?? before?.port };
  return { can: "yes", target, programmed };
}

const no = (reason: FailReason, message: string, retry = true): Holding => ({ can: "no", reason, message, retry });

const portOf = ({ port }: Hop, { kernel }: NodeView): number | undefined =>
  port === undefined ? undefined : kernel.devices.get(port)?.ifindex;

const exists = (ifindex: number, { kernel }: NodeView): boolean =>
  [...kernel.devices.values()].some((device) => device.ifindex === ifindex);

function notLocal(podIp: string, hop: Hop | "unreachable", view: NodeView): string | undefined {
  if (hop === "unreachable") return `this node has no route to the Pod's address ${podIp}`;
  if (hop.gateway !== undefined) return `the Pod's address ${podIp} is behind ${hop.gateway}, not on this node`;
  if (hop.dev === view.uplink || !POD_LINK_KINDS.has(hop.kind)) {
    return `the Pod's address ${podIp} is reached by ${hop.dev}, which is no interface of a Pod on this node`;
  }
  return undefined;
}

/**
 * Why the Pod that has the address is not the one that is meant. The controller may have read it before the Pod died and
 * its address was given to the next one.
 */
function otherPod({ podUid, podIp }: Held["owner"], started: boolean, { kernel }: NodeView): Holding | undefined {
  // Not known any more, but the route to its interface is there.
  if (podUid === "") return undefined;
  const claim = claimOf(kernel.sandboxes, podUid, podIp);
  if (claim === "unread") {
    return { can: "unknown", note: `whose ${podIp} is cannot be read from the container runtime's records yet` };
  }
  if (claim === "other") {
    const why = `the container runtime says that ${podIp} is another Pod's`;
    return started
      ? no(FailReason.PodInterfaceGone, goneMessage(podIp, why))
      : no(FailReason.PodNotOnNode, `${why}, not that of ${podUid}; it is tried again`);
  }
  // What works is not taken away for want of evidence.
  if (claim !== "absent" || started) return undefined;
  return no(FailReason.PodNotOnNode, `the container runtime of this node has no Pod ${podUid}; it is tried again`);
}

const goneMessage = (podIp: string, why: string | undefined): string =>
  `the interface that the Pod had with ${podIp} is gone${why === undefined ? "" : ` (${why})`}; the address waits for a higher epoch`;

/** Whether this node has said, perhaps in an earlier life, that it programmed this very Pod. */
export function wasProgrammed(ack: BindingAck | undefined, id: { epoch: number; podUid: string }): boolean {
  if (ack?.epoch !== id.epoch || ack.podUid !== id.podUid) return false;
  const done = ack.state === AckState.Programmed || ack.state === AckState.Announced;
  return done || ack.reason === FailReason.PodInterfaceGone;
}
