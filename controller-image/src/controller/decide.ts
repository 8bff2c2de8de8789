// The decision about one route: which Pod has its addresses, what each binding must say, what the status says.
// Pure and total: no clock, no API, the same input gives the same answer, and every input gives one.
//
// Where a rule lives, and where one more goes:
//   a reaction mode   ReactionMode in lib/model/gke-api.ts, its line in ELIGIBLE of lib/model/selection.ts
//   a standing        STANDINGS and standingOf in lib/model/selection.ts: which Pods come before newer ones
//   a sign of drain   DRAIN_TAINTS in lib/model/node-health.ts
//   a delivery        Delivery and its line in DELIVERIES of lib/model/binding.ts; the agent's footprint does the rest
//   a fabric          Fabric and its line in FABRICS of lib/model/binding.ts
//   an announcer      AnnouncerKind there, its line in controller-image/src/fabric/announcers.ts
//   a cloud           CloudKind there, its line in CLOUD_ACCESS of main.ts; how it names machines: fabric/cloud.ts
//   damping           lib/model/damping.ts; which moves it delays: motiveOf in choice.ts
//   a standby         standby.ts: who would be next, so that its node is ready
//   a hand-over       handover.ts, one address at a time; a condition or reason: route-status.ts
//   a fabric's lead   cloud-intent.ts: what a cloud shall do, for all addresses of a route at once
import type { RouteVerdict } from "../../../lib/model/acceptance";
import { Delivery, type AddressBinding } from "../../../lib/model/binding";
import type { PastMove } from "../../../lib/model/damping";
import { ANNOTATION_DELIVERY, DEFAULT_NETWORK, ROUTE_FINALIZER, type GKEIPRoute } from "../../../lib/model/gke-api";
import type { Pod } from "../../../lib/model/kubernetes";
import { podAddress } from "../../../lib/model/selection";
import type { CloudView } from "../fabric/cloud";
import { soonest } from "../kube/backoff";
import { choose, type Choice, type Held } from "./choice";
import { cloudWish, type CloudWish } from "./cloud-intent";
import type { Contender } from "./contenders";
import { grant, isUnderWay, release, type BindingChange, type NodeView, type Target } from "./handover";
import { routeStatus, type RouteStatus } from "./route-status";
import { chooseStandby } from "./standby";

export interface DecideInput {
  readonly route: GKEIPRoute;
  readonly verdict: RouteVerdict;
  /** For addresses that another route has the better claim to: that route, as `namespace/name`. */
  readonly rivals: ReadonlyMap<string, string>;
  /** Pods of the route's namespace: all that its selector may match (others are passed over), and all that bindings name. */
  readonly pods: readonly Pod[];
  readonly node: (name: string) => NodeView | undefined;
  /** The same, and a node whose object was deleted a moment ago while it was heard: it may still have addresses. @default node */
  readonly mayHold?: (name: string) => NodeView | undefined;
  /** Bindings that belong to this route, and those of its addresses whose route is gone. */
  readonly bindings: readonly AddressBinding[];
  /** Of an address without a binding: what it said last, where somebody deleted it while a node may still have had it. @default nothing */
  readonly former?: (address: string) => AddressBinding | undefined;
  /** How long this controller has seen the present epoch of an address wait for a release, in milliseconds. */
  readonly waitedMs: (address: string) => number;
  /** What is known of the cloud for the route. @default the controller has none */
  readonly cloud?: CloudView;
  /** Moves of an address that still count. @default none */
  readonly moves?: (address: string) => readonly PastMove[];
  /** The Pod that was held back when this route was last looked at, if one was. */
  readonly challenge?: Contender;
  /** The Pod that would have been the better standby when this route was last looked at, if one was. */
  readonly aspirant?: Contender;
  /** RFC 3339, for `lastTransitionTime` of conditions that flip. */
  readonly now: string;
}

export interface Decision {
  /** Whether the route must carry the finalizer, before the first binding is written and until the last is gone. */
  readonly finalizer: boolean;
  readonly changes: readonly BindingChange[];
  /** What the cloud shall do once the bindings are written; absent when it has nothing to do with the route. */
  readonly cloud?: CloudWish;
  /** Absent when the status already says it, or when the route is being deleted and nothing is left to say. */
  readonly status?: RouteStatus;
  /** Set while a better Pod has to wait, because the addresses have moved often. */
  readonly held?: Held;
  /** UID of a Pod that would be a better standby than the one that is named, and has to be so for a while first. */
  readonly aspirant?: string;
  /** The Pod that has the addresses cannot serve any more. */
  readonly failed?: boolean;
  /** Look again after this many milliseconds, though nothing may have happened. */
  readonly againAfterMs?: number;
}

