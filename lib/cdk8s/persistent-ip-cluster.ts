import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { type ClusterOptions, factsOfPlan, planCluster } from "../model/cluster";
import type { ClusterFacts } from "../model/cluster-facts";
import { containerCluster } from "../model/container-cluster";
import { isKnown, type MaybeLater } from "../model/later";
import { checkNamespaceName } from "../model/names";
import { existingFacts, type PersistentIpClusterFromExistingProps } from "./existing-cluster";
import { chartNamespace, checkProperties, checked, kubernetesObject } from "./kubernetes-object";

/** What a {@link PersistentIpCluster} is made of. */
export interface PersistentIpClusterProps extends ClusterOptions {
  /**
   * Where the cluster runs: a region such as `us-central1`, with control planes in several zones, or a zone such as
   * `us-central1-a`. Addresses must be in its region. Fixed at creation.
   */
  readonly location: string;
  /** Id of the project. Fixed at creation. */
  readonly project: string;
  /**
   * Namespace of the objects for Config Connector.
   *
   * @default - the namespace of the chart, else "default"
   */
  readonly namespace?: string | undefined;
  /**
   * VPC network, by name or self link. Fixed at creation.
   *
   * @default - the project's network `default`
   */
  readonly network?: string | undefined;
  /**
   * Subnetwork of the nodes, by name or self link. Internal persistent addresses are in its primary range. Fixed at
   * creation.
   *
   * @default - GKE's choice
   */
  readonly subnetwork?: string | undefined;
  /**
   * The lowest version of the control plane, 1.31 or later: `1.33` or `1.33.5-gke.1201000`. Raising it upgrades; GKE
   * does so itself as well.
   *
   * @default - the one of the release channel
   */
  readonly minMasterVersion?: string | undefined;
  /**
   * Range of the Pods: a size such as `/14`, or a range such as `10.8.0.0/14`. Fixed at creation.
   *
   * @default - /14, at a place of GKE's choice
   */
  readonly clusterIpv4CidrBlock?: string | undefined;
  /**
   * Name of the secondary range of the subnetwork that is for Pods, instead of `clusterIpv4CidrBlock`. Fixed at creation.
   *
   * @default - GKE makes one
   */
  readonly clusterSecondaryRangeName?: string | undefined;
  /**
   * Range of the Services: a size such as `/20`, or a range such as `10.4.0.0/20`. Fixed at creation.
   *
   * @default - /20, at a place of GKE's choice
   */
  readonly servicesIpv4CidrBlock?: string | undefined;
  /**
   * Name of the secondary range of the subnetwork that is for Services, instead of `servicesIpv4CidrBlock`. Fixed at
   * creation.
   *
   * @default - GKE makes one
   */
  readonly servicesSecondaryRangeName?: string | undefined;
  /**
   * Everything else that the spec of a `ContainerCluster` has, as it has it. What contradicts the needs of persistent
   * addresses is an error.
   *
   * @default - nothing else
   * @see https://cloud.google.com/config-connector/docs/reference/resource-docs/container/containercluster
   */
  readonly clusterSpec?: Record<string, unknown> | undefined;

  /** @internal */
  readonly existing?: PersistentIpClusterFromExistingProps | undefined;
}

/**
 * A GKE Standard cluster whose Pods can have persistent addresses: VPC-native, with Dataplane V2, the Gateway API and
 * Workload Identity, and without nodes: add a {@link PersistentIpNodePool} for them. It is an object for Config
 * Connector, in the chart of the cluster where that runs; what runs on the new cluster belongs in a chart of its own.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
 */
export class PersistentIpCluster extends Construct {
  /** Where the cluster runs. */
  public readonly location: string;
  /** The region of its location. */
  public readonly region: string;
  /** Id of its project; nothing for a cluster that exists already where the program does not say it. */
  public readonly project: string | undefined;
  /** Name of the cluster in GKE. */
  public readonly clusterName: string;
  /** Pool of Workload Identity, `<project>.svc.id.goog`; nothing where the project is not known. */
  public readonly workloadPool: string | undefined;
  /** The `ContainerCluster`; nothing for a cluster that exists already. */
  public readonly resource: ApiObject | undefined;

  /** @internal */
  public readonly facts: ClusterFacts;
  /** @internal Namespace of the objects for Config Connector. */
  public readonly namespace: string;

  /**
   * Uses a cluster that exists already. Nothing is read from the cloud at synthesis, so the checks are made on what the
   * program says of it: the more it says, the more is checked.
   */
  public static fromExisting(
    scope: Construct,
    id: string,
    props: PersistentIpClusterFromExistingProps,
  ): PersistentIpCluster {
    const existing = checkProperties("PersistentIpCluster.fromExisting", id, props);
    const { location, project = "" } = existing;
    return new PersistentIpCluster(scope, id, { location, project, existing });
  }

  constructor(scope: Construct, id: string, props: PersistentIpClusterProps) {
    props = checkProperties("PersistentIpCluster", id, props);
    super(scope, id);

    const { existing, clusterSpec, namespace = chartNamespace(this), ...options } = props;
    this.namespace = existing?.namespace ?? namespace;
    if (existing === undefined) {
      const made = checked("PersistentIpCluster", id, (problems) => {
        const plan = planCluster({ ...options, name: id }, problems);
        checkNamespaceName("namespace", namespace, problems);
        return { plan, manifest: containerCluster(plan, namespace, clusterSpec, problems) };
      });
      this.facts = factsOfPlan(made.plan);
      this.resource = kubernetesObject(this, "Resource", made.manifest);
    } else {
      this.facts = existingFacts(id, existing);
      this.resource = undefined;
    }
    this.location = this.facts.location as string;
    this.region = this.facts.region as string;
    this.project = known(this.facts.project);
    this.clusterName = this.facts.name as string;
    this.workloadPool = known(this.facts.workloadPool);
  }
}

const known = (value: MaybeLater<string>): string | undefined => (isKnown(value) ? value : undefined);
