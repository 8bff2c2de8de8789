// What TypeScript says to a consumer: old and new compilers, each way of finding modules.
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { consumer, type Outcome, packedLibrary, REPOSITORY, run, temporaryFolder } from "./packed";

interface Check {
  /** Folder of the compiler below node_modules. */
  readonly compiler: string;
  /** The compiler's options that differ. */
  readonly options: Readonly<Record<string, unknown>>;
}

const NODE16 = { module: "node16", moduleResolution: "node16" };
const NODE10 = { module: "commonjs", moduleResolution: "node" };
const BUNDLER = { module: "esnext", moduleResolution: "bundler" };

const CHECKS: readonly Check[] = [
  { compiler: "typescript-4.7", options: NODE16 },
  { compiler: "typescript-4.7", options: NODE10 },
  { compiler: "typescript-5.9", options: NODE16 },
  { compiler: "typescript-5.9", options: NODE10 },
  { compiler: "typescript", options: NODE16 },
  // The oldest way of finding modules, which `cdk8s init` and older Pulumi templates still choose; 7 has dropped it.
  { compiler: "typescript", options: { ...NODE10, ignoreDeprecations: "6.0" } },
  { compiler: "typescript", options: BUNDLER },
  { compiler: "typescript-7", options: NODE16 },
  { compiler: "typescript-7", options: BUNDLER },
];

const nameOf = ({ compiler, options }: Check) => `${compiler} with ${String(options["moduleResolution"])}`;

const folder = temporaryFolder();
let outcomes: Map<string, Outcome>;
let pulumi: string;
let cdk8s: string;

/** Two at a time, as the machine of a small team has cores. */
beforeAll(async () => {
  pulumi = await consumer("pulumi", await folder);
  cdk8s = await consumer("cdk8s", await folder);
  const folders = [pulumi, cdk8s];
  const waiting = CHECKS.map((check, index) => async () => {
    const config = path.join(await folder, `tsconfig.${index}.json`);
    const files = folders.flatMap((each) =>
      each === pulumi ? [`${each}/program.ts`, `${each}/mistake.ts`] : [`${each}/program.ts`],
    );
    const compilerOptions = {
      target: "ES2020",
      strict: true,
      skipLibCheck: true,
      noEmit: true,
      types: [],
      ...check.options,
    };
    await writeFile(config, JSON.stringify({ compilerOptions, files }));
    const tsc = path.join(REPOSITORY, "node_modules", check.compiler, "bin/tsc");
    return [nameOf(check), await run([process.execPath, tsc, "-p", config], await folder)] as const;
  });
  const done: (readonly [string, Outcome])[] = [];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) done.push(await next());
  };
  await Promise.all([worker(), worker()]);
  outcomes = new Map(done);
}, 120_000);

test.each(CHECKS.map(nameOf))("%s accepts a pool and a route, and refuses mistakes", (name) => {
  expect(outcomes.get(name)).toEqual({ status: 0, output: "" });
});

test.each(["pulumi", "cdk8s"])(
  "with exactOptionalPropertyTypes podpin/%s takes undefined for what is left out",
  async (flavour) => {
    const at = flavour === "pulumi" ? pulumi : cdk8s;
    const entry = await readFile(path.join(await packedLibrary(), "dist", flavour, "index.d.ts"), "utf8");
    const taken = [...entry.matchAll(/\b\w+(?:Args|Props|Options)\b/g)].map(([name]) => name);
    const names = [...new Set([...taken, "LabelExpression", "OrdinalRange", "PodInterface", "Toleration"])];
    expect(names.length).toBeGreaterThan(30);
    const program = [
      `import type * as podpin from "podpin/${flavour}";`,
      "type Given<T> = { [K in keyof T]: object extends Pick<T, K> ? T[K] | undefined : T[K] };",
      ...names.map((name) => `export const take${name} = (given: Given<podpin.${name}>): podpin.${name} => given;`),
    ];
    await writeFile(path.join(at, "undefined.ts"), program.join("\n"));
    const tsc = path.join(REPOSITORY, "node_modules/typescript/bin/tsc");
    const options = ["--strict", "--exactOptionalPropertyTypes", "--skipLibCheck", "--noEmit"];
    const files = ["program.ts", "undefined.ts"];
    const argv = [process.execPath, tsc, ...options, "--module", "node16", "--target", "ES2022", ...files];
    expect(await run(argv, at)).toEqual({ status: 0, output: "" });
  },
  60_000,
);

test("a pool and a route bring along no types of all of Google Cloud or of all of Kubernetes", async () => {
  const tsc = path.join(REPOSITORY, "node_modules/typescript/bin/tsc");
  const options = ["--module", "node16", "--target", "ES2022", "--skipLibCheck", "--listFilesOnly"];
  const { status, output } = await run([process.execPath, tsc, ...options, "program.ts"], pulumi);
  const files = output.split("\n").flatMap((file) => file.split("/node_modules/@pulumi/")[1] ?? []);
  expect(status).toBe(0);
  expect(files).toContain("pulumi/index.d.ts");
  // Files without imports of their own. `types/input` of one of the two takes as long as all of the Pulumi SDK.
  expect(files.filter((file) => !file.startsWith("pulumi/"))).toEqual([
    "gcp/compute/publicAdvertisedPrefix.d.ts",
    "gcp/compute/address.d.ts",
  ]);
}, 60_000);
