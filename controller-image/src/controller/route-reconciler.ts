// One reconcile of one route: look, decide, then write in the order that keeps the invariants.
import { acceptRoute, isOurRoute, type RouteVerdict } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import { ROUTE_FINALIZER, RouteCondition, RouteReason, type GKEIPRoute } from "../../../lib/model/gke-api";
import { keyOf, RESOURCES } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type Kube } from "../kube/api";
import type { CloudLink } from "./cloud-link";
import { same } from "./conditions";
import { decodeRoute } from "./decoders";
import { decide, finalizerChange, type Decision } from "./decide";
import { release, type BindingChange } from "./handover";
import type { RouteReport } from "./report";
import { holderOf, rivalsOf } from "./rivals";
import { moveOf, type Move } from "./route-events";
import type { RouteStatus } from "./route-status";
import type { Store } from "./store";

/** News of a move that is under way are told no more often than this; whether the route is Ready is told at once. */
const STATUS_INTERVAL_MS = 500;

export interface Outcome {
  /** Look again after this many milliseconds. */
  readonly againAfterMs?: number;
}

export interface RouteReconcilerOptions {
  readonly kube: Kube;
  readonly store: Store;
  readonly clock: Clock;
  readonly report: RouteReport;
  /** @default there is none */
  readonly cloud?: CloudLink;
}

export class RouteReconciler {
  readonly #kube: Kube;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #report: RouteReport;
  readonly #cloud?: CloudLink;
  /** Pods that are held back, by route, and since when on both clocks. */
  readonly #challenges = new Map<string, { readonly podUid: string; readonly at: number; readonly since: string }>();

  /** When the status of a route was last written, while it may have to be written again. */
  readonly #toldAt = new Map<string, number>();

  /** Our own last write to a route, until the watch has caught up with it. */
  readonly #written = new Map<string, GKEIPRoute>();

  constructor({ kube, store, clock, report, cloud }: RouteReconcilerOptions) {
    this.#cloud = cloud;
    this.#kube = kube;
    this.#store = store;
    this.#clock = clock;
    this.#report = report;
  }

  /** Forgets who is held back: another leader has decided since, and what this one saw is no longer without a break. */
  forgetChallenges(): void {
    this.#challenges.clear();
  }

