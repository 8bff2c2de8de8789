// The ends of every peer range: one program with every component, compiled and run with the lowest and the newest versions,
// declares what it declares with those of this repository.
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { consumerWith, peerSet, type PeerSet } from "./installed-peers";
import { consumer, packedLibrary, REPOSITORY, run, runScript, tarball, temporaryFolder } from "./packed";

const SETS: readonly PeerSet[] = ["floor", "newest"];

const folder = temporaryFolder();
let declared: Record<PeerSet | "present", Declared>;

interface Declared {
  /** What the compiler says. */
  readonly types: string;
  readonly graph: Graph;
  readonly manifest: string;
}

interface Graph {
  readonly registered: readonly { readonly type: string; readonly name: string; readonly inputs: object }[];
  readonly outputs: Readonly<Record<string, unknown>>;
  /** What becomes of what the lowest version of an SDK has no word for. */
  readonly later: Readonly<Record<string, string>>;
}

beforeAll(async () => {
  const below = await folder;
  const present = declaredBy(await consumer("peers", below));
  // One after the other: the installation of two sets at once would take both cores from all other suites.
  const floor = await consumerWith("floor", "peers", below);
  const newest = await consumerWith("newest", "peers", below);
  declared = {
    present: await present,
    floor: await declaredBy(floor),
    newest: await declaredBy(newest),
  };
}, 300_000);

test.each(SETS)("with the %s peers every component compiles, and its resources are those of the SDKs", (set) => {
  expect(declared[set].types).toBe("");
});

test("the program declares every component and says what it exports", () => {
  const { registered, outputs } = declared.present.graph;
  const components = [...new Set(registered.flatMap(({ type }) => type.split("podpin:index:")[1] ?? []))];
  expect(components.sort()).toEqual([
    "ByoipPrefix",
    "PersistentIpCluster",
    "PersistentIpController",
    "PersistentIpFirewall",
    "PersistentIpHealthCheck",
    "PersistentIpNodePool",
    "PersistentIpPool",
    "PinnedDeployment",
    "PinnedPodRoute",
    "PinnedStatefulSet",
    "PodNetwork",
  ]);
  expect(outputs).toMatchObject({ statefulSet: ["203.0.113.100", "203.0.113.101"], route: ["203.0.113.107"] });
  expect(declared.present.manifest.match(/^kind: GKEIPRoute$/gm)).toHaveLength(4);
});

test.each(SETS)("with the %s peers Pulumi registers the same resources, with the same inputs", (set) => {
  const { registered, outputs } = declared.present.graph;
  expect(declared[set].graph).toMatchObject({ registered, outputs });
});

test("what the lowest @pulumi/gcp would drop without a word is refused there, and declared with the newest", () => {
  expect(declared.newest.graph.later).toEqual({ prefix: "declared", pool: "declared" });
  expect(declared.floor.graph.later).toEqual({
    prefix: [
      'ByoipPrefix "own" is not valid:',
      '  - advertisedRange: got "198.51.100.0/24"; the installed @pulumi/gcp has no word for it: update @pulumi/gcp to 8.18 or later',
    ].join("\n"),
    pool: [
      'PersistentIpPool "own" is not valid:',
      '  - ipCollection: got "regions/us-central1/publicDelegatedPrefixes/own"; the installed @pulumi/gcp has no word for it: update @pulumi/gcp to 9.11 or later',
      '  - deletionPolicy: got "PREVENT"; the installed @pulumi/gcp has no word for it: update @pulumi/gcp to 9.25 or later',
    ].join("\n"),
  });
});

test.each(SETS)("with the %s peers CDK8s synthesizes the same manifest", (set) => {
  expect(declared[set].manifest).toBe(declared.present.manifest);
});

test("the floor has the lowest version of every range", async () => {
  const { peerDependencies } = await manifestOf(await packedLibrary());
  const { dependencies } = await manifestOf(peerSet("floor"));
  const lowest = Object.entries(peerDependencies ?? {}).map(([name, range]) => [
    name,
    /\d+\.\d+\.\d+/.exec(range)?.[0],
  ]);
  expect(dependencies).toEqual(Object.fromEntries(lowest));
});

