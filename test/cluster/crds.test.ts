// The definitions at a real API server: it takes them, and it decides what an object may be.
import { addressBinding, gkeApi } from "../../lib/crds";
import { planController } from "../../lib/model/controller";
import { controllerObjects } from "../../lib/model/controller-manifests";
import { Problems } from "../../lib/model/problems";
import type { ControlPlane } from "../../lab/cluster/control-plane";
import { loopbackControlPlane } from "../support/control-plane";

jest.setTimeout(60_000);

let cluster: ControlPlane;
/** What kubectl says, whether it succeeds or not. */
async function kubectl(args: readonly string[], object?: object): Promise<string> {
  try {
    return await cluster.kubectl(args, object === undefined ? undefined : JSON.stringify(object));
  } catch (error) {
    return (error as Error).message;
  }
}
const apply = (object: object) => kubectl(["apply", "-f", "-"], object);

beforeAll(async () => {
  cluster = await loopbackControlPlane();
  for (const definition of [addressBinding, ...gkeApi]) {
    // A warning, for example of a schema that is not structural, is an error here.
    await cluster.kubectl(["create", "--warnings-as-errors", "-f", "-"], JSON.stringify(definition));
  }
  await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  // Building the parts, where nobody has done it yet, takes longer than any test.
}, 1_800_000);

afterAll(async () => {
  await cluster?.stop();
});

test("no definition has a condition that complains", async () => {
  const { items } = JSON.parse(await cluster.kubectl(["get", "crd", "-o", "json"])) as {
    items: { metadata: { name: string }; status: { conditions: { type: string; status: string }[] } }[];
  };
  expect(items.map(({ metadata }) => metadata.name).sort()).toEqual([
    "addressbindings.podpin.dev",
    "gkeiproutes.networking.gke.io",
    "gkenetworkparamsets.networking.gke.io",
    "networks.networking.gke.io",
  ]);
  for (const { status } of items) {
    expect(status.conditions.map(({ type, status: value }) => `${type}=${value}`).sort()).toEqual([
      "Established=True",
      "NamesAccepted=True",
    ]);
  }
});

