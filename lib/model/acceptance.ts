// Which routes are accepted, and why not. Pure; the reasons are GKE's own.
import { addressOfCidr, CIDR_ADDRESS_TYPE } from "./address";
import { Delivery, type Fabric } from "./binding";
import { AddressType, PODPIN_INTERNAL_CLASS } from "./classes";
import {
  acceptGateway,
  acceptListener,
  admits,
  isOurClass,
  refuse,
  type ControllerMeans,
  type Verdict,
} from "./gateway-acceptance";
import {
  ANNOTATION_DELIVERY,
  DEFAULT_NETWORK,
  MAX_ADDRESSES_PER_ROUTE,
  RouteReason,
  type Gateway,
  type GatewayClass,
  type GKEIPRoute,
  type Listener,
  type Network,
  type ParentReference,
} from "./gke-api";
import { isDefaultNetwork, selectorProblem } from "./selection";

/** What a look-up of the cluster's objects gives; every function may answer undefined for "does not exist". */
export interface ClusterView extends ControllerMeans {
  gatewayClass(name: string): GatewayClass | undefined;
  gateway(namespace: string, name: string): Gateway | undefined;
  network(name: string): Network | undefined;
  namespaceLabels(name: string): Readonly<Record<string, string>> | undefined;
}

/** The namespace that a parentRef means. */
export function parentNamespace(route: GKEIPRoute, ref: ParentReference): string {
  return ref.namespace ?? route.metadata.namespace ?? "";
}

/** Whether a parentRef points at a Gateway; other kinds are not podpin's business. */
export function isGatewayRef({ group = "gateway.networking.k8s.io", kind = "Gateway" }: ParentReference): boolean {
  return group === "gateway.networking.k8s.io" && kind === "Gateway";
}

/**
 * Whether podpin answers for the route. Its Gateways' classes decide; a route with no Gateway to be found belongs to
 * podpin only where GKE's own controller is not around to answer for it.
 */
export function isOurRoute(route: GKEIPRoute, view: ClusterView, gkeControllerPresent: boolean): boolean {
  let known = false;
  for (const ref of (route.spec.parentRefs ?? []).filter(isGatewayRef)) {
    const gateway = view.gateway(parentNamespace(route, ref), ref.name);
    const gatewayClass = gateway && view.gatewayClass(gateway.spec.gatewayClassName);
    if (isOurClass(gatewayClass)) return true;
    known ||= gatewayClass !== undefined;
  }
  return !known && !gkeControllerPresent;
}

export interface RouteVerdict extends Verdict<RouteReason> {
  readonly fabric?: Fabric;
  /** Who can reach the addresses, where the fabric has to know. */
  readonly addressType?: AddressType;
  /** The addresses that the route asks for, in its order, each once; only the well-formed ones when not accepted. */
  readonly addresses: readonly string[];
  /**
   * Addresses that the route may keep although it is not accepted: nothing says that it lost the right to them.
   * Equal to `addresses` when accepted.
   */
  readonly keeps: readonly string[];
}

