import * as pulumi from "@pulumi/pulumi";
import { Provider } from "@pulumi/kubernetes/provider";

import { type ClusterOptions, type ClusterValues, factsOfPlan, planCluster } from "../model/cluster";
import type { ClusterFacts } from "../model/cluster-facts";
import { clusterArgsThrough, clusterFields } from "../model/cluster-object";
import { checkVersion } from "../model/existing-cluster";
import { kubeconfigOf } from "../model/kubeconfig";
import type { MaybeLater } from "../model/later";
import { mergeFields, withoutUndefined } from "../model/pass-through";
import { Problems } from "../model/problems";
import { type ClusterInUse, existingCluster, type PersistentIpClusterFromExistingArgs } from "./existing-cluster";
import { gcp } from "./gcp";
import { projectOf } from "./gcp-project";
import { checkArguments, checked, knownNow, nowOrLater } from "./inputs";
import { checkKnownFields } from "./known-fields";
import { withDependencies } from "./providers";

/** What a {@link PersistentIpCluster} is made of. */
export interface PersistentIpClusterArgs extends ClusterOptions {
  /**
   * Where the cluster runs: a region such as `us-central1`, with control planes in several zones, or a zone such as
   * `us-central1-a`. Addresses must be in its region. Fixed at creation: a change replaces the cluster.
   */
  location: pulumi.Input<string>;
  /**
   * Id of the project. Fixed at creation: a change replaces the cluster.
   *
   * @default - that of the provider, or of `gcp:project`
   */
  project?: pulumi.Input<string> | undefined;
  /**
   * VPC network, by name or self link. Fixed at creation: a change replaces the cluster.
   *
   * @default - the project's network `default`
   */
  network?: pulumi.Input<string> | undefined;
  /**
   * Subnetwork of the nodes, by name or self link. Internal persistent addresses are in its primary range. Fixed at
   * creation: a change replaces the cluster.
   *
   * @default - GKE's choice
   */
  subnetwork?: pulumi.Input<string> | undefined;
  /**
   * The lowest version of the control plane, 1.31 or later: `1.33` or `1.33.5-gke.1201000`. Raising it upgrades; GKE
   * does so itself as well.
   *
   * @default - the one of the release channel
   */
  minMasterVersion?: pulumi.Input<string> | undefined;
  /**
   * Range of the Pods: a size such as `/14`, or a range such as `10.8.0.0/14`. Fixed at creation: a change replaces the
   * cluster.
   *
   * @default - /14, at a place of GKE's choice
   */
  clusterIpv4CidrBlock?: pulumi.Input<string> | undefined;
  /**
   * Name of the secondary range of the subnetwork that is for Pods, instead of `clusterIpv4CidrBlock`. Fixed at creation:
   * a change replaces the cluster.
   *
   * @default - GKE makes one
   */
  clusterSecondaryRangeName?: pulumi.Input<string> | undefined;
  /**
   * Range of the Services: a size such as `/20`, or a range such as `10.4.0.0/20`. Fixed at creation: a change replaces
   * the cluster.
   *
   * @default - /20, at a place of GKE's choice
   */
  servicesIpv4CidrBlock?: pulumi.Input<string> | undefined;
  /**
   * Name of the secondary range of the subnetwork that is for Services, instead of `servicesIpv4CidrBlock`. Fixed at
   * creation: a change replaces the cluster.
   *
   * @default - GKE makes one
   */
  servicesSecondaryRangeName?: pulumi.Input<string> | undefined;
  /**
   * Everything else that `gcp.container.Cluster` takes, as it takes it. Add `satisfies ClusterArgs` (of
   * `@pulumi/gcp/container/cluster`) for completion and checks of its fields. What contradicts the needs of persistent
   * addresses is an error.
   *
   * @default - nothing else
   * @see https://www.pulumi.com/registry/packages/gcp/api-docs/container/cluster/
   */
  clusterArgs?: pulumi.Inputs | undefined;

  /** @internal */
  existing?: PersistentIpClusterFromExistingArgs | undefined;
}

/**
 * A GKE Standard cluster whose Pods can have persistent addresses: VPC-native, with Dataplane V2, the Gateway API and
 * Workload Identity, and without nodes: add a {@link PersistentIpNodePool} for them.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
 */
export class PersistentIpCluster extends pulumi.ComponentResource {
  /** Where the cluster runs. */
  public readonly location: pulumi.Output<string>;
  /** The region of its location. */
  public readonly region: pulumi.Output<string>;
  /** Id of its project. */
  public readonly project: pulumi.Output<string>;
  /** Name of the cluster in GKE. */
  public readonly clusterName: pulumi.Output<string>;
  /** Version of the control plane. */
  public readonly version: pulumi.Output<string>;
  /** Pool of Workload Identity, `<project>.svc.id.goog`. */
  public readonly workloadPool: pulumi.Output<string>;

  /** @internal What is known while the program runs. */
  public readonly facts: ClusterFacts;
  /** @internal The same with nothing left to come, and checked. */
  public readonly settled: pulumi.Output<ClusterFacts>;
  /** @internal */
  public readonly kubernetes: Provider;
  /** @internal */
  public readonly created: pulumi.CustomResource | undefined;

  /**
   * Uses a cluster that exists already, made elsewhere or by another resource of the program. It is looked up and
   * checked, and nothing of it is changed. In a preview the checks run as soon as its name and location are known.
   */
  public static fromExisting(
    name: string,
    args: PersistentIpClusterFromExistingArgs,
    opts?: pulumi.ComponentResourceOptions,
  ): PersistentIpCluster {
    const existing = checkArguments("PersistentIpCluster.fromExisting", name, args);
    return new PersistentIpCluster(name, { location: existing.location, existing }, opts);
  }

