// The invariants of the design, checked after every step from what the API server held (history), what the kernels hold
// and where packets go. Nothing here calls `decide` or `plan`. Each check says what it cannot see.
import type { AddressBinding } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES } from "../../lib/model/kubernetes";
import type { Commit } from "../support/memory-server";
import { History } from "./history";
import { LeadChecks } from "./lead-checks";
import { NodeChecks } from "./node-checks";

export interface Violation {
  /** Number of the invariant in the design. */
  readonly invariant: number;
  readonly at: number;
  readonly text: string;
}

/** After this long an old node that does not answer need not be waited for (the product's promise, on purpose written again). */
const HANDOVER_MS = 5_000;
/** From reading what there is to writing what follows from it, and as long for whoever writes meanwhile. */
const AT_ONCE_MS = 20;

/** What the checks ask the world. */
export interface World {
  now(): number;
  /** Who writes at the moment. */
  author(): string;
  nodeReady(name: string): { readonly exists: boolean; readonly readyNow: boolean; readonly unreadySince?: number };
  podExists(uid: string): boolean;
  /** Whether nothing speaks against the Pod but what Kubernetes has not heard of its node. */
  isLeftAlone(uid: string, routeUid: string): boolean;
  /** Whether the route of this UID is gone, or about to be. */
  isLeaving(uid: string): boolean;
  isNewer(uid: string, than: string): boolean;
  /** On a fabric that is led: the node that gets a packet for the address. */
  leadsTo?(address: string): string | undefined;
  isLate?(address: string): boolean;
  /** On a fabric that is led: whether anything of the route is left there, but for what somebody's call made who leads no more. */
  holds?(routeUid: string): boolean;
  /** Whether a Pod, a node or the user has done anything lately that can cost a Pod its address. */
  isQuiet(): boolean;
}

export class Checks {
  readonly violations: Violation[] = [];
  readonly history = new History();
  /** On a fabric that is led. */
  readonly leads: LeadChecks | undefined;

  /** Of what the agents do. */
  readonly nodes: NodeChecks;

  constructor(
    private readonly world: World,
    private readonly addresses: readonly string[],
  ) {
    const { leadsTo } = world;
    const now = (): number => world.now();
    const fail = (invariant: number, text: string): void => this.fail(invariant, text);
    if (leadsTo !== undefined) {
      const isLate = (address: string): boolean => world.isLate?.(address) === true;
      this.leads = new LeadChecks({ now, leadsTo, isLate, fail }, this.history, addresses);
    }
    this.nodes = new NodeChecks({ now, fail }, this.history, addresses, this.leads);
  }

  fail(invariant: number, text: string): void {
    this.violations.push({ invariant, at: Math.round(this.world.now()), text });
  }

  onCommit(commit: Commit): void {
    const { resource } = commit;
    if (resource.plural === RESOURCES.addressBindings.plural) this.#onBinding(commit);
    if (resource.plural === RESOURCES.gkeIpRoutes.plural) this.#onRoute(commit);
  }

