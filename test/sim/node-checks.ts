// The invariants on the nodes: what agents put into the kernels and take out again, what they say on the segment, and where packets
// go. Each check says what it cannot see.
import { UPLINK } from "../agent/memory-kernel";
import type { Grant, History } from "./history";
import type { LeadChecks } from "./lead-checks";
import { FOREIGN_PROXY, type SimNode } from "./node";
import type { Fate } from "./segment";
import type { KernelStep } from "./sim-kernel";

/** An agent that runs, sees its node's events and is not paused has put right what an interface change made wrong. */
const REACTION_MS = 1_000;

interface Entry {
  readonly grant: Grant;
  readonly ifindex: number | undefined;
}

/** When an agent first programmed an epoch, and by which interface. */
interface First {
  readonly at: number;
  readonly ifindex: number | undefined;
}

export interface NodeWorld {
  now(): number;
  fail(invariant: number, text: string): void;
}

export class NodeChecks {
  /** What the agent of a node has put into its kernel, and for which epoch. */
  readonly #entries = new Map<string, Entry>();
  /** By node, address and order. */
  readonly #first = new Map<string, First>();
  /** Packets that went astray because the binding named a Pod address that already was another Pod's. */
  strays = 0;

  constructor(
    private readonly world: NodeWorld,
    private readonly history: History,
    private readonly addresses: readonly string[],
    /** On a fabric that is led. */
    private readonly leads: LeadChecks | undefined,
  ) {}

  // 1, 2, 8 in the kernel: what an agent may put there, and when it may take it away.
  onStep({ node, address, before, after }: KernelStep): "lets go" | undefined {
    const history = this.history.of(address);
    const key = `${node.name} ${address}`;
    const [had, has] = [podIpOf(before), podIpOf(after)];
    const via = nextHopOf(after);
    const routed = via === undefined || via === nextHopOf(before) ? undefined : history.grantTo(node.name, via);
    if (routed !== undefined) this.#firstOf(node, routed);
    if (has !== undefined && has !== had) {
      const grant = history.grantTo(node.name, has);
      if (grant === undefined) this.world.fail(1, `${key}: delivers to ${has}, which was never granted`);
      else {
        if (!history.permits(node.name, grant)) {
          this.world.fail(1, `${key}: delivers for epoch ${grant.epoch} after it acknowledged a higher one`);
        }
        this.#entries.set(key, { grant, ifindex: this.#firstOf(node, grant).ifindex });
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
      this.world.fail(1, `${node.name} answers for ${address}, epoch ${grant.epoch}, before the old node let go`);
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
      return this.world.fail(2, `${key}: epoch ${entry.grant.epoch} was taken away without a higher one (had ${had})`);
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
      this.world.fail(2, `${key}: let go${forwards ? ", forwarding," : ""} before node ${next.nodeName} was ready`);
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
    if (!ours) this.world.fail(7, `${node.name}: the agent ran "${line}"`);
    if (node.kernel.proxies.get(FOREIGN_PROXY) !== "foreign")
      this.world.fail(7, `${node.name}: a foreign entry is gone`);
  }

  onTeardown(node: SimNode): void {
    const left = this.addresses.filter((address) => {
      const entry = this.#entries.get(`${node.name} ${address}`);
      return node.kernel.paths.has(address) && entry !== undefined && entry.grant.ended === undefined;
    });
    if (left.length > 0) this.world.fail(2, `${node.name}: the base goes while ${left.join()} is still routed`);
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
    if (!entitled) this.world.fail(1, `${node.name} announces ${address} without being entitled to`);
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
      this.world.fail(
        1,
        `${node.name} answers for ${address} after it was cut off or told, though it had become another node's`,
      );
    }
    const released = history.released.get(node.name) ?? -1;
    const entry = this.#entries.get(`${node.name} ${address}`);
    if (entry !== undefined && entry.grant.order <= released) {
      this.world.fail(1, `${node.name} answers for ${address} after it said Released for epoch ${entry.grant.epoch}`);
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
    const first = grant && this.#first.get(firstKey(node, grant));
    if (first !== undefined && first.at >= since && !node.tellsPods) return void this.strays++;
    this.world.fail(8, `a packet for ${address} reached Pod ${uid.slice(-3)} on ${node.name}, by ${way}`);
  }

  #ifindex(node: SimNode, podIp: string): number | undefined {
    const hop = node.kernel.hops.get(podIp);
    return hop === undefined || hop === "unreachable" ? undefined : hop.ifindex;
  }

  /** As it was then; a route to the Pod may be there before what translates to it. */
  #firstOf(node: SimNode, grant: Grant): First {
    const key = firstKey(node, grant);
    const first = this.#first.get(key) ?? { at: this.world.now(), ifindex: this.#ifindex(node, grant.podIp ?? "") };
    this.#first.set(key, first);
    return first;
  }
}

const firstKey = (node: SimNode, { address, order }: Grant): string => `${node.name} ${address} ${order}`;

function podIpOf(footprint: KernelStep["before"]): string | undefined {
  return footprint.natPod ?? nextHopOf(footprint);
}

function nextHopOf({ path }: KernelStep["before"]): string | undefined {
  return path !== undefined && path.dev !== UPLINK ? path.via : undefined;
}

function speaks({ path, proxy }: KernelStep["before"]): boolean {
  return proxy && path !== undefined && path.dev !== UPLINK;
}
