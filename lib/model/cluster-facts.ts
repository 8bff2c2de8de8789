// What the other components may know of a cluster, and the rules that they share.
import { isKnown, LATER, type MaybeLater } from "./later";
import type { Problems } from "./problems";

/**
 * A cluster as pools, routes and controllers see it. `LATER` is what the program does not know yet, and what it never
 * will (in CDK8s nothing is read from the cloud): checks pass over it. In Pulumi a component has both, what is known
 * while the program runs and an output of the same shape with nothing left to come.
 */
export interface ClusterFacts {
  /** Name of the cluster in GKE. */
  readonly name: MaybeLater<string>;
  /** Where it runs: a region such as `us-central1`, or a zone such as `us-central1-a`. */
  readonly location: MaybeLater<string>;
  /** The region of `location`; addresses must be in it. */
  readonly region: MaybeLater<string>;
  /** Id of its project. */
  readonly project: MaybeLater<string>;
  /** Version of the control plane, for example `1.33.5-gke.1201000`. */
  readonly version: MaybeLater<string>;
  /** The version that the program asks for at creation, `1.33` for any that begins so; absent where it asks for none. */
  readonly askedVersion?: MaybeLater<string>;
  /** Whether Google manages the nodes; the feature needs GKE Standard. */
  readonly autopilot: MaybeLater<boolean>;
  /** Whether it runs Dataplane V2. */
  readonly dataplaneV2: MaybeLater<boolean>;
  /** Whether Pods have alias addresses of the VPC network; absent where nobody asked. */
  readonly vpcNative?: MaybeLater<boolean>;
  /** Whether GKE installs the Gateway API. */
  readonly gatewayApi: MaybeLater<boolean>;
  /** Whether Pods may have several networks. */
  readonly multiNetworking: MaybeLater<boolean>;
  /** Pool of Workload Identity, `<project>.svc.id.goog`; empty where it is off. */
  readonly workloadPool: MaybeLater<string>;
  /** VPC network, as the cluster names it; empty where the program leaves it to GKE. */
  readonly network: MaybeLater<string>;
  /** Subnetwork of the nodes, likewise. */
  readonly subnetwork: MaybeLater<string>;
  /** IPv4 range of the Pods; further ranges of node pools are not listed. */
  readonly podCidr: MaybeLater<string>;
  /** IPv4 range of the Services. */
  readonly serviceCidr: MaybeLater<string>;
}

/** A cluster of which nothing is known yet. */
export const UNKNOWN_CLUSTER: ClusterFacts = {
  name: LATER,
  location: LATER,
  region: LATER,
  project: LATER,
  version: LATER,
  autopilot: LATER,
  dataplaneV2: LATER,
  gatewayApi: LATER,
  multiNetworking: LATER,
  workloadPool: LATER,
  network: LATER,
  subnetwork: LATER,
  podCidr: LATER,
  serviceCidr: LATER,
};

const REGION = "[a-z]+(?:-[a-z]+)+\\d+";
const LOCATION = new RegExp(`^(${REGION})(?:-[a-z])?$`);

/** The region of a region or a zone: `us-central1` of `us-central1-a`. Undefined where the text is neither. */
export function regionOf(location: string): string | undefined {
  return LOCATION.exec(location)?.[1];
}

/** The same where the location may still be to come. */
export function regionOfLocation(location: MaybeLater<string>): MaybeLater<string> {
  return isKnown(location) ? (regionOf(location) ?? LATER) : LATER;
}

/** Checks that something regional, an address for example, is in the cluster's region. */
export function checkClusterRegion(
  what: string,
  region: MaybeLater<string>,
  cluster: ClusterFacts,
  problems: Problems,
): void {
  if (!isKnown(region) || !isKnown(cluster.region) || region === cluster.region) return;
  const name = isKnown(cluster.name) ? `cluster "${cluster.name}"` : "the cluster";
  problems.add(what, region, `${name} is in "${cluster.region}", and addresses must be in its region`);
}

/** A version of GKE, by its numbers: major, minor, patch, and the number of the GKE release. */
function numbersOf(version: string): readonly number[] | undefined {
  const match = /^v?(\d+)\.(\d+)(?:\.(\d+)(?:-gke\.(\d+))?)?$/.exec(version);
  return match?.slice(1).map((part) => Number(part ?? 0));
}

/** Whether the text is a version of GKE, whole (`1.33.5-gke.1201000`) or a beginning of one (`1.33`, `1.33.5`). */
export function isGkeVersion(text: string): boolean {
  return numbersOf(text) !== undefined;
}

/** Whether every version that begins so is below another: "1.31" is below "1.32.3", and "1.32" may not be. */
export function isCertainlyBelow(beginning: string, floor: string): boolean {
  const given = beginning
    .replace(/^v/, "")
    .split(/[.-]/)
    .filter((part) => /^\d+$/.test(part)).length;
  const [have, want] = [numbersOf(beginning)?.slice(0, given), numbersOf(floor)];
  if (have === undefined || want === undefined) return false;
  const at = have.findIndex((number, index) => number !== want[index]);
  return at !== -1 && (have[at] ?? 0) < (want[at] ?? 0);
}

/** Whether a version is at least another; what is left out counts as zero. True where either is no version. */
export function isAtLeast(version: string, floor: string): boolean {
  const [have, want] = [numbersOf(version), numbersOf(floor)];
  if (have === undefined || want === undefined) return true;
  const at = have.findIndex((number, index) => number !== want[index]);
  return at === -1 || (have[at] ?? 0) > (want[at] ?? 0);
}
