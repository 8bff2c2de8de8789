// What the components write for GKE's own controller is what GKE's documentation tells people to write. The files beside
// this one are written by hand from that documentation, never from our output.
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";
import { ApiObject, App, Chart, Testing } from "cdk8s";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parseAllDocuments } from "yaml";

import * as cdk8s from "../../lib/cdk8s";
import * as pulumi from "../../lib/pulumi";
import { graphOf, useMocks } from "../pulumi/graph";

useMocks({ preview: false });

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly annotations?: Readonly<Record<string, string>> };
}

/** What only the Pulumi engine reads. */
const ENGINE_ANNOTATION = /^pulumi\.com\//;

interface Case {
  readonly file: string;
  readonly pulumi: (opts: object) => void;
  readonly cdk8s: (chart: Chart) => void;
}

const ADDRESSES = ["198.51.100.20", "198.51.100.21"];
const POOL = { addresses: ADDRESSES, allowedNamespaces: "All" } as const;

/** The pool of the how-to, on which a route is made; the file has the route alone. */
const onPool = (name: string, args: Omit<pulumi.PinnedPodRouteArgs & cdk8s.PinnedPodRouteProps, "pool">) => ({
  pulumi: (opts: object) => {
    const pool = pulumi.PersistentIpPool.fromAddresses("allowed-pod-ips", POOL);
    new pulumi.PinnedPodRoute(name, { pool, ...args }, opts);
  },
  cdk8s: (chart: Chart) => {
    const pool = cdk8s.PersistentIpPool.fromAddresses(new Chart(new App(), "pool"), "allowed-pod-ips", POOL);
    new cdk8s.PinnedPodRoute(chart, name, { pool, ...args });
  },
});

const aPool = (
  name: string,
  args: pulumi.PersistentIpPoolFromAddressesArgs & cdk8s.PersistentIpPoolFromAddressesProps,
) => ({
  pulumi: (opts: object) => void pulumi.PersistentIpPool.fromAddresses(name, args, opts),
  cdk8s: (chart: Chart) => void cdk8s.PersistentIpPool.fromAddresses(chart, name, args),
});

const component = { component: "proxy" };

const CASES: readonly Case[] = [
  { file: "pool-external.yaml", ...aPool("allowed-pod-ips", POOL) },
  {
    file: "pool-internal.yaml",
    ...aPool("internal-pod-ips", {
      addresses: ["10.128.0.50"],
      addressType: "INTERNAL",
      namespace: "network",
      allowedNamespaces: "Selector",
      namespaceSelector: { team: "proxy" },
    }),
  },
  {
    file: "pool-same-namespace.yaml",
    ...aPool("team-pod-ips", { addresses: ["203.0.113.9"], namespace: "proxy-ss-ns" }),
  },
  {
    file: "route-simple.yaml",
    ...onPool("my-ip-route", { addresses: ADDRESSES.slice(0, 1), podSelector: component }),
  },
  {
    file: "route-stateful-set.yaml",
    ...onPool("my-pod-ips", {
      namespace: "proxy-ss-ns",
      network: "blue-network",
      statefulSet: "proxy-ss",
      ordinal: 1,
    }),
  },
  {
    file: "route-deployment.yaml",
    ...onPool("my-pod-ips", { namespace: "proxy-deploy-ns", network: "blue-network", podSelector: component }),
  },
  {
    file: "route-load-balancing.yaml",
    ...onPool("my-ip-route", {
      addresses: ADDRESSES.slice(0, 1),
      podSelector: component,
      healthCheckName: "proxy-probe",
    }),
  },
  {
    file: "workload-stateful-set.yaml",
    pulumi: (opts) => {
      const pool = pulumi.PersistentIpPool.fromAddresses("allowed-pod-ips", POOL);
      const blue = new pulumi.PodNetwork("blue-network", BLUE);
      const set = statefulSet(blue.podAnnotations());
      const { replicas } = set.spec;
      const statefulSetResource = new StatefulSet("proxy-ss", set, opts);
      const pods = { pool, network: blue, replicas, allowNoReadinessProbe: true };
      new pulumi.PinnedStatefulSet("proxy", { ...pods, statefulSet: statefulSetResource }, opts);
    },
    cdk8s: (chart) => {
      const apart = new Chart(new App(), "pool");
      const pool = cdk8s.PersistentIpPool.fromAddresses(apart, "allowed-pod-ips", POOL);
      const blue = new cdk8s.PodNetwork(apart, "blue-network", BLUE);
      const set = new ApiObject(chart, "set", statefulSet(blue.podAnnotations()));
      const pods = { pool, network: "blue-network", allowNoReadinessProbe: true };
      new cdk8s.PinnedStatefulSet(chart, "proxy", { ...pods, statefulSet: set });
    },
  },
  {
    file: "workload-deployment.yaml",
    pulumi: (opts) => {
      const pool = pulumi.PersistentIpPool.fromAddresses("allowed-pod-ips", POOL);
      const deployment = new Deployment("proxy-deploy", DEPLOYMENT, opts);
      new pulumi.PinnedDeployment("my-pod-ips", { pool, deployment, allowNoReadinessProbe: true }, opts);
    },
    cdk8s: (chart) => {
      const apart = new Chart(new App(), "pool");
      const pool = cdk8s.PersistentIpPool.fromAddresses(apart, "allowed-pod-ips", POOL);
      const deployment = new ApiObject(chart, "deployment", DEPLOYMENT);
      new cdk8s.PinnedDeployment(chart, "my-pod-ips", { pool, deployment, allowNoReadinessProbe: true });
    },
  },
  {
    file: "route-exists.yaml",
    ...onPool("early", { addresses: ADDRESSES.slice(1), podSelector: component, reactionMode: "Exists" }),
  },
  {
    file: "network-l3.yaml",
    ...aNetwork("blue-network", { vpc: "blue-vpc", subnetwork: "blue-subnet", secondaryRanges: ["blue-pods"] }),
  },
  {
    file: "network-device.yaml",
    ...aNetwork("fast", { type: "Device", deviceMode: "NetDevice", vpc: "fast-vpc", subnetwork: "fast-subnet" }),
  },
];

