// The invariants of the design, checked after every step from what the API server held (history), what the kernels hold
// and where packets go. Nothing here calls `decide` or `plan`. Each check says what it cannot see.
import type { AddressBinding } from "../../lib/model/binding";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES } from "../../lib/model/kubernetes";
import type { Commit } from "../support/memory-server";
import { UPLINK } from "../agent/memory-kernel";
import { History, type Grant } from "./history";
import { LeadChecks } from "./lead-checks";
import { FOREIGN_PROXY, type SimNode } from "./node";
import type { KernelStep } from "./sim-kernel";
import type { Fate } from "./segment";

export interface Violation {
  /** Number of the invariant in the design. */
  readonly invariant: number;
  readonly at: number;
  readonly text: string;
}

/** After this long an old node that does not answer need not be waited for (the product's promise, on purpose written again). */
const HANDOVER_MS = 5_000;
/** An agent that runs, sees its node's events and is not paused has put right what an interface change made wrong. */
const REACTION_MS = 1_000;
/** From reading what there is to writing what follows from it, and as long for whoever writes meanwhile. */
const AT_ONCE_MS = 20;

interface Entry {
  readonly grant: Grant;
  readonly ifindex: number | undefined;
}

/** What the checks ask the world. */
export interface World {
  now(): number;
  /** Who writes at the moment. */
  author(): string;
  nodeReady(name: string): { readonly exists: boolean; readonly readyNow: boolean; readonly unreadySince?: number };
  podExists(uid: string): boolean;
  /** Whether nothing speaks against the Pod but what Kubernetes has not heard of its node. */
  isLeftAlone(uid: string): boolean;
  /** Whether the route of this UID is gone, or about to be. */
  isLeaving(uid: string): boolean;
  isNewer(uid: string, than: string): boolean;
  /** On a fabric that is led: the node that gets a packet for the address. */
  leadsTo?(address: string): string | undefined;
  isLate?(address: string): boolean;
  /** On a fabric that is led: whether anything of the route is left there. */
  holds?(routeUid: string): boolean;
  /** Whether a Pod, a node or the user has done anything lately that can cost a Pod its address. */
  isQuiet(): boolean;
}

export class Checks {
  readonly violations: Violation[] = [];
  readonly history = new History();
  /** What the agent of a node has put into its kernel, and for which epoch. */
  readonly #entries = new Map<string, Entry>();
  /** When an agent first programmed an epoch: node, address and order. */
  readonly #first = new Map<string, { readonly at: number; readonly ifindex: number | undefined }>();
  /** Packets that went astray because the binding named a Pod address that already was another Pod's. */
  strays = 0;

  /** On a fabric that is led. */
  readonly leads: LeadChecks | undefined;

