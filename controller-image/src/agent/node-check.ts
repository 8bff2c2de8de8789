// What the agent finds on its node: most reports of "it does not work" end here. Facts are gathered by programs and files
// that the agent's own rights reach; what they mean is a pure function of them.
import { readFile } from "node:fs/promises";
import { networkInterfaces, release } from "node:os";

import { Delivery } from "../../../lib/model/binding";
import { asLines, type Commands } from "../fabric/commands";
import { errorText } from "../kube/log";
import { checkFenceScript } from "./fence";
import { endsWithRefusal, FORWARD_CHAIN, parseForward } from "./forward";
import { baseScript } from "./nft";
import { NFT_TABLE, PACKET_MARK, ROUTE_TABLE, RULE_PREFERENCE } from "./state";

export interface NodeFacts {
  readonly kernel: string;
  /** First line that each program says of its version, or why it cannot be run. */
  readonly programs: Readonly<Record<string, string>>;
  /** Why the kernel does not take our table; nothing when it does. */
  readonly tableRefused?: string;
  /** Why the kernel takes no zones of connections; nothing when it does. */
  readonly zonesRefused?: string;
  /** Why the kernel takes no filter at an interface; nothing when it does. */
  readonly fenceRefused?: string;
  /** By name without `net.`; absent where the kernel does not have it (yet). */
  readonly sysctls: Readonly<Record<string, string>>;
  /** How many neighbours the kernel knows that fill its table; absent where it does not say. */
  readonly neighbours?: number;
  /** IPv4 addresses of its interfaces, which can never be persistent addresses. */
  readonly addresses: readonly string[];
  /** Whether Cilium is the node's network plugin. */
  readonly cilium: boolean;
  /** Whether the FORWARD chain of iptables on nftables drops by default, where our rule helps. */
  readonly forwardDrops: boolean;
  /** Whether the older iptables has a filter table, which nft cannot see. */
  readonly legacyFilter: boolean;
  /** Other chains that see forwarded packets and drop what none of their rules accepts, such as `inet filter forward`. */
  readonly droppingChains: readonly string[];
  /** Routing rules that send every packet to the table `main` before podpin's rule is asked, as `ip rule` shows them. */
  readonly rulesBefore: readonly string[];
  /** Why the kernel cannot be asked to forget connections; nothing while it can. */
  readonly unanswered?: string;
  /** What has the uplink as its port and takes what arrives there. */
  readonly master?: { readonly of: string; readonly name: string; readonly kind: string };
}

export interface NodeProblem {
  /** For the metric. */
  readonly id: string;
  /** What was found, what it does, and what to do. */
  readonly text: string;
  /** Deliveries that cannot work for it; without any it is for people to judge. */
  readonly prevents: readonly Delivery[];
}

/** What follows for bindings. */
export interface NodeVerdict {
  /** Why a delivery cannot work here. */
  readonly unfit: ReadonlyMap<Delivery, string>;
  /** The node's own addresses. */
  readonly addresses: ReadonlySet<string>;
  /** Whether old Pods can be fenced off. */
  readonly fences: boolean;
  /** Whether its table of connections has zones. */
  readonly zones: boolean;
  /** Why the agent cannot even look at the kernel, so that it can do nothing but say so. */
  readonly unsupported?: string;
}

const VERSION_OF: Readonly<Record<string, readonly string[]>> = {
  ip: ["ip", "-V"],
  nft: ["nft", "-v"],
  conntrack: ["conntrack", "-V"],
  socat: ["socat", "-V"],
};
const IP_FORWARD = "ipv4.ip_forward";
const TCP_LOOSE = "netfilter.nf_conntrack_tcp_loose";
const CONNECTIONS = "netfilter.nf_conntrack_count";
const MOST_CONNECTIONS = "netfilter.nf_conntrack_max";
const MOST_NEIGHBOURS = "ipv4.neigh.default.gc_thresh3";
const PROXY_ARP = /^ipv4\.conf\..+\.proxy_arp$/;
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
/** Of all connections or neighbours that the kernel can know. */
const NEARLY_FULL = 0.9;
/** Nobody has more. */
const MOST_CHAINS = 20;
const CILIUM_INTERFACE = "cilium_host";
/** Before it, two tables of nat do not share a hook. */
const OLDEST_KERNEL = [4, 18] as const;
/** Before it, what the kernel keeps for ever counts, too. */
const NEIGHBOURS_KEPT = [5, 0] as const;
const EVERY: readonly Delivery[] = Object.values(Delivery);

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