describe("a GKEIPRoute", () => {
  const route = (spec: object, name = "my-ip-route") => ({
    apiVersion: "networking.gke.io/v1",
    kind: "GKEIPRoute",
    metadata: { name, namespace: "default" },
    spec,
  });
  const howTo = {
    parentRefs: [{ name: "allowed-pod-ips", namespace: "default" }],
    addresses: [{ type: "gke.networking.io/cidr", value: "198.51.100.7/32" }],
    network: "default",
    reactionMode: "ReadyCondition",
    podSelector: { matchLabels: { component: "proxy" } },
  };

  test("is taken as the how-to has it", async () => {
    expect(await apply(route(howTo))).toContain("created");
  });

  test("gets GKE's defaults", async () => {
    const { addresses, podSelector } = howTo;
    const spare = {
      parentRefs: [{ name: "allowed-pod-ips" }],
      addresses: [{ value: addresses[0]!.value }],
      podSelector,
    };
    expect(await apply(route(spare, "spare"))).toContain("created");
    const { spec } = JSON.parse(await cluster.kubectl(["get", "gkeiproute", "spare", "-o", "json"])) as {
      spec: object;
    };
    expect(spec).toEqual({
      parentRefs: [{ group: "gateway.networking.k8s.io", kind: "Gateway", name: "allowed-pod-ips" }],
      addresses: [{ type: "IPAddress", value: "198.51.100.7/32" }],
      podSelector,
      network: "default",
      reactionMode: "ReadyCondition",
    });
  });

  // These are the controller's to refuse, each with a condition of its own; GKE's schema takes them.
  test.each<[string, object]>([
    ["a range", { addresses: [{ type: "gke.networking.io/cidr", value: "10.0.0.5/24" }] }],
    ["an address that is none", { addresses: [{ type: "gke.networking.io/cidr", value: "nonsense" }] }],
    ["an empty selector", { podSelector: {} }],
    ["no parent", { parentRefs: undefined }],
    [
      "more than 16 addresses",
      { addresses: Array.from({ length: 17 }, (_, index) => ({ value: `203.0.113.${index + 1}/32` })) },
    ],
    ["an operator that does not exist", { podSelector: { matchExpressions: [{ key: "a", operator: "Near" }] } }],
  ])("is taken with %s", async (what, change) => {
    const name = what.replaceAll(" ", "-");
    expect(await apply(route({ ...howTo, ...change }, name))).toContain("created");
  });

  test.each<[string, object, string]>([
    ["no addresses", { addresses: [] }, "spec.addresses: Invalid value"],
    ["no selector", { podSelector: undefined }, "spec.podSelector: Required value"],
    ["an unknown reaction mode", { reactionMode: "Ready" }, "spec.reactionMode: Unsupported value"],
    ["a parent without a name", { parentRefs: [{ namespace: "default" }] }, "spec.parentRefs[0].name: Required value"],
    [
      "a type without its domain",
      { addresses: [{ type: "cidr", value: "198.51.100.7/32" }] },
      "spec.addresses[0].type",
    ],
    [
      "an address without a value",
      { addresses: [{ type: "gke.networking.io/cidr" }] },
      "spec.addresses[0].value: Required",
    ],
    ["a load balancing without a health check", { loadBalancing: {} }, "healthCheckName: Required value"],
    ["a field that nobody knows", { replicas: 2 }, 'unknown field "spec.replicas"'],
  ])("is refused with %s", async (_, change, message) => {
    expect(await apply(route({ ...howTo, ...change }, "refused"))).toContain(message);
  });

  test("keeps its haPolicy, and may change everything else, as GKE's schema has it", async () => {
    expect(await apply(route({ ...howTo, haPolicy: true }, "ha"))).toContain("created");
    expect(await apply(route({ ...howTo, haPolicy: false }, "ha"))).toContain("haPolicy is fixed after creation");
    expect(await apply(route({ ...howTo, haPolicy: true, network: "blue" }, "ha"))).toContain("configured");
  });
});

describe("multi-network objects", () => {
  const network = (spec: object) => ({
    apiVersion: "networking.gke.io/v1",
    kind: "Network",
    metadata: { name: "blue" },
    spec,
  });
  const paramSet = (spec: object) => ({
    apiVersion: "networking.gke.io/v1",
    kind: "GKENetworkParamSet",
    metadata: { name: "blue" },
    spec,
  });
  const parametersRef = { group: "networking.gke.io", kind: "GKENetworkParamSet", name: "blue" };

  test("are taken as GKE's documents have them", async () => {
    expect(await apply(network({ type: "L3", parametersRef }))).toContain("created");
    const spec = { vpc: "blue", vpcSubnet: "blue", podIPv4Ranges: { rangeNames: ["pods"] } };
    expect(await apply(paramSet(spec))).toContain("created");
  });

  test("are refused where GKE refuses them", async () => {
    expect(await apply(network({ type: "L4" }))).toContain("spec.type: Unsupported value");
    expect(await apply(network({ type: "L2", l2NetworkConfig: { vlanID: 4095 } }))).toContain(
      "spec.l2NetworkConfig.vlanID",
    );
    expect(await apply(paramSet({ podIPv4Ranges: { rangeNames: [] } }))).toContain("spec.podIPv4Ranges.rangeNames");
    expect(await apply(paramSet({ deviceMode: "SR-IOV" }))).toContain("spec.deviceMode: Unsupported value");
  });
});

