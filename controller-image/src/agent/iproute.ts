// The language of iproute2: lines for `ip -batch -`, and what `ip -d -N -j` prints. With -N every name is a number, so
// that a node's /etc/iproute2 files cannot change the meaning.
import { isIPv4 } from "../../../lib/model/address";
import {
  FALLBACK_METRIC,
  type Footprint,
  GUEST_AGENT_PROTOCOL,
  type Hop,
  KERNEL_PROTOCOL,
  type KernelState,
  type Links,
  LOCAL_TABLE,
  type Path,
  type Port,
  ROUTE_PROTOCOL,
  ROUTE_TABLE,
  RULE_PREFERENCE,
  type RoutesOf,
  samePath,
} from "./state";

const UNICAST = "1";
const LOCAL = "2";
const BLACKHOLE = "6";
const THROW = "9";

export const ADD_RULE = `rule add pref ${RULE_PREFERENCE} lookup ${ROUTE_TABLE} protocol ${ROUTE_PROTOCOL}`;
export const DELETE_RULE = `rule del pref ${RULE_PREFERENCE} lookup ${ROUTE_TABLE}`;

/**
 * How long the kernel waits before it answers a broadcast ARP request for a proxy neighbour (default 800 ms). By netlink,
 * because /proc/sys is read-only in a container that is not privileged.
 */
export function setProxyDelay(uplink: string, milliseconds: number): string {
  return `ntable change name arp_cache dev ${uplink} proxy_delay ${milliseconds}`;
}

/** Lines that take `from` to `to`, but for the proxy neighbour that must come after everything else. */
export function routeLines(address: string, from: Footprint, to: Footprint, uplink: string): string[] {
  const suffix = `table ${ROUTE_TABLE}`;
  const lines: string[] = [];
  // First of all, because a route that changes from the uplink to a Pod makes an old proxy neighbour speak again.
  if (from.proxy && !to.proxy) lines.push(deleteProxyLine(address, uplink));
  if (to.fallback && !from.fallback) {
    lines.push(`route replace blackhole ${address}/32 ${suffix} metric ${FALLBACK_METRIC} proto ${ROUTE_PROTOCOL}`);
  }
  if (!samePath(from.path, to.path)) {
    if (to.path !== undefined) {
      lines.push(
        `route replace ${address}/32 via ${to.path.via} dev ${to.path.dev} onlink ${suffix} proto ${ROUTE_PROTOCOL}`,
      );
    } else if (from.path !== undefined) {
      lines.push(`route del ${address}/32 via ${from.path.via} dev ${from.path.dev} ${suffix} proto ${ROUTE_PROTOCOL}`);
    }
  }
  if (from.fallback && !to.fallback) {
    lines.push(`route del blackhole ${address}/32 ${suffix} metric ${FALLBACK_METRIC} proto ${ROUTE_PROTOCOL}`);
  }
  const thrown = `throw ${address}/32 table ${LOCAL_TABLE} proto ${ROUTE_PROTOCOL}`;
  // When there is somewhere else to look. Before whatever is there: neither is replaced by the other.
  if (to.thrown && !from.thrown) lines.push(`route prepend ${thrown}`);
  if (from.thrown && !to.thrown) lines.push(`route del ${thrown}`);
  return lines;
}

/** Lets a bridge send back to a Pod what comes from it, or no longer. */
export function hairpinLine(port: string, on: boolean): string {
  return `link set dev ${port} type bridge_slave hairpin ${on ? "on" : "off"}`;
}

export const deleteProxyLine = (address: string, dev: string): string => `neigh del proxy ${address} dev ${dev}`;

export function proxyLine(address: string, uplink: string): string {
  return `neigh replace proxy ${address} dev ${uplink} protocol ${ROUTE_PROTOCOL}`;
}

/** Asks for the proxy neighbours. */
export const PROXIES = "neigh show proxy";

/** `ip` ends, in spite of -force, when it is asked for the settings of an interface that is not there. */
export const isEndedByMissing = (stderr: string): boolean => /argument "[^"]*" is wrong: "DEV" is invalid/.test(stderr);

/** Asks for the node's own part of the routes, and for the kernel's table with all that is in it. */
const [OUR_ROUTES, LOCAL_ROUTES] = [ROUTE_TABLE, LOCAL_TABLE].map((table) => `route show table ${table}`) as [
  string,
  string,
];
/** The same questions, each for a process of its own: of a batch `ip` reads the routes of all tables and leaves out what was not asked for. */
export const ROUTES_APART = [OUR_ROUTES, LOCAL_ROUTES].map((line) => [
  "ip",
  "-4",
  "-d",
  "-N",
  "-j",
  ...line.split(" "),
]);

