// What a controller registers besides the objects that it always has: on a cluster, with an image to build, with an
// identity in Google Cloud.
import * as pulumi from "@pulumi/pulumi";
import { Provider } from "@pulumi/kubernetes/provider";

import type { ClusterFacts } from "../../lib/model/cluster-facts";
import { controllerPermissions, hostProjectPermissions } from "../../lib/model/iam";
import { LATER } from "../../lib/model/later";
import { type PersistentIpCluster, PersistentIpController, type PersistentIpControllerArgs } from "../../lib/pulumi";
import { clusterFacts } from "../support/cluster-facts";
import { dependenciesOf, type Graph, graphOf, useMocks, valueOf } from "./graph";

useMocks({ preview: false });

const image = "registry.example.com/podpin:0.1.0";

/** A cluster with these facts; `later` are known only once they are settled. */
function clusterWith(facts: Partial<ClusterFacts>, ...later: (keyof ClusterFacts)[]): PersistentIpCluster {
  const settled = clusterFacts(facts);
  return {
    facts: { ...settled, ...Object.fromEntries(later.map((key) => [key, LATER])) },
    settled: pulumi.output(settled),
    provider: new Provider("core", {}),
  } as unknown as PersistentIpCluster;
}

const inputsOf = <T>({ registered }: Graph, type: string): T[] =>
  registered.filter((one) => one.type === type).map(({ inputs }) => inputs as T);

interface Workload {
  spec: { template: { spec: { containers: { args: string[]; image: string }[] } } };
}
const imageOf = ({ spec }: Workload) => spec.template.spec.containers[0]?.image;

function controllerArgsIn(graph: Graph): string[] | undefined {
  const [deployment] = inputsOf<Workload>(graph, "kubernetes:apps/v1:Deployment");
  return deployment?.spec.template.spec.containers[0]?.args;
}

const graphWith = (args: PersistentIpControllerArgs | (() => PersistentIpControllerArgs)): Promise<Graph> =>
  graphOf((opts) => new PersistentIpController("podpin", typeof args === "function" ? args() : args, opts));

describe("on a cluster", () => {
  test("uses its provider, unless the options name another one", async () => {
    const provided = async (provider?: () => pulumi.ProviderResource) => {
      let component: PersistentIpController | undefined;
      await graphOf((opts) => {
        const own = provider === undefined ? {} : { provider: provider() };
        component = new PersistentIpController("podpin", { image, cluster: clusterWith({}) }, { ...opts, ...own });
      });
      return (component?.getProvider("kubernetes:core/v1:Namespace") as unknown as { __name: string }).__name;
    };
    expect(await provided()).toBe("core");
    expect(await provided(() => new Provider("other", {}))).toBe("other");
  });

  test("takes its ranges, known now or later, unless others are given", async () => {
    const ranges = ["--cluster-cidr=10.8.0.0/14", "--cluster-cidr=10.4.0.0/20"];
    const argsWith = async (args: () => PersistentIpControllerArgs) => controllerArgsIn(await graphWith(args));
    expect(await argsWith(() => ({ image, cluster: clusterWith({}) }))).toEqual([
      "controller",
      "--install-gke-api",
      ...ranges,
    ]);
    expect(await argsWith(() => ({ image, cluster: clusterWith({}, "podCidr", "serviceCidr") }))).toEqual([
      "controller",
      "--install-gke-api",
      ...ranges,
    ]);
    expect(await argsWith(() => ({ image, cluster: clusterWith({}), clusterCidrs: ["10.0.0.0/8"] }))).toEqual([
      "controller",
      "--install-gke-api",
      "--cluster-cidr=10.0.0.0/8",
    ]);
  });

  test("runs beside Dataplane V2 when that is said aloud", async () => {
    const graph = await graphWith(() => ({
      image,
      cluster: clusterWith({ dataplaneV2: true }),
      dataplaneV2: "experimental",
    }));
    expect(inputsOf(graph, "kubernetes:apps/v1:DaemonSet")).toHaveLength(1);
  });

  test("makes nothing before the cluster is known and checked", async () => {
    const { options } = await graphWith(() => ({ image, cluster: clusterWith({}, "dataplaneV2") }));
    const gates = options
      .filter(({ type }) => type.startsWith("kubernetes:"))
      .map(({ options: { dependsOn } }) => dependsOn);
    expect(gates.length).toBeGreaterThan(20);
    expect(gates.filter((gate) => !pulumi.Output.isInstance(gate))).toEqual([]);
  });
});

test("its objects come after what it depends on, so that they go before it", async () => {
  const found = await dependenciesOf((opts) => {
    const nodes = new pulumi.ComponentResource("test:index:Nodes", "nodes", {}, opts);
    new PersistentIpController("podpin", { image: "registry.example.com/podpin:1" }, { ...opts, dependsOn: nodes });
  });
  const objects = found.filter(({ type }) => type.startsWith("kubernetes:"));
  expect(objects.length).toBeGreaterThan(20);
  expect(objects.filter(({ dependsOn }) => !dependsOn.includes("nodes"))).toEqual([]);
});

