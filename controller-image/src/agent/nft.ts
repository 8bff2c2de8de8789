// The language of nftables: our table, changes of its elements, and what `nft -j` prints. All of one pass goes into one
// `nft -f -`, which is one transaction.
import { addressToNumber, isIPv4, isIPv4Cidr } from "../../../lib/model/address";
import {
  BRIDGE_MARK,
  type Footprint,
  type Interval,
  type Links,
  NFT_TABLE,
  type NftState,
  PACKET_MARK,
  UNTOUCHED_NFT,
} from "./state";

/** An empty set of this name says which base the table was made from; a new base gets a new name. */
const BASE_MARKER = "base_v4";
const DELAY_MARKER = /^uplink_delay_(\d+)$/;

const mark = (bit: number): string => `meta mark set meta mark or 0x${bit.toString(16)}`;
const MARK = mark(PACKET_MARK);
const FROM_BRIDGE = `meta mark & 0x${BRIDGE_MARK.toString(16)} != 0`;

/**
 * Chains and rules of the base. nft 1.0.6: symbolic priorities such as `dstnat - 10` are refused in an output nat chain,
 * and `fwd` is a keyword. Priority 90 comes before the masquerading of others (100): a packet that has its source
 * translated to that very source is not masqueraded any more.
 */
const CHAINS: ReadonlyMap<string, Chain> = new Map<string, Chain>([
  [
    "raw_pre",
    {
      hook: "type filter hook prerouting priority -300",
      rules: [
        "ip daddr @pip_forward notrack",
        // Of an address that has left this node: what would leave by the interface by which it came would come again, for as
        // long as the network brings it here. What Pods of this node send goes its way.
        "ip daddr @strays fib daddr . iif oif exists drop",
        // The route of an address goes with the interface of its Pod, and the blackhole below it takes over. Then the Pod's own
        // address may be another Pod's by now, so nothing is translated to it, whether an agent lives to notice or not.
        "ip daddr @nat_pips fib daddr oif missing drop",
      ],
      zones: true,
    },
  ],
  ["raw_out", { hook: "type filter hook output priority -300", rules: [], zones: true }],
  ["dnat_pre", { hook: "type nat hook prerouting priority -110", rules: ["dnat to ip daddr map @pip_to_pod"] }],
  ["dnat_out", { hook: "type nat hook output priority -110", rules: ["dnat to ip daddr map @pip_to_pod"] }],
  [
    "fwd_mark",
    {
      hook: "type filter hook forward priority -10",
      rules: [
        `ip daddr @pips ${MARK}`,
        `ip saddr @pips ${MARK}`,
        `ip daddr @pip_forward ${MARK}`,
        // Marked here, because before 5.7 a kernel does not tell POSTROUTING where a packet came from.
        `iifname . oifname @bridges ${mark(BRIDGE_MARK)}`,
      ],
    },
  ],
  [
    "snat_post",
    {
      hook: "type nat hook postrouting priority 90",
      rules: [
        // The Pod answers a neighbour on its bridge directly, so the answer's source would not be translated back, and
        // connections look half-open. From the node it comes back to the node.
        `${FROM_BRIDGE} ip daddr @pips masquerade`,
        `${FROM_BRIDGE} ct original ip daddr @nat_pips masquerade`,
        // The node at the other end of a tunnel drops a source that is not behind it, if it filters strictly.
        "oifname @tunnels ip saddr @pips ip daddr @cluster masquerade",
        "ip saddr @pips snat to ip saddr",
        "ip daddr @pips snat to ip saddr",
        "ct original ip daddr @nat_pips snat to ip saddr . ip daddr map @hairpin",
        "ct original ip daddr @nat_pips snat to ip saddr",
        "ip daddr != @cluster snat to ip saddr map @pod_to_pip",
      ],
    },
  ],
  // A redirect would pin a Pod of the same bridge to the old path for minutes.
  ["no_redirect", { hook: "type filter hook output priority 0", rules: ["icmp type redirect drop"] }],
]);

interface Chain {
  readonly hook: string;
  readonly rules: readonly string[];
  /** Whether {@link ZONE} comes last. */
  readonly zones?: boolean;
}

/**
 * What clients send is looked up in the zone of the Pod that has the address now, so from the instant of a move on no known
 * connection leads to the Pod before it, while what that one still answers is translated back as before: in the direction of
 * answers all have the same zone.
 */