  constructor(private readonly world: World) {
    const { leadsTo } = world;
    if (leadsTo === undefined) return;
    const fail = (invariant: number, text: string): void => this.fail(invariant, text);
    this.leads = new LeadChecks(
      { now: () => world.now(), leadsTo, isLate: (address) => world.isLate?.(address) === true, fail },
      this.history,
      () => this.addresses,
    );
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
    const late = this.world.now() - (this.history.of(address).last?.since ?? 0) >= HANDOVER_MS && tracked === nodeName;
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
    if (next === undefined && this.world.isLeftAlone(owner.podUid) && !this.world.isLeaving(route.uid)) {
      return this.fail(2, `${address}: was taken from ${owner.podName}, to which nothing had happened`);
    }
    const refused = before.status?.acks?.some(
      (ack) => ack.nodeName === nodeName && ack.epoch === before.spec.epoch && ack.state === "Failed",
    );
    if (next === undefined || next.podUid === owner.podUid || spec.route.uid !== route.uid || refused) return;
    if (this.world.isLeftAlone(owner.podUid) && !this.world.isNewer(next.podUid, owner.podUid)) {
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
  // writes while this one, which has just read what there is, writes its word.
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
      const arrives = grant !== undefined && (this.leads === undefined || this.leads.hasLed(grant));
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

  addresses: readonly string[] = [];

  // 1, 2, 8 in the kernel: what an agent may put there, and when it may take it away.
  onKernelStep({ node, address, before, after }: KernelStep): "lets go" | undefined {
    const history = this.history.of(address);
    const key = `${node.name} ${address}`;
    const [had, has] = [podIpOf(before), podIpOf(after)];
    if (has !== undefined && has !== had) {
      const grant = history.grantTo(node.name, has);
      if (grant === undefined) this.fail(1, `${key}: delivers to ${has}, which was never granted`);
      else {
        if (!history.permits(node.name, grant)) {
          this.fail(1, `${key}: delivers for epoch ${grant.epoch} after it acknowledged a higher one`);
        }
        const first = `${key} ${grant.order}`;
        const seen = this.#first.get(first) ?? { at: this.world.now(), ifindex: this.#ifindex(node, has) };
        this.#first.set(first, seen);
        this.#entries.set(key, { grant, ifindex: seen.ifindex });
      }
    }
    const spoke = speaks(before);
    if (!spoke && speaks(after)) this.#startsToSpeak(node, address);
    if (had === undefined || has === had) return undefined;
    this.#letsGo(node, address, had, has, after.forward);
    return "lets go";
  }

  #startsToSpeak(node: SimNode, address: string): void {
    const grant = this.#entries.get(`${node.name} ${address}`)?.grant;
    if (grant === undefined) return;
    // The entry was put there for this epoch, and may stand for the next ones of the same Pod.
    const history = this.history.of(address);
    const last = history.grantTo(node.name, grant.podIp ?? "") ?? grant;
    const granted = [grant, last, ...history.unfinished(node.name, grant)];
    const mayAnnounce = granted.some((one) => one.mayAnnounce || one.releasing?.nodeName === node.name);
    if (!mayAnnounce) {
      this.fail(1, `${node.name} answers for ${address}, epoch ${grant.epoch}, before the old node let go`);
    }
  }

  #letsGo(node: SimNode, address: string, had: string, has: string | undefined, forwards: boolean): void {
    const key = `${node.name} ${address}`;
    const entry = this.#entries.get(key);
    const history = this.history.of(address);
    if (entry === undefined) return;
    if (has === undefined) this.#entries.delete(key);
    // It may have gone between two stages of the change that put the entry there.
    const gone = entry.ifindex === undefined || this.#ifindex(node, had) !== entry.ifindex;
    const higher = history.grants.filter(({ order }) => order > entry.grant.order);
    if (gone || (history.deleted && history.last?.order === entry.grant.order)) return;
    // An agent that is behind sees the epochs one by one, also one in which this very Pod had lost the address.
    const served = history.served.get(node.name) ?? -1;
    if (history.grants.some(({ order }) => served < order && order < entry.grant.order)) return;
    const next = higher.at(-1);
    if (next === undefined) {
      return this.fail(2, `${key}: epoch ${entry.grant.epoch} was taken away without a higher one (had ${had})`);
    }
    const moved = has === undefined && next.podUid !== undefined && next.nodeName !== node.name;
    const tracked = next.releasing?.nodeName === node.name;
    // What the node knows may be an epoch that has ended since: one in which nobody waited for it, or one without an owner, which
    // takes the address from its Pod at once. Cannot see: which of the epochs it acted on.
    const asked = higher.some(({ podUid, unwaited }) => unwaited || podUid === undefined);
    // Where the packets are led, it is their going elsewhere that lets a node go.
    if (this.leads !== undefined) {
      if (moved && tracked && !asked && next.ended === undefined) this.leads.onLetsGo(address, node.name);
      return;
    }
    const wasReady = asked || higher.some(({ programmed }) => programmed);
    if (moved && tracked && !wasReady && next.ended === undefined) {
      this.fail(2, `${key}: let go${forwards ? ", forwarding," : ""} before node ${next.nodeName} was ready`);
    }
  }

