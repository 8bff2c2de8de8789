// Everything from nothing: a cluster, its nodes, four reserved addresses, and a StatefulSet whose Pod i keeps address i.
import * as pulumi from "@pulumi/pulumi";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import {
  IN_POD_SYSCTLS,
  PersistentIpCluster,
  PersistentIpNodePool,
  PersistentIpPool,
  PinnedStatefulSet,
  podSetup,
} from "podpin/pulumi";

const config = new pulumi.Config();
const image = config.require("setupImage");

const cluster = new PersistentIpCluster("core", {
  location: config.get("location") ?? "us-central1",
  deletionProtection: config.getBoolean("deletionProtection"),
});
const { provider } = cluster;
const nodes = new PersistentIpNodePool("core", {
  cluster,
  nodeCount: 1,
  // Lets Pods set what they need for their addresses without privileges.
  allowedUnsafeSysctls: IN_POD_SYSCTLS,
});

const home = new Namespace("edge", { metadata: { name: "edge" } }, { provider });
const pool = new PersistentIpPool("n2", {
  cluster,
  size: 4,
  namespace: home.metadata.name,
  allowedNamespaces: "Same",
  protectAddresses: config.getBoolean("protectAddresses"),
});

const labels = { component: "amf" };
const { initContainers, securityContext } = podSetup({ pool, image, replicas: 3, unsafeSysctlsAllowed: true });
const container = {
  name: "amf",
  image: config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
  readinessProbe: { tcpSocket: { port: 8080 } },
};
const amf = new StatefulSet(
  "amf",
  {
    metadata: { name: "amf", namespace: home.metadata.name },
    spec: {
      serviceName: "amf",
      replicas: 3,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { securityContext, initContainers, containers: [container] } },
    },
  },
  { provider, dependsOn: nodes },
);
new PinnedStatefulSet("amf", { pool, statefulSet: amf, replicas: 3 });

export const allowList = pool.addresses;
