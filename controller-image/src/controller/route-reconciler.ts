// One reconcile of one route: look, decide, then write in the order that keeps the invariants.
import { acceptRoute, isOurRoute, type RouteVerdict } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import {
  ROUTE_FINALIZER,
  routeCondition,
  RouteCondition,
  RouteReason,
  type GKEIPRoute,
} from "../../../lib/model/gke-api";
import { keyOf, RESOURCES } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type Kube, type Log } from "../kube/api";
import { soonest } from "../kube/backoff";
import { Asked, unseenNodes, unseenPods } from "./asked";
import { BindingWrites } from "./binding-writes";
import type { CloudLink } from "./cloud-link";
import { Contenders } from "./contenders";
import { decodeRoute } from "./decoders";
import { decide, type DecideInput, finalizerChange, type Decision } from "./decide";
import { Freshness } from "./freshness";
import { release } from "./handover";
import { versionOf } from "./keys";
import { OwnWrites } from "./own-writes";
import type { RouteReport } from "./report";
import { holderOf, rivalsOf } from "./rivals";
import type { RouteStatus } from "./route-status";
import { StatusTiming } from "./status-timing";
import type { Store } from "./store";
import type { WriteLimit } from "./write-limit";

/** Bindings that were behind are compared again after this time, or when the watch tells of them. */
const BEHIND_MS = 500;
/** What is refused for so long is told. */
const COMPLAIN_AFTER_MS = 5_000;
/** What the API server answers, or does not, when nothing stands against the write itself. */
const PASSING: readonly number[] = [0, 404, 409, 429];

export interface Outcome {
  /** Look again after this many milliseconds. */
  readonly againAfterMs?: number;
}

export interface RouteReconcilerOptions {
  readonly kube: Kube;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Of what people read; bindings have one of their own. */
  readonly limit: WriteLimit;
  readonly report: RouteReport;
  /** Has a route looked at again. */
  readonly touchRoute: (key: string) => void;
  /** Asks the API server whether this replica has the Lease. */
  readonly hasLease: () => Promise<boolean>;
  /** @default there is none */
  readonly cloud?: CloudLink;
}

export class RouteReconciler {
  readonly #kube: Kube;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #limit: WriteLimit;
  readonly #bindings: BindingWrites;
  readonly #statusTiming: StatusTiming;
  readonly #report: RouteReport;
  readonly #cloud?: CloudLink;

  /** Pods that are held back. */
  readonly #challenges: Contenders;

  /** Pods that would be the better standby. */
  readonly #aspirants: Contenders;

  /** Our own last write to a route, until the watch has caught up with it. */
  readonly #written: OwnWrites<GKEIPRoute>;

  /** Routes of which something could not be written, and since when. */
  readonly #refusedSince = new Map<string, number>();

  readonly #freshness: Freshness;

