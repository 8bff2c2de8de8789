// The GatewayClasses of persistent addresses: GKE's six and podpin's three (reference: GKE docs, "About persistent IP
// addresses for Pods").
import { Fabric } from "./binding";
import { quotedList } from "./choices";
import { checkObjectName } from "./names";
import type { Problems } from "./problems";

/** Who can reach an address. */
export const AddressType = {
  /** Reachable from the internet. */
  External: "EXTERNAL",
  /** Reachable within the VPC network. */
  Internal: "INTERNAL",
} as const;
export type AddressType = (typeof AddressType)[keyof typeof AddressType];

/** Who runs the routes of a pool. */
export const Provider = {
  /** Google's own controller, on GKE. */
  Gke: "gke",
  /** The controller that `PersistentIpController` deploys. */
  Podpin: "podpin",
} as const;
export type Provider = (typeof Provider)[keyof typeof Provider];

/** What the six `gke-…` classes run on where podpin installs them. Google Cloud's own fabric is Google's to serve. */
export const GkeClassFabric = {
  /** ARP on a shared Ethernet segment. */
  L2: "l2",
  /** The user's own routing. */
  None: "none",
} as const;
export type GkeClassFabric = (typeof GkeClassFabric)[keyof typeof GkeClassFabric];

export interface ServedClass {
  readonly name: string;
  readonly fabric: Fabric;
  /** At most 64 characters (Gateway API). */
  readonly description: string;
}

export const PODPIN_EXTERNAL_CLASS = "podpin-regional-external";
export const PODPIN_INTERNAL_CLASS = "podpin-regional-internal";
export const PODPIN_L2_CLASS = "podpin-l2";

/** The classes that podpin always serves. */
export const PODPIN_CLASSES: readonly ServedClass[] = [
  { name: PODPIN_EXTERNAL_CLASS, fabric: Fabric.Gce, description: "External persistent addresses on Google Cloud" },
  { name: PODPIN_INTERNAL_CLASS, fabric: Fabric.Gce, description: "Internal persistent addresses on Google Cloud" },
  { name: PODPIN_L2_CLASS, fabric: Fabric.L2, description: "Persistent addresses announced on a shared segment" },
];

/** How the addresses of a pool reach their Pods: the three families of GKE's classes. */
export const PoolMode = {
  /** One Pod at a time has an address: the newest eligible one. */
  Standard: "standard",
  /** As `standard`, and the Pods themselves move an address by gratuitous ARP. GKE asks for a Device network. */
  FastFailover: "fast-failover",
  /** Several Pods, at most one on a node, share an address; a regional health check says which of them get packets. */
  LoadBalancing: "load-balancing",
} as const;
export type PoolMode = (typeof PoolMode)[keyof typeof PoolMode];

const GKE_EXTERNAL_CLASS = "gke-persistent-regional-external-managed";
const GKE_INTERNAL_CLASS = "gke-persistent-regional-internal-managed";

interface ClassMeaning {
  readonly name: string;
  readonly addressType: AddressType;
  readonly mode: PoolMode;
}

const { External, Internal } = AddressType;

// That the passthrough classes are those of health-check-based load balancing is inferred from their names and their
// controller; Google's documentation is not known to say so.
const GKE_CLASSES: readonly ClassMeaning[] = [
  { name: GKE_EXTERNAL_CLASS, addressType: External, mode: PoolMode.Standard },
  { name: GKE_INTERNAL_CLASS, addressType: Internal, mode: PoolMode.Standard },
  { name: "gke-persistent-fast-regional-external-managed", addressType: External, mode: PoolMode.FastFailover },
  { name: "gke-persistent-fast-regional-internal-managed", addressType: Internal, mode: PoolMode.FastFailover },
  { name: "gke-passthrough-lb-external-managed", addressType: External, mode: PoolMode.LoadBalancing },
  { name: "gke-passthrough-lb-internal-managed", addressType: Internal, mode: PoolMode.LoadBalancing },
];
const PODPIN_CLOUD_CLASSES: readonly ClassMeaning[] = [
  { name: PODPIN_EXTERNAL_CLASS, addressType: External, mode: PoolMode.Standard },
  { name: PODPIN_INTERNAL_CLASS, addressType: Internal, mode: PoolMode.Standard },
];

/** The classes that are Google's on GKE. Elsewhere podpin can install them, so that YAML written for GKE works. */
export const GKE_CLASS_NAMES: readonly string[] = GKE_CLASSES.map(({ name }) => name);

/** The class of a pool that names none. */
export function defaultClassName(provider: Provider, addressType: AddressType, mode: PoolMode): string {
  const classes = provider === Provider.Podpin ? PODPIN_CLOUD_CLASSES : GKE_CLASSES;
  const found = classes.find((one) => one.addressType === addressType && one.mode === mode);
  return (found ?? classes[0])?.name ?? "";
}

/** What the name of a class says of its pools; nothing for podpin-l2 and classes of your own. */
export function classMeaning(className: string): ClassMeaning | undefined {
  return [...GKE_CLASSES, ...PODPIN_CLOUD_CLASSES].find(({ name }) => name === className);
}

/** Checks the name of a class; any name can be that of a class of one's own, unless it is a slip of the keyboard. */
export function checkClassName(what: string, got: string, problems: Problems): void {
  checkObjectName(what, got, problems);
  if (typeof got !== "string") return;
  const known = [...GKE_CLASS_NAMES, ...PODPIN_CLASSES.map(({ name }) => name)];
  if (known.includes(got)) return;
  const meant = known.find((name) => isOneSlipFrom(name, got));
  if (meant !== undefined) problems.add(what, got, `use "${meant}"`);
  else if (got.startsWith("gke-l7-")) {
    problems.add(
      what,
      got,
      `that class makes HTTP load balancers, not persistent addresses: leave it out, or use one of ${quotedList(GKE_CLASS_NAMES)}`,
    );
  }
}

/** Whether one character is missing, added or another one, or two neighbours have changed places. */
function isOneSlipFrom(word: string, typed: string): boolean {
  let start = 0;
  while (start < word.length && word[start] === typed[start]) start++;
  let end = 0;
  const longest = Math.min(word.length, typed.length) - start;
  while (end < longest && word.at(-1 - end) === typed.at(-1 - end)) end++;
  const [meant, got] = [word.slice(start, word.length - end), typed.slice(start, typed.length - end)];
  return meant.length + got.length === 1 || (meant.length === 1 && got.length === 1) || isSwapped(meant, got);
}

const isSwapped = (a: string, b: string): boolean => a.length === 2 && b.length === 2 && a[0] === b[1] && a[1] === b[0];

/** Every class that podpin serves, in the order in which they are created. */
export function servedClasses(gkeClassFabric: GkeClassFabric | undefined): readonly ServedClass[] {
  if (gkeClassFabric === undefined) return PODPIN_CLASSES;
  const description = "GKE's name for persistent addresses, served by podpin";
  return [...PODPIN_CLASSES, ...GKE_CLASS_NAMES.map((name) => ({ name, fabric: gkeClassFabric, description }))];
}
