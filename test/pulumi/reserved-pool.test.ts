// Pools that reserve their addresses: in an update the values are there, in a preview (reserved-pool-preview.test.ts) not.
import * as pulumi from "@pulumi/pulumi";
import { Provider as GcpProvider } from "@pulumi/gcp/provider";
import { Provider } from "@pulumi/kubernetes/provider";

import { type ClusterFacts, UNKNOWN_CLUSTER } from "../../lib/model/cluster-facts";
import { type PersistentIpCluster, PersistentIpPool, PinnedPodRoute } from "../../lib/pulumi";
import { clusterFacts } from "../support/cluster-facts";
import { graphOf, namesOf, useMocks, valueOf } from "./graph";

useMocks({ preview: false });

const ADDRESS = "gcp:compute/address:Address";
const GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway";

const facts = clusterFacts({ dataplaneV2: true });
const clusterOf = (now: ClusterFacts, settled: ClusterFacts, provider: Provider) =>
  ({
    facts: now,
    settled: pulumi.output(settled) as pulumi.Output<ClusterFacts>,
    provider,
  }) as unknown as PersistentIpCluster;

const cidrsOf = (inputs: Record<string, unknown> | undefined) =>
  (inputs as { spec: { addresses: { value: string }[] } }).spec.addresses.map(({ value }) => value);

test("reserves one address per index, named after the pool, and lists what it got in the Gateway", async () => {
  let pool!: PersistentIpPool;
  const { registered } = await graphOf((opts) => {
    pool = new PersistentIpPool("db", { region: "us-central1", size: 2 }, opts);
  });
  expect(registered.map(({ type, name }) => [type, name])).toEqual([
    ["podpin:index:PersistentIpPool", "db"],
    [ADDRESS, "db-0"],
    [ADDRESS, "db-1"],
    [GATEWAY, "db"],
  ]);
  expect(registered[1]?.inputs).toEqual({
    name: "db-0",
    region: "us-central1",
    addressType: "EXTERNAL",
    description: "Persistent address of Kubernetes Pods, held by podpin",
  });
  expect(cidrsOf(registered[3]?.inputs)).toEqual(["203.0.113.100/32", "203.0.113.101/32"]);
  expect(await Promise.all(pool.addresses.map(valueOf))).toEqual(["203.0.113.100", "203.0.113.101"]);
  expect(pool.reserved).toHaveLength(2);
});

test("protects addresses unless told otherwise, and says nothing of deletion unless asked", async () => {
  const { registered, options } = await graphOf((opts) => {
    new PersistentIpPool("safe", { region: "us-central1" }, opts);
    new PersistentIpPool(
      "loose",
      { region: "us-central1", protectAddresses: false, deletionPolicy: "ABANDON", labels: { team: "edge" } },
      opts,
    );
  });
  const protectOf = (name: string) => options.find((one) => one.type === ADDRESS && one.name === name)?.options.protect;
  expect([protectOf("safe-0"), protectOf("loose-0")]).toEqual([true, false]);
  const fixedName = options.filter(({ type }) => type === ADDRESS).map((one) => one.options.deleteBeforeReplace);
  expect(fixedName).toEqual([true, true]);
  const inputsOf = (name: string) => registered.find((one) => one.type === ADDRESS && one.name === name)?.inputs;
  expect(inputsOf("safe-0")).not.toHaveProperty("deletionPolicy");
  expect(inputsOf("loose-0")).toMatchObject({ deletionPolicy: "ABANDON", labels: { team: "edge" } });
});

test("a Gateway comes after its own addresses, which are children of the pool", async () => {
  const { options } = await graphOf((opts) => new PersistentIpPool("db", { region: "us-central1", size: 17 }, opts));
  const gateways = options.filter(({ type }) => type === GATEWAY);
  expect(gateways.map(({ options: { dependsOn } }) => namesOf(dependsOn).length)).toEqual([16, 1]);
  expect(namesOf(gateways[1]?.options.dependsOn)).toEqual(["db-16"]);
  const parents = options.filter(({ type }) => type === ADDRESS).map(({ options: { parent } }) => namesOf(parent)[0]);
  expect([...new Set(parents)]).toEqual(["db"]);
});

