// The annotations by which a Pod asks for interfaces on several networks (GKE docs, "Set up multi-network support for
// Pods", read 2026-11).
import { checkAllNames } from "./argument-names";
import { DEFAULT_NETWORK } from "./gke-api";
import { checkObjectName } from "./names";
import { Problems } from "./problems";

/** On Pods: JSON list of the interfaces and their networks. */
export const ANNOTATION_INTERFACES = "networking.gke.io/interfaces";
/** On Pods: the interface with the default route. */
export const ANNOTATION_DEFAULT_INTERFACE = "networking.gke.io/default-interface";

/** Interface of every Pod on its primary network. */
export const DEFAULT_INTERFACE = "eth0";

/** One interface of a Pod. */
export interface PodInterface {
  /** Name of the interface in the Pod, at most 15 characters, for example `eth1`. */
  interfaceName: string;
  /** Name of the `Network` that it is on; `default` is the primary one. */
  network: string;
}

/** The longest name of a network interface in Linux, IFNAMSIZ less the end mark. */
const MAX_INTERFACE_NAME = 15;

/**
 * Annotations for a Pod template whose Pods are on further networks. The primary network is listed as `eth0` unless an
 * entry names it. A later change rolls the Pods.
 *
 * @param interfaces the further interfaces
 * @param defaultInterface the interface with the default route; GKE keeps it on the primary network, `eth0`, by default
 * @see https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods
 */
export function podInterfaces(
  interfaces: PodInterface[],
  defaultInterface: string = DEFAULT_INTERFACE,
): Record<string, string> {
  const problems = new Problems();
  checkInterfaceList(interfaces, problems);
  throwAny(problems);
  const primary = { interfaceName: DEFAULT_INTERFACE, network: DEFAULT_NETWORK };
  const isPrimaryListed = interfaces.some(({ network }) => network === DEFAULT_NETWORK);
  const listed = isPrimaryListed ? interfaces : [primary, ...interfaces];
  const seen = new Set<string>(isPrimaryListed ? [] : [DEFAULT_INTERFACE]);
  interfaces.forEach(({ interfaceName, network }, index) => {
    const what = `interfaces[${index}]`;
    if (!/^[^\s/:]+$/.test(interfaceName) || interfaceName.length > MAX_INTERFACE_NAME) {
      problems.add(
        `${what}.interfaceName`,
        interfaceName,
        `use 1 to ${MAX_INTERFACE_NAME} characters without spaces, "/" and ":", for example "eth1"`,
      );
    } else if (seen.has(interfaceName)) {
      problems.add(
        `${what}.interfaceName`,
        interfaceName,
        "another interface of the Pod has that name: give each its own",
      );
    }
    seen.add(interfaceName);
    checkObjectName(`${what}.network`, network, problems);
  });
  if (!seen.has(defaultInterface)) {
    problems.add("defaultInterface", defaultInterface, `use one of ${[...seen].map((one) => `"${one}"`).join(", ")}`);
  }
  throwAny(problems);
  return {
    [ANNOTATION_DEFAULT_INTERFACE]: defaultInterface,
    [ANNOTATION_INTERFACES]: JSON.stringify(listed.map(({ interfaceName, network }) => ({ interfaceName, network }))),
  };
}

/** What a compiler says of TypeScript. */
function checkInterfaceList(interfaces: unknown, problems: Problems): void {
  if (!Array.isArray(interfaces)) {
    problems.add("interfaces", interfaces, 'use a list, for example [{ interfaceName: "eth1", network: "blue" }]');
    return;
  }
  interfaces.forEach((entry: unknown, index) => {
    const what = `interfaces[${index}]`;
    if (typeof entry !== "object" || entry === null) {
      problems.add(what, entry, 'use an object, for example { interfaceName: "eth1", network: "blue" }');
      return;
    }
    checkAllNames(`${what}.`, entry, { interfaceName: true, network: true }, problems);
    const { interfaceName, network } = entry as Readonly<Record<string, unknown>>;
    if (typeof interfaceName !== "string") {
      problems.add(`${what}.interfaceName`, interfaceName, 'use the name of the interface, for example "eth1"');
    }
    if (typeof network !== "string") problems.add(`${what}.network`, network, "use the name of the Network");
  });
}

function throwAny(problems: Problems): void {
  const message = problems.message("podInterfaces");
  if (message !== undefined) throw new Error(message);
}

/** Whether GKE can read the annotation: each entry names an interface, and its network or an object that tells it. */
export function isInterfaceList(annotation: string): boolean {
  try {
    const listed: unknown = JSON.parse(annotation);
    return Array.isArray(listed) && listed.every(isInterface);
  } catch {
    return false;
  }
}

function isInterface(entry: unknown): boolean {
  const { interfaceName, network, interface: object } = (entry ?? {}) as Record<string, unknown>;
  return typeof interfaceName === "string" && (typeof network === "string") !== (typeof object === "string");
}

/** The names of the interfaces in the annotation of a template; undefined where it cannot be read. */
export function interfaceNamesOf(annotation: string): readonly string[] | undefined {
  const names = listedIn(annotation, "interfaceName");
  return names === undefined || names.length === 0 ? undefined : names;
}

/** The networks in the annotation of a template; undefined where it cannot be read. */
export function networksOf(annotation: string): readonly string[] | undefined {
  // An entry may name an interface object of the cluster instead, whose network is not told here.
  return listedIn(annotation, "network");
}

/** One field of every entry; undefined where an entry has none. */
function listedIn(annotation: string, field: "interfaceName" | "network"): readonly string[] | undefined {
  try {
    const listed: unknown = JSON.parse(annotation);
    if (!Array.isArray(listed)) return undefined;
    const values = listed.map((item: Partial<Record<typeof field, unknown>> | null) => item?.[field]);
    return values.every((value) => typeof value === "string") ? values : undefined;
  } catch {
    return undefined;
  }
}
