// What is worth an Event on a route: its addresses went to another Pod, or the route was turned down.
import type { AddressBinding } from "../../../lib/model/binding";
import { routeCondition, RouteCondition, RouteReason, type GKEIPRoute } from "../../../lib/model/gke-api";
import { RESOURCES, type Condition } from "../../../lib/model/kubernetes";
import type { EventNote } from "../kube/events";
import type { BindingChange } from "./handover";

/** One address that changed hands. */
export interface Move {
  readonly kind: "assigned" | "moved" | "released";
  readonly address: string;
  readonly epoch: number;
  /** `Pod p on node n`. */
  readonly from?: string;
  readonly to?: string;
}

const REASONS = {
  assigned: { reason: "AddressesAssigned", action: "Assign" },
  moved: { reason: "AddressesMoved", action: "Move" },
  released: { reason: "AddressesReleased", action: "Release" },
} as const;

/** What a change does to the owner of an address; undefined when the owner stays. */
export function moveOf(change: BindingChange, before: AddressBinding | undefined): Move | undefined {
  if (change.verb === "delete") return undefined;
  const { address, epoch } = change.binding.spec;
  const [from, to] = [before, change.binding].map((binding) => holderOf(binding));
  if (from?.id === to?.id) return undefined;
  const kind = from === undefined ? "assigned" : to === undefined ? "released" : "moved";
  return { kind, address, epoch, from: from?.text, to: to?.text };
}

/** One Event for all addresses that went the same way. */
export function moveNotes(route: GKEIPRoute, moves: readonly Move[]): EventNote[] {
  const ways = new Map<string, Move[]>();
  for (const move of moves) {
    const way = JSON.stringify([move.from, move.to]);
    ways.set(way, [...(ways.get(way) ?? []), move]);
  }
  return [...ways.values()].map((same): EventNote => {
    const [{ kind, from, to }] = same as [Move];
    const list = same.map(({ address, epoch }) => `${address} (epoch ${epoch})`).join(", ");
    const way = [kind, ...(from === undefined ? [] : ["from", from]), ...(to === undefined ? [] : ["to", to])];
    const where = { resource: RESOURCES.gkeIpRoutes, object: route, type: "Normal" } as const;
    return { ...where, ...REASONS[kind], note: `${list} ${way.join(" ")}` };
  });
}

/** Says that a better Pod has to wait. */
export function heldNote(route: GKEIPRoute, note: string): EventNote {
  return {
    resource: RESOURCES.gkeIpRoutes,
    object: route,
    type: "Normal",
    reason: "MovesDamped",
    action: "Hold",
    note,
  };
}

/** Says what keeps podpin from writing what the route needs. */
export function refusedNote(route: GKEIPRoute, why: string): EventNote {
  const about = { resource: RESOURCES.gkeIpRoutes, object: route } as const;
  return { ...about, type: "Warning", reason: "WriteRefused", action: "Write", note: why };
}

/** Says that a route was turned down, if that or its reason is new; `contested`: another route has its addresses. */
export function refusalNote(route: GKEIPRoute, now: readonly Condition[], contested: boolean): EventNote | undefined {
  const before = acceptedIn(route.status?.conditions);
  const after = acceptedIn(now);
  if (after?.status !== "False") return undefined;
  if (before?.status === "False" && before.reason === after.reason && before.message === after.message)
    return undefined;
  return {
    resource: RESOURCES.gkeIpRoutes,
    object: route,
    type: "Warning",
    reason: contested ? "AddressConflict" : after.reason,
    action: "Accept",
    note: after.message,
  };
}

/** Says that a route cannot be let go, because a node keeps an address of it. */
export function overdueNote(route: GKEIPRoute, now: readonly Condition[]): EventNote | undefined {
  const ready = now.find(({ type }) => type === RouteCondition.Ready);
  if (route.metadata.deletionTimestamp === undefined || ready?.reason !== RouteReason.DPV2NotReady) return undefined;
  const about = { resource: RESOURCES.gkeIpRoutes, object: route } as const;
  return { ...about, type: "Warning", reason: "ReleaseOverdue", action: "Release", note: ready.message };
}

/** Says what keeps the cloud from leading the packets, if that is new. */
export function cloudNote(route: GKEIPRoute, now: readonly Condition[]): EventNote | undefined {
  const [before, after] = [route.status?.conditions, now].map((conditions) =>
    routeCondition(conditions, RouteCondition.GCPReady),
  );
  if (after?.reason !== RouteReason.GCPFailed) return undefined;
  if (before?.reason === after.reason && before.message === after.message) return undefined;
  const about = { resource: RESOURCES.gkeIpRoutes, object: route } as const;
  return { ...about, type: "Warning", reason: after.reason, action: "Lead", note: after.message };
}

function acceptedIn(conditions: readonly Condition[] | undefined): Condition | undefined {
  return conditions?.find(({ type }) => type === RouteCondition.Accepted);
}

function holderOf(binding: AddressBinding | undefined): { readonly id: string; readonly text: string } | undefined {
  const { owner, nodeName } = binding?.spec ?? {};
  if (owner === undefined || nodeName === undefined) return undefined;
  return { id: `${owner.podUid} ${nodeName}`, text: `Pod ${owner.podName} on node ${nodeName}` };
}
