// Two persistent addresses for the Pod proxy-ss-1 of a StatefulSet, wherever that Pod runs.
import { ApiObject, Chart } from "cdk8s";
import type { Construct } from "constructs";
import { AllowedNamespaces, PersistentIpController, PersistentIpPool, PinnedPodRoute } from "podpin/cdk8s";

export interface ProxySsProps {
  readonly addresses?: string[];
  readonly podpinImage?: string;
  readonly appImage?: string;
}

export class ProxySs extends Chart {
  constructor(scope: Construct, id: string, props: ProxySsProps = {}) {
    super(scope, id);
    const { addresses = ["198.51.100.7", "198.51.100.8"], podpinImage: image = "localhost/podpin:0.1.0" } = props;
    const { appImage = "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0" } = props;

    const namespace = "proxy-ss-ns";
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

    const controller = new PersistentIpController(this, "podpin", { image });
    const pool = PersistentIpPool.fromAddresses(this, "allowed-pod-ips", {
      addresses,
      controller,
      gatewayClassName: "podpin-l2",
      allowedNamespaces: AllowedNamespaces.All,
    });
    new PinnedPodRoute(this, "my-pod-ips", { pool, statefulSet: proxy, ordinal: 1 });
  }
}
