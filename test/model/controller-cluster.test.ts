// A controller on a cluster that is known, and what limits it there: identity, network, disruption, tokens.
import { type ControllerInput, planController } from "../../lib/model/controller";
import { controllerObjects, type DeclaredObject } from "../../lib/model/controller-manifests";
import {
  controllerPermissions,
  controllerPrincipal,
  hostProjectPermissions,
  type RoleOptions,
  workloadPoolOf,
} from "../../lib/model/iam";
import { LATER } from "../../lib/model/later";
import { GoogleCloudDriver } from "../../lib/model/google-cloud";
import { Problems } from "../../lib/model/problems";
import { clusterFacts } from "../support/cluster-facts";

const image = "registry.example.com/podpin:0.1.0";

function lines(input: Partial<ControllerInput>): readonly string[] {
  const problems = new Problems();
  planController({ image, ...input }, problems);
  return problems.lines;
}

function objects(input: Partial<ControllerInput> = {}): readonly DeclaredObject[] {
  return controllerObjects(planController({ image, ...input }, new Problems()), image);
}

const WHY_NOT_DATAPLANE_V2 =
  "has Dataplane V2, whose node agent acts on every GKEIPRoute that is Accepted with a Pod in its status, whoever wrote " +
  "that, and before podpin's own rules: leave PersistentIpController out to have GKE's own controller, or set " +
  'dataplaneV2: "experimental"';
const google = { googleCloudProject: "my-project", googleCloudProjectNumber: "123456789012" };

test.each<[string, Partial<ControllerInput>, string[]]>([
  [
    "Dataplane V2",
    { cluster: clusterFacts({ dataplaneV2: true }) },
    [`dataplaneV2: got nothing; cluster "core" ${WHY_NOT_DATAPLANE_V2}`],
  ],
  [
    "Dataplane V2 of a cluster whose name comes later",
    { cluster: clusterFacts({ dataplaneV2: true, name: LATER }) },
    [`dataplaneV2: got nothing; the cluster ${WHY_NOT_DATAPLANE_V2}`],
  ],
  [
    "GKE's six classes on GKE",
    { cluster: clusterFacts(), gkeClassFabric: "l2" },
    [
      'gkeClassFabric: got "l2"; cluster "core" is GKE, where these six classes are Google\'s: leave it out, and use podpin\'s own, for example "podpin-l2"',
    ],
  ],
  [
    "an identity on a cluster without Workload Identity",
    { ...google, cluster: clusterFacts({ workloadPool: "" }) },
    [
      'workloadPool: got nothing; cluster "core" has no Workload Identity, by which Google Cloud knows the controller: switch it on, or leave out googleCloudProject',
    ],
  ],
  [
    "parts of an identity without a project",
    { googleCloudProjectNumber: "123456789012", workloadPool: LATER, googleCloudRoleId: "podpin" },
    [
      "googleCloudProject: got nothing; googleCloudProjectNumber is set, which needs it: give the id of the project, or leave out googleCloudProjectNumber",
      "googleCloudProject: got nothing; workloadPool is set, which needs it: give the id of the project, or leave out workloadPool",
      "googleCloudProject: got nothing; googleCloudRoleId is set, which needs it: give the id of the project, or leave out googleCloudRoleId",
    ],
  ],
  [
    "a project without its number",
    { googleCloudProject: LATER },
    [
      'googleCloudProjectNumber: got nothing; use the number of the project, for example "123456789012"; `gcloud projects describe` shows it as projectNumber',
    ],
  ],
  [
    "id and number in each other's place, a pool that is none, and a role id with a hyphen",
    {
      googleCloudProject: "123456789012",
      googleCloudProjectNumber: "my-project",
      workloadPool: "my-project",
      googleCloudRoleId: "podpin-controller",
    },
    [
      'googleCloudProject: got "123456789012"; that is the number of a project: give it as googleCloudProjectNumber, and the id here',
      'googleCloudProjectNumber: got "my-project"; use the number of the project, for example "123456789012"; `gcloud projects describe` shows it as projectNumber',
      'workloadPool: got "my-project"; use the pool of Workload Identity, "<project id>.svc.id.goog", or leave it out for the project\'s own',
      'googleCloudRoleId: got "podpin-controller"; use 3 to 64 letters, digits, "_" and "."',
    ],
  ],
  [
    "a project's name",
    { ...google, googleCloudProject: "My project" },
    ['googleCloudProject: got "My project"; use the id of a project, for example "my-project"'],
  ],
])("says what is wrong with %s", (_, input, expected) => {
  expect(lines(input)).toEqual(expected);
});

