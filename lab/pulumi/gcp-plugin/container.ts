// Types of gcp:container.
import { at, isObject, textAt, type Json, type JsonObject } from "../plugin/values";
import type { Resource } from "./cloud";
import type { ComputeCalls } from "./compute-calls";
import { API, labelled, linkTo, projectOf, referred, type FileType, type Surroundings } from "./resource-type";
import type { Machine } from "./settings";

export const CLUSTER = "gcp:container/cluster:Cluster";

/** What a cluster runs where the program asks for no newer one. */
const VERSION = "1.35.4-gke.1000";

export const cluster: FileType = {
  type: CLUSTER,
  nameField: "name",
  required: [],
  fixed: [
    "name",
    "project",
    "location",
    "network",
    "subnetwork",
    "description",
    "initialNodeCount",
    "clusterIpv4Cidr",
    "datapathProvider",
    "networkingMode",
    "enableMultiNetworking",
    "enableAutopilot",
    "enableKubernetesAlpha",
    "defaultMaxPodsPerNode",
    ...[
      "clusterSecondaryRangeName",
      "servicesSecondaryRangeName",
      "clusterIpv4CidrBlock",
      "servicesIpv4CidrBlock",
      "podCidrOverprovisionConfig",
    ].map((field) => `ipAllocationPolicy.${field}`),
  ],
  computed: [
    "clusterIpv4Cidr",
    "databaseEncryption",
    "datapathProvider",
    "defaultMaxPodsPerNode",
    "endpoint",
    "ipAllocationPolicy",
    "labelFingerprint",
    "location",
    "masterAuth",
    "masterVersion",
    "network",
    "nodeConfig",
    "nodeLocations",
    "nodePools",
    "nodeVersion",
    "operation",
    "project",
    "releaseChannel",
    "selfLink",
    "servicesIpv4Cidr",
    "subnetwork",
    "tpuIpv4CidrBlock",
  ],
  id: (inputs, around) =>
    `projects/${projectOf(inputs, around)}/locations/${locationOf(inputs, around)}/clusters/${textAt(inputs, "name")}`,
  decided(inputs, id, around) {
    const project = projectOf(inputs, around);
    const location = locationOf(inputs, around);
    const version = newest(textAt(inputs, "minMasterVersion"), VERSION);
    const { endpoint, ca, podCidr = "10.4.0.0/14", serviceCidr = "10.8.0.0/20", machines } = around.controlPlane;
    const subnetwork = machines?.[0]?.subnetwork ?? "default";
    return {
      ...labelled(inputs, "resourceLabels"),
      clusterIpv4Cidr: podCidr,
      databaseEncryption: { state: "DECRYPTED", keyName: "" },
      datapathProvider: "LEGACY_DATAPATH",
      defaultMaxPodsPerNode: 110,
      deletionProtection: true,
      endpoint,
      ipAllocationPolicy: { clusterIpv4CidrBlock: podCidr, servicesIpv4CidrBlock: serviceCidr },
      location,
      masterAuth: {
        clientCertificate: "",
        clientCertificateConfig: { issueClientCertificate: false },
        clientKey: "",
        clusterCaCertificate: ca,
      },
      masterVersion: version,
      network: `projects/${project}/global/networks/default`,
      networkingMode: "VPC_NATIVE",
      nodeLocations: nodeLocations(location),
      nodeVersion: version,
      operation: "",
      project,
      releaseChannel: { channel: "REGULAR" },
      selfLink: `https://container.googleapis.com/v1/${id}`,
      servicesIpv4Cidr: serviceCidr,
      subnetwork: `projects/${project}/regions/${location.replace(/-[a-z]$/, "")}/subnetworks/${subnetwork}`,
      tpuIpv4CidrBlock: "",
    };
  },
  removed: withoutInstances,
  keeps: ({ outputs }) =>
    at(outputs, "deletionProtection") === false
      ? undefined
      : "deletionProtection is on; set it to false and deploy that before you delete the cluster",
};

export const nodePool: FileType = {
  type: "gcp:container/nodePool:NodePool",
  nameField: "name",
  required: ["cluster"],
  fixed: [
    "name",
    "namePrefix",
    "project",
    "location",
    "cluster",
    "initialNodeCount",
    "maxPodsPerNode",
    "placementPolicy",
    ...[
      "additionalNodeNetworkConfigs",
      "additionalPodNetworkConfigs",
      "createPodRange",
      "podIpv4CidrBlock",
      "podRange",
    ].map((field) => `networkConfig.${field}`),
    ...["localSsdCount", "metadata", "minCpuPlatform", "oauthScopes", "preemptible", "serviceAccount", "spot"].map(
      (field) => `nodeConfig.${field}`,
    ),
  ],
  computed: [
    "initialNodeCount",
    "instanceGroupUrls",
    "location",
    "managedInstanceGroupUrls",
    "management",
    "maxPodsPerNode",
    "nodeCount",
    "nodeLocations",
    "operation",
    "project",
    "version",
  ],
  id: (inputs, around) => `${clusterId(inputs, around)}/nodePools/${textAt(inputs, "name")}`,
  decided(inputs, _id, around) {
    const location = /\/locations\/([^/]+)\//.exec(clusterId(inputs, around))?.[1] ?? "";
    const count = at(inputs, "nodeCount") ?? at(inputs, "initialNodeCount") ?? 1;
    return {
      initialNodeCount: count,
      instanceGroupUrls: nodeLocations(location).map(
        (zone) => `${API}projects/${projectOf(inputs, around)}/zones/${String(zone)}/instanceGroupManagers/pool`,
      ),
      location,
      managedInstanceGroupUrls: [],
      management: { autoRepair: true, autoUpgrade: true },
      maxPodsPerNode: 110,
      nodeCount: count,
      nodeLocations: nodeLocations(location),
      operation: "",
      project: projectOf(inputs, around),
      version: VERSION,
    };
  },
  async created({ id, outputs }, calls, around) {
    const { machines: known = [] } = around.controlPlane;
    if (known.length === 0) return;
    const project = textAt(outputs, "project");
    const taken = await calls.listEverywhere(project, "instances");
    const free = known.filter(({ name }) => taken.every((instance) => textAt(instance, "name") !== name));
    const zones = at(outputs, "nodeLocations");
    const machines = (Array.isArray(zones) ? zones : []).flatMap((zone) =>
      free.filter((machine) => machine.zone === zone).slice(0, Number(at(outputs, "nodeCount") ?? 0)),
    );
    await Promise.all(
      machines.map((machine) =>
        calls.insert(
          `projects/${project}/zones/${machine.zone}/instances/${machine.name}`,
          instanceOf(machine, id, outputs),
        ),
      ),
    );
  },
  removed: withoutInstances,
};

