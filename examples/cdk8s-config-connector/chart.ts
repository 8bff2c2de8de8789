// Internal addresses that Config Connector reserves, and a StatefulSet whose Pod i keeps address i: one manifest, no Pulumi.
import { ApiObject, Chart } from "cdk8s";
import type { Construct } from "constructs";
import { PersistentIpPool, PinnedStatefulSet, podSetup } from "podpin/cdk8s";

export interface BrokerProps {
  readonly project: string;
  /** Image of the init container that adds the addresses. */
  readonly setupImage: string;
  /** Free ones of the subnetwork, one for each Pod. */
  readonly addresses?: string[];
  readonly region?: string;
  readonly subnetwork?: string;
  readonly appImage?: string;
}

export class Broker extends Chart {
  constructor(scope: Construct, id: string, props: BrokerProps) {
    super(scope, id);
    const { project, region = "us-central1", setupImage } = props;
    const { addresses = ["10.128.0.20", "10.128.0.21", "10.128.0.22"], subnetwork = "default" } = props;
    const { appImage = "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0" } = props;

    const namespace = "broker-kcc";
    const annotations = { "cnrm.cloud.google.com/project-id": project };
    const home = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, annotations } };
    new ApiObject(this, "namespace", home);
    const pool = new PersistentIpPool(this, "broker-ips", {
      addresses,
      addressType: "INTERNAL",
      region,
      subnetwork: `projects/${project}/regions/${region}/subnetworks/${subnetwork}`,
      namespace,
      allowedNamespaces: "Same",
    });

    const labels = { app: "broker" };
    const replicas = addresses.length;
    const { initContainers, securityContext } = podSetup({ pool, image: setupImage, replicas });
    const containers = [{ name: "broker", image: appImage, readinessProbe: { tcpSocket: { port: 8080 } } }];
    const broker = new ApiObject(this, "statefulset", {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "broker", namespace },
      spec: {
        serviceName: "broker",
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { securityContext, initContainers, containers } },
      },
    });
    new PinnedStatefulSet(this, "broker", { pool, statefulSet: broker });
  }
}