const ZONE = "ct original zone set ip daddr map @pip_zone";

const rulesOf = ({ rules, zones = false }: Chain, possible: boolean): readonly string[] =>
  zones && possible ? [...rules, ZONE] : rules;

/** A Pod's zone; two Pods of one node seldom have the same. */
export function zoneOf(podIp: string): number {
  return addressToNumber(podIp) % 2 ** 16;
}

const SETS = [
  `set ${BASE_MARKER} { type ipv4_addr; }`,
  "set pips { type ipv4_addr; }",
  "set pip_forward { type ipv4_addr; }",
  "set strays { type ipv4_addr; }",
  "set nat_pips { type ipv4_addr; }",
  "map pip_to_pod { type ipv4_addr : ipv4_addr; }",
  "map pip_zone { typeof ip daddr : ct zone; }",
  "map pod_to_pip { type ipv4_addr : ipv4_addr; }",
  "map hairpin { type ipv4_addr . ipv4_addr : ipv4_addr; }",
  // Kept for ourselves: it says which Pods have addresses of ours on their interfaces, whatever becomes of the agent.
  "map inside { type ipv4_addr : ipv4_addr; }",
  "set cluster { type ipv4_addr; flags interval; auto-merge; }",
  "set tunnels { type ifname; }",
  // Twice the same bridge: from it and to it.
  "set bridges { type ifname . ifname; }",
  "set hairpin_ports { type ifname; }",
];

/**
 * The table without elements. Add, delete, add: replaces whatever has the name, and is atomic with what follows.
 *
 * @param zones whether the kernel has them
 */
export function baseScript(zones: boolean): string[] {
  const chains = [...CHAINS].flatMap(([name, chain]) => [
    `  chain ${name} {`,
    `    ${chain.hook}; policy accept;`,
    ...rulesOf(chain, zones).map((rule) => `    ${rule}`),
    "  }",
  ]);
  return [
    `table ip ${NFT_TABLE}`,
    `delete table ip ${NFT_TABLE}`,
    `table ip ${NFT_TABLE} {`,
    ...SETS.map((set) => `  ${set}`),
    ...chains,
    "}",
  ];
}

export const DELETE_TABLE = `delete table ip ${NFT_TABLE}`;

/** Remembers in the kernel what the uplink's `proxy_delay` was, for the day on which the last address goes. */
export function rememberDelay(milliseconds: number): string {
  return `add set ip ${NFT_TABLE} uplink_delay_${milliseconds} { type ipv4_addr; }`;
}

/** Deletions come before additions within one transaction: a map takes a new value for a key only when the old is gone. */
export interface ElementChange {
  readonly remove: readonly string[];
  readonly add: readonly string[];
}

export function joined(changes: readonly (ElementChange | undefined)[]): ElementChange {
  return {
    remove: changes.flatMap((change) => change?.remove ?? []),
    add: changes.flatMap((change) => change?.add ?? []),
  };
}

export function elementChange(address: string, from: Footprint, to: Footprint): ElementChange {
  const remove: string[] = [];
  const add: string[] = [];
  const member = (set: string, was: boolean, is: boolean): void => {
    if (was && !is) remove.push(element("delete", set, address));
    if (is && !was) add.push(element("add", set, address));
  };
  member("pips", from.app, to.app);
  member("pip_forward", from.forward, to.forward);
  member("strays", from.stray, to.stray);
  member("nat_pips", from.nat, to.nat);
  const mapping = mapChange("pip_to_pod", address, from.natPod, to.natPod);
  const zone = mapChange("pip_zone", address, from.zone, to.zone);
  const inside = mapChange("inside", address, from.insideOf, to.insideOf);
  return {
    remove: [...remove, ...mapping.remove, ...zone.remove, ...inside.remove],
    add: [...add, ...mapping.add, ...zone.add, ...inside.add],
  };
}

/** Ends the translation alone, before anything else of the address changes. */
export function untranslate(address: string, pod: string): string {
  return element("delete", "pip_to_pod", `${address} : ${pod}`);
}

/** Keeps what arrives from leaving again, before the routes go that it took. */
export function expectStrays(address: string): string {
  return element("add", "strays", address);
}

