import * as pulumi from "@pulumi/pulumi";
import { Provider as GcpProvider } from "@pulumi/gcp/provider";

import { PodRangePlan } from "../../lib/model";
import { PersistentIpCluster, type PersistentIpClusterArgs } from "../../lib/pulumi";
import { graphOf, useMocks, valueOf } from "./graph";

useMocks({ preview: false });

const CLUSTER = "gcp:container/cluster:Cluster";
const PROVIDER = "pulumi:providers:kubernetes";
const minimal = { location: "us-central1", project: "my-project" };

const created = async (args: Partial<PersistentIpClusterArgs>) => {
  let cluster!: PersistentIpCluster;
  const graph = await graphOf((opts) => {
    cluster = new PersistentIpCluster("core", { ...minimal, ...args }, opts);
  });
  const inputs = graph.registered.find(({ type }) => type === CLUSTER)?.inputs;
  return { cluster, graph, inputs };
};

test("a cluster is these resources, named after the component", async () => {
  const { graph } = await created({});
  expect(graph.registered.map(({ type, name }) => [type, name])).toEqual([
    ["podpin:index:PersistentIpCluster", "core"],
    [CLUSTER, "core"],
    [PROVIDER, "core"],
  ]);
});

test("two lines give a cluster whose Pods can have persistent addresses, without nodes and kept at the end", async () => {
  const { inputs } = await created({});
  expect(inputs).toEqual({
    name: "core",
    project: "my-project",
    location: "us-central1",
    networkingMode: "VPC_NATIVE",
    ipAllocationPolicy: {},
    datapathProvider: "ADVANCED_DATAPATH",
    gatewayApiConfig: { channel: "CHANNEL_STANDARD" },
    workloadIdentityConfig: { workloadPool: "my-project.svc.id.goog" },
    removeDefaultNodePool: true,
    initialNodeCount: 1,
    deletionProtection: true,
  });
});

test("passes on what it has no word for, beside its own fields", async () => {
  const { inputs } = await created({
    enableMultiNetworking: true,
    releaseChannel: "RAPID",
    minMasterVersion: "1.33",
    deletionProtection: false,
    clusterArgs: {
      description: "edge",
      ipAllocationPolicy: { podCidrOverprovisionConfig: { disabled: true } },
      masterAuthorizedNetworksConfig: { cidrBlocks: [{ cidrBlock: "192.0.2.0/24" }] },
      enableAutopilot: false,
    },
    clusterSecondaryRangeName: pulumi.output("pods"),
    servicesSecondaryRangeName: "services",
  });
  expect(inputs).toMatchObject({
    enableMultiNetworking: true,
    releaseChannel: { channel: "RAPID" },
    minMasterVersion: "1.33",
    deletionProtection: false,
    description: "edge",
    ipAllocationPolicy: {
      clusterSecondaryRangeName: "pods",
      servicesSecondaryRangeName: "services",
      podCidrOverprovisionConfig: { disabled: true },
    },
    masterAuthorizedNetworksConfig: { cidrBlocks: [{ cidrBlock: "192.0.2.0/24" }] },
    enableAutopilot: false,
  });
});

test("takes its ranges from a plan", async () => {
  const podRangePlan = PodRangePlan.forNodes({ maxNodes: 200, maxPodsPerNode: 64, maxServices: 500 });
  const { inputs } = await created({ podRangePlan });
  expect(inputs).toMatchObject({
    defaultMaxPodsPerNode: 64,
    ipAllocationPolicy: { clusterIpv4CidrBlock: "/17", servicesIpv4CidrBlock: "/23" },
  });
});

test("takes the project of the provider in use", async () => {
  const { registered } = await graphOf((opts) => {
    const provider = new GcpProvider("elsewhere", { project: "other-project" });
    new PersistentIpCluster("core", { location: "us-central1" }, { ...opts, provider });
  });
  expect(registered.find(({ type }) => type === CLUSTER)?.inputs).toMatchObject({
    project: "other-project",
    workloadIdentityConfig: { workloadPool: "other-project.svc.id.goog" },
  });
});

