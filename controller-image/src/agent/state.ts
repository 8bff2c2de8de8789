// What the agent knows of its node's kernel, as plain data: the constants that mark what is ours, and one footprint per
// address, so that "what is there" and "what should be there" are values of the same type.

import type { Uplink } from "../fabric/fabric";
import type { FenceState } from "./fence";
import type { ForwardState } from "./forward";
import type { PodLook } from "./inside";
import type { RuntimeRecord } from "./sandboxes";

/** Routing table that holds our routes and nothing else. */
export const ROUTE_TABLE = 7421;
/** Preference of the rule that consults it, before `main` (32766). */
export const RULE_PREFERENCE = 700;
/** Routing protocol number on our rule, routes and proxy neighbours: they are recognised by it. */
export const ROUTE_PROTOCOL = 153;
/** The kernel's own table of what is the node's; it comes before ours. */
export const LOCAL_TABLE = 255;
/** Protocol on what Google's guest agent puts there: every address that a forwarding rule brings to the machine. */
export const GUEST_AGENT_PROTOCOL = 66;
/** Protocol on what the kernel has put there itself: the addresses of the node's interfaces. */
export const KERNEL_PROTOCOL = 2;
/** Our nftables table, family `ip`. */
export const NFT_TABLE = "pip_agent";
/** Packet mark on forwarded packets of our addresses, for hosts whose FORWARD chain drops by default. */
export const PACKET_MARK = 0x2000;
/** Packet mark on packets that come from a bridge and go back to it, where netfilter does not see the answer. */
export const BRIDGE_MARK = 0x1000;
/** Metric of the fallback route: it takes over in the instant in which the kernel drops the route to a dead Pod. */
export const FALLBACK_METRIC = 4096;
/**
 * How long the old node is ready for what still arrives there, to send it to the new one or to drop it: longer than common ARP
 * caches live.
 */
export const STRAYS_MS = 60_000;
/** When it asks for the first time whether the address still is anybody's; the longer ago it was the less often after that. */
export const FIRST_CHECK_MS = 5_000;
/** But so often at least: whoever deletes a route waits 10 s for nodes that have something of it and are not told. */
export const CHECK_MS = 8_000;

/** Next hop of an address. */
export interface Path {
  readonly via: string;
  readonly dev: string;
}

/** Everything that the kernel holds for one address. */
export interface Footprint {
  /** The route to the Pod, or to the new node while forwarding. */
  readonly path?: Path;
  /** The blackhole below it. */
  readonly fallback: boolean;
  /** In the set of addresses that the Pod holds itself (delivery `app`). */
  readonly app: boolean;
  /** In the set of addresses that go to another node, untracked. */
  readonly forward: boolean;
  /** In the set of addresses that are not to leave again where they came in: another node's, though they may still arrive here. */
  readonly stray: boolean;
  /** A `throw` in the kernel's own table, so that nothing there counts: a guest agent may have made the address the node's. */
  readonly thrown: boolean;
  /** The Pod that nat translates to. */
  readonly natPod?: string;
  /** In which what clients send is looked up among known connections. */
  readonly zone?: number;
  /** In the set of addresses that nat serves. */
  readonly nat: boolean;
  /** The Pod that has the address on its interface because we have put it there (delivery `interface`), by its address. */
  readonly insideOf?: string;
  /** Whether it really has it. */
  readonly held: boolean;
  /** Our proxy neighbour on the uplink: with it the kernel answers ARP while `path` leaves by another interface. */
  readonly proxy: boolean;
}

export const NO_FOOTPRINT: Footprint = {
  fallback: false,
  app: false,
  forward: false,
  stray: false,
  thrown: false,
  nat: false,
  held: false,
  proxy: false,
};

export function isEmpty(footprint: Footprint): boolean {
  const { path, natPod, zone, insideOf, ...marks } = footprint;
  return (path ?? natPod ?? zone ?? insideOf) === undefined && !Object.values(marks).includes(true);
}

export function samePath(a: Path | undefined, b: Path | undefined): boolean {
  return a?.via === b?.via && a?.dev === b?.dev;
}

/** An address range, both ends inclusive, as numbers. */
export interface Interval {
  readonly first: number;
  readonly last: number;
}

export interface NftState {
  /** `other`: a table of that name whose chains are not exactly ours, or of another version. */
  readonly base: "absent" | "current" | "other";
  readonly app: ReadonlySet<string>;
  readonly forward: ReadonlySet<string>;
  readonly stray: ReadonlySet<string>;
  readonly nat: ReadonlySet<string>;
  /** Whether the direction from clients has a zone for each Pod. */
  readonly zones: boolean;
  /** Address → the zone of its Pod. */
  readonly zoneOf: ReadonlyMap<string, number>;
  /** Address → Pod. */
  readonly podOf: ReadonlyMap<string, string>;
  /** Pod → the address that its own connections leave with. */
  readonly egressOf: ReadonlyMap<string, string>;
  /** Pod → the address as which it sees itself when it calls its own address. */
  readonly hairpinOf: ReadonlyMap<string, string>;
  /** Address → the Pod whose interface we have added it to. */
  readonly insideOf: ReadonlyMap<string, string>;
  readonly cluster: readonly Interval[];
  /** Interfaces of tunnels between nodes. */
  readonly tunnels: ReadonlySet<string>;
  /** Bridges whose own traffic netfilter does not see. */
  readonly bridges: ReadonlySet<string>;
  /** Bridge ports that send back to their Pod what comes from it because we have told them so. */
  readonly hairpinPorts: ReadonlySet<string>;
  /** The uplink's `proxy_delay` (ms) before we set it to 0, remembered in the kernel itself. */
  readonly proxyDelayBefore?: number;
}