/** What a Pod's own connections leave with, and what it sees of itself. */
export function podChange(
  pod: string,
  from: { readonly egress?: string; readonly hairpin?: string },
  to: string | undefined,
): ElementChange {
  const egress = mapChange("pod_to_pip", pod, from.egress, to);
  const hairpin = mapChange("hairpin", `${pod} . ${pod}`, from.hairpin, to);
  return { remove: [...egress.remove, ...hairpin.remove], add: [...egress.add, ...hairpin.add] };
}

function mapChange<T extends string | number>(map: string, key: string, was?: T, is?: T): ElementChange {
  if (was === is) return { remove: [], add: [] };
  return {
    remove: was === undefined ? [] : [element("delete", map, `${key} : ${was}`)],
    add: is === undefined ? [] : [element("add", map, `${key} : ${is}`)],
  };
}

function element(verb: "add" | "delete", set: string, content: string): string {
  return `${verb} element ip ${NFT_TABLE} ${set} { ${content} }`;
}

/** Never leave with a persistent address: the node's metadata server and multicast, besides the cluster's own ranges. */
const ALWAYS_CLUSTER = ["169.254.0.0/16", "224.0.0.0/4"];

/** Sorted, merged, without what is no CIDR. */
export function clusterIntervals(cidrs: readonly string[]): Interval[] {
  const intervals = [...cidrs, ...ALWAYS_CLUSTER].filter(isIPv4Cidr).map((cidr) => {
    const [base = "", bits = "32"] = cidr.split("/");
    const first = addressToNumber(base);
    return { first, last: first + 2 ** (32 - Number(bits)) - 1 };
  });
  return merged(intervals);
}

function merged(intervals: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const next of [...intervals].sort((a, b) => a.first - b.first || a.last - b.last)) {
    const previous = result.at(-1);
    // nft's auto-merge joins neighbours as well.
    if (previous !== undefined && next.first <= previous.last + 1) {
      result[result.length - 1] = { first: previous.first, last: Math.max(previous.last, next.last) };
    } else result.push(next);
  }
  return result;
}

export function sameIntervals(a: readonly Interval[], b: readonly Interval[]): boolean {
  return a.length === b.length && a.every(({ first, last }, i) => first === b[i]?.first && last === b[i]?.last);
}

export function replaceCluster(intervals: readonly Interval[]): string[] {
  const elements = intervals.map(({ first, last }) =>
    first === last ? dotted(first) : `${dotted(first)}-${dotted(last)}`,
  );
  return [`flush set ip ${NFT_TABLE} cluster`, element("add", "cluster", elements.join(", "))];
}

/** What changes where tunnels or bridges come and go. */
export function linkLines({ tunnels, bridges }: Pick<Links, "tunnels" | "bridges">, present: NftState): string[] {
  return [
    ...memberLines("tunnels", present.tunnels, tunnels, quoted),
    ...memberLines("bridges", present.bridges, bridges, (name) => `${quoted(name)} . ${quoted(name)}`),
  ];
}

function memberLines(
  set: string,
  was: ReadonlySet<string>,
  is: ReadonlySet<string>,
  key: (name: string) => string,
): string[] {
  return [
    ...[...was].filter((name) => !is.has(name)).map((name) => element("delete", set, key(name))),
    ...[...is].filter((name) => !was.has(name)).map((name) => element("add", set, key(name))),
  ];
}

/** Remembers in the kernel which ports we have changed, so that what another has set is never undone. */
export const rememberPort = (port: string): string => element("add", "hairpin_ports", quoted(port));
export const forgetPort = (port: string): string => element("delete", "hairpin_ports", quoted(port));

/** An interface's name may have a dot. */
const quoted = (name: string): string => `"${name}"`;

function dotted(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}

/** Flags of a table are somebody else's doing, `dormant` above all; nft 1.0.6 prints what is no JSON then. */
const FLAGGED = new RegExp(`"name": "${NFT_TABLE}", "handle": \\d+, "flags"`);