test("knows at once what the program says, and the rest in the end", async () => {
  const { cluster } = await created({ location: "us-central1-a", clusterIpv4CidrBlock: "10.8.0.0/14" });
  expect(cluster.facts).toMatchObject({
    name: "core",
    region: "us-central1",
    dataplaneV2: true,
    podCidr: "10.8.0.0/14",
  });
  expect(await valueOf(cluster.settled)).toMatchObject({
    region: "us-central1",
    workloadPool: "my-project.svc.id.goog",
  });
  expect(
    await Promise.all([cluster.location, cluster.region, cluster.project, cluster.clusterName].map(valueOf)),
  ).toEqual(["us-central1-a", "us-central1", "my-project", "core"]);
});

test("is replaced after it was deleted, as its name is its own, and everything has it as parent", async () => {
  const { graph } = await created({});
  const [, cluster, provider] = graph.options;
  expect(cluster?.options.deleteBeforeReplace).toBe(true);
  for (const child of [cluster, provider]) {
    expect((child?.options.parent as unknown as { __name: string }).__name).toBe("core");
  }
});

const refused: [string, Partial<PersistentIpClusterArgs>, string[]][] = [
  [
    "everything about a cluster at once",
    {
      location: "US",
      project: "",
      datapathProvider: "advanced-datapath" as never,
      releaseChannel: "slow" as never,
      minMasterVersion: "1.30",
      defaultMaxPodsPerNode: 300,
      clusterIpv4CidrBlock: "10.9.0.0/14",
      servicesIpv4CidrBlock: "10.8.0.0/20",
    },
    [
      'location: got "US"; use a region, for example "us-central1", or a zone, for example "us-central1-a"',
      'project: got nothing; pass the id of the project, for example "my-project": Workload Identity needs it',
      'datapathProvider: got "advanced-datapath"; use "ADVANCED_DATAPATH"',
      'releaseChannel: got "slow"; use "UNSPECIFIED", "RAPID", "REGULAR", "STABLE" or "EXTENDED"',
      'minMasterVersion: got "1.30"; persistent addresses need 1.31 or later, leave it out or raise it',
      "defaultMaxPodsPerNode: got 300; use a whole number from 8 to 256",
      'clusterIpv4CidrBlock: got "10.9.0.0/14"; use "10.8.0.0/14"',
    ],
  ],
  [
    "a version that is none",
    { minMasterVersion: "newest" },
    ['minMasterVersion: got "newest"; use a version of GKE, for example "1.33" or "1.33.5-gke.1201000"'],
  ],
  [
    "ranges that overlap",
    { clusterIpv4CidrBlock: "10.8.0.0/14", servicesIpv4CidrBlock: "10.8.0.0/20" },
    [
      'servicesIpv4CidrBlock: got "10.8.0.0/20"; it overlaps clusterIpv4CidrBlock "10.8.0.0/14": use a range outside it',
    ],
  ],
  [
    "a range that two fields give",
    {
      podRangePlan: PodRangePlan.forNodes({ maxNodes: 10 }),
      clusterIpv4CidrBlock: "/14",
      clusterSecondaryRangeName: "pods",
      servicesIpv4CidrBlock: "/20",
      servicesSecondaryRangeName: pulumi.output("services"),
      defaultMaxPodsPerNode: 64,
    },
    [
      "defaultMaxPodsPerNode: got 64; podRangePlan is for 110 Pods on each node: leave it out, or plan with maxPodsPerNode: 64",
      'clusterIpv4CidrBlock: got "/14"; podRangePlan gives the range of the Pods already, leave out one of the two',
      'clusterSecondaryRangeName: got "pods"; podRangePlan gives the range of the Pods already, leave out one of the two',
      'servicesSecondaryRangeName: got "a value to come"; servicesIpv4CidrBlock gives the range of the Services already, leave out one of the two',
    ],
  ],
  [
    "several networks without Dataplane V2",
    { enableMultiNetworking: true, datapathProvider: "LEGACY_DATAPATH" },
    [
      'enableMultiNetworking: got true; several networks need Dataplane V2: leave it out, or set datapathProvider: "ADVANCED_DATAPATH"',
    ],
  ],
  [
    "passed fields that contradict the feature",
    {
      enableMultiNetworking: true,
      clusterArgs: {
        location: "us-east1",
        datapathProvider: "LEGACY_DATAPATH",
        enableAutopilot: true,
        networkingMode: "ROUTES",
        clusterIpv4Cidr: "10.8.0.0/14",
        gatewayApiConfig: { channel: "CHANNEL_DISABLED" },
        ipAllocationPolicy: { stackType: "IPV4_IPV6", clusterIpv4CidrBlock: "/16" },
        workloadIdentityConfig: pulumi.output({ workloadPool: "x" }),
        removeDefaultNodePool: false,
        monitoringConfig: { advancedDatapathObservabilityConfig: { enableRelay: true } },
        nodePools: [{}],
      },
    },
    [
      'clusterArgs.location: got "us-east1"; set location of the component instead',
      'clusterArgs.datapathProvider: got "LEGACY_DATAPATH"; set datapathProvider of the component instead',
      "clusterArgs.enableAutopilot: got true; persistent addresses need GKE Standard, leave it out",
      'clusterArgs.networkingMode: got "ROUTES"; persistent addresses need "VPC_NATIVE": leave it out',
      'clusterArgs.clusterIpv4Cidr: got "10.8.0.0/14"; it is for clusters that are not VPC-native, use clusterIpv4CidrBlock',
      'clusterArgs.gatewayApiConfig.channel: got "CHANNEL_DISABLED"; persistent addresses need "CHANNEL_STANDARD": leave it out',
      'clusterArgs.ipAllocationPolicy.stackType: got "IPV4_IPV6"; clusters with several networks have IPv4 only, leave it out',
      'clusterArgs.ipAllocationPolicy.clusterIpv4CidrBlock: got "/16"; set clusterIpv4CidrBlock of the component instead',
      'clusterArgs.workloadIdentityConfig: got "a value to come"; write it as an object, so that podpin can add its own fields',
      "clusterArgs.removeDefaultNodePool: got false; persistent addresses need true: leave it out",
      'clusterArgs.monitoringConfig: got {"advancedDatapathObservabilityConfig":{"enableRelay":true}}; clusters with several networks cannot have managed Hubble: leave advancedDatapathObservabilityConfig.enableRelay out',
      "clusterArgs.nodePools: got [{}]; node pools are resources of their own, add a PersistentIpNodePool for each",
    ],
  ],
];

test.each(refused)("refuses %s", (_, args, lines) => {
  expect(() => new PersistentIpCluster("core", { ...minimal, ...args })).toThrow(
    `PersistentIpCluster "core" is not valid:\n${lines.map((line) => `  - ${line}`).join("\n")}`,
  );
});

test("refuses names that GKE refuses", () => {
  expect(() => new PersistentIpCluster("My_Core", minimal)).toThrow('  - name: got "My_Core"; use "my-core"');
  expect(() => new PersistentIpCluster("1", minimal)).toThrow(
    '  - name: got "1"; a name in GKE has 1 to 40 lower-case letters, digits and "-", starts with a letter and does not end with "-"',
  );
});

test("says when the installed SDK would drop a field", () => {
  const clusterArgs = { descripton: "edge", description: "edge" };
  expect(() => new PersistentIpCluster("core", { ...minimal, clusterArgs })).toThrow(
    'PersistentIpCluster "core" is not valid:\n' +
      '  - clusterArgs.descripton: got "edge"; the installed @pulumi/gcp has no such field and would drop it: mind the spelling, or update @pulumi/gcp',
  );
});
