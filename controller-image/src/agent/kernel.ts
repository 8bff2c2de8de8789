// The node's kernel behind a small interface: one observation, one application of a plan, one stream of "look again".
// Batches, never one process per address (a process costs 3 to 9 ms, a line in a batch 0.02).
import { isDeepStrictEqual } from "node:util";

import type { Clock, Log } from "../kube/api";
import { asLines, type CommandResult, type Commands, IP_CHANGES, IP_QUESTIONS, mustSucceed } from "../fabric/commands";
import { errorText } from "../kube/log";
import { applyChanges } from "./applying";
import { type Forgotten, forgetConnections } from "./conntrack";
import { podNamespaces } from "./enter";
import { FENCE_TABLE, parseFences } from "./fence";
import { FORWARD_CHAIN, type ForwardState, isOfForward, NO_FORWARD, parseForward } from "./forward";
import {
  type Asking,
  hopLines,
  type IpState,
  isEndedByMissing,
  linkLines,
  neighbourLine,
  observationLines,
  parseNeighbours,
  parseNumbers,
  parseObservation,
  parsePorts,
  parseWays,
  records,
  ROUTES_APART,
  withPorts,
} from "./iproute";
import type { Stale } from "./forgetting";
import { LastLook } from "./last-look";
import { type Monitor, type Monitored, monitorKernel } from "./monitor";
import { parseTable } from "./nft";
import type { KernelChanges } from "./plan";
import { watchProxies } from "./proxies";
import { sandboxReader } from "./sandboxes";
import { type Hop, type KernelState, NFT_TABLE, NO_LINKS, UNTOUCHED_NFT } from "./state";

export interface Kernel {
  /**
   * What there is, as it was seen last if nothing has been heard since that speaks against it.
   *
   * @param ips addresses whose next hop is wanted
   */
  observe(ips: readonly string[], wanted?: Wanted): Promise<KernelState>;
  /** What was refused, by address; the others are in place. Fails when nothing can work. */
  apply(changes: KernelChanges): Promise<ReadonlyMap<string, string>>;
  /** Lets these connections be translated anew. */
  forgetConnections(stale: readonly Stale[]): Promise<Forgotten>;
  /** Calls back when something may have changed; the answer ends it. */
  watch(onEvent: () => void): () => void;
}

export interface Wanted {
  /** Addresses of the Pods that are to be looked into. */
  readonly pods: readonly string[];
  /** Whether what was seen before does not count. */
  readonly fresh: boolean;
  /** Addresses of Pods of which this will be the evidence: their next hops and insides are asked for, whatever is remembered. */
  readonly evidence?: readonly string[];
}

export interface KernelOptions {
  readonly uplink: string;
  readonly commands: Commands;
  readonly clock: Clock;
  readonly log: Log;
  /** Folder in which the container runtime keeps the results of CNI calls; without it Pods are told apart by address alone. */
  readonly cniResults?: string;
  /** Folder of the network namespaces of Pods; without it no Pod is entered. */
  readonly namespaces?: string;
}

/** Whether netfilter sees what a bridge carries; the file is absent while nothing has asked the kernel for that. */
const BRIDGE_FILTER = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const OUR_TABLE = ["ip", NFT_TABLE];
/** Shorter than the time between two looks without an event. */
const TRUST_MS = 20_000;
/**
 * A batch of questions that takes longer may have read 100,000 routes of others several times. Processes of their own for the routes
 * cost 4 ms each, however many others there are, and on a node that is only busy they would make it busier.
 */
const SLOW_MS = 50;
const MANY_ROUTES = 5_000;
/** What the kernel counts in each of its tables. */
const ROUTE_COUNTS = "/proc/net/fib_triestat";

