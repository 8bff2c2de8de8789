// A cluster and its nodes have the same fields in both flavours, and the same words for the same mistakes. What differs
// is how each names other things of Google Cloud.
import { App, Chart } from "cdk8s";
import fc from "fast-check";

import * as cdk8s from "../../lib/cdk8s";
import { PodRangePlan } from "../../lib/model";
import * as pulumi from "../../lib/pulumi";
import { graphOf, useMocks } from "./graph";

useMocks({ preview: false });

const chart = () => new Chart(new App(), "chart");
const without = (fields: object, ...names: string[]) =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => !names.includes(name)));

const clusters = fc.record(
  {
    location: fc.constantFrom("us-central1", "europe-west1-b"),
    minMasterVersion: fc.constantFrom("1.33", "1.32.3-gke.1440000"),
    releaseChannel: fc.constantFrom(...Object.values(pulumi.ReleaseChannel)),
    enableMultiNetworking: fc.boolean(),
    servicesSecondaryRangeName: fc.constant("services"),
    podRangePlan: fc
      .record({ maxNodes: fc.integer({ min: 1, max: 1000 }), maxPodsPerNode: fc.integer({ min: 8, max: 256 }) })
      .map((size) => PodRangePlan.forNodes(size)),
  },
  { requiredKeys: ["location"] },
);
const pools = fc.record(
  {
    nodeCount: fc.integer({ min: 0, max: 9 }),
    machineType: fc.constant("n2-standard-4"),
    imageType: fc.constant("COS_CONTAINERD"),
    maxPodsPerNode: fc.integer({ min: 8, max: 256 }),
  },
  { requiredKeys: [] },
);

test("have the same fields", async () => {
  await fc.assert(
    fc.asyncProperty(clusters, pools, async (cluster, pool) => {
      const options = { ...cluster, project: "my-project" };
      const { registered } = await graphOf((opts) => {
        const made = new pulumi.PersistentIpCluster("core", options, opts);
        new pulumi.PersistentIpNodePool("edge", { cluster: made, ...pool }, opts);
      });
      const inputs = (type: string) => registered.find((one) => one.type === `gcp:container/${type}`)?.inputs ?? {};
      const scope = chart();
      const same = new cdk8s.PersistentIpCluster(scope, "core", options);
      const nodes = new cdk8s.PersistentIpNodePool(scope, "edge", { cluster: same, ...pool });
      const spec = (object: { toJson(): unknown }) => (object.toJson() as { spec: object }).spec;
      const own = ["name", "project", "removeDefaultNodePool", "deletionProtection"];
      expect(without(inputs("cluster:Cluster"), ...own)).toEqual(spec(same.resource!));
      expect(without(inputs("nodePool:NodePool"), "project", "cluster")).toEqual(
        without(spec(nodes.resource), "clusterRef"),
      );
    }),
    { numRuns: 5 },
  );
}, 30_000);

const messageOf = (make: () => unknown) => {
  try {
    make();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was wrong";
};

test("and the same words for the same mistakes", () => {
  const bad = {
    location: "here",
    project: "",
    minMasterVersion: "1.29",
    clusterIpv4CidrBlock: "10.9.0.1/14",
    defaultMaxPodsPerNode: 1,
  };
  const message = messageOf(() => new pulumi.PersistentIpCluster("Core", bad));
  expect(message).toBe(messageOf(() => new cdk8s.PersistentIpCluster(chart(), "Core", bad)));
  expect(message.split("\n")).toHaveLength(7);

  const place = { location: "us-central1", project: "my-project" };
  const cluster = new pulumi.PersistentIpCluster("core", place);
  const other = new cdk8s.PersistentIpCluster(chart(), "core", place);
  const pool = { nodeCount: 1, maxNodeCount: 0, additionalNodeNetworkConfigs: [{ network: "", subnetwork: "blue" }] };
  const poolMessage = messageOf(() => new pulumi.PersistentIpNodePool("edge", { cluster, ...pool }));
  expect(poolMessage).toBe(
    messageOf(() => new cdk8s.PersistentIpNodePool(chart(), "edge", { cluster: other, ...pool })),
  );
  expect(poolMessage.split("\n")).toHaveLength(5);
});