describe("an AddressBinding", () => {
  const uid = "0c9bd0c0-6a3b-4d3c-8a0a-7d3c1a5d9e11";
  const owned = {
    address: "198.51.100.7",
    epoch: 5,
    route: { namespace: "default", name: "my-ip-route", uid },
    nodeName: "node1",
    owner: { podName: "proxy-ss-1", podUid: uid, podIp: "10.8.1.5" },
    delivery: "nat",
    fabric: "l2",
    network: "default",
  };
  const binding = (change: object = {}, name = owned.address) => ({
    apiVersion: "podpin.dev/v1alpha1",
    kind: "AddressBinding",
    metadata: { name },
    spec: { ...owned, ...change },
  });
  const replace = (change: object) => kubectl(["replace", "-f", "-"], binding(change));

  beforeEach(async () => {
    await cluster.kubectl(["delete", "addressbindings", "--all"]);
    await cluster.kubectl(["create", "-f", "-"], JSON.stringify(binding()));
  });

  test.each<[string, object, string]>([
    ["another name than its address", { address: "198.51.100.8" }, "metadata.name must be the address"],
    ["a CIDR as address", { address: "198.51.100.7/32" }, "spec.address"],
    ["a leading zero", { address: "198.51.100.07" }, "spec.address"],
    ["epoch 0", { epoch: 0 }, "spec.epoch"],
    ["an unknown delivery", { delivery: "dnat" }, "spec.delivery: Unsupported value"],
    ["an unknown fabric", { fabric: "bgp" }, "spec.fabric: Unsupported value"],
    ["an owner without a node", { nodeName: "" }, "nodeName is set exactly while there is an owner"],
    ["a node without an owner", { owner: undefined }, "nodeName is set exactly while there is an owner"],
    [
      "a standby on the owner's node",
      { standby: { nodeName: "node1", podName: "q", podUid: uid, podIp: "10.8.1.6" } },
      "standby is on another node than the owner",
    ],
    [
      "a standby of nobody",
      {
        nodeName: "",
        owner: undefined,
        standby: { nodeName: "node2", podName: "q", podUid: uid, podIp: "10.8.1.6" },
      },
      "standby is on another node than the owner",
    ],
    ["an owner without a UID", { owner: { podName: "p", podIp: "10.8.1.5" } }, "spec.owner.podUid: Required value"],
  ])("is refused with %s", async (_, change, message) => {
    const name = "203.0.113.1";
    const address = (change as { address?: string }).address ?? name;
    expect(await kubectl(["create", "-f", "-"], binding({ ...change, address }, name))).toContain(message);
  });

  test("keeps its address", async () => {
    expect(await replace({ address: "198.51.100.9", epoch: 6 })).toContain("address is fixed after creation");
  });

  test("never goes back to a lower epoch", async () => {
    expect(await replace({ epoch: 4 })).toContain("epoch never decreases");
  });

  test("leaves room above whatever its epoch is edited to", async () => {
    const TOO_HIGH = "epoch above 4503599627370497 grows by 1 at a time, so that there is always a higher one";
    expect(await replace({ epoch: Number.MAX_SAFE_INTEGER })).toContain(TOO_HIGH);
    for (const epoch of ["9007199254740992", "9223372036854775807"]) {
      const patch = ["patch", "addressbinding", owned.address, "--type=merge", "-p", `{"spec":{"epoch":${epoch}}}`];
      expect(await kubectl(patch, {})).toContain("should be less than or equal to 9007199254740991");
    }
    expect(await replace({ epoch: 4503599627370497 })).toContain("replaced");
    expect(await replace({ epoch: 4503599627370498, nodeName: "node2" })).toContain("replaced");
    expect(await replace({ epoch: 4503599627370500 })).toContain(TOO_HIGH);
  });

  test.each<[string, object]>([
    ["node", { nodeName: "node2" }],
    ["Pod", { owner: { ...owned.owner, podUid: "5f8e3c52-9f6c-4f6c-b5f5-0d0b7f5f6f10" } }],
    ["Pod's address", { owner: { ...owned.owner, podIp: "10.8.1.6" } }],
    ["owner", { nodeName: "", owner: undefined }],
  ])("changes its %s only together with a higher epoch", async (_, change) => {
    expect(await replace(change)).toContain("epoch must grow when owner or nodeName changes");
    expect(await replace({ ...change, epoch: 6 })).toContain("replaced");
  });

  test("may forget whom it waits for without a new epoch", async () => {
    const releasing = { nodeName: "node2", epoch: 4, forwardTo: "192.168.0.11", wait: true };
    expect(await replace({ releasing })).toContain("replaced");
    expect(await replace({ releasing: { ...releasing, wait: false } })).toContain("replaced");
    expect(await replace({})).toContain("replaced");
  });

  test("changes its standby without a new epoch", async () => {
    const standby = { nodeName: "node2", podName: "q", podUid: uid, podIp: "10.8.2.5" };
    expect(await replace({ standby })).toContain("replaced");
    expect(await replace({ standby: { ...standby, nodeName: "node3" } })).toContain("replaced");
    const at = ["get", "addressbinding", owned.address, "-o", "jsonpath={.spec.standby.nodeName}"];
    expect(await cluster.kubectl(at)).toBe("node3");
    expect(await replace({})).toContain("replaced");
    expect(await cluster.kubectl(at)).toBe("");
  });

  test("is found by the node that delivers, by the node that lets go and by the node that could take over", async () => {
    const releasing = { nodeName: "node2", epoch: 4, forwardTo: "", wait: false };
    const standby = { nodeName: "node3", podName: "q", podUid: uid, podIp: "10.8.3.5" };
    expect(await replace({ releasing, standby })).toContain("replaced");
    const found = (selector: string) =>
      kubectl(["get", "addressbindings", "-o", "name", `--field-selector=${selector}`]);
    expect(await found("spec.nodeName=node1")).toBe("addressbinding.podpin.dev/198.51.100.7\n");
    expect(await found("spec.releasing.nodeName=node2")).toBe("addressbinding.podpin.dev/198.51.100.7\n");
    expect(await found("spec.standby.nodeName=node3")).toBe("addressbinding.podpin.dev/198.51.100.7\n");
    expect(await found("spec.nodeName=node2")).not.toContain("198.51.100.7");
  });

  test("holds one acknowledgement per node, each applied by its own agent", async () => {
    const acknowledge = (nodeName: string, epoch: number) =>
      kubectl(
        ["apply", "--server-side", "--subresource=status", `--field-manager=podpin-agent-${nodeName}`, "-f", "-"],
        {
          apiVersion: "podpin.dev/v1alpha1",
          kind: "AddressBinding",
          metadata: { name: owned.address },
          status: { acks: [{ nodeName, epoch, podUid: uid, state: "Announced" }] },
        },
      );
    expect(await acknowledge("node1", 5)).toContain("serverside-applied");
    expect(await acknowledge("node2", 4)).toContain("serverside-applied");
    expect(await acknowledge("node1", 6)).toContain("serverside-applied");
    const path = "{range .status.acks[*]}{.nodeName}={.epoch} {end}";
    const acks = await cluster.kubectl(["get", "addressbinding", owned.address, "-o", `jsonpath=${path}`]);
    expect(acks.trim().split(" ").sort()).toEqual(["node1=6", "node2=4"]);
  });

  test("shows who has the address where", async () => {
    const [head = "", row = ""] = (await cluster.kubectl(["get", "addressbindings"])).split("\n");
    expect(head.trim().split(/\s+/)).toEqual(["NAME", "ADDRESS", "POD", "NODE", "EPOCH", "ROUTE", "AGE"]);
    expect(row.trim().split(/\s+/).slice(0, 6)).toEqual([
      "198.51.100.7",
      "198.51.100.7",
      "proxy-ss-1",
      "node1",
      "5",
      "my-ip-route",
    ]);
  });
});

// The classes are left out: their kind is the Gateway API's, which this cluster does not have.
test("the API server knows every field of what PersistentIpController declares", async () => {
  const image = "registry.example.com/podpin:0.1.0";
  const declared = controllerObjects(planController({ image }, new Problems()), image)
    .map(({ object }) => object)
    .filter(({ kind }) => kind !== "GatewayClass");
  expect(declared.length).toBeGreaterThan(10);
  for (const object of declared) {
    expect(await kubectl(["apply", "--warnings-as-errors", "--validate=strict", "-f", "-"], object)).toMatch(
      /created|configured/,
    );
  }
});