function aNetwork(name: string, args: pulumi.PodNetworkArgs & cdk8s.PodNetworkProps): Pick<Case, "pulumi" | "cdk8s"> {
  return {
    pulumi: (opts) => void new pulumi.PodNetwork(name, args, opts),
    cdk8s: (chart) => void new cdk8s.PodNetwork(chart, name, args),
  };
}

const BLUE = { vpc: "blue-vpc", subnetwork: "blue-subnet", secondaryRanges: ["blue-pods"] };
const helloApp = {
  containers: [{ name: "hello-app", image: "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0" }],
};

/** The page's StatefulSet, as its user writes it. */
function statefulSet(annotations: Record<string, string>) {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "proxy-ss", namespace: "proxy-ss-ns" },
    spec: {
      serviceName: "proxy",
      replicas: 2,
      selector: { matchLabels: component },
      template: { metadata: { labels: component, annotations }, spec: helloApp },
    },
  } as const;
}

/** The page's Deployment. */
const DEPLOYMENT = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "proxy-deploy", namespace: "proxy-deploy-ns" },
  spec: {
    replicas: 4,
    selector: { matchLabels: component },
    template: { metadata: { labels: component }, spec: helloApp },
  },
} as const;

const golden = (file: string): unknown[] =>
  parseAllDocuments(readFileSync(path.join(__dirname, file), "utf8")).map((document) => document.toJS() as unknown);

test("every golden file is compared", () => {
  const files = readdirSync(__dirname).filter((file) => file.endsWith(".yaml"));
  const compared = [...CASES, ...RESERVATIONS].map(({ file }) => file);
  expect([...compared, PREFIX_FILE].sort()).toEqual(files.sort());
});

test.each(CASES)("Pulumi writes $file", async ({ file, pulumi: program }) => {
  const { registered, options } = await graphOf(program);
  const own = new Set(options.map(({ type, name }) => `${type} ${name}`));
  const objects = registered
    .filter(({ type, name }) => type.startsWith("kubernetes:") && own.has(`${type} ${name}`))
    .map(({ inputs }) => withoutEngineAnnotations(inputs as unknown as Manifest));
  expect(objects).toEqual(golden(file));
});

test.each(CASES)("CDK8s writes $file", ({ file, cdk8s: program }) => {
  const chart = new Chart(new App(), "chart");
  program(chart);
  expect(Testing.synth(chart)).toEqual(golden(file));
});