test.each<[string, Partial<ControllerInput>]>([
  [
    "Dataplane V2 where that is said aloud",
    { cluster: clusterFacts({ dataplaneV2: true }), dataplaneV2: "experimental" },
  ],
  [
    "a cluster of which nothing is known yet",
    { cluster: clusterFacts({ dataplaneV2: LATER, workloadPool: LATER }), ...google },
  ],
  ["a project of an older organisation", { ...google, googleCloudProject: "example.com:my-project" }],
])("takes %s", (_, input) => {
  expect(lines(input)).toEqual([]);
});

test("tells the controller the ranges of the cluster that are known, unless others are given", () => {
  const cidrs = (input: Partial<ControllerInput>) => planController({ image, ...input }, new Problems()).clusterCidrs;
  expect(cidrs({ cluster: clusterFacts() })).toEqual(["10.8.0.0/14", "10.4.0.0/20"]);
  expect(cidrs({ cluster: clusterFacts({ podCidr: LATER, serviceCidr: "" }) })).toEqual([]);
  expect(cidrs({ cluster: clusterFacts(), clusterCidrs: [] })).toEqual([]);
});

test("names the controller to Google Cloud by the project's number and its pool", () => {
  expect(controllerPrincipal("123456789012", workloadPoolOf(undefined, undefined, "my-project"), "tools")).toBe(
    "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/my-project.svc.id.goog" +
      "/subject/ns/tools/sa/podpin-controller",
  );
  const cluster = clusterFacts({ workloadPool: "core-project.svc.id.goog" });
  expect(workloadPoolOf(undefined, cluster, "my-project")).toBe("core-project.svc.id.goog");
  expect(workloadPoolOf("other.svc.id.goog", cluster, "my-project")).toBe("other.svc.id.goog");
});

test.each<[string, Partial<ControllerInput>, string[]]>([
  [
    "another driver",
    { ...google, googleCloudDriver: "HaPolicy" as never },
    ['googleCloudDriver: got "HaPolicy"; use "ha-policy"'],
  ],
  [
    "an endpoint that is no Compute API",
    { ...google, googleCloudEndpoint: "https://example.com" },
    [
      'googleCloudEndpoint: got "https://example.com"; use a URL that ends with /compute/v1/, for example "https://compute.googleapis.com/compute/v1/"',
    ],
  ],
  [
    "a range with host bits, and a tag that is none",
    { ...google, googleCloudFirewallSources: ["203.0.113.9/24", "all"], googleCloudFirewallTags: ["Nodes"] },
    [
      'googleCloudFirewallSources[0]: got "203.0.113.9/24"; use "203.0.113.0/24"',
      'googleCloudFirewallSources[1]: got "all"; use an IPv4 range, for example "203.0.113.0/24"',
      expect.stringMatching(/^googleCloudFirewallTags\[0\]: got "Nodes"; /) as never,
    ],
  ],
  [
    "no range at all",
    { ...google, googleCloudFirewallSources: [] },
    ["googleCloudFirewallSources: got []; use at least one range, or leave it out to make no firewall rules"],
  ],
  [
    "tags of no rule",
    { ...google, googleCloudFirewallTags: ["nodes"] },
    [
      'googleCloudFirewallTags: got ["nodes"]; without googleCloudFirewallSources there is no rule that they could be of: give it too, or leave these out',
    ],
  ],
  [
    "a host project that is the project itself",
    { ...google, googleCloudHostProject: "my-project" },
    [
      'googleCloudHostProject: got "my-project"; that is googleCloudProject itself: leave it out, it is for a network of another project',
    ],
  ],
  [
    "a host project by its number",
    { ...google, googleCloudHostProject: "210987654321" },
    ['googleCloudHostProject: got "210987654321"; use the id of a project, for example "my-project"'],
  ],
  [
    "a host project without a project",
    { googleCloudHostProject: LATER },
    [
      "googleCloudProject: got nothing; googleCloudHostProject is set, which needs it: give the id of the project, or leave out googleCloudHostProject",
    ],
  ],
  [
    "lost Pods without a project",
    { replaceLostPods: true },
    [
      "googleCloudProject: got nothing; replaceLostPods is set, which needs it: give the id of the project, or leave out replaceLostPods",
    ],
  ],
])("on Google Cloud %s is refused", (_what, input, expected) => {
  expect(lines(input)).toEqual(expected);
});

