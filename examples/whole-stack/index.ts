// The whole stack from an empty project: cluster, nodes, podpin's own controller and agents with their identity, reserved
// addresses, a firewall rule, and two StatefulSets: each amf Pod keeps one address, proxy-0 has two.
import * as pulumi from "@pulumi/pulumi";
import { getProjectOutput } from "@pulumi/gcp/organizations/getProject";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import {
  DatapathProvider,
  PersistentIpCluster,
  PersistentIpController,
  PersistentIpFirewall,
  PersistentIpNodePool,
  PersistentIpPool,
  PinnedPodRoute,
  PinnedStatefulSet,
} from "podpin/pulumi";

const config = new pulumi.Config();
const project = new pulumi.Config("gcp").require("project");
const appImage = config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0";

const cluster = new PersistentIpCluster("core", {
  location: config.get("location") ?? "us-central1",
  // podpin's own controller runs the routes, so Google's must not.
  datapathProvider: DatapathProvider.Legacy,
  deletionProtection: config.getBoolean("deletionProtection"),
});
const { provider } = cluster;
const tags = ["persistent-ips"];
const nodes = new PersistentIpNodePool("core", { cluster, nodeCount: 1, nodePoolArgs: { nodeConfig: { tags } } });

const controller = new PersistentIpController(
  "podpin",
  {
    cluster,
    image: config.require("podpinImage"),
    googleCloudProject: project,
    googleCloudProjectNumber: getProjectOutput({ projectId: project }).number,
    // A private endpoint for Google's APIs, where the nodes reach no other.
    googleCloudEndpoint: config.get("googleCloudEndpoint"),
    replaceLostPods: true,
  },
  { dependsOn: nodes },
);

const home = new Namespace("edge", { metadata: { name: "edge" } }, { provider });
const namespace = home.metadata.name;
const pool = new PersistentIpPool("edge", {
  cluster,
  controller,
  size: 4,
  namespace,
  allowedNamespaces: "Same",
  protectAddresses: config.getBoolean("protectAddresses"),
});
new PersistentIpFirewall("edge", { pool, network: "default", sourceRanges: ["0.0.0.0/0"], targetTags: tags });

function app(name: string, replicas: number): StatefulSet {
  const labels = { component: name };
  const containers = [{ name, image: appImage, readinessProbe: { tcpSocket: { port: 8080 } } }];
  return new StatefulSet(
    name,
    {
      metadata: { name, namespace },
      spec: {
        serviceName: name,
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    },
    { provider, dependsOn: nodes },
  );
}
new PinnedStatefulSet("amf", { pool, statefulSet: app("amf", 2), replicas: 2 });
new PinnedPodRoute("proxy", { pool, addresses: pool.addresses.slice(2), statefulSet: app("proxy", 1), ordinal: 0 });

export const allowList = pool.addresses;
