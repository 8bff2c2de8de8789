// A pinned route: these addresses of a pool go to the Pod that a selector finds.
import { parseAddress } from "./address";
import { checkAddresses } from "./address-list";
import { Delivery, deliveryTraits } from "./binding";
import { checkChoice } from "./choices";
import { Provider } from "./classes";
import { checkObjectFree, type DeclaringComponent, type OtherComponents } from "./declarations";
import { DEFAULT_NETWORK, ReactionMode } from "./gke-api";
import { RESOURCES } from "./kubernetes";
import { isKnown, LATER, type MaybeLater } from "./later";
import { checkNamespaceName, checkObjectName } from "./names";
import { checkNetwork } from "./network";
import { AllowedNamespaces, DEFAULT_NAMESPACE, type GatewayPlan, partNames, partSuffix, type PoolPlan } from "./pool";
import { checkPodSetupOf } from "./pod-setup-template";
import { checkPodInterface, type WorkloadTemplate } from "./pod-template";
import type { Problems } from "./problems";
import { checkRouteNetwork, type RouteNetwork } from "./route-network";
import { checkGkeFields, type GkeRouteFields, type GkeRouteOptions } from "./route-fields";
import { checkExpressions, type LabelExpression, selectorOfParts, type SelectorObject } from "./selector";
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
export interface RouteOptions extends GkeRouteOptions {
  /**
   * Ordinal of the StatefulSet's Pod that gets the addresses: the number at the end of its name. A plain whole number
   * from 0. A later change moves the addresses to the other Pod.
   *
   * @default - none; required with `statefulSet`
   */
  ordinal?: number | undefined;
  /**
   * Labels of the Pods that may get the addresses, all of which must match. Of several Pods the newest eligible one has
   * them. A later change takes effect at once. Give either this or `statefulSet` and `ordinal`.
   *
   * @default - the one Pod that `statefulSet` and `ordinal` name
   */
  podSelector?: Record<string, string> | undefined;
  /**
   * Further conditions on the labels of those Pods, all of which must hold as well, with or without `podSelector`. A
   * later change takes effect at once.
   *
   * @default - none
   */
  podSelectorExpressions?: LabelExpression[] | undefined;
  /**
   * When a Pod is eligible: while its condition Ready is True (`ReadyCondition`), or as soon as it has a node
   * (`Exists`: quickest, but says nothing about health). Fixed after creation: a change replaces the route, and traffic
   * stops until the new one is Ready.
   *
   * @default "ReadyCondition"
   */
  reactionMode?: ReactionMode | undefined;
  /**
   * How packets reach the Pod: translated one to one on the node, so that the application knows nothing of the address
   * (`nat`); untouched, with the address on the Pod's interface, where podpin's agent puts it (`interface`, which needs
   * `interfaceDelivery` on the controller); or untouched, so that the application must hold the address itself as GKE asks
   * (`app`). On a pool of GKE's own provider only `app` exists. A later change takes effect at once and cuts open
   * connections.
   *
   * @default - "nat" with podpin's controller, "app" on GKE's own provider
   */
  delivery?: Delivery | undefined;
}

export interface RouteAddress {
  readonly value: MaybeLater<string>;
  /** Position in the pool where the program shows it, as with `pool.addresses[3]`. */
  readonly position?: number;
}

/** Who holds an address of a pool. */
export interface Claim {
  /** The component as the user knows it. */
  readonly holder: string;
  /** What it lacks to take less than all of the pool; absent where it was told what to take. */
  readonly limit?: string;
}

export interface RouteInput extends Omit<RouteOptions, "podSelector" | "podSelectorExpressions"> {
  readonly name: string;
  /** The component as the user knows it where it makes several routes; it checks the name itself. */
  readonly owner?: string;
  /** Kind of the component. */
  readonly kind?: "PinnedPodRoute" | "PinnedDeployment";
  readonly pool: PoolPlan;
  /** Positions in the pool that components of this program hold. */
  readonly claims?: ReadonlyMap<number, Claim>;
  /** As in {@link Claim}, where it is not `addresses`. */
  readonly limit?: string;
  readonly podSelector?: MaybeLater<Readonly<Record<string, string>>>;
  readonly podSelectorExpressions?: MaybeLater<readonly LabelExpression[]>;
  readonly healthCheckName?: MaybeLater<string>;
  readonly namespace?: MaybeLater<string>;
  readonly statefulSet?: StatefulSetFacts;
  /** The workload of the Pods where it is known, for a look at its template. */
  readonly workload?: WorkloadTemplate;
  /** All of the pool's when absent. */
  readonly addresses?: readonly RouteAddress[];
  readonly network?: MaybeLater<string>;
  /** The network itself where the program declares it. */
  readonly podNetwork?: RouteNetwork;
  /** The rest of the program. */
  readonly others?: OtherComponents;
}