/** Reads `nft -j list table ip pip_agent`. */
export function parseTable(json: string): NftState {
  if (FLAGGED.test(json)) return { ...UNTOUCHED_NFT, base: "other" };
  const document = JSON.parse(json) as { nftables?: unknown };
  const entries = Array.isArray(document.nftables) ? (document.nftables as Json[]) : [];
  const sets = new Map<string, readonly unknown[]>();
  const ruleCount = new Map<string, number>();
  let open = true;
  let delay: number | undefined;
  for (const entry of entries) {
    const set = (entry.set ?? entry.map) as Json | undefined;
    const chain = entry.chain as Json | undefined;
    const rule = entry.rule as Json | undefined;
    if (set !== undefined) {
      sets.set(String(set.name), Array.isArray(set.elem) ? set.elem : []);
      const marker = DELAY_MARKER.exec(String(set.name));
      if (marker !== null) delay = Number(marker[1]);
    }
    if (chain !== undefined) open &&= chain.policy === undefined || chain.policy === "accept";
    if (chain !== undefined) ruleCount.set(String(chain.name), ruleCount.get(String(chain.name)) ?? 0);
    if (rule !== undefined) ruleCount.set(String(rule.chain), (ruleCount.get(String(rule.chain)) ?? 0) + 1);
  }
  return {
    ...UNTOUCHED_NFT,
    base: open && [true, false].some((zones) => isCurrent(sets, ruleCount, zones)) ? "current" : "other",
    zones: isCurrent(sets, ruleCount, true),
    app: members(sets.get("pips")),
    forward: members(sets.get("pip_forward")),
    stray: members(sets.get("strays")),
    nat: members(sets.get("nat_pips")),
    podOf: mappings(sets.get("pip_to_pod")),
    zoneOf: numbers(sets.get("pip_zone")),
    egressOf: mappings(sets.get("pod_to_pip")),
    hairpinOf: mappings(sets.get("hairpin")),
    insideOf: mappings(sets.get("inside")),
    cluster: merged((sets.get("cluster") ?? []).flatMap(intervalOf)),
    tunnels: names(sets.get("tunnels")),
    bridges: pairs(sets.get("bridges")),
    hairpinPorts: names(sets.get("hairpin_ports")),
    proxyDelayBefore: delay,
  };
}

type Json = Readonly<Record<string, unknown>>;

/** Rules are counted, not compared: their printed form differs between versions of nft, and ours never change in place. */
function isCurrent(
  sets: ReadonlyMap<string, unknown>,
  ruleCount: ReadonlyMap<string, number>,
  zones: boolean,
): boolean {
  const names = SETS.map((set) => set.split(" ")[1] ?? "");
  return (
    names.every((name) => sets.has(name)) &&
    ruleCount.size === CHAINS.size &&
    [...CHAINS].every(([name, chain]) => ruleCount.get(name) === rulesOf(chain, zones).length)
  );
}

function members(elements: readonly unknown[] = []): Set<string> {
  return new Set(elements.filter((value): value is string => typeof value === "string" && isIPv4(value)));
}

function names(elements: readonly unknown[] = []): Set<string> {
  return new Set(elements.filter((value): value is string => typeof value === "string"));
}

/** Of a set of pairs, those whose two halves are the same. */
function pairs(elements: readonly unknown[] = []): Set<string> {
  const halves = elements.map((value) => (value as { concat?: unknown[] }).concat ?? []);
  return names(halves.flatMap(([first, second]) => (first === second ? [first] : [])));
}

function mappings(elements: readonly unknown[] = []): Map<string, string> {
  return new Map(
    elements.flatMap((pair): [string, string][] => {
      if (!Array.isArray(pair)) return [];
      const [key, value] = pair as unknown[];
      const parts = typeof key === "object" && key !== null ? (key as { concat?: unknown }).concat : undefined;
      const name = Array.isArray(parts) ? (parts[0] === parts[1] ? parts[0] : undefined) : key;
      return typeof name === "string" && typeof value === "string" ? [[name, value]] : [];
    }),
  );
}

function numbers(elements: readonly unknown[] = []): Map<string, number> {
  return new Map(
    elements.flatMap((pair): [string, number][] => {
      const [key, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
      return typeof key === "string" && typeof value === "number" ? [[key, value]] : [];
    }),
  );
}

function intervalOf(element: unknown): Interval[] {
  if (typeof element === "string") return [{ first: addressToNumber(element), last: addressToNumber(element) }];
  const { prefix, range } = element as { prefix?: { addr: string; len: number }; range?: [string, string] };
  if (range !== undefined) return [{ first: addressToNumber(range[0]), last: addressToNumber(range[1]) }];
  if (prefix === undefined) return [];
  const first = addressToNumber(prefix.addr);
  return [{ first, last: first + 2 ** (32 - prefix.len) - 1 }];
}
