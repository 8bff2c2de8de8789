// The fence: a Pod that held an address itself and still runs after it moved must not go on sending with it. Whether the
// node's reverse path filter would stop it depends on sysctls that are not ours, so each such Pod's interface gets a filter
// where its packets come in, which holds until the interface goes with the Pod. Named by the interface's number: the next
// Pod's interface may have the same name.
import type { ElementChange } from "./nft";
import type { AddressMemory } from "./outcome";
import { type Footprint, footprintOf, type KernelState, NFT_TABLE, samePath } from "./state";

/** In family `netdev`, apart from the base: it comes with the first fence and goes with the last. */
export const FENCE_TABLE = ["netdev", NFT_TABLE];
const TABLE = FENCE_TABLE.join(" ");

export interface FenceState {
  readonly table: boolean;
  /** Interface number → addresses that must not come from there. */
  readonly fenced: ReadonlyMap<number, ReadonlySet<string>>;
  /** Interfaces whose filter is in place; it goes by itself with the interface, the set of addresses does not. */
  readonly filtered: ReadonlySet<number>;
}

/** Interface number → addresses that must not come from there. */
export type Fences = ReadonlyMap<number, ReadonlySet<string>>;

export interface FenceChanges {
  /** By address, to be carried out with the rest of it. */
  readonly steps: ReadonlyMap<string, ElementChange>;
  /** One transaction of its own, after everything. */
  readonly cleanup: readonly string[];
  /** What there is then. */
  readonly fenced: Fences;
}

/**
 * Which interfaces have to be fenced off from which addresses, and what that changes.
 *
 * @param known what was fenced off before, which somebody may have deleted: no binding says it any more
 */
export function fenceChanges(
  kernel: KernelState,
  targets: ReadonlyMap<string, Footprint>,
  { possible, known }: { readonly possible: boolean; readonly known: Fences },
): FenceChanges {
  const { fences, devices } = kernel;
  if (!possible) return { steps: new Map(), cleanup: fences.table ? [DELETE_FENCES] : [], fenced: new Map() };
  const living = new Map([...devices].map(([name, { ifindex }]) => [ifindex, name]));
  const steps = new Map<string, ElementChange>();
  const kept = new Map<number, Set<string>>();
  for (const [ifindex, addresses] of [...fences.fenced, ...known]) {
    if (living.has(ifindex)) kept.set(ifindex, new Set([...(kept.get(ifindex) ?? []), ...addresses]));
  }
  const has = (ifindex: number, address: string): boolean => fences.fenced.get(ifindex)?.has(address) === true;
  const added = new Map<number, Set<string>>();
  const linesFor = (ifindex: number, device: string, addresses: readonly string[]): string[] => {
    const isNew = !fences.filtered.has(ifindex) && !added.has(ifindex);
    added.set(ifindex, new Set([...(added.get(ifindex) ?? []), ...addresses]));
    const elements = addresses.map((address) => elementLine("add", ifindex, address));
    return [...(isNew ? filterLines(device, ifindex) : []), ...elements];
  };
  const add = (address: string, ifindex: number): void => {
    const device = living.get(ifindex);
    if (device === undefined) return;
    kept.set(ifindex, (kept.get(ifindex) ?? new Set()).add(address));
    const remove = steps.get(address)?.remove ?? [];
    steps.set(address, { remove, add: linesFor(ifindex, device, [address]) });
  };
  for (const [address, target] of targets) {
    const before = footprintOf(kernel, address);
    const now = interfaceOf(kernel, target, portOfHop(kernel, target));
    const stays = before.app && target.app && samePath(before.path, target.path);
    const old = stays ? undefined : interfaceOf(kernel, before, kernel.routes.get(address)?.port);
    // The Pod that has the address now may send with it, before anything else can happen.
    if (now !== undefined && kept.get(now)?.delete(address) === true && has(now, address)) {
      steps.set(address, { remove: [elementLine("delete", now, address)], add: [] });
    }
    if (old !== undefined && old !== now && kept.get(old)?.has(address) !== true) add(address, old);
  }
  const fenced = new Map([...kept].filter(([, addresses]) => addresses.size > 0));
  if (fenced.size === 0) return { steps, cleanup: fences.table ? [DELETE_FENCES] : [], fenced };
  // What somebody has taken away. It concerns addresses of which this node may know nothing else any more.
  const restored = [...fenced].flatMap(([ifindex, addresses]) => {
    const whole = fences.filtered.has(ifindex) || added.has(ifindex);
    const lost = [...addresses].filter((each) => !has(ifindex, each) && added.get(ifindex)?.has(each) !== true);
    return whole && lost.length === 0 ? [] : linesFor(ifindex, living.get(ifindex) ?? "", lost);
  });
  const needless = [...fences.fenced.keys()].filter((ifindex) => !fenced.has(ifindex));
  return { steps, cleanup: [...restored, ...needless.flatMap(forgetLines)], fenced };
}

