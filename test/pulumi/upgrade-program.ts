// A program as a user of an earlier version has it, with every component, and what of its resources must stay the same.
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import type * as pulumi from "@pulumi/pulumi";

import * as podpin from "../../lib/pulumi";
import { FIXED_NETWORK_FIELDS, FIXED_PARAM_SET_FIELDS } from "../../lib/model/pod-network";
import { FIXED_ROUTE_FIELDS } from "../../lib/model/route";
import { graphOf } from "./graph";

/** Whatever of this changes is a replacement or another object in the next preview of every user. */
export interface Identity {
  /** Types from the outermost component to the resource, and its name: the end of its URN. */
  readonly urn: string;
  /** What Kubernetes knows the object by; absent for components and what is not of Kubernetes. */
  readonly object?: string;
  /** Values whose change replaces the object. A value that is absent is as fixed as one that is there. */
  readonly fixed?: Readonly<Record<string, unknown>>;
}

/** Fields of Kubernetes objects whose change the API server refuses, or podpin makes a replacement. */
const FIXED_IN_KUBERNETES: readonly string[] = [
  ...FIXED_ROUTE_FIELDS,
  ...FIXED_NETWORK_FIELDS,
  ...FIXED_PARAM_SET_FIELDS,
  "spec.gatewayClassName",
  "spec.selector",
  "roleRef",
];

/** Fields of other resources whose change replaces them (schema of the gcp provider; "all" where every one does). */
const FIXED_ELSEWHERE: Readonly<Record<string, readonly string[] | "all">> = {
  "pulumi:providers:kubernetes": ["clusterIdentifier"],
  "gcp:compute/address:Address": "all",
  "gcp:compute/publicAdvertisedPrefix:PublicAdvertisedPrefix": "all",
  "gcp:compute/publicDelegatedPrefix:PublicDelegatedPrefix": "all",
  "gcp:compute/firewall:Firewall": ["name", "project", "network", "direction"],
  "gcp:compute/regionHealthCheck:RegionHealthCheck": ["name", "project", "region"],
  "gcp:container/cluster:Cluster": [
    "name",
    "project",
    "location",
    "network",
    "subnetwork",
    "networkingMode",
    "ipAllocationPolicy",
    "datapathProvider",
    "enableMultiNetworking",
    "defaultMaxPodsPerNode",
    "initialNodeCount",
  ],
  "gcp:container/nodePool:NodePool": [
    "name",
    "project",
    "location",
    "cluster",
    "initialNodeCount",
    "maxPodsPerNode",
    "networkConfig",
    "nodeConfig.machineType",
    "nodeConfig.imageType",
  ],
  "gcp:projects/iAMCustomRole:IAMCustomRole": ["project", "roleId"],
  "gcp:projects/iAMMember:IAMMember": ["project", "role", "member"],
};

export async function identities(): Promise<readonly Identity[]> {
  const { registered, options } = await graphOf(declareAll);
  const parents = new Map(options.map(({ type, name, options: { parent } }) => [`${type} ${name}`, parent]));
  return registered
    .filter(({ type }) => type !== "pulumi:pulumi:Stack")
    .map(({ type, name, inputs }) => {
      const { apiVersion, kind, metadata } = inputs as Partial<Manifest>;
      const object = metadata && [apiVersion, kind, metadata.namespace ?? "", metadata.name].join(" ");
      const paths = FIXED_ELSEWHERE[type] ?? FIXED_IN_KUBERNETES;
      const fixed = paths === "all" ? inputs : picked(inputs, paths);
      return {
        urn: `${[...typesAbove(parents.get(`${type} ${name}`)), type].join("$")}::${name}`,
        ...(object === undefined ? {} : { object }),
        ...(Object.keys(fixed).length === 0 ? {} : { fixed }),
      };
    });
}

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

/** The SDK keeps what the engine makes a URN of; it is not part of its types. */
interface Known {
  readonly __pulumiType: string;
  readonly __parentResource?: Known;
}

function typesAbove(parent: pulumi.Resource | undefined): readonly string[] {
  const types: string[] = [];
  for (let one = parent as unknown as Known | undefined; one !== undefined; one = one.__parentResource) {
    types.unshift(one.__pulumiType);
  }
  return types;
}

function picked(inputs: Readonly<Record<string, unknown>>, paths: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(paths.map((path) => [path, at(inputs, path)]).filter(([, value]) => value !== undefined));
}

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

const image = "registry.example.com/podpin:0.1.0";
const region = "us-central1";
const labels = { app: "web" };

function declareAll(opts: pulumi.ComponentResourceOptions): void {
  onPodpin(opts);
  onGke(opts);
  googleCloud(opts);
}