/** Where the kernel would send a packet for an address of a Pod or a node. */
export interface Hop {
  readonly dev: string;
  readonly ifindex: number;
  /** Link kind such as `veth` or `bridge`; empty for a physical one. */
  readonly kind: string;
  readonly gateway?: string;
  /** An address of the node itself. */
  readonly local: boolean;
  /** The Pod's own port where `dev` is a bridge and the bridge knows it. */
  readonly port?: string;
}

/** A port of a bridge. */
export interface Port {
  /** Whether it sends back to its Pod what comes from it; else a Pod on a bridge cannot reach itself by way of the node. */
  readonly hairpin: boolean;
}

export interface RoutesOf {
  readonly path?: Path;
  /** The Pod's own port where the path is over a bridge that knows it. */
  readonly port?: string;
  readonly fallback: boolean;
}

export interface KernelState {
  readonly rule: boolean;
  readonly routes: ReadonlyMap<string, RoutesOf>;
  /** Addresses with a `throw` of ours in the kernel's own table. */
  readonly thrown: ReadonlySet<string>;
  /** Addresses that the guest agent has made the node's own there. */
  readonly claimed: ReadonlySet<string>;
  /** Addresses that interfaces of the node have. @default none is known */
  readonly own?: ReadonlySet<string>;
  /** Proxy neighbours on the uplink; `foreign` ones lack our protocol and are left alone. */
  readonly proxies: ReadonlyMap<string, "ours" | "foreign">;
  /** Proxy neighbours of ours on interfaces that are not the uplink, or not any more. @default none */
  readonly astray?: readonly { readonly address: string; readonly dev: string }[];
  readonly nft: NftState;
  /** `unreachable`: asked, and the kernel has no route. An address that is missing here was not asked. */
  readonly hops: ReadonlyMap<string, Hop | "unreachable">;
  readonly uplink?: Uplink & {
    readonly proxyDelay?: number;
    /** Whether what arrives there is passed on, and questions for proxy neighbours are answered. @default not known */
    readonly forwards?: boolean;
  };
  readonly links: Links;
  /** By name; without the uplink, and without names that no command could carry. */
  readonly devices: ReadonlyMap<string, Device>;
  readonly fences: FenceState;
  readonly forward: ForwardState;
  /** The insides of the Pods that were asked for, by Pod address; nothing where the agent may not enter any. */
  readonly pods?: ReadonlyMap<string, PodLook>;
  /** What the container runtime says of the node's Pods; nothing where it does not say. */
  readonly sandboxes?: readonly RuntimeRecord[];
  /** Seen before, and nothing has been heard since that speaks against it. */
  readonly remembered?: boolean;
}

export interface Device {
  readonly ifindex: number;
  /** As in {@link Hop}. */
  readonly kind: string;
}

/** What the node has besides its uplink and the interfaces of Pods. */
export interface Links {
  /** Tunnels between nodes. A node at their other end drops sources that are not behind them, if it filters strictly. */
  readonly tunnels: ReadonlySet<string>;
  /** Bridges whose own traffic netfilter does not see (`bridge-nf-call-iptables` is 0). */
  readonly bridges: ReadonlySet<string>;
  readonly ports: ReadonlyMap<string, Port>;
}

export const NO_LINKS: Links = { tunnels: new Set(), bridges: new Set(), ports: new Map() };

/** The kernel as it is before the first binding. */
export const UNTOUCHED_NFT: NftState = {
  base: "absent",
  app: new Set(),
  forward: new Set(),
  stray: new Set(),
  nat: new Set(),
  zones: false,
  zoneOf: new Map(),
  podOf: new Map(),
  egressOf: new Map(),
  hairpinOf: new Map(),
  insideOf: new Map(),
  cluster: [],
  tunnels: new Set(),
  bridges: new Set(),
  hairpinPorts: new Set(),
};

export function footprintOf(kernel: KernelState, address: string): Footprint {
  const routes = kernel.routes.get(address);
  const insideOf = kernel.nft.insideOf.get(address);
  const look = insideOf === undefined ? undefined : kernel.pods?.get(insideOf);
  return {
    path: routes?.path,
    fallback: routes?.fallback ?? false,
    app: kernel.nft.app.has(address),
    forward: kernel.nft.forward.has(address),
    stray: kernel.nft.stray.has(address),
    thrown: kernel.thrown.has(address),
    natPod: kernel.nft.podOf.get(address),
    zone: kernel.nft.zoneOf.get(address),
    nat: kernel.nft.nat.has(address),
    insideOf,
    held: look !== undefined && "addresses" in look && look.addresses.has(address),
    proxy: kernel.proxies.get(address) === "ours",
  };
}

/** Every address that has any footprint. */
export function addressesIn(kernel: KernelState): Set<string> {
  const ours = [...kernel.proxies].filter(([, owner]) => owner === "ours").map(([address]) => address);
  const { app, forward, stray, nat, podOf, zoneOf, egressOf, hairpinOf, insideOf } = kernel.nft;
  return new Set([
    ...kernel.routes.keys(),
    ...kernel.thrown,
    ...ours,
    ...app,
    ...forward,
    ...stray,
    ...nat,
    ...podOf.keys(),
    ...zoneOf.keys(),
    ...egressOf.values(),
    ...hairpinOf.values(),
    ...insideOf.keys(),
  ]);
}
