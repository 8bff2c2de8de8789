// Both flavours give the same Kubernetes objects, byte for byte, and say the same about mistakes.
import { output as later } from "@pulumi/pulumi";
import { App, Chart, Testing } from "cdk8s";
import fc from "fast-check";

import * as cdk8s from "../../lib/cdk8s";
import * as pulumi from "../../lib/pulumi";
import { graphOf, useMocks } from "./graph";

useMocks({ preview: false });

/** What only the Pulumi engine reads. Nothing else may differ. */
const ENGINE_ANNOTATIONS = ["pulumi.com/waitFor", "pulumi.com/deletionPropagationPolicy"];

interface Manifest {
  kind: string;
  metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
}

function withoutEngineAnnotations(manifest: Manifest): Manifest {
  const annotations = Object.fromEntries(
    Object.entries(manifest.metadata.annotations ?? {}).filter(([key]) => !ENGINE_ANNOTATIONS.includes(key)),
  );
  const { annotations: _, ...metadata } = manifest.metadata;
  return { ...manifest, metadata: Object.keys(annotations).length === 0 ? metadata : { ...metadata, annotations } };
}

/** JSON with sorted keys; cdk8s sorts them, Pulumi does not, and the API server does not mind. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

const listed = (manifests: readonly object[]): string[] => manifests.map(canonical).sort();

async function fromPulumi(program: (opts: object) => void): Promise<string[]> {
  const { registered } = await graphOf(program);
  return listed(
    registered
      .filter(({ type }) => type.startsWith("kubernetes:"))
      .map(({ inputs }) => withoutEngineAnnotations(inputs as unknown as Manifest)),
  );
}

function fromCdk8s(program: (chart: Chart) => void): string[] {
  const chart = new Chart(new App(), "chart");
  program(chart);
  return listed(Testing.synth(chart) as Manifest[]);
}

const image = "registry.example.com/podpin:0.1.0";
const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index + 1}`);

test.each<[string, pulumi.ControllerOptions]>([
  ["as it is", {}],
  [
    "with every option",
    {
      namespace: "tools",
      createNamespace: false,
      gkeClassFabric: "l2",
      installGkeApi: false,
      clusterCidrs: ["10.8.0.0/14"],
      uplink: "eth1",
      interfaceDelivery: true,
      nodeSelector: { pool: "edge" },
      tolerations: [{ key: "edge", operator: "Exists", effect: "NoSchedule" }],
      dataplaneV2: "experimental",
      apiServerPorts: [16443],
    },
  ],
  ["without a network policy", { networkPolicy: false }],
])("of a controller %s", async (_, options) => {
  const objects = await fromPulumi((opts) => new pulumi.PersistentIpController("podpin", { image, ...options }, opts));
  expect(objects.length).toBeGreaterThan(16);
  expect(objects).toEqual(
    fromCdk8s((chart) => new cdk8s.PersistentIpController(chart, "podpin", { image, ...options })),
  );
});

const isConfigConnector = (object: string) => object.includes("iam.cnrm.cloud.google.com");

test.each([
  ["", {}],
  [" and in its host project", { googleCloudHostProject: "my-network" }],
])("of a controller on a cluster, with the same identity in Google Cloud%s", async (_where, shared) => {
  const ranges = { podCidr: "10.8.0.0/14", serviceCidr: "10.4.0.0/20" };
  const facts = { name: "core", dataplaneV2: false, workloadPool: "core-project.svc.id.goog", ...ranges };
  const cluster = { facts, settled: later(facts) } as unknown as pulumi.PersistentIpCluster & cdk8s.PersistentIpCluster;
  const identity = { googleCloudProject: "my-project", googleCloudProjectNumber: "123456789012" };
  const firewall = { googleCloudFirewallSources: ["203.0.113.0/24"], googleCloudFirewallTags: ["nodes"] };
  const args = { image, cluster, ...identity, ...firewall, ...shared, replaceLostPods: true };
  const program = (opts: object) => new pulumi.PersistentIpController("podpin", args, opts);
  const objects = fromCdk8s((chart) => new cdk8s.PersistentIpController(chart, "podpin", args));
  expect(await fromPulumi(program)).toEqual(objects.filter((object) => !isConfigConnector(object)));

  interface Identity {
    kind: string;
    metadata: { annotations: Record<string, string> };
    spec: Record<string, unknown> & { resourceRef?: { external: string } };
  }
  const said = objects.filter(isConfigConnector).map((object) => {
    const { kind, metadata, spec } = JSON.parse(object) as Identity;
    const { resourceID: roleId, resourceRef, ...rest } = spec;
    const project = metadata.annotations["cnrm.cloud.google.com/project-id"];
    expect(resourceRef?.external ?? `projects/${project}`).toBe(`projects/${project}`);
    return { project, ...(kind === "IAMCustomRole" && { roleId }), ...rest };
  });
  const declared = (await graphOf(program)).registered.filter(({ type }) => type.startsWith("gcp:"));
  expect(listed(said)).toEqual(listed(declared.map(({ inputs }) => inputs)));
  expect(said.length).toBe("googleCloudHostProject" in shared ? 4 : 2);
});

const pools = fc.record(
  {
    addresses: fc.integer({ min: 1, max: 40 }).map(addresses),
    namespace: fc.constantFrom("default", "edge"),
    addressType: fc.constantFrom("EXTERNAL", "INTERNAL"),
  },
  { requiredKeys: ["addresses"] },
);
const access = fc.constantFrom(
  { allowedNamespaces: "All" },
  { allowedNamespaces: "Selector", namespaceSelector: { team: "edge" } },
);
const pods = fc.constantFrom({ statefulSet: "db", ordinal: 2 }, { podSelector: { component: "proxy", tier: "edge" } });
const routes = fc.record(
  {
    namespace: fc.constantFrom("default", "data"),
    reactionMode: fc.constantFrom("ReadyCondition", "Exists"),
    network: fc.constantFrom("default", "blue-network"),
  },
  { requiredKeys: [] },
);

test("of any pool and route", async () => {
  await fc.assert(
    fc.asyncProperty(pools, access, pods, routes, fc.boolean(), fc.nat(), async (pool, who, pod, route, own, cut) => {
      const poolArgs = { ...pool, ...who } as pulumi.PersistentIpPoolFromAddressesArgs & { namespace?: string };
      const routeArgs = { ...route, ...pod } as pulumi.RouteOptions & { namespace?: string; network?: string };
      const some = pool.addresses.slice(cut % pool.addresses.length);
      const google = { googleCloudProject: "my-project", googleCloudProjectNumber: "123456789012" };
      const objects = await fromPulumi((opts) => {
        const controller = own ? new pulumi.PersistentIpController("podpin", { image, ...google }, opts) : undefined;
        const made = pulumi.PersistentIpPool.fromAddresses("n2", { ...poolArgs, controller }, opts);
        new pulumi.PinnedPodRoute("pin", { pool: made, addresses: some, ...routeArgs }, opts);
      });
      const same = fromCdk8s((chart) => {
        const controller = own ? new cdk8s.PersistentIpController(chart, "podpin", { image, ...google }) : undefined;
        const props = { ...poolArgs, addresses: pool.addresses, controller };
        const made = cdk8s.PersistentIpPool.fromAddresses(
          chart,
          "n2",
          props as cdk8s.PersistentIpPoolFromAddressesProps,
        );
        new cdk8s.PinnedPodRoute(chart, "pin", { pool: made, addresses: some, ...routeArgs });
      });
      expect(objects).toEqual(same.filter((object) => !isConfigConnector(object)));
    }),
    { numRuns: 25 },
  );
}, 60_000);

/** Reserved by Pulumi in Google Cloud itself, and in CDK8s by way of Config Connector. */
const ofKubernetes = (objects: readonly string[]) => objects.filter((object) => !object.includes('"ComputeAddress"'));