export function linuxKernel(options: KernelOptions): Kernel {
  let watched: readonly string[] = [];
  let monitor: Monitor | undefined;
  const last = new LastLook<Seen>({ clock: options.clock, isTold: () => monitor?.listening() === true });
  const sandboxes = options.cniResults === undefined ? undefined : sandboxReader(options.cniResults, options.clock);
  const pods = options.namespaces === undefined ? undefined : podNamespaces(options.namespaces, options.commands);

  const forwardChain = slowly(options.clock, () => readForward(options.commands));
  const routeCounts = slowly(options.clock, () => options.commands.run(["cat", ROUTE_COUNTS]));
  const bridgeFilter = slowly(options.clock, () => options.commands.run(["cat", BRIDGE_FILTER]));
  let uplinkMissing = false;
  let manyRoutes = false;
  const askIp = async (ips: readonly string[], how: Asking): Promise<CommandResult> => {
    const ask = () => {
      const lines = observationLines(options.uplink, ips, { ...how, missing: uplinkMissing });
      return options.commands.run(IP_QUESTIONS, asLines(lines));
    };
    const answer = await ask().catch((error: unknown) => {
      if (isEndedByMissing(errorText(error))) return undefined;
      throw error;
    });
    if (answer !== undefined && !isEndedByMissing(answer.stderr)) return answer;
    uplinkMissing = true;
    return ask();
  };
  const observe = async (ips: readonly string[]): Promise<IpState> => {
    const began = options.clock.now();
    const how: Asking = { namespaces: pods !== undefined, apart: manyRoutes };
    const [ip, routes] = await Promise.all([
      askIp(ips, how),
      manyRoutes ? Promise.all(ROUTES_APART.map((argv) => routesApart(options.commands, argv))) : undefined,
    ]);
    if (!manyRoutes && options.clock.now() - began > SLOW_MS) manyRoutes = isMany(await routeCounts.read());
    return parseObservation(options.uplink, ips, ip.stdout, ip.stderr, how, routes);
  };
  const look = async (ips: readonly string[], again = false): Promise<Seen> => {
    const [seen, nft, netdev, filter, forward] = await Promise.all([
      observe(ips),
      options.commands.run(["nft", "-j", "list", "table", ...OUR_TABLE]),
      options.commands.run(["nft", "-j", "list", "table", ...FENCE_TABLE]),
      bridgeFilter.read(),
      forwardChain.read(),
    ]);
    const isBack = uplinkMissing && seen.uplink !== undefined;
    if (isBack) uplinkMissing = false;
    if ((isBack || seen.unsettled) && !again) {
      options.commands.renew?.();
      return look(ips, true);
    }
    const bridges = filter.stdout.trim() === "1" ? NO_LINKS.bridges : seen.links.bridges;
    return {
      ...seen,
      nft: isIn(nft, OUR_TABLE) ? parseTable(nft.stdout) : UNTOUCHED_NFT,
      links: { ...seen.links, bridges },
      fences: parseFences(isIn(netdev, FENCE_TABLE) ? netdev.stdout : ""),
      forward,
      ...(await portsOf(options.commands, seen)),
      // After the interfaces: what the runtime says then is true of the ones that were seen.
      sandboxes: await sandboxes?.(),
    };
  };

  const remembered = async (ips: readonly string[], evidence: readonly string[]): Promise<Seen | undefined> => {
    const known = last.get();
    if (known === undefined) return undefined;
    const asked = ips.filter((ip) => evidence.includes(ip) || !known.hops.has(ip));
    const hops = asked.length === 0 ? known.hops : await sameHops(options.commands, known, asked);
    if (hops === undefined || last.get() !== known) return undefined;
    const seen = { ...known, hops };
    last.extend(seen);
    // A folder of files tells nobody when it changes.
    return { ...seen, sandboxes: await sandboxes?.(), remembered: true };
  };
  const see = async (ips: readonly string[], evidence: readonly string[] = []): Promise<Seen> => {
    watched = [...new Set([...ips, ...(last.get()?.hops.keys() ?? [])])];
    return (await remembered(ips, evidence)) ?? (await last.look(() => look(ips)));
  };

  return {
    observe: async (ips, { pods: wanted, fresh, evidence } = { pods: [], fresh: false }) => {
      if (fresh) {
        for (const known of [bridgeFilter, forwardChain, last]) known.forget();
        options.commands.renew?.();
      }
      const seen = await see(ips, evidence);
      if (pods === undefined) return seen;
      const recorded = [...seen.nft.insideOf.values()];
      // Pods of which no binding speaks any more, but which have addresses of ours.
      const all = recorded.every((ip) => seen.hops.has(ip)) ? seen : await see([...new Set([...ips, ...recorded])]);
      const namespaces = [...wanted, ...recorded].map((ip) => [ip, namespaceOf(ip, all)] as const);
      // Nobody reports what Pods do inside: a Pod that gets an address may have had it by itself, and no more.
      return { ...all, pods: await pods.look(new Map(namespaces), fresh ? "all" : (evidence ?? [])) };
    },
    apply: async (changes) => {
      if ([...changes.base, ...changes.cleanup].some(isOfForward)) forwardChain.forget();
      last.forget();
      try {
        return await applyChanges(options.commands, pods, changes);
      } finally {
        // Also what was seen meanwhile, which may be half of it.
        last.forget();
      }
    },
    forgetConnections: (stale) => forgetConnections(options.commands, stale),
    watch: (onEvent) => {
      const look = (of: Monitored): void => {
        // Where others have many rules in it, it is the most that a look reads.
        if (of === "nft") forwardChain.forget();
        last.forget();
        onEvent();
      };
      const opened = monitorKernel({ ...options, watched: () => watched, onEvent: look });
      monitor = opened;
      const cancel = watchProxies(
        options,
        () => last.get()?.proxies,
        () => look("ip"),
      );
      return () => {
        cancel();
        opened.stop();
      };
    },
  };
}

