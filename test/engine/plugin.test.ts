// The plugin folder run by the real engine: a program that knows the components by their type tokens alone.
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { preparePulumi, type RunResult, stack } from "../../lab/pulumi/engine";
import { Cloud } from "../../lab/pulumi/gcp-plugin/cloud";
import { ComputeCalls, overHttp } from "../../lab/pulumi/gcp-plugin/compute-calls";
import { Provider } from "../../lab/pulumi/gcp-plugin/provider";
import { REPOSITORY } from "../../lab/pulumi/package";
import { stageExample } from "../../lab/pulumi/stage";
import { parts } from "../support/parts";

const NO_CLUSTER = "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\n";

let folder: string;
let preview: RunResult;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "podpin-plugin-"));
  const { pulumi, "pulumi-language-nodejs": pulumiLanguageNodejs } = await parts("pulumi", "pulumi-language-nodejs");
  const dir = await made("engine");
  const env = await preparePulumi({ parts: { pulumi, pulumiLanguageNodejs }, dir, standIns: ["gcp"] });
  // The cluster that the program finds.
  const cluster = { name: "old-core", project: "my-project", location: "us-central1" };
  const nowhere = { endpoint: "192.0.2.1", ca: "" };
  const cloud = new Cloud(path.join(dir, "gcp.json"));
  await new Provider(cloud, new ComputeCalls(overHttp(undefined)), nowhere).create(
    "urn:pulumi:earlier::earlier::gcp:container/cluster:Cluster::earlier",
    { ...cluster, datapathProvider: "ADVANCED_DATAPATH", gatewayApiConfig: { channel: "CHANNEL_STANDARD" } },
    0,
    false,
  );
  const plugin = path.join(folder, "plugin");
  await stageExample(path.join(REPOSITORY, "examples/pulumi-yaml-plugin"), plugin);
  // The lab's language host is older than plugins in source form. This is what newer ones do with such a folder.
  const launcher = path.join(await made("launcher"), "pulumi-resource-podpin");
  const run = path.join(plugin, "node_modules/@pulumi/pulumi/cmd/run-plugin");
  await writeFile(launcher, `#!/bin/sh\ncd ${plugin} && exec node ${run} . "$@"\n`, { mode: 0o755 });
  const program = path.join(folder, "program");
  await stageExample(path.join(__dirname, "programs/other-languages"), program);
  const kubeconfig = path.join(folder, "kubeconfig");
  await writeFile(kubeconfig, NO_CLUSTER);
  const dev = await stack({ env, program, name: "dev", kubeconfig });
  preview = await dev.preview();
}, 120_000);

afterAll(() => rm(folder, { recursive: true, force: true }));

async function made(name: string): Promise<string> {
  const place = path.join(folder, name);
  await mkdir(place);
  return place;
}

test("a preview shows every object of the components", () => {
  expect([preview.ok, preview.ok ? "" : preview.stdout + preview.stderr]).toEqual([true, ""]);
  const urns = preview.steps.map(({ urn }) => urn.replace(/^urn:pulumi:dev::other-languages::/, ""));
  expect(urns.filter((urn) => !urn.startsWith("pulumi:")).sort()).toEqual([
    "podpin:index:PersistentIpCluster$pulumi:providers:kubernetes::core",
    "podpin:index:PersistentIpCluster::core",
    "podpin:index:PersistentIpPool$kubernetes:gateway.networking.k8s.io/v1:Gateway::edge",
    "podpin:index:PersistentIpPool::edge",
    "podpin:index:PinnedPodRoute$kubernetes:networking.gke.io/v1:GKEIPRoute::proxy",
    "podpin:index:PinnedPodRoute::proxy",
  ]);
});

test("a route that is given a pool by reference knows its addresses", () => {
  expect(preview.stdout).toMatch(/pinned *: \[\s*\[0\]: "198\.51\.100\.8"\s*\]/);
});

test("a cluster that exists is an argument, by which it is looked up and not made", () => {
  expect(preview.stdout).toMatch(/version *: "1\.\d+\.\d+-gke\.\d+"/);
  expect(preview.steps.filter(({ urn }) => urn.includes("gcp:container/cluster"))).toEqual([]);
});