/** Condition `Accepted` of a route, without regard to other routes. Total: every route gets a verdict. */
export function acceptRoute(route: GKEIPRoute, view: ClusterView): RouteVerdict {
  const asked = askedAddresses(route);
  const parents = acceptParents(route, view);
  const { listed } = parents;
  const keeps = listed === undefined ? asked.addresses : asked.addresses.filter((address) => listed.has(address));
  const no = (reason: RouteReason, message: string): RouteVerdict => ({
    ...refuse(reason, message),
    addresses: asked.addresses,
    keeps,
  });

  const selector = selectorProblem(route.spec.podSelector);
  if (selector !== undefined) return no(RouteReason.InvalidLabels, selector);
  if (parents.refused !== undefined) return no(parents.refused.reason, parents.refused.message);
  if (route.spec.loadBalancing !== undefined) {
    const message =
      "spec.loadBalancing is not served by podpin: an address has one Pod at a time; remove it, or use a Gateway of GKE's classes";
    return no(RouteReason.Unattachable, message);
  }
  if (parents.addressType === AddressType.External && route.spec.allowGlobalAccess === true) {
    const message = `spec.allowGlobalAccess is for internal addresses, and these are external, which anybody can reach; remove it, or use a Gateway of class ${PODPIN_INTERNAL_CLASS}`;
    return no(RouteReason.Unattachable, message);
  }
  const delivery = deliveryProblem(route);
  if (delivery !== undefined) return no(RouteReason.Unattachable, delivery);
  if (asked.problem !== undefined) return no(RouteReason.InvalidAddresses, asked.problem);
  const foreign = asked.addresses.filter((address) => listed?.has(address) !== true);
  if (foreign.length > 0) {
    const names = (route.spec.parentRefs ?? []).map((ref) => `${parentNamespace(route, ref)}/${ref.name}`).join(", ");
    const message = `${foreign.map((address) => `${address}/32`).join(", ")}: not listed by Gateway ${names}`;
    return no(RouteReason.InvalidAddresses, message);
  }
  const network = networkProblem(route.spec.network ?? DEFAULT_NETWORK, view);
  if (network !== undefined) return no(network.reason, network.message);
  return {
    accepted: true,
    reason: RouteReason.Accepted,
    message: "the route is accepted",
    fabric: parents.fabric,
    addressType: parents.addressType,
    addresses: asked.addresses,
    keeps: asked.addresses,
  };
}

/** A mistyped delivery is no wish for another one: what works must not change for it. */
function deliveryProblem({ metadata: { annotations } }: GKEIPRoute): string | undefined {
  const asked = annotations?.[ANNOTATION_DELIVERY];
  const known: readonly string[] = Object.values(Delivery);
  if (asked === undefined || known.includes(asked)) return undefined;
  return `annotation ${ANNOTATION_DELIVERY} is "${asked}"; use ${known.join(", ")}, or leave it out for app`;
}

/** The well-formed addresses that a route asks for, in its order, each once. */
export function claimedAddresses(route: GKEIPRoute): readonly string[] {
  return askedAddresses(route).addresses;
}

function askedAddresses(route: GKEIPRoute): { addresses: readonly string[]; problem?: string } {
  // GKE's schema has no limit, so there may be very many.
  const each = new Set<string>();
  const problems: string[] = [];
  const entries = route.spec.addresses ?? [];
  for (const [i, { type, value }] of entries.entries()) {
    const address = addressOfCidr(value ?? "");
    if (type !== CIDR_ADDRESS_TYPE) {
      problems.push(`spec.addresses[${i}]: type is "${type ?? ""}"; use ${CIDR_ADDRESS_TYPE}`);
    } else if (address === undefined) {
      problems.push(`spec.addresses[${i}]: "${value ?? ""}" is not one IPv4 address as a.b.c.d/32`);
    } else each.add(address);
  }
  const addresses = [...each];
  if (entries.length === 0) problems.push("spec.addresses is empty; list at least one address of the Gateway");
  if (addresses.length > MAX_ADDRESSES_PER_ROUTE) {
    problems.push(
      `spec.addresses: ${addresses.length} addresses; a GKEIPRoute holds at most ${MAX_ADDRESSES_PER_ROUTE}`,
    );
  }
  return problems.length > 0 ? { addresses, problem: problems.join(". ") } : { addresses };
}

interface ParentsVerdict {
  readonly refused?: { readonly reason: RouteReason; readonly message: string };
  readonly fabric?: Fabric;
  readonly addressType?: AddressType;
  /** Addresses of all Gateways that admit the route; undefined when that cannot be known now. */
  readonly listed?: ReadonlySet<string>;
}