/** What is different in the questions of an observation. */
export interface Asking {
  /** Whether the uplink is known not to be there; then there is another question in the place of that for its settings. */
  readonly missing?: boolean;
  /** Whether namespaces have names that matter. */
  readonly namespaces?: boolean;
  /** Whether {@link ROUTES_APART} are asked beside the batch, and not in it. */
  readonly apart?: boolean;
}

const RULE = `rule show pref ${RULE_PREFERENCE}`;
const LINKS = "link show";
const NAMESPACES = "netns list-id";
const settingsOf = (uplink: string): string => `ntable show dev ${uplink}`;
const forwardingOf = (uplink: string): string => `netconf show dev ${uplink}`;

/** The questions of one observation, in the order in which {@link parseObservation} expects the answers. */
export function observationLines(uplink: string, ips: readonly string[], asking: Asking = {}): string[] {
  return [
    RULE,
    ...(asking.apart === true ? [] : [OUR_ROUTES, LOCAL_ROUTES]),
    PROXIES,
    LINKS,
    asking.missing === true ? `link show dev ${uplink}` : settingsOf(uplink),
    ...(asking.namespaces === true ? [NAMESPACES] : []),
    forwardingOf(uplink),
    ...hopLines(ips),
  ];
}

/** Asks for the next hops alone. */
export const hopLines = (ips: readonly string[]): string[] => ips.map(hopLine);
const hopLine = (ip: string): string => `route get ${ip}`;

/** Where the next hops are, without what the interfaces are; nothing for an address that the kernel has no route to. */
export function parseWays(ips: readonly string[], stdout: string, stderr: string): ReadonlyMap<string, Way> {
  const answers = answered(hopLines(ips), stdout, stderr);
  return new Map(
    ips.flatMap((ip, index): [string, Way][] => {
      const route = answers[index]?.[0];
      return route === undefined ? [] : [[ip, wayOf(route)]];
    }),
  );
}

/** Numbers of interfaces by name, as `link show dev NAME` says them for each of these. */
export function parseNumbers(devices: readonly string[], stdout: string, stderr: string): ReadonlyMap<string, number> {
  const links = answered(linkLines(devices), stdout, stderr).flatMap((answer): readonly Json[] => answer ?? []);
  return new Map(links.map(({ ifname, ifindex }) => [text(ifname), Number(ifindex)]));
}

export const linkLines = (devices: readonly string[]): string[] => devices.map((name) => `link show dev ${name}`);

/** Numbers (from 1) of the lines that `ip -force -batch -` could not execute, with what it said. */
export function failedLines(stderr: string): Map<number, string> {
  const failed = new Map<number, string>();
  let said: string[] = [];
  for (const line of stderr.split("\n")) {
    const match = /^Command failed [^:]*:(\d+)/.exec(line);
    if (match === null) {
      if (line.trim() !== "") said.push(line.trim());
      continue;
    }
    failed.set(Number(match[1]), said.join(" ") || "refused without a reason");
    said = [];
  }
  return failed;
}

export interface IpState extends Omit<KernelState, "nft" | "fences" | "forward"> {
  /** Name of the network namespace at the other end of an interface, where it has one. */
  readonly namespaceAt: ReadonlyMap<string, string>;
  /** Whether routes lead over an interface of a name that none has: it came or was renamed meanwhile. */
  readonly unsettled: boolean;
}

/**
 * @param routes answers to {@link ROUTES_APART}, where they were asked for
 * @throws Error when an answer is missing, so that half an answer is never taken for an empty kernel
 */