/** What is wrong with the node, in the order in which a person would look. */
export function nodeProblems(facts: NodeFacts): NodeProblem[] {
  const problems: NodeProblem[] = [];
  const add = (id: string, text: string, prevents: readonly Delivery[] = []): void =>
    void problems.push({ id, text, prevents });
  const mark = `0x${PACKET_MARK.toString(16)}`;
  for (const [name, answer] of Object.entries(facts.programs)) {
    if (!answer.startsWith("cannot run")) continue;
    const prevents = name === "conntrack" ? [Delivery.Nat] : name === "socat" ? [] : EVERY;
    add(`program_${name}`, `${name}: ${answer}; use the packaged image, which has it`, prevents);
  }
  if (isOlder(facts.kernel, OLDEST_KERNEL)) {
    add(
      "kernel",
      `Linux ${facts.kernel} is older than ${OLDEST_KERNEL.join(".")}, with which addresses cannot be kept from masquerading; update the node`,
      EVERY,
    );
  } else if (facts.tableRefused !== undefined) {
    add(
      "nftables",
      `the kernel does not take podpin's nftables table: ${facts.tableRefused}; the node needs nf_tables with nat, sets and maps`,
      EVERY,
    );
  }
  const forwarding = facts.sysctls[IP_FORWARD];
  if (forwarding !== undefined && forwarding !== "1") {
    add(
      "ip_forward",
      `net.ipv4.ip_forward: got ${forwarding}; set it to 1 on the node, or no packet reaches a Pod`,
      EVERY,
    );
  }
  if (facts.cilium) {
    add(
      "cilium",
      'Cilium is the network plugin here: delivery "nat" needs its legacy host routing (bpf.hostLegacyRouting=true), and "app" and "interface" need its source verification off for the Pod',
    );
  }
  if (facts.legacyFilter) {
    add(
      "iptables_legacy",
      `the older iptables (legacy) has a filter table, which nft cannot see; if its FORWARD policy is DROP, run on the node: iptables-legacy -I FORWARD 1 -m mark --mark ${mark}/${mark} -j ACCEPT`,
    );
  }
  for (const rule of facts.rulesBefore) {
    add(
      "rule_before",
      `the routing rule "${rule}" comes before podpin's (${RULE_PREFERENCE}), so packets for addresses leave by the routes of the table main; give it a preference above ${RULE_PREFERENCE}`,
    );
  }
  for (const [name, value] of Object.entries(facts.sysctls)) {
    if (!PROXY_ARP.test(name) || value === "0") continue;
    add(
      "proxy_arp",
      `net.${name}: got ${value}; with it the node speaks for addresses also while it must be silent; podpin does not need it, set it to 0 on the node`,
    );
  }
  for (const chain of facts.droppingChains) {
    add(
      "forward_drop",
      `the nftables chain "${chain}" drops forwarded packets that none of its rules accepts; let it accept packets with the mark ${mark}/${mark}: nft insert rule ${chain} meta mark and ${mark} == ${mark} accept`,
    );
  }
  if (facts.master !== undefined) {
    const { of, name, kind } = facts.master;
    add(
      "uplink_port",
      `the uplink: got "${of}", which is a port of ${name} (${kind}): what arrives there is for that, and nobody who asks for an address is answered; set uplink: "${name}" on PersistentIpController, or leave it out`,
    );
  }
  const most = Number(facts.sysctls[MOST_CONNECTIONS] ?? 0);
  if (most > 0 && Number(facts.sysctls[CONNECTIONS]) >= most * NEARLY_FULL) {
    add(
      "conntrack_full",
      `of the ${most} connections that the kernel can know (net.${MOST_CONNECTIONS}) ${NEARLY_FULL * 100} % are in use; when all are, packets of new ones are dropped, also those for addresses; raise it on the node`,
    );
  }
  const neighbours = Number(facts.sysctls[MOST_NEIGHBOURS] ?? 0);
  if (neighbours > 0 && (facts.neighbours ?? 0) >= neighbours * NEARLY_FULL) {
    add(
      "neighbours_full",
      `of the ${neighbours} neighbours that the kernel can know (net.${MOST_NEIGHBOURS}) ${NEARLY_FULL * 100} % are known; when all are, packets for others are dropped, also those for Pods with addresses and their clients; raise it on the node`,
    );
  }
  if (facts.unanswered !== undefined) {
    add(
      "conntrack_hangs",
      "conntrack gives no answer: with delivery nat an address that moves here waits for it, until old connections are gone; the log of the node's kernel says for what it waits",
    );
  }
  if (facts.sysctls[TCP_LOOSE] === "0") {
    add(
      "tcp_loose",
      `net.${TCP_LOOSE}: got 0; with it connections hang after a move instead of being reset; set it to 1 on the node`,
    );
  }
  if (facts.zonesRefused !== undefined && facts.tableRefused === undefined) {
    add(
      "zones",
      `the kernel has no zones for connections (CONFIG_NF_CONNTRACK_ZONES): ${facts.zonesRefused}; with delivery nat what a Pod has not answered in the instant of a move is lost`,
    );
  }
  if (facts.fenceRefused !== undefined && facts.tableRefused === undefined) {
    add(
      "fence",
      `the kernel takes no nftables filter at an interface: ${facts.fenceRefused}; what stops an old Pod from sending with an address that moved is net.ipv4.conf.*.rp_filter = 1 alone`,
    );
  }
  return problems;
}

/** Without these nothing can be read from the kernel. */
const NEEDED: ReadonlySet<string> = new Set(["program_ip", "program_nft"]);

export function nodeVerdict(facts: NodeFacts): NodeVerdict {
  const unfit = new Map<Delivery, string>();
  const problems = nodeProblems(facts);
  for (const { text, prevents } of problems) {
    for (const delivery of prevents) if (!unfit.has(delivery)) unfit.set(delivery, text);
  }
  return {
    unfit,
    addresses: new Set(facts.addresses),
    fences: facts.fenceRefused === undefined,
    zones: facts.zonesRefused === undefined,
    unsupported: problems.find(({ id }) => NEEDED.has(id))?.text,
  };
}

function isOlder(kernel: string, [wantedMajor, wantedMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
