// What each example is given, and what must be there once it is deployed.
import type { ControlPlane } from "../../lab/cluster/control-plane";
import type { ComputeCloud } from "../../lab/cloud";
import { Cloud, type Resource } from "../../lab/pulumi/gcp-plugin/cloud";
import { ComputeCalls, overHttp } from "../../lab/pulumi/gcp-plugin/compute-calls";
import { Provider } from "../../lab/pulumi/gcp-plugin/provider";
import type { RunResult, Stack } from "../../lab/pulumi/engine";
import type { JsonObject } from "../../lab/pulumi/plugin/values";
import type { Gateway, GKEIPRoute } from "../../lib/model/gke-api";

export interface World {
  readonly cluster: ControlPlane;
  readonly cloud: Cloud;
  readonly compute: ComputeCloud;
  /** Base of its API. */
  readonly computeUrl: string;
}

export interface Deployed extends World {
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly up: RunResult;
}

export interface Example {
  readonly name: string;
  /** What the test proves of it. */
  readonly title: string;
  readonly config?: Readonly<Record<string, string>>;
  /** Whether the language host checks its types in the preview, as it does for users; for one it is enough. */
  readonly typeCheck?: boolean;
  /** What stands there before. */
  before?(world: World): Promise<void>;
  check(deployed: Deployed): Promise<void>;
  /** What a user does to be rid of it, before `pulumi destroy`. */
  beforeDestroy?(stack: Stack, world: World): Promise<void>;
  /** What is to be there afterwards. */
  after?(world: World): Promise<void>;
}

/** Everything is in it. */
export const PROJECT = "my-project";

const GKE_EXTERNAL = "gke-persistent-regional-external-managed";
const GKE_INTERNAL = "gke-persistent-regional-internal-managed";

