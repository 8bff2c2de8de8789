// What the agent finds on its node, by programs and files that its own rights reach.
import { readFile } from "node:fs/promises";
import { networkInterfaces, release } from "node:os";

import { asLines, type Commands } from "../fabric/commands";
import { errorText } from "../kube/log";
import { checkFenceScript } from "./fence";
import { endsWithRefusal, FORWARD_CHAIN, parseForward } from "./forward";
import { baseScript } from "./nft";
import {
  CONNECTIONS,
  IP_FORWARD,
  isOlder,
  MOST_CONNECTIONS,
  MOST_NEIGHBOURS,
  NEARLY_FULL,
  type NodeFacts,
  TCP_LOOSE,
} from "./node-problems";
import { NFT_TABLE, ROUTE_TABLE, RULE_PREFERENCE } from "./state";

const VERSION_OF: Readonly<Record<string, readonly string[]>> = {
  ip: ["ip", "-V"],
  nft: ["nft", "-v"],
  conntrack: ["conntrack", "-V"],
  socat: ["socat", "-V"],
};
const SYSCTLS = [
  IP_FORWARD,
  TCP_LOOSE,
  CONNECTIONS,
  MOST_CONNECTIONS,
  MOST_NEIGHBOURS,
  "ipv4.conf.all.rp_filter",
  "ipv4.conf.all.proxy_arp",
  "bridge.bridge-nf-call-iptables",
];
/** Nobody has more. */
const MOST_CHAINS = 20;
const CILIUM_INTERFACE = "cilium_host";
/** Before it, what the kernel keeps for ever counts, too. */
const NEIGHBOURS_KEPT = [5, 0] as const;

/** @throws Error where something could not be found out, which says nothing about the node */
export async function checkNode(commands: Commands, uplink: string): Promise<NodeFacts> {
  const sysctls = [...SYSCTLS, `ipv4.conf.${uplink}.rp_filter`, `ipv4.conf.${uplink}.proxy_arp`];
  /** What an answer says; nothing where there is none. */
  const said = async <T>(argv: readonly string[], read: (stdout: string) => T): Promise<T | undefined> => {
    const { code, stdout } = await run(commands, argv);
    return code === 0 ? read(stdout) : undefined;
  };
  const text = (path: string): Promise<string> => readFile(path, "utf8").catch(() => "");
  const asked = await together({
    programs: Promise.all(Object.entries(VERSION_OF).map(([name, argv]) => versionOf(commands, name, argv))),
    tableRefused: refusal(commands, baseScript(false)),
    zonesRefused: refusal(commands, baseScript(true)),
    fenceRefused: refusal(commands, checkFenceScript()),
    sysctls: Promise.all(sysctls.map(async (name) => [name, await sysctl(name)] as const)),
    cilium: said(["ip", "link", "show", "dev", CILIUM_INTERFACE], () => true),
    forwardDrops: said(["nft", "-j", "list", "chain", ...FORWARD_CHAIN], (stdout) => parseForward(stdout).drops),
    tables: text("/proc/net/ip_tables_names"),
    arpCache: text("/proc/net/stat/arp_cache"),
    forwardChains: said(["nft", "-j", "list", "chains"], otherForwardChains),
    rulesBefore: said(["ip", "-N", "-j", "rule", "show"], rulesBefore),
    master: said(["ip", "-d", "-j", "link", "show", "dev", uplink], masterIn),
  });
  const found = Object.fromEntries(asked.sysctls.filter((entry): entry is [string, string] => entry[1] !== undefined));
  return {
    kernel: release(),
    programs: Object.fromEntries(asked.programs),
    tableRefused: asked.tableRefused,
    zonesRefused: asked.zonesRefused,
    fenceRefused: asked.fenceRefused,
    sysctls: found,
    neighbours: await thoseThatFill(commands, neighboursIn(asked.arpCache), Number(found[MOST_NEIGHBOURS] ?? 0)),
    addresses: ownAddresses(networkInterfaces()),
    cilium: asked.cilium ?? false,
    forwardDrops: asked.forwardDrops ?? false,
    legacyFilter: asked.tables.split("\n").includes("filter"),
    droppingChains: await refusing(commands, asked.forwardChains ?? []),
    rulesBefore: asked.rulesBefore ?? [],
    master: asked.master,
  };
}

/** All of it at once, each by its name. */
async function together<T extends Readonly<Record<string, Promise<unknown>>>>(
  asked: T,
): Promise<{ readonly [K in keyof T]: Awaited<T[K]> }> {
  const answers = await Promise.all(Object.values(asked));
  return Object.fromEntries(Object.keys(asked).map((name, index) => [name, answers[index]])) as {
    [K in keyof T]: Awaited<T[K]>;
  };
}

/**
 * A program that is not there is a fact of its own. What a program that does not answer, or for which the node has no process or
 * memory now, would have found is not known.
 */
async function run(commands: Commands, argv: readonly string[], input?: string) {
  try {
    return await commands.run(argv, input);
  } catch (error) {
    const text = errorText(error);
    if (!/^cannot run .*\b(ENOENT|EACCES)\b/.test(text)) throw error;
    return { code: 127, stdout: "", stderr: text };
  }
}

