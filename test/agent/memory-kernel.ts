// A kernel in memory that understands exactly the lines that the agent writes, and refuses what the real one refuses:
// deleting what is not there, a second value for a key, elements of a table that does not exist.
import type { Forgotten } from "../../controller-image/src/agent/conntrack";
import type { Stale } from "../../controller-image/src/agent/forgetting";
import type { Kernel } from "../../controller-image/src/agent/kernel";
import type { KernelChanges } from "../../controller-image/src/agent/plan";
import {
  type Device,
  FALLBACK_METRIC,
  type Hop,
  type Interval,
  type KernelState,
  type Path,
  ROUTE_TABLE,
  type RoutesOf,
} from "../../controller-image/src/agent/state";
import type { RuntimeRecord } from "../../controller-image/src/agent/sandboxes";
import { ACCEPT_MARKED } from "../../controller-image/src/agent/forward";
import { addressToNumber } from "../../lib/model/address";
import { MemoryFences } from "./memory-fences";

export const UPLINK = "eth0";
export const MAC = "02:00:00:00:00:01";

const FORWARD_HANDLE = 7;

/** The Pod's own interface, or the way to another node. */
export function podHop(dev: string, ifindex: number): Hop {
  return { dev, ifindex, kind: "veth", local: false };
}

export const segmentHop: Hop = { dev: UPLINK, ifindex: 2, kind: "", local: false };

/** Every Pod's inside, but for its addresses and the name of its namespace. */
const POD_SIDE = { device: "eth0", ifindex: 2 };

interface Table {
  readonly sets: Map<string, Set<string>>;
  readonly maps: Map<string, Map<string, string>>;
  cluster: Interval[];
  zones: boolean;
  delay?: number;
}

export class MemoryKernel implements Kernel {
  rule = false;
  readonly paths = new Map<string, Path>();
  readonly fallbacks = new Set<string>();
  readonly thrown = new Set<string>();
  /** What the guest agent has made the node's own. */
  readonly claimed = new Set<string>();
  readonly proxies = new Map<string, "ours" | "foreign">();
  table: Table | undefined;
  proxyDelay = 800;
  /** Of the uplink. */
  uplinkMac = MAC;
  /** Whether the uplink passes on what arrives there. */
  uplinkForwards = true;
  /** Addresses that interfaces of the node have. */
  readonly own = new Set<string>();
  /** Proxy neighbours of ours on interfaces that were the uplink once, by interface. */
  readonly astray = new Map<string, string>();
  /** The rest of the node, as the test wants it. */
  readonly hops = new Map<string, Hop | "unreachable">();
  readonly tunnels = new Set<string>();
  readonly bridges = new Set<string>();
  /** Addresses in Pods, by Pod address; nothing where no Pod may be entered. */
  insides: Map<string, Map<string, "ours" | "foreign">> | undefined;
  /** Whether each bridge port sends back. */
  readonly ports = new Map<string, boolean>();
  /** What the container runtime says; nothing where it says nothing. */
  sandboxes: RuntimeRecord[] | undefined;
  readonly fences = new MemoryFences();
  /** Whether the node's FORWARD chain drops what nobody accepts. */
  forwardDrops = false;
  #marked = false;
  /** Ports of the bridges that routes lead over. */
  readonly routePorts = new Map<string, string | undefined>();
  /** Lines that were carried out, in order. */
  readonly lines: string[] = [];
  readonly forgotten: Stale[] = [];
  /** Whether its table of connections has zones. */
  zones = true;
  /** Answers why a line is refused. */
  refuse: (line: string) => string | undefined = () => undefined;
  #onEvent: () => void = () => undefined;

  observe(ips: readonly string[]): Promise<KernelState> {
    return Promise.resolve(this.state(ips));
  }

