// A program of its own, run by existing-cluster.test.ts: a failed output rejects everything that hangs on it, which ends
// a Pulumi program and would end a test. Prints what each case is told as one JSON object.
import * as pulumi from "@pulumi/pulumi";

import {
  PersistentIpCluster,
  type PersistentIpClusterFromExistingArgs,
  PersistentIpController,
} from "../../lib/pulumi";
import { valueOf } from "./graph";

process.on("unhandledRejection", () => {});

const good = {
  id: "projects/my-project/locations/us-central1-a/clusters/core",
  project: "my-project",
  masterVersion: "1.33.5-gke.1201000",
  enableAutopilot: false,
  datapathProvider: "ADVANCED_DATAPATH",
  gatewayApiConfigs: [{ channel: "CHANNEL_STANDARD" }],
  enableMultiNetworking: true,
  workloadIdentityConfigs: [{ workloadPool: "my-project.svc.id.goog" }],
  network: "default",
  subnetwork: "default",
  clusterIpv4Cidr: "10.8.0.0/14",
  servicesIpv4Cidr: "10.4.0.0/20",
  endpoint: "192.0.2.1",
  masterAuths: [{ clusterCaCertificate: "Q0E=" }],
};

/** What the lookup of each cluster finds. */
const clusters: Record<string, object> = {
  good,
  autopilot: { ...good, enableAutopilot: true },
  old: { ...good, masterVersion: "1.30.9-gke.1127000" },
  legacy: { ...good, datapathProvider: "LEGACY_DATAPATH" },
  routes: { ...good, networkingMode: "ROUTES" },
  closed: { ...good, gatewayApiConfigs: [] },
  /** As mocks answer that leave out what they do not need. */
  mocked: { ...good, id: undefined, project: undefined, clusterIpv4Cidr: undefined, servicesIpv4Cidr: undefined },
  everything: {
    ...good,
    enableAutopilot: true,
    masterVersion: "1.29.1-gke.1",
    datapathProvider: "",
    gatewayApiConfigs: [{ channel: "CHANNEL_DISABLED" }],
  },
};

const providers: Record<string, unknown> = {};
void pulumi.runtime.setMocks(
  {
    newResource: ({ type, name, inputs }) => {
      if (type === "pulumi:providers:kubernetes") providers[name] = inputs;
      // A release channel that is behind: what GKE makes is decided by GKE.
      const made = type === "gcp:container/cluster:Cluster" ? { masterVersion: "1.30.1-gke.1" } : {};
      return { id: `${name}-id`, state: { ...inputs, ...made } };
    },
    call: ({ inputs }) => clusters[(inputs as { name: string }).name] as Record<string, unknown>,
  },
  "project",
  "stack",
  false,
);

const find = (name: string, args: Partial<PersistentIpClusterFromExistingArgs> = {}) =>
  PersistentIpCluster.fromExisting(name, { clusterName: name, location: "us-central1-a", ...args });

async function told(make: () => PersistentIpCluster): Promise<unknown> {
  try {
    return await valueOf(make().settled);
  } catch (error) {
    return (error as Error).message;
  }
}

async function main(): Promise<void> {
  const answers: Record<string, unknown> = {};
  for (const name of Object.keys(clusters)) answers[name] = await told(() => find(name));
  answers["region"] = await told(() => find("good", { region: pulumi.output(Promise.resolve("us-east1")) }));
  answers["own"] = await told(() => find("legacy", { datapathProvider: "LEGACY_DATAPATH" }));
  answers["at-once"] = await told(() => {
    const args = { clusterName: "", location: "here", region: "us-central1-a", datapathProvider: "none" as never };
    return PersistentIpCluster.fromExisting("at-once", args);
  });
  answers["made"] = await told(
    () => new PersistentIpCluster("made", { location: "us-central1", project: "my-project" }),
  );
  answers["later"] = await told(() => {
    const location = pulumi.output(Promise.resolve("here"));
    return new PersistentIpCluster("later", { location, project: "my-project" });
  });
  const image = "registry.example.com/podpin:0.1.0";
  const cluster = find("mocked");
  const controller = new PersistentIpController("podpin", { cluster, image, dataplaneV2: "experimental" });
  answers["controller"] = await valueOf(controller.deployment.metadata).catch((error: Error) => error.message);
  await new Promise((resolve) => setImmediate(resolve));
  answers["provider"] = providers["good"];
  process.stdout.write(JSON.stringify(answers), () => process.exit(0));
}

void main();
