// One pool for several teams: every namespace with the label persistent-ips=yes may use its addresses, others may not.
import * as pulumi from "@pulumi/pulumi";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { Namespace } from "@pulumi/kubernetes/core/v1/namespace";
import { PersistentIpPool, PinnedPodRoute, podSetup } from "podpin/pulumi";

const config = new pulumi.Config();
const image = config.require("setupImage");
const appImage = config.get("appImage") ?? "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0";
const admitted = { "persistent-ips": "yes" };

const platform = new Namespace("platform", { metadata: { name: "platform" } });
const pool = new PersistentIpPool("shared", {
  size: 4,
  region: new pulumi.Config("gcp").require("region"),
  namespace: platform.metadata.name,
  allowedNamespaces: "Selector",
  namespaceSelector: admitted,
  protectAddresses: config.getBoolean("protectAddresses"),
});

/** A team's namespace, with one Pod that has these addresses of the pool. */
function team(name: string, addresses: pulumi.Output<string>[]): pulumi.Output<string>[] {
  const home = new Namespace(name, { metadata: { name, labels: admitted } });
  const labels = { app: "gateway" };
  const { initContainers, securityContext } = podSetup({ pool, image, addresses });
  const containers = [{ name: "gateway", image: appImage, readinessProbe: { tcpSocket: { port: 8080 } } }];
  const gateway = new StatefulSet(name, {
    metadata: { name: "gateway", namespace: home.metadata.name },
    spec: {
      serviceName: "gateway",
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { securityContext, initContainers, containers } },
    },
  });
  return new PinnedPodRoute(name, { pool, addresses, statefulSet: gateway, ordinal: 0 }).addresses;
}

export const voice = team("team-voice", pool.addresses.slice(0, 2));
export const billing = team("team-billing", pool.addresses.slice(2));
