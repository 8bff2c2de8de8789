// Every component for CDK8s; what it synthesizes must not depend on the versions of cdk8s and constructs.
import { ApiObject, App, Chart } from "cdk8s";
import {
  PersistentIpCluster,
  PersistentIpController,
  PersistentIpFirewall,
  PersistentIpHealthCheck,
  PersistentIpNodePool,
  PersistentIpPool,
  PinnedDeployment,
  PinnedPodRoute,
  PinnedStatefulSet,
  PodNetwork,
  podSetup,
} from "podpin/cdk8s";

/** The manifest, with objects in the order of the chart. */
export function manifest(): string {
  const app = new App();
  const chart = new Chart(app, "edge");
  const cluster = new PersistentIpCluster(chart, "core", {
    location: "us-central1",
    project: "my-project",
    enableMultiNetworking: true,
  });
  new PersistentIpNodePool(chart, "nodes", { cluster, nodeCount: 1, machineType: "n2-standard-4" });
  new PodNetwork(chart, "blue", { cluster, vpc: "blue", subnetwork: "blue", secondaryRanges: ["pods"] });

  const container = { name: "db", image: "registry.example.com/db:1", readinessProbe: { tcpSocket: { port: 8080 } } };
  const labels = { app: "db" };
  const reserved = new PersistentIpPool(chart, "reserved", {
    region: "us-central1",
    subnetwork: "projects/my-project/regions/us-central1/subnetworks/a",
    addressType: "INTERNAL",
    addresses: ["10.0.0.20", "10.0.0.21"],
  });
  const setup = podSetup({ pool: reserved, image: "registry.example.com/setup:1", replicas: 2 });
  const { initContainers, securityContext } = setup;
  const db = new ApiObject(chart, "db-set", {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default" },
    spec: {
      serviceName: "db",
      replicas: 2,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { securityContext, initContainers, containers: [container] } },
    },
  });
  new PinnedStatefulSet(chart, "db", { pool: reserved, statefulSet: db });

  const addresses = ["198.51.100.7", "198.51.100.8"];
  const adopted = PersistentIpPool.fromAddresses(chart, "adopted", { addresses, namespace: "edge" });
  const one = { pool: adopted, addresses: ["198.51.100.8"], namespace: "edge" };
  new PinnedPodRoute(chart, "one", { ...one, statefulSet: "proxy", ordinal: 0 });
  const proxy = { deployment: "proxy", podSelector: { app: "proxy" }, namespace: "edge" };
  new PinnedDeployment(chart, "proxy", { ...proxy, pool: adopted, addresses: ["198.51.100.7"] });

  const rule = { network: "default", sourceRanges: ["203.0.113.0/24"], targetTags: ["edge"], protocols: ["tcp"] };
  new PersistentIpFirewall(chart, "clients", { pool: adopted, ...rule });
  new PersistentIpHealthCheck(chart, "amf", { region: "us-central1", port: 8080 });
  new PersistentIpController(chart, "podpin", { image: "registry.example.com/podpin:1" });
  return app.synthYaml();
}