function withoutEngineAnnotations(manifest: Manifest): Manifest {
  const { annotations = {}, ...metadata } = manifest.metadata;
  const kept = Object.fromEntries(Object.entries(annotations).filter(([key]) => !ENGINE_ANNOTATION.test(key)));
  return { ...manifest, metadata: Object.keys(kept).length === 0 ? metadata : { ...metadata, annotations: kept } };
}

const SUBNETWORK = "regions/us-central1/subnetworks/blue-subnet";
const PREFIX = "projects/my-project/regions/us-central1/publicDelegatedPrefixes/edge";
const region = "us-central1";

/** Addresses that a pool reserves, as bodies of the Compute Engine API. CDK8s must be told every value. */
const RESERVATIONS: readonly {
  readonly file: string;
  readonly name: string;
  readonly args: Partial<pulumi.PersistentIpPoolArgs & cdk8s.PersistentIpPoolProps>;
  readonly flavours: readonly ("Pulumi" | "CDK8s")[];
}[] = [
  { file: "address-external.yaml", name: "edge", args: {}, flavours: ["Pulumi"] },
  {
    file: "address-internal.yaml",
    name: "calls",
    args: { addressType: "INTERNAL", subnetwork: SUBNETWORK, addresses: ["10.20.0.7", "10.20.0.8"] },
    flavours: ["Pulumi", "CDK8s"],
  },
  {
    file: "address-byoip.yaml",
    name: "own",
    args: { ipCollection: PREFIX, addresses: ["203.0.113.9"] },
    flavours: ["Pulumi", "CDK8s"],
  },
];

type Fields = Record<string, unknown>;

async function reservedByPulumi(name: string, args: pulumi.PersistentIpPoolArgs): Promise<readonly Fields[]> {
  const { registered } = await graphOf((opts) => new pulumi.PersistentIpPool(name, args, opts));
  return registered.filter(({ type }) => type === "gcp:compute/address:Address").map(({ inputs }) => inputs);
}

/** Config Connector has the fields of the API in its `spec`, references as objects, and the region as `location`. */
function reservedByCdk8s(name: string, args: cdk8s.PersistentIpPoolProps): readonly Fields[] {
  const chart = new Chart(new App(), "chart");
  new cdk8s.PersistentIpPool(chart, name, args);
  const objects = Testing.synth(chart) as { kind: string; metadata: { name: string }; spec: Fields }[];
  return objects
    .filter(({ kind }) => kind === "ComputeAddress")
    .map(({ metadata, spec: { location, ...spec } }) => ({
      name: metadata.name,
      region: location,
      ...Object.fromEntries(
        Object.entries(spec).map(([key, value]) => {
          const reference = /^(.+)Ref$/.exec(key)?.[1];
          return reference === undefined ? [key, value] : [reference, (value as { external: string }).external];
        }),
      ),
    }));
}

const described = (address: Fields): Fields => ({ ...address, description: expect.any(String) as string });
const reserved = RESERVATIONS.flatMap((one) => one.flavours.map((flavour) => ({ ...one, flavour })));

test.each(reserved)("$flavour reserves $file", async ({ file, name, args, flavour }) => {
  const all = { region, ...args };
  const found = flavour === "Pulumi" ? await reservedByPulumi(name, all) : reservedByCdk8s(name, all);
  expect(found).toEqual((golden(file)[0] as Fields[]).map(described));
});

const PREFIX_FILE = "byoip-prefix.yaml";

test("Pulumi delegates a part of a prefix of one's own", async () => {
  const ranges = { advertisedRange: "203.0.113.0/24", dnsVerificationIp: "203.0.113.1" };
  const delegated = { delegatedRange: "203.0.113.0/28", region };
  const { registered } = await graphOf(
    (opts) => new pulumi.ByoipPrefix("own-range", { ...ranges, ...delegated }, opts),
  );
  const found = registered
    .filter(({ type }) => type.startsWith("gcp:"))
    .map(({ type, inputs }) => ({ resource: `${/compute\/(\w+):/.exec(type)?.[1]}es`, ...inputs }));
  expect(found).toEqual(golden(PREFIX_FILE)[0]);
});