test("the README names both ends of every range", async () => {
  const [floor, newest] = await Promise.all(SETS.map((set) => manifestOf(peerSet(set))));
  const readme = await readFile(path.join(REPOSITORY, "README.md"), "utf8");
  const row = /^\| `(\S+)` +\| (\d+\.\d+\.\d+) +\| (\d+\.\d+\.\d+) +\|$/gm;
  const named = [...readme.matchAll(row)].map(([, name, lowest, highest]) => [name, lowest, highest]);
  const names = Object.keys(floor?.dependencies ?? {}).sort();
  expect(named.sort()).toEqual(names.map((name) => [name, floor?.dependencies?.[name], newest?.dependencies?.[name]]));
});

test.each(SETS)(
  "npm installs the package beside the %s peers, and takes none of their ranges for a conflict",
  async (set) => {
    const project = path.join(await folder, `npm-${set}`);
    await mkdir(project);
    const file = await tarball(await temporaryBelow(`tarball-${set}`));
    const manifest = await manifestOf(peerSet(set));
    await writeFile(path.join(project, "package.json"), JSON.stringify(manifest));
    await writeFile(
      path.join(project, "package-lock.json"),
      await readFile(path.join(peerSet(set), "package-lock.json")),
    );
    const quiet = ["--ignore-scripts", "--no-audit", "--no-fund"];
    const npm = ["npm", "install", "--offline", "--package-lock-only", "--strict-peer-deps", ...quiet, file];
    const { status, output } = await run(npm, project);
    if (status !== 0) throw new Error(output);
    const lock = JSON.parse(await readFile(path.join(project, "package-lock.json"), "utf8")) as {
      packages: Record<string, { readonly version: string }>;
    };
    const installed = Object.keys(manifest.dependencies ?? {}).map((name) => [
      name,
      lock.packages[`node_modules/${name}`]?.version,
    ]);
    expect(Object.fromEntries(installed)).toEqual(manifest.dependencies);
    expect(lock.packages["node_modules/podpin"]).toBeDefined();
  },
  60_000,
);

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

async function manifestOf(of: string): Promise<Manifest> {
  return JSON.parse(await readFile(path.join(of, "package.json"), "utf8")) as Manifest;
}

async function temporaryBelow(name: string): Promise<string> {
  const made = path.join(await folder, name);
  await mkdir(made);
  return made;
}

/** Prints what is declared once nothing is left to do. */
const GRAPH = `
const { declare, LATER, registered, outputs } = require("./pulumi.js");
const { output } = require("@pulumi/pulumi");
const known = {};
declare().then(() => output(outputs).apply((values) => Object.assign(known, values)));
process.once("beforeExit", () => {
  const before = [...registered];
  const later = Object.entries(LATER).map(([name, make]) => {
    try {
      make();
      return [name, "declared"];
    } catch (error) {
      return [name, error.message];
    }
  });
  console.log(JSON.stringify({ registered: before, outputs: known, later: Object.fromEntries(later) }));
});
`;
const MANIFEST = `process.stdout.write(require("./cdk8s.js").manifest())`;

/** Compiles and runs the program. */
async function declaredBy(program: string): Promise<Declared> {
  const compilerOptions = {
    target: "ES2022",
    module: "node16",
    moduleResolution: "node16",
    strict: true,
    skipLibCheck: true,
    types: [],
  };
  const files = ["pulumi.ts", "cdk8s.ts", "resources.ts"];
  await writeFile(path.join(program, "tsconfig.json"), JSON.stringify({ compilerOptions, files }));
  const tsc = path.join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const { output: types } = await run([process.execPath, tsc, "-p", "."], program);
  const graph = await runScript(program, "graph.js", GRAPH);
  const manifest = await runScript(program, "manifest.js", MANIFEST);
  for (const { status, output } of [graph, manifest]) if (status !== 0) throw new Error(`${types}${output}`);
  return { types, graph: inOrder(JSON.parse(graph.output) as Graph), manifest: manifest.output };
}

/** By name: when a resource is registered hangs on how many turns its inputs take, which is the SDK's own affair. */
function inOrder({ registered, ...rest }: Graph): Graph {
  const key = ({ type, name }: { readonly type: string; readonly name: string }) => `${type} ${name}`;
  return { registered: [...registered].sort((a, b) => (key(a) < key(b) ? -1 : 1)), ...rest };
}