type Seen = KernelState & IpState;

/** A kernel that does not count them may have many. */
function isMany({ code, stdout }: CommandResult): boolean {
  const counts = [...stdout.matchAll(/^\s*Prefixes:\s+(\d+)$/gm)].map(([, count]) => Number(count));
  return code !== 0 || counts.length === 0 || counts.reduce((all, one) => all + one, 0) > MANY_ROUTES;
}

/** Link kinds at whose other end there is one Pod. */
const OF_ONE_POD: ReadonlySet<string> = new Set(["veth", "netkit"]);

/**
 * All next hops, these asked for anew; nothing where one of them is not as it is remembered, or needs a whole look because
 * it is no interface of a Pod's own. By number, too: the next Pod's interface may have the same name.
 */
async function sameHops(
  commands: Commands,
  { hops, devices }: Seen,
  asked: readonly string[],
): Promise<ReadonlyMap<string, Hop | "unreachable"> | undefined> {
  const ways = await commands.run(IP_QUESTIONS, asLines(hopLines(asked)));
  const found = parseWays(asked, ways.stdout, ways.stderr);
  const names = [...new Set([...found.values()].map(({ dev }) => dev))];
  if (found.size < asked.length || !names.every((name) => OF_ONE_POD.has(devices.get(name)?.kind ?? "")))
    return undefined;
  const links = await commands.run(IP_QUESTIONS, asLines(linkLines(names)));
  const numbers = parseNumbers(names, links.stdout, links.stderr);
  const now = new Map(hops);
  for (const [ip, way] of found) {
    const device = devices.get(way.dev);
    if (device === undefined || numbers.get(way.dev) !== device.ifindex) return undefined;
    const hop: Hop = { ...way, ...device };
    if (hops.has(ip) && !isDeepStrictEqual(hops.get(ip), hop)) return undefined;
    now.set(ip, hop);
  }
  return now;
}

