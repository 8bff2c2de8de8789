// A pinned route: these addresses of a pool go to the Pod that a selector finds.
import { CIDR_ADDRESS_TYPE, parseAddress } from "./address";
import { checkAddresses } from "./address-list";
import { Delivery } from "./binding";
import { checkChoice } from "./choices";
import { Provider } from "./classes";
import { ANNOTATION_DELIVERY, DEFAULT_NETWORK, ReactionMode } from "./gke-api";
import { apiVersionOf, RESOURCES } from "./kubernetes";
import { isKnown, LATER, type MaybeLater } from "./later";
import { checkNamespaceName, checkObjectName, checkSelector } from "./names";
import { checkNetwork } from "./network";
import { AllowedNamespaces, DEFAULT_NAMESPACE, type GatewayPlan, partNames, type PoolPlan } from "./pool";
import type { Problems } from "./problems";
import { checkStatefulSetPod, POD_NAME_LABEL, podNameOf, type StatefulSetFacts } from "./workload";

/** The label with its own name that Kubernetes keeps on every Namespace. */
const NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name";

/**
 * What GKE says may not change after creation (GKE docs, "Control communication with persistent IP addresses", read
 * 2026-11). Only `haPolicy` is enforced by the schema, so a change must be a replacement from the start.
 */
export const FIXED_ROUTE_FIELDS: readonly string[] = [
  "spec.parentRefs",
  "spec.network",
  "spec.reactionMode",
  "spec.haPolicy",
];

/** What a route takes in both flavours besides its pool, its Pod and its addresses. */
export interface RouteOptions {
  /**
   * Ordinal of the StatefulSet's Pod that gets the addresses: the number at the end of its name. A plain whole number
   * from 0. A later change moves the addresses to the other Pod.
   *
   * @default - none; required with `statefulSet`
   */
  ordinal?: number;
  /**
   * Labels of the Pods that may get the addresses, all of which must match. Of several Pods the newest eligible one has
   * them. A later change takes effect at once. Give either this or `statefulSet` and `ordinal`.
   *
   * @default - the one Pod that `statefulSet` and `ordinal` name
   */
  podSelector?: Record<string, string>;
  /**
   * When a Pod is eligible: while its condition Ready is True (`ReadyCondition`), or as soon as it has a node
   * (`Exists`: quickest, but says nothing about health). Fixed after creation: a change replaces the route, and traffic
   * stops until the new one is Ready.
   *
   * @default "ReadyCondition"
   */
  reactionMode?: ReactionMode;
  /**
   * How packets reach the Pod: translated one to one on the node, so that the application knows nothing of the address
   * (`nat`), or untouched, so that the application must hold the address itself as GKE asks (`app`). On a pool of GKE's
   * own provider only `app` exists. A later change takes effect at once and cuts open connections.
   *
   * @default - "nat" with podpin's controller, "app" on GKE's own provider
   */
  delivery?: Delivery;
}

export interface RouteAddress {
  readonly value: MaybeLater<string>;
  /** Position in the pool where the program shows it, as with `pool.addresses[3]`. */
  readonly position?: number;
}

export interface RouteInput extends RouteOptions {
  readonly name: string;
  readonly pool: PoolPlan;
  /** Positions in the pool that other routes of this program hold, with the name of the route. */
  readonly claims?: ReadonlyMap<number, string>;
  readonly namespace?: MaybeLater<string>;
  readonly statefulSet?: StatefulSetFacts;
  /** All of the pool's when absent. */
  readonly addresses?: readonly RouteAddress[];
  readonly network?: MaybeLater<string>;
}

export interface RoutePlan {
  readonly namespace: MaybeLater<string>;
  readonly network: MaybeLater<string>;
  readonly reactionMode: ReactionMode;
  /** Written as annotation; GKE's own provider has none. */
  readonly delivery?: Delivery;
  readonly matchLabels: Readonly<Record<string, MaybeLater<string>>>;
  /** The route's addresses, bare; `LATER` where one is not known yet. */
  readonly addresses: readonly MaybeLater<string>[];
  /** Positions in the pool that this route holds, as far as they are known. */
  readonly positions: readonly number[];
  readonly parts: readonly RoutePart[];
}

/** One GKEIPRoute: the addresses that one Gateway lists. A Gateway lists no more than a route may. */
export interface RoutePart {
  readonly name: string;
  readonly gateway: GatewayPlan;
  /** Indexes into `RoutePlan.addresses`. */
  readonly indexes: readonly number[];
}

