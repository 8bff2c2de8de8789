// The StatefulSet of GKE's how-to: its Pods have a second interface on blue-network, and proxy-ss-1 has two addresses there.
import * as pulumi from "@pulumi/pulumi";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { PersistentIpPool, PinnedPodRoute, PodNetwork, podSetup } from "podpin/pulumi";

const config = new pulumi.Config();

// The node pool must be on this subnetwork too; see the README.
const blue = new PodNetwork("blue-network", {
  vpc: config.get("vpc") ?? "blue",
  subnetwork: config.get("subnetwork") ?? "blue-us-central1",
  secondaryRanges: [config.get("podRange") ?? "blue-pods"],
});
const pool = new PersistentIpPool("blue-pod-ips", {
  size: 2,
  region: new pulumi.Config("gcp").require("region"),
  allowedNamespaces: "All",
  protectAddresses: config.getBoolean("protectAddresses"),
});

const home = new Namespace("blue-proxy", { metadata: { name: "blue-proxy" } });
const labels = { component: "proxy" };
const network = blue.networkName;
const image = config.require("setupImage");
// All three Pods can hold the addresses; packets for them go to proxy-ss-1 alone.
const setup = podSetup({ pool, image, network, addresses: pool.addresses });
const { annotations, initContainers, securityContext } = setup;
const container = {
  name: "hello-app",
  image: config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
  readinessProbe: { httpGet: { path: "/", port: 8080 } },
};
const proxy = new StatefulSet(
  "proxy-ss",
  {
    metadata: { name: "proxy-ss", namespace: home.metadata.name },
    spec: {
      serviceName: "proxy",
      replicas: 3,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, annotations },
        spec: { securityContext, initContainers, containers: [container] },
      },
    },
  },
  { dependsOn: blue },
);
const route = new PinnedPodRoute("my-pod-ips", { pool, statefulSet: proxy, ordinal: 1, network: blue });

export const addresses = route.addresses;