  constructor(name: string, args: PersistentIpClusterArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PersistentIpCluster", name, args, opts);
    super("podpin:index:PersistentIpCluster", name, {}, withDependencies(opts));

    const cluster =
      args.existing === undefined ? newCluster(this, name, args) : existingCluster(this, name, args.existing);
    this.facts = cluster.facts;
    this.settled = cluster.settled;
    this.created = cluster.resource;
    const fact = (key: keyof ClusterFacts): pulumi.Output<string> => {
      const now = cluster.facts[key] as MaybeLater<string>;
      return pulumi.output(nowOrLater(now, () => cluster.settled.apply((facts) => facts[key] as string)));
    };
    this.location = fact("location");
    this.region = fact("region");
    this.project = fact("project");
    this.clusterName = fact("name");
    this.version = fact("version");
    this.workloadPool = fact("workloadPool");

    // With an identifier only another cluster replaces the provider, and all that it made. Every other change, such as a
    // new certificate authority after a rotation, updates it in place, so that nothing has to be ignored.
    this.kubernetes = new Provider(
      name,
      { clusterIdentifier: cluster.id, kubeconfig: cluster.kubeconfig },
      { parent: this },
    );
    this.registerOutputs({
      location: this.location,
      region: this.region,
      project: this.project,
      clusterName: this.clusterName,
      version: this.version,
      workloadPool: this.workloadPool,
    });
  }

  /**
   * The Kubernetes provider of the cluster, for every object that is to be on it: `{ provider: cluster.provider }`.
   * Components that take `cluster` use it by themselves. It asks `gke-gcloud-auth-plugin` for credentials, which must be
   * installed where the program is deployed.
   */
  public get provider(): pulumi.ProviderResource {
    return this.kubernetes;
  }

  /** The `gcp.container.Cluster`; nothing for a cluster that exists already. */
  public get resource(): pulumi.CustomResource | undefined {
    return this.created;
  }
}

const KIND = "PersistentIpCluster";

/** Declares the cluster. */
function newCluster(component: PersistentIpCluster, name: string, args: PersistentIpClusterArgs): ClusterInUse {
  const { clusterArgs, existing: _, ...given } = args;
  const { datapathProvider, enableMultiNetworking, releaseChannel, ...sizes } = given;
  const { defaultMaxPodsPerNode, podRangePlan, deletionProtection, ...placed } = sizes;
  const options: ClusterOptions = {
    datapathProvider,
    enableMultiNetworking,
    releaseChannel,
    defaultMaxPodsPerNode,
    podRangePlan,
    deletionProtection,
  };
  const inputs = { ...placed, project: placed.project ?? projectOf(component) };

  const now = checked(KIND, name, component, (problems) => {
    const known = Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, knownNow(input)]));
    const plan = planCluster({ ...options, ...known, name }, problems);
    mergeFields(
      { ...clusterFields(plan, plan), removeDefaultNodePool: true },
      clusterArgsThrough(plan, clusterArgs),
      problems,
    );
    return plan;
  });
  const settledPlan = pulumi
    .output(inputs)
    .apply((known) =>
      checked(KIND, name, component, (problems) => planCluster({ ...options, ...known, name }, problems)),
    );
  const later = (key: keyof ClusterValues<unknown> | "workloadPool"): pulumi.Input<string> | undefined => {
    const value = now[key];
    return value === undefined ? undefined : nowOrLater(value, () => settledPlan.apply((plan) => plan[key] as string));
  };
  const own = {
    name,
    project: later("project"),
    network: later("network"),
    subnetwork: later("subnetwork"),
    ...clusterFields<pulumi.Input<string> | undefined>(now, {
      location: later("location"),
      minMasterVersion: later("minMasterVersion"),
      clusterIpv4CidrBlock: later("clusterIpv4CidrBlock"),
      clusterSecondaryRangeName: later("clusterSecondaryRangeName"),
      servicesIpv4CidrBlock: later("servicesIpv4CidrBlock"),
      servicesSecondaryRangeName: later("servicesSecondaryRangeName"),
      workloadPool: later("workloadPool"),
    }),
    removeDefaultNodePool: true,
    deletionProtection: now.deletionProtection,
  };
  const { Cluster } = gcp(KIND, "container/cluster");
  const cluster = new Cluster(
    name,
    withoutUndefined(mergeFields(own, clusterArgsThrough(now, clusterArgs), new Problems())),
    // The name is the cluster's own, so a replacement cannot exist beside it.
    { parent: component, deleteBeforeReplace: true },
  );
  checked(KIND, name, component, (problems) => checkKnownFields("clusterArgs", clusterArgs, cluster, problems));

  const found = pulumi.output({
    version: cluster.masterVersion,
    network: cluster.network,
    subnetwork: cluster.subnetwork,
    podCidr: cluster.clusterIpv4Cidr,
    serviceCidr: cluster.servicesIpv4Cidr,
  });
  const settled = pulumi.all([settledPlan, found]).apply(([plan, given]) =>
    checked(KIND, name, component, (problems) => {
      const facts: ClusterFacts = { ...factsOfPlan(plan), ...withoutUndefined(given) };
      checkVersion(facts.version, problems);
      return facts;
    }),
  );
  const kubeconfig = pulumi
    .all([cluster.endpoint, cluster.masterAuth, settled])
    .apply(([endpoint, masterAuth]) =>
      kubeconfigOf({ endpoint, caCertificate: masterAuth?.clusterCaCertificate ?? "" }),
    );
  return { facts: factsOfPlan(now), settled, kubeconfig, id: cluster.id, resource: cluster };
}