test("asks for internal addresses in a subnetwork, by value where values are given", async () => {
  const later = <T>(value: T) => pulumi.output(Promise.resolve(value)) as pulumi.Output<T>;
  const { registered } = await graphOf((opts) => {
    new PersistentIpPool(
      "db",
      {
        region: later("us-central1"),
        addressType: "INTERNAL",
        subnetwork: later("regions/us-central1/subnetworks/nodes"),
        subnetworkRange: later("10.0.0.0/20"),
        addresses: ["10.0.0.5", later("10.0.0.6")],
      },
      opts,
    );
  });
  expect(registered.filter(({ type }) => type === ADDRESS).map(({ inputs }) => inputs)).toEqual(
    ["10.0.0.5", "10.0.0.6"].map((address, index) => ({
      name: `db-${index}`,
      region: "us-central1",
      addressType: "INTERNAL",
      address,
      subnetwork: "regions/us-central1/subnetworks/nodes",
      purpose: "GCE_ENDPOINT",
      description: "Persistent address of Kubernetes Pods, held by podpin",
    })),
  );
  const gateway = registered.find(({ type }) => type === GATEWAY)?.inputs;
  expect(gateway).toMatchObject({ spec: { gatewayClassName: "gke-persistent-regional-internal-managed" } });
  expect(cidrsOf(gateway)).toEqual(["10.0.0.5/32", "10.0.0.6/32"]);
});

test("reserves from a prefix of your own", async () => {
  const ipCollection = pulumi.output(Promise.resolve("regions/us-central1/publicDelegatedPrefixes/edge"));
  const { registered } = await graphOf((opts) => {
    new PersistentIpPool("byo", { region: "us-central1", ipCollection, addressNamePrefix: "own" }, opts);
  });
  expect(registered[1]?.inputs).toMatchObject({
    name: "own-0",
    ipCollection: "regions/us-central1/publicDelegatedPrefixes/edge",
  });
});

test("takes region and project from the cluster, even where they are known late", async () => {
  const { registered } = await graphOf((opts) => {
    const provider = new Provider("core", {}, opts);
    new PersistentIpPool("db", { cluster: clusterOf(facts, facts, provider) }, opts);
    new PersistentIpPool("web", { cluster: clusterOf(UNKNOWN_CLUSTER, facts, provider) }, opts);
  });
  const where = registered
    .filter(({ type }) => type === ADDRESS)
    .map(({ name, inputs }) => [name, inputs["region"], inputs["project"]]);
  expect(where).toEqual([
    ["db-0", "us-central1", "my-project"],
    ["web-0", "us-central1", "my-project"],
  ]);
});

test("declares Gateways in the cluster unless the options name another one, and keeps the other providers", async () => {
  let pools: PersistentIpPool[] = [];
  await graphOf((opts) => {
    const cluster = clusterOf(facts, facts, new Provider("core", {}));
    const other = new Provider("other", {});
    const gcp = new GcpProvider("gcp", {});
    const args = { cluster, region: "us-central1" };
    pools = [
      new PersistentIpPool("plain", args, opts),
      new PersistentIpPool("other", args, { ...opts, provider: other }),
      new PersistentIpPool("others", args, { ...opts, providers: { kubernetes: other, gcp } }),
      new PersistentIpPool("cloud", args, { ...opts, providers: [gcp] }),
    ];
  });
  const providerOf = (resource: pulumi.Resource | undefined) =>
    (resource as unknown as { __prov?: { __name: string } }).__prov?.__name;
  expect(pools.map(({ gateways, reserved }) => [providerOf(gateways[0]), providerOf(reserved[0])])).toEqual([
    ["core", undefined],
    ["other", undefined],
    ["other", "gcp"],
    ["core", "gcp"],
  ]);
});

test("a route takes some of the reserved addresses by their place in the pool", async () => {
  const { registered } = await graphOf((opts) => {
    const pool = new PersistentIpPool("db", { region: "us-central1", size: 17 }, opts);
    new PinnedPodRoute("pin", { pool, podSelector: { app: "db" }, addresses: [pool.addresses[16]!] }, opts);
    new PinnedPodRoute("resource", { pool, podSelector: { app: "web" }, addresses: [pool.reserved[3]!.address] }, opts);
  });
  const routes = registered.filter(({ type }) => type.endsWith(":GKEIPRoute")).map(({ inputs }) => inputs);
  expect(routes).toMatchObject([
    { spec: { parentRefs: [{ name: "db-2" }], addresses: [{ value: "203.0.113.116/32" }] } },
    { spec: { parentRefs: [{ name: "db" }], addresses: [{ value: "203.0.113.103/32" }] } },
  ]);
});

test("refuses everything that is wrong with a reservation, at once", () => {
  const make = () =>
    new PersistentIpPool("db", {
      size: 0,
      region: "us-central1-a",
      networkTier: "STANDARD",
      ipCollection: "edge",
      allowedNamespaces: "all" as never,
    });
  expect(make).toThrow(
    'PersistentIpPool "db" is not valid:\n' +
      "  - size: got 0; use a whole number from 1 to 1000\n" +
      '  - region: got "us-central1-a"; that is a zone, use its region "us-central1"\n' +
      '  - ipCollection: got "edge"; use the delegated prefix, for example "regions/us-central1/publicDelegatedPrefixes/edge"\n' +
      '  - networkTier: got "STANDARD"; addresses of your own prefix are always "PREMIUM", leave networkTier or ipCollection out\n' +
      '  - allowedNamespaces: got "all"; use "All"',
  );
});
