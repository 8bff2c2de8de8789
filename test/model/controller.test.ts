import { type ControllerInput, planController } from "../../lib/model/controller";
import { controllerObjects, type DeclaredObject } from "../../lib/model/controller-manifests";
import { Problems } from "../../lib/model/problems";
import { LATER } from "../../lib/model/later";
import {
  agentClusterRules,
  agentNamespaceRules,
  controllerClusterRules,
  controllerNamespaceRules,
} from "../../lib/model/rbac";

const image = "registry.example.com/podpin:0.1.0";

function lines(input: Partial<ControllerInput>): readonly string[] {
  const problems = new Problems();
  planController({ image, ...input }, problems);
  return problems.lines;
}

function objects(input: Partial<ControllerInput> = {}): readonly DeclaredObject[] {
  const problems = new Problems();
  const declared = controllerObjects(planController({ image, ...input }, problems), image);
  expect(problems.lines).toEqual([]);
  return declared;
}

const IMAGE_HELP =
  'use the reference of podpin\'s image, best with its digest, for example "registry.example.com/podpin@sha256:…"';

test.each<[string, Partial<ControllerInput>, string[]]>([
  ["no image", { image: undefined }, [`image: got nothing; ${IMAGE_HELP}`]],
  ["a blank in the image", { image: "podpin latest" }, [`image: got "podpin latest"; ${IMAGE_HELP}`]],
  ["a namespace in capitals", { namespace: "Podpin_System" }, ['namespace: got "Podpin_System"; use "podpin-system"']],
  ["a fabric that is Google's", { gkeClassFabric: "gce" as never }, ['gkeClassFabric: got "gce"; use "l2" or "none"']],
  [
    "host bits in a range",
    { clusterCidrs: ["10.9.0.1/14"] },
    ['clusterCidrs[0]: got "10.9.0.1/14"; use "10.8.0.0/14"'],
  ],
  [
    "something that is no range",
    { clusterCidrs: ["10.8.0.0"] },
    ['clusterCidrs[0]: got "10.8.0.0"; use an IPv4 range, for example "10.8.0.0/14"'],
  ],
  [
    "an interface name that is too long",
    { uplink: "a-very-long-interface" },
    ['uplink: got "a-very-long-interface"; use the name of a network interface, at most 15 characters without blanks'],
  ],
  ["an empty node selector", { nodeSelector: {} }, ["nodeSelector: got {}; leave it out for every node"]],
  [
    "an unknown operator and effect",
    { tolerations: [{ operator: "exists", effect: "Never" }] },
    [
      'tolerations[0].operator: got "exists"; use "Exists"',
      'tolerations[0].effect: got "Never"; use "NoSchedule", "PreferNoSchedule" or "NoExecute"',
    ],
  ],
  [
    "an unknown way to use Dataplane V2",
    { dataplaneV2: "Experimental" as never },
    ['dataplaneV2: got "Experimental"; use "experimental"'],
  ],
  [
    "no port of the API server",
    { apiServerPorts: [] },
    ["apiServerPorts: got []; use at least one port, or set networkPolicy: false"],
  ],
  [
    "a port that is none",
    { apiServerPorts: [443, 0, 70000] },
    [
      "apiServerPorts[1]: got 0; use a TCP port, a whole number from 1 to 65535",
      "apiServerPorts[2]: got 70000; use a TCP port, a whole number from 1 to 65535",
    ],
  ],
])("says what is wrong with %s", (_, input, expected) => {
  expect(lines(input)).toEqual(expected);
});

const built = { image: undefined, canBuild: true, imageRepository: "registry.example.com/tools/podpin" };

test.each<[string, Partial<ControllerInput>, string[]]>([
  [
    "neither image nor repository",
    { image: undefined, canBuild: true },
    [`image: got nothing; ${IMAGE_HELP}, or set imageRepository to have it built`],
  ],
  [
    "both image and repository",
    { ...built, image },
    ['image: got "registry.example.com/podpin:0.1.0"; imageRepository is set as well: leave out one of the two'],
  ],
  [
    "an image that comes later, and a repository",
    { ...built, image: LATER },
    ["image: got a value that comes later; imageRepository is set as well: leave out one of the two"],
  ],
  [
    "a base and processors for an image that exists",
    { imageBase: LATER, imagePlatforms: ["linux/arm64"] },
    [
      "imageBase: got a value that comes later; only an image that is built has it: set imageRepository, or leave it out",
      'imagePlatforms: got ["linux/arm64"]; only an image that is built has it: set imageRepository, or leave it out',
    ],
  ],
  [
    "a repository with a tag",
    { ...built, imageRepository: "registry.example.com:5000/tools/podpin:0.1.0" },
    [
      'imageRepository: got "registry.example.com:5000/tools/podpin:0.1.0"; use the repository alone, the tag is podpin\'s version: "registry.example.com:5000/tools/podpin"',
    ],
  ],
  [
    "something that is no repository, a base that is none, and an unknown processor",
    { ...built, imageRepository: "https://registry.example.com", imageBase: "Debian 13", imagePlatforms: ["amd64"] },
    [
      'imageRepository: got "https://registry.example.com"; use a repository that you may push to, for example "us-central1-docker.pkg.dev/my-project/tools/podpin"',
      'imageBase: got "Debian 13"; use the reference of a Debian image with Node.js 24, best with its digest, for example "node:24-bookworm-slim@sha256:…"',
      'imagePlatforms[0]: got "amd64"; use "linux/amd64" or "linux/arm64"',
    ],
  ],
  [
    "no processor at all",
    { ...built, imagePlatforms: [] },
    ['imagePlatforms: got []; use "linux/amd64" or "linux/arm64", or leave it out'],
  ],
])("says what is wrong with %s", (_, input, expected) => {
  expect(lines(input)).toEqual(expected);
});

