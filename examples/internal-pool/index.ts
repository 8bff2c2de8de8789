// Internal addresses of a subnetwork for the three Pods of a StatefulSet: Pod i keeps address i, wherever it runs.
import * as pulumi from "@pulumi/pulumi";
import { getSubnetworkOutput } from "@pulumi/gcp/compute/getSubnetwork";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { PersistentIpPool, PinnedStatefulSet, podSetup } from "podpin/pulumi";

const config = new pulumi.Config();
const region = new pulumi.Config("gcp").require("region");
const setupImage = config.require("setupImage");
// The subnetwork of the cluster's nodes.
const subnetwork = getSubnetworkOutput({ region, name: config.get("subnetwork") ?? "default" });

const home = new Namespace("broker", { metadata: { name: "broker" } });
const pool = new PersistentIpPool("broker", {
  size: 3,
  addressType: "INTERNAL",
  region,
  subnetwork: subnetwork.selfLink,
  subnetworkRange: subnetwork.ipCidrRange,
  namespace: home.metadata.name,
  allowedNamespaces: "Same",
  protectAddresses: config.getBoolean("protectAddresses"),
});

const labels = { app: "broker" };
const setup = podSetup({ pool, image: setupImage, replicas: 3 });
const container = {
  name: "broker",
  image: config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
  readinessProbe: { tcpSocket: { port: 8080 } },
};
const { initContainers, securityContext } = setup;
const broker = new StatefulSet("broker", {
  metadata: { name: "broker", namespace: home.metadata.name },
  spec: {
    serviceName: "broker",
    replicas: 3,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { securityContext, initContainers, containers: [container] } },
  },
});
export const brokers = new PinnedStatefulSet("broker", { pool, statefulSet: broker }).addresses;
