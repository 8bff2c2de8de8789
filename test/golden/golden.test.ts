// What the components write for GKE's own controller is what GKE's documentation tells people to write. The files beside
// this one are written by hand from that documentation, never from our output.
import { App, Chart, Testing } from "cdk8s";
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

const golden = (file: string): unknown[] =>
  parseAllDocuments(readFileSync(path.join(__dirname, file), "utf8")).map((document) => document.toJS() as unknown);

test("every golden file is compared", () => {
  const files = readdirSync(__dirname).filter((file) => file.endsWith(".yaml"));
  expect(CASES.map(({ file }) => file).sort()).toEqual(files.sort());
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
