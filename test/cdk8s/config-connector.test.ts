// What the components ask of Config Connector.
import { App, Chart, Testing } from "cdk8s";

import { PersistentIpFirewall, PersistentIpHealthCheck, PersistentIpPool, PinnedPodRoute } from "../../lib/cdk8s";

interface Shown {
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
  spec: Record<string, unknown>;
}
const chart = () => new Chart(new App(), "chart");
const shown = (of: Chart) => Testing.synth(of) as Shown[];
const line = ({ kind, metadata }: Shown) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`;

test("reserves given values before the Gateway that lists them", () => {
  const made = chart();
  const addresses = ["198.51.100.7", "198.51.100.8/32"];
  const pool = new PersistentIpPool(made, "edge", { region: "us-central1", addresses, namespace: "web", size: 2 });
  new PinnedPodRoute(made, "pin", { pool, podSelector: { app: "web" }, namespace: "web" });
  expect(shown(made).map(line)).toEqual([
    "ComputeAddress web/edge-0",
    "ComputeAddress web/edge-1",
    "Gateway web/edge",
    "GKEIPRoute web/pin",
  ]);
  expect(shown(made)[1]).toMatchObject({
    metadata: { annotations: { "cnrm.cloud.google.com/deletion-policy": "abandon" } },
    spec: { location: "us-central1", address: "198.51.100.8", addressType: "EXTERNAL" },
  });
  expect(pool.addresses).toEqual(["198.51.100.7", "198.51.100.8"]);
  expect(pool.reserved.map(({ node }) => node.path)).toEqual(["chart/edge/Address-0", "chart/edge/Address-1"]);
});

test("reserves internal addresses, and addresses of a prefix of your own", () => {
  const made = chart();
  const region = "us-central1";
  const subnetwork = "projects/my-project/regions/us-central1/subnetworks/nodes";
  const internal = { addressType: "INTERNAL", subnetwork, subnetworkRange: "10.0.0.0/20" } as const;
  new PersistentIpPool(made, "db", { region, ...internal, addresses: ["10.0.0.5"], protectAddresses: false });
  const ipCollection = "regions/us-central1/publicDelegatedPrefixes/edge";
  new PersistentIpPool(made, "byo", { region, ipCollection, addresses: ["203.0.113.20"], project: "my-project" });
  const [db, , byo] = shown(made);
  expect(db).toEqual({
    apiVersion: "compute.cnrm.cloud.google.com/v1beta1",
    kind: "ComputeAddress",
    metadata: { name: "db-0", namespace: "default" },
    spec: {
      location: "us-central1",
      description: "Persistent address of Kubernetes Pods, held by podpin",
      addressType: "INTERNAL",
      address: "10.0.0.5",
      subnetworkRef: { external: subnetwork },
      purpose: "GCE_ENDPOINT",
    },
  });
  expect(byo).toMatchObject({
    metadata: { annotations: { "cnrm.cloud.google.com/project-id": "my-project" } },
    spec: { ipCollectionRef: { external: ipCollection } },
  });
});

test("lets clients reach the addresses of a pool, and probes the port of a health check", () => {
  const made = chart();
  const network = "https://www.googleapis.com/compute/v1/projects/my-project/global/networks/core";
  const pool = PersistentIpPool.fromAddresses(made, "edge", { addresses: ["198.51.100.7"], namespace: "web" });
  const nodes = { targetTags: ["edge-nodes"] };
  new PersistentIpFirewall(made, "clients", { pool, network, sourceRanges: ["0.0.0.0/0"], ...nodes });
  const check = new PersistentIpHealthCheck(made, "amf", {
    region: "us-central1",
    port: 8080,
    probeNetwork: network,
    ...nodes,
  });
  expect(check.healthCheckName).toBe("amf");
  expect(shown(made).map(line)).toEqual([
    "Gateway web/edge",
    "ComputeFirewall web/clients",
    "ComputeHealthCheck default/amf",
    "ComputeFirewall default/amf-probes",
  ]);
  const [, clients, , probes] = shown(made);
  expect(clients?.spec).toMatchObject({
    destinationRanges: ["198.51.100.7/32"],
    allow: [{ protocol: "all" }],
    targetTags: ["edge-nodes"],
  });
  expect(probes?.spec).toMatchObject({ allow: [{ protocol: "tcp", ports: ["8080"] }] });
  expect(probes?.spec).not.toHaveProperty("destinationRanges");
});
