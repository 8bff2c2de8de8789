import * as pulumi from "@pulumi/pulumi";

import type { ClusterFacts } from "../model/cluster-facts";
import {
  autoscalingOf,
  NODE_POOL_ARGUMENTS,
  type NodePoolInput,
  type NodePoolOptions,
  type NodePoolPlan,
  planNodePool,
  WORKLOAD_METADATA,
} from "../model/node-pool";
import { isKnown } from "../model/later";
import { type Fields, mergeFields, type PassThrough, withoutUndefined } from "../model/pass-through";
import { Problems } from "../model/problems";
import { gcp } from "./gcp";
import { checkArguments, checked, knownNow } from "./inputs";
import { checkKnownFields } from "./known-fields";
import { withDependencies } from "./providers";
import type { PersistentIpCluster } from "./persistent-ip-cluster";

/** A further network interface of every node, for Pods with several networks. */
export interface AdditionalNodeNetwork {
  /** VPC network, by name or self link; another one for each interface. */
  network: pulumi.Input<string>;
  /** Subnetwork of it in the cluster's region, by name or self link. */
  subnetwork: pulumi.Input<string>;
}

/** A further range from which Pods get addresses, on a network of type L3. */
export interface AdditionalPodNetwork {
  /** Subnetwork that has the range: that of an additional node network. */
  subnetwork: pulumi.Input<string>;
  /** Name of a secondary range of the subnetwork. */
  secondaryPodRange: pulumi.Input<string>;
  /**
   * The most Pods on one node that use the range, 8 to 256. A node takes twice as many addresses of it.
   *
   * @default - GKE's own
   */
  maxPodsPerNode?: number | undefined;
}

/** What a {@link PersistentIpNodePool} is made of. */
export interface PersistentIpNodePoolArgs extends NodePoolOptions {
  /** The cluster of the nodes. Fixed at creation: a change replaces the nodes. */
  cluster: PersistentIpCluster;
  /**
   * Machine type of the nodes, for example `n2-standard-4`. It limits how many networks a node can have. A change
   * replaces the nodes, unless the provider can update them in place.
   *
   * @default - GKE's own
   * @see https://cloud.google.com/compute/docs/machine-resource
   */
  machineType?: pulumi.Input<string> | undefined;
  /**
   * Operating system of the nodes, for example `COS_CONTAINERD`. Several networks need that, or `UBUNTU_CONTAINERD` from
   * 1.32.3-gke.1785000 on. A later change replaces node after node.
   *
   * @default - GKE's own, Container-Optimized OS
   */
  imageType?: pulumi.Input<string> | undefined;
  /**
   * Further networks of the nodes, at most 7; the cluster needs `enableMultiNetworking`. Fixed at creation: a change
   * replaces the nodes.
   *
   * @default - none
   * @see https://cloud.google.com/kubernetes-engine/docs/how-to/setup-multinetwork-support-for-pods
   */
  additionalNodeNetworkConfigs?: AdditionalNodeNetwork[] | undefined;
  /**
   * Further ranges for Pods, one for each network of type L3. Fixed at creation: a change replaces the nodes.
   *
   * @default - none
   */
  additionalPodNetworkConfigs?: AdditionalPodNetwork[] | undefined;
  /**
   * Everything else that `gcp.container.NodePool` takes, as it takes it. Add `satisfies Partial<NodePoolArgs>` (of
   * `@pulumi/gcp/container/nodePool`) for completion and checks of its fields. What contradicts podpin's own is an error.
   *
   * @default - nothing else
   * @see https://www.pulumi.com/registry/packages/gcp/api-docs/container/nodepool/
   */
  nodePoolArgs?: pulumi.Inputs | undefined;
}

const KIND = "PersistentIpNodePool";
/** The provider makes the name unique, so that a replacement can stand beside the old nodes. */
const UNIQUE_SUFFIX = "-1234567";

/**
 * Nodes for Pods with persistent addresses. Pods on them get the identity of their ServiceAccount (`GKE_METADATA`). A
 * change of what is fixed at creation makes the new nodes before it removes the old ones.
 *
 * @see https://cloud.google.com/kubernetes-engine/docs/concepts/node-pools
 */
export class PersistentIpNodePool extends pulumi.ComponentResource {
  /** Name of the node pool in GKE: that of the component and a suffix that makes it unique. */
  public readonly nodePoolName: pulumi.Output<string>;