test.each(["podpin", "us-central1-docker.pkg.dev/my-project/tools/podpin", "localhost:5000/podpin"])(
  "builds the image for the repository %s",
  (imageRepository) => {
    expect(lines({ ...built, imageRepository, imagePlatforms: ["linux/amd64", "linux/arm64"] })).toEqual([]);
  },
);

test.each([
  "podpin",
  "localhost/podpin:0.1.0",
  "localhost:5000/tools/podpin:0.1.0",
  `us-central1-docker.pkg.dev/my-project/tools/podpin@sha256:${"0".repeat(64)}`,
])("takes the image reference %s", (reference) => {
  expect(lines({ image: reference })).toEqual([]);
});

test("declares these objects, in stages, under names that are contract", () => {
  expect(objects().map(({ stage, key, object }) => `${stage} ${key}: ${object.kind} ${object.metadata.name}`)).toEqual([
    "0 namespace: Namespace podpin-system",
    "1 crd-addressbindings: CustomResourceDefinition addressbindings.podpin.dev",
    "1 quota: ResourceQuota podpin-critical-pods",
    "1 controller-serviceaccount: ServiceAccount podpin-controller",
    "1 controller-clusterrole: ClusterRole podpin-controller",
    "1 controller-clusterrolebinding: ClusterRoleBinding podpin-controller",
    "1 controller-role: Role podpin-controller",
    "1 controller-rolebinding: RoleBinding podpin-controller",
    "1 agent-serviceaccount: ServiceAccount podpin-agent",
    "1 agent-clusterrole: ClusterRole podpin-agent",
    "1 agent-clusterrolebinding: ClusterRoleBinding podpin-agent",
    "1 agent-role: Role podpin-agent",
    "1 agent-rolebinding: RoleBinding podpin-agent",
    "1 agent-admissionpolicy: ValidatingAdmissionPolicy podpin-agent-acknowledgements",
    "1 agent-admissionpolicybinding: ValidatingAdmissionPolicyBinding podpin-agent-acknowledgements",
    "1 controller-networkpolicy: NetworkPolicy podpin-controller",
    "1 controller-disruptionbudget: PodDisruptionBudget podpin-controller",
    "1 class-podpin-regional-external: GatewayClass podpin-regional-external",
    "1 class-podpin-regional-internal: GatewayClass podpin-regional-internal",
    "1 class-podpin-l2: GatewayClass podpin-l2",
    "2 controller: Deployment podpin-controller",
    "2 agent: DaemonSet podpin-agent",
  ]);
});

test("leaves the namespace to the user when asked", () => {
  expect(objects({ createNamespace: false }).map(({ key }) => key)).not.toContain("namespace");
});

test("installs GKE's six class names under podpin's controller only when asked, on the fabric given", () => {
  const classes = (input: Partial<ControllerInput>) =>
    objects(input)
      .map(({ object }) => object as DeclaredObject["object"] & { spec?: { controllerName?: string } })
      .filter(({ kind, metadata }) => kind === "GatewayClass" && metadata.name.startsWith("gke-"));
  expect(classes({})).toEqual([]);
  expect(classes({ gkeClassFabric: "none" }).map(({ metadata }) => metadata.name)).toHaveLength(6);
  for (const { metadata, spec } of classes({ gkeClassFabric: "none" })) {
    expect(metadata.annotations).toEqual({ "podpin.dev/fabric": "none" });
    expect(spec?.controllerName).toBe("podpin.dev/persistent-ip-controller");
  }
});

test("hands the options on as flags of the programs", () => {
  type Workload = { spec: { template: { spec: { containers: { args: string[] }[] } } } };
  const args = (input: Partial<ControllerInput>, key: string) =>
    (objects(input).find((one) => one.key === key)?.object as unknown as Workload).spec.template.spec.containers[0]
      ?.args;
  expect(args({}, "controller")).toEqual(["controller", "--install-gke-api"]);
  expect(args({ installGkeApi: false, clusterCidrs: ["10.8.0.0/14", "10.96.0.0/16"] }, "controller")).toEqual([
    "controller",
    "--cluster-cidr=10.8.0.0/14",
    "--cluster-cidr=10.96.0.0/16",
  ]);
  expect(args({}, "agent")).toEqual(["agent"]);
  expect(args({ uplink: "eth1" }, "agent")).toEqual(["agent", "--uplink=eth1"]);
  expect(args({ interfaceDelivery: true }, "agent")).toEqual(["agent", "--interface-delivery"]);
});