export const EXAMPLES: readonly Example[] = [
  {
    name: "cluster-from-nothing",
    title: "makes cluster, nodes, addresses and Pods, through the kubeconfig that it writes itself",
    config: { deletionProtection: "false" },
    typeCheck: true,
    async check({ cluster, cloud, compute, outputs }) {
      const made = await ofType(cloud, "gcp:container/cluster:Cluster", "core");
      expect(made[0]?.outputs).toMatchObject({
        datapathProvider: "ADVANCED_DATAPATH",
        gatewayApiConfig: { channel: "CHANNEL_STANDARD" },
        workloadIdentityConfig: { workloadPool: "my-project.svc.id.goog" },
      });
      expect(await ofType(cloud, "gcp:container/nodePool:NodePool", "core")).toHaveLength(1);
      const addresses = reservedAs(compute, "n2");
      expect([addresses.length, outputs["allowList"]]).toEqual([4, addresses]);
      const routes = await routesOf(cluster, "edge");
      expect(routes.map(pinned)).toEqual([
        ["amf-0", [addresses[0]], "amf-0"],
        ["amf-1", [addresses[1]], "amf-1"],
        ["amf-2", [addresses[2]], "amf-2"],
      ]);
    },
  },
  {
    name: "proxy-deployment",
    title: "gives two addresses to the newest Pod, and keeps them when somebody destroys too early",
    config: { protectAddresses: "true" },
    async check({ cluster, compute, outputs }) {
      const addresses = reservedAs(compute, "allowed-pod-ips");
      expect(outputs["addresses"]).toEqual(addresses);
      const [gateway] = await gatewaysOf(cluster, "default", "allowed-pod-ips");
      expect(gateway?.spec).toMatchObject({
        gatewayClassName: GKE_EXTERNAL,
        listeners: [{ allowedRoutes: { namespaces: { from: "All" } } }],
        addresses: addresses.map(asCidr),
      });
      const [route] = await routesOf(cluster, "proxy-deploy-ns");
      expect(route?.spec).toMatchObject({
        parentRefs: [{ name: "allowed-pod-ips", namespace: "default" }],
        podSelector: { matchLabels: { component: "proxy" } },
        reactionMode: "ReadyCondition",
        addresses: addresses.map(asCidr),
      });
    },
    async beforeDestroy(stack, { compute }) {
      const kept = reservedAs(compute, "allowed-pod-ips");
      const early = await stack.destroy();
      expect([early.ok, early.stdout + early.stderr]).toEqual([false, expect.stringMatching(/protect/)]);
      expect(reservedAs(compute, "allowed-pod-ips")).toEqual(kept);
      await stack.configure({ protectAddresses: "false" });
      expect(await stack.up()).toMatchObject({ ok: true });
    },
  },
  {
    name: "internal-pool",
    title: "reserves in the range of the subnetwork, one for each Pod",
    async check({ cluster, compute, outputs }) {
      const addresses = reservedAs(compute, "broker");
      expect(outputs["brokers"]).toEqual(addresses);
      // The primary range of the subnetwork `default`.
      for (const address of addresses) expect(address).toMatch(/^10\.128\.(?:\d|1[0-5])\.\d+$/);
      const [gateway] = await gatewaysOf(cluster, "broker", "broker");
      expect(gateway?.spec).toMatchObject({ gatewayClassName: GKE_INTERNAL, addresses: addresses.map(asCidr) });
      expect((await routesOf(cluster, "broker")).map(pinned)).toEqual(
        addresses.map((address, i) => [`broker-${i}`, [address], `broker-${i}`]),
      );
    },
  },
  {
    name: "byoip",
    title: "takes the addresses out of the delegated prefix",
    async check({ cluster, compute, outputs }) {
      const addresses = reservedAs(compute, "mail");
      expect([addresses.length, outputs["senders"]]).toEqual([2, addresses]);
      for (const address of addresses) expect(address).toMatch(/^198\.51\.100\.(?:6[4-9]|7\d)$/);
      expect((await routesOf(cluster, "mail")).map(pinned)).toEqual(
        addresses.map((address, i) => [`mail-${i}`, [address], `mail-${i}`]),
      );
    },
  },
  {
    name: "twenty-addresses",
    title: "makes two Gateways and two routes of sixteen and four addresses",
    async check({ cluster, compute, outputs }) {
      const addresses = reservedAs(compute, "egress");
      expect([addresses.length, outputs["allowList"]]).toEqual([20, addresses]);
      const parts = [addresses.slice(0, 16), addresses.slice(16)];
      const gateways = await gatewaysOf(cluster, "egress");
      expect(gateways.map(({ spec }) => spec?.addresses)).toEqual(parts.map((part) => part.map(asCidr)));
      const routes = await routesOf(cluster, "egress");
      expect(routes.map(({ metadata, spec }) => [metadata.name, spec.parentRefs?.[0]?.name, spec.addresses])).toEqual([
        ["egress", "egress", parts[0]?.map(asCidr)],
        ["egress-2", "egress-2", parts[1]?.map(asCidr)],
      ]);
    },
  },
  {
    name: "multi-network",
    title: "puts proxy-ss-1 on the second network, as the how-to does",
    async check({ cluster, compute, outputs }) {
      const addresses = reservedAs(compute, "blue-pod-ips");
      expect(outputs["addresses"]).toEqual(addresses);
      expect(await json(cluster, "network.networking.gke.io", "blue-network")).toMatchObject({
        spec: { type: "L3", parametersRef: { kind: "GKENetworkParamSet", name: "blue-network" } },
      });
      expect(await json(cluster, "gkenetworkparamset", "blue-network")).toMatchObject({
        spec: { vpc: "blue", vpcSubnet: "blue-us-central1", podIPv4Ranges: { rangeNames: ["blue-pods"] } },
      });
      const set = (await json(cluster, "statefulset", "proxy-ss", "-n", "blue-proxy")) as StatefulSet;
      expect(set.spec.template.metadata.annotations).toMatchObject({
        "networking.gke.io/default-interface": "eth0",
        "networking.gke.io/interfaces":
          '[{"interfaceName":"eth0","network":"default"},{"interfaceName":"eth1","network":"blue-network"}]',
      });
      const [route] = await routesOf(cluster, "blue-proxy");
      expect(route?.spec).toMatchObject({
        network: "blue-network",
        podSelector: { matchLabels: { "statefulset.kubernetes.io/pod-name": "proxy-ss-1" } },
        addresses: addresses.map(asCidr),
      });
    },
  },
  {
    name: "shared-pool",
    title: "admits the namespaces with the label, each team with its own addresses",
    async check({ cluster, compute, outputs }) {
      const addresses = reservedAs(compute, "shared");
      const [gateway] = await gatewaysOf(cluster, "platform", "shared");
      expect(gateway?.spec?.listeners?.[0]?.allowedRoutes?.namespaces).toEqual({
        from: "Selector",
        selector: { matchLabels: { "persistent-ips": "yes" } },
      });
      const teams = [
        ["team-voice", "voice", addresses.slice(0, 2)],
        ["team-billing", "billing", addresses.slice(2)],
      ] as const;
      for (const [namespace, output, own] of teams) {
        const { metadata } = (await json(cluster, "namespace", namespace)) as GKEIPRoute;
        expect(metadata.labels).toMatchObject({ "persistent-ips": "yes" });
        expect(outputs[output]).toEqual(own);
        const [route] = await routesOf(cluster, namespace);
        expect(route?.spec).toMatchObject({
          parentRefs: [{ name: "shared", namespace: "platform" }],
          addresses: own.map(asCidr),
        });
      }
    },
  },
  {
    name: "adopt-existing",
    title: "takes what exists into the state, changes nothing of it, and leaves it when it goes",
    config: {
      clusterName: "old-core",
      addressName: "partner-ip",
      addressValue: "203.0.113.250",
      statefulSet: "partner-gateway",
    },
    async before(world) {
      const project = PROJECT;
      await exists(world, "gcp:container/cluster:Cluster", {
        name: "old-core",
        project,
        location: "us-central1",
        datapathProvider: "ADVANCED_DATAPATH",
        gatewayApiConfig: { channel: "CHANNEL_STANDARD" },
      });
      await exists(world, "gcp:compute/address:Address", { name: "partner-ip", project, region: "us-central1" });
    },
    async check({ cluster, compute, outputs, up }) {
      const [address] = reservedAs(compute, "partner-ip");
      expect(outputs["addresses"]).toEqual([address, "203.0.113.250"]);
      expect(up.steps.find(({ urn }) => urn.endsWith("::partner-ip"))?.op).toBe("import");
      const route = (await routesOf(cluster, "default")).find(({ metadata }) => metadata.name === "partners");
      expect(pinned(route as GKEIPRoute)).toEqual(["partners", [address, "203.0.113.250"], "partner-gateway-0"]);
    },
    async after({ cloud, compute }) {
      expect(reservedAs(compute, "partner-ip")).toHaveLength(1);
      expect(await ofType(cloud, "gcp:container/cluster:Cluster", "old-core")).toHaveLength(1);
    },
  },
];

