// Every Pod of a StatefulSet with addresses of its own: Pod i has addresses i·k to i·k + k - 1.
import type { Delivery } from "./binding";
import type { OtherComponents } from "./declarations";
import type { ReactionMode } from "./gke-api";
import { isKnown, LATER, type MaybeLater } from "./later";
import { checkObjectName } from "./names";
import { checkPodSetupOf } from "./pod-setup-template";
import { checkReadiness } from "./pod-template";
import { partSuffix, type PoolPlan } from "./pool";
import { Problems } from "./problems";
import { type Claim, planRoute, type RoutePlan } from "./route";
import type { GkeRouteOptions } from "./route-fields";
import type { RouteNetwork } from "./route-network";
import type { StatefulSetFacts } from "./workload";

/** A range of ordinals, both ends included. */
export interface OrdinalRange {
  /** The lowest ordinal, a whole number from 0. */
  from: number;
  /** The highest ordinal. */
  to: number;
}

/** What a pinned workload takes in both flavours, whatever kind it is. */
export interface PinnedWorkloadOptions extends GkeRouteOptions {
  /**
   * When a Pod is eligible: while its condition Ready is True (`ReadyCondition`), or as soon as it has a node
   * (`Exists`: quickest, but says nothing about health). Fixed after creation: a change replaces the routes, and traffic
   * stops until the new ones are Ready.
   *
   * @default "ReadyCondition"
   */
  reactionMode?: ReactionMode | undefined;
  /**
   * Whether `ReadyCondition` may go without a readiness probe in the Pod template. A Pod is then Ready, and has its
   * addresses, as soon as its containers run. Only a check: no object changes with it.
   *
   * @default false
   */
  allowNoReadinessProbe?: boolean | undefined;
  /**
   * How packets reach the Pods: translated one to one on the node (`nat`); untouched, with the addresses on the Pods'
   * interfaces, where podpin's agents put them (`interface`, which needs `interfaceDelivery` on the controller); or
   * untouched, so that the application must hold the addresses itself as GKE asks (`app`; `podSetup` helps). On a pool of
   * GKE's own provider only `app` exists. A later change takes effect at once and cuts open connections.
   *
   * @default - "nat" with podpin's controller, "app" on GKE's own provider
   */
  delivery?: Delivery | undefined;
}

/** Which addresses of the pool go to which Pods of a StatefulSet. */
export interface PodAddressOptions {
  /**
   * How many addresses each Pod has, a whole number from 1. A later change moves addresses between Pods, all but those
   * of the first Pod.
   *
   * @default 1
   */
  addressesPerPod?: number | undefined;
  /**
   * Position in the pool of the first Pod's first address, a whole number from 0. A later change moves every address.
   *
   * @default 0
   */
  startIndex?: number | undefined;
  /**
   * How many Pods there are, the same number that the StatefulSet has. A plain number, because a preview must show every
   * route; needed where the pool has addresses to spare. A later, larger number moves no address.
   *
   * @default - what a CDK8s StatefulSet says, else as many as the pool has addresses for
   */
  replicas?: number | undefined;
  /**
   * The Pods that get addresses, where those are not all: the first one has the address at `startIndex`. A later, higher
   * `to` moves no address; another `from` moves them all.
   *
   * @default - all Pods of the StatefulSet
   */
  ordinals?: OrdinalRange | undefined;
}

/** What a pinned StatefulSet takes in both flavours besides its pool and its StatefulSet. */
export interface PinnedStatefulSetOptions extends PinnedWorkloadOptions, PodAddressOptions {}

export interface PinnedStatefulSetInput extends PinnedStatefulSetOptions {
  readonly name: string;
  readonly pool: PoolPlan;
  readonly claims?: ReadonlyMap<number, Claim> | undefined;
  readonly namespace?: MaybeLater<string> | undefined;
  readonly network?: MaybeLater<string> | undefined;
  readonly healthCheckName?: MaybeLater<string> | undefined;
  /** The network itself where the program declares it. */
  readonly podNetwork?: RouteNetwork | undefined;
  /** The rest of the program. */
  readonly others?: OtherComponents | undefined;
  /** Absent where the program gives none. */
  readonly statefulSet?: StatefulSetFacts | undefined;
  /** The Pods that were planned before the StatefulSet was known: they are registered, and can only be checked. */
  readonly planned?: OrdinalRange | undefined;
}

export interface PinnedStatefulSetPlan {
  readonly ordinals: OrdinalRange;
  readonly pods: readonly PinnedPod[];
}

/** One Pod of the set. */
export interface PinnedPod {
  readonly ordinal: number;
  /** Positions in the pool, in order. */
  readonly positions: readonly number[];
  readonly route: RoutePlan;
}