/** Plans the GKEIPRoutes of a pinned route. Appending addresses renames no route and moves no address. */
export function planRoute(input: RouteInput, problems: Problems): RoutePlan {
  const { pool } = input;
  const namespace = input.namespace ?? input.statefulSet?.namespace ?? DEFAULT_NAMESPACE;
  const network = input.network ?? DEFAULT_NETWORK;
  const reactionMode = input.reactionMode ?? ReactionMode.ReadyCondition;

  const longestSuffix = partNames("", pool.gateways.length).at(-1);
  checkObjectName("name", input.name, problems, longestSuffix);
  checkNamespace(input, namespace, problems);
  const matchLabels = checkPodSelection(input, problems);
  const addresses = checkRouteAddresses(input, problems);
  checkChoice("reactionMode", reactionMode, ReactionMode, problems);
  if (isKnown(network)) checkNetwork(network, problems);
  const delivery = checkDelivery(input, problems);

  return {
    namespace,
    network,
    reactionMode,
    ...(pool.provider === Provider.Podpin ? { delivery } : {}),
    matchLabels,
    addresses: addresses.map(({ value }) => value),
    positions: addresses.flatMap(({ position }) => (position === undefined ? [] : [position])),
    parts: planParts(input.name, pool, addresses),
  };
}

/** Groups the addresses by the Gateway that lists them, in the order in which the Gateways first appear. */
function planParts(name: string, pool: PoolPlan, addresses: readonly RouteAddress[]): readonly RoutePart[] {
  const byGateway = new Map<GatewayPlan, number[]>();
  addresses.forEach(({ position }, index) => {
    // Where there is one Gateway an address needs no position; whether the pool lists it is checked once it is known.
    const gateway =
      pool.gateways.length === 1
        ? pool.gateways[0]
        : pool.gateways.find(({ positions }) => position !== undefined && positions.includes(position));
    if (gateway === undefined) return;
    const group = byGateway.get(gateway) ?? [];
    byGateway.set(gateway, group);
    group.push(index);
  });
  const names = partNames(name, byGateway.size);
  return [...byGateway].map(([gateway, indexes], part) => ({ name: names[part] ?? name, gateway, indexes }));
}

function checkNamespace(input: RouteInput, namespace: MaybeLater<string>, problems: Problems): void {
  if (!isKnown(namespace)) return;
  const { pool, statefulSet } = input;
  checkNamespaceName("namespace", namespace, problems);
  const setNamespace = statefulSet?.namespace;
  if (setNamespace !== undefined && isKnown(setNamespace) && setNamespace !== namespace) {
    problems.add(
      "namespace",
      namespace,
      `the StatefulSet is in "${setNamespace}", and a route finds Pods only in its own namespace: use that, or leave namespace out`,
    );
  }
  const admitted = pool.gateways[0]?.namespaceSelector?.[NAMESPACE_NAME_LABEL];
  if (pool.allowedNamespaces === AllowedNamespaces.Same && isKnown(pool.namespace) && pool.namespace !== namespace) {
    problems.add(
      "namespace",
      namespace,
      `pool "${pool.name}" admits only routes of its own namespace "${pool.namespace}": set allowedNamespaces on the pool`,
    );
  } else if (
    pool.allowedNamespaces === AllowedNamespaces.Selector &&
    admitted !== undefined &&
    admitted !== namespace
  ) {
    problems.add(
      "namespace",
      namespace,
      `the namespaceSelector of pool "${pool.name}" admits only namespace "${admitted}": change one of the two`,
    );
  }
}

function checkPodSelection(input: RouteInput, problems: Problems): Record<string, MaybeLater<string>> {
  const { statefulSet, ordinal, podSelector } = input;
  if (statefulSet !== undefined && podSelector !== undefined) {
    problems.add(
      "podSelector",
      podSelector,
      "statefulSet and ordinal choose the Pod already, leave one of the two out",
    );
  }
  if (statefulSet !== undefined) {
    checkStatefulSetPod(statefulSet, ordinal, problems);
    const { name } = statefulSet;
    return { [POD_NAME_LABEL]: isKnown(name) ? podNameOf(name, ordinal ?? 0) : LATER };
  }
  if (podSelector === undefined) {
    problems.add("podSelector", undefined, "say which Pod: pass statefulSet and ordinal, or podSelector");
    return {};
  }
  if (ordinal !== undefined) problems.add("ordinal", ordinal, "it counts only with statefulSet, leave it out");
  const emptyMeans = "no labels match every Pod, name at least one label of the Pods";
  checkSelector("podSelector", podSelector, emptyMeans, problems);
  return { ...podSelector };
}

