// One term of the replica that acts: reads the cloud, brings about what is wanted, and looks now and then whether somebody else has
// changed what it made.
import type { CloudIntent, CloudNode, CloudProblem, CloudView, CloudWish } from "../cloud";
import { ComputeError } from "./compute";
import { problemOf } from "./explain";
import type { FabricMetrics, GceFabricOptions, Wishes } from "./fabric";
import { Garbage, unusedTargets, type Live } from "./garbage";
import { Interfaces } from "./interfaces";
import { leadsOf, unsureOf } from "./leads";
import { planKeeping, planRemoval } from "./leftovers";
import { Mirror } from "./mirror";
import { perform, Unseen } from "./perform";
import type { Call, Facts, Plan, Step } from "./plan";
import { groupRef } from "./places";
import { pathOf, RESOURCE_ROOT, type Ref } from "./refs";
import { Since } from "./since";
import { survey, type Survey } from "./survey";
import { surveys } from "./surveys";
import { targetRef } from "./target-instance";
import { Works } from "./works";

/** Stands for no route: what several of them share. */
const SHARED = "";
const NO_PLAN: Plan = { steps: [], problems: [] };
/** So many sentences at a time are read. */
const MOST_PROBLEMS = 3;

export class Term {
  readonly #mirror: Mirror;
  readonly #interfaces: Interfaces;
  readonly #works: Works;
  readonly #facts: Facts;
  readonly #garbage = new Garbage();
  readonly #ended = new AbortController();
  readonly #since: Since;
  readonly #problems = new Map<string, CloudProblem>();
  /** By route: the view that was last told of. */
  readonly #told = new Map<string, string>();
  /** By route: which leader is waited for, and since when. */
  readonly #waiting = new Map<string, { readonly leader: string; readonly at: number }>();
  readonly #collecting = new Set<string>();
  #targets: readonly Ref<"targetInstances">[] = [];
  #unreachable: ReadonlySet<string> = new Set();
  #addressesAt = -Infinity;
  #known = false;
  #settled = false;
  readonly #surveys: Promise<void>;