export function parseObservation(
  uplink: string,
  ips: readonly string[],
  stdout: string,
  stderr: string,
  asking: Asking = {},
  routes?: readonly (readonly Json[])[],
): IpState {
  const questions = observationLines(uplink, ips, { ...asking, missing: false });
  const answers = answered(questions, stdout, stderr);
  const said = new Map(questions.map((question, index) => [question, answers[index]]));
  const needed = (question: string): readonly Json[] => {
    const answer = said.get(question);
    if (answer !== undefined) return answer;
    throw new Error(`ip refused "${question}": ${failedLines(stderr).get(questions.indexOf(question) + 1)}`);
  };
  const [ours, local] = routes ?? [said.get(OUR_ROUTES), needed(LOCAL_ROUTES)];
  const of = (protocol: number | string): Json[] =>
    (local ?? []).filter((route) => text(route.protocol) === String(protocol));
  const proxies = needed(PROXIES);
  const links = new Map(needed(LINKS).map((link) => [text(link.ifname), link]));
  const uplinkLink = links.get(uplink);
  const others = [...links.values()].filter(({ ifname }) => ifname !== uplink);
  const hops = ips.map((ip) => [ip, said.get(hopLine(ip))] as const);
  const devices = [...(ours ?? []), ...hops.flatMap(([, route]) => route ?? [])];
  const settings = said.get(settingsOf(uplink));
  const delay = settings?.find((table) => table.name === "arp_cache" && table.dev === uplink)?.proxy_delay;
  const forwards = said.get(forwardingOf(uplink))?.find((conf) => conf.family === "inet")?.forwarding;
  return {
    rule: needed(RULE).some((rule) => rule.priority === RULE_PREFERENCE && text(rule.table) === String(ROUTE_TABLE)),
    routes: parseRoutes(ours ?? []),
    proxies: parseProxies(proxies, uplink),
    thrown: addressesOf(of(ROUTE_PROTOCOL), THROW),
    claimed: addressesOf(of(GUEST_AGENT_PROTOCOL), LOCAL),
    own: addressesOf(of(KERNEL_PROTOCOL), LOCAL),
    // Where the uplink is missing it may have been renamed, and they are what still works.
    astray: (uplinkLink === undefined ? [] : proxies)
      .filter((entry) => isOurProxy(entry) && entry.dev !== uplink && PLAIN_NAME.test(text(entry.dev)))
      .map(({ dst, dev }) => ({ address: text(dst), dev: text(dev) })),
    hops: new Map(hops.map(([ip, route]) => [ip, parseHop(route, links)])),
    uplink: uplinkLink && {
      mac: text(uplinkLink.address),
      proxyDelay: typeof delay === "number" ? delay : undefined,
      forwards: typeof forwards === "boolean" ? forwards : undefined,
    },
    links: parseLinks(others),
    devices: new Map(
      others
        .filter(({ ifname }) => PLAIN_NAME.test(text(ifname)))
        .map((link) => [text(link.ifname), { ifindex: Number(link.ifindex), kind: text(infoOf(link).info_kind) }]),
    ),
    namespaceAt: namespacesOf([...links.values()], said.get(NAMESPACES) ?? []),
    unsettled: devices.some(({ dev }) => typeof dev === "string" && !links.has(dev)),
  };
}

/** Asks for the neighbours at one interface: others know many more, and nothing of them matters. */
export const neighbourLine = (dev: string): string => `neigh show dev ${dev}`;

/** Hardware addresses of the neighbours at each of the interfaces; of one that is gone none. */
export function parseNeighbours(devices: readonly string[], stdout: string, stderr: string): Neighbours {
  const answers = answered(devices.map(neighbourLine), stdout, stderr);
  return new Map(
    devices.map((dev, index) => [dev, new Map(answers[index]?.map(({ dst, lladdr }) => [text(dst), text(lladdr)]))]),
  );
}

/** By interface, then by address. */
export type Neighbours = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** What CNI plugins build tunnels between nodes of. */
const TUNNEL_KINDS: ReadonlySet<unknown> = new Set(["vxlan", "geneve", "ipip", "gre", "wireguard", "tun"]);

/** Names that have a meaning in no command; others can be of no CNI plugin. */
const PLAIN_NAME = /^[A-Za-z0-9_.@:-]{1,15}$/;

function parseLinks(links: readonly Json[]): Links {
  const plain = links.filter(({ ifname }) => PLAIN_NAME.test(text(ifname)));
  const ofKind = (fits: (kind: unknown) => boolean): Set<string> =>
    new Set(plain.filter((link) => fits(infoOf(link).info_kind)).map(({ ifname }) => text(ifname)));
  return {
    tunnels: ofKind((kind) => TUNNEL_KINDS.has(kind)),
    bridges: ofKind((kind) => kind === "bridge"),
    ports: new Map(
      plain
        .filter((link) => infoOf(link).info_slave_kind === "bridge")
        .map((link): [string, Port] => {
          const { hairpin } = json(infoOf(link).info_slave_data);
          return [text(link.ifname), { hairpin: hairpin === true }];
        }),
    ),
  };
}

/** A name that is no path. */
const NAMESPACE = /^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,254}$/;

function namespacesOf(links: readonly Json[], namespaces: readonly Json[]): Map<string, string> {
  const known = namespaces.filter(({ name }) => NAMESPACE.test(text(name)));
  const names = new Map(known.map(({ nsid, name }) => [nsid, text(name)]));
  const found = links.map(({ ifname, link_netnsid }) => [text(ifname), names.get(link_netnsid) ?? ""] as const);
  return new Map(found.filter(([, name]) => name !== ""));
}

