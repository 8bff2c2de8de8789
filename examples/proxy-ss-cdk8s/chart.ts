// Two persistent addresses for the Pod proxy-ss-1 of a StatefulSet, wherever that Pod runs.
import { ApiObject, Chart } from "cdk8s";
import type { Construct } from "constructs";
import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "podpin/cdk8s";

export interface ProxySsProps {
  readonly namespace?: string;
  readonly addresses?: string[];
  readonly podpinImage?: string;
  readonly appImage?: string;
}

export class ProxySs extends Chart {
  constructor(scope: Construct, id: string, props: ProxySsProps = {}) {
    super(scope, id);
    const { addresses = ["198.51.100.7", "198.51.100.8"], podpinImage: image = "localhost/podpin:0.1.0" } = props;
    const { appImage = "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0" } = props;

    const { namespace = "proxy-ss-ns" } = props;
    new ApiObject(this, "namespace", { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    const labels = { component: "proxy" };
    const proxy = new ApiObject(this, "proxy-ss", {
      apiVersion: "apps/v1",
      kind: "StatefulSet",
      metadata: { name: "proxy-ss", namespace },
      spec: {
        serviceName: "proxy",
        replicas: 3,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "hello-app", image: appImage }] } },
      },
    });

    // With gkeClassFabric, YAML that was written for GKE's classes runs on this cluster too.
    const controller = new PersistentIpController(this, "podpin", { image, gkeClassFabric: "l2" });
    const pool = PersistentIpPool.fromAddresses(this, "allowed-pod-ips", {
      addresses,
      controller,
      namespace,
      gatewayClassName: "podpin-l2",
    });
    new PinnedPodRoute(this, "my-pod-ips", { pool, statefulSet: proxy, ordinal: 1 });
  }
}