function checkRouteAddresses(input: RouteInput, problems: Problems): readonly RouteAddress[] {
  const { pool, claims } = input;
  const all: readonly RouteAddress[] = pool.addresses.map((value, position) => ({ value, position }));
  const given = input.addresses ?? all;
  if (given.length === 0) {
    problems.add("addresses", given, "pass at least one address of the pool, or leave it out for all of them");
  }
  const bare = checkAddresses(
    "addresses",
    given.map(({ value }) => value),
    problems,
  );
  const seen = new Set<number>();
  return given.map((address, index): RouteAddress => {
    const value = bare[index] ?? LATER;
    const position = address.position ?? (isKnown(value) ? positionInPool(pool, value) : undefined);
    const field = `addresses[${index}]`;
    const shown = isKnown(address.value)
      ? address.value
      : position === undefined
        ? "a value that is not known yet"
        : `pool.addresses[${position}]`;
    if (position === undefined) {
      if (isKnown(value) && pool.addresses.every(isKnown)) {
        problems.add(
          field,
          shown,
          `pool "${pool.name}" does not list it: add it to the pool, or use one of pool.addresses`,
        );
      } else if (!isKnown(address.value) && pool.gateways.length > 1) {
        problems.add(
          field,
          shown,
          `pool "${pool.name}" has several Gateways, and the preview must show which one: use pool.addresses[i]`,
        );
      }
      return { value };
    }
    // Of a value that is not known yet only the position can tell that it is there twice.
    if (seen.has(position) && !isKnown(value) && !isKnown(address.value)) {
      problems.add(field, shown, "list each address once");
    }
    seen.add(position);
    const holder = claims?.get(position);
    if (holder !== undefined && holder !== input.name) {
      problems.add(
        field,
        shown,
        `PinnedPodRoute "${holder}" has it already, and an address goes to one Pod: remove it from one of the two`,
      );
    }
    return { value, position };
  });
}

function positionInPool(pool: PoolPlan, address: string): number | undefined {
  const position = pool.addresses.findIndex((member) => isKnown(member) && parseAddress(member) === address);
  return position === -1 ? undefined : position;
}

function checkDelivery(input: RouteInput, problems: Problems): Delivery {
  const { pool } = input;
  const delivery = input.delivery ?? (pool.provider === Provider.Podpin ? Delivery.Nat : Delivery.App);
  if (pool.provider === Provider.Gke && delivery !== Delivery.App) {
    problems.add(
      "delivery",
      delivery,
      `GKE's own provider knows only "app": leave delivery out, or pass a PersistentIpController to pool "${pool.name}"`,
    );
  } else if (delivery === Delivery.Interface) {
    problems.add("delivery", delivery, 'this version has no such delivery yet, use "nat" or "app"');
  } else {
    checkChoice("delivery", delivery, { App: Delivery.App, Nat: Delivery.Nat }, problems);
  }
  return delivery;
}

/** A GKEIPRoute as both flavours emit it. `Text` is a string, or what a framework uses for one that comes later. */
export interface RouteObject<Text> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: Text;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly parentRefs: readonly { readonly name: string; readonly namespace: Text }[];
    readonly addresses: readonly { readonly type: string; readonly value: Text }[];
    readonly network: Text;
    readonly podSelector: { readonly matchLabels: Readonly<Record<string, Text>> };
    readonly reactionMode: ReactionMode;
  };
}

/**
 * One GKEIPRoute of a plan.
 *
 * @param cidrs the addresses of this part as `a.b.c.d/32`
 */
export function routeObject<Text>(
  plan: RoutePlan,
  part: RoutePart,
  values: {
    readonly namespace: Text;
    readonly gatewayNamespace: Text;
    readonly network: Text;
    readonly matchLabels: Readonly<Record<string, Text>>;
    readonly cidrs: readonly Text[];
  },
): RouteObject<Text> {
  return {
    apiVersion: apiVersionOf(RESOURCES.gkeIpRoutes),
    kind: RESOURCES.gkeIpRoutes.kind,
    metadata: {
      name: part.name,
      namespace: values.namespace,
      ...(plan.delivery === undefined ? {} : { annotations: { [ANNOTATION_DELIVERY]: plan.delivery } }),
    },
    spec: {
      parentRefs: [{ name: part.gateway.name, namespace: values.gatewayNamespace }],
      addresses: values.cidrs.map((value) => ({ type: CIDR_ADDRESS_TYPE, value })),
      network: values.network,
      podSelector: { matchLabels: values.matchLabels },
      reactionMode: plan.reactionMode,
    },
  };
}
