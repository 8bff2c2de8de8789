// What users get: the emitted package, in a folder where nothing else is.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const root = path.resolve(__dirname, "../..");
let dist: string;

beforeAll(() => {
  dist = mkdtempSync(path.join(tmpdir(), "podpin-dist-"));
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const build = ["-p", "tsconfig.build.json", "--outDir", dist];
  const { status, stdout } = spawnSync(process.execPath, [tsc, ...build], { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(stdout);
}, 120_000);

afterAll(() => rmSync(dist, { recursive: true, force: true }));

const files = (suffix: string): string[] =>
  readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(suffix));

/** Whole provider SDKs cost users five seconds at every preview; leaf files cost nothing. */
test.each([".d.ts", ".js"])("no emitted %s file imports a whole provider SDK", (suffix) => {
  const imports = files(suffix).flatMap((file) =>
    [...readFileSync(path.join(dist, file), "utf8").matchAll(/(?:from |import\(|require\()"(@pulumi\/[^"]+)"/g)].map(
      ([, name]) => name ?? "",
    ),
  );
  expect(imports.length).toBeGreaterThan(0);
  expect(
    [...new Set(imports)].filter((name) => !/^@pulumi\/(pulumi(\/.+)?|(kubernetes|gcp|docker-build)\/.+)$/.test(name)),
  ).toEqual([]);
});

/** `@pulumi/gcp` is large and only some programs need it: lib/pulumi/gcp.ts loads it for these. */
test("no emitted file loads @pulumi/gcp by itself", () => {
  const eager = files(".js").filter((file) =>
    /require\("@pulumi\/gcp/.test(readFileSync(path.join(dist, file), "utf8")),
  );
  expect(eager).toEqual([]);
});

/** Of Kubernetes what every pool and route needs, and the provider that a cluster makes; the classes of a controller come with it. */
test("of @pulumi/kubernetes no more is loaded than every program needs", () => {
  const eager = files(".js").flatMap((file) =>
    [...readFileSync(path.join(dist, file), "utf8").matchAll(/require\("(@pulumi\/kubernetes\/[^"]+)"\)/g)].map(
      ([, name]) => name,
    ),
  );
  expect([...new Set(eager)].sort()).toEqual([
    "@pulumi/kubernetes/apiextensions/customResource",
    "@pulumi/kubernetes/provider",
  ]);
});

test("what is internal is in no declaration", () => {
  const declarations = files(".d.ts").filter((file) => /^(pulumi|cdk8s)\//.test(file));
  const told = declarations.filter((file) =>
    /@internal|\bclaims\b|\bpositions\b|\bisComplete\b|\badopted\b|\bsettled\b|gkeClassFabric:/.test(
      readFileSync(path.join(dist, file), "utf8"),
    ),
  );
  expect(told).toEqual([]);
});

test.each([
  [
    "pulumi",
    "podpin/pulumi needs @pulumi/pulumi and @pulumi/kubernetes, which are not installed; run: npm i @pulumi/pulumi @pulumi/kubernetes",
  ],
  ["cdk8s", "podpin/cdk8s needs cdk8s and constructs, which are not installed; run: npm i cdk8s constructs"],
])("podpin/%s names what to install where its peers are missing", (entry, message) => {
  const script = `try { require("./${entry}") } catch (error) { console.log(error.message) }`;
  const { stdout } = spawnSync(process.execPath, ["-e", script], { cwd: dist, encoding: "utf8" });
  expect(stdout.trim()).toBe(message);
});

test("podpin itself needs nothing at all", () => {
  const script = 'console.log(require("./model").parseAddress("198.51.100.7/32"))';
  const { stdout, stderr } = spawnSync(process.execPath, ["-e", script], { cwd: dist, encoding: "utf8" });
  expect([stdout.trim(), stderr]).toEqual(["198.51.100.7", ""]);
});
