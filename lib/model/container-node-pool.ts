// A node pool as Config Connector takes it (ContainerNodePool, read 2026-11).
import { configConnectorAnnotations } from "./compute";
import { type ClusterManifest, CONFIG_CONNECTOR_CONTAINER, externalRef } from "./container-cluster";
import { autoscalingOf, NODE_POOL_ARGUMENTS, type NodePoolPlan, WORKLOAD_METADATA } from "./node-pool";
import { type Fields, mergeFields, type PassThrough, withoutUndefined } from "./pass-through";
import type { Problems } from "./problems";

interface Literals {
  readonly machineType?: string;
  readonly imageType?: string;
  readonly additionalNodeNetworkConfigs?: readonly { readonly network: string; readonly subnetwork: string }[];
  readonly additionalPodNetworkConfigs?: readonly {
    readonly subnetwork: string;
    readonly secondaryPodRange: string;
    readonly maxPodsPerNode?: number;
  }[];
}

interface Place {
  readonly namespace: string;
  readonly location: string;
  readonly project: string | undefined;
  readonly clusterRef: Fields;
}

/** The node pool for Config Connector. */
export function containerNodePool(
  plan: NodePoolPlan,
  literals: Literals,
  place: Place,
  nodePoolSpec: Fields | undefined,
  problems: Problems,
): ClusterManifest {
  const { additionalNodeNetworkConfigs, additionalPodNetworkConfigs, machineType, imageType } = literals;
  if (plan.allowedUnsafeSysctls.length > 0) {
    problems.add(
      "allowedUnsafeSysctls",
      plan.allowedUnsafeSysctls,
      "Config Connector's ContainerNodePool has no such field: leave it out and allow them on the pool with gcloud, or declare the pool with podpin/pulumi",
    );
  }
  const own = {
    location: place.location,
    clusterRef: place.clusterRef,
    nodeCount: plan.nodeCount,
    autoscaling: autoscalingOf(plan),
    maxPodsPerNode: plan.maxPodsPerNode,
    networkConfig:
      additionalNodeNetworkConfigs === undefined && additionalPodNetworkConfigs === undefined
        ? undefined
        : {
            additionalNodeNetworkConfigs: additionalNodeNetworkConfigs?.map(({ network, subnetwork }) => ({
              networkRef: externalRef(network),
              subnetworkRef: externalRef(subnetwork),
            })),
            additionalPodNetworkConfigs: additionalPodNetworkConfigs?.map(({ subnetwork, ...range }) => ({
              subnetworkRef: externalRef(subnetwork),
              ...withoutUndefined(range),
            })),
          },
    nodeConfig: { machineType, imageType, workloadMetadataConfig: WORKLOAD_METADATA },
  };
  const through: PassThrough = {
    what: "nodePoolSpec",
    given: nodePoolSpec,
    arguments: { ...NODE_POOL_ARGUMENTS, resourceID: "the id", clusterRef: "cluster" },
    refused: { namePrefix: "uniqueName" },
  };
  const kept = configConnectorAnnotations({ project: place.project });
  return {
    apiVersion: CONFIG_CONNECTOR_CONTAINER,
    kind: "ContainerNodePool",
    metadata: { name: plan.name, namespace: place.namespace, ...kept },
    spec: withoutUndefined(mergeFields(own, through, problems)),
  };
}
