import { App, Chart, Testing } from "cdk8s";

import {
  PersistentIpCluster,
  type PersistentIpClusterFromExistingProps,
  PersistentIpPool,
  PinnedPodRoute,
  PodNetwork,
} from "../../lib/cdk8s";
import { PodRangePlan } from "../../lib/model";

const chart = () => new Chart(new App(), "chart");
const minimal = { location: "us-central1", project: "my-project" };

test("writes a cluster for Config Connector, without nodes and kept when its object goes", () => {
  const scope = chart();
  new PersistentIpCluster(scope, "core", minimal);
  expect(Testing.synth(scope)).toEqual([
    {
      apiVersion: "container.cnrm.cloud.google.com/v1beta1",
      kind: "ContainerCluster",
      metadata: {
        name: "core",
        namespace: "default",
        annotations: {
          "cnrm.cloud.google.com/project-id": "my-project",
          "cnrm.cloud.google.com/deletion-policy": "abandon",
          "cnrm.cloud.google.com/remove-default-node-pool": "true",
        },
      },
      spec: {
        location: "us-central1",
        networkingMode: "VPC_NATIVE",
        ipAllocationPolicy: {},
        datapathProvider: "ADVANCED_DATAPATH",
        gatewayApiConfig: { channel: "CHANNEL_STANDARD" },
        workloadIdentityConfig: { workloadPool: "my-project.svc.id.goog" },
        initialNodeCount: 1,
      },
    },
  ]);
});

test("writes every field that a program gives", () => {
  const scope = chart();
  const cluster = new PersistentIpCluster(scope, "core", {
    ...minimal,
    namespace: "infra",
    network: "edge",
    subnetwork: "projects/my-project/regions/us-central1/subnetworks/edge",
    podRangePlan: PodRangePlan.forNodes({ maxNodes: 60, maxPodsPerNode: 32 }),
    enableMultiNetworking: true,
    releaseChannel: "STABLE",
    minMasterVersion: "1.33",
    deletionProtection: false,
    clusterSpec: { description: "edge", ipAllocationPolicy: { podCidrOverprovisionConfig: { disabled: true } } },
  });
  expect(cluster.resource?.toJson()).toMatchObject({
    metadata: { namespace: "infra" },
    spec: {
      networkRef: { external: "edge" },
      subnetworkRef: { external: "projects/my-project/regions/us-central1/subnetworks/edge" },
      ipAllocationPolicy: { clusterIpv4CidrBlock: "/20", podCidrOverprovisionConfig: { disabled: true } },
      defaultMaxPodsPerNode: 32,
      enableMultiNetworking: true,
      releaseChannel: { channel: "STABLE" },
      minMasterVersion: "1.33",
      description: "edge",
    },
  });
  const { annotations } = cluster.resource!.toJson().metadata as { annotations: object };
  expect(Object.keys(annotations)).not.toContain("cnrm.cloud.google.com/deletion-policy");
});

test("refuses passed fields that contradict the feature", () => {
  const clusterSpec = { enableAutopilot: true, networkRef: { name: "edge" }, datapathProvider: "LEGACY_DATAPATH" };
  expect(() => new PersistentIpCluster(chart(), "core", { ...minimal, project: "", clusterSpec })).toThrow(
    'PersistentIpCluster "core" is not valid:\n' +
      '  - project: got nothing; pass the id of the project, for example "my-project": Workload Identity needs it\n' +
      "  - clusterSpec.enableAutopilot: got true; persistent addresses need GKE Standard, leave it out\n" +
      '  - clusterSpec.networkRef: got {"name":"edge"}; set network of the component instead\n' +
      '  - clusterSpec.datapathProvider: got "LEGACY_DATAPATH"; set datapathProvider of the component instead',
  );
});

const existing = { clusterName: "core", location: "us-central1-a", project: "my-project" };

test("uses a cluster that exists without an object of its own", () => {
  const scope = chart();
  const cluster = PersistentIpCluster.fromExisting(scope, "shared", existing);
  expect(Testing.synth(scope)).toEqual([]);
  expect([cluster.clusterName, cluster.region, cluster.workloadPool]).toEqual([
    "core",
    "us-central1",
    "my-project.svc.id.goog",
  ]);
});

test.each<[string, Partial<PersistentIpClusterFromExistingProps>, string[]]>([
  [
    "no name and no place",
    { clusterName: "", location: "" },
    [
      "clusterName: got nothing; pass the name that the cluster has in GKE",
      'location: got nothing; use a region, for example "us-central1", or a zone, for example "us-central1-a"',
    ],
  ],
  [
    "a zone for a region",
    { region: "us-central1-a" },
    ['region: got "us-central1-a"; that is a zone, use its region "us-central1"'],
  ],
  [
    "a cluster in another region",
    { region: "us-east1" },
    [
      'location: got "us-central1-a"; the addresses are in region "us-east1", and a cluster reaches those of its own region only: use a cluster in "us-east1"',
    ],
  ],
  [
    "Autopilot",
    { enableAutopilot: true },
    [
      "enableAutopilot: got true; persistent addresses need GKE Standard: use another cluster, its mode is fixed at creation",
    ],
  ],
  [
    "an old version",
    { masterVersion: "1.30.9-gke.1127000" },
    ['masterVersion: got "1.30.9-gke.1127000"; persistent addresses need 1.31 or later: upgrade the control plane'],
  ],
  [
    "routes in place of alias addresses",
    { networkingMode: "ROUTES" },
    [
      'networkingMode: got "ROUTES"; persistent addresses need a VPC-native cluster: use another cluster, it is fixed at creation',
    ],
  ],
  [
    "no Gateway API",
    { gatewayApiChannel: "CHANNEL_DISABLED" },
    [
      'gatewayApiConfig.channel: got "CHANNEL_DISABLED"; pools are Gateways, switch the Gateway API on: gcloud container clusters update core --gateway-api=standard --location=us-central1-a --project=my-project',
    ],
  ],
])("says what is wrong with an existing cluster: %s", (_, props, lines) => {
  const make = () => PersistentIpCluster.fromExisting(chart(), "shared", { ...existing, ...props });
  const text = lines.map((line) => `  - ${line}`).join("\n");
  expect(make).toThrow(`PersistentIpCluster "shared" is not valid:\n${text}`);
});

test("components are checked against the networks that the program says an existing cluster has", () => {
  const home = chart();
  const cluster = PersistentIpCluster.fromExisting(home, "shared", {
    ...existing,
    network: "core",
    subnetwork: "projects/my-project/regions/us-central1/subnetworks/nodes",
  });
  const card = { type: "Device", deviceMode: "NetDevice", subnetwork: "cards" } as const;
  expect(() => new PodNetwork(home, "cards", { cluster, ...card, vpc: "core" })).toThrow("DeviceModeCantUseDefaultVPC");
  const place = { subnetwork: "blue", addresses: ["10.0.0.9"] };
  const pool = new PersistentIpPool(home, "calls", { cluster, addressType: "INTERNAL", ...place });
  expect(() => new PinnedPodRoute(home, "route", { pool, podSelector: { app: "calls" } })).toThrow(
    'network: got "default"; it is on subnetwork "nodes", and the addresses of pool "calls" are from "blue": use a pool with subnetwork: "nodes"',
  );
});

test("takes a cluster without Dataplane V2 where the program says so", () => {
  const cluster = PersistentIpCluster.fromExisting(chart(), "own", {
    ...existing,
    datapathProvider: "LEGACY_DATAPATH",
  });
  expect(cluster.facts.dataplaneV2).toBe(false);
});