describe("builds its image", () => {
  interface Built {
    context: { location: string };
    dockerfile: { location: string };
    tags: string[];
    platforms: string[];
    buildArgs?: object;
    push: boolean;
    buildOnPreview: boolean;
  }
  const { version } = jest.requireActual<{ version: string }>("../../package.json");

  test("from the package's own context, tagged with its version, and runs it by digest", async () => {
    let controller!: PersistentIpController;
    const graph = await graphOf((opts) => {
      const imageRepository = pulumi.output("registry.example.com/tools/podpin");
      controller = new PersistentIpController("podpin", { imageRepository }, opts);
    });
    const [built] = inputsOf<Built>(graph, "docker-build:index:Image");
    expect(built).toMatchObject({
      context: { location: expect.stringMatching(/^(?!\/).*controller-image$/) as string },
      dockerfile: { location: `${built?.context.location ?? ""}/Dockerfile` },
      platforms: ["linux/amd64"],
      // No time of the build in the image: the same inputs give the same digest.
      buildArgs: { SOURCE_DATE_EPOCH: "0" },
      tags: [`registry.example.com/tools/podpin:${version}`],
      push: true,
      buildOnPreview: false,
    });
    const reference = `registry.example.com/tools/podpin:${version}@sha256:${"0".repeat(64)}`;
    expect(await valueOf(controller.image)).toBe(reference);
    const images = ["Deployment", "DaemonSet"].flatMap((kind) =>
      inputsOf<Workload>(graph, `kubernetes:apps/v1:${kind}`).map(imageOf),
    );
    expect(images).toEqual([reference, reference]);
  });

  test("from another base, for other processors", async () => {
    const graph = await graphWith({
      imageRepository: "registry.example.com/podpin",
      imageBase: "mirror.example.com/node:24",
      imagePlatforms: ["linux/amd64", "linux/arm64"],
    });
    expect(inputsOf<Built>(graph, "docker-build:index:Image")).toMatchObject([
      {
        buildArgs: { BASE: "mirror.example.com/node:24", SOURCE_DATE_EPOCH: "0" },
        platforms: ["linux/amd64", "linux/arm64"],
      },
    ]);
  });
});

describe("has an identity in Google Cloud", () => {
  const ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole";
  const MEMBER = "gcp:projects/iAMMember:IAMMember";

  test("only when a project is given", async () => {
    const { registered } = await graphWith({ image });
    expect(registered.filter(({ type }) => type.startsWith("gcp:"))).toEqual([]);
  });

  test("with a role of exactly the permissions that it needs", async () => {
    const graph = await graphWith({
      image,
      namespace: "tools",
      googleCloudProject: pulumi.output("my-project"),
      googleCloudProjectNumber: "123456789012",
    });
    expect(inputsOf(graph, ROLE)).toMatchObject([
      { project: "my-project", roleId: "podpinController", stage: "GA", permissions: controllerPermissions({}) },
    ]);
    expect(inputsOf(graph, MEMBER)).toEqual([
      {
        project: "my-project",
        role: "projects/my-project/roles/podpinController",
        member:
          "principal://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/" +
          "my-project.svc.id.goog/subject/ns/tools/sa/podpin-controller",
      },
    ]);
  });

  test("and tells the controller the project, also where it comes from another resource", async () => {
    const graph = await graphWith({
      image,
      googleCloudProject: pulumi.output("my-project"),
      googleCloudProjectNumber: "123456789012",
      googleCloudDriver: "target-instance",
    });
    const [deployment] = inputsOf<{ spec: { template: { spec: { containers: { args: string[] }[] } } } }>(
      graph,
      "kubernetes:apps/v1:Deployment",
    );
    expect(deployment?.spec.template.spec.containers[0]?.args).toEqual([
      "controller",
      "--install-gke-api",
      "--google-cloud=target-instance",
      "--google-cloud-project=my-project",
    ]);
  });

  test("on a Shared VPC with a role in the host project too, which may come from another resource", async () => {
    const sources = { googleCloudFirewallSources: ["203.0.113.0/24"] };
    const graph = await graphWith({
      image,
      googleCloudProject: "my-project",
      googleCloudProjectNumber: "123456789012",
      googleCloudHostProject: pulumi.output("my-network"),
      ...sources,
    });
    const title = "podpin controller, network";
    const permissions = [controllerPermissions, hostProjectPermissions].map((of) =>
      of({ ...sources, sharedVpc: true }),
    );
    expect(inputsOf(graph, ROLE)).toMatchObject([
      { project: "my-project", roleId: "podpinController", permissions: permissions[0] },
      { project: "my-network", roleId: "podpinController", permissions: permissions[1], title },
    ]);
    const members = inputsOf<{ project: string; role: string; member: string }>(graph, MEMBER);
    expect(members).toMatchObject([
      { project: "my-project", role: "projects/my-project/roles/podpinController" },
      { project: "my-network", role: "projects/my-network/roles/podpinController", member: members[0]?.member },
    ]);
    const [deployment] = inputsOf<{ spec: { template: { spec: { containers: { args: string[] }[] } } } }>(
      graph,
      "kubernetes:apps/v1:Deployment",
    );
    expect(deployment?.spec.template.spec.containers[0]?.args).toContain("--google-cloud-host-project=my-network");
  });

  test.each<[string, Partial<PersistentIpControllerArgs>, string]>([
    ["that of the cluster", {}, "cluster-project.svc.id.goog"],
    ["the one given", { workloadPool: "fleet-project.svc.id.goog" }, "fleet-project.svc.id.goog"],
  ])("in the pool that is meant: %s", async (_, more, pool) => {
    const graph = await graphWith(() => ({
      image,
      cluster: clusterWith({ workloadPool: "cluster-project.svc.id.goog" }, "workloadPool"),
      googleCloudProject: "my-project",
      googleCloudProjectNumber: "123456789012",
      googleCloudRoleId: "podpin_core",
      ...more,
    }));
    expect(inputsOf<{ member: string }>(graph, MEMBER).map(({ member }) => member.split("/")[8])).toEqual([pool]);
    expect(inputsOf<{ roleId: string }>(graph, ROLE).map(({ roleId }) => roleId)).toEqual(["podpin_core"]);
  });
});