  constructor(
    private readonly options: GceFabricOptions,
    clusterUid: string,
    private readonly wishes: Wishes,
    private readonly record: FabricMetrics,
  ) {
    const { around, clock, log, region } = options;
    this.#mirror = new Mirror(clusterUid, () => clock.now());
    this.#interfaces = new Interfaces(
      (name) => around.network(name),
      () => clock.now(),
    );
    this.#since = new Since(clock);
    this.#facts = this.#makeFacts(clusterUid);
    const performing = {
      compute: options.compute,
      firewalls: options.firewall?.compute ?? options.compute,
      mirror: this.#mirror,
      interfaces: this.#interfaces,
      clock,
      region,
      signal: this.#ended.signal,
      onAddresses: () => void (this.#addressesAt = clock.now()),
    };
    this.#works = new Works({
      clock,
      log,
      plan: (uid) => this.#plan(uid),
      perform: (call, urgent) => perform(performing, call, { urgent }),
      problemOf: (error, call) => this.#explain(error, call),
      isPassing,
      onProgress: (uid, problems) => this.#progress(uid, problems),
      onDone: (call, milliseconds, error) => this.#done(call, milliseconds, error),
    });
    this.#surveys = surveys({
      clock,
      log,
      signal: this.#ended.signal,
      read: () => this.#read(),
      isInDoubt: () => this.#mirror.doubtful,
      onRead: (found) => this.#surveyed(found),
      onFailure: (error) => this.#unread(error),
    });
  }

  wished(uid: string, before: CloudWish | undefined): void {
    this.#collecting.delete(uid);
    const intent = this.#intent(uid);
    this.#await(uid, intent);
    if (before?.verb === "want" && intent !== undefined && isNewOwner(before.intent, intent)) this.#doubt(uid);
    if (this.#known) this.#works.touch(uid, intent?.urgent === true ? "failover" : "move");
  }

  /** Has looked at whether the leader is still attached: its VM may have been made again under the same name. */
  #doubt(uid: string): void {
    for (const group of this.#mirror.holdings(uid).groups) this.#mirror.setEndpoints(groupRef(group), undefined);
  }

  settled(): void {
    this.#settled = true;
    // Only now is it known which route is the last.
    this.#touchRemoved();
  }

  #touchRemoved(): void {
    for (const [uid, { verb }] of this.wishes) if (verb === "remove") this.#works.touch(uid, "move");
  }

  routes(): readonly string[] {
    return this.#mirror.routes();
  }

  view(uid: string): CloudView {
    const problem = this.#problems.get(uid) ?? this.#problems.get(SHARED);
    if (!this.#known) return { known: false, leads: new Map(), empty: false, ...(problem && { problem }) };
    const own = this.#problems.get(uid);
    const empty = this.#isEmpty(uid);
    const held = this.#mirror.holdings(uid);
    const leads = leadsOf(this.#facts, held);
    const unsure = unsureOf(this.#facts, held, (at) => this.#mayChange(pathOf(at)));
    return { known: true, leads, unsure, empty, ...(own && { problem: own }) };
  }

  #isEmpty(uid: string): boolean {
    const verb = this.wishes.get(uid)?.verb;
    // What was refused until now is tried again, and may be made at any time.
    if (verb === "want") return false;
    if (!this.#mirror.isEmpty(uid) || this.#works.isActive(uid) || this.#unreachable.size > 0) return false;
    // What was asked for may still be made.
    if (this.#mirror.isInDoubt(uid)) return false;
    if (!this.#sharesTargets || verb !== "remove") return true;
    if (!this.#settled) return false;
    return !this.#isLast || (this.#targetsOfNobody().length === 0 && !this.#mirror.isInDoubt(SHARED));
  }

  /** Nobody wants anything any more. */
  get #isLast(): boolean {
    return [...this.wishes.values()].every(({ verb }) => verb === "remove");
  }

  get #sharesTargets(): boolean {
    return this.options.driver.zonal.includes("targetInstances");
  }

  /**
   * What goes with the last route. Elsewhere it is left for a while, as others may be about to use it; but when nobody wants
   * anything any more, the controller may be the next to go.
   */
  #targetsOfNobody(): readonly Ref<"targetInstances">[] {
    if (!this.#sharesTargets || !this.#settled || !this.#isLast) return [];
    return [...unusedTargets(this.#mirror, this.#live(), this.#facts)];
  }

  #mayChange(path: string): boolean {
    return this.#works.isChanging(path) || this.#mirror.isDoubtful(path);
  }

  async end(): Promise<void> {
    this.#ended.abort();
    await Promise.all([this.#works.end(), this.#surveys]);
  }

  #intent(uid: string): CloudIntent | undefined {
    const wish = this.wishes.get(uid);
    return wish?.verb === "want" ? wish.intent : undefined;
  }

  #makeFacts(clusterUid: string): Facts {
    const { around, clock, compute, firewall, region, root = RESOURCE_ROOT } = this.options;
    return {
      clusterUid,
      region,
      root,
      project: compute.project,
      networkProject: (firewall?.compute ?? compute).project,
      ...(firewall !== undefined && { firewall }),
      node: (name) => ofProject(around.node(name), compute.project),
      // On GKE a node is named after its VM; it may be gone from the cluster while the cloud still leads to it.
      nodeName: (zone, instance) => around.nodeOn({ project: compute.project, zone, instance }) ?? instance,
      nic: (node, network) => this.#interfaces.of(node, network),
      address: (ip) => this.#mirror.address(ip),
      addressesAgeMs: () => clock.now() - this.#addressesAt,
      find: (at) => this.#mirror.find(at),
      mark: (resource) => this.#mirror.mark(resource),
      idleMs: (uid, endpoint) => this.#since.idleMs(uid, endpoint),
      supersededMs: (uid) => this.#since.supersededMs(uid),
    };
  }

  #plan(uid: string): Plan {
    if (!this.#known) return NO_PLAN;
    if (uid === SHARED) return this.#planShared();
    const held = this.#mirror.holdings(uid);
    const wish = this.wishes.get(uid);
    if (wish?.verb === "remove" || this.#collecting.has(uid)) {
      const targets = wish?.verb === "remove" ? this.#targetsOfNobody() : [];
      const last = targets.map((at): Step => ({ lane: "move", call: { verb: "delete", at } }));
      return { steps: [...planRemoval(this.#facts, held), ...last], problems: [] };
    }
    if (wish?.verb === "keep") return { steps: planKeeping(this.#facts, held, wish.addresses), problems: [] };
    if (wish === undefined) return NO_PLAN;
    const { intent } = wish;
    const plan = this.options.driver.plan(this.#facts, intent, held);
    this.#since.planned(uid, plan);
    return plan;
  }

  #planShared(): Plan {
    const unused = new Set([...unusedTargets(this.#mirror, this.#live(), this.#facts)].map(pathOf));
    const targets = this.#targets.filter((at) => unused.has(pathOf(at)));
    return { steps: targets.map((at) => ({ lane: "housekeeping", call: { verb: "delete", at } })), problems: [] };
  }

  #progress(uid: string, problems: readonly CloudProblem[]): void {
    const [first] = problems;
    const messages = [...new Set(problems.map(({ message }) => message))];
    const more = messages.length - MOST_PROBLEMS;
    const message = [...messages.slice(0, MOST_PROBLEMS), ...(more > 0 ? [`And ${more} more.`] : [])].join(" ");
    if (first === undefined) this.#problems.delete(uid);
    else this.#problems.set(uid, { reason: first.reason, message });
    if (uid !== SHARED) this.#tell(uid);
  }

  /** Says that the view has changed, if it has. */
  #tell(uid: string): void {
    const { known, leads, unsure = [], empty, problem } = this.view(uid);
    const text = JSON.stringify([known, [...leads].sort(), [...unsure].sort(), empty, problem]);
    const intent = this.#intent(uid);
    const waiting = this.#waiting.get(uid);
    if (waiting !== undefined && intent?.addresses.every((address) => leads.get(address) === waiting.leader) === true) {
      this.#waiting.delete(uid);
      this.record.led(this.options.clock.now() - waiting.at, intent.urgent);
    }
    if (this.#told.get(uid) === text) return;
    this.#told.set(uid, text);
    if (empty && intent === undefined) this.#forget(uid);
    this.options.around.changed(uid, intent?.urgent === true);
  }

  #forget(uid: string): void {
    this.#told.delete(uid);
    this.#since.forget(uid);
    this.#problems.delete(uid);
    this.#waiting.delete(uid);
    this.#collecting.delete(uid);
  }

  #await(uid: string, intent: CloudIntent | undefined): void {
    if (intent?.leader === undefined) this.#waiting.delete(uid);
    else if (this.#waiting.get(uid)?.leader !== intent.leader) {
      this.#waiting.set(uid, { leader: intent.leader, at: this.options.clock.now() });
    }
  }

  #done(call: Call, milliseconds: number, error: unknown): void {
    const problem = error === undefined ? undefined : this.#explain(error, call);
    const [resource, collection] = "at" in call ? [pathOf(call.at), call.at.collection] : ["", call.verb];
    this.record.changed(call.verb, collection, problem);
    if (error === undefined) {
      const ms = Math.round(milliseconds);
      this.options.log("info", "changed in the cloud", { change: call.verb, resource, milliseconds: ms });
    }
    // Whoever waits for the address of a rule that has gone can have it.
    if (call.verb !== "delete" || call.at.collection !== "forwardingRules") return;
    for (const [uid] of this.#problems) if (uid !== SHARED) this.#works.touch(uid, "housekeeping");
  }

  #read(): Promise<Survey> {
    const { compute, driver, firewall, region } = this.options;
    return survey({
      compute,
      firewalls: firewall && (firewall.compute ?? compute),
      mirror: this.#mirror,
      driver,
      region,
      isChanging: (path) => this.#works.isChanging(path),
    });
  }

  #surveyed({ changed, unreachable }: Survey): void {
    this.#addressesAt = this.options.clock.now();
    this.#unreachable = unreachable;
    const first = !this.#known;
    this.#known = true;
    this.#problems.delete(SHARED);
    this.#works.tidy();
    for (const uid of first ? this.wishes.keys() : changed) {
      this.#works.touch(uid, this.#intent(uid)?.urgent === true ? "failover" : first ? "move" : "housekeeping");
    }
    if (!this.#settled) return;
    // What several share is nobody's, and may wait for the last of them.
    if (this.#sharesTargets) this.#touchRemoved();
    const { clock } = this.options;
    const { routes, targets } = this.#garbage.sight(this.#mirror, this.#live(), clock.now(), this.#facts);
    this.#targets = targets;
    if (targets.length > 0) this.#works.touch(SHARED, "housekeeping");
    for (const uid of routes) {
      this.options.log("info", "nobody's resources in the cloud are taken away", { route: uid });
      this.#collecting.add(uid);
      this.#works.touch(uid, "housekeeping");
    }
  }

  /** Until the cloud has been read once, every route says why it waits. */
  #unread(error: unknown): void {
    if (this.#known) return;
    this.#problems.set(SHARED, problemOf(error));
    for (const uid of this.wishes.keys()) this.#tell(uid);
  }

  #live(): Live {
    let targets: Set<string> | undefined;
    const wantedTargets = (): Set<string> => {
      const uses = this.options.driver.zonal.includes("targetInstances");
      const intents = uses ? [...this.wishes.keys()].flatMap((uid) => this.#intent(uid) ?? []) : [];
      const nodes = intents.flatMap(({ candidates, leader, network }) =>
        [...candidates, ...(leader === undefined ? [] : [leader])].map((name) => ({ name, network })),
      );
      return new Set(nodes.flatMap(({ name, network }) => this.#targetPath(this.#facts.node(name), network)));
    };
    return {
      isRoute: (uid) => this.wishes.has(uid),
      isTarget: (path) => (targets ??= wantedTargets()).has(path),
    };
  }

  #targetPath(node: CloudNode | undefined, network: string): readonly string[] {
    return node === undefined ? [] : [pathOf(targetRef(this.#facts, node, network))];
  }

  #explain(error: unknown, call: Call): CloudProblem {
    if (error instanceof Unseen) return { reason: "Contested", message: `${error.message}.` };
    if (error instanceof ComputeError) return problemOf(error);
    this.options.log("error", "a step in the cloud failed in an unforeseen way", { step: call.verb, error });
    return { reason: "InternalError", message: String(error) };
  }
}

function ofProject(node: CloudNode | undefined, project: string): CloudNode | undefined {
  return node?.project === project ? node : undefined;
}

/** Another Pod has the addresses, on the same node as the one before. */
function isNewOwner(before: CloudIntent, now: CloudIntent): boolean {
  return (
    now.leader !== undefined &&
    now.leader === before.leader &&
    now.addresses.some((address) => (before.epochs.get(address) ?? Infinity) < (now.epochs.get(address) ?? 0))
  );
}

/** What happens when two write at the same time, or when something is not yet gone. */
function isPassing(error: unknown): boolean {
  if (error instanceof Unseen) return true;
  if (!(error instanceof ComputeError)) return false;
  return error.status === 409 || error.status === 412 || PASSING.has(error.reason);
}

const PASSING: ReadonlySet<string> = new Set([
  "resourceInUseByAnotherResource",
  "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
  "resourceNotReady",
  "RESOURCE_NOT_READY",
]);