/** Bridge port by hardware address, from `bridge -j fdb show`. */
export function parsePorts(stdout: string): Map<string, string> {
  const learnt = records(stdout.trim() || "[]").filter(({ master }) => text(master) !== "");
  return new Map(learnt.map(({ mac, ifname, master }) => [`${text(master)} ${text(mac)}`, text(ifname)]));
}

/** Where a Pod is behind a bridge, and the bridge knows where, hops and routes say at which port. */
export function withPorts(
  { hops, routes }: Pick<IpState, "hops" | "routes">,
  neighbours: Neighbours,
  ports: ReadonlyMap<string, string>,
): Pick<KernelState, "hops" | "routes"> {
  const portOf = (ip: string, dev: string): string | undefined => {
    const mac = neighbours.get(dev)?.get(ip);
    return mac === undefined ? undefined : ports.get(`${dev} ${mac}`);
  };
  const hopsFound = [...hops].map(([ip, hop]): [string, Hop | "unreachable"] => {
    if (hop === "unreachable" || hop.kind !== "bridge") return [ip, hop];
    const port = portOf(ip, hop.dev);
    return [ip, port === undefined ? hop : { ...hop, port }];
  });
  const routesFound = [...routes].map(([address, route]): [string, RoutesOf] => {
    const port = route.path && portOf(route.path.via, route.path.dev);
    return [address, port === undefined ? route : { ...route, port }];
  });
  return { hops: new Map(hopsFound), routes: new Map(routesFound) };
}

/**
 * The answer to each question of a batch; nothing where it was refused.
 *
 * @throws Error when one is missing
 */
export function answered(questions: readonly string[], stdout: string, stderr: string): (Json[] | undefined)[] {
  const failed = failedLines(stderr);
  // A failed command prints nothing on stdout; every other prints one line.
  const output = stdout.split("\n").filter((line) => line !== "");
  return questions.map((question, index) => {
    if (failed.has(index + 1)) return undefined;
    const line = output.shift();
    if (line === undefined)
      throw new Error(`ip gave no answer to "${question}": ${stderr.trim() || "no error either"}`);
    return records(line);
  });
}

export type Json = Readonly<Record<string, unknown>>;

export function records(line: string): Json[] {
  const value: unknown = JSON.parse(line);
  return Array.isArray(value)
    ? value.filter((entry): entry is Json => typeof entry === "object" && entry !== null)
    : [];
}

const json = (value: unknown): Json => (typeof value === "object" && value !== null ? (value as Json) : {});
const infoOf = (link: Json): Json => json(link.linkinfo);
export const text = (value: unknown): string => (typeof value === "string" ? value : "");

function parseRoutes(routes: readonly Json[]): Map<string, RoutesOf> {
  const found = new Map<string, RoutesOf>();
  for (const route of routes) {
    const address = text(route.dst);
    if (!isIPv4(address) || text(route.protocol) !== String(ROUTE_PROTOCOL)) continue;
    const known = found.get(address) ?? { fallback: false };
    if (route.type === BLACKHOLE) found.set(address, { ...known, fallback: true });
    else if (route.type === UNICAST || route.type === undefined) found.set(address, { ...known, path: pathOf(route) });
  }
  return found;
}

function addressesOf(routes: readonly Json[], type: string): Set<string> {
  return new Set(
    routes
      .filter((route) => route.type === type)
      .map(({ dst }) => text(dst))
      .filter(isIPv4),
  );
}

function pathOf(route: Json): Path {
  return { via: text(route.gateway), dev: text(route.dev) };
}

/** Reads the answer to {@link PROXIES}. */
export function parseProxies(neighbours: readonly Json[], uplink: string): Map<string, "ours" | "foreign"> {
  return new Map(
    neighbours
      .filter((entry) => entry.dev === uplink && "proxy" in entry && isIPv4(text(entry.dst)))
      .map((entry) => [text(entry.dst), isOurProxy(entry) ? "ours" : "foreign"]),
  );
}

function isOurProxy(entry: Json): boolean {
  return "proxy" in entry && isIPv4(text(entry.dst)) && text(entry.protocol) === String(ROUTE_PROTOCOL);
}

function parseHop(answer: readonly Json[] | undefined, links: ReadonlyMap<string, Json>): Hop | "unreachable" {
  const route = answer?.[0];
  const link = route && links.get(text(route.dev));
  if (route === undefined || link === undefined) return "unreachable";
  return { ...wayOf(route), ifindex: Number(link.ifindex), kind: text(infoOf(link).info_kind) };
}

/** What a route alone says of a next hop. */
export type Way = Pick<Hop, "dev" | "gateway" | "local">;

function wayOf(route: Json): Way {
  return { dev: text(route.dev), gateway: text(route.gateway) || undefined, local: route.type === LOCAL };
}
