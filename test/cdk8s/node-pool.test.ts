import { App, Chart, Testing } from "cdk8s";

import { IN_POD_SYSCTLS, PersistentIpCluster, PersistentIpNodePool } from "../../lib/cdk8s";

const place = { location: "us-central1", project: "my-project" };

test("writes a node pool for Config Connector, after its cluster", () => {
  const chart = new Chart(new App(), "chart");
  const cluster = new PersistentIpCluster(chart, "core", { ...place, namespace: "infra", enableMultiNetworking: true });
  new PersistentIpNodePool(chart, "edge", {
    cluster,
    machineType: "n2-standard-8",
    maxNodeCount: 3,
    additionalNodeNetworkConfigs: [{ network: "blue", subnetwork: "blue-nodes" }],
    additionalPodNetworkConfigs: [{ subnetwork: "blue-nodes", secondaryPodRange: "blue-pods", maxPodsPerNode: 8 }],
    nodePoolSpec: { nodeLocations: ["us-central1-a"], nodeConfig: { diskSizeGb: 50 } },
  });
  const objects = Testing.synth(chart) as { kind: string }[];
  expect(objects.map(({ kind }) => kind)).toEqual(["ContainerCluster", "ContainerNodePool"]);
  expect(objects[1]).toEqual({
    apiVersion: "container.cnrm.cloud.google.com/v1beta1",
    kind: "ContainerNodePool",
    metadata: {
      name: "edge",
      namespace: "infra",
      annotations: { "cnrm.cloud.google.com/project-id": "my-project" },
    },
    spec: {
      location: "us-central1",
      clusterRef: { name: "core" },
      autoscaling: { minNodeCount: 0, maxNodeCount: 3 },
      nodeLocations: ["us-central1-a"],
      networkConfig: {
        additionalNodeNetworkConfigs: [{ networkRef: { external: "blue" }, subnetworkRef: { external: "blue-nodes" } }],
        additionalPodNetworkConfigs: [
          { subnetworkRef: { external: "blue-nodes" }, secondaryPodRange: "blue-pods", maxPodsPerNode: 8 },
        ],
      },
      nodeConfig: {
        machineType: "n2-standard-8",
        workloadMetadataConfig: { mode: "GKE_METADATA" },
        diskSizeGb: 50,
      },
    },
  });
});

test("refers to a cluster that exists by its name in GKE", () => {
  const chart = new Chart(new App(), "chart");
  const cluster = PersistentIpCluster.fromExisting(chart, "shared", { clusterName: "core", location: "us-central1-a" });
  const { resource } = new PersistentIpNodePool(chart, "edge", { cluster, nodeCount: 2 });
  expect(resource.toJson()).toEqual({
    apiVersion: "container.cnrm.cloud.google.com/v1beta1",
    kind: "ContainerNodePool",
    metadata: { name: "edge", namespace: "default" },
    spec: {
      location: "us-central1-a",
      clusterRef: { external: "core" },
      nodeCount: 2,
      nodeConfig: { workloadMetadataConfig: { mode: "GKE_METADATA" } },
    },
  });
});

test("says what Config Connector cannot do, and what to do instead", () => {
  const chart = new Chart(new App(), "chart");
  const cluster = new PersistentIpCluster(chart, "core", place);
  expect(() => new PersistentIpNodePool(chart, "edge", { cluster, allowedUnsafeSysctls: IN_POD_SYSCTLS })).toThrow(
    'PersistentIpNodePool "edge" is not valid:\n' +
      '  - allowedUnsafeSysctls: got ["net.ipv4.ip_nonlocal_bind","net.ipv4.conf.eth0.arp_announce"]; Config Connector\'s ContainerNodePool has no such field: leave it out and allow them on the pool with gcloud, or declare the pool with podpin/pulumi',
  );
});
