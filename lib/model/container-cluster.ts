// A cluster and its node pools as Config Connector takes them (ContainerCluster, ContainerNodePool, read 2026-11).
import type { ClusterPlan } from "./cluster";
import { clusterFields, clusterSpecThrough } from "./cluster-object";
import { configConnectorAnnotations } from "./compute";
import type { Manifest } from "./manifest";
import { type Fields, mergeFields, withoutUndefined } from "./pass-through";
import type { Problems } from "./problems";

/** Group and version of Config Connector's kinds for Kubernetes Engine. */
export const CONFIG_CONNECTOR_CONTAINER = "container.cnrm.cloud.google.com/v1beta1";

/** `"true"`: the pool that GKE makes every cluster with is removed. */
const REMOVE_DEFAULT_NODE_POOL = "cnrm.cloud.google.com/remove-default-node-pool";

/** How Config Connector names something of Google Cloud that it need not manage. */
export function externalRef(name: string | undefined): { readonly external: string } | undefined {
  return name === undefined ? undefined : { external: name };
}

export interface ClusterManifest extends Manifest {
  readonly spec: Fields;
}

/** The cluster for Config Connector. Every value of the plan is a literal by now. */
export function containerCluster(
  plan: ClusterPlan,
  namespace: string,
  clusterSpec: Fields | undefined,
  problems: Problems,
): ClusterManifest {
  const literal = (key: "network" | "subnetwork") => externalRef(plan[key] as string | undefined);
  const { location, ...fields } = clusterFields(plan, plan);
  const own = { location, networkRef: literal("network"), subnetworkRef: literal("subnetwork"), ...fields };
  const kept = configConnectorAnnotations({ project: plan.project as string, isKept: plan.deletionProtection });
  const spec = mergeFields(own, clusterSpecThrough(plan, clusterSpec), problems);
  return {
    apiVersion: CONFIG_CONNECTOR_CONTAINER,
    kind: "ContainerCluster",
    metadata: {
      name: plan.name,
      namespace,
      annotations: { ...kept.annotations, [REMOVE_DEFAULT_NODE_POOL]: "true" },
    },
    spec: withoutUndefined(spec),
  };
}
