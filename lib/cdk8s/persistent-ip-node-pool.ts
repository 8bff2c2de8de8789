import type { ApiObject } from "cdk8s";
import { Construct } from "constructs";

import { containerNodePool } from "../model/container-node-pool";
import { isKnown } from "../model/later";
import { type NodePoolOptions, type NodePoolPlan, planNodePool } from "../model/node-pool";
import { checkProperties, checked, kubernetesObject } from "./kubernetes-object";
import type { PersistentIpCluster } from "./persistent-ip-cluster";

/** A further network interface of every node, for Pods with several networks. */
export interface AdditionalNodeNetwork {
  /** VPC network, by name or self link; another one for each interface. */
  readonly network: string;
  /** Subnetwork of it in the cluster's region, by name or self link. */
  readonly subnetwork: string;
}

/** A further range from which Pods get addresses, on a network of type L3. */
export interface AdditionalPodNetwork {
  /** Subnetwork that has the range: that of an additional node network. */
  readonly subnetwork: string;
  /** Name of a secondary range of the subnetwork. */
  readonly secondaryPodRange: string;
  /**
   * The most Pods on one node that use the range, 8 to 256. A node takes twice as many addresses of it.
   *
   * @default - GKE's own
   */
  readonly maxPodsPerNode?: number | undefined;
}

/** What a {@link PersistentIpNodePool} is made of. */
export interface PersistentIpNodePoolProps extends NodePoolOptions {
  /** The cluster of the nodes. Fixed at creation. */
  readonly cluster: PersistentIpCluster;
  /**
   * Machine type of the nodes, for example `n2-standard-4`. It limits how many networks a node can have. Fixed at
   * creation.
   *
   * @default - GKE's own
   * @see https://cloud.google.com/compute/docs/machine-resource
   */
  readonly machineType?: string | undefined;
  /**
   * Operating system of the nodes, for example `COS_CONTAINERD`. Several networks need that, or `UBUNTU_CONTAINERD` from
   * 1.32.3-gke.1785000 on. A later change replaces node after node.
   *
   * @default - GKE's own, Container-Optimized OS
   */
  readonly imageType?: string | undefined;
  /**
   * Further networks of the nodes, at most 7; the cluster needs `enableMultiNetworking`. Fixed at creation.
   *
   * @default - none
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods
   */
  readonly additionalNodeNetworkConfigs?: AdditionalNodeNetwork[] | undefined;
  /**
   * Further ranges for Pods, one for each network of type L3. Fixed at creation.
   *
   * @default - none
   */
  readonly additionalPodNetworkConfigs?: AdditionalPodNetwork[] | undefined;
  /**
   * Everything else that the spec of a `ContainerNodePool` has, as it has it. What contradicts podpin's own is an error.
   *
   * @default - nothing else
   * @see https://cloud.google.com/config-connector/docs/reference/resource-docs/container/containernodepool
   */
  readonly nodePoolSpec?: Record<string, unknown> | undefined;
}

/**
 * Nodes for Pods with persistent addresses. Pods on them get the identity of their ServiceAccount (`GKE_METADATA`).
 * Config Connector refuses a change of what is fixed at creation: declare a pool with another id, move the Pods, and
 * remove the old one.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/node-pools
 */
export class PersistentIpNodePool extends Construct {
  /** Name of the node pool in GKE. */
  public readonly nodePoolName: string;
  /** The `ContainerNodePool`. */
  public readonly resource: ApiObject;

  /** @internal */
  public readonly plan: NodePoolPlan;

  constructor(scope: Construct, id: string, props: PersistentIpNodePoolProps) {
    props = checkProperties("PersistentIpNodePool", id, props);
    super(scope, id);

    const { cluster, nodePoolSpec, ...options } = props;
    const { facts } = cluster;
    const made = checked("PersistentIpNodePool", id, (problems) => {
      const plan = planNodePool({ ...options, name: id, cluster: facts }, problems);
      const place = {
        namespace: cluster.namespace,
        location: cluster.location,
        project: isKnown(facts.project) ? facts.project : undefined,
        clusterRef:
          cluster.resource === undefined ? { external: cluster.clusterName } : { name: cluster.resource.name },
      };
      return { plan, manifest: containerNodePool(plan, options, place, nodePoolSpec, problems) };
    });
    this.plan = made.plan;
    this.nodePoolName = id;
    this.resource = kubernetesObject(this, "Resource", made.manifest);
    if (cluster.resource !== undefined) this.resource.addDependency(cluster.resource);
  }
}