test.each<[string, pulumi.PersistentIpPoolArgs]>([
  ["external addresses", { region: "us-central1", addresses: ["203.0.113.7", "203.0.113.8"] }],
  [
    "internal addresses",
    {
      region: "us-central1",
      addressType: "INTERNAL",
      subnetwork: "regions/us-central1/subnetworks/nodes",
      addresses: ["10.0.0.5"],
      mode: "fast-failover",
    },
  ],
])("of a pool that reserves %s", async (_, args) => {
  const objects = await fromPulumi((opts) => new pulumi.PersistentIpPool("n2", args, opts));
  const same = fromCdk8s((chart) => new cdk8s.PersistentIpPool(chart, "n2", args as cdk8s.PersistentIpPoolProps));
  expect(objects).toEqual(ofKubernetes(same));
  expect(objects).toHaveLength(1);
  expect(same.length).toBeGreaterThan(1);
});

test("and the same words for the same mistakes", () => {
  const chart = new Chart(new App(), "chart");
  const messageOf = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      return (error as Error).message;
    }
    return "nothing was wrong";
  };
  const bad = { addresses: ["10.0.0.5/24"], allowedNamespaces: "all" as never, namespace: "Edge" };
  const message = messageOf(() => pulumi.PersistentIpPool.fromAddresses("N2", bad));
  expect(message).toBe(messageOf(() => cdk8s.PersistentIpPool.fromAddresses(chart, "N2", bad)));
  expect(message.split("\n")).toHaveLength(5);
});

/** What Config Connector has no kind or no word for. */
const PULUMI_ONLY = ["AddressDeletionPolicy", "ByoipPrefix"];

test("and the same names", () => {
  expect(Object.keys(pulumi).sort()).toEqual([...Object.keys(cdk8s), ...PULUMI_ONLY].sort());
});