const asked = (options: RoleOptions): string[] =>
  controllerPermissions(options).map((permission) => permission.replace("compute.", ""));
const difference = (options: RoleOptions) => {
  const [before, after] = [asked({}), asked(options)];
  return {
    more: after.filter((permission) => !before.includes(permission)),
    less: before.filter((permission) => !after.includes(permission)),
  };
};

test("asks for other permissions by driver, and for those of firewalls only where it makes them", () => {
  expect(difference({ googleCloudDriver: "ha-policy" })).toEqual({
    more: [],
    less: [],
  });
  expect(difference({ googleCloudFirewallSources: ["203.0.113.0/24"] })).toEqual({
    more: [
      ...["create", "delete", "get", "list", "update"].map((verb) => `firewalls.${verb}`),
      "globalOperations.get",
      "networks.updatePolicy",
    ],
    less: [],
  });
  const { more, less } = difference({ googleCloudDriver: "target-instance" });
  expect(more).toEqual([
    "forwardingRules.setTarget",
    ...["create", "delete", "get", "list", "use"].map((verb) => `targetInstances.${verb}`),
  ]);
  expect([...new Set(less.map((permission) => permission.split(".")[0]))]).toEqual([
    "networkEndpointGroups",
    "regionBackendServices",
  ]);
});

test("asks of a Shared VPC's host project for what is the network's, and of its own for the rest", () => {
  for (const firewall of [{}, { googleCloudFirewallSources: ["203.0.113.0/24"] }]) {
    const there = hostProjectPermissions({ ...firewall, sharedVpc: true });
    expect([...controllerPermissions({ ...firewall, sharedVpc: true }), ...there].sort()).toEqual(
      controllerPermissions(firewall),
    );
    expect(hostProjectPermissions(firewall)).toEqual([]);
  }
  expect(hostProjectPermissions({ sharedVpc: true })).toEqual(["compute.networks.use", "compute.subnetworks.use"]);
});

test("never asks to change addresses, instances or who may do what", () => {
  for (const googleCloudDriver of Object.values(GoogleCloudDriver)) {
    const all = asked({ googleCloudDriver, googleCloudFirewallSources: ["0.0.0.0/0"] });
    expect(all.filter((permission) => /^(addresses|instances)\./.test(permission)).sort()).toEqual([
      "addresses.list",
      "addresses.use",
      "addresses.useInternal",
      "instances.get",
      "instances.use",
    ]);
    expect(all.join()).not.toMatch(/iam|setIamPolicy/i);
  }
});