async function versionOf(commands: Commands, name: string, argv: readonly string[]): Promise<[string, string]> {
  const { stdout, stderr } = await run(commands, argv);
  return [name, (stdout || stderr).split("\n").slice(0, 2).join(" ").trim()];
}

/** Has the kernel check a script of nft without carrying it out. */
async function refusal(commands: Commands, script: readonly string[]): Promise<string | undefined> {
  const { code, stderr } = await run(commands, ["nft", "--check", "-f", "-"], asLines(script));
  return code === 0 ? undefined : (stderr.trim().split("\n")[0] ?? `exit code ${code}`);
}

async function sysctl(name: string): Promise<string | undefined> {
  // The name of an interface may have dots.
  const [first = "", ...rest] = name.split(/\.conf\.|\.(?=[^.]*$)/);
  const path = name.includes(".conf.")
    ? `${first.replaceAll(".", "/")}/conf/${rest.join("/")}`
    : `${first.replaceAll(".", "/")}/${rest.join("/")}`;
  return readFile(`/proc/sys/net/${path}`, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}

function ownAddresses(interfaces: ReturnType<typeof networkInterfaces>): string[] {
  const all = Object.values(interfaces).flatMap((found) => found ?? []);
  return all.filter(({ family }) => family === "IPv4").map(({ address }) => address);
}

interface ForwardChain {
  /** Family, table and name. */
  readonly chain: string;
  readonly drops: boolean;
}

/** Reads `nft -j list chains`: those of others that see forwarded packets. */
export function otherForwardChains(json: string): ForwardChain[] {
  const { nftables = [] } = JSON.parse(json) as { nftables?: { chain?: Record<string, unknown> }[] };
  return nftables
    .flatMap(({ chain }) => (chain?.hook === "forward" ? [chain] : []))
    .map(({ family, table, name, policy }) => ({
      chain: `${String(family)} ${String(table)} ${String(name)}`,
      drops: policy === "drop",
    }))
    .filter(({ chain }) => chain !== FORWARD_CHAIN.join(" ") && !chain.startsWith(`ip ${NFT_TABLE} `));
}

/** Those that drop or reject what none of their rules accepts, by policy or, as firewalld does, with the last rule. */
async function refusing(commands: Commands, chains: readonly ForwardChain[]): Promise<string[]> {
  const answers = chains.slice(0, MOST_CHAINS).map(async ({ chain, drops }) => {
    if (drops) return [chain];
    const { code, stdout } = await run(commands, ["nft", "-j", "list", "chain", ...chain.split(" ")]);
    const { nftables = [] } = code === 0 ? (JSON.parse(stdout) as { nftables?: [] }) : {};
    return endsWithRefusal(nftables) ? [chain] : [];
  });
  return (await Promise.all(answers)).flat();
}

const MAIN_TABLE = "254";

/** Reads `ip -N -j rule show`. A rule that asks for anything, or leaves a route out, is one that somebody has thought about. */
export function rulesBefore(json: string): string[] {
  const rules = JSON.parse(json) as Readonly<Record<string, unknown>>[];
  const ours = rules.findIndex(({ priority, table }) => priority === RULE_PREFERENCE && table === String(ROUTE_TABLE));
  const before = ours < 0 ? rules.filter(({ priority }) => Number(priority) < RULE_PREFERENCE) : rules.slice(0, ours);
  const plain = new Set(["priority", "src", "table", "protocol"]);
  return before
    .filter(
      (rule) => rule.table === MAIN_TABLE && rule.src === "all" && Object.keys(rule).every((key) => plain.has(key)),
    )
    .map(({ priority }) => `${String(priority)}: from all lookup main`);
}

/** Reads `/proc/net/stat/arp_cache`: a line of names, then one of hexadecimal counts for each processor. */
export function neighboursIn(stat: string): number | undefined {
  const found = /^entries\b.*\n([0-9a-f]+)\b/.exec(stat)?.[1];
  return found === undefined ? undefined : parseInt(found, 16);
}

/** Neighbours that others have written down and the kernel never clears away, as some network plugins do for each node. */
const KEPT = / (?:PERMANENT|extern_learn|managed)\b/;

/** The kernel counts those that it keeps, too, but since Linux 5.0 they fill no table. */
async function thoseThatFill(
  commands: Commands,
  counted: number | undefined,
  most: number,
): Promise<number | undefined> {
  const few = counted === undefined || !(most > 0) || counted < most * NEARLY_FULL;
  if (few || isOlder(release(), NEIGHBOURS_KEPT)) return counted;
  const { stdout } = await run(commands, ["ip", "-4", "neigh", "show"]);
  return counted - stdout.split("\n").filter((line) => KEPT.test(line)).length;
}

/** Kinds of links that take what arrives at their ports. A VRF does not. */
const MASTERS: ReadonlySet<unknown> = new Set(["bridge", "bond", "team", "openvswitch"]);

/** Reads `ip -d -j link show dev UPLINK`. */
function masterIn(json: string): NodeFacts["master"] {
  const [link] = JSON.parse(json) as { ifname: string; master?: string; linkinfo?: { info_slave_kind?: string } }[];
  const { ifname, master, linkinfo: { info_slave_kind: kind } = {} } = link ?? { ifname: "" };
  return master !== undefined && kind !== undefined && MASTERS.has(kind)
    ? { of: ifname, name: master, kind }
    : undefined;
}
