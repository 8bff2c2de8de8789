// Every component for Pulumi; what it registers must not depend on the versions of the SDKs.
import * as pulumi from "@pulumi/pulumi";
import { Address } from "@pulumi/gcp/compute/address";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import {
  ByoipPrefix,
  PersistentIpCluster,
  PersistentIpController,
  PersistentIpFirewall,
  PersistentIpHealthCheck,
  PersistentIpNodePool,
  PersistentIpPool,
  PinnedDeployment,
  PinnedPodRoute,
  PinnedStatefulSet,
  PodNetwork,
  podSetup,
} from "podpin/pulumi";

interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: object;
}

/** In the order in which the engine is told of them. */
export const registered: Registered[] = [];
/** What the program would export. */
export const outputs: Record<string, unknown> = {};

const EXISTING_CLUSTER = {
  id: "projects/my-project/locations/us-central1/clusters/old",
  project: "my-project",
  masterVersion: "1.33.5-gke.1201000",
  enableAutopilot: false,
  datapathProvider: "LEGACY_DATAPATH",
  gatewayApiConfigs: [{ channel: "CHANNEL_STANDARD" }],
  enableMultiNetworking: true,
  workloadIdentityConfigs: [{ workloadPool: "my-project.svc.id.goog" }],
  network: "default",
  subnetwork: "default",
  clusterIpv4Cidr: "10.8.0.0/14",
  servicesIpv4Cidr: "10.4.0.0/20",
  endpoint: "192.0.2.1",
  masterAuths: [{ clusterCaCertificate: "Q0E=" }],
};

/** What providers add to some resources. */
const MADE: Record<string, (inputs: Record<string, string>) => object> = {
  "gcp:compute/address:Address": ({ name }) => ({ address: `203.0.113.${Number(name?.split("-").at(-1)) + 100}` }),
  "gcp:container/cluster:Cluster": () => ({
    masterVersion: "1.33.5-gke.1201000",
    clusterIpv4Cidr: "10.8.0.0/14",
    servicesIpv4Cidr: "10.4.0.0/20",
    endpoint: "192.0.2.2",
    masterAuth: { clusterCaCertificate: "Q0E=" },
  }),
  "gcp:compute/publicDelegatedPrefix:PublicDelegatedPrefix": ({ name }) => ({
    selfLink: `regions/us-central1/publicDelegatedPrefixes/${name}`,
  }),
  "gcp:projects/iAMCustomRole:IAMCustomRole": ({ roleId }) => ({ name: `projects/my-project/roles/${roleId}` }),
  "docker-build:index:Image": () => ({ ref: `registry.example.com/podpin@sha256:${"0".repeat(64)}` }),
};

export async function declare(): Promise<void> {
  await pulumi.runtime.setMocks({
    newResource: ({ type, name, inputs }) => {
      registered.push({ type, name, inputs });
      return { id: `${name}-id`, state: { ...MADE[type]?.(inputs), ...inputs } };
    },
    call: () => EXISTING_CLUSTER,
  });

  const cluster = new PersistentIpCluster("core", { location: "us-central1", project: "my-project" });
  const { provider } = cluster;
  const nodes = new PersistentIpNodePool("nodes", { cluster, nodeCount: 1, machineType: "n2-standard-4" });
  const where = { clusterName: "old", location: "us-central1" };
  const old = PersistentIpCluster.fromExisting("old", { ...where, datapathProvider: "LEGACY_DATAPATH" });
  const blue = new PodNetwork("blue", { cluster: old, vpc: "blue", subnetwork: "blue", secondaryRanges: ["pods"] });

  const container = {
    name: "db",
    image: "registry.example.com/db:1",
    readinessProbe: { tcpSocket: { port: 8080 } },
  };
  const labels = { app: "db" };
  const reserved = new PersistentIpPool("reserved", { cluster, size: 4 });
  const setup = podSetup({ pool: reserved, image: "registry.example.com/setup:1", replicas: 2 });
  const { initContainers, securityContext } = setup;
  const db = new StatefulSet(
    "db",
    {
      metadata: { name: "db", namespace: "default" },
      spec: {
        serviceName: "db",
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { securityContext, initContainers, containers: [container] } },
      },
    },
    { provider, dependsOn: nodes },
  );
  outputs["statefulSet"] = new PinnedStatefulSet("db", { pool: reserved, statefulSet: db, replicas: 2 }).addresses;

  const kept = new Address("kept-7", { name: "kept-7", region: "us-central1" });
  const adopted = PersistentIpPool.fromAddresses("adopted", { addresses: ["198.51.100.7", kept], namespace: "edge" });
  const route = new PinnedPodRoute("one", {
    pool: adopted,
    addresses: [adopted.addresses[1] as pulumi.Output<string>],
    namespace: "edge",
    statefulSet: pulumi.output("proxy"),
    ordinal: 0,
  });
  outputs["route"] = route.addresses;
  outputs["spec"] = (route.routes[0] as unknown as { readonly spec: pulumi.Output<object> }).spec;

  const proxyLabels = { app: "proxy" };
  const proxy = new Deployment("proxy", {
    metadata: { name: "proxy", namespace: "edge" },
    spec: {
      selector: { matchLabels: proxyLabels },
      template: { metadata: { labels: proxyLabels }, spec: { containers: [container] } },
    },
  });
  new PinnedDeployment("proxy", { pool: adopted, deployment: proxy, addresses: ["198.51.100.7"] });

  const inside = { region: "us-central1", addressType: "INTERNAL", subnetwork: "regions/us-central1/subnetworks/a" };
  new PersistentIpPool("internal", { ...inside, addressType: "INTERNAL", addresses: ["10.0.0.20", "10.0.0.21"] });

  const advertisedPrefix = "projects/my-project/global/publicAdvertisedPrefixes/own";
  new ByoipPrefix("part", { advertisedPrefix, delegatedRange: "198.51.100.64/28", region: "us-central1" });

  const rule = { network: "default", sourceRanges: ["203.0.113.0/24"], targetTags: ["edge"], protocols: ["tcp"] };
  new PersistentIpFirewall("clients", { pool: adopted, ...rule });
  new PersistentIpHealthCheck("amf", { cluster, port: 8080, probeNetwork: "default", targetTags: ["edge"] });

  const given = { googleCloudProject: "my-project", googleCloudProjectNumber: "123456789012" };
  const image = { imageRepository: "registry.example.com/podpin" };
  const controller = new PersistentIpController("podpin", { cluster: old, ...image, ...given });
  outputs["image"] = controller.image;
  outputs["blue"] = blue.paramSet.metadata.name;
}

/** What needs a later `@pulumi/gcp` than the lowest; says what a component has against it. */
export const LATER: Record<string, () => unknown> = {
  prefix: () => new ByoipPrefix("own", { advertisedRange: "198.51.100.0/24", dnsVerificationIp: "198.51.100.1" }),
  pool: () => {
    const ipCollection = "regions/us-central1/publicDelegatedPrefixes/own";
    return new PersistentIpPool("own", { region: "us-central1", ipCollection, size: 2, deletionPolicy: "PREVENT" });
  },
};