/** Label of a VM with the node pool that it is of, by the names of cluster and pool. */
const POOL_LABEL = "goog-k8s-node-pool-name";
const CLUSTER_LABEL = "goog-k8s-cluster-name";

const poolLabels = (id: string): JsonObject => {
  const [, cluster = "", pool = ""] = /\/clusters\/([^/]+)(?:\/nodePools\/([^/]+))?$/.exec(id) ?? [];
  return { [CLUSTER_LABEL]: cluster, ...(pool === "" ? {} : { [POOL_LABEL]: pool }) };
};

/** The VM that a machine becomes. */
function instanceOf({ name, zone, address, subnetwork }: Machine, pool: string, outputs: JsonObject): JsonObject {
  const project = textAt(outputs, "project");
  const region = zone.replace(/-[a-z]$/, "");
  const tags = at(outputs, "nodeConfig", "tags");
  return {
    name,
    machineType: `${API}projects/${project}/zones/${zone}/machineTypes/${textAt(outputs, "nodeConfig", "machineType") || "e2-medium"}`,
    labels: poolLabels(pool),
    ...(Array.isArray(tags) ? { tags: { items: tags } } : {}),
    networkInterfaces: [
      {
        network: linkTo("default", "networks", "global", project),
        subnetwork: linkTo(subnetwork, "subnetworks", `regions/${region}`, project),
        networkIP: address,
      },
    ],
  };
}

/** Deletes the VMs of a node pool, or all those of a cluster. */
async function withoutInstances(
  { id, outputs }: Resource,
  calls: ComputeCalls,
  { controlPlane }: Surroundings,
): Promise<void> {
  if ((controlPlane.machines ?? []).length === 0) return;
  const project = textAt(outputs, "project");
  const labels = Object.entries(poolLabels(id));
  const own = (await calls.listEverywhere(project, "instances")).filter((instance) =>
    labels.every(([label, value]) => textAt(instance, "labels", label) === value),
  );
  await Promise.all(
    own.map((instance) => {
      const zone = textAt(instance, "zone").split("/").pop() ?? "";
      return calls.delete(`projects/${project}/zones/${zone}/instances/${textAt(instance, "name")}`);
    }),
  );
}

function clusterId(inputs: JsonObject, around: Surroundings): string {
  const reference = textAt(inputs, "cluster");
  const found = referred(CLUSTER, reference, around, textAt(inputs, "location") || undefined);
  if (found !== undefined) return found.id;
  throw new Error(`cluster: got "${reference}", which is no cluster of this cloud`);
}

function locationOf(inputs: JsonObject, around: Surroundings): string {
  const location = textAt(inputs, "location") || around.zone || around.region;
  if (location !== "") return location;
  throw new Error("location: got nothing; give the cluster a location, or set gcp:zone or gcp:region");
}

/** Three zones of a region, or the zone itself. */
function nodeLocations(location: string): Json[] {
  return /-[a-z]$/.test(location) ? [location] : ["a", "b", "c"].map((zone) => `${location}-${zone}`);
}

/** The newer of two versions such as `1.31` and `1.35.4-gke.1000`. */
function newest(asked: string, own: string): string {
  const numbers = (version: string): number[] => version.split(/[^\d]+/).map(Number);
  const [left, right] = [numbers(asked), numbers(own)];
  const at = right.findIndex((number, i) => number !== (left[i] ?? number));
  return at >= 0 && (left[at] ?? 0) > (right[at] ?? 0) ? asked : own;
}

/** A cluster as the function getCluster gives it: every block is a list, and its name is a plural. */
export function blocksAsLists(outputs: JsonObject): JsonObject {
  const maps = ["effectiveLabels", "pulumiLabels", "resourceLabels", "labels", "metadata"];
  const entries = Object.entries(outputs).map(([key, value]): [string, Json] => {
    if (isObject(value) && !maps.includes(key)) return [plural(key), [blocksAsLists(value)]];
    if (Array.isArray(value)) return [key, value.map((item) => (isObject(item) ? blocksAsLists(item) : item))];
    return [key, value];
  });
  return Object.fromEntries(entries);
}

function plural(name: string): string {
  if (name.endsWith("y")) return `${name.slice(0, -1)}ies`;
  return name.endsWith("s") ? (name.endsWith("ss") || name.endsWith("Status") ? `${name}es` : name) : `${name}s`;
}
