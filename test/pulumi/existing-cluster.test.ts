// A cluster that exists is looked up and checked, while the program is deployed.
import { spawnSync } from "node:child_process";
import path from "node:path";

let answers: Record<string, unknown>;

beforeAll(() => {
  const program = path.join(__dirname, "existing-cluster-program.ts");
  // It fails in the end, as a program with such mistakes must: the SDK counts the resources that never came to be.
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", program], {
    encoding: "utf8",
    timeout: 50_000,
  });
  if (stdout === "") throw new Error(stderr);
  answers = JSON.parse(stdout) as typeof answers;
}, 60_000);

test("knows everything about a cluster that it found", () => {
  expect(answers["good"]).toEqual({
    name: "good",
    location: "us-central1-a",
    region: "us-central1",
    project: "my-project",
    version: "1.33.5-gke.1201000",
    autopilot: false,
    dataplaneV2: true,
    gatewayApi: true,
    multiNetworking: true,
    workloadPool: "my-project.svc.id.goog",
    network: "default",
    subnetwork: "default",
    podCidr: "10.8.0.0/14",
    serviceCidr: "10.4.0.0/20",
  });
});

test("does without an id in the answer, as mocks may", () => {
  expect(answers["mocked"]).toMatchObject({
    name: "mocked",
    location: "us-central1-a",
    workloadPool: "my-project.svc.id.goog",
  });
});

test("a controller does without the cluster's ranges in the answer, as mocks may leave them out", () => {
  expect(answers["controller"]).toMatchObject({ name: "podpin-controller" });
});

test("gives a provider that names the cluster and asks GKE's plug-in for credentials", () => {
  const { clusterIdentifier, kubeconfig } = answers["provider"] as { clusterIdentifier: string; kubeconfig: string };
  expect(clusterIdentifier).toBe("projects/my-project/locations/us-central1-a/clusters/core");
  expect(JSON.parse(kubeconfig)).toEqual({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "gke", cluster: { server: "https://192.0.2.1", "certificate-authority-data": "Q0E=" } }],
    users: [
      {
        name: "gke",
        user: {
          exec: {
            apiVersion: "client.authentication.k8s.io/v1beta1",
            command: "gke-gcloud-auth-plugin",
            installHint: expect.stringContaining("gcloud components install") as string,
            provideClusterInfo: true,
          },
        },
      },
    ],
    contexts: [{ name: "gke", context: { cluster: "gke", user: "gke" } }],
    "current-context": "gke",
  });
});

const AUTOPILOT =
  "enableAutopilot: got true; persistent addresses need GKE Standard: use another cluster, its mode is fixed at creation";
const LEGACY =
  'datapathProvider: got "LEGACY_DATAPATH"; GKE\'s own controller needs Dataplane V2, which is fixed at creation: use another cluster, or a PersistentIpController and datapathProvider: "LEGACY_DATAPATH" here';
const closed = (name: string) =>
  `gatewayApiConfig.channel: got "CHANNEL_DISABLED"; pools are Gateways, switch the Gateway API on: gcloud container clusters update ${name} --gateway-api=standard --location=us-central1-a --project=my-project`;
const old = (version: string) =>
  `masterVersion: got "${version}"; persistent addresses need 1.31 or later: upgrade the control plane`;

test.each<[string, string, string[]]>([
  ["Autopilot", "autopilot", [AUTOPILOT]],
  ["a version that is too old", "old", [old("1.30.9-gke.1127000")]],
  ["no Dataplane V2", "legacy", [LEGACY]],
  [
    "routes in place of alias addresses",
    "routes",
    [
      'networkingMode: got "ROUTES"; persistent addresses need a VPC-native cluster: use another cluster, it is fixed at creation',
    ],
  ],
  ["no Gateway API", "closed", [closed("closed")]],
  ["all of these at once", "everything", [AUTOPILOT, old("1.29.1-gke.1"), LEGACY, closed("everything")]],
  [
    "mistakes in literals",
    "at-once",
    [
      "clusterName: got nothing; pass the name that the cluster has in GKE",
      'location: got "here"; use a region, for example "us-central1", or a zone, for example "us-central1-a"',
      'region: got "us-central1-a"; that is a zone, use its region "us-central1"',
      'datapathProvider: got "none"; use "ADVANCED_DATAPATH" or "LEGACY_DATAPATH"',
    ],
  ],
  ["a version that GKE chose and that is too old", "made", [old("1.30.1-gke.1")]],
  [
    "a place that turns out to be none",
    "later",
    ['location: got "here"; use a region, for example "us-central1", or a zone, for example "us-central1-a"'],
  ],
])("says so when the cluster has %s", (_, name, lines) => {
  const text = lines.map((line) => `  - ${line}`).join("\n");
  // Pulumi puts the property in front that it could not send to the engine.
  const told = String(answers[name]).replace(/^(error serializing property "\w+": )+/, "");
  expect(told).toBe(`PersistentIpCluster "${name}" is not valid:\n${text}`);
});

test("says so when the cluster is in another region than the addresses", () => {
  expect(answers["region"]).toBe(
    'PersistentIpCluster "good" is not valid:\n' +
      '  - location: got "us-central1-a"; the addresses are in region "us-east1", and a cluster reaches those of its own region only: use a cluster in "us-east1"',
  );
});

test("takes a cluster without Dataplane V2 where the program says that podpin runs the routes", () => {
  expect(answers["own"]).toMatchObject({ dataplaneV2: false });
});
