// A node: power, cables, a kernel that outlives agents but no power cut, and the interfaces of its Pods.
import { MemoryKernel, podHop, segmentHop, UPLINK } from "../agent/memory-kernel";
import type { Sandbox } from "../../controller-image/src/agent/sandboxes";
import type { KernelState, Path } from "../../controller-image/src/agent/state";

/** What a kernel holds for one address, as far as the checks look at it. */
export interface Held {
  readonly path?: Path;
  readonly natPod?: string;
  readonly proxy: boolean;
  readonly forward: boolean;
}

export class NodeKernel extends MemoryKernel {
  constructor(readonly mac: string) {
    super();
  }

  /** Without a copy of everything, because the checks ask at every change. */
  held(address: string): Held {
    return {
      path: this.paths.get(address),
      natPod: this.table?.maps.get("pip_to_pod")?.get(address),
      proxy: this.proxies.get(address) === "ours",
      forward: this.table?.sets.get("pip_forward")?.has(address) === true,
    };
  }

  override state(ips?: readonly string[]): KernelState {
    return { ...super.state(ips), uplink: { mac: this.mac, proxyDelay: this.proxyDelay } };
  }
}

interface Interface {
  readonly dev: string;
  readonly uid: string;
  readonly upSince: number;
}

/** Somebody else's proxy neighbour, on every node; the address is none of ours. */
export const FOREIGN_PROXY = "198.51.100.200";

/**
 * A network plugin gives a Pod address away again only after some time. Shorter than this, an agent that is told of the
 * old Pod late cannot know that its address belongs to somebody else.
 */
const REUSE_AFTER_MS = 1_000;

export class SimNode {
  readonly name: string;
  readonly ip: string;
  kernel: NodeKernel;
  powered = true;
  /** How often it was started. */
  boots = 0;
  /** Whether the segment reaches it. */
  cabled = true;
  /** Whether its uplink has a carrier; it may have one and reach nobody. */
  carrier = true;
  /** Whether the node reaches the API server. */
  linked = true;
  /** Whether its kubelet runs. */
  kubelet = true;
  /** Since when nobody can have heard it and it nobody, its agent being well all that time. */
  aloneSince: number | undefined;
  /** After such a time: addresses that had become another node's, with the order of the newest grant then. */
  readonly outlawed = new Map<string, number>();
  /** When the last pass of an agent that went through looked at the kernel. */
  passSawAt = -1;
  /** Since when its agent runs, reaches the API server and is not paused; undefined while it does not. */
  agentFineSince: number | undefined;
  readonly #interfaces = new Map<string, Interface>();
  /** What the container runtime has on its disk: of which Pod each address is. Not every runtime keeps that. */
  readonly tellsPods: boolean;
  readonly #records: Sandbox[] = [];
  #freed: { readonly ip: string; readonly at: number }[] = [];
  #lastIndex = 10;
  #lastIp = 10;

  constructor(
    readonly index: number,
    private readonly now: () => number,
    private readonly others: readonly string[],
  ) {
    this.name = `node${index}`;
    this.ip = nodeIp(index);
    this.tellsPods = index < 3;
    this.kernel = this.#boot();
  }

  get onSegment(): boolean {
    return this.powered && this.cabled;
  }

  /** Whether anything happens to its Pods, and Kubernetes hears of it. */
  get kubeletWorks(): boolean {
    return this.powered && this.linked && this.kubelet;
  }

  answersArp(address: string): boolean {
    const { rule, proxies, paths } = this.kernel;
    const path = paths.get(address);
    return rule && path !== undefined && path.dev !== UPLINK && proxies.has(address);
  }

  /** UID of the Pod that has this Pod address now. */
  podAt(ip: string): string | undefined {
    return this.#interfaces.get(ip)?.uid;
  }

  podBehind(dev: string): string | undefined {
    return [...this.#interfaces.values()].find((found) => found.dev === dev)?.uid;
  }

  ipOf(uid: string): string | undefined {
    return [...this.#interfaces].find(([, found]) => found.uid === uid)?.[0];
  }

  uids(): string[] {
    return [...this.#interfaces.values()].map(({ uid }) => uid);
  }

  upSince(uid: string): number {
    return [...this.#interfaces.values()].find((found) => found.uid === uid)?.upSince ?? 0;
  }

  /** A Pod address: never used before, or the one that became free last, if that is long enough ago. */
  freeIp(reuse: boolean): string {
    const last = this.#freed.at(-1);
    if (reuse && last !== undefined && this.now() - last.at >= REUSE_AFTER_MS) return last.ip;
    return `10.244.${this.index}.${++this.#lastIp}`;
  }

  plug(uid: string, ip: string): void {
    const ifindex = ++this.#lastIndex;
    const dev = `veth${ifindex}`;
    this.#interfaces.set(ip, { dev, uid, upSince: this.now() });
    this.kernel.hops.set(ip, podHop(dev, ifindex));
    this.#freed = this.#freed.filter((other) => other.ip !== ip);
    this.#records.push({ podUid: uid, ips: [ip], since: this.now() });
    this.kernel.event();
  }

  unplug(uid: string): void {
    for (const [ip, found] of this.#interfaces) {
      if (found.uid !== uid) continue;
      this.#interfaces.delete(ip);
      this.#freed.push({ ip, at: this.now() });
      this.kernel.dropInterface(found.dev);
      this.#records.splice(
        this.#records.findIndex(({ podUid }) => podUid === uid),
        1,
      );
      this.kernel.event();
    }
  }

  /** Power off: the kernel and every interface are gone. What the runtime has written down is still there. */
  lose(): void {
    this.powered = false;
    for (const ip of this.#interfaces.keys()) this.#freed.push({ ip, at: this.now() });
    this.#interfaces.clear();
    this.kernel = this.#boot();
  }

  #boot(): NodeKernel {
    this.boots++;
    const kernel = new NodeKernel(`02:00:00:00:00:0${this.index}`);
    for (const ip of this.others) kernel.hops.set(ip, segmentHop);
    kernel.hops.set(this.ip, { dev: "lo", ifindex: 1, kind: "", local: true });
    kernel.proxies.set(FOREIGN_PROXY, "foreign");
    if (this.tellsPods) kernel.sandboxes = this.#records;
    return kernel;
  }
}

export const nodeIp = (index: number): string => `172.30.0.1${index}`;