test("lets agents enter Pods only where delivery interface is on", () => {
  const pod = (input: Partial<ControllerInput>) => {
    const agent = objects(input).find((one) => one.key === "agent")?.object as unknown as {
      spec: {
        template: {
          spec: {
            containers: { securityContext: { capabilities: { add: string[] } }; volumeMounts: { name: string }[] }[];
            volumes: { name: string }[];
          };
        };
      };
    };
    const { containers, volumes } = agent.spec.template.spec;
    return {
      capabilities: containers[0]?.securityContext.capabilities.add,
      mount: containers[0]?.volumeMounts.find(({ name }) => name === "pod-namespaces"),
      volume: volumes.find(({ name }) => name === "pod-namespaces"),
    };
  };
  expect(pod({})).toEqual({ capabilities: ["NET_ADMIN", "NET_RAW"], mount: undefined, volume: undefined });
  expect(pod({ interfaceDelivery: true })).toEqual({
    capabilities: ["NET_ADMIN", "NET_RAW", "SYS_ADMIN"],
    mount: {
      name: "pod-namespaces",
      mountPath: "/var/run/netns",
      readOnly: true,
      mountPropagation: "HostToContainer",
    },
    volume: { name: "pod-namespaces", hostPath: { path: "/var/run/netns", type: "DirectoryOrCreate" } },
  });
});

const shown = (rules: ReturnType<typeof agentClusterRules>) =>
  rules.map(({ apiGroups, resources, resourceNames, verbs }) => {
    const names = resourceNames === undefined ? "" : ` ${resourceNames.join(",")}`;
    return `${apiGroups.join(",")}/${resources.join(",")}${names}: ${verbs.join(" ")}`;
  });

const LEAST = { installGkeApi: false, googleCloud: false, replaceLostPods: false };

test("gives the controller these rights and no others", () => {
  expect(shown(controllerClusterRules(LEAST))).toMatchInlineSnapshot(`
   [
     "/pods: get list watch",
     "/nodes: get list watch",
     "/namespaces: get list watch",
     "networking.k8s.io/servicecidrs: get list watch",
     "gateway.networking.k8s.io/gatewayclasses: get list watch",
     "gateway.networking.k8s.io/gateways: get list watch",
     "networking.gke.io/networks: get list watch",
     "gateway.networking.k8s.io/gatewayclasses/status: update patch",
     "gateway.networking.k8s.io/gateways/status: update patch",
     "networking.gke.io/gkeiproutes: get list watch update patch",
     "networking.gke.io/gkeiproutes/finalizers: update",
     "networking.gke.io/gkeiproutes/status: update patch",
     "podpin.dev/addressbindings: get list watch create update patch delete",
     "podpin.dev/addressbindings/status: get patch",
     "apiextensions.k8s.io/customresourcedefinitions: get list watch",
     "events.k8s.io/events: create patch",
   ]
  `);
  expect(shown(controllerNamespaceRules())).toMatchInlineSnapshot(`
   [
     "/configmaps: create",
     "/configmaps podpin-cluster-ranges: get list watch update patch",
     "/secrets: create",
     "/secrets podpin-heartbeat-keys: get list watch update",
     "coordination.k8s.io/leases: create",
     "coordination.k8s.io/leases podpin-controller: get update",
   ]
  `);
});

test("lets the controller create definitions only where it installs GKE's API", () => {
  const changed = shown(controllerClusterRules({ ...LEAST, installGkeApi: true })).filter(
    (line) => !shown(controllerClusterRules(LEAST)).includes(line),
  );
  expect(changed).toEqual(["apiextensions.k8s.io/customresourcedefinitions: get list watch create"]);
});

test.each([
  [{ googleCloud: true }, ["networking.gke.io/gkenetworkparamsets: get list watch"]],
  [{ replaceLostPods: true }, ["/nodes: patch"]],
])("what is asked for besides needs no more than what it is for: %j", (more, rights) => {
  const least = shown(controllerClusterRules(LEAST));
  const all = shown(controllerClusterRules({ ...LEAST, ...more }));
  expect(all.filter((line) => !least.includes(line))).toEqual(rights);
  expect(least.filter((line) => !all.includes(line))).toEqual([]);
});

test("gives the agent these rights and no others", () => {
  expect(shown([...agentClusterRules(), ...agentNamespaceRules()])).toEqual([
    "podpin.dev/addressbindings: get list watch",
    "podpin.dev/addressbindings/status: patch",
    "/configmaps podpin-cluster-ranges: get list watch",
  ]);
});

test("declares the controller and the agent like this", () => {
  const workloads = objects().filter(({ stage }) => stage === 2);
  expect(workloads.map(({ object }) => object)).toMatchSnapshot();
});