/** What a route is planned by besides its arguments. */
export type RouteSurroundings = Pick<RouteInput, "name" | "claims" | "others">;

export interface RoutePlan {
  readonly namespace: MaybeLater<string>;
  readonly network: MaybeLater<string>;
  readonly reactionMode: ReactionMode;
  /** Written as annotation; GKE's own provider has none. */
  readonly delivery?: Delivery;
  readonly podSelector: MaybeLater<SelectorObject<MaybeLater<string>>>;
  readonly fields: GkeRouteFields;
  /** The route's addresses, bare; `LATER` where one is not known yet. */
  readonly addresses: readonly MaybeLater<string>[];
  /** Positions in the pool that this route holds, as far as they are known. */
  readonly positions: readonly number[];
  /** By which it holds them. */
  readonly claim: Claim;
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

  const longestSuffix = partSuffix(pool.gateways.length);
  if (input.owner === undefined) checkObjectName("name", input.name, problems, longestSuffix);
  checkNamespace(input, namespace, problems);
  const podSelector = checkPodSelection(input, problems);
  const addresses = checkRouteAddresses(input, problems);
  checkChoice("reactionMode", reactionMode, ReactionMode, problems);
  if (isKnown(network)) checkNetwork(network, problems);
  const workload = input.workload ?? (input.statefulSet && { kind: "StatefulSet", ...input.statefulSet });
  checkPodInterface(workload, network, problems);
  const delivery = checkDelivery(input, problems);
  if (workload !== undefined && input.owner === undefined) {
    const pod = { ordinal: input.ordinal, addresses: addresses.map(({ value }) => value) };
    checkPodSetupOf(workload, delivery, [pod], problems);
  }
  const fields = checkGkeFields(input, pool, problems);
  checkRouteNetwork(input, network, problems);
  const parts = planParts(input.name, pool, addresses);
  for (const part of parts) checkObjectFree(input.others, RESOURCES.gkeIpRoutes.kind, namespace, part.name, problems);

