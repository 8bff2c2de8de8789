// The status of the GatewayClasses and Gateways that podpin serves, with upstream's conditions and reasons.
import {
  acceptClass,
  acceptGateway,
  attachesTo,
  isGatewayRef,
  parentNamespace,
  type ClusterView,
} from "../../../lib/model/acceptance";
import { typedAddress } from "../../../lib/model/address";
import type { Gateway, GatewayClass, GKEIPRoute, Listener, ListenerStatus } from "../../../lib/model/gke-api";
import { mergeConditions, same, type WantedCondition } from "./conditions";

const ROUTE_KIND = { group: "networking.gke.io", kind: "GKEIPRoute" };

type ClassStatus = NonNullable<GatewayClass["status"]>;
type GatewayStatus = NonNullable<Gateway["status"]>;

/** The status to write; undefined when the class says it already. */
export function classStatus(gatewayClass: GatewayClass, now: string): ClassStatus | undefined {
  const { accepted, reason, message } = acceptClass(gatewayClass);
  const wanted: WantedCondition = { type: "Accepted", status: accepted ? "True" : "False", reason, message };
  const { status, metadata } = gatewayClass;
  const conditions = mergeConditions(status?.conditions, [wanted], metadata.generation ?? 1, now);
  return same(conditions, status?.conditions) ? undefined : { conditions };
}

/** The status to write; undefined when the Gateway says it already. */
export function gatewayStatus(
  gateway: Gateway,
  gatewayClass: GatewayClass,
  routes: readonly GKEIPRoute[],
  view: ClusterView,
  now: string,
): GatewayStatus | undefined {
  const verdict = acceptGateway(gateway, gatewayClass);
  const generation = gateway.metadata.generation ?? 1;
  const accepted: WantedCondition = {
    type: "Accepted",
    status: verdict.accepted ? "True" : "False",
    reason: verdict.reason,
    message: verdict.message,
  };
  const status: GatewayStatus = {
    addresses: verdict.accepted ? verdict.addresses.map(typedAddress) : [],
    conditions: mergeConditions(
      gateway.status?.conditions,
      [accepted, programmed(verdict.accepted, verdict.unusable)],
      generation,
      now,
    ),
    listeners: (gateway.spec.listeners ?? []).map((listener) =>
      listenerStatus(gateway, listener, routes, view, verdict.accepted, now),
    ),
  };
  const { addresses = [], conditions = [], listeners = [] } = gateway.status ?? {};
  return same(status, { addresses, conditions, listeners }) ? undefined : status;
}

function programmed(accepted: boolean, unusable: readonly string[]): WantedCondition {
  const type = "Programmed";
  if (!accepted) return { type, status: "False", reason: "Invalid", message: "the Gateway is not accepted" };
  if (unusable.length > 0) {
    const message = `${unusable.join(". ")}. The other addresses are usable`;
    return { type, status: "False", reason: "AddressNotUsable", message };
  }
  return { type, status: "True", reason: "Programmed", message: "every address may be used by routes" };
}

function listenerStatus(
  gateway: Gateway,
  listener: Listener,
  routes: readonly GKEIPRoute[],
  view: ClusterView,
  accepted: boolean,
  now: string,
): ListenerStatus {
  const kinds = listener.allowedRoutes?.kinds ?? [];
  const isRouteKind = ({ group, kind }: { readonly group?: string; readonly kind: string }): boolean =>
    group === ROUTE_KIND.group && kind === ROUTE_KIND.kind;
  const foreign = kinds.filter((kind) => !isRouteKind(kind));
  const serves = kinds.length === 0 || foreign.length < kinds.length;
  const attached = routes.filter((route) =>
    (route.spec.parentRefs ?? []).some(
      (ref) =>
        isGatewayRef(ref) &&
        ref.name === gateway.metadata.name &&
        parentNamespace(route, ref) === gateway.metadata.namespace &&
        attachesTo(route, ref, gateway, listener, view),
    ),
  );
  const resolved: WantedCondition =
    foreign.length === 0
      ? { type: "ResolvedRefs", status: "True", reason: "ResolvedRefs", message: "allowedRoutes.kinds is served" }
      : {
          type: "ResolvedRefs",
          status: "False",
          reason: "InvalidRouteKinds",
          message: `${foreign.map(({ kind }) => kind).join(", ")}: not served; the only kind is GKEIPRoute of networking.gke.io`,
        };
  const before = gateway.status?.listeners?.find(({ name }) => name === listener.name);
  return {
    name: listener.name,
    supportedKinds: serves ? [ROUTE_KIND] : [],
    attachedRoutes: attached.length,
    conditions: mergeConditions(
      before?.conditions,
      [simple("Accepted", accepted), simple("Programmed", accepted), resolved, noConflict],
      gateway.metadata.generation ?? 1,
      now,
    ),
  };
}

function simple(type: "Accepted" | "Programmed", accepted: boolean): WantedCondition {
  return accepted
    ? { type, status: "True", reason: type, message: "the listener is served" }
    : {
        type,
        status: "False",
        reason: type === "Accepted" ? "Pending" : "Invalid",
        message: "the Gateway is not accepted",
      };
}

// Ports and protocols mean nothing to addresses of whole Pods, so listeners cannot conflict.
const noConflict: WantedCondition = {
  type: "Conflicted",
  status: "False",
  reason: "NoConflicts",
  message: "listeners of persistent addresses do not conflict",
};