  // 1: one owner per epoch, epochs grow; 2 and 4: a node that may still answer is not lost sight of.
  #onBinding(commit: Commit): void {
    const before = commit.before as AddressBinding | undefined;
    const after = commit.after as AddressBinding | undefined;
    const address = (after ?? before)?.metadata.name ?? "";
    if (before !== undefined && after !== undefined) this.#compare(address, before, after);
    if (before !== undefined && after === undefined) this.#deleted(address, before);
    const { nodeName = "", standby } = after?.spec ?? {};
    if (standby !== undefined && (nodeName === "" || standby.nodeName === nodeName)) {
      this.fail(1, `${address}: ${standby.podName} on ${standby.nodeName} is the standby for a Pod on "${nodeName}"`);
    }
    this.history.note(commit, this.world.now(), this.world.author());
    this.leads?.onBinding(before, after);
  }

  #compare(address: string, before: AddressBinding, after: AddressBinding): void {
    const [was, is] = [before.spec, after.spec];
    if (is.epoch < was.epoch) this.fail(1, `${address}: epoch went from ${was.epoch} to ${is.epoch}`);
    const identity = ({ spec }: AddressBinding): string =>
      JSON.stringify([spec.nodeName, spec.owner?.podUid, spec.owner?.podIp, spec.delivery, spec.route.uid]);
    if (is.epoch === was.epoch) {
      if (identity(before) !== identity(after)) {
        this.fail(1, `${address}: epoch ${is.epoch} was ${identity(before)} and is ${identity(after)}`);
      }
      this.#sameEpoch(address, before, after);
    } else this.#newEpoch(address, before, after);
  }

  #sameEpoch(address: string, before: AddressBinding, after: AddressBinding): void {
    const former = before.spec.releasing;
    if (former === undefined) return;
    const released = hasReleased(before, former.nodeName, former.epoch);
    const node = this.world.nodeReady(former.nodeName);
    if (after.spec.releasing === undefined) {
      if (!released && node.exists && node.unreadySince === undefined) {
        this.fail(2, `${address}: node ${former.nodeName} is Ready, has not let go, and is no longer tracked`);
      }
    } else if (former.wait && !after.spec.releasing.wait && !released) {
      // On a fabric that is led it counts from when the packets go to the new node.
      const history = this.history.of(address);
      const since =
        this.leads && history.last ? (this.leads.saidSince(history.last) ?? Infinity) : history.askedSince(former);
      if (!(this.world.now() - since >= HANDOVER_MS) && node.exists && node.unreadySince === undefined) {
        this.fail(1, `${address}: stopped waiting for node ${former.nodeName} after ${this.world.now() - since} ms`);
      }
    }
  }

  #newEpoch(address: string, before: AddressBinding, after: AddressBinding): void {
    const { nodeName, owner, releasing: pending } = before.spec;
    const alive = owner !== undefined && this.world.podExists(owner.podUid);
    if (alive) this.#taken(address, before, after);
    if (owner === undefined || nodeName === after.spec.nodeName || !this.world.nodeReady(nodeName).exists) return;
    const mayHaveSpoken = this.history.of(address).last?.mayAnnounce === true;
    const tracked = after.spec.releasing?.nodeName;
    const expected = mayHaveSpoken ? nodeName : (pending?.nodeName ?? nodeName);
    // A node that has not answered for so long need not be tracked any more; who comes after it must be.
    const history = this.history.of(address);
    const askedAt = pending === undefined ? (history.last?.since ?? 0) : history.askedSince(pending);
    const late = this.world.now() - askedAt >= HANDOVER_MS && tracked === nodeName;
    const there = this.world.nodeReady(expected).exists;
    if (tracked !== expected && expected !== after.spec.nodeName && there && !late) {
      this.fail(
        2,
        `${address}: epoch ${after.spec.epoch} lost sight of node ${expected} (tracks ${tracked ?? "none"})`,
      );
    }
    if (after.spec.owner === undefined || !mayHaveSpoken) return;
    const node = this.world.nodeReady(nodeName);
    if (alive && node.exists && node.unreadySince === undefined && after.spec.releasing?.wait !== true) {
      this.fail(1, `${address}: epoch ${after.spec.epoch} does not wait for node ${nodeName}, whose Pod lives`);
    }
  }

  // 2: a Pod to which nothing happened keeps what it has, unless a newer one comes. Cannot see: what follows within seconds of
  // something else; a node whose agent did not run.
  #taken(address: string, before: AddressBinding, { spec }: AddressBinding): void {
    const { owner, nodeName, route } = before.spec;
    if (owner === undefined || !this.world.isQuiet()) return;
    const next = spec.owner;
    if (next === undefined && this.world.isLeftAlone(owner.podUid, route.uid) && !this.world.isLeaving(route.uid)) {
      return this.fail(2, `${address}: was taken from ${owner.podName}, to which nothing had happened`);
    }
    const refused = before.status?.acks?.some(
      (ack) => ack.nodeName === nodeName && ack.epoch === before.spec.epoch && ack.state === "Failed",
    );
    if (next === undefined || next.podUid === owner.podUid || spec.route.uid !== route.uid || refused) return;
    if (this.world.isLeftAlone(owner.podUid, route.uid) && !this.world.isNewer(next.podUid, owner.podUid)) {
      this.fail(2, `${address}: went from ${owner.podName}, to which nothing had happened, to ${next.podName}`);
    }
  }

  #deleted(address: string, { spec, status }: AddressBinding): void {
    if (spec.owner !== undefined) this.fail(2, `${address}: the binding was deleted while a Pod had the address`);
    const former = spec.releasing;
    const node = former && this.world.nodeReady(former.nodeName);
    if (former === undefined || node?.exists !== true || node.unreadySince !== undefined) return;
    const ack = status?.acks?.find(({ nodeName }) => nodeName === former.nodeName);
    if (ack?.state !== "Released" || ack.epoch < former.epoch) {
      this.fail(2, `${address}: the binding was deleted before node ${former.nodeName} let go`);
    }
  }

  // 5: Ready is True only by acknowledgements for the newest owner, whoever has given it the address. Cannot see: what another controller
  // writes while this one, which has just read what there is, writes its word; what a call has made of it in the cloud that was sent by
  // somebody who leads no more.
  #onRoute(commit: Commit): void {
    const route = commit.after as GKEIPRoute | undefined;
    const was = commit.before as GKEIPRoute | undefined;
    if (route === undefined) {
      if (was !== undefined) this.#routeGone(was);
      return;
    }
    const ready = route.status?.conditions?.find(({ type }) => type === "Ready");
    if (ready?.status !== "True" || !this.world.author().startsWith("controller")) return;
    const current = (ready.observedGeneration ?? 0) === route.metadata.generation;
    for (const { value = "" } of current ? (route.spec.addresses ?? []) : []) {
      const address = value.replace("/32", "");
      const { grants } = this.history.of(address);
      const grant = grants.at(-1);
      const arrives = grant !== undefined && (this.leads === undefined || this.leads.hasArrived(grant));
      const served = arrives && grant.announced && grant.route === route.metadata.uid;
      const atOnce = grant !== undefined && this.world.now() - grant.since < AT_ONCE_MS;
      if (atOnce && grant.by !== this.world.author()) continue;
      if (!served) this.fail(5, `route ${route.metadata.name} is Ready, but nobody serves ${address} for it`);
    }
  }

  #routeGone({ metadata }: GKEIPRoute): void {
    if (this.world.holds?.(metadata.uid ?? "") === true) {
      this.fail(2, `route ${metadata.name} is gone, and the cloud still has something of it`);
    }
    for (const address of this.addresses) {
      const history = this.history.of(address);
      const last = history.last;
      if (!history.deleted && last?.route === metadata.uid && last?.podUid !== undefined) {
        this.fail(2, `route ${metadata.name} is gone, and ${address} still has its Pod`);
      }
    }
  }
}

function hasReleased({ status }: AddressBinding, nodeName: string, epoch: number): boolean {
  const ack = status?.acks?.find((one) => one.nodeName === nodeName);
  return ack?.state === "Released" && ack.epoch >= epoch;
}
