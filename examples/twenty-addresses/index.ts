// Twenty addresses for one Pod. GKE takes at most 16 a Gateway and a route, so there are two of each; nothing here says so.
import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { PersistentIpPool, PinnedDeployment, podSetup } from "podpin/pulumi";

const config = new pulumi.Config();

const home = new Namespace("egress", { metadata: { name: "egress" } });
const pool = new PersistentIpPool("egress", {
  size: config.getNumber("size") ?? 20,
  region: new pulumi.Config("gcp").require("region"),
  namespace: home.metadata.name,
  allowedNamespaces: "Same",
  protectAddresses: config.getBoolean("protectAddresses"),
});

const labels = { app: "egress" };
const image = config.require("setupImage");
const { initContainers, securityContext } = podSetup({ pool, image, addresses: pool.addresses });
const container = {
  name: "proxy",
  image: config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
  readinessProbe: { tcpSocket: { port: 8080 } },
};
const proxy = new Deployment("egress", {
  metadata: { name: "egress", namespace: home.metadata.name },
  spec: {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { securityContext, initContainers, containers: [container] } },
  },
});
const pinned = new PinnedDeployment("egress", { pool, deployment: proxy });

// For somebody's firewall.
export const allowList = pinned.addresses;
