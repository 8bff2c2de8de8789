// Two persistent addresses for the Pod proxy-ss-1 of a StatefulSet, wherever that Pod runs.
import * as pulumi from "@pulumi/pulumi";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "podpin/pulumi";

const config = new pulumi.Config();
const namespace = config.get("namespace") ?? "proxy-ss-ns";
const appImage = config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0";
const podpinImage = config.get("podpinImage") ?? "localhost/podpin:0.1.0";
const addresses = config.getObject<string[]>("addresses") ?? ["198.51.100.7", "198.51.100.8"];

const home = new Namespace(namespace, { metadata: { name: namespace } });
const labels = { component: "proxy" };
const proxy = new StatefulSet("proxy-ss", {
  metadata: { name: "proxy-ss", namespace: home.metadata.name },
  spec: {
    serviceName: "proxy",
    replicas: 3,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "hello-app", image: appImage }] } },
  },
});

// With gkeClassFabric, YAML that was written for GKE's classes runs on this cluster too.
const controller = new PersistentIpController("podpin", { image: podpinImage, gkeClassFabric: "l2" });
const pool = PersistentIpPool.fromAddresses("allowed-pod-ips", {
  addresses,
  controller,
  namespace: home.metadata.name,
  gatewayClassName: "podpin-l2",
});
const route = new PinnedPodRoute("my-pod-ips", { pool, statefulSet: proxy, ordinal: 1 });

export const pinned = route.addresses;