test("asks Google Cloud for these permissions and no others", () => {
  expect(asked({}).sort()).toEqual(asked({}));
  expect(asked({})).toMatchInlineSnapshot(`
   [
     "addresses.list",
     "addresses.use",
     "addresses.useInternal",
     "forwardingRules.create",
     "forwardingRules.delete",
     "forwardingRules.get",
     "forwardingRules.list",
     "instances.get",
     "instances.use",
     "networkEndpointGroups.attachNetworkEndpoints",
     "networkEndpointGroups.create",
     "networkEndpointGroups.delete",
     "networkEndpointGroups.detachNetworkEndpoints",
     "networkEndpointGroups.get",
     "networkEndpointGroups.list",
     "networkEndpointGroups.use",
     "networks.use",
     "regionBackendServices.create",
     "regionBackendServices.delete",
     "regionBackendServices.get",
     "regionBackendServices.list",
     "regionBackendServices.update",
     "regionBackendServices.use",
     "regionOperations.get",
     "regions.get",
     "subnetworks.use",
     "zoneOperations.get",
   ]
  `);
});

/** One of the declared objects, as far as a test reads it. */
const specOf = (key: string, input: Partial<ControllerInput> = {}) =>
  (objects(input).find((one) => one.key === key)?.object as { spec?: unknown } | undefined)?.spec;

test("lets the controller out to the API server and the agents alone, and in to its health port", () => {
  const tcp = (...ports: number[]) => ports.map((port) => ({ protocol: "TCP", port }));
  const podSelector = {
    matchLabels: { "app.kubernetes.io/component": "controller", "app.kubernetes.io/name": "podpin" },
  };
  const policyTypes = ["Ingress", "Egress"];
  const ingress = [{ ports: tcp(8081) }];
  const heartbeats = { ports: [{ protocol: "UDP", port: 9480 }, ...tcp(9480)] };
  const key = "controller-networkpolicy";
  expect(specOf(key)).toEqual({
    podSelector,
    policyTypes,
    ingress,
    egress: [{ ports: tcp(443, 6443, 8443) }, heartbeats],
  });
  expect(specOf(key, { networkPolicy: false })).toBeUndefined();
  expect(specOf(key, { apiServerPorts: [16443], ...google })).toEqual({
    podSelector,
    policyTypes,
    ingress,
    egress: [
      { ports: tcp(16443, 443) },
      heartbeats,
      { ports: [{ protocol: "UDP", port: 53 }, ...tcp(53)] },
      { to: [{ ipBlock: { cidr: "169.254.169.254/32" } }], ports: tcp(80, 8080) },
      { to: [{ ipBlock: { cidr: "169.254.169.252/32" } }], ports: tcp(987, 988) },
    ],
  });
});

test.each([
  ["https://compute-mine.p.googleapis.com/compute/v1/", [16443, 443]],
  ["https://compute.example.com:8443/compute/v1/", [16443, 443, 8443]],
  ["http://compute.example.com/compute/v1/", [16443, 443, 80]],
])("lets the controller out to the Compute API at %s", (googleCloudEndpoint, ports) => {
  const policy = specOf("controller-networkpolicy", { apiServerPorts: [16443], ...google, googleCloudEndpoint });
  expect((policy as { egress: [{ ports: { port: number }[] }] }).egress[0].ports.map(({ port }) => port)).toEqual(
    ports,
  );
});

test("lets a drain take one controller at a time", () => {
  expect(specOf("controller-disruptionbudget")).toMatchObject({ maxUnavailable: 1 });
});

test("mounts a token into the Pods that use it, and into no others of the account", () => {
  const accounts = objects().filter(({ object }) => object.kind === "ServiceAccount");
  expect(accounts.map(({ object }) => object)).toMatchObject([
    { automountServiceAccountToken: false },
    { automountServiceAccountToken: false },
  ]);
  for (const key of ["controller", "agent"]) {
    expect(specOf(key)).toMatchObject({ template: { spec: { automountServiceAccountToken: true } } });
  }
});
