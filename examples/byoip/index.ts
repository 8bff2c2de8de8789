// Persistent addresses out of a prefix that you bring: the prefix, a part of it for one region, and two addresses of that.
import * as pulumi from "@pulumi/pulumi";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { ByoipPrefix, PersistentIpPool, PinnedStatefulSet, podSetup } from "podpin/pulumi";

const config = new pulumi.Config();
const region = new pulumi.Config("gcp").require("region");
const protectAddresses = config.getBoolean("protectAddresses");

const own = new ByoipPrefix("own", {
  advertisedRange: config.get("advertisedRange") ?? "198.51.100.0/24",
  dnsVerificationIp: config.get("dnsVerificationIp") ?? "198.51.100.1",
  delegatedRange: config.get("delegatedRange") ?? "198.51.100.64/28",
  region,
  protectPrefixes: protectAddresses,
});

const home = new Namespace("mail", { metadata: { name: "mail" } });
const pool = new PersistentIpPool("mail", {
  size: 2,
  region,
  ipCollection: own.ipCollection,
  namespace: home.metadata.name,
  allowedNamespaces: "Same",
  protectAddresses,
});

const labels = { app: "mail" };
const { initContainers, securityContext } = podSetup({ pool, image: config.require("setupImage"), replicas: 2 });
const container = {
  name: "mail",
  image: config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0",
  readinessProbe: { tcpSocket: { port: 8080 } },
};
const mail = new StatefulSet("mail", {
  metadata: { name: "mail", namespace: home.metadata.name },
  spec: {
    serviceName: "mail",
    replicas: 2,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { securityContext, initContainers, containers: [container] } },
  },
});
export const senders = new PinnedStatefulSet("mail", { pool, statefulSet: mail }).addresses;
