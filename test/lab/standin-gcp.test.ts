// The stand-in for the gcp plugin, without the engine: what each call answers, and what is in the cloud then.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../controller-image/src/kube/clock";
import { ComputeCloud } from "../../lab/cloud";
import { Cloud } from "../../lab/pulumi/gcp-plugin/cloud";
import { ComputeCalls, type Exchange } from "../../lab/pulumi/gcp-plugin/compute-calls";
import { Provider } from "../../lab/pulumi/gcp-plugin/provider";
import { controlPlane, type ControlPlaneAccess, readSettings } from "../../lab/pulumi/gcp-plugin/settings";
import { DiffKind } from "../../lab/pulumi/plugin/difference";
import { secret, UNKNOWN_STRING, type Json, type JsonObject } from "../../lab/pulumi/plugin/values";
import { cidrContains } from "../../lib/model/address";

const ADDRESS = "gcp:compute/address:Address";
const CLUSTER = "gcp:container/cluster:Cluster";
const NODE_POOL = "gcp:container/nodePool:NodePool";
const SUBNETWORK = "gcp:compute/subnetwork:Subnetwork";
const SEED = new Uint8Array([1, 2, 3]);

let folder: string;
let file: string;
let compute: ComputeCloud;
let provider: Provider;

beforeEach(() => {
  compute = new ComputeCloud({
    clock: systemClock,
    projects: ["core"],
    regions: { "us-central1": ["a", "b", "c"], "us-east1": ["b"] },
    operation: 0,
  });
  folder = mkdtempSync(join(tmpdir(), "podpin-gcp-"));
  file = join(folder, "cloud.json");
  provider = providerOf("core", "us-central1");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The stand-in for Compute, without a wire between. */
const exchange: Exchange = async (method, path, body) => {
  const answer = await compute.handle({ method, path: `/compute/v1/${path}`, body });
  return { status: answer.status, body: answer.body as Json };
};

function providerOf(project: string, region = "", more: Partial<ControlPlaneAccess> = {}): Provider {
  const access = { endpoint: "198.51.100.1", ca: "Q0E=", ...more };
  const made = new Provider(new Cloud(file), new ComputeCalls(exchange), access);
  made.configure({ project, region });
  return made;
}

const urn = (type: string, name = "db"): string => `urn:pulumi:dev::shop::${type}::${name}`;

/** A resource as the engine makes it: check, then create. */
async function create(type: string, news: JsonObject, name = "db"): Promise<{ id: string; state: JsonObject }> {
  const { inputs, failures } = await provider.check(urn(type, name), {}, news, SEED);
  expect(failures).toEqual([]);
  return provider.create(urn(type, name), inputs, 0, false);
}

describe("an address", () => {
  test("is unknown in a preview, and in the cloud once it is created", async () => {
    const inputs = { name: "db-0", region: "us-central1" };
    const preview = await provider.create(urn(ADDRESS), inputs, 0, true);
    expect(preview).toMatchObject({
      id: "",
      state: { name: "db-0", address: UNKNOWN_STRING, selfLink: UNKNOWN_STRING },
    });
    expect(compute.state.get("projects/core/regions/us-central1/addresses/db-0")).toBeUndefined();
    const { id, state } = await provider.create(urn(ADDRESS), inputs, 0, false);
    expect(id).toBe("projects/core/regions/us-central1/addresses/db-0");
    expect(cidrContains("203.0.113.0/24", String(state["address"]))).toBe(true);
    expect(state).toMatchObject({ addressType: "EXTERNAL", networkTier: "PREMIUM", region: "us-central1", users: [] });
  });

  test("is the same for the same name in another world, and another one for another name", async () => {
    const first = await create(ADDRESS, { name: "db-0" });
    const second = await create(ADDRESS, { name: "db-1" });
    expect(first.state["address"]).not.toBe(second.state["address"]);
    await provider.delete(urn(ADDRESS), first.id, {});
    expect((await create(ADDRESS, { name: "db-0" })).state["address"]).toBe(first.state["address"]);
  });

  test("is in its subnetwork where it is internal, in its prefix where it was brought, and as asked for where that is free", async () => {
    await create("gcp:compute/network:Network", { name: "edge", autoCreateSubnetworks: false });
    await create(SUBNETWORK, { name: "edge", network: "edge", ipCidrRange: "10.20.0.0/28" });
    const internal = { addressType: "INTERNAL", subnetwork: "projects/core/regions/us-central1/subnetworks/edge" };
    const inside = await create(ADDRESS, { name: "inside", ...internal });
    expect(cidrContains("10.20.0.0/28", String(inside.state["address"]))).toBe(true);
    expect(inside.state).toMatchObject({ purpose: "GCE_ENDPOINT", networkTier: "PREMIUM" });
    const asked = await create(ADDRESS, { name: "asked", ...internal, address: "10.20.0.9" });
    expect(asked.state["address"]).toBe("10.20.0.9");

    const advertised = await create("gcp:compute/publicAdvertisedPrefix:PublicAdvertisedPrefix", {
      name: "own",
      ipCidrRange: "198.51.100.0/24",
    });
    const delegated = await create("gcp:compute/publicDelegatedPrefix:PublicDelegatedPrefix", {
      name: "own-central",
      parentPrefix: advertised.id,
      region: "us-central1",
      ipCidrRange: "198.51.100.64/28",
    });
    expect(delegated.state["enableEnhancedIpv4Allocation"]).toBe(true);
    const brought = await create(ADDRESS, { name: "brought", ipCollection: String(delegated.state["selfLink"]) });
    expect(cidrContains("198.51.100.64/28", String(brought.state["address"]))).toBe(true);
  });

  test.each<[JsonObject, string]>([
    [{ address: "10.128.0.300", addressType: "INTERNAL" }, "Error 400: Invalid value for field 'resource.address'"],
    [{ address: "10.1.0.5", addressType: "INTERNAL" }, "It is not in the range 10.128.0.0/20"],
    [
      { addressType: "INTERNAL", subnetwork: "absent" },
      "Error 404: The resource 'projects/core/regions/us-central1/sub",
    ],
    [{ ipCollection: "absent" }, "us-central1/publicDelegatedPrefixes/absent' was not found, notFound"],
  ])("is refused where the cloud cannot give it: %j", async (inputs, text) => {
    await expect(create(ADDRESS, { name: "wrong", ...inputs })).rejects.toThrow(text);
  });

  test("is refused twice, and without a project or a region", async () => {
    const twice = { addressType: "INTERNAL", address: "10.128.0.9" };
    await create(ADDRESS, { name: "first", ...twice });
    await expect(create(ADDRESS, { name: "first" })).rejects.toThrow("addresses/first' already exists, alreadyExists");
    await expect(create(ADDRESS, { name: "second", ...twice })).rejects.toThrow(
      "addresses/first', resourceInUseByAnotherResource",
    );
    provider = providerOf("");
    await expect(create(ADDRESS, { name: "lost" })).rejects.toThrow("project: got nothing");
    provider = providerOf("core");
    await expect(create(ADDRESS, { name: "lost" })).rejects.toThrow("region: got nothing");
  });
});

describe("names", () => {
  test("end in seven digits where the program gives none, and stay", async () => {
    const { inputs } = await provider.check(urn(ADDRESS), {}, {}, SEED);
    expect(inputs["name"]).toMatch(/^db-[0-9a-f]{7}$/);
    expect((await provider.check(urn(ADDRESS), inputs, {}, new Uint8Array([9]))).inputs["name"]).toBe(inputs["name"]);
    const given = await provider.check(urn(ADDRESS), {}, { name: "given" }, SEED);
    expect(given.inputs).toEqual({ name: "given", __defaults: [] });
    const role = await provider.check(urn("gcp:projects/iAMCustomRole:IAMCustomRole", "pod-pin"), {}, {}, SEED);
    expect(role.inputs["roleId"]).toMatch(/^pod_pin_[0-9a-f]{7}$/);
  });
});

describe("a difference", () => {
  const diff = async (type: string, before: JsonObject, after: JsonObject, ignored: string[] = []) => {
    const { changes, replaces, deleteBeforeReplace } = await provider.diff(urn(type), {}, before, after, ignored);
    return { changes: Object.fromEntries(changes), replaces, first: deleteBeforeReplace };
  };
  const NONE = { changes: {}, replaces: [], first: false };

  test.each<[string, JsonObject, JsonObject, string[]]>([
    [ADDRESS, { description: "a" }, { description: "b" }, ["description"]],
    [ADDRESS, { region: "us-east1" }, { region: "us-west1" }, ["region"]],
    [ADDRESS, { labels: { team: "a" } }, { labels: { team: "b" } }, []],
    [CLUSTER, { datapathProvider: "LEGACY_DATAPATH" }, { datapathProvider: "ADVANCED_DATAPATH" }, ["datapathProvider"]],
    [
      CLUSTER,
      { ipAllocationPolicy: { clusterIpv4CidrBlock: "/14" } },
      { ipAllocationPolicy: { clusterIpv4CidrBlock: "/16" } },
      ["ipAllocationPolicy.clusterIpv4CidrBlock"],
    ],
    [
      CLUSTER,
      { ipAllocationPolicy: {} },
      { ipAllocationPolicy: { clusterIpv4CidrBlock: UNKNOWN_STRING } },
      ["ipAllocationPolicy.clusterIpv4CidrBlock"],
    ],
    [CLUSTER, { minMasterVersion: "1.31" }, { minMasterVersion: "1.32" }, []],
    [
      CLUSTER,
      { gatewayApiConfig: { channel: "CHANNEL_DISABLED" } },
      { gatewayApiConfig: { channel: "CHANNEL_STANDARD" } },
      [],
    ],
    [NODE_POOL, { nodeCount: 1 }, { nodeCount: 3 }, []],
    [
      NODE_POOL,
      { networkConfig: {} },
      { networkConfig: { additionalNodeNetworkConfigs: [{ network: "blue" }] } },
      ["networkConfig.additionalNodeNetworkConfigs"],
    ],
    ["gcp:compute/firewall:Firewall", { sourceRanges: ["192.0.2.0/24"] }, { sourceRanges: ["198.51.100.0/24"] }, []],
    ["gcp:compute/firewall:Firewall", { network: "default" }, { network: "edge" }, ["network"]],
    ["gcp:projects/iAMMember:IAMMember", { role: "a" }, { role: "b" }, ["role"]],
    ["gcp:projects/iAMCustomRole:IAMCustomRole", { permissions: ["a"] }, { permissions: ["a", "b"] }, []],
  ])("%s: %j → %j replaces for %j", async (type, before, after, replaces) => {
    const found = await diff(type, { name: "n", ...before }, { name: "n", ...after });
    expect(Object.keys(found.changes)).not.toEqual([]);
    expect(found.replaces).toEqual(replaces);
    // A custom role is named by its roleId, and a member by nothing.
    if (!type.startsWith("gcp:projects")) expect(found.first).toBe(replaces.length > 0);
  });

  test("is none where the cloud filled a field in, a reference is only spelled differently, or the program ignores it", async () => {
    expect(await diff(ADDRESS, { networkTier: "PREMIUM" }, {})).toEqual(NONE);
    const long = "https://www.googleapis.com/compute/v1/projects/core/regions/us-central1/subnetworks/edge";
    expect(await diff(ADDRESS, { subnetwork: long }, { subnetwork: long.slice(38) })).toEqual(NONE);
    expect(await diff(ADDRESS, { description: "a" }, { description: "b" }, ["description"])).toEqual(NONE);
    expect((await diff(ADDRESS, { labels: {} }, { labels: { team: "a" } })).changes).toEqual({
      "labels.team": DiffKind.add,
    });
  });

  test("lets the new one come first where the name is not the program's", async () => {
    const before = { name: "db-0123456", __defaults: ["name"], region: "us-east1" };
    const found = await diff(ADDRESS, before, { ...before, region: "us-west1" });
    expect([found.replaces, found.first]).toEqual([["region"], false]);
  });
});

describe("a cluster", () => {
  test("has an endpoint, a certificate and a version, is found by getCluster, and takes its node pools with it", async () => {
    const made = await create(CLUSTER, {
      name: "core",
      location: "us-central1",
      minMasterVersion: "1.31",
      datapathProvider: "ADVANCED_DATAPATH",
      gatewayApiConfig: { channel: "CHANNEL_STANDARD" },
      deletionProtection: false,
    });
    expect(made.state).toMatchObject({
      endpoint: "198.51.100.1",
      masterAuth: { clusterCaCertificate: "Q0E=" },
      masterVersion: expect.stringMatching(/^1\.35\./),
      nodeLocations: ["us-central1-a", "us-central1-b", "us-central1-c"],
    });
    const found = await provider.invoke("gcp:container/getCluster:getCluster", {
      name: "core",
      location: "us-central1",
    });
    expect(found).toMatchObject({
      id: made.id,
      project: "core",
      datapathProvider: "ADVANCED_DATAPATH",
      masterAuths: [{ clusterCaCertificate: "Q0E=" }],
      gatewayApiConfigs: [{ channel: "CHANNEL_STANDARD" }],
      ipAllocationPolicies: [{ servicesIpv4CidrBlock: "10.8.0.0/20" }],
    });
    const pool = await create(NODE_POOL, { name: "pool", cluster: made.id, nodeCount: 2 });
    expect(pool.id).toBe(`${made.id}/nodePools/pool`);
    await provider.delete(urn(CLUSTER), made.id, {});
    expect([...(await new Cloud(file).resources()).keys()]).toEqual([]);
  });

  test.each([
    ["1.31", /^1\.35/],
    ["1.36", /^1\.36$/],
    ["1.35.9", /^1\.35\.9$/],
  ])("runs at least %s", async (minMasterVersion, version) => {
    const { state } = await create(CLUSTER, { name: "core", location: "us-central1-a", minMasterVersion });
    expect(state["masterVersion"]).toMatch(version);
    expect(state["nodeLocations"]).toEqual(["us-central1-a"]);
  });

  test("cannot be deleted while it is protected, and neither can what says PREVENT", async () => {
    const { id } = await create(CLUSTER, { name: "core", location: "us-central1" });
    await expect(provider.delete(urn(CLUSTER), id, {})).rejects.toThrow("deletionProtection is on");
    const address = await create(ADDRESS, { name: "kept", deletionPolicy: "PREVENT" });
    await expect(provider.delete(urn(ADDRESS), address.id, address.state)).rejects.toThrow(
      'deletionPolicy is "PREVENT"',
    );
    const left = await create(ADDRESS, { name: "left", deletionPolicy: "ABANDON" });
    await provider.delete(urn(ADDRESS), left.id, left.state);
    expect(compute.state.get(left.id)).toBeDefined();
  });

  test("is needed by getCluster and by a node pool", async () => {
    const absent = { name: "absent", location: "us-central1" };
    await expect(provider.invoke("gcp:container/getCluster:getCluster", absent)).rejects.toThrow("absent not found");
    await expect(create(NODE_POOL, { name: "pool", cluster: "absent" })).rejects.toThrow('cluster: got "absent"');
  });
});

describe("a node pool", () => {
  const machines = ["a", "b", "a"].map((zone, i) => ({
    name: `node${i + 1}`,
    zone: `us-central1-${zone}`,
    address: `10.128.0.1${i + 1}`,
    subnetwork: "default",
  }));
  const vms = (): string[] =>
    compute.state.everywhere("core", "instances").map(({ key }) => key.replace("projects/core/zones/", ""));

  beforeEach(() => (provider = providerOf("core", "us-central1", { machines })));

  test("makes VMs of the machines of its zones that are free, as many in each as it is asked for, and takes them along", async () => {
    const cluster = await create(CLUSTER, { name: "core", location: "us-central1", deletionProtection: false });
    const first = await create(NODE_POOL, { name: "one", cluster: cluster.id, nodeCount: 1 });
    expect(vms()).toEqual(["us-central1-a/instances/node1", "us-central1-b/instances/node2"]);
    await create(NODE_POOL, { name: "two", cluster: cluster.id, nodeConfig: { tags: ["edge"] } });
    const third = compute.state.get("projects/core/zones/us-central1-a/instances/node3")?.body;
    expect(third).toMatchObject({
      tags: { items: ["edge"] },
      labels: { "goog-k8s-cluster-name": "core", "goog-k8s-node-pool-name": "two" },
      networkInterfaces: [{ networkIP: "10.128.0.13", name: "nic0" }],
      status: "RUNNING",
    });
    await provider.delete(urn(NODE_POOL), first.id, first.state);
    expect(vms()).toEqual(["us-central1-a/instances/node3"]);
    await provider.delete(urn(CLUSTER), cluster.id, cluster.state);
    expect(vms()).toEqual([]);
  });
});

describe("what is there", () => {
  test("shows who uses it, and what somebody else has changed", async () => {
    const { id, state } = await create(ADDRESS, { name: "db-0", labels: { team: "edge" } });
    expect(state).toMatchObject({ users: [], labels: { team: "edge" }, effectiveLabels: { team: "edge" } });
    const inputs = { name: "db-0", labels: { team: "edge" } };
    const changed = { labels: { team: "core", other: "x" }, labelFingerprint: String(state["labelFingerprint"]) };
    await new ComputeCalls(exchange).call(id, "setLabels", changed);
    // Labels of which the program says nothing are none of its business.
    const found = await provider.read(urn(ADDRESS), id, state, inputs);
    expect(found).toMatchObject({
      inputs: { name: "db-0", labels: { team: "core" } },
      state: { labels: { team: "core" }, effectiveLabels: { team: "core", other: "x" } },
    });
    compute.make("zones/us-central1-a", "instances", { name: "vm", networkInterfaces: [{}] });
    compute.make("zones/us-central1-a", "targetInstances", {
      name: "ti",
      instance: "zones/us-central1-a/instances/vm",
    });
    compute.make("regions/us-central1", "forwardingRules", {
      name: "rule",
      IPAddress: String(state["address"]),
      IPProtocol: "L3_DEFAULT",
      allPorts: true,
      loadBalancingScheme: "EXTERNAL",
      target: "zones/us-central1-a/targetInstances/ti",
    });
    const used = await provider.read(urn(ADDRESS), id, state, inputs);
    expect(used?.state["users"]).toEqual([expect.stringMatching(/\/forwardingRules\/rule$/)]);
    await expect(provider.delete(urn(ADDRESS), id, state)).rejects.toThrow("resourceInUseByAnotherResource");
  });

  test("is written in the API's words, and read in Pulumi's", async () => {
    const firewall = "gcp:compute/firewall:Firewall";
    const inputs = {
      name: "open",
      network: "default",
      sourceRanges: ["192.0.2.0/24"],
      allows: [{ protocol: "tcp", ports: ["443"] }],
    };
    const { id, state } = await create(firewall, inputs);
    expect(compute.state.get(id)?.body["allowed"]).toEqual([{ IPProtocol: "tcp", ports: ["443"] }]);
    expect(state).toMatchObject({ ...inputs, direction: "INGRESS", priority: 1000 });
    const news = { name: "open", network: "default", sourceTags: ["web"], denies: [{ protocol: "all" }] };
    const request = { urn: urn(firewall), id, olds: state, news, ignoreChanges: [], timeoutSeconds: 0, preview: false };
    expect(await provider.update(request)).toMatchObject(news);
    expect(compute.state.get(id)?.body).toMatchObject({ denied: [{ IPProtocol: "all" }], sourceTags: ["web"] });
    for (const field of ["allowed", "sourceRanges"]) expect(compute.state.get(id)?.body[field]).toBeUndefined();
  });

  test("is a project with a number", async () => {
    const found = await provider.invoke("gcp:organizations/getProject:getProject", {});
    expect(found).toMatchObject({ projectId: "core", number: expect.stringMatching(/^\d{12}$/) });
  });

  test("is read by its ID in any of the forms that an import takes, and missing once it is gone", async () => {
    const { id, state } = await create(ADDRESS, { name: "db-0", description: "first" });
    for (const form of [id, "core/us-central1/db-0", "us-central1/db-0", "db-0"]) {
      const found = await provider.read(urn(ADDRESS), form, {}, {});
      expect(found).toMatchObject({ id, state, inputs: { name: "db-0", description: "first" } });
    }
    await provider.delete(urn(ADDRESS), id, {});
    expect(await provider.read(urn(ADDRESS), id, {}, {})).toBeUndefined();
  });

  test("is updated in place, and keeps what the cloud decided", async () => {
    const { id, state } = await create(ADDRESS, { name: "db-0" });
    const news = { name: "db-0", labels: { team: "edge" } };
    const request = { urn: urn(ADDRESS), id, olds: state, news, ignoreChanges: [], timeoutSeconds: 0, preview: false };
    const updated = await provider.update(request);
    expect(updated).toMatchObject({
      address: state["address"],
      labels: { team: "edge" },
      effectiveLabels: { team: "edge" },
    });
    expect((await provider.read(urn(ADDRESS), id, {}, news))?.inputs).toMatchObject({ labels: { team: "edge" } });
  });

  test("keeps secrets marked in the state, and plain in the cloud", async () => {
    const { id, state } = await create(ADDRESS, { name: "db-0", description: secret("who") });
    expect(state["description"]).toEqual(secret("who"));
    expect(compute.state.get(id)?.body["description"]).toBe("who");
  });

  test("is the default subnetwork of every region, for getSubnetwork too", async () => {
    const found = await provider.invoke("gcp:compute/getSubnetwork:getSubnetwork", {
      name: "default",
      region: "us-east1",
    });
    expect(found).toMatchObject({ ipCidrRange: "10.128.16.0/20", region: "us-east1", name: "default" });
    const absent = { name: "absent", region: "us-east1" };
    await expect(provider.invoke("gcp:compute/getSubnetwork:getSubnetwork", absent)).rejects.toThrow(
      "absent not found",
    );
  });

  test("is changed by one at a time, however many ask", async () => {
    const others = Array.from({ length: 20 }, (_, i) =>
      providerOf("core", "us-central1").create(urn(ADDRESS), { name: `db-${i}` }, 0, false),
    );
    const addresses = (await Promise.all(others)).map(({ state }) => state["address"]);
    expect(new Set(addresses).size).toBe(20);
    expect(compute.state.in("projects/core/regions/us-central1/addresses")).toHaveLength(20);
  });
});

describe("what it does not have", () => {
  test("is refused by name, with the way out", async () => {
    const { failures } = await provider.check(urn("gcp:storage/bucket:Bucket"), {}, {}, SEED);
    expect(failures[0]?.reason).toMatch(
      /^gcp:storage\/bucket:Bucket: the lab's stand-in plugin has no such type, only gcp:compute\/address:Address, .*; put the real/,
    );
    await expect(provider.invoke("gcp:compute/getImage:getImage", {})).rejects.toThrow(
      "gcp:compute/getImage:getImage: the lab's stand-in plugin has no such function, only gcp:container/getCluster",
    );
  });

  test("is what a program forgot", async () => {
    const prefix = "gcp:compute/publicDelegatedPrefix:PublicDelegatedPrefix";
    const { failures } = await provider.check(urn(prefix), {}, { ipCidrRange: "198.51.100.0/28" }, SEED);
    expect(failures.map(({ property }) => property)).toEqual(["parentPrefix", "region"]);
  });
});

test("settings come from the program, else from the variables that the real plugin reads", () => {
  const env = { GOOGLE_CLOUD_PROJECT: "other", GOOGLE_REGION: "us-east1", CLOUDSDK_COMPUTE_ZONE: "us-east1-b" };
  expect(readSettings({ project: "core" }, env)).toEqual({ project: "core", region: "us-east1", zone: "us-east1-b" });
  expect(controlPlane({ PODPIN_GCP_CONTROL_PLANE: '{"endpoint":"127.0.0.1:6443","ca":"Q0E="}' })).toEqual({
    endpoint: "127.0.0.1:6443",
    ca: "Q0E=",
  });
  expect(controlPlane({}).endpoint).toBe("192.0.2.10");
});
