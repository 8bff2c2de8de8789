// What is wrong with a node, and what follows for bindings: most reports of "it does not work" end here. A pure function of what
// was found there.
import { DELIVERIES, Delivery } from "../../../lib/model/binding";
import { PACKET_MARK, RULE_PREFERENCE } from "./state";

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

export const IP_FORWARD = "ipv4.ip_forward";
export const TCP_LOOSE = "netfilter.nf_conntrack_tcp_loose";
export const CONNECTIONS = "netfilter.nf_conntrack_count";
export const MOST_CONNECTIONS = "netfilter.nf_conntrack_max";
export const MOST_NEIGHBOURS = "ipv4.neigh.default.gc_thresh3";
const PROXY_ARP = /^ipv4\.conf\..+\.proxy_arp$/;
/** Of all connections or neighbours that the kernel can know. */
export const NEARLY_FULL = 0.9;
/** Before it, two tables of nat do not share a hook. */
const OLDEST_KERNEL = [4, 18] as const;
const EVERY: readonly Delivery[] = Object.values(Delivery);
/** What moved of them goes on only once the kernel has forgotten its connections. */
const TRANSLATING = EVERY.filter((delivery) => DELIVERIES[delivery].translates);

/** What is wrong with the node, in the order in which a person would look. */
export function nodeProblems(facts: NodeFacts): NodeProblem[] {
  const problems: NodeProblem[] = [];
  const add = (id: string, text: string, prevents: readonly Delivery[] = []): void =>
    void problems.push({ id, text, prevents });
  const mark = `0x${PACKET_MARK.toString(16)}`;
  for (const [name, answer] of Object.entries(facts.programs)) {
    if (!answer.startsWith("cannot run")) continue;
    const prevents = name === "conntrack" ? TRANSLATING : name === "socat" ? [] : EVERY;
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

/** @param kernel as the kernel says its version */
export function isOlder(kernel: string, [wantedMajor, wantedMinor]: readonly [number, number]): boolean {
  const [major = 0, minor = 0] = kernel.split(/[.-]/).map(Number);
  return major < wantedMajor || (major === wantedMajor && minor < wantedMinor);
}
