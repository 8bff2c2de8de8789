import * as pulumi from "@pulumi/pulumi";

import {
  IN_POD_SYSCTLS,
  PersistentIpCluster,
  PersistentIpNodePool,
  type PersistentIpNodePoolArgs,
} from "../../lib/pulumi";
import { graphOf, useMocks } from "./graph";

useMocks({ preview: false });

const POOL = "gcp:container/nodePool:NodePool";

const created = async (args: Partial<PersistentIpNodePoolArgs>) => {
  const graph = await graphOf((opts) => {
    const cluster = new PersistentIpCluster(
      "core",
      { location: "us-central1", project: "my-project", enableMultiNetworking: true },
      opts,
    );
    new PersistentIpNodePool("edge", { cluster, ...args }, opts);
  });
  return { graph, inputs: graph.registered.find(({ type }) => type === POOL)?.inputs };
};

test("a node pool is these resources, and its Pods have their own identity", async () => {
  const { graph, inputs } = await created({});
  expect(graph.registered.slice(-2).map(({ type, name }) => [type, name])).toEqual([
    ["podpin:index:PersistentIpNodePool", "edge"],
    [POOL, "edge"],
  ]);
  expect(inputs).toEqual({
    cluster: "core",
    location: "us-central1",
    project: "my-project",
    nodeCount: 1,
    nodeConfig: { workloadMetadataConfig: { mode: "GKE_METADATA" } },
  });
});

test("passes on everything that a program gives, in one place", async () => {
  const { inputs } = await created({
    machineType: pulumi.output("n2-standard-8"),
    imageType: "COS_CONTAINERD",
    maxNodeCount: 3,
    maxPodsPerNode: 32,
    allowedUnsafeSysctls: IN_POD_SYSCTLS,
    additionalNodeNetworkConfigs: [{ network: "blue", subnetwork: pulumi.output("blue-nodes") }],
    additionalPodNetworkConfigs: [{ subnetwork: "blue-nodes", secondaryPodRange: "blue-pods", maxPodsPerNode: 8 }],
    nodePoolArgs: {
      nodeLocations: ["us-central1-a"],
      nodeConfig: { diskSizeGb: 50, kubeletConfig: { podPidsLimit: 4096 } },
      networkConfig: { enablePrivateNodes: true },
    },
  });
  expect(inputs).toEqual({
    cluster: "core",
    location: "us-central1",
    project: "my-project",
    autoscaling: { minNodeCount: 0, maxNodeCount: 3 },
    maxPodsPerNode: 32,
    nodeLocations: ["us-central1-a"],
    networkConfig: {
      additionalNodeNetworkConfigs: [{ network: "blue", subnetwork: "blue-nodes" }],
      additionalPodNetworkConfigs: [{ subnetwork: "blue-nodes", secondaryPodRange: "blue-pods", maxPodsPerNode: 8 }],
      enablePrivateNodes: true,
    },
    nodeConfig: {
      machineType: "n2-standard-8",
      imageType: "COS_CONTAINERD",
      workloadMetadataConfig: { mode: "GKE_METADATA" },
      kubeletConfig: {
        allowedUnsafeSysctls: ["net.ipv4.ip_nonlocal_bind", "net.ipv4.conf.eth0.arp_announce"],
        podPidsLimit: 4096,
      },
      diskSizeGb: 50,
    },
  });
});

test("has its component as parent, and a new pool may stand beside the old one", async () => {
  const { graph } = await created({});
  const pool = graph.options.find(({ type }) => type === POOL)?.options;
  expect((pool?.parent as unknown as { __name: string }).__name).toBe("edge");
  expect(pool?.deleteBeforeReplace).toBeUndefined();
});

test("says all that is wrong at once", () => {
  const cluster = new PersistentIpCluster("core", { location: "us-central1", project: "my-project" });
  const make = () =>
    new PersistentIpNodePool("edge", {
      cluster,
      nodeCount: 3,
      maxNodeCount: 5,
      additionalNodeNetworkConfigs: [{ network: "blue", subnetwork: "blue" }],
      nodePoolArgs: {
        cluster: "other",
        nodeConfig: { machineType: "e2-small", workloadMetadataConfig: { mode: "GCE_METADATA" } },
      },
    });
  expect(make).toThrow(
    'PersistentIpNodePool "edge" is not valid:\n' +
      "  - nodeCount: got 3; the autoscaler decides within its limits, leave out nodeCount or the limits\n" +
      '  - additionalNodeNetworkConfigs: got 1; cluster "core" has one network: create it with enableMultiNetworking: true, or leave them out\n' +
      '  - nodePoolArgs.cluster: got "other"; set cluster of the component instead\n' +
      '  - nodePoolArgs.nodeConfig.machineType: got "e2-small"; set machineType of the component instead\n' +
      '  - nodePoolArgs.nodeConfig.workloadMetadataConfig.mode: got "GCE_METADATA"; persistent addresses need "GKE_METADATA": leave it out',
  );
});
