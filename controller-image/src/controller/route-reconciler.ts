// One reconcile of one route: look, decide, then write in the order that keeps the invariants.
import { acceptRoute, isOurRoute, type RouteVerdict } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import { ROUTE_FINALIZER, RouteCondition, RouteReason, type GKEIPRoute } from "../../../lib/model/gke-api";
import { keyOf, RESOURCES, type Pod } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type Kube, type Log } from "../kube/api";
import { pause } from "../kube/backoff";
import type { CloudLink } from "./cloud-link";
import { same } from "./conditions";
import { decodeRoute } from "./decoders";
import { decide, finalizerChange, type Decision } from "./decide";
import { release, type BindingChange } from "./handover";
import { present } from "./keys";
import { OwnWrites } from "./own-writes";
import { projectPod } from "./projections";
import type { RouteReport } from "./report";
import { holderOf, rivalsOf } from "./rivals";
import { moveOf, type Move } from "./route-events";
import type { RouteStatus } from "./route-status";
import type { Store } from "./store";
import { WriteLimit } from "./write-limit";

/** News of a move that is under way are told no more often than this; whether the route is Ready is told at once. */
const STATUS_INTERVAL_MS = 500;
/** So long an address that nobody can reach waits for its route to say so. */
const TELL_FIRST_MS = 500;
/** For so long after a status that took longer than that nothing that is lost waits for another one. */
const TELL_LATER_MS = 10_000;
/** An address may have to follow Pods that come and go twice a second, with two writes each. */
const BINDING_EVERY_MS = 100;
/** A write that changed nothing is not made again so soon. */
const IDLE_MS = 600_000;
/** A Pod that no watch has is asked for again after this long, while it has an address. */
const ASK_AGAIN_MS = 5_000;
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
  /** @default there is none */
  readonly cloud?: CloudLink;
}

export class RouteReconciler {
  readonly #kube: Kube;
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limit: WriteLimit;
  readonly #bindingLimit: WriteLimit;
  readonly #report: RouteReport;
  readonly #cloud?: CloudLink;
  /** Pods that are held back, by route, and since when on both clocks. */
  readonly #challenges = new Map<string, { readonly podUid: string; readonly at: number; readonly since: string }>();

  /** When the status of a route was last written, while it may have to be written again. */
  readonly #toldAt = new Map<string, number>();

  /** Until then what is lost does not wait for a status. */
  #tellLaterUntil = -Infinity;

  /** Our own last write to a route, until the watch has caught up with it. */
  readonly #written: OwnWrites<GKEIPRoute>;

  /** By address: a write that changed nothing, and when it was made. */
  readonly #idle = new Map<string, { readonly binding: AddressBinding; readonly at: number }>();

  #loggedIdleAt = -Infinity;

  /** Routes of which something could not be written, and since when. */
  readonly #refusedSince = new Map<string, number>();

