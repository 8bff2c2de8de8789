// What should become of an address that is no longer this node's, or that nothing explains: it is delivered for as long as it must
// be, passed on or dropped for as long as something may still arrive, and cleaned up. Pure, one address at a time.
import { isIPv4 } from "../../../lib/model/address";
import {
  AckState,
  type AddressBinding,
  type BindingAck,
  type BindingRelease,
  type Delivery,
  deliveryWith,
  FailReason,
  ackOf,
  isLed,
  isLedFabric,
  ownerAck,
} from "../../../lib/model/binding";
import { type Held, hold } from "./hold";
import { type AddressMemory, failed, leastEpoch, type NodeView, type Outcome, refusedEpoch, STRAY } from "./outcome";
import { type Reading, readBinding } from "./reading";
import {
  CHECK_MS,
  FIRST_CHECK_MS,
  type Footprint,
  footprintOf,
  isEmpty,
  type KernelState,
  NO_FOOTPRINT,
  STRAYS_MS,
} from "./state";

/** A binding that asks this node to let go. */
export function release(
  reading: Reading,
  current: Footprint,
  memory: AddressMemory | undefined,
  view: NodeView,
): Outcome {
  if (!reading.ok) return { target: current, ack: failed(view, reading, FailReason.InvalidBinding, reading.problem) };
  const { binding } = reading;
  const { owner, releasing, epoch, fabric } = binding.spec;
  if (epoch < leastEpoch(binding, memory)) return refusedEpoch(epoch, current);
  if (releasing === undefined) return { target: current };
  const ack: BindingAck = {
    nodeName: view.nodeName,
    epoch: releasing.epoch,
    podUid: "",
    state: AckState.Released,
  };
  // A binding that names a node's own address is wrong, and nothing may come before that.
  if (isLedFabric(fabric) && !view.nodeAddresses.has(reading.name)) {
    return delivering(binding, releasing, current, memory, view) ?? { ...dropping(binding, memory, view), ack };
  }
  if (owner === undefined) return { target: NO_FOOTPRINT, ack };
  const state = ownerAck(binding)?.state;
  const ready = state === AckState.Programmed || state === AckState.Announced;
  if (releasing.wait && !ready) return { target: current };
  if (isEmpty(current)) return { target: NO_FOOTPRINT, ack };
  const since = memory?.lettingGoSince ?? view.now;
  const target = forwarding(current, releasing.forwardTo, view);
  if (target === undefined || view.now - since >= STRAYS_MS) return { target: NO_FOOTPRINT, ack };
  return { target, ack, lettingGoSince: since, wakeAt: since + STRAYS_MS };
}

/**
 * Something of ours in the kernel that no binding of this node explains.
 *
 * @param evidence the binding as the API server has just returned it
 */
export function leftover(
  evidence: Reading | "absent" | undefined,
  current: Footprint,
  memory: AddressMemory | undefined,
  view: NodeView,
): Outcome {
  if (!view.synced) return { target: current };
  if (evidence === undefined) return { target: current, inquire: true, lettingGoSince: memory?.lettingGoSince };
  if (evidence === "absent") return { target: NO_FOOTPRINT };
  if (!evidence.ok) return { target: current, inquire: true, retry: true, note: evidence.problem };
  const { binding } = evidence;
  const { nodeName, owner, releasing, epoch, fabric } = binding.spec;
  // The caches have not caught up with this answer; their next event decides.
  if (nodeName === view.nodeName || releasing?.nodeName === view.nodeName) {
    return { target: current, inquire: true, retry: true };
  }
  if (epoch < leastEpoch(binding, memory)) return { ...refusedEpoch(epoch, current), inquire: true, retry: true };
  const withdrawAck = ackOf(binding, view.nodeName) !== undefined;
  const nothing = { target: NO_FOOTPRINT, withdrawAck };
  if (isEmpty(current)) return nothing;
  // Nobody watches for this node any more, so it asks now and then.
  if (isLedFabric(fabric) && !view.nodeAddresses.has(evidence.name)) {
    const dropped = dropping(binding, memory, view);
    return isEmpty(dropped.target)
      ? nothing
      : { ...dropped, wakeAt: nextCheck(dropped.lettingGoSince, view), inquire: true };
  }
  const since = memory?.lettingGoSince ?? view.now;
  // With the owner gone there is nowhere to forward to. Somebody may have deleted our table; the route is there.
  const forwards = current.forward || current.path?.dev === view.uplink;
  if (forwards && owner !== undefined && view.now - since < STRAYS_MS) {
    const wakeAt = nextCheck(since, view);
    return { target: { ...current, forward: true }, lettingGoSince: since, wakeAt, inquire: true };
  }
  return nothing;
}

