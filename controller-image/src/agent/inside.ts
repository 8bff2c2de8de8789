// The part of delivery `interface` that is in the Pod's own network namespace: what is there, as data, and the lines of
// `ip -batch -` that add the address to the Pod's interface or take it away.
import { isIPv4 } from "../../../lib/model/address";
import { answered, type Json, text } from "./iproute";
import { type Footprint, footprintOf, type KernelState, ROUTE_PROTOCOL, ROUTE_TABLE, RULE_PREFERENCE } from "./state";

/** A Pod's own network namespace, as far as its addresses go. */
export interface PodSide {
  /** Name of the namespace on the node. */
  readonly namespace: string;
  /** The Pod's interface that has the Pod address. */
  readonly device: string;
  readonly ifindex: number;
  /** Addresses of that interface: ours have our label. */
  readonly addresses: ReadonlyMap<string, "ours" | "foreign">;
  /** Where the Pod's default route leaves by another interface: its next hop on this one, which may be on the link. */
  readonly own?: { readonly gateway?: string };
}

/** What came of looking into a Pod. */
export type PodLook = PodSide | { readonly problem: string };

/** One change in one Pod. */
export interface PodChange {
  readonly namespace: string;
  readonly device: string;
  /** Of the interface whose requests for neighbours must never be made in the name of the address. */
  readonly ifindex?: number;
  readonly lines: readonly string[];
}

/** Changes in Pods for one address. */
export interface PodChanges {
  /** Before the routes lead there: the new Pod where the address comes from another one, which the record still names. */
  readonly first: readonly PodChange[];
  /** After the routes: the Pod that loses the address. */
  readonly leave: readonly PodChange[];
  /** After the record: the new Pod where there was none before. */
  readonly enter: readonly PodChange[];
}

export const NO_POD_CHANGES: PodChanges = { first: [], leave: [], enter: [] };

/** The questions of a look, in the order in which {@link parseInside} expects the answers. */
export const INSIDE_LINES: readonly string[] = ["address show", "route show"];

/** iproute2 accepts labels that begin with the interface's name; the kernel's limit is 15 characters. */
const LABEL = ":podpin";
const MAX_DEVICE = 15 - 2;

const labelOf = (device: string): string => `${device}${LABEL}`.slice(0, 15);

/** @throws Error when an answer is missing */
export function parseInside(podIp: string, namespace: string, stdout: string, stderr: string): PodLook {
  const [addresses = [], routes = []] = answered(INSIDE_LINES, stdout, stderr);
  const link = addresses.find(({ addr_info }) => inet(addr_info).some(({ local }) => local === podIp));
  if (link === undefined) return { problem: `network namespace ${namespace} does not have the Pod's address ${podIp}` };
  const device = text(link.ifname);
  if (device.length > MAX_DEVICE) {
    return { problem: `the Pod's interface ${device} has a name of more than ${MAX_DEVICE} characters` };
  }
  const here = routes.filter(({ dev }) => dev === device);
  const first = routes.find(({ dst }) => dst === "default");
  const elsewhere = first !== undefined && first.dev !== device;
  const known = inet(link.addr_info).map(({ local, label }): [string, "ours" | "foreign"] => {
    return [text(local), label === labelOf(device) ? "ours" : "foreign"];
  });
  return {
    namespace,
    device,
    ifindex: Number(link.ifindex),
    addresses: new Map(known.filter(([address]) => isIPv4(address))),
    ...(elsewhere ? { own: { gateway: gatewayOf(here) } } : {}),
  };
}

function inet(info: unknown): Json[] {
  return Array.isArray(info) ? (info as Json[]).filter(({ family }) => family === "inet") : [];
}

/** Of the interface's other routes; a gateway behind which there is nothing else has a route of its own on the link. */
function gatewayOf(routes: readonly Json[]): string | undefined {
  const via = routes.map(({ gateway }) => text(gateway)).find(isIPv4);
  return via ?? routes.map(({ dst, prefsrc }) => (prefsrc === undefined ? text(dst) : "")).find(isIPv4);
}

/** What has to change in Pods, by address. */
export function podSideChanges(
  kernel: KernelState,
  targets: ReadonlyMap<string, Footprint>,
): ReadonlyMap<string, PodChanges> {
  const moves = [...targets].map(([address, to]) => {
    const from = footprintOf(kernel, address);
    const same = from.held && to.held && from.insideOf === to.insideOf;
    return {
      address,
      recorded: from.insideOf !== undefined,
      leaving: same ? undefined : sideOf(kernel, from),
      entering: same ? undefined : sideOf(kernel, to),
    };
  });
  const leavers = moves.filter(({ address, leaving }) => leaving?.addresses.get(address) === "ours");
  const isLeaving = (namespace: string, address: string): boolean =>
    leavers.some((move) => move.address === address && move.leaving?.namespace === namespace);
  return new Map(
    moves.map(({ address, recorded, leaving, entering }): [string, PodChanges] => {
      const ours = leaving !== undefined && leaving.addresses.get(address) === "ours";
      const stays = [...(leaving?.addresses ?? [])].some(
        ([other, whose]) => whose === "ours" && !isLeaving(leaving?.namespace ?? "", other),
      );
      // What the Pod has by itself is the Pod's.
      const there = entering?.addresses.has(address) === true;
      const enter =
        entering === undefined || there
          ? []
          : [{ ...placeOf(entering), ifindex: entering.ifindex, lines: enterLines(entering, address) }];
      return [
        address,
        {
          first: recorded ? enter : [],
          leave: ours ? [{ ...placeOf(leaving), lines: leaveLines(leaving, address, !stays) }] : [],
          enter: recorded ? [] : enter,
        },
      ];
    }),
  );
}

function sideOf({ pods }: KernelState, { insideOf, held }: Footprint): PodSide | undefined {
  const look = insideOf === undefined || !held ? undefined : pods?.get(insideOf);
  return look === undefined || "problem" in look ? undefined : look;
}

const placeOf = ({ namespace, device }: PodSide): Pick<PodChange, "namespace" | "device"> => ({ namespace, device });

/** One table for each interface, or two networks of one Pod would share a default route. */
const tableOf = ({ ifindex }: PodSide): number => ROUTE_TABLE * 1000 + ifindex;

function enterLines(side: PodSide, address: string): string[] {
  const { device, own } = side;
  const table = tableOf(side);
  const via = own?.gateway === undefined ? "" : `via ${own.gateway} `;
  const back = [
    // Replies leave as the question came, or the node's reverse path filter drops them.
    `route replace default ${via}dev ${device} onlink table ${table} proto ${ROUTE_PROTOCOL}`,
    `rule add pref ${RULE_PREFERENCE} from ${address}/32 lookup ${table} protocol ${ROUTE_PROTOCOL}`,
  ];
  return [...(own === undefined ? [] : back), `address replace ${address}/32 dev ${device} label ${labelOf(device)}`];
}

function leaveLines(side: PodSide, address: string, last: boolean): string[] {
  const { device, own } = side;
  const table = tableOf(side);
  const lines = [`address del ${address}/32 dev ${device}`];
  if (own === undefined) return lines;
  lines.push(`rule del pref ${RULE_PREFERENCE} from ${address}/32 lookup ${table}`);
  if (last) lines.push(`route del default dev ${device} table ${table} proto ${ROUTE_PROTOCOL}`);
  return lines;
}
