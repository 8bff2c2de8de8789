// Pinned workloads and Pod networks: the same objects and the same words from both flavours.
import { ApiObject, App, Chart, Testing } from "cdk8s";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import fc from "fast-check";

import * as cdk8s from "../../lib/cdk8s";
import * as pulumi from "../../lib/pulumi";
import { graphOf, useMocks } from "./graph";

useMocks({ preview: false });

/** What only the Pulumi engine reads. Nothing else may differ. */
const ENGINE_ANNOTATION = /^pulumi\.com\//;

const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index + 1}`);

interface Manifest {
  kind: string;
  metadata: { annotations?: Record<string, string> };
}

/** One line for each object of podpin's, with sorted keys; empty annotations are none. */
function listed(manifests: readonly Manifest[]): string[] {
  const ours = manifests.filter(({ kind }) => !["StatefulSet", "Deployment"].includes(kind));
  return ours
    .map(({ metadata: { annotations, ...metadata }, ...rest }) => {
      const kept = Object.entries(annotations ?? {}).filter(([key]) => !ENGINE_ANNOTATION.test(key));
      return {
        ...rest,
        metadata: kept.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(kept) },
      };
    })
    .map((manifest) =>
      JSON.stringify(manifest, (_, inner: unknown) =>
        typeof inner === "object" && inner !== null && !Array.isArray(inner)
          ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
          : inner,
      ),
    )
    .sort();
}

async function fromPulumi(program: (opts: object) => void): Promise<string[]> {
  const { registered } = await graphOf(program);
  const objects = registered.filter(({ type }) => type.startsWith("kubernetes:"));
  return listed(objects.map(({ inputs }) => inputs as unknown as Manifest));
}

function fromCdk8s(program: (chart: Chart) => void): string[] {
  const chart = new Chart(new App(), "chart");
  program(chart);
  return listed(Testing.synth(chart) as Manifest[]);
}

const labels = { app: "db" };
const container = { name: "db", image: "registry.example.com/db:1", readinessProbe: { tcpSocket: { port: 1 } } };
const workload = (extra: object = {}) => ({
  metadata: { name: "db", namespace: "data" },
  spec: {
    selector: { matchLabels: labels },
    template: {
      metadata: { labels, annotations: pulumi.podInterfaces([{ interfaceName: "eth1", network: "blue-network" }]) },
      spec: { containers: [container] },
    },
    ...extra,
  },
});

const sets = fc.record(
  {
    addressesPerPod: fc.integer({ min: 1, max: 18 }),
    startIndex: fc.nat({ max: 3 }),
    reactionMode: fc.constantFrom("ReadyCondition", "Exists"),
    network: fc.constantFrom("default", "blue-network"),
    haPolicy: fc.boolean(),
  },
  { requiredKeys: [] },
);

test("of any pinned StatefulSet", async () => {
  await fc.assert(
    fc.asyncProperty(sets, fc.integer({ min: 1, max: 4 }), fc.nat({ max: 2 }), async (options, replicas, spare) => {
      const { addressesPerPod = 1, startIndex = 0 } = options;
      const count = startIndex + replicas * addressesPerPod + spare;
      const pool = { addresses: addresses(count), allowedNamespaces: "All" } as const;
      const args = { ...options, replicas } as { replicas: number };
      const spec = workload({ replicas, serviceName: "db" });
      const objects = await fromPulumi((opts) => {
        const made = pulumi.PersistentIpPool.fromAddresses("n2", pool, opts);
        new pulumi.PinnedStatefulSet("db", { pool: made, statefulSet: new StatefulSet("db", spec), ...args }, opts);
      });
      expect(objects).toEqual(
        fromCdk8s((chart) => {
          const made = cdk8s.PersistentIpPool.fromAddresses(chart, "n2", { ...pool, addresses: addresses(count) });
          const statefulSet = new ApiObject(chart, "set", { apiVersion: "apps/v1", kind: "StatefulSet", ...spec });
          new cdk8s.PinnedStatefulSet(chart, "db", { pool: made, statefulSet, ...args });
        }),
      );
      expect(objects.filter((object) => object.includes('"kind":"GKEIPRoute"')).length).toBeGreaterThanOrEqual(
        replicas,
      );
    }),
    { numRuns: 15 },
  );
}, 30_000);

test("of a pinned Deployment on a Pod network", async () => {
  const network = { vpc: "blue", subnetwork: "blue-us", secondaryRanges: ["pods"], routes: ["10.20.0.0/16"] };
  const pool = { addresses: addresses(2), allowedNamespaces: "All" as const };
  const objects = await fromPulumi((opts) => {
    const made = pulumi.PersistentIpPool.fromAddresses("n2", pool, opts);
    const blue = new pulumi.PodNetwork("blue-network", network, opts);
    const deployment = new Deployment("db", workload());
    new pulumi.PinnedDeployment("db", { pool: made, deployment, network: blue, haPolicy: true }, opts);
  });
  expect(objects).toEqual(
    fromCdk8s((chart) => {
      const made = cdk8s.PersistentIpPool.fromAddresses(chart, "n2", pool);
      const blue = new cdk8s.PodNetwork(chart, "blue-network", network);
      const deployment = new ApiObject(chart, "d", { apiVersion: "apps/v1", kind: "Deployment", ...workload() });
      new cdk8s.PinnedDeployment(chart, "db", { pool: made, deployment, network: blue, haPolicy: true });
    }),
  );
  expect(objects).toHaveLength(4);
});

test("of a route with a health check and expressions", async () => {
  const pool = { addresses: addresses(1) };
  const route: pulumi.RouteOptions & { healthCheckName: string } = {
    podSelectorExpressions: [{ key: "tier", operator: pulumi.LabelOperator.In, values: ["edge"] }],
    healthCheckName: "probe",
  };
  expect(
    await fromPulumi((opts) => {
      const made = pulumi.PersistentIpPool.fromAddresses("n2", pool, opts);
      new pulumi.PinnedPodRoute("pin", { pool: made, ...route }, opts);
    }),
  ).toEqual(
    fromCdk8s((chart) => {
      const made = cdk8s.PersistentIpPool.fromAddresses(chart, "n2", pool);
      new cdk8s.PinnedPodRoute(chart, "pin", { pool: made, ...route });
    }),
  );
});

test("of the set-up of Pods", async () => {
  let ofPulumi: object = {};
  await graphOf((opts) => {
    const pool = pulumi.PersistentIpPool.fromAddresses("n2", { addresses: addresses(4) }, opts);
    ofPulumi = pulumi.podSetup({
      pool,
      addressesPerPod: 2,
      image: "registry.example.com/podpin:0.1.0",
      network: "blue",
    });
  });
  const pool = cdk8s.PersistentIpPool.fromAddresses(new Chart(new App(), "c"), "n2", { addresses: addresses(4) });
  expect(ofPulumi).toEqual(
    cdk8s.podSetup({ pool, addressesPerPod: 2, image: "registry.example.com/podpin:0.1.0", network: "blue" }),
  );
});

test("of the set-up of Pods on a network that the program declares", async () => {
  const network = { vpc: "blue", subnetwork: "blue-us", secondaryRanges: ["blue-pods"] };
  const common = { image: "registry.example.com/podpin:0.1.0" };
  let ofPulumi: object = {};
  await graphOf((opts) => {
    const pool = pulumi.PersistentIpPool.fromAddresses("n2", { addresses: addresses(4) }, opts);
    ofPulumi = pulumi.podSetup({ ...common, pool, network: new pulumi.PodNetwork("blue", network, opts) });
  });
  const chart = new Chart(new App(), "c");
  const pool = cdk8s.PersistentIpPool.fromAddresses(chart, "n2", { addresses: addresses(4) });
  const byName = cdk8s.podSetup({ ...common, pool, network: "blue" });
  expect(ofPulumi).toEqual(byName);
  expect(cdk8s.podSetup({ ...common, pool, network: new cdk8s.PodNetwork(chart, "blue", network) })).toEqual(byName);
});

test("and the same words for the same mistakes", async () => {
  const messageOf = (make: () => unknown) => {
    try {
      make();
    } catch (error) {
      return (error as Error).message;
    }
    return "nothing was wrong";
  };
  const chart = new Chart(new App(), "chart");
  const told: [string, string][] = [];
  await graphOf((opts) => {
    const mine = pulumi.PersistentIpPool.fromAddresses("n2", { addresses: addresses(3) }, opts);
    const theirs = cdk8s.PersistentIpPool.fromAddresses(chart, "n2", { addresses: addresses(3) });
    const set = { statefulSet: "db", replicas: 4, network: "Blue", reactionMode: "ready" as never };
    const deployment = { deployment: "db", allowGlobalAccess: true };
    const network = { networkAttachment: "blue", deviceMode: "RDMA" as const };
    told.push(
      [
        messageOf(() => new pulumi.PinnedStatefulSet("set", { pool: mine, ...set })),
        messageOf(() => new cdk8s.PinnedStatefulSet(chart, "set", { pool: theirs, ...set })),
      ],
      [
        messageOf(() => new pulumi.PinnedDeployment("pin", { pool: mine, ...deployment })),
        messageOf(() => new cdk8s.PinnedDeployment(chart, "pin", { pool: theirs, ...deployment })),
      ],
      [
        messageOf(() => new pulumi.PodNetwork("default", network)),
        messageOf(() => new cdk8s.PodNetwork(chart, "default", network)),
      ],
    );
  });
  for (const [ofPulumi, ofCdk8s] of told) expect(ofPulumi).toBe(ofCdk8s);
  expect(told.map(([text]) => text.split("\n").length)).toEqual([4, 3, 4]);
});