  /** @internal */
  public readonly plan: NodePoolPlan;
  /** @internal */
  public readonly created: pulumi.CustomResource;

  constructor(name: string, args: PersistentIpNodePoolArgs, opts?: pulumi.ComponentResourceOptions) {
    args = checkArguments("PersistentIpNodePool", name, args, opts);
    super("podpin:index:PersistentIpNodePool", name, {}, withDependencies(opts));

    const { cluster, nodePoolArgs, machineType, imageType, ...rest } = args;
    const { additionalNodeNetworkConfigs, additionalPodNetworkConfigs, ...options } = rest;
    const inputs = { machineType, imageType, additionalNodeNetworkConfigs, additionalPodNetworkConfigs };
    const through: PassThrough = {
      what: "nodePoolArgs",
      given: nodePoolArgs,
      arguments: { ...NODE_POOL_ARGUMENTS, cluster: "cluster", project: "cluster" },
      refused: { namePrefix: "uniqueName" },
    };
    const planWith = (known: Pick<NodePoolInput, keyof typeof inputs>, facts: ClusterFacts): NodePoolPlan =>
      checked(KIND, name, this, (problems) => {
        const plan = planNodePool(
          { ...options, ...known, name, cluster: facts, longestSuffix: UNIQUE_SUFFIX },
          problems,
        );
        mergeFields(nodePoolFields(plan, inputs), through, problems);
        return plan;
      });
    this.plan = planWith(
      {
        machineType: machineType === undefined ? undefined : knownNow(machineType),
        imageType: imageType === undefined ? undefined : knownNow(imageType),
        additionalNodeNetworkConfigs: additionalNodeNetworkConfigs?.map((one) => ({
          network: knownNow(one.network),
          subnetwork: knownNow(one.subnetwork),
        })),
        additionalPodNetworkConfigs: additionalPodNetworkConfigs?.map((one) => ({
          ...one,
          subnetwork: knownNow(one.subnetwork),
          secondaryPodRange: knownNow(one.secondaryPodRange),
        })),
      },
      cluster.facts,
    );
    const settled = pulumi
      .all([cluster.settled, pulumi.output(inputs)])
      .apply(([facts, known]) => (planWith(known, facts), facts));

    const { NodePool } = gcp(KIND, "container/nodePool");
    const { location, project } = cluster.facts;
    const own = {
      // Not the literal, so that the nodes wait for the cluster and for the checks of what it turned out to be.
      cluster: settled.apply((facts) => facts.name as string),
      location: isKnown(location) ? location : cluster.location,
      project: isKnown(project) ? project : cluster.project,
      ...nodePoolFields(this.plan, inputs),
    };
    const nodePool = new NodePool(name, withoutUndefined(mergeFields(own, through, new Problems())) as typeof own, {
      parent: this,
    });
    checked(KIND, name, this, (problems) => checkKnownFields("nodePoolArgs", nodePoolArgs, nodePool, problems));

    this.nodePoolName = nodePool.name;
    this.created = nodePool;
    this.registerOutputs({ nodePoolName: this.nodePoolName });
  }

  /** The `gcp.container.NodePool`, for `dependsOn` of what needs the nodes. */
  public get resource(): pulumi.CustomResource {
    return this.created;
  }
}

type NodePoolInputs = Pick<
  PersistentIpNodePoolArgs,
  "machineType" | "imageType" | "additionalNodeNetworkConfigs" | "additionalPodNetworkConfigs"
>;

function nodePoolFields(plan: NodePoolPlan, inputs: NodePoolInputs): Fields {
  const { machineType, imageType, additionalNodeNetworkConfigs, additionalPodNetworkConfigs } = inputs;
  const { allowedUnsafeSysctls } = plan;
  const hasNetworks = additionalNodeNetworkConfigs !== undefined || additionalPodNetworkConfigs !== undefined;
  return {
    nodeCount: plan.nodeCount,
    autoscaling: autoscalingOf(plan),
    maxPodsPerNode: plan.maxPodsPerNode,
    networkConfig: hasNetworks ? { additionalNodeNetworkConfigs, additionalPodNetworkConfigs } : undefined,
    nodeConfig: {
      machineType,
      imageType,
      workloadMetadataConfig: WORKLOAD_METADATA,
      kubeletConfig: allowedUnsafeSysctls.length === 0 ? undefined : { allowedUnsafeSysctls },
    },
  };
}