/** For what is somebody else's and seldom changes: a move need not wait for one more process. */
function slowly<T>(clock: Clock, ask: () => Promise<T>): { read(): Promise<T>; forget(): void } {
  let known: { readonly value: T; readonly at: number } | undefined;
  let forgotten = 0;
  return {
    read: async () => {
      if (known !== undefined && clock.now() - known.at < TRUST_MS) return known.value;
      const [before, at] = [forgotten, clock.now()];
      const value = await ask();
      // What was forgotten meanwhile is older than that.
      if (before === forgotten) known = { value, at };
      return value;
    },
    forget: () => {
      forgotten++;
      known = undefined;
    },
  };
}

async function readForward(commands: Commands): Promise<ForwardState> {
  const { code, stdout } = await commands.run(["nft", "-j", "list", "chain", ...FORWARD_CHAIN]);
  return code === 0 ? parseForward(stdout) : NO_FORWARD;
}

function namespaceOf(podIp: string, { hops, namespaceAt }: Seen): string | undefined {
  const hop = hops.get(podIp);
  if (hop === undefined || hop === "unreachable" || hop.gateway !== undefined) return undefined;
  return namespaceAt.get(hop.kind === "bridge" ? (hop.port ?? "") : hop.dev);
}

/** Which port of a bridge a Pod is at is worth a process only where there is a Pod at one. */
async function portsOf(commands: Commands, seen: IpState): Promise<Pick<KernelState, "hops" | "routes">> {
  const toPods = [...seen.hops.values()].some((hop) => hop !== "unreachable" && hop.kind === "bridge");
  const routed = [...seen.routes.values()].some(({ path }) => seen.devices.get(path?.dev ?? "")?.kind === "bridge");
  if (!toPods && !routed) return seen;
  const paths = [...seen.hops.values(), ...[...seen.routes.values()].map(({ path }) => path)];
  const devs = paths.flatMap((path) => (path === undefined || path === "unreachable" ? [] : [path.dev]));
  const bridges = [...new Set(devs)].filter((dev) => seen.devices.get(dev)?.kind === "bridge");
  const found = await atPorts(commands, seen, bridges);
  const unknown = [...found.hops].flatMap(([ip, hop]) =>
    hop !== "unreachable" && hop.kind === "bridge" && hop.port === undefined
      ? [`neigh replace ${ip} dev ${hop.dev} use`]
      : [],
  );
  if (unknown.length === 0) return found;
  // As a packet for the Pod would, this makes the node ask for it, and a Pod that is there has answered when it returns.
  await commands.run(IP_CHANGES, asLines(unknown));
  return atPorts(commands, seen, bridges);
}

async function atPorts(commands: Commands, seen: IpState, bridges: readonly string[]) {
  const [neighbours, ports] = await Promise.all([
    commands.run(IP_QUESTIONS, asLines(bridges.map(neighbourLine))),
    bridgePorts(commands),
  ]);
  return withPorts(seen, parseNeighbours(bridges, neighbours.stdout, neighbours.stderr), ports);
}

/** An image without the program is no reason to look at nothing: the ports stay unknown. */
async function bridgePorts(commands: Commands): Promise<ReadonlyMap<string, string>> {
  const nothing = { code: 1, stdout: "" };
  const { code, stdout } = await commands.run(["bridge", "-j", "fdb", "show"]).catch(() => nothing);
  return code === 0 ? parsePorts(stdout) : new Map();
}

/** In words of its own `ip` says that a table is not there which no route has ever been in. */
async function routesApart(commands: Commands, argv: readonly string[]) {
  const result = await commands.run(argv);
  if (result.code !== 0 && result.stderr.includes("FIB table does not exist")) return [];
  const { stdout } = mustSucceed(result, argv.join(" "));
  return stdout.trim() === "" ? [] : records(stdout);
}

/** Whether the table is there. No other refusal may look as if it were not: what is there would be made anew, or forgotten. */
function isIn(result: CommandResult, table: readonly string[]): boolean {
  if (result.code !== 0 && /No such file or directory/.test(result.stderr)) return false;
  mustSucceed(result, `nft list table ${table.join(" ")}`);
  return true;
}
