// The status of the GatewayClasses and Gateways that podpin serves, with upstream's conditions and reasons.
import { attachesTo, isGatewayRef, parentNamespace, type ClusterView } from "../../../lib/model/acceptance";
import { typedAddress } from "../../../lib/model/address";
import {
  acceptBundle,
  acceptClass,
  acceptGateway,
  acceptListener,
  SUPPORTED_FEATURES,
  type ControllerMeans,
  type GatewayVerdict,
} from "../../../lib/model/gateway-acceptance";
import type { Gateway, GatewayClass, GKEIPRoute, Listener, ListenerStatus } from "../../../lib/model/gke-api";
import { mergeConditions, same, type WantedCondition } from "./conditions";

type ClassStatus = NonNullable<GatewayClass["status"]>;
type GatewayStatus = NonNullable<Gateway["status"]>;

/**
 * The status to write; undefined when the class says it already.
 *
 * @param bundle version of the Gateway API's definitions; undefined while it is not known
 */
export function classStatus(
  gatewayClass: GatewayClass,
  bundle: string | undefined,
  means: ControllerMeans,
  now: string,
): ClassStatus | undefined {
  const { accepted, reason, message } = acceptClass(gatewayClass, means);
  const wanted: WantedCondition = { type: "Accepted", status: accepted ? "True" : "False", reason, message };
  const { status, metadata } = gatewayClass;
  const all = bundle === undefined ? [wanted] : [wanted, supportedVersion(bundle)];
  const conditions = mergeConditions(status?.conditions, all, metadata.generation ?? 1, now);
  const next: ClassStatus = { conditions, supportedFeatures: SUPPORTED_FEATURES };
  return same(next, status) ? undefined : next;
}

function supportedVersion(bundle: string): WantedCondition {
  const type = "SupportedVersion";
  const verdict = acceptBundle(bundle);
  return { type, status: verdict.accepted ? "True" : "False", reason: verdict.reason, message: verdict.message };
}

/**
 * The status to write; undefined when the Gateway says it already.
 *
 * @param routes those that are accepted, of all that name the Gateway
 */
export function gatewayStatus(
  gateway: Gateway,
  gatewayClass: GatewayClass,
  routes: readonly GKEIPRoute[],
  view: ClusterView,
  now: string,
): GatewayStatus | undefined {
  const verdict = acceptGateway(gateway, gatewayClass, view);
  const generation = gateway.metadata.generation ?? 1;
  const accepted: WantedCondition = {
    type: "Accepted",
    status: verdict.accepted ? "True" : "False",
    reason: verdict.reason,
    message: verdict.message,
  };
  const status: GatewayStatus = {
    addresses: verdict.serves ? verdict.addresses.map(typedAddress) : [],
    conditions: mergeConditions(gateway.status?.conditions, [accepted, programmed(verdict)], generation, now),
    listeners: (gateway.spec.listeners ?? []).map((listener) =>
      listenerStatus(gateway, listener, routes, view, verdict, now),
    ),
  };
  const { addresses = [], conditions = [], listeners = [] } = gateway.status ?? {};
  return same(status, { addresses, conditions, listeners }) ? undefined : status;
}

function programmed({ serves, addresses, unusable }: GatewayVerdict): WantedCondition {
  const type = "Programmed";
  const no = (reason: string, message: string): WantedCondition => ({ type, status: "False", reason, message });
  if (!serves) return no("Invalid", "the Gateway is not accepted");
  if (unusable.length > 0) {
    const others = addresses.length > 0 ? ". The other addresses are usable" : "";
    return no("AddressNotUsable", `${unusable.join(". ")}${others}`);
  }
  if (addresses.length === 0) {
    return no(
      "AddressNotAssigned",
      "spec.addresses is empty; list addresses as a.b.c.d/32, podpin assigns none itself",
    );
  }
  return { type, status: "True", reason: "Programmed", message: "every address may be used by routes" };
}

function listenerStatus(
  gateway: Gateway,
  listener: Listener,
  routes: readonly GKEIPRoute[],
  view: ClusterView,
  of: GatewayVerdict,
  now: string,
): ListenerStatus {
  const own = acceptListener(listener);
  const { name, namespace } = gateway.metadata;
  const attached = routes.filter((route) =>
    (route.spec.parentRefs ?? []).some(
      (ref) =>
        isGatewayRef(ref) &&
        ref.name === name &&
        parentNamespace(route, ref) === namespace &&
        attachesTo(route, ref, gateway, listener, view),
    ),
  );
  const served = own.accepted && of.serves;
  const accepted: WantedCondition =
    own.accepted && !of.serves
      ? { type: "Accepted", status: "False", reason: "Pending", message: "the Gateway is not accepted" }
      : { type: "Accepted", status: own.accepted ? "True" : "False", reason: own.reason, message: own.message };
  const delivers: WantedCondition = served
    ? { type: "Programmed", status: "True", reason: "Programmed", message: "the listener is served" }
    : { type: "Programmed", status: "False", reason: "Invalid", message: accepted.message };
  const before = gateway.status?.listeners?.find((one) => one.name === listener.name);
  return {
    name: listener.name,
    supportedKinds: own.kinds,
    attachedRoutes: attached.length,
    conditions: mergeConditions(
      before?.conditions,
      [accepted, delivers, resolvedRefs(own.foreignKinds), noConflict],
      gateway.metadata.generation ?? 1,
      now,
    ),
  };
}

function resolvedRefs(foreignKinds: readonly string[]): WantedCondition {
  const type = "ResolvedRefs";
  if (foreignKinds.length === 0) {
    return { type, status: "True", reason: type, message: "allowedRoutes.kinds is served" };
  }
  const message = `${foreignKinds.join(", ")}: not served; the only kind is GKEIPRoute of networking.gke.io`;
  return { type, status: "False", reason: "InvalidRouteKinds", message };
}

// Ports and protocols mean nothing to addresses of whole Pods, so listeners cannot conflict.
const noConflict: WantedCondition = {
  type: "Conflicted",
  status: "False",
  reason: "NoConflicts",
  message: "listeners of persistent addresses do not conflict",
};
