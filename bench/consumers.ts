// P8: what podpin costs the programs that use it, with the bare framework beside it in the same run.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { ensureParts } from "../lab/parts/ensure";
import { command } from "../lab/parts/command";
import { silent } from "../lab/progress";
import { preparePulumi, type PulumiEnv, type RunResult, stack } from "../lab/pulumi/engine";
import { packedLibrary, REPOSITORY } from "../lab/pulumi/package";
import { stageExample } from "../lab/pulumi/stage";
import { type Bench, type Figure, inTurns, median } from "./figure";
import * as programs from "./programs";

const ID = "P8";
const MEGABYTE = 1_000_000;
const ROUNDS = 9;

/** Things that are measured in turns, by name. */
interface Comparison {
  readonly unit: string;
  readonly things: Readonly<Record<string, () => Promise<number>>>;
  readonly ratios: readonly Ratio[];
}

interface Ratio {
  readonly metric: string;
  readonly of: string;
  readonly to: string;
  /** How often the floor's value it may be; null where it is only shown. */
  readonly times: number | null;
}

export const consumers: Bench = {
  id: ID,
  title: "what podpin costs its consumers",
  async measure(report) {
    const folder = await mkdtemp(path.join(tmpdir(), "podpin-bench-"));
    try {
      report("packing the library");
      const comparisons = [await typeCheck(folder), await synthesis(folder), await preview(folder)];
      const figures: Figure[] = [];
      const raw: Record<string, unknown> = {};
      for (const { unit, things, ratios } of comparisons) {
        const [title = ""] = ratios.map(({ metric }) => metric);
        const samples = await inTurns(ROUNDS, things, (round) => report(`${title}: ${round}`));
        for (const { metric, of, to, times } of ratios) {
          const [value, floor] = [median(samples[of] ?? []), median(samples[to] ?? [])];
          const goal = times === null ? null : floor * times;
          figures.push({ id: ID, metric, value, unit, floor, goal, ok: goal === null || value <= goal });
        }
        raw[title] = samples;
      }
      return { figures: [...figures, ...(await sizes(folder))], raw };
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

/** A program in a folder of its own, with the packed library and the packages that it names. */
async function staged(folder: string, name: string, packages: readonly string[], files: object): Promise<string> {
  const source = path.join(folder, "sources", name);
  await mkdir(source, { recursive: true });
  const dependencies = Object.fromEntries(packages.map((each) => [each, "*"]));
  const manifest = { name, private: true, main: "index.js", dependencies };
  await writeFile(path.join(source, "package.json"), JSON.stringify(manifest));
  for (const [file, text] of Object.entries(files as Record<string, string>))
    await writeFile(path.join(source, file), text);
  const target = path.join(folder, name);
  await stageExample(source, target);
  return target;
}

const PULUMI = ["@pulumi/pulumi", "@pulumi/kubernetes", "@pulumi/gcp", "podpin"];

async function typeCheck(folder: string): Promise<Comparison> {
  const compilerOptions = {
    target: "ES2022",
    module: "node16",
    moduleResolution: "node16",
    strict: true,
    skipLibCheck: true,
    noEmit: true,
    types: [],
  };
  const config = { "tsconfig.json": JSON.stringify({ compilerOptions, files: ["index.ts"] }) };
  const ours = await staged(folder, "types-ours", PULUMI, { ...config, "index.ts": programs.TYPES_OURS });
  const bare = await staged(folder, "types-bare", PULUMI, { ...config, "index.ts": programs.TYPES_BARE });
  const tsc = path.join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const timed = async (cwd: string) => {
    const start = performance.now();
    await command([process.execPath, tsc, "-p", "."], { name: "type check of a consumer", cwd });
    return (performance.now() - start) / 1000;
  };
  return {
    unit: "s",
    things: { bare: () => timed(bare), ours: () => timed(ours) },
    ratios: [
      {
        metric: "type check of a program with a pool and a route, against @pulumi/pulumi alone",
        of: "ours",
        to: "bare",
        times: 1.1,
      },
    ],
  };
}

async function synthesis(folder: string): Promise<Comparison> {
  const cwd = await staged(folder, "synth", ["cdk8s", "constructs", "podpin"], {
    "ours.js": programs.SYNTH_OURS,
    "bare.js": programs.SYNTH_BARE,
  });
  // The program measures itself: how long Node.js takes to load the framework is not ours.
  const timed = async (file: string) =>
    Number(await command([process.execPath, file], { name: "synthesis of a chart", cwd })) / 1000;
  return {
    unit: "s",
    things: { bare: () => timed("bare.js"), ours: () => timed("ours.js") },
    ratios: [
      { metric: "synthesis of 1,000 routes, against 1,000 bare ApiObjects", of: "ours", to: "bare", times: 1.5 },
    ],
  };
}

async function preview(folder: string): Promise<Comparison> {
  const parts = await ensureParts(silent, ["pulumi", "pulumi-language-nodejs"]);
  const dir = path.join(folder, "engine");
  await mkdir(dir);
  const env = await preparePulumi({
    parts: { pulumi: parts.pulumi, pulumiLanguageNodejs: parts["pulumi-language-nodejs"] },
    dir,
    standIns: ["kubernetes", "gcp"],
  });
  const kubeconfig = path.join(folder, "kubeconfig");
  await writeFile(kubeconfig, "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\n");
  const staging = (name: string, text: string) => previewed(folder, env, kubeconfig, `preview-${name}`, text);
  const ours = await staging("ours", programs.PREVIEW_OURS);
  const bare = await staging("bare", programs.PREVIEW_BARE);
  const empty = await staging("empty", programs.PREVIEW_EMPTY);
  // The first runs of all, which are not counted.
  const declared = objectsOf(await ours());
  for (const byHand of [objectsOf(await bare()), objectsOf(await empty())])
    if (declared !== byHand) throw new Error(`two programs declare different objects\n${declared}\n\n${byHand}`);
  const seconds = async (preview: () => Promise<RunResult>) => (await preview()).ms / 1000;
  // A component per route has its price whoever writes it: six messages for the debug log, which the SDK sends one after the
  // other, and two calls. The lines with empty components tell it from what podpin adds.
  return {
    unit: "s",
    things: { bare: () => seconds(bare), empty: () => seconds(empty), ours: () => seconds(ours) },
    ratios: [
      {
        metric: "pulumi preview of 100 routes, against 100 bare custom resources",
        of: "ours",
        to: "bare",
        times: 1.1,
      },
      {
        metric: "pulumi preview of 100 routes, against 100 empty components with the same children",
        of: "ours",
        to: "empty",
        times: 1.1,
      },
      {
        metric: "pulumi preview of 100 empty components, against 100 bare custom resources",
        of: "empty",
        to: "bare",
        times: null,
      },
    ],
  };
}

async function previewed(
  folder: string,
  env: PulumiEnv,
  kubeconfig: string,
  name: string,
  text: string,
): Promise<() => Promise<RunResult>> {
  const project = `name: ${name}\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n`;
  const program = await staged(folder, name, PULUMI, { "index.js": text, "Pulumi.yaml": project });
  const dev = await stack({ env, program, name: "dev", kubeconfig });
  return async () => {
    const result = await dev.preview();
    if (!result.ok) throw new Error(`pulumi preview of ${name} failed\n${result.stderr || result.stdout}`);
    return result;
  };
}

/** The objects of Kubernetes that a preview shows, one a line. */
function objectsOf({ steps }: RunResult): string {
  const objects = steps.filter(({ type }) => type.startsWith("kubernetes:"));
  return objects
    .map(({ op, type, urn }) => `${op} ${type} ${urn.split("::").at(-1)}`)
    .sort()
    .join("\n");
}

async function sizes(folder: string): Promise<readonly Figure[]> {
  const packed = await packedLibrary();
  const modules = path.join(REPOSITORY, "node_modules");
  const own = (await bytesOf(packed)) / MEGABYTE;
  const framework =
    ((await bytesOf(path.join(modules, "cdk8s"))) + (await bytesOf(path.join(modules, "constructs")))) / MEGABYTE;
  const listed = await command(["npm", "pack", "--ignore-scripts", "--json", "--pack-destination", folder], {
    name: "npm pack",
    cwd: packed,
  });
  const [{ size }] = Object.values(JSON.parse(listed) as Record<string, { size: number }>) as [{ size: number }];
  const manifest = JSON.parse(await readFile(path.join(packed, "package.json"), "utf8")) as { dependencies?: object };
  const dependencies = Object.keys(manifest.dependencies ?? {}).length;
  const figure = (metric: string, value: number, unit: string, floor: number | null, goal: number | null): Figure => ({
    id: ID,
    metric,
    value,
    unit,
    floor,
    goal,
    ok: goal === null || value <= goal,
  });
  return [
    figure("package, as it is downloaded", size / MEGABYTE, "MB", null, 0.5),
    figure("package, installed", own, "MB", null, null),
    figure("dependencies", dependencies, "", null, 0),
    figure("CDK8s and podpin, installed, against CDK8s alone", framework + own, "MB", framework, 5),
  ];
}

async function bytesOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const each = await Promise.all(files.map(async (file) => (await stat(path.join(file.parentPath, file.name))).size));
  return each.reduce((sum, size) => sum + size, 0);
}