/** Plans one route for each Pod. More replicas or a larger pool rename no route and move no address. */
export function planPinnedStatefulSet(input: PinnedStatefulSetInput, problems: Problems): PinnedStatefulSetPlan {
  const { pool, statefulSet } = input;
  const perPod = input.addressesPerPod ?? 1;
  const start = input.startIndex ?? 0;
  const ordinals = ordinalsOf(input);
  const longest = `-${ordinals.to}${partSuffix(pool.gateways.length)}`;

  checkObjectName("name", input.name, problems, longest);
  if (statefulSet === undefined) {
    problems.add("statefulSet", undefined, "pass the StatefulSet, or its name together with replicas");
    return { ordinals, pods: [] };
  }
  if (!checkNumbers(input, problems)) return { ordinals, pods: [] };
  checkOrdinals(input, statefulSet, ordinals, problems);

  const count = Math.min(Math.max(0, ordinals.to - ordinals.from + 1), roomOf(input));
  const planned = Array.from({ length: count }, (_, index): PinnedPod & { lines: readonly string[] } => {
    const ordinal = ordinals.from + index;
    const positions = Array.from({ length: perPod }, (__, at) => start + index * perPod + at);
    const found = new Problems();
    const route = planRoute(podRouteInput(input, statefulSet, ordinal, positions), found);
    return { ordinal, positions, route, lines: found.lines };
  });
  // What is wrong with all is said once, in the words of the Pod with the longest name; addresses and names are each
  // Pod's own.
  const isOwn = (line: string) => /^(pool\.addresses\[|name: )/.test(line);
  problems.addLines((planned.at(-1)?.lines ?? []).filter((line) => !isOwn(line)));
  for (const { lines } of planned) problems.addLines(lines.filter(isOwn));
  const workload = { kind: "StatefulSet", ...statefulSet } as const;
  const first = planned[0]?.route;
  if (first !== undefined) checkReadiness(workload, first.reactionMode, input.allowNoReadinessProbe, problems);
  const pods = planned.map(({ ordinal, route }) => ({ ordinal, addresses: route.addresses }));
  checkPodSetupOf(workload, first?.delivery, pods, problems);
  return { ordinals, pods: planned.map(({ ordinal, positions, route }) => ({ ordinal, positions, route })) };
}

/** The component as the user knows it; the addresses of its Pods are claimed in its name. */
export function pinnedStatefulSetSubject(name: string): string {
  return `PinnedStatefulSet "${name}"`;
}

/** What the component lacks to take less than all of the pool. */
function limitOf({ ordinals, replicas, statefulSet }: Mapping): "replicas" | undefined {
  const told = replicas ?? statefulSet?.replicas ?? LATER;
  return ordinals !== undefined || isKnown(told) ? undefined : "replicas";
}

function podRouteInput(
  input: PinnedStatefulSetInput,
  set: StatefulSetFacts,
  ordinal: number,
  positions: readonly number[],
): Parameters<typeof planRoute>[0] {
  const { pool, claims, namespace, network, healthCheckName, reactionMode, delivery } = input;
  const { haPolicy, nodeSelector, nodeSelectorExpressions, allowGlobalAccess } = input;
  return {
    name: `${input.name}-${ordinal}`,
    owner: pinnedStatefulSetSubject(input.name),
    limit: limitOf(input),
    pool,
    claims,
    namespace,
    network,
    healthCheckName,
    podNetwork: input.podNetwork,
    others: input.others,
    reactionMode,
    delivery,
    haPolicy,
    nodeSelector,
    nodeSelectorExpressions,
    allowGlobalAccess,
    // The ordinals are checked together, so that each mistake is told once.
    statefulSet: { ...set, replicas: LATER, firstOrdinal: LATER },
    ordinal,
    addresses: positions.map((position) => ({ value: pool.addresses[position] ?? LATER, position })),
  };
}

/** What decides which Pods have which addresses. */
type Mapping = PodAddressOptions & Pick<PinnedStatefulSetInput, "pool" | "planned" | "statefulSet">;

/** The Pods that have addresses, for those who know no more of the StatefulSet than the program says. */
export function ordinalRange(input: Mapping, problems: Problems): OrdinalRange | undefined {
  if (!checkNumbers(input, problems)) return undefined;
  const range = ordinalsOf(input);
  const before = problems.lines.length;
  checkRoom(input, "the StatefulSet", range.from, range.to - range.from + 1, problems);
  return problems.lines.length === before ? range : undefined;
}

/** How many Pods the addresses suffice for. */
function roomOf({ pool, addressesPerPod = 1, startIndex = 0 }: Mapping): number {
  return Math.max(0, Math.floor((pool.addresses.length - startIndex) / addressesPerPod));
}

function ordinalsOf(input: Mapping): OrdinalRange {
  if (input.ordinals !== undefined) return input.ordinals;
  if (input.planned !== undefined) return input.planned;
  const { replicas, firstOrdinal } = input.statefulSet ?? {};
  const from = firstOrdinal !== undefined && isKnown(firstOrdinal) ? firstOrdinal : 0;
  const told = replicas !== undefined && isKnown(replicas) ? replicas : undefined;
  return { from, to: from + (input.replicas ?? told ?? roomOf(input)) - 1 };
}

function checkNumbers(input: Mapping, problems: Problems): boolean {
  const { addressesPerPod = 1, startIndex = 0, replicas, ordinals, pool } = input;
  const before = problems.lines.length;
  const isWhole = (value: unknown, from: number) => Number.isSafeInteger(value) && (value as number) >= from;
  if (!isWhole(addressesPerPod, 1)) problems.add("addressesPerPod", addressesPerPod, "use a whole number from 1");
  if (!isWhole(startIndex, 0) || startIndex >= pool.addresses.length) {
    problems.add(
      "startIndex",
      startIndex,
      `pool "${pool.name}" has ${countOf(pool.addresses.length, "address", "addresses")}: use a whole number from 0 to ${Math.max(0, pool.addresses.length - 1)}`,
    );
  }
  if (replicas !== undefined && !isWhole(replicas, 1)) {
    problems.add("replicas", replicas, "use a whole number from 1, the replicas of the StatefulSet");
  }
  if (ordinals !== undefined) {
    const { from, to } = ordinals;
    if (!isWhole(from, 0) || !isWhole(to, 0) || to < from) {
      problems.add(
        "ordinals",
        ordinals,
        "use whole numbers from 0, from no larger than to, for example { from: 0, to: 2 }",
      );
    }
    if (replicas !== undefined)
      problems.add("replicas", replicas, "ordinals says which Pods, leave one of the two out");
  }
  return problems.lines.length === before;
}

const rangeText = (from: number, to: number): string => `{ from: ${from}, to: ${to} }`;
const countOf = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`;

function checkOrdinals(
  input: PinnedStatefulSetInput,
  set: StatefulSetFacts,
  { from, to }: OrdinalRange,
  problems: Problems,
): void {
  const subject = isKnown(set.name) ? `StatefulSet "${set.name}"` : "the StatefulSet";
  const said = set.replicas !== undefined && isKnown(set.replicas) ? set.replicas : undefined;
  const first = set.firstOrdinal !== undefined && isKnown(set.firstOrdinal) ? set.firstOrdinal : undefined;
  const derived = input.ordinals === undefined;

  if (said !== undefined && said < 1) {
    problems.addFact("replicas", `${subject} with no replicas`, "set its replicas to at least 1");
    return;
  }
  if (input.replicas !== undefined && said !== undefined && input.replicas !== said) {
    problems.add("replicas", input.replicas, `${subject} has ${said}: give both the same number`);
    return;
  }
  if (derived && first !== undefined && first !== from) {
    const last = first + (to - from);
    problems.add(
      "ordinals",
      undefined,
      `${subject} starts at ordinal ${first}: set ordinals: ${rangeText(first, last)}`,
    );
    return;
  }
  const wanted = derived && said !== undefined ? said : to - from + 1;
  checkRoom(input, subject, from, wanted, problems);
  if (said === undefined) return;
  if (derived && to - from + 1 > said) {
    problems.addFact(
      "replicas",
      `addresses for ${to - from + 1} Pods, and ${subject} has ${said}`,
      `say so with replicas: ${said}, and the others stay free`,
    );
  }
  const last = (first ?? 0) + said - 1;
  if (!derived && (from < (first ?? 0) || to > last)) {
    problems.add(
      "ordinals",
      { from, to },
      `${subject} has the ordinals ${first ?? 0} to ${last}: use ${rangeText(Math.max(from, first ?? 0) > last ? (first ?? 0) : Math.max(from, first ?? 0), last)}${to > last ? `, or set its replicas to ${to - (first ?? 0) + 1}` : ""}`,
    );
  }
}

function checkRoom(input: Mapping, subject: string, from: number, pods: number, problems: Problems): void {
  const { pool, addressesPerPod = 1, startIndex = 0 } = input;
  const room = roomOf(input);
  if (pods <= room) return;
  const available = pool.addresses.length - startIndex;
  const missing = pods * addressesPerPod - available;
  const each = addressesPerPod === 1 ? "" : ` at ${addressesPerPod} each`;
  const fact = `${countOf(available, "address", "addresses")} for ${countOf(pods, "Pod", "Pods")} of ${subject}${each}`;
  const fewer = room < 1 ? "" : ` or set ordinals: ${rangeText(from, from + room - 1)}`;
  if (pool.reservation === undefined) {
    problems.addFact("ordinals", fact, `add ${missing} more to pool "${pool.name}"${fewer}`);
  } else {
    const size = pool.addresses.length + missing;
    problems.addFact("ordinals", fact, `reserve ${missing} more (size: ${size})${fewer}`);
  }
}
