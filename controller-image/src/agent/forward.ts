// Nodes whose FORWARD chain drops what nobody has accepted (policy DROP or a last rule that drops or rejects, with accepting
// rules for the Pods' ranges only) would drop packets of persistent addresses too, and no table of ours can accept for another's chain. There, and only
// there, one rule is put in front of the chain, for packets with our mark. The chain is that of iptables on nftables; the
// older iptables has its own in the kernel, which nft can neither see nor change.
import { type Footprint, type KernelState, PACKET_MARK } from "./state";

export interface ForwardState {
  /** Whether the chain drops what no rule accepts. */
  readonly drops: boolean;
  /** The rule that accepts our mark, whoever has made it. */
  readonly accepted: boolean;
  /** Handles of those that are ours. */
  readonly ours: readonly number[];
}

export const NO_FORWARD: ForwardState = { drops: false, accepted: false, ours: [] };

const CHAIN = "ip filter FORWARD";
export const FORWARD_CHAIN = CHAIN.split(" ");
const COMMENT = "podpin";
const MARK = `0x${PACKET_MARK.toString(16)}`;

export const ACCEPT_MARKED = `insert rule ${CHAIN} meta mark and ${MARK} == ${MARK} counter accept comment "${COMMENT}"`;

/** Whether a line of a script for nft changes the chain. */
export const isOfForward = (line: string): boolean => line.includes(` rule ${CHAIN} `);

export interface ForwardChanges {
  /** With the base, which marks the packets. */
  readonly base: readonly string[];
  readonly cleanup: readonly string[];
}

/** Packets that nat has translated have the Pod's address when they come to the chain, which accepts those. */
export function forwardChanges({ forward }: KernelState, targets: Iterable<Footprint>): ForwardChanges {
  const needed = forward.drops && [...targets].some(({ app, forward: passesOn }) => app || passesOn);
  return {
    base: needed && !forward.accepted ? [ACCEPT_MARKED] : [],
    cleanup: needed ? [] : forward.ours.map((handle) => `delete rule ${CHAIN} handle ${handle}`),
  };
}

type Json = Readonly<Record<string, unknown>>;

/** Reads `nft -j list chain ip filter FORWARD`. */
export function parseForward(json: string): ForwardState {
  const document = JSON.parse(json) as { nftables?: unknown };
  const entries = Array.isArray(document.nftables) ? (document.nftables as Json[]) : [];
  const chain = entries.map((entry) => entry.chain as Json | undefined).find((found) => found !== undefined);
  const accepting = entries.flatMap(({ rule }) =>
    rule !== undefined && acceptsMark(rule as Json) ? [rule as Json] : [],
  );
  return {
    drops: chain?.hook === "forward" && (chain.policy === "drop" || endsWithRefusal(entries)),
    accepted: accepting.length > 0,
    ours: accepting.filter(isOurs).map(({ handle }) => Number(handle)),
  };
}

/** Whether the chain's last rule, as nft prints it, drops or rejects whatever comes to it. */
export function endsWithRefusal(entries: readonly Json[]): boolean {
  const last = entries.flatMap(({ rule }) => (rule === undefined ? [] : [rule as Json])).at(-1);
  const parts = last === undefined ? [] : expressions(last).filter((part) => !isAside(part));
  return parts.length === 1 && parts.every(isRefusal);
}

/** Neither asks nor does anything. */
function isAside(part: Json): boolean {
  return "counter" in part || "log" in part || (xtOf(part).type === "match" && xtOf(part).name === "comment");
}

/** nft has no words for REJECT as iptables says it. */
function isRefusal(part: Json): boolean {
  return "drop" in part || "reject" in part || (xtOf(part).type === "target" && xtOf(part).name === "REJECT");
}

const xtOf = ({ xt }: Json): Json => (typeof xt === "object" && xt !== null ? (xt as Json) : {});

const expressions = ({ expr }: Json): Json[] => (Array.isArray(expr) ? (expr as Json[]) : []);

function acceptsMark(rule: Json): boolean {
  const parts = expressions(rule);
  const match = parts.map((part) => part.match as Json | undefined).find((found) => found !== undefined);
  const left = JSON.stringify(match?.left);
  return (
    left === JSON.stringify({ "&": [{ meta: { key: "mark" } }, PACKET_MARK] }) &&
    match?.right === PACKET_MARK &&
    parts.some((part) => "accept" in part)
  );
}

/** iptables-restore turns the comment into a match of its own, which nft cannot read and calls `xt`. */
function isOurs(rule: Json): boolean {
  return rule.comment === COMMENT || expressions(rule).some((part) => "xt" in part);
}