/** podpin's controller, a pool of several Gateways, and Pods of every kind. */
function onPodpin(opts: pulumi.ComponentResourceOptions): void {
  const identity = { googleCloudProject: "my-project", googleCloudProjectNumber: "123456789012" };
  const controller = new podpin.PersistentIpController("podpin", { image, ...identity }, opts);
  const addresses = Array.from({ length: 20 }, (_, index) => `203.0.113.${index + 1}`);
  const many = podpin.PersistentIpPool.fromAddresses("many", { addresses, controller, allowedNamespaces: "All" }, opts);
  new podpin.PinnedPodRoute("all", { pool: many, namespace: "web", statefulSet: "db", ordinal: 0 }, opts);
}

/** GKE's own controller: routes, workloads, networks, and every mode of a pool. */
function onGke(opts: pulumi.ComponentResourceOptions): void {
  const { fromAddresses } = podpin.PersistentIpPool;
  const plain = fromAddresses("plain", { addresses: ["198.51.100.7"], namespace: "edge" }, opts);
  new podpin.PinnedPodRoute("proxy", { pool: plain, namespace: "edge", podSelector: { app: "proxy" } }, opts);

  const l3 = { vpc: "blue", subnetwork: "blue-us", secondaryRanges: ["blue-pods"] };
  const blue = new podpin.PodNetwork("blue", l3, opts);
  const card = { type: "Device", deviceMode: "NetDevice", vpc: "cards", subnetwork: "cards-us" } as const;
  const cards = new podpin.PodNetwork("cards", card, opts);

  const sets = fromAddresses("sets", { addresses: ["198.51.100.8", "198.51.100.9"] }, opts);
  const template = {
    metadata: { labels, annotations: blue.podAnnotations() },
    spec: { containers: [{ name: "web", image, readinessProbe: { tcpSocket: { port: 8080 } } }] },
  };
  const metadata = { name: "web", namespace: "default" };
  const spec = { serviceName: "web", replicas: 2, selector: { matchLabels: labels }, template };
  const statefulSet = new StatefulSet("web", { metadata, spec });
  new podpin.PinnedStatefulSet("set", { pool: sets, statefulSet, replicas: 2, network: blue }, opts);

  const newest = fromAddresses("newest", { addresses: ["198.51.100.10"] }, opts);
  const deployment = new Deployment("web", { metadata, spec: { selector: { matchLabels: labels }, template } });
  new podpin.PinnedDeployment("newest", { pool: newest, deployment, haPolicy: true }, opts);

  const fast = fromAddresses("fast", { addresses: ["198.51.100.11"], mode: "fast-failover" }, opts);
  new podpin.PinnedPodRoute("fast", { pool: fast, podSelector: labels, network: cards, nodeSelector: labels }, opts);
  const shared = fromAddresses("shared", { addresses: ["198.51.100.12"], mode: "load-balancing" }, opts);
  const check = new podpin.PersistentIpHealthCheck(
    "probe",
    { region, port: 8080, probeNetwork: "core", targetTags: ["edge"] },
    opts,
  );
  new podpin.PinnedPodRoute(
    "shared",
    { pool: shared, podSelector: labels, healthCheckName: check.healthCheckName },
    opts,
  );
}

/** What lives in Google Cloud: a cluster and its nodes, pools that reserve, a prefix of one's own, a firewall. */
function googleCloud(opts: pulumi.ComponentResourceOptions): void {
  const place = { location: region, project: "my-project", network: "core", subnetwork: "nodes" };
  const ranges = { clusterIpv4CidrBlock: "10.8.0.0/14", servicesIpv4CidrBlock: "10.4.0.0/20" };
  const cluster = new podpin.PersistentIpCluster("core", { ...place, ...ranges, enableMultiNetworking: true }, opts);
  const pods = { cluster, machineType: "n2-standard-8", allowedUnsafeSysctls: podpin.IN_POD_SYSCTLS };
  const network = { network: "blue", subnetwork: "blue-us" };
  const range = { subnetwork: "blue-us", secondaryPodRange: "blue-pods", maxPodsPerNode: 32 };
  const networks = { additionalNodeNetworkConfigs: [network], additionalPodNetworkConfigs: [range] };
  new podpin.PersistentIpNodePool("edge", { ...pods, ...networks }, opts);

  const reserved = new podpin.PersistentIpPool("reserved", { cluster, size: 18 }, opts);
  new podpin.PersistentIpFirewall(
    "clients",
    {
      pool: reserved,
      network: "core",
      sourceRanges: ["203.0.113.0/24"],
      targetTags: ["edge"],
    },
    opts,
  );
  const inside = { subnetwork: "nodes", addresses: ["10.0.0.50"] };
  new podpin.PersistentIpPool("inside", { cluster, addressType: "INTERNAL", ...inside }, opts);
  const prefix = new podpin.ByoipPrefix(
    "own",
    {
      advertisedRange: "192.0.2.0/24",
      dnsVerificationIp: "192.0.2.1",
      delegatedRange: "192.0.2.0/28",
      region,
    },
    opts,
  );
  new podpin.PersistentIpPool("own", { region, size: 2, ipCollection: prefix.ipCollection }, opts);
}
