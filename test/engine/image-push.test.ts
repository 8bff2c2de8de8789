// `PersistentIpController` with `imageRepository`, as a user has it: the real engine, Pulumi's own provider for images, a real
// BuildKit, a real registry and a real API server. The context is that of the packed library; the base is the lab's.
import { createHash } from "node:crypto";
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, readFile, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { build } from "esbuild";

import type { ControlPlane } from "../../lab/cluster/control-plane";
import { installGatewayApi } from "../../lab/cluster/lab";
import { type BuildKit, startBuildKit } from "../../lab/images/buildkit";
import { buildPodpinImage, exportBaseImage } from "../../lab/images/ensure";
import { ociArchitecture } from "../../lab/images/oci";
import { type ImageManifest, type Registry, startRegistry } from "../../lab/images/registry";
import { command } from "../../lab/parts/command";
import { progressOn } from "../../lab/progress";
import { preparePulumi, stack, type RunResult, type Stack } from "../../lab/pulumi/engine";
import { stageExample } from "../../lab/pulumi/stage";
import { gkeApi } from "../../lib/crds";
import { AGENT, CONTROLLER, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { version } from "../../package.json";
import { loopbackControlPlane } from "../support/control-plane";
import { parts } from "../support/parts";
import { pretendCluster, type PretendCluster } from "./pretend-cluster";

let dir: string;
let cluster: ControlPlane;
let pretended: PretendCluster;
let registry: Registry;
let buildkit: BuildKit;
let base: string;
let context: string;
let deployed: Stack;

interface Image {
  readonly reference: string;
  readonly digest: string;
  readonly manifest: ImageManifest;
}
let first: Image;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "podpin-push-"));
  const found = await parts(
    "pulumi",
    "pulumi-language-nodejs",
    "gateway-api-crds",
    "pulumi-resource-docker-build",
    "buildkitd",
  );
  cluster = await loopbackControlPlane({ controllers: true });
  await cluster.kubectl(
    ["apply", "--server-side", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: gkeApi }),
  );
  await installGatewayApi(cluster, { gatewayApiCrds: found["gateway-api-crds"] });
  pretended = await pretendCluster(cluster.kubeconfig);

  registry = await startRegistry(join(dir, "registry"));
  const exported = await exportBaseImage(progressOn(), join(dir, "base"));
  base = `${registry.host}/base@${await registry.push(exported, "base")}`;
  buildkit = await startBuildKit({ ...builder(found.buildkitd), folder: join(dir, "builder") });

  const program = join(dir, "program");
  await stageExample(join(__dirname, "programs/image-push"), program);
  const bundle = { platform: "node", packages: "external", bundle: true } as const;
  await build({ entryPoints: [join(program, "index.ts")], outfile: join(program, "index.js"), ...bundle });
  context = join(program, "node_modules/podpin/dist/controller-image");
  const engine = { pulumi: found.pulumi, pulumiLanguageNodejs: found["pulumi-language-nodejs"] };
  const env = await preparePulumi({ parts: engine, dir: join(dir, "pulumi"), standIns: ["gcp"] });
  await symlink(found["pulumi-resource-docker-build"], join(env.dir, "bin/pulumi-resource-docker-build"));
  deployed = await stack({
    env: { ...env, variables: { ...env.variables, ...buildkit.variables } },
    program,
    name: "dev",
    kubeconfig: cluster.kubeconfig,
    config: {
      imageRepository: `${registry.host}/tools/podpin`,
      imageBase: base,
      imagePlatform: `linux/${ociArchitecture()}`,
    },
  });
  // The parts and the base, where nobody has made them yet, take longer than any test.
}, 1_800_000);

afterAll(async () => {
  await buildkit?.stop();
  await registry?.stop();
  await pretended?.stop();
  await cluster?.stop();
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}, 60_000);

jest.setTimeout(600_000);

const builder = (buildkitd: string) => ({ buildkitd, registry: registry.host });

function succeeded(result: RunResult): RunResult {
  if (!result.ok) throw new Error(`the engine ended with code ${result.code}\n${result.stdout}\n${result.stderr}`);
  return result;
}

/** Those that a builder has left. */
const cgroupsOf = (name: string): readonly string[] =>
  ["", "*/"].flatMap((hierarchy) => globSync(`/sys/fs/cgroup/${hierarchy}podpin-buildkit-${name}*`));

/** The image that the program tells, as the registry has it. */
async function pushed(repository: string): Promise<Image> {
  const reference = (await deployed.outputs())["image"] as string;
  const { manifest, digest } = await registry.manifest(repository, version);
  return { reference, digest, manifest };
}