  return {
    namespace,
    network,
    reactionMode,
    ...(pool.provider === Provider.Podpin ? { delivery } : {}),
    podSelector,
    fields,
    addresses: addresses.map(({ value }) => value),
    positions: addresses.flatMap(({ position }) => (position === undefined ? [] : [position])),
    claim: claimOf(input),
    parts,
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
  const { pool, statefulSet, workload } = input;
  checkNamespaceName("namespace", namespace, problems);
  const itsNamespace = (workload ?? statefulSet)?.namespace;
  if (itsNamespace !== undefined && isKnown(itsNamespace) && itsNamespace !== namespace) {
    problems.add(
      "namespace",
      namespace,
      `the ${workload?.kind ?? "StatefulSet"} is in "${itsNamespace}", and a route finds Pods only in its own namespace: use that, or leave namespace out`,
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

function checkPodSelection(input: RouteInput, problems: Problems): MaybeLater<SelectorObject<MaybeLater<string>>> {
  const { statefulSet, ordinal, podSelector, podSelectorExpressions } = input;
  if (statefulSet !== undefined) {
    const both = "statefulSet and ordinal choose the Pod already, leave one of the two out";
    if (podSelector !== undefined) problems.add("podSelector", podSelector, both);
    if (podSelectorExpressions !== undefined) problems.add("podSelectorExpressions", podSelectorExpressions, both);
    checkStatefulSetPod(statefulSet, ordinal, problems);
    const { name } = statefulSet;
    return { matchLabels: { [POD_NAME_LABEL]: isKnown(name) ? podNameOf(name, ordinal ?? 0) : LATER } };
  }
  if (podSelector === undefined && podSelectorExpressions === undefined) {
    problems.add("podSelector", undefined, "say which Pod: pass statefulSet and ordinal, or podSelector");
    return {};
  }
  if (ordinal !== undefined) problems.add("ordinal", ordinal, "it counts only with statefulSet, leave it out");
  if (podSelector === LATER || podSelectorExpressions === LATER) return LATER;
  const emptyMeans = "no labels match every Pod, name at least one label of the Pods";
  checkExpressions("podSelector", podSelector, podSelectorExpressions, emptyMeans, problems);
  return selectorOfParts(podSelector, podSelectorExpressions) ?? {};
}

function checkRouteAddresses(input: RouteInput, problems: Problems): readonly RouteAddress[] {
  const { pool, claims } = input;
  const given = input.addresses ?? pool.addresses.map((value, position): RouteAddress => ({ value, position }));
  if (given.length === 0) {
    problems.add("addresses", given, "pass at least one address of the pool, or leave it out for all of them");
  }
  given.forEach(({ value }, index) => checkAddressGiven(`addresses[${index}]`, value, pool, problems));
  const bare = checkAddresses(
    "addresses",
    given.map(({ value }) => value ?? LATER),
    problems,
  );
  const seen = new Set<number>();
  return given.map((address, index): RouteAddress => {
    const value = bare[index] ?? LATER;
    const position = address.position ?? (isKnown(value) ? positionInPool(pool, value) : undefined);
    const field =
      input.owner === undefined || position === undefined ? `addresses[${index}]` : `pool.addresses[${position}]`;
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
    checkHeld(claims?.get(position), claimOf(input), field, shown, problems);
    return { value, position };
  });
}

/** An entry of `pool.addresses` that the pool does not have is nothing at all, which no compiler sees. */
function checkAddressGiven(field: string, value: unknown, { name, addresses }: PoolPlan, problems: Problems): void {
  if (value !== undefined && value !== null) return;
  const last = addresses.length - 1;
  const entries = last === 0 ? "pool.addresses[0]" : `pool.addresses[0] to pool.addresses[${last}]`;
  problems.add(
    field,
    undefined,
    `pool "${name}" has ${entries} and no more: use one of those, or make the pool larger`,
  );
}

/** Says how two components can have an address each: who takes all of the pool may need less. */
function checkHeld(theirs: Claim | undefined, ours: Claim, field: string, shown: unknown, problems: Problems): void {
  if (theirs === undefined || theirs.holder === ours.holder) return;
  const { holder } = theirs;
  problems.add(
    field,
    shown,
    theirs.limit !== undefined && ours.limit !== undefined
      ? `${holder} has it already, and each of the two takes all of the pool: set ${ours.limit} here and ${theirs.limit} there`
      : theirs.limit !== undefined
        ? `${holder} has it already, as it takes all of the pool: set ${theirs.limit} there to leave this one free`
        : ours.limit !== undefined
          ? `${holder} has it already, and this takes all of the pool: set ${ours.limit} to leave that one out`
          : `${holder} has it already, and an address goes to one Pod: remove it from one of the two`,
  );
}

function claimOf(input: Pick<RouteInput, "name" | "owner" | "kind" | "limit" | "addresses">): Claim {
  const unasked = input.owner === undefined && input.addresses === undefined ? "addresses" : undefined;
  return { holder: claimantOf(input), limit: input.limit ?? unasked };
}

/** Notes the routes of a plan, for the components that come after it. */
export function noteRoute(component: DeclaringComponent, { namespace, parts }: RoutePlan): void {
  for (const { name } of parts) component.declares(RESOURCES.gkeIpRoutes.kind, namespace, name);
}

/** The component that holds the addresses, as the user knows it. */
export function claimantOf({
  name,
  owner,
  kind = "PinnedPodRoute",
}: Pick<RouteInput, "name" | "owner" | "kind">): string {
  return owner ?? `${kind} "${name}"`;
}

/** Where each known address of a pool stands; a pool of a thousand addresses may have a thousand routes that ask. */
const POSITIONS = new WeakMap<PoolPlan["addresses"], ReadonlyMap<string, number>>();

function positionInPool({ addresses }: PoolPlan, address: string): number | undefined {
  let positions = POSITIONS.get(addresses);
  if (positions === undefined) {
    const known = addresses.map(
      (member, position) => [isKnown(member) ? parseAddress(member) : undefined, position] as const,
    );
    // The first of two equal ones counts, so it is set last.
    positions = new Map(known.reverse().flatMap(([text, position]) => (text === undefined ? [] : [[text, position]])));
    POSITIONS.set(addresses, positions);
  }
  return positions.get(address);
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
  } else if (deliveryTraits(delivery)?.insidePod === true && !pool.interfaceDelivery) {
    problems.add(
      "delivery",
      delivery,
      `the agents of its controller may not enter Pods: set interfaceDelivery: true on the PersistentIpController of pool "${pool.name}", or use "nat"`,
    );
  } else {
    checkChoice("delivery", delivery, Delivery, problems);
  }
  return delivery;
}