  constructor({ kube, store, clock, log, limit, report, touchRoute, cloud }: RouteReconcilerOptions) {
    this.#written = new OwnWrites({
      clock,
      kube,
      resource: RESOURCES.gkeIpRoutes,
      decode: decodeRoute,
      cached: (key) => store.routes.get(key),
      onCorrected: (key) => touchRoute(key),
    });
    this.#log = log;
    this.#limit = limit;
    this.#bindingLimit = new WriteLimit(clock, log, BINDING_EVERY_MS);
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

  stop(): void {
    this.#written.stop();
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
    const asked = new Map<string, Pod | undefined>();
    const outcome = await this.#reconcile(key, asked);
    if ([...asked.values()].every((pod) => pod === undefined)) return outcome;
    // No watch tells when they go.
    return { againAfterMs: Math.min(outcome.againAfterMs ?? Infinity, ASK_AGAIN_MS) };
  }

  /** @param asked Pods that were asked for by name, as no watch has them; filled here */
  async #reconcile(key: string, asked: Map<string, Pod | undefined>): Promise<Outcome> {
    const route = this.#current(key);
    const bindings = this.#store.bindingsOf(key);
    if (route === undefined) {
      this.#challenges.delete(key);
      this.#toldAt.delete(key);
      this.#refusedSince.delete(key);
      return this.#releaseOrphans(bindings);
    }
    const ours = isOurRoute(route, this.#store, this.#store.gkeControllerPresent);
    const holds = bindings.length > 0 || (route.metadata.finalizers?.includes(ROUTE_FINALIZER) ?? false);
    const cloud = this.#cloud?.view(route.metadata.uid ?? "");
    if (!ours && !holds && (cloud?.known !== true || cloud.empty)) return {};

    const verdict = ours ? acceptRoute(route, this.#store) : NOT_OURS;
    const rivals = rivalsOf(route, verdict, this.#store);
    const concerned = this.#bindingsFor(route, verdict, bindings);
    if (!this.#store.seesPodsOf(route)) return {};
    const unseen = this.#store.unseenOwners(route, concerned);
    const unknown = unseen.filter((name) => !asked.has(name));
    if (unknown.length > 0) {
      const { namespace } = route.metadata;
      for (const name of unknown) {
        const found = await this.#kube.get<Pod>(RESOURCES.pods, { namespace, name });
        asked.set(name, found && projectPod(found));
      }
      // Whatever was read before may have changed meanwhile.
      return this.#reconcile(key, asked);
    }
    const now = new Date(this.#clock.wallTime()).toISOString();
    const challenge = this.#challenges.get(key);
    const decision = decide({
      route,
      verdict,
      rivals,
      pods: [...this.#store.podsFor(route, concerned), ...present(unseen, (name) => asked.get(name))],
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
    const told = tells ? decision : { ...decision, status: undefined };
    const finalizerMs = finalizerChange(route, decision) === true ? this.#limit.waitMs(routeText(key)) : 0;
    if (finalizerMs > 0) return { againAfterMs: finalizerMs };
    const [limited, waitMs] = this.#withinLimit(told);
    let outcome: Outcome;
    try {
      outcome = await this.#act(route, limited, contested);
      this.#refusedSince.delete(key);
    } catch (error) {
      this.#complain(route, error);
      throw error;
    }
    const waits = [outcome.againAfterMs ?? Infinity, waitMs, speaks && laterMs > 0 ? laterMs : Infinity];
    const againAfterMs = Math.min(...waits);
    return againAfterMs === Infinity ? {} : { againAfterMs };
  }

  /** Without what is written too often already, and how long that has to wait. */
  #withinLimit(decision: Decision): [Decision, waitMs: number] {
    const waitOf = ({ binding }: BindingChange): number => this.#bindingLimit.waitMs(binding.spec.address);
    const waitMs = Math.max(0, ...decision.changes.map(waitOf));
    if (waitMs === 0) return [decision, Infinity];
    // The cloud acts for what is written down.
    const changes = decision.changes.filter((change) => waitOf(change) === 0);
    return [{ ...decision, changes, cloud: undefined }, waitMs];
  }

  /** A rule of somebody else stands against a write, or a right is missing: whoever looks at the route has to be told. */
  #complain(route: GKEIPRoute, error: unknown): void {
    if (!(error instanceof KubeError) || PASSING.includes(error.status)) return;
    const now = this.#clock.now();
    const since = this.#refusedSince.get(keyOf(route)) ?? now;
    this.#refusedSince.set(keyOf(route), since);
    if (now - since >= COMPLAIN_AFTER_MS) this.#report.refused(route, error.message);
  }

  /** How long the status can wait: the steps of a move follow each other faster than anybody reads. */
  #statusLaterMs(key: string, route: GKEIPRoute, status: RouteStatus): number {
    const limitMs = this.#limit.waitMs(routeText(key));
    if (limitMs > 0 || isNews(route.status, status)) return limitMs;
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
    const telling = status !== undefined && statusFirst ? this.#writeStatus(current, status, contested) : undefined;
    const told = telling && (await this.#tellFirst(telling, decision.failed === true));
    const results = await Promise.allSettled(changes.map((change) => this.#write(change, decision.failed)));
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

  /**
   * Waits until the route says that its addresses are not Ready, but not for ever: what refuses or delays the writes of routes may have
   * been on the very node that is lost, as an admission webhook with a single Pod, and nothing would move until it is back.
   *
   * @param lost packets are being lost meanwhile
   */
  async #tellFirst(telling: Promise<unknown>, lost: boolean): Promise<{ readonly refusal?: unknown }> {
    const settled = telling.then(
      () => ({}),
      (error: unknown) => {
        if (isRefusal(error) || (lost && error instanceof KubeError && error.status !== 409)) return { refusal: error };
        throw error;
      },
    );
    if (!lost) return settled;
    settled.catch(() => undefined);
    // The change of the binding has the route looked at again, and its status written then.
    if (this.#clock.now() < this.#tellLaterUntil) return {};
    const over = new AbortController();
    const patience = pause(this.#clock, TELL_FIRST_MS, over.signal).then(() => undefined);
    const outcome = await Promise.race([settled, patience]).finally(() => over.abort());
    if (outcome === undefined) this.#tellLaterUntil = this.#clock.now() + TELL_LATER_MS;
    return outcome ?? {};
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
        break;
      case "replace":
        this.#store.noteWritten(await this.#replace(binding), failed);
        break;
      case "delete": {
        const { uid, resourceVersion } = binding.metadata;
        await this.#kube.delete(addressBindings, { name: binding.metadata.name }, { uid, resourceVersion });
      }
    }
    this.#bindingLimit.wrote(binding.spec.address);
  }

  /** An API server whose definition is older leaves out what it does not know, and would be told again at every look. */
  async #replace(binding: AddressBinding): Promise<AddressBinding> {
    const { address } = binding.spec;
    const idle = this.#idle.get(address);
    if (idle !== undefined && this.#clock.now() - idle.at < IDLE_MS && same(idle.binding, binding)) return binding;
    this.#idle.delete(address);
    const written = await this.#kube.replace(RESOURCES.addressBindings, binding);
    const at = this.#clock.now();
    if (written.metadata.resourceVersion !== binding.metadata.resourceVersion) return written;
    this.#idle.set(address, { binding, at });
    if (at - this.#loggedIdleAt >= IDLE_MS) {
      this.#loggedIdleAt = at;
      const text = "the API server keeps less of an AddressBinding than this version writes: its definition is older";
      this.#log("warn", text, { address, kept: written.spec });
    }
    return written;
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
      this.#limit.wrote(routeText(keyOf(written)));
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

const routeText = (key: string): string => `GKEIPRoute ${key}`;

/** Whether the server will say the same of this very write again: a rule or a right stands against it. */
function isRefusal(error: unknown): boolean {
  return error instanceof KubeError && [400, 403, 422].includes(error.status);
}

function versionOf({ metadata }: GKEIPRoute): bigint {
  return BigInt(metadata.resourceVersion ?? "0");
}

function isReady({ status }: Pick<GKEIPRoute, "status">): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === RouteCondition.Ready && is === "True") ?? false;
}