/** When the API server is asked again; nothing arrives any more at all once `since` is long enough ago. */
function nextCheck(since: number | undefined, { now }: NodeView): number {
  if (since === undefined) return now + CHECK_MS;
  return Math.min(since + STRAYS_MS, now + Math.min(CHECK_MS, Math.max(FIRST_CHECK_MS, now - since)));
}

/** The route back out of the uplink both delivers to the new node and silences our ARP, in one step. */
function forwarding(current: Footprint, forwardTo: string, view: NodeView): Footprint | undefined {
  const hop = isIPv4(forwardTo) ? view.kernel.hops.get(forwardTo) : undefined;
  if (hop === undefined || hop === "unreachable") return undefined;
  if (hop.local || hop.gateway !== undefined || hop.dev !== view.uplink) return undefined;
  // Untracked, or the kernel calls connections that it sees from the middle on invalid. In `app` stays: the mark.
  return { ...NO_FOOTPRINT, path: { via: forwardTo, dev: view.uplink }, app: current.app, forward: true };
}

/**
 * A fabric that is led brings the packets here until it leads them to the new owner, and they cannot be passed on to it. While the
 * old Pod lives they are its own as before; it is looked after as if it still had the address.
 */
function delivering(
  binding: AddressBinding,
  releasing: BindingRelease,
  current: Footprint,
  memory: AddressMemory | undefined,
  view: NodeView,
): Outcome | undefined {
  // Once it has let go it has, though a cache that is behind may show the binding as it was, and somebody may have deleted our table.
  if (current.stray || isEmpty(current) || memory?.lettingGoSince !== undefined) return undefined;
  if (binding.spec.owner === undefined || !releasing.wait || isLed(binding)) return undefined;
  for (const former of formersOf(binding, current, memory, view)) {
    const holding = hold(former, current, view);
    if (holding.can === "yes") return { target: holding.target, programmed: holding.programmed };
    if (holding.can === "unknown") return { target: current, retry: true, note: holding.note };
  }
  return undefined;
}

/** Of an address that is led: nothing that still arrives goes back to where it came from, for as long as something may arrive. */
function dropping(
  { spec: { led, owner } }: AddressBinding,
  memory: AddressMemory | undefined,
  { nodeName, now }: NodeView,
): Outcome {
  if (led?.nodeName === nodeName) return { target: STRAY };
  const since = memory?.lettingGoSince ?? now;
  if (owner === undefined || now - since >= STRAYS_MS) return { target: NO_FOOTPRINT };
  return { target: STRAY, lettingGoSince: since, wakeAt: since + STRAYS_MS };
}

/**
 * The Pod that this node delivers an address to which has become another node's: as it is remembered and, where the kernel has
 * another Pod's address, because what was programmed last is there in part, or the agent was started anew, as the kernel has it.
 */
function formersOf(
  binding: AddressBinding,
  current: Footprint,
  memory: AddressMemory | undefined,
  view: NodeView,
): readonly Held[] {
  const { address, fabric } = binding.spec;
  const before = memory?.bindingUid === binding.metadata.uid ? memory?.programmed : undefined;
  const remembered: readonly Held[] =
    before === undefined ? [] : [{ address, fabric, ...before, owner: before, before, started: true }];
  const podIp = podOf(current, view.uplink);
  if (podIp === undefined || podIp === before?.podIp) return remembered;
  const mine = ackOf(binding, view.nodeName);
  const owner = { podUid: mine?.podUid ?? "", podIp };
  const delivery = deliveryIn(current) ?? binding.spec.delivery;
  return [...remembered, { address, fabric, epoch: mine?.epoch ?? 0, delivery, owner, started: true }];
}

/** Undefined where the kernel has no more than routes. */
function deliveryIn({ app, nat, natPod, insideOf }: Footprint): Delivery | undefined {
  const translates = nat || natPod !== undefined;
  const insidePod = insideOf !== undefined;
  return translates || insidePod || app ? deliveryWith({ translates, insidePod }) : undefined;
}

function podOf({ path, natPod, insideOf }: Footprint, uplink: string): string | undefined {
  return natPod ?? insideOf ?? (path?.dev === uplink ? undefined : path?.via);
}

/**
 * Addresses of the Pods that bindings which ask this node to let go may still be delivered to; the plan will ask for their next
 * hops.
 *
 * @param kernel as it was seen last
 */
export function formerPods(
  releasing: readonly AddressBinding[],
  memory: ReadonlyMap<string, AddressMemory>,
  kernel: KernelState | undefined,
  uplink: string,
): string[] {
  return releasing.flatMap((object) => {
    const reading = readBinding(object);
    if (!reading.ok || !isLedFabric(reading.binding.spec.fabric)) return [];
    const remembered = memory.get(reading.name)?.programmed?.podIp;
    const seen = kernel && podOf(footprintOf(kernel, reading.name), uplink);
    return [remembered ?? [], seen ?? []].flat();
  });
}