function acceptParents(route: GKEIPRoute, view: ClusterView): ParentsVerdict {
  const refs = (route.spec.parentRefs ?? []).filter(isGatewayRef);
  if (refs.length === 0) {
    return { refused: { reason: RouteReason.MissingParentRefs, message: "spec.parentRefs names no Gateway" } };
  }
  const listed = new Set<string>();
  const fabrics = new Set<Fabric | undefined>();
  const addressTypes = new Set<AddressType | undefined>();
  for (const ref of refs) {
    const namespace = parentNamespace(route, ref);
    const name = `${namespace}/${ref.name}`;
    const gateway = view.gateway(namespace, ref.name);
    if (gateway === undefined) {
      return { refused: { reason: RouteReason.GatewayNotFound, message: `Gateway ${name} does not exist` } };
    }
    const gatewayClass = view.gatewayClass(gateway.spec.gatewayClassName);
    if (!isOurClass(gatewayClass)) {
      const message = `Gateway ${name} has class ${gateway.spec.gatewayClassName}, which podpin does not serve`;
      return { refused: { reason: RouteReason.GatewayNotAccepted, message } };
    }
    const verdict = acceptGateway(gateway, gatewayClass, view);
    if (!verdict.serves) {
      const message = `Gateway ${name} is not accepted: ${verdict.message}`;
      return { refused: { reason: RouteReason.GatewayNotAccepted, message } };
    }
    if (!attaches(route, ref, gateway, view)) {
      const message = `no listener of Gateway ${name} admits routes of namespace ${route.metadata.namespace ?? ""}`;
      return { refused: { reason: RouteReason.Unattachable, message }, listed };
    }
    for (const address of verdict.addresses) listed.add(address);
    fabrics.add(verdict.fabric);
    addressTypes.add(verdict.addressType);
  }
  if (fabrics.size > 1) {
    const message = "spec.parentRefs names Gateways of different fabrics; use one route for each";
    return { refused: { reason: RouteReason.Unattachable, message }, listed };
  }
  if (addressTypes.size > 1) {
    const message = "spec.parentRefs names Gateways of external and of internal addresses; use one route for each";
    return { refused: { reason: RouteReason.Unattachable, message }, listed };
  }
  return { listed, fabric: [...fabrics][0], addressType: [...addressTypes][0] };
}

/** Whether some listener that the parentRef means admits the route. */
function attaches(route: GKEIPRoute, ref: ParentReference, gateway: Gateway, view: ClusterView): boolean {
  return (gateway.spec.listeners ?? []).some((listener) => attachesTo(route, ref, gateway, listener, view));
}

/** Whether this listener is one that the parentRef means, and admits the route. */
export function attachesTo(
  route: GKEIPRoute,
  ref: ParentReference,
  gateway: Gateway,
  listener: Listener,
  view: ClusterView,
): boolean {
  const { namespace = "" } = route.metadata;
  if (ref.sectionName !== undefined && ref.sectionName !== listener.name) return false;
  if (ref.port !== undefined && ref.port !== listener.port) return false;
  return acceptListener(listener).accepted && admits(gateway, listener, namespace, view.namespaceLabels(namespace));
}

function networkProblem(
  name: string,
  view: ClusterView,
): { readonly reason: RouteReason; readonly message: string } | undefined {
  // The default network needs no object: it is always there.
  if (isDefaultNetwork(name)) return undefined;
  const network = view.network(name);
  if (network === undefined) {
    return { reason: RouteReason.NetworkNotFound, message: `Network ${name} does not exist` };
  }
  const ready = network.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status === "True") return undefined;
  const why = ready === undefined ? "it has no condition Ready" : `${ready.reason}: ${ready.message}`;
  return { reason: RouteReason.NetworkNotReady, message: `Network ${name} is not Ready: ${why}` };
}

/** Orders claims to one address: the older route wins; of equal age the one that sorts first by namespace and name. */
export function claimsBefore(a: GKEIPRoute, b: GKEIPRoute): boolean {
  const key = ({ metadata }: GKEIPRoute): string =>
    [metadata.creationTimestamp ?? "", metadata.namespace ?? "", metadata.name].join("\0");
  return key(a) < key(b);
}