interface StatefulSet {
  readonly spec: { readonly template: { readonly metadata: { readonly annotations?: Record<string, string> } } };
}

/** Makes a resource of which no stack knows. */
async function exists({ cloud, cluster, computeUrl }: World, type: string, inputs: JsonObject): Promise<void> {
  const provider = new Provider(cloud, new ComputeCalls(overHttp(computeUrl)), {
    endpoint: new URL(cluster.server).host,
    ca: Buffer.from(cluster.ca).toString("base64"),
  });
  await provider.create(`urn:pulumi:earlier::earlier::${type}::earlier`, inputs, 0, false);
}

async function ofType(cloud: Cloud, type: string, prefix: string): Promise<Resource[]> {
  const resources = [...(await cloud.resources()).values()];
  return resources.filter((resource) => resource.type === type && String(resource.outputs["name"]).startsWith(prefix));
}

/** The addresses whose names start so, in the order of the numbers at the end. */
function reservedAs(compute: ComputeCloud, prefix: string): string[] {
  const found = compute.state.everywhere(PROJECT, "addresses").map(({ body }) => body);
  const named = found.filter(({ name }) => String(name).startsWith(prefix));
  const numbered = named.map(({ name, address }) => ({ name: String(name), address: String(address) }));
  numbered.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  return numbered.map(({ address }) => address);
}

async function json(cluster: ControlPlane, ...args: readonly string[]): Promise<unknown> {
  return JSON.parse(await cluster.kubectl(["get", ...args, "-o", "json"]));
}

async function gatewaysOf(cluster: ControlPlane, namespace: string, name?: string): Promise<Gateway[]> {
  const { items } = (await json(cluster, "gateways", "-n", namespace)) as { items: Gateway[] };
  return items.filter(({ metadata }) => name === undefined || metadata.name === name);
}

async function routesOf(cluster: ControlPlane, namespace: string): Promise<GKEIPRoute[]> {
  return ((await json(cluster, "gkeiproutes", "-n", namespace)) as { items: GKEIPRoute[] }).items;
}

/** Name, addresses and Pod of a route to one Pod of a StatefulSet. */
function pinned({ metadata, spec }: GKEIPRoute): unknown[] {
  const addresses = spec.addresses?.map(({ value = "" }) => value.replace("/32", ""));
  return [metadata.name, addresses, spec.podSelector?.matchLabels?.["statefulset.kubernetes.io/pod-name"]];
}

const asCidr = (address: string): object => ({ type: "gke.networking.io/cidr", value: `${address}/32` });