/** What was fenced off when the last pass was over. */
export function fencesIn(memory: ReadonlyMap<string, AddressMemory>): Fences {
  const found = new Map<number, Set<string>>();
  for (const [address, { fenced = [] }] of memory) {
    for (const ifindex of fenced) found.set(ifindex, (found.get(ifindex) ?? new Set()).add(address));
  }
  return found;
}

/** What the kernel must be able to do, at an interface that every node has. */
export function checkFenceScript(): string[] {
  return [...filterLines("lo", 0), elementLine("add", 0, "192.0.2.1")];
}

export const DELETE_FENCES = `delete table ${TABLE}`;

/** The Pod's own interface on the node, where the Pod holds the address itself. */
function interfaceOf(
  { devices }: KernelState,
  { app, path, forward, insideOf }: Footprint,
  port: string | undefined,
): number | undefined {
  // What we have put into a Pod we take away again; the kernel lets nobody send with an address that is not there.
  if (!app || insideOf !== undefined || forward || path === undefined) return undefined;
  // Behind a bridge all Pods come in by the same interface, so only the Pod's port can be fenced.
  const device = devices.get(path.dev)?.kind === "bridge" ? port : path.dev;
  return device === undefined ? undefined : devices.get(device)?.ifindex;
}

function portOfHop({ hops }: KernelState, { path }: Footprint): string | undefined {
  const hop = path && hops.get(path.via);
  return hop === undefined || hop === "unreachable" ? undefined : hop.port;
}

function filterLines(device: string, ifindex: number): string[] {
  return [
    `add table ${TABLE}`,
    `add set ${TABLE} on_${ifindex} { type ipv4_addr; }`,
    `add chain ${TABLE} dev_${ifindex} { type filter hook ingress device "${device}" priority -500; policy accept; }`,
    `flush chain ${TABLE} dev_${ifindex}`,
    `add rule ${TABLE} dev_${ifindex} ip saddr @on_${ifindex} drop`,
  ];
}

/** Adding comes first, because the kernel may have dropped the chain with its interface since we looked. */
function forgetLines(ifindex: number): string[] {
  const chain = `chain ${TABLE} dev_${ifindex}`;
  return [`add ${chain}`, `delete ${chain}`, `delete set ${TABLE} on_${ifindex}`];
}

function elementLine(verb: "add" | "delete", ifindex: number, address: string): string {
  return `${verb} element ${TABLE} on_${ifindex} { ${address} }`;
}

type Json = Readonly<Record<string, unknown>>;

/** Reads `nft -j list table netdev …`. */
export function parseFences(json: string): FenceState {
  const document = JSON.parse(json.trim() === "" ? "{}" : json) as { nftables?: unknown };
  const entries = Array.isArray(document.nftables) ? (document.nftables as Json[]) : [];
  const ours = (kind: string): Json[] =>
    entries.flatMap((entry) => {
      const found = entry[kind] as Json | undefined;
      return found?.family === "netdev" && (kind === "table" ? found.name : found.table) === NFT_TABLE ? [found] : [];
    });
  const number = (name: unknown, prefix: string): number[] => {
    const match = new RegExp(`^${prefix}_(\\d+)$`).exec(String(name));
    return match === null ? [] : [Number(match[1])];
  };
  const ruled = ours("rule").map(({ chain }) => chain);
  const hooked = ours("chain").filter(({ name, hook }) => hook !== undefined && ruled.includes(name));
  return {
    table: ours("table").length > 0,
    fenced: new Map(
      ours("set").flatMap(({ name, elem }) =>
        number(name, "on").map((ifindex): [number, Set<string>] => [
          ifindex,
          new Set(Array.isArray(elem) ? elem.filter((value): value is string => typeof value === "string") : []),
        ]),
      ),
    ),
    filtered: new Set(hooked.flatMap(({ name }) => number(name, "dev"))),
  };
}