  /** An entry that was not put there by an agent's change went with its interface or by somebody's hand. */
  forget(node: SimNode, address?: string): void {
    for (const key of [...this.#entries.keys()]) {
      if (address === undefined ? key.startsWith(`${node.name} `) : key === `${node.name} ${address}`) {
        this.#entries.delete(key);
      }
    }
  }

  // 7: every line is about our table, our rule, or a proxy neighbour of an address of ours. Cannot see: what the real
  // programs do besides what the line says.
  onLine(node: SimNode, line: string): void {
    const proxy = /^neigh \w+ proxy (\S+) /.exec(line)?.[1];
    const thrown = /^route (?:prepend|del) throw (\S+)\/32 table 255 proto 153$/.exec(line)?.[1];
    const ours =
      / table 7421\b/.test(line) ||
      (thrown !== undefined && this.addresses.includes(thrown)) ||
      /^rule (add|del) pref 700 lookup 7421\b/.test(line) ||
      /\b(ip|netdev) pip_agent\b/.test(line) ||
      line === "(table)" ||
      /^ntable change name arp_cache dev eth0 proxy_delay \d+$/.test(line) ||
      (proxy !== undefined && this.addresses.includes(proxy));
    if (!ours) this.fail(7, `${node.name}: the agent ran "${line}"`);
    if (node.kernel.proxies.get(FOREIGN_PROXY) !== "foreign") this.fail(7, `${node.name}: a foreign entry is gone`);
  }

  onTeardown(node: SimNode): void {
    const left = this.addresses.filter((address) => {
      const entry = this.#entries.get(`${node.name} ${address}`);
      return node.kernel.paths.has(address) && entry !== undefined && entry.grant.ended === undefined;
    });
    if (left.length > 0) this.fail(2, `${node.name}: the base goes while ${left.join()} is still routed`);
  }

  // 1 on the wire: who sends an announcement was entitled to it, and has not let go since.
  onAnnouncement(node: SimNode, address: string): void {
    const history = this.history.of(address);
    const entitled = history.grants.some(
      (grant) =>
        grant.nodeName === node.name &&
        (grant.mayAnnounce || grant.releasing?.nodeName === node.name) &&
        grant.order > (history.released.get(node.name) ?? -1),
    );
    if (!entitled) this.fail(1, `${node.name} announces ${address} without being entitled to`);
  }

  /** A node that nobody could hear for long is heard again. */
  onHealed(node: SimNode): void {
    for (const address of this.addresses) {
      const last = this.history.of(address).last;
      if (last !== undefined && last.nodeName !== node.name) node.outlawed.set(address, last.order);
    }
  }

  // 1: a node that has said Released is silent until it is granted again; so is one that was cut off from everybody. Cannot
  // see: a node whose agent did not run all that time, or that was cut off too shortly to know.
  onArp(node: SimNode, address: string): void {
    const history = this.history.of(address);
    const order = node.outlawed.get(address);
    if (order !== undefined && !history.grants.some((one) => one.order > order && one.nodeName === node.name)) {
      this.fail(
        1,
        `${node.name} answers for ${address} after it was cut off or told, though it had become another node's`,
      );
    }
    const released = history.released.get(node.name) ?? -1;
    const entry = this.#entries.get(`${node.name} ${address}`);
    if (entry !== undefined && entry.grant.order <= released) {
      this.fail(1, `${node.name} answers for ${address} after it said Released for epoch ${entry.grant.epoch}`);
    }
  }

  // 8: a packet reaches only a Pod that was granted the address on a node that has not let go of it since. Cannot see:
  // a Pod that lost the address to another node which its own node has not heard of yet; that is bounded by 9. Does not
  // count, but numbers as strays: a Pod address that had become another Pod's before the agent first read the binding,
  // on a node whose runtime does not say whose a Pod address is.
  onFate(address: string, fate: Fate): void {
    if (fate.end !== "pod") return;
    const { node, uid, way } = fate;
    if (this.history.of(address).allows(node.name, uid)) return;
    // nat finds its Pod by address: until the agent has seen that the interface changed, nothing can know.
    const since = node.upSince(uid);
    const fine = Math.max(since, node.agentFineSince ?? Number.POSITIVE_INFINITY);
    const noChance = node.passSawAt < since && this.world.now() - fine < REACTION_MS;
    if (way === "nat" && (noChance || node.agentFineSince === undefined) && node.passSawAt < since) return;
    const grant = this.history.of(address).grantTo(node.name, node.ipOf(uid) ?? "");
    const first = grant && this.#first.get(`${node.name} ${address} ${grant.order}`);
    if (first !== undefined && first.at >= since && !node.tellsPods) return void this.strays++;
    this.fail(8, `a packet for ${address} reached Pod ${uid.slice(-3)} on ${node.name}, by ${way}`);
  }

  #ifindex(node: SimNode, podIp: string): number | undefined {
    const hop = node.kernel.hops.get(podIp);
    return hop === undefined || hop === "unreachable" ? undefined : hop.ifindex;
  }
}

function hasReleased({ status }: AddressBinding, nodeName: string, epoch: number): boolean {
  const ack = status?.acks?.find((one) => one.nodeName === nodeName);
  return ack?.state === "Released" && ack.epoch >= epoch;
}

function podIpOf({ path, natPod }: KernelStep["before"]): string | undefined {
  return natPod ?? (path !== undefined && path.dev !== UPLINK ? path.via : undefined);
}

function speaks({ path, proxy }: KernelStep["before"]): boolean {
  return proxy && path !== undefined && path.dev !== UPLINK;
}
