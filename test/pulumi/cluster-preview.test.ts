// In a preview of a new cluster only what the program says is known; everything else must show.
import * as pulumi from "@pulumi/pulumi";

import { PersistentIpCluster, PersistentIpNodePool } from "../../lib/pulumi";
import { graphOf, isKnownNow, useMocks } from "./graph";

// A new cluster has none of its outputs yet.
useMocks({ preview: true });

const unknown = <T>(): pulumi.Output<T> => {
  class Later extends pulumi.CustomResource {
    declare public readonly value: pulumi.Output<T>;
    constructor() {
      super("test:index:Later", "later", { value: undefined });
    }
  }
  return new Later().value;
};

test("shows the cluster, its provider and its nodes while nothing of them exists", async () => {
  let cluster!: PersistentIpCluster;
  const { registered } = await graphOf((opts) => {
    cluster = new PersistentIpCluster("core", { location: "us-central1-a", project: "my-project" }, opts);
    new PersistentIpNodePool("edge", { cluster }, opts);
  });
  expect(registered.map(({ type, name }) => [type, name])).toEqual([
    ["podpin:index:PersistentIpCluster", "core"],
    ["gcp:container/cluster:Cluster", "core"],
    ["pulumi:providers:kubernetes", "core"],
    ["podpin:index:PersistentIpNodePool", "edge"],
    ["gcp:container/nodePool:NodePool", "edge"],
  ]);
  expect(await Promise.all([cluster.region, cluster.workloadPool, cluster.clusterName].map(isKnownNow))).toEqual([
    true,
    true,
    true,
  ]);
  expect(await isKnownNow(cluster.version)).toBe(false);
});

test("shows everything else of a cluster whose subnetwork and place are still to come", async () => {
  const { registered } = await graphOf((opts) => {
    new PersistentIpCluster(
      "core",
      { location: unknown<string>(), project: "my-project", subnetwork: unknown<string>(), network: "edge" },
      opts,
    );
  });
  const inputs = registered.find(({ type }) => type === "gcp:container/cluster:Cluster")?.inputs;
  expect(inputs).toMatchObject({
    network: "edge",
    datapathProvider: "ADVANCED_DATAPATH",
    workloadIdentityConfig: { workloadPool: "my-project.svc.id.goog" },
  });
  expect(inputs).not.toHaveProperty("location", expect.any(String));
});
