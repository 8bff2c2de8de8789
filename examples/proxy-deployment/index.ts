// The Deployment of GKE's how-to: four replicas, of which the newest that is Ready has the two addresses.
import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { PersistentIpPool, PinnedDeployment, podSetup } from "podpin/pulumi";

const config = new pulumi.Config();

const pool = new PersistentIpPool("allowed-pod-ips", {
  size: 2,
  region: new pulumi.Config("gcp").require("region"),
  allowedNamespaces: "All",
  protectAddresses: config.getBoolean("protectAddresses"),
});

const home = new Namespace("proxy-deploy-ns", { metadata: { name: "proxy-deploy-ns" } });
const labels = { component: "proxy" };
const image = config.require("setupImage");
const { initContainers, securityContext } = podSetup({ pool, image, addresses: pool.addresses });
const container = {
  name: "hello-app",
  image: config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
  readinessProbe: { httpGet: { path: "/", port: 8080 } },
};
const proxy = new Deployment("proxy-deploy", {
  metadata: { name: "proxy-deploy", namespace: home.metadata.name },
  spec: {
    replicas: 4,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { securityContext, initContainers, containers: [container] } },
  },
});
const pinned = new PinnedDeployment("my-pod-ips", { pool, deployment: proxy });

export const addresses = pinned.addresses;
