// What npm and the linters of packages say to the package.
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { packedLibrary, REPOSITORY, run, tarball, temporaryFolder } from "./packed";

interface Manifest {
  readonly dependencies?: object;
  readonly optionalDependencies?: object;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>;
}

const folder = temporaryFolder();
let packed: string;
let file: string;

beforeAll(async () => {
  packed = await packedLibrary();
  file = await tarball(await folder);
}, 120_000);

const manifest = async () => JSON.parse(await readFile(path.join(packed, "package.json"), "utf8")) as Manifest;

test("the package brings nothing along, and runs nothing when it is installed", async () => {
  const { dependencies = {}, optionalDependencies = {}, scripts = {} } = await manifest();
  expect([dependencies, optionalDependencies]).toEqual([{}, {}]);
  expect(Object.keys(scripts).filter((name) => /install$|^prepare$/.test(name))).toEqual([]);
});

test("the package is half a megabyte at most", async () => {
  expect((await stat(file)).size).toBeLessThanOrEqual(500_000);
});

test("every framework is an optional peer", async () => {
  const { peerDependencies, peerDependenciesMeta } = await manifest();
  const required = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
  expect(required).toEqual([]);
  expect(Object.keys(peerDependencies)).toEqual(expect.arrayContaining(["@pulumi/pulumi", "cdk8s", "constructs"]));
});

test("publint has nothing to say", async () => {
  const script = `import("publint").then(async ({ publint }) => {
    const { messages } = await publint({ pkgDir: process.argv[1], pack: false, level: "suggestion" });
    console.log(JSON.stringify(messages));
  });`;
  const { output } = await run([process.execPath, "-e", script, packed], REPOSITORY);
  expect(JSON.parse(output)).toEqual([]);
}, 60_000);

test("the types resolve in all four modes, and are those of what runs", async () => {
  const attw = path.join(REPOSITORY, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const { output } = await run([process.execPath, attw, file, "--format", "json"], await folder);
  const { analysis } = JSON.parse(output) as {
    analysis: {
      entrypoints: Record<string, { resolutions: Record<string, { resolution?: { fileName: string } }> }>;
      problems: object[];
    };
  };
  expect(analysis.problems).toEqual([]);
  const typed = Object.entries(analysis.entrypoints)
    .filter(([entry]) => entry !== "./package.json")
    .map(([entry, { resolutions }]) => [
      entry,
      Object.entries(resolutions).flatMap(([mode, { resolution }]) =>
        resolution?.fileName.endsWith(".d.ts") === true ? [mode] : [],
      ),
    ]);
  const modes = ["node10", "node16-cjs", "node16-esm", "bundler"];
  expect(typed).toEqual([
    [".", modes],
    ["./pulumi", modes],
    ["./cdk8s", modes],
  ]);
}, 60_000);

test("a CDK8s user installs no Pulumi package", async () => {
  const project = path.join(await folder, "cdk8s-only");
  await mkdir(project);
  const dependencies = {
    podpin: `file:${file}`,
    cdk8s: await offlineCopy("cdk8s", await folder),
    constructs: await offlineCopy("constructs", await folder),
  };
  await writeFile(
    path.join(project, "package.json"),
    JSON.stringify({ name: "cdk8s-only", private: true, dependencies }),
  );
  // Offline: what npm would have to ask the registry for would be an error.
  const npm = [
    "npm",
    "install",
    "--offline",
    "--package-lock-only",
    "--install-links",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
  ];
  const { status, output } = await run(npm, project);
  if (status !== 0) throw new Error(output);
  const lock = JSON.parse(await readFile(path.join(project, "package-lock.json"), "utf8")) as { packages: object };
  const names = Object.keys(lock.packages).filter((place) => /(^|\/)node_modules\//.test(place));
  expect(names.sort()).toEqual(["node_modules/cdk8s", "node_modules/constructs", "node_modules/podpin"]);
}, 60_000);

/** What npm reads of an installed package, as a folder from which it can be installed without a registry. */
async function offlineCopy(name: string, below: string): Promise<string> {
  const source = path.join(REPOSITORY, "node_modules", name, "package.json");
  const { version, peerDependencies } = JSON.parse(await readFile(source, "utf8")) as Record<string, unknown>;
  const copy = path.join(below, `offline-${name}`);
  await mkdir(copy, { recursive: true });
  await writeFile(path.join(copy, "package.json"), JSON.stringify({ name, version, peerDependencies }));
  return `file:${copy}`;
}
