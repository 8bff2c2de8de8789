// A cluster whose Pods can have persistent addresses (GKE docs, "Control communication with persistent IP addresses").
import { checkChoice } from "./choices";
import { type ClusterFacts, isAtLeast, isGkeVersion, regionOf, regionOfLocation } from "./cluster-facts";
import { checkGkeName } from "./gke-names";
import { isKnown, LATER, type MaybeLater } from "./later";
import { checkApart, checkMaxPodsPerNode, checkRange, DEFAULT_SERVICE_RANGE, type PodRangePlan } from "./pod-ranges";
import type { Problems } from "./problems";

/** What carries packets between the Pods of a GKE cluster. */
export const DatapathProvider = {
  /** Dataplane V2. GKE's own controller for persistent addresses needs it, and so do several networks. */
  Advanced: "ADVANCED_DATAPATH",
  /** kube-proxy and the CNI of GKE. Only podpin's own controller serves persistent addresses there. */
  Legacy: "LEGACY_DATAPATH",
} as const;
export type DatapathProvider = (typeof DatapathProvider)[keyof typeof DatapathProvider];

/** How soon a cluster gets new versions. */
export const ReleaseChannel = {
  /** None: you upgrade it. */
  Unspecified: "UNSPECIFIED",
  /** First of all. */
  Rapid: "RAPID",
  /** GKE's default. */
  Regular: "REGULAR",
  /** After the others. */
  Stable: "STABLE",
  /** As regular, with a longer support. */
  Extended: "EXTENDED",
} as const;
export type ReleaseChannel = (typeof ReleaseChannel)[keyof typeof ReleaseChannel];

/** What a cluster takes in both flavours as plain values. */
export interface ClusterOptions {
  /**
   * `ADVANCED_DATAPATH` is Dataplane V2, which GKE's own controller needs. Say `LEGACY_DATAPATH` for a cluster on which
   * a `PersistentIpController` runs the routes. Fixed at creation: a change replaces the cluster.
   *
   * @default "ADVANCED_DATAPATH"
   * @see https://cloud.google.com/kubernetes-engine/docs/concepts/dataplane-v2
   */
  datapathProvider?: DatapathProvider | undefined;
  /**
   * Whether Pods may have several networks. Fixed at creation: a change replaces the cluster.
   *
   * @default false
   * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-multinetwork-support-for-pods
   */
  enableMultiNetworking?: boolean | undefined;
  /**
   * How soon GKE upgrades the cluster. A later change takes effect with the next upgrade.
   *
   * @default - GKE's own, the regular channel
   */
  releaseChannel?: ReleaseChannel | undefined;
  /**
   * The most Pods on one node, 8 to 256, for node pools that say nothing else. It sets how large a range each node takes.
   * Fixed at creation: a change replaces the cluster.
   *
   * @default - that of `podRangePlan`, else GKE's own, 110
   */
  defaultMaxPodsPerNode?: number | undefined;
  /**
   * Ranges of Pods and Services, and the most Pods on one node, as `PodRangePlan` worked them out. GKE makes the
   * secondary ranges. Fixed at creation: a change replaces the cluster.
   *
   * @default - the ranges that the fields below give, else GKE's own: /14 for Pods and /20 for Services
   */
  podRangePlan?: PodRangePlan | undefined;
  /**
   * Whether the cluster is kept when the program no longer declares it. With false it is deleted, with all that runs on
   * it. A later change takes effect at once.
   *
   * @default true
   */
  deletionProtection?: boolean | undefined;
}

/** What may come from other resources in Pulumi. */
export interface ClusterValues<T> {
  readonly location: T;
  readonly project: T;
  readonly network: T | undefined;
  readonly subnetwork: T | undefined;
  readonly minMasterVersion: T | undefined;
  readonly clusterIpv4CidrBlock: T | undefined;
  readonly clusterSecondaryRangeName: T | undefined;
  readonly servicesIpv4CidrBlock: T | undefined;
  readonly servicesSecondaryRangeName: T | undefined;
}

type Later = MaybeLater<string>;
export interface ClusterInput extends ClusterOptions, Partial<ClusterValues<Later>> {
  readonly name: string;
}

export interface ClusterPlan extends ClusterOptions, ClusterValues<Later> {
  readonly name: string;
  readonly workloadPool: Later;
  readonly datapathProvider: DatapathProvider;
  readonly enableMultiNetworking: boolean;
  readonly deletionProtection: boolean;
}

/** The first version in which the default network can have persistent addresses. */
export const MIN_VERSION = "1.31";

/** Fills in the defaults of a cluster and reports what is wrong with it. */
export function planCluster(input: ClusterInput, problems: Problems): ClusterPlan {
  const { name, podRangePlan, location, project } = input;
  checkGkeName("name", name, problems);
  checkLocation(location, problems);
  if (project === undefined || project === "") {
    problems.add(
      "project",
      project,
      'pass the id of the project, for example "my-project": Workload Identity needs it',
    );
  }
  const datapathProvider = input.datapathProvider ?? DatapathProvider.Advanced;
  checkChoice("datapathProvider", datapathProvider, DatapathProvider, problems);
  if (input.enableMultiNetworking === true && datapathProvider === DatapathProvider.Legacy) {
    problems.add(
      "enableMultiNetworking",
      true,
      'several networks need Dataplane V2: leave it out, or set datapathProvider: "ADVANCED_DATAPATH"',
    );
  }
  if (input.releaseChannel !== undefined) {
    checkChoice("releaseChannel", input.releaseChannel, ReleaseChannel, problems);
  }
  checkMinVersion(input.minMasterVersion, problems);
  checkMaxPods(input, problems);
  checkRanges(input, problems);

  const planServices = podRangePlan?.serviceRange === DEFAULT_SERVICE_RANGE ? undefined : podRangePlan?.serviceRange;
  return {
    name,
    location: location ?? LATER,
    project: project ?? LATER,
    network: input.network,
    subnetwork: input.subnetwork,
    minMasterVersion: input.minMasterVersion,
    clusterIpv4CidrBlock: input.clusterIpv4CidrBlock ?? podRangePlan?.podRange,
    clusterSecondaryRangeName: input.clusterSecondaryRangeName,
    servicesIpv4CidrBlock: input.servicesIpv4CidrBlock ?? planServices,
    servicesSecondaryRangeName: input.servicesSecondaryRangeName,
    workloadPool: project !== undefined && isKnown(project) ? workloadPoolOfProject(project) : LATER,
    datapathProvider,
    enableMultiNetworking: input.enableMultiNetworking ?? false,
    releaseChannel: input.releaseChannel,
    defaultMaxPodsPerNode: input.defaultMaxPodsPerNode ?? podRangePlan?.maxPodsPerNode,
    deletionProtection: input.deletionProtection ?? true,
  };
}