  /** The newest version that is known: with an older one a finalizer that was just taken away would seem to stand. */
  #current(key: string): GKEIPRoute | undefined {
    const cached = this.#store.routes.get(key);
    const written = this.#written.get(key);
    if (written === undefined) return cached;
    const same = cached !== undefined && cached.metadata.uid === written.metadata.uid;
    const behind = same && versionOf(cached) < versionOf(written);
    if (behind) return written;
    this.#written.delete(key);
    return cached;
  }

  /** Brings one route one step further. Throws what the API server said; the caller tries again later. */
  async reconcile(key: string): Promise<Outcome> {
    const route = this.#current(key);
    const bindings = this.#store.bindingsOf(key);
    if (route === undefined) {
      this.#challenges.delete(key);
      this.#toldAt.delete(key);
      return this.#releaseOrphans(bindings);
    }
    const ours = isOurRoute(route, this.#store, this.#store.gkeControllerPresent);
    const holds = bindings.length > 0 || (route.metadata.finalizers?.includes(ROUTE_FINALIZER) ?? false);
    const cloud = this.#cloud?.view(route.metadata.uid ?? "");
    if (!ours && !holds && (cloud?.known !== true || cloud.empty)) return {};

    const verdict = ours ? acceptRoute(route, this.#store) : NOT_OURS;
    const rivals = rivalsOf(route, verdict, this.#store);
    const concerned = this.#bindingsFor(route, verdict, bindings);
    const now = new Date(this.#clock.wallTime()).toISOString();
    const challenge = this.#challenges.get(key);
    const decision = decide({
      route,
      verdict,
      rivals,
      pods: this.#store.podsFor(route, concerned),
      node: (name) => this.#store.node(name),
      bindings: concerned,
      waitedMs: (address) => this.#store.waitedMs(address),
      cloud,
      moves: (address) => this.#store.movesOf(address),
      challenge: challenge && { ...challenge, forMs: this.#clock.now() - challenge.at },
      now,
    });
    const podUid = decision.held?.challenger.metadata.uid;
    if (podUid === undefined) this.#challenges.delete(key);
    else if (podUid !== challenge?.podUid) this.#challenges.set(key, { podUid, at: this.#clock.now(), since: now });
    const contested = verdict.accepted && rivals.size > 0;
    // Another controller's route from now on; but what this one has said of it must not stay behind as a lie.
    const speaks = ours || isReady(route);
    const { status } = decision;
    const laterMs = status === undefined ? 0 : this.#statusLaterMs(key, route, status);
    if (status === undefined) this.#toldAt.delete(key);
    const tells = speaks && laterMs === 0;
    const outcome = await this.#act(route, tells ? decision : { ...decision, status: undefined }, contested);
    if (!speaks || laterMs === 0) return outcome;
    return { againAfterMs: Math.min(laterMs, outcome.againAfterMs ?? Infinity) };
  }

  /** How long the status can wait: the steps of a move follow each other faster than anybody reads. */
  #statusLaterMs(key: string, route: GKEIPRoute, status: RouteStatus): number {
    if (isNews(route.status, status)) return 0;
    const toldAt = this.#toldAt.get(key);
    return toldAt === undefined ? 0 : Math.max(0, toldAt + STATUS_INTERVAL_MS - this.#clock.now());
  }

  async #act(route: GKEIPRoute, decision: Decision, contested: boolean): Promise<Outcome> {
    const { changes, status, held } = decision;
    if (status !== undefined && held?.note !== undefined) this.#report.held(route, held.note);
    const finalizer = finalizerChange(route, decision);
    let current = route;
    // Intent before the first side effect: the finalizer stands before the first binding does.
    if (finalizer === true) current = await this.#writeFinalizer(current, true);
    // A move makes the old Ready a lie, so the status goes first; otherwise bindings do, because packets wait for them.
    const statusFirst = status !== undefined && changes.length > 0 && isReady(route) && !isReady({ status });
    if (status !== undefined && statusFirst) current = await this.#writeStatus(current, status, contested);
    const results = await Promise.allSettled(changes.map((change) => this.#write(change, decision.failed)));
    const moves = results.flatMap((result) => (result.status === "fulfilled" ? (result.value ?? []) : []));
    this.#report.moved(route, moves);
    const failed = results.find((result) => result.status === "rejected");
    // What is written down comes first, so that it can be found again; and packets do not wait for the status.
    if (failed === undefined && decision.cloud !== undefined)
      this.#cloud?.carryOut(route.metadata.uid ?? "", decision.cloud);
    if (status !== undefined && !statusFirst) current = await this.#writeStatus(current, status, contested);
    if (failed !== undefined) throw failed.reason;
    if (finalizer === false && changes.length === 0) await this.#writeFinalizer(current, false);
    return { againAfterMs: decision.againAfterMs };
  }

  async #releaseOrphans(bindings: readonly AddressBinding[]): Promise<Outcome> {
    let waiting = false;
    for (const binding of bindings) {
      const { address, route } = binding.spec;
      const step = release(binding, {
        node: (name) => this.#store.node(name),
        waitedMs: this.#store.waitedMs(address),
        cloud: this.#cloud?.view(route.uid),
      });
      const move = step.change && (await this.#write(step.change));
      if (move !== undefined) this.#report.moved(undefined, [move]);
      waiting ||= step.waiting;
    }
    return waiting ? { againAfterMs: 1000 } : {};
  }

  /** The bindings that this route may change: its own, and those of its addresses whose route is gone. */
  #bindingsFor(route: GKEIPRoute, verdict: RouteVerdict, named: readonly AddressBinding[]): AddressBinding[] {
    const found = new Map(named.map((binding) => [binding.spec.address, binding]));
    for (const address of verdict.addresses) {
      const binding = this.#store.binding(address);
      if (binding !== undefined && holderOf(binding, route, this.#store) === undefined) found.set(address, binding);
    }
    return [...found.values()];
  }

  /** Answers what the change did to the owner, once it is done. */
  async #write(change: BindingChange, failed = false): Promise<Move | undefined> {
    const move = moveOf(change, this.#store.binding(change.binding.spec.address));
    try {
      await this.#send(change, failed);
    } catch (error) {
      this.#report.wrote(change.verb, error);
      throw error;
    }
    this.#report.wrote(change.verb);
    return move;
  }

  async #send({ verb, binding }: BindingChange, failed: boolean): Promise<void> {
    const { addressBindings } = RESOURCES;
    switch (verb) {
      case "create":
        this.#store.noteWritten(await this.#kube.create(addressBindings, binding), failed);
        return;
      case "replace":
        this.#store.noteWritten(await this.#kube.replace(addressBindings, binding), failed);
        return;
      case "delete": {
        const { uid, resourceVersion } = binding.metadata;
        await this.#kube.delete(addressBindings, { name: binding.metadata.name }, { uid, resourceVersion });
      }
    }
  }

  async #writeStatus(route: GKEIPRoute, status: RouteStatus, contested: boolean): Promise<GKEIPRoute> {
    const patch = { metadata: { resourceVersion: route.metadata.resourceVersion }, status };
    const written = await this.#patch(route, patch, "status");
    this.#toldAt.set(keyOf(route), this.#clock.now());
    this.#report.judged(route, status, contested);
    return written;
  }

  async #writeFinalizer(route: GKEIPRoute, present: boolean): Promise<GKEIPRoute> {
    const others = (route.metadata.finalizers ?? []).filter((name) => name !== ROUTE_FINALIZER);
    const finalizers = present ? [...others, ROUTE_FINALIZER] : others;
    const patch = { metadata: { resourceVersion: route.metadata.resourceVersion, finalizers } };
    return this.#patch(route, patch);
  }

  async #patch(route: GKEIPRoute, patch: object, subresource?: "status"): Promise<GKEIPRoute> {
    const { name, namespace } = route.metadata;
    try {
      const written = await this.#kube.mergePatch<GKEIPRoute>(
        RESOURCES.gkeIpRoutes,
        { name, namespace },
        patch,
        subresource,
      );
      this.#written.set(keyOf(written), decodeRoute(written));
      return written;
    } catch (error) {
      // Deleted meanwhile: there is nobody left to tell. But a server that has just started answers 404 for every route.
      const known = this.#store.routes.get(keyOf(route))?.metadata.uid === route.metadata.uid;
      if (error instanceof KubeError && error.status === 404 && !known) return route;
      throw error;
    }
  }
}

/** The verdict on a route that left podpin's classes: nothing of it may stay. */
const NOT_OURS: RouteVerdict = {
  accepted: false,
  reason: RouteReason.GatewayNotAccepted,
  message: "the route's Gateway is served by another controller",
  addresses: [],
  keeps: [],
};

/** Whether the status says something else of what people and programs wait for. */
function isNews(before: GKEIPRoute["status"], after: RouteStatus): boolean {
  const gist = (status: Partial<RouteStatus> | undefined): unknown =>
    [RouteCondition.Accepted, RouteCondition.Ready].map((type) => {
      const { status: is, reason, observedGeneration } = status?.conditions?.find((one) => one.type === type) ?? {};
      return { is, reason, observedGeneration };
    });
  return !same([before?.pods, gist(before)], [after.pods, gist(after)]);
}

function versionOf({ metadata }: GKEIPRoute): bigint {
  return BigInt(metadata.resourceVersion ?? "0");
}

function isReady({ status }: Pick<GKEIPRoute, "status">): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === RouteCondition.Ready && is === "True") ?? false;
}