  state(ips: readonly string[] = [...this.hops.keys()]): KernelState {
    const { table } = this;
    const set = (name: string): Set<string> => new Set(table?.sets.get(name));
    const map = (name: string): Map<string, string> => new Map(table?.maps.get(name));
    const routed = new Set([...this.paths.keys(), ...this.fallbacks]);
    return {
      rule: this.rule,
      routes: new Map([...routed].map((a) => [a, this.#routesOf(a)])),
      thrown: new Set(this.thrown),
      claimed: new Set(this.claimed),
      own: new Set(this.own),
      astray: [...this.astray].map(([dev, address]) => ({ address, dev })),
      proxies: new Map(this.proxies),
      nft: {
        base: table === undefined ? "absent" : "current",
        app: set("pips"),
        forward: set("pip_forward"),
        stray: set("strays"),
        nat: set("nat_pips"),
        zones: table?.zones === true,
        zoneOf: new Map([...map("pip_zone")].map(([address, zone]) => [address, Number(zone)])),
        podOf: map("pip_to_pod"),
        egressOf: map("pod_to_pip"),
        hairpinOf: map("hairpin"),
        cluster: table?.cluster ?? [],
        tunnels: set("tunnels"),
        bridges: new Set([...set("bridges")].map((pair) => pair.split(" . ")[0]!)),
        hairpinPorts: set("hairpin_ports"),
        insideOf: map("inside"),
        proxyDelayBefore: table?.delay,
      },
      links: {
        tunnels: new Set(this.tunnels),
        bridges: new Set(this.bridges),
        ports: new Map([...this.ports].map(([port, hairpin]) => [port, { hairpin }])),
      },
      pods:
        this.insides &&
        new Map(
          [...this.insides].map(([ip, addresses]) => [
            ip,
            { ...POD_SIDE, namespace: `ns-${ip}`, addresses: new Map(addresses) },
          ]),
        ),
      devices: this.#devices(),
      fences: this.fences.state(),
      forward: { drops: this.forwardDrops, accepted: this.#marked, ours: this.#marked ? [FORWARD_HANDLE] : [] },
      hops: new Map(ips.map((ip) => [ip, this.hops.get(ip) ?? "unreachable"])),
      uplink: { mac: this.uplinkMac, proxyDelay: this.proxyDelay, forwards: this.uplinkForwards },
      sandboxes: this.sandboxes && [...this.sandboxes],
    };
  }

  apply(changes: KernelChanges): Promise<ReadonlyMap<string, string>> {
    return Promise.resolve(this.carryOut(changes));
  }

  /** Synchronously, for the tests of the plan alone. */
  carryOut({ setup, base, steps, finish, cleanup, teardown }: KernelChanges): Map<string, string> {
    const failed = new Map<string, string>();
    const attempt = (address: string, lines: readonly string[]): void => {
      for (const line of lines) {
        const why = this.refuse(line);
        if (why !== undefined) failed.set(address, why);
        else this.#line(line);
      }
    };
    const working = () => steps.filter(({ address }) => !failed.has(address));
    const inPods = (way: "first" | "leave" | "enter"): void => {
      for (const { address, pods } of working()) {
        for (const { namespace, lines } of pods[way]) {
          attempt(
            address,
            lines.map((line) => `${namespace}: ${line}`),
          );
        }
      }
    };
    inPods("first");
    for (const { address, early } of working()) attempt(address, early);
    setup.forEach((line) => this.#line(line));
    for (const { address, routes } of working()) attempt(address, routes);
    inPods("leave");
    this.#base(base);
    for (const { address, elements } of working()) attempt(address, elements.remove);
    for (const { address, elements } of working()) attempt(address, elements.add);
    inPods("enter");
    for (const { address, proxies } of working()) attempt(address, proxies);
    [...finish, ...teardown.ip, ...teardown.nft, ...cleanup].forEach((line) => this.#line(line));
    return failed;
  }

  forgetConnections(stale: readonly Stale[]): Promise<Forgotten> {
    this.forgotten.push(...stale);
    return Promise.resolve({ refused: new Map() });
  }

  watch(onEvent: () => void): () => void {
    this.#onEvent = onEvent;
    return () => (this.#onEvent = () => undefined);
  }

  /** As when the kernel reports a change. */
  event(): void {
    this.#onEvent();
  }

  /** A Pod's interface disappears, and with it every route over it. */
  dropInterface(dev: string): void {
    for (const [address, path] of this.paths) if (path.dev === dev) this.paths.delete(address);
    const ifindex = this.#devices().get(dev)?.ifindex;
    if (ifindex !== undefined) this.fences.dropInterface(ifindex);
    for (const [ip, hop] of this.hops) if (hop !== "unreachable" && hop.dev === dev) this.hops.delete(ip);
  }

  /** As `nft flush ruleset` does. */
  flushRuleset(): void {
    this.table = undefined;
    this.#marked = false;
    if (!this.fences.empty) this.fences.line("delete table netdev pip_agent");
  }

  get untouched(): boolean {
    const inPods = [...(this.insides?.values() ?? [])].some((addresses) => [...addresses.values()].includes("ours"));
    if (inPods) return false;
    const ours = [...this.proxies.values()].some((owner) => owner === "ours");
    const routes = this.paths.size + this.fallbacks.size + this.thrown.size;
    if (!this.fences.empty || this.#marked || this.astray.size > 0) return false;
    return !this.rule && routes === 0 && !ours && this.table === undefined && this.proxyDelay === 800;
  }

  #routesOf(address: string): RoutesOf {
    const port = this.routePorts.get(address);
    return {
      path: this.paths.get(address),
      fallback: this.fallbacks.has(address),
      ...(port === undefined ? {} : { port }),
    };
  }

  /** Those of Pods; a bridge has the first index of any hop over it. */
  #devices(): Map<string, Device> {
    const hops = [...this.hops.values()].filter(
      (hop) => hop !== "unreachable" && hop.dev !== UPLINK && hop.dev !== "lo",
    );
    return new Map(hops.map((hop) => [(hop as Hop).dev, { ifindex: (hop as Hop).ifindex, kind: (hop as Hop).kind }]));
  }

  #base(lines: readonly string[]): void {
    const rest = lines.filter((line) => /^(add|insert|flush|delete element) /.test(line));
    if (lines[0]?.startsWith("table ip pip_agent")) {
      const names = (kind: string): string[] =>
        lines.flatMap((line) => new RegExp(`^  ${kind} (\\S+) `).exec(line)?.[1] ?? []);
      this.table = {
        sets: new Map(names("set").map((name) => [name, new Set()])),
        maps: new Map(names("map").map((name) => [name, new Map()])),
        cluster: [],
        zones: lines.some((line) => line.includes("ct original zone set")),
      };
      this.lines.push("(table)");
    }
    rest.forEach((line) => this.#line(line));
  }

  #line(line: string): void {
    this.lines.push(line);
    if (this.fences.line(line)) return;
    if (line === ACCEPT_MARKED) return must(!this.#marked && (this.#marked = true), line);
    if (line === `delete rule ip filter FORWARD handle ${FORWARD_HANDLE}`)
      return must(this.#marked && !(this.#marked = false), line);
    const route = /^route (replace|del) (blackhole )?(\S+)\/32 (?:via (\S+) dev (\S+) )?(?:onlink )?table (\d+)/.exec(
      line,
    );
    if (route !== null) return this.#route(line, route);
    const thrown = /^route (prepend|del) throw (\S+)\/32 table 255 proto 153$/.exec(line);
    if (thrown?.[1] === "prepend") return must(!this.thrown.has(thrown[2]!) && !!this.thrown.add(thrown[2]!), line);
    if (thrown !== null) return must(this.thrown.delete(thrown[2]!), line);
    const proxy = /^neigh (replace|del) proxy (\S+) dev eth0/.exec(line);
    if (proxy?.[1] === "replace") return void this.proxies.set(proxy[2]!, "ours");
    if (proxy?.[1] === "del") return must(this.proxies.delete(proxy[2]!), line);
    const astray = /^neigh del proxy (\S+) dev (\S+)$/.exec(line);
    if (astray !== null) return must(this.astray.get(astray[2]!) === astray[1] && this.astray.delete(astray[2]!), line);
    const element = /^(add|delete) element ip pip_agent (\S+) \{ (.*) \}$/.exec(line);
    if (element !== null) return this.#element(line, element[1] === "add", element[2]!, element[3]!);
    const inPod = /^ns-(\S+): address (replace|del) (\S+)\/32 dev eth0/.exec(line);
    if (inPod !== null) {
      const addresses = this.insides?.get(inPod[1]!);
      must(addresses !== undefined, line);
      if (inPod[2] === "replace") return void addresses?.set(inPod[3]!, "ours");
      return must(addresses?.delete(inPod[3]!) === true, line);
    }
    const hairpin = /^link set dev (\S+) type bridge_slave hairpin (on|off)$/.exec(line);
    if (hairpin !== null) {
      must(this.ports.has(hairpin[1]!), line);
      return void this.ports.set(hairpin[1]!, hairpin[2] === "on");
    }
    const delay = /^ntable change name arp_cache dev eth0 proxy_delay (\d+)$/.exec(line);
    if (delay !== null) return void (this.proxyDelay = Number(delay[1]));
    const marker = /^add set ip pip_agent uplink_delay_(\d+) /.exec(line);
    if (marker !== null) return void (this.#present(line).delay = Number(marker[1]));
    if (line === "flush set ip pip_agent cluster") return void (this.#present(line).cluster = []);
    if (line.startsWith("rule add pref 700 lookup 7421")) return must(!this.rule && (this.rule = true), line);
    if (line.startsWith("rule del pref 700 lookup 7421")) return must(this.rule && !(this.rule = false), line);
    if (line === "delete table ip pip_agent")
      return must(this.table !== undefined && ((this.table = undefined), true), line);
    throw new Error(`the kernel does not understand: ${line}`);
  }

  #route(line: string, [, verb, blackhole, address = "", via = "", dev = "", table]: RegExpExecArray): void {
    must(Number(table) === ROUTE_TABLE, line);
    if (blackhole !== undefined) {
      must(line.includes(`metric ${FALLBACK_METRIC}`), line);
      if (verb === "replace") this.fallbacks.add(address);
      else must(this.fallbacks.delete(address), line);
    } else if (verb === "replace") this.paths.set(address, { via, dev });
    else must(this.paths.delete(address), line);
  }

  #element(line: string, add: boolean, name: string, quoted: string): void {
    const table = this.#present(line);
    const content = quoted.replaceAll('"', "");
    if (name === "cluster") return void (table.cluster = content.split(", ").map(interval));
    const set = table.sets.get(name);
    if (set !== undefined) return must(add ? !set.has(content) && !!set.add(content) : set.delete(content), line);
    const map = table.maps.get(name);
    const [rawKey = "", value = ""] = content.split(" : ");
    const [key = ""] = rawKey.split(" . ");
    if (map === undefined) throw new Error(`no such set: ${line}`);
    if (add) must(!map.has(key) && !!map.set(key, value), line);
    else must(map.get(key) === value && map.delete(key), line);
  }

  #present(line: string): Table {
    if (this.table === undefined) throw new Error(`there is no table: ${line}`);
    return this.table;
  }
}

function interval(text: string): Interval {
  const [first = "", last = first] = text.split("-");
  return { first: addressToNumber(first), last: addressToNumber(last) };
}

function must(done: boolean, line: string): void {
  if (!done) throw new Error(`the kernel refuses: ${line}`);
}
