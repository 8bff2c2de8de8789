// The GatewayClasses of persistent addresses: GKE's six and podpin's three (reference: GKE docs, "About persistent IP
// addresses for Pods").
import { Fabric } from "./binding";

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
export const GkeClassFabric = { L2: Fabric.L2, None: Fabric.None } as const;
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

export const GKE_EXTERNAL_CLASS = "gke-persistent-regional-external-managed";
export const GKE_INTERNAL_CLASS = "gke-persistent-regional-internal-managed";

/** The classes that are Google's on GKE. Elsewhere podpin can install them, so that YAML written for GKE works. */
export const GKE_CLASS_NAMES: readonly string[] = [
  GKE_EXTERNAL_CLASS,
  GKE_INTERNAL_CLASS,
  "gke-persistent-fast-regional-external-managed",
  "gke-persistent-fast-regional-internal-managed",
  "gke-passthrough-lb-external-managed",
  "gke-passthrough-lb-internal-managed",
];

/** The class of a pool that names none. */
export function defaultClassName(provider: Provider, addressType: AddressType): string {
  const external = addressType === AddressType.External;
  if (provider === Provider.Podpin) return external ? PODPIN_EXTERNAL_CLASS : PODPIN_INTERNAL_CLASS;
  return external ? GKE_EXTERNAL_CLASS : GKE_INTERNAL_CLASS;
}

/** Every class that podpin serves, in the order in which they are created. */
export function servedClasses(gkeClassFabric: GkeClassFabric | undefined): readonly ServedClass[] {
  if (gkeClassFabric === undefined) return PODPIN_CLASSES;
  const description = "GKE's name for persistent addresses, served by podpin";
  return [...PODPIN_CLASSES, ...GKE_CLASS_NAMES.map((name) => ({ name, fabric: gkeClassFabric, description }))];
}