export function decide(given: DecideInput): Decision {
  // In a fixed order, so that the order in which a cache lists them can never show.
  const bindings = [...given.bindings].sort((a, b) => (a.spec.address < b.spec.address ? -1 : 1));
  const input = { ...given, bindings };
  const { route, verdict, rivals } = input;
  const deleting = route.metadata.deletionTimestamp !== undefined;
  const { pod: chosen, held, failed, unheard }: Choice = deleting ? {} : chosenNow(input);
  const wanted = deleting || !verdict.accepted ? [] : verdict.addresses.filter((address) => !rivals.has(address));

  const target = deliverable(chosen, route);
  const standby = target && chooseStandby(input, target.nodeName);
  const changes: BindingChange[] = [];
  let waiting = false;
  for (const address of wanted) {
    const binding = bindings.find(({ spec }) => spec.address === address);
    const step = grant({
      address,
      route,
      binding,
      former: binding === undefined ? input.former?.(address) : undefined,
      target,
      delivery: deliveryOf(route),
      fabric: verdict.fabric,
      network: route.spec.network ?? DEFAULT_NETWORK,
      pods: input.pods,
      node: input.node,
      mayHold: input.mayHold,
      waitedMs: input.waitedMs(address),
      cloud: input.cloud,
      standby: standby?.choose,
    });
    if (step.change !== undefined) changes.push(step.change);
    waiting ||= step.waiting;
  }
  for (const binding of bindings) {
    const { address } = binding.spec;
    if (wanted.includes(address)) continue;
    // Not accepted just now, but nobody took the right to the address away: what works stays, while its Pod lives.
    if (!deleting && !verdict.accepted && keeps(input, binding)) continue;
    const step = release(binding, { ...input, waitedMs: input.waitedMs(address) });
    if (step.change !== undefined) changes.push(step.change);
    waiting ||= step.waiting;
  }

  const kept = deleting || verdict.accepted ? [] : verdict.keeps.filter((address) => !rivals.has(address));
  const cloud = input.cloud && cloudWish({ ...input, cloud: input.cloud, wanted, kept, changes });
  const holds = bindings.some(({ spec }) => spec.route.uid === route.metadata.uid);
  // Never added for what is left in the cloud: a route that wants nothing has begun nothing.
  const marked = route.metadata.finalizers?.includes(ROUTE_FINALIZER) ?? false;
  const finalizer = wanted.length > 0 || holds || (marked && cloud !== undefined);
  const removing = cloud?.verb === "remove";
  const status = routeStatus({ ...input, wanted, chosen, held, unheard, deleting, removing, pending: changes });
  // Nothing tells of a node that is heard no more where no verdict can be had.
  const { aspirant } = standby ?? {};
  const unseenMs = waiting || unheard === true ? 1000 : undefined;
  const againAfterMs = soonest(unseenMs, held?.againAfterMs, aspirant?.againAfterMs);
  return { finalizer, changes, cloud, status, held, aspirant: aspirant?.podUid, failed, againAfterMs };
}

/** The choice of the route's rules; but a move that the cloud may be in the middle of comes to its end first. */
function chosenNow(input: DecideInput): Choice {
  const choice = choose(input);
  if (choice.failed === true) return choice;
  const moving = input.bindings.find(
    (binding) =>
      binding.spec.route.uid === input.route.metadata.uid &&
      isUnderWay(binding, { ...input, waitedMs: input.waitedMs(binding.spec.address) }),
  );
  if (moving === undefined) return choice;
  return { ...choice, pod: input.pods.find(({ metadata }) => metadata.uid === moving.spec.owner?.podUid) };
}

/** Whether the finalizer has to be added (true), removed (false) or is as it must be (undefined). */
export function finalizerChange(route: GKEIPRoute, decision: Decision): boolean | undefined {
  const has = route.metadata.finalizers?.includes(ROUTE_FINALIZER) ?? false;
  if (decision.finalizer === has) return undefined;
  // Nothing can be added to an object that is going away.
  if (decision.finalizer && route.metadata.deletionTimestamp !== undefined) return undefined;
  return decision.finalizer;
}

function deliverable(pod: Pod | undefined, route: GKEIPRoute): Target | undefined {
  if (pod === undefined) return undefined;
  const podIp = podAddress(pod, route.spec.network ?? DEFAULT_NETWORK);
  const { uid } = pod.metadata;
  if (podIp === undefined || uid === undefined) return undefined;
  return {
    nodeName: pod.spec?.nodeName ?? "",
    owner: { podName: pod.metadata.name, podUid: uid, podIp },
  };
}

/** Without the annotation, or with one that nobody knows, podpin does what GKE does. */
function deliveryOf(route: GKEIPRoute): Delivery {
  const asked = route.metadata.annotations?.[ANNOTATION_DELIVERY];
  return Object.values(Delivery).find((delivery) => delivery === asked) ?? Delivery.App;
}

function keeps({ verdict, pods, rivals }: DecideInput, { spec }: AddressBinding): boolean {
  if (!verdict.keeps.includes(spec.address) || rivals.has(spec.address)) return false;
  return spec.owner === undefined || pods.some(({ metadata }) => metadata.uid === spec.owner?.podUid);
}