  constructor({ kube, store, clock, log, limit, report, touchRoute, hasLease, cloud }: RouteReconcilerOptions) {
    this.#written = new OwnWrites({
      clock,
      kube,
      resource: RESOURCES.gkeIpRoutes,
      decode: decodeRoute,
      cached: (key) => store.copies.routes.get(key),
      onCorrected: (key) => touchRoute(key),
    });
    this.#freshness = new Freshness(kube, clock, hasLease);
    this.#challenges = new Contenders(clock);
    this.#aspirants = new Contenders(clock);
    this.#limit = limit;
    this.#bindings = new BindingWrites({ kube, store, clock, log, report });
    this.#statusTiming = new StatusTiming(clock);
    this.#cloud = cloud;
    this.#kube = kube;
    this.#store = store;
    this.#clock = clock;
    this.#report = report;
  }

  /**
   * Forgets who waits, and what it wrote itself: another leader has decided since, and what this one saw is no longer without a break.
   *
   * @param besideMs for how long the other one may still act
   */
  beginTerm(besideMs: number): void {
    this.#challenges.clear();
    this.#aspirants.clear();
    this.#freshness.beginTerm(besideMs);
  }

  stop(): void {
    this.#written.stop();
  }

  /** The newest version that is known: with an older one a finalizer that was just taken away would seem to stand. */
  #current(key: string): GKEIPRoute | undefined {
    const cached = this.#store.copies.routes.get(key);
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
    const asked = new Asked(this.#kube);
    const outcome = await this.#reconcile(key, asked);
    return { againAfterMs: soonest(outcome.againAfterMs, asked.againAfterMs) };
  }

  /** @param asked filled here, so that the second time all is known */
  async #reconcile(key: string, asked: Asked): Promise<Outcome> {
    const route = this.#current(key);
    const bindings = this.#store.bindingsOf(key);
    if (route === undefined) {
      this.#challenges.note(key, undefined);
      this.#aspirants.note(key, undefined);
      this.#statusTiming.forget(key);
      this.#refusedSince.delete(key);
      this.#freshness.forget(key);
      return this.#releaseOrphans(bindings, asked);
    }
    const ours = isOurRoute(route, this.#store, this.#store.gkeControllerPresent);
    const holds = bindings.length > 0 || (route.metadata.finalizers?.includes(ROUTE_FINALIZER) ?? false);
    const cloud = this.#cloud?.view(route.metadata.uid ?? "");
    if (!ours && !holds && (cloud?.known !== true || cloud.empty)) return {};

    const verdict = ours ? acceptRoute(route, this.#store) : NOT_OURS;
    const rivals = rivalsOf(route, verdict, this.#store);
    const concerned = this.#bindingsFor(route, verdict, bindings);
    if (!this.#store.seesPodsOf(route)) return {};
    const { copies } = this.#store;
    const pods = unseenPods(copies, concerned, route.metadata.namespace ?? "");
    const unseen = { pods, nodes: unseenNodes(copies, concerned) };
    if (!asked.knows(unseen)) {
      await asked.ask(route.metadata.namespace, unseen);
      // Whatever was read before may have changed meanwhile.
      return this.#reconcile(key, asked);
    }
    const now = new Date(this.#clock.wallTime()).toISOString();
    const decision = decide({
      route,
      verdict,
      rivals,
      pods: asked.instead(this.#store.podsFor(route, concerned), pods),
      ...this.#nodesWith(asked),
      bindings: concerned,
      former: (address) => this.#store.formerBinding(address),
      waitedMs: (address) => this.#store.waitedMs(address),
      cloud,
      moves: (address) => this.#store.movesOf(address),
      challenge: this.#challenges.of(key),
      aspirant: this.#aspirants.of(key),
      now,
    });
    this.#challenges.note(key, decision.held?.challenger.metadata.uid);
    this.#aspirants.note(key, decision.aspirant);
    const contested = verdict.accepted && rivals.size > 0;
    // Another controller's route from now on; but what this one has said of it must not stay behind as a lie, nor what another replica
    // is about to say.
    const speaks = ours || isReady(route) || this.#tellsFirst(route, decision);
    const { status } = decision;
    const laterMs = this.#statusLaterMs(route, decision);
    if (status === undefined) this.#statusTiming.forget(key);
    const tells = speaks && laterMs === 0;
    const told = tells ? decision : { ...decision, status: undefined };
    const finalizerMs = finalizerChange(route, decision) === true ? this.#limit.waitMs(routeText(key)) : 0;
    if (finalizerMs > 0) return { againAfterMs: finalizerMs };
    const [limited, waitMs] = this.#withinLimit(told);
    let outcome: Outcome;
    try {
      const behind = promises(route, limited) && (await this.#freshness.isBehind(route, concerned));
      outcome = behind ? { againAfterMs: BEHIND_MS } : await this.#act(route, limited, contested);
      this.#refusedSince.delete(key);
    } catch (error) {
      this.#complain(route, error);
      throw error;
    }
    return { againAfterMs: soonest(outcome.againAfterMs, waitMs, speaks && laterMs > 0 ? laterMs : undefined) };
  }

  /** Without what is written too often already, and how long that has to wait. */
  #withinLimit(decision: Decision): [Decision, waitMs?: number] {
    const waitMs = Math.max(0, ...decision.changes.map((change) => this.#bindings.waitMs(change)));
    if (waitMs === 0) return [decision];
    // The cloud acts for what is written down.
    const changes = decision.changes.filter((change) => this.#bindings.waitMs(change) === 0);
    return [{ ...decision, changes, cloud: undefined }, waitMs];
  }

  /**
   * Whether the status goes before the bindings: a move makes the old Ready a lie. And somebody who led before may be about to call a
   * route Ready that he has not seen move: after this write he cannot. Otherwise bindings go first, because packets wait for them.
   */
  #tellsFirst(route: GKEIPRoute, { status, changes }: Decision): boolean {
    if (status === undefined || changes.length === 0 || isReady({ status })) return false;
    return isReady(route) || !this.#freshness.isOwn(route);
  }

  /** How long the status can wait. */
  #statusLaterMs(route: GKEIPRoute, decision: Decision): number {
    const { status } = decision;
    // Addresses move only so often, and none behind the back of who reads that they are served.
    if (status === undefined || this.#tellsFirst(route, decision)) return 0;
    const limitMs = this.#limit.waitMs(routeText(keyOf(route)));
    return limitMs > 0 ? limitMs : this.#statusTiming.laterMs(route, status);
  }

  /** A rule of somebody else stands against a write, or a right is missing: whoever looks at the route has to be told. */
  #complain(route: GKEIPRoute, error: unknown): void {
    if (!(error instanceof KubeError) || PASSING.includes(error.status)) return;
    const now = this.#clock.now();
    const since = this.#refusedSince.get(keyOf(route)) ?? now;
    this.#refusedSince.set(keyOf(route), since);
    if (now - since >= COMPLAIN_AFTER_MS) this.#report.refused(route, error.message);
  }

  async #act(route: GKEIPRoute, decision: Decision, contested: boolean): Promise<Outcome> {
    const { changes, status, held } = decision;
    if (status !== undefined && held?.note !== undefined) this.#report.held(route, held.note);
    const finalizer = finalizerChange(route, decision);
    let current = route;
    // Intent before the first side effect: the finalizer stands before the first binding does.
    if (finalizer === true) current = await this.#writeFinalizer(current, true);
    const statusFirst = this.#tellsFirst(current, decision);
    const telling = status !== undefined && statusFirst ? this.#writeStatus(current, status, contested) : undefined;
    const lost = new Set(this.#store.lostNodes);
    const told = telling && (await this.#statusTiming.tellFirst(telling, { lost: decision.failed === true }));
    // Nobody waits for a lost node; for one that has come back meanwhile, which may speak again, it was decided too early.
    if (changes.some(({ binding }) => this.#isBack(binding.spec.releasing?.nodeName, lost))) return { againAfterMs: 0 };
    const results = await Promise.allSettled(changes.map((change) => this.#bindings.write(change, decision.failed)));
    const moves = results.flatMap((result) => (result.status === "fulfilled" ? (result.value ?? []) : []));
    this.#report.moved(route, moves);
    const failed = results.find((result) => result.status === "rejected");
    // What is written down comes first, so that it can be found again; and packets do not wait for the status.
    if (failed === undefined && decision.cloud !== undefined)
      this.#cloud?.carryOut(route.metadata.uid ?? "", decision.cloud);
    if (status !== undefined && !statusFirst) current = await this.#writeStatus(current, status, contested);
    if (failed !== undefined) throw failed.reason;
    if (told?.refusal !== undefined) throw told.refusal;
    if (finalizer === false && changes.length === 0) await this.#writeFinalizer(current, false);
    return { againAfterMs: decision.againAfterMs };
  }

  #isBack(nodeName: string | undefined, lost: ReadonlySet<string>): boolean {
    return nodeName !== undefined && lost.has(nodeName) && !this.#store.lostNodes.has(nodeName);
  }

  /** Nodes as the watch has them, and else as they were asked for. */
  #nodesWith(asked: Asked): Required<Pick<DecideInput, "node" | "mayHold">> {
    return {
      node: (name) => this.#store.node(name, asked.node(name)),
      mayHold: (name) => this.#store.mayHold(name, asked.node(name)),
    };
  }

  async #releaseOrphans(bindings: readonly AddressBinding[], asked: Asked): Promise<Outcome> {
    let waiting = false;
    await asked.ask(undefined, { pods: [], nodes: unseenNodes(this.#store.copies, bindings) });
    for (const binding of bindings) {
      const { address, route } = binding.spec;
      const step = release(binding, {
        ...this.#nodesWith(asked),
        waitedMs: this.#store.waitedMs(address),
        cloud: this.#cloud?.view(route.uid),
      });
      const move = step.change && (await this.#bindings.write(step.change));
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

  async #writeStatus(route: GKEIPRoute, status: RouteStatus, contested: boolean): Promise<GKEIPRoute> {
    const patch = { metadata: { resourceVersion: route.metadata.resourceVersion }, status };
    const written = await this.#patch(route, patch, "status");
    this.#statusTiming.told(route);
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
      this.#freshness.wrote(route, written);
      this.#limit.wrote(routeText(keyOf(written)));
      return written;
    } catch (error) {
      // Deleted meanwhile: there is nobody left to tell. But a server that has just started answers 404 for every route.
      const known = this.#store.copies.routes.get(keyOf(route))?.metadata.uid === route.metadata.uid;
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

/** Whether it says that all addresses are served, or that none is held any more: both must be true of the newest bindings. */
function promises(route: GKEIPRoute, decision: Decision): boolean {
  const { status, changes } = decision;
  if (status !== undefined && isReady({ status })) return true;
  return finalizerChange(route, decision) === false && changes.length === 0;
}

const routeText = (key: string): string => `GKEIPRoute ${key}`;

function isReady({ status }: Pick<GKEIPRoute, "status">): boolean {
  return routeCondition(status?.conditions, RouteCondition.Ready)?.status === "True";
}