async function imagesThatRun(): Promise<readonly (string | undefined)[]> {
  const workloads = [`deployment/${CONTROLLER}`, `daemonset/${AGENT}`];
  const text = await cluster.kubectl(["get", ...workloads, "-n", PODPIN_NAMESPACE, "-o", "json"]);
  const { items } = JSON.parse(text) as {
    items: { spec: { template: { spec: { containers: { image: string }[] } } } }[];
  };
  return items.flatMap(({ spec }) => spec.template.spec.containers.map(({ image }) => image));
}

test("a preview builds and pushes nothing", async () => {
  expect(succeeded(await deployed.preview()).changes.create).toBeGreaterThan(10);
  await expect(registry.manifest("tools/podpin", version)).rejects.toThrow(/answered 404/);
});

test("builds the package's own context, pushes it with podpin's version, and runs it by its digest", async () => {
  succeeded(await deployed.up());
  first = await pushed("tools/podpin");
  expect(first.reference).toBe(`${registry.host}/tools/podpin:${version}@${first.digest}`);
  expect(await imagesThatRun()).toEqual([first.reference, first.reference]);
});

test("a second `pulumi up` does nothing", async () => {
  const { changes } = succeeded(await deployed.up());
  expect(changes).toMatchObject({ create: 0, update: 0, replace: 0, delete: 0 });
});

test("the image is what the Dockerfile says, file by file what another builder makes of it", async () => {
  const config = JSON.parse((await registry.blob("tools/podpin", first.manifest.config.digest)).toString()) as {
    architecture: string;
    os: string;
    created: string;
    config: Record<string, unknown>;
  };
  expect(config).toMatchObject({ architecture: ociArchitecture(), os: "linux", created: "1970-01-01T00:00:00Z" });
  expect(config.config).toMatchObject({
    User: "65532:65532",
    Entrypoint: ["node", "--max-semi-space-size=4", "/app/podpin.js"],
    Env: [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "MALLOC_ARENA_MAX=1",
      "MALLOC_TRIM_THRESHOLD_=131072",
    ],
  });

  const layers: string[] = [];
  for (const { digest } of first.manifest.layers) {
    const file = join(dir, `${digest.replace("sha256:", "")}.tar.gz`);
    await writeFile(file, await registry.blob("tools/podpin", digest));
    layers.push(file);
  }
  const files = await unpacked(layers, join(dir, "files"));
  const bundle = await readFile(join(context, "podpin.js"));
  const sum = createHash("sha256").update(bundle).digest("hex");
  expect(files).toContainEqual(`${sum}  ./app/podpin.js`);

  const other = await buildPodpinImage(progressOn(), bundle, join(dir, "other"), false);
  const { layers: otherLayers } = JSON.parse(await readFile(join(other, "manifest.json"), "utf8")) as ImageManifest;
  const paths = otherLayers.map(({ digest }) => join(other, digest.replace("sha256:", "")));
  expect(files).toEqual(await unpacked(paths, join(dir, "other-files")));
  expect(files.length).toBeGreaterThan(50);
});

test("built a second time, by a builder that has nothing of the first, it has the same digest", async () => {
  const { buildkitd } = await parts("buildkitd");
  await buildkit.stop();
  expect(cgroupsOf(basename(dir))).toEqual([]);
  rmSync(join(dir, "builder/root"), { recursive: true, force: true, maxRetries: 5 });
  rmSync(join(dir, "builder/buildkitd.sock"), { force: true });
  buildkit = await startBuildKit({ ...builder(buildkitd), folder: join(dir, "builder") });
  // As installed on another day.
  const day = new Date("2026-01-02T03:04:05Z");
  for (const name of ["Dockerfile", "podpin.js"]) await utimes(join(context, name), day, day);

  await deployed.configure({ imageRepository: `${registry.host}/tools/again` });
  succeeded(await deployed.up());
  const again = await pushed("tools/again");
  expect(again.digest).toBe(first.digest);
  expect(again.reference).toBe(`${registry.host}/tools/again:${version}@${first.digest}`);
  expect(await imagesThatRun()).toEqual([again.reference, again.reference]);
  succeeded(await deployed.destroy());
});

/** What the layers give, one on the other: of each file kind, rights, owner, time and where a link leads, and its sum. */
async function unpacked(layers: readonly string[], folder: string): Promise<readonly string[]> {
  await mkdir(folder);
  for (const layer of layers) {
    await command(["tar", "--extract", "--same-owner", "--same-permissions", "--file", layer, "--directory", folder]);
  }
  const described = await command(["find", ".", "-mindepth", "1", "-printf", "%P %y %m %U:%G %TY-%Tm-%Td %l\\n"], {
    cwd: folder,
  });
  const sums = await command(["find", ".", "-type", "f", "-exec", "sha256sum", "{}", "+"], { cwd: folder });
  return `${described}${sums}`.trimEnd().split("\n").sort();
}