/** The one pool of Workload Identity that a project has. */
export function workloadPoolOfProject(project: string): string {
  return `${project}.svc.id.goog`;
}

/** Checks where a cluster is. */
export function checkLocation(location: MaybeLater<string> | undefined, problems: Problems): void {
  if (location !== undefined && (!isKnown(location) || regionOf(location) !== undefined)) return;
  problems.add("location", location, 'use a region, for example "us-central1", or a zone, for example "us-central1-a"');
}

function checkMinVersion(version: MaybeLater<string> | undefined, problems: Problems): void {
  if (version === undefined || !isKnown(version) || version === "latest") return;
  if (!isGkeVersion(version)) {
    problems.add("minMasterVersion", version, 'use a version of GKE, for example "1.33" or "1.33.5-gke.1201000"');
  } else if (!isAtLeast(version, MIN_VERSION)) {
    problems.add(
      "minMasterVersion",
      version,
      `persistent addresses need ${MIN_VERSION} or later, leave it out or raise it`,
    );
  }
}

function checkMaxPods({ defaultMaxPodsPerNode: given, podRangePlan }: ClusterInput, problems: Problems): void {
  if (given === undefined || !checkMaxPodsPerNode("defaultMaxPodsPerNode", given, problems)) return;
  const planned = podRangePlan?.maxPodsPerNode ?? given;
  if (planned === given) return;
  problems.add(
    "defaultMaxPodsPerNode",
    given,
    `podRangePlan is for ${planned} Pods on each node: leave it out, or plan with maxPodsPerNode: ${given}`,
  );
}

function checkRanges(input: ClusterInput, problems: Problems): void {
  const { podRangePlan, clusterIpv4CidrBlock: pods, servicesIpv4CidrBlock: services } = input;
  const once = (
    what: "clusterIpv4CidrBlock" | "clusterSecondaryRangeName" | "servicesSecondaryRangeName",
    by: string,
  ) => {
    const got = input[what];
    if (got === undefined) return;
    const range = what === "servicesSecondaryRangeName" ? "Services" : "Pods";
    problems.add(
      what,
      isKnown(got) ? got : "a value to come",
      `${by} gives the range of the ${range} already, leave out one of the two`,
    );
  };
  if (podRangePlan !== undefined) {
    once("clusterIpv4CidrBlock", "podRangePlan");
    once("clusterSecondaryRangeName", "podRangePlan");
  } else if (pods !== undefined) {
    once("clusterSecondaryRangeName", "clusterIpv4CidrBlock");
  }
  if (services !== undefined) once("servicesSecondaryRangeName", "servicesIpv4CidrBlock");

  const known = (value: MaybeLater<string> | undefined) => (value !== undefined && isKnown(value) ? value : undefined);
  const literals = {
    clusterIpv4CidrBlock: known(pods),
    servicesIpv4CidrBlock: known(services),
  };
  if (literals.clusterIpv4CidrBlock !== undefined) {
    checkRange("clusterIpv4CidrBlock", literals.clusterIpv4CidrBlock, "10.8.0.0/14", problems);
  }
  if (literals.servicesIpv4CidrBlock !== undefined) {
    checkRange("servicesIpv4CidrBlock", literals.servicesIpv4CidrBlock, "10.4.0.0/20", problems);
  }
  const { clusterIpv4CidrBlock, servicesIpv4CidrBlock } = literals;
  checkApart(
    podRangePlan === undefined
      ? { clusterIpv4CidrBlock, servicesIpv4CidrBlock }
      : { "podRangePlan.podRange": podRangePlan.podRange, servicesIpv4CidrBlock },
    problems,
  );
}

/** What is known of a cluster before it exists. Its version is decided by GKE: `minMasterVersion` is only a floor. */
export function factsOfPlan(plan: ClusterPlan): ClusterFacts {
  const placed = (range: MaybeLater<string> | undefined) =>
    range !== undefined && isKnown(range) && !range.startsWith("/") ? range : LATER;
  return {
    name: plan.name,
    location: plan.location,
    region: regionOfLocation(plan.location),
    project: plan.project,
    version: LATER,
    ...(plan.minMasterVersion === undefined ? {} : { askedVersion: plan.minMasterVersion }),
    autopilot: false,
    dataplaneV2: plan.datapathProvider === DatapathProvider.Advanced,
    vpcNative: true,
    gatewayApi: true,
    multiNetworking: plan.enableMultiNetworking,
    workloadPool: plan.workloadPool,
    network: plan.network ?? "",
    subnetwork: plan.subnetwork ?? "",
    podCidr: placed(plan.clusterIpv4CidrBlock),
    serviceCidr: placed(plan.servicesIpv4CidrBlock),
  };
}
