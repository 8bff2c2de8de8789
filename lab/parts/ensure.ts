// Gives the real programs: those that the machine has where their version fits, the others built once from pinned sources.
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { basename, join } from "node:path";

import type { Progress } from "../progress";
import { cachedStep } from "./cached-step";
import { command } from "./command";
import { type Located, cacheEntry, findCommand, searchPart } from "./locate";
import {
  LAB_PART_NAMES,
  type LabPartName,
  type PartName,
  type Pin,
  RECIPES,
  type Recipe,
  moduleFolder,
  pinOf,
  requiredGo,
} from "./recipes";

export { PART_NAMES, type PartName } from "./recipes";

/** Absolute paths. `gateway-api-crds` is a folder of YAML files, every other part a program. */
export type Parts = Readonly<Record<LabPartName, string>>;

export async function ensureParts(report: Progress): Promise<Parts>;
export async function ensureParts<Name extends PartName>(
  report: Progress,
  wanted: readonly Name[],
): Promise<Readonly<Record<Name, string>>>;
export async function ensureParts(
  report: Progress,
  wanted: readonly PartName[] = LAB_PART_NAMES,
): Promise<Partial<Record<PartName, string>>> {
  const searches = await report.step("parts", "looking for what is here already", async (update) => {
    const all = await Promise.all(wanted.map(async (name) => ({ name, ...(await searchPart(name)) })));
    update(summary(all.map((search) => search.found)));
    return all;
  });
  const paths: Partial<Record<PartName, string>> = {};
  const toBuild = searches.filter(({ name, found }) => {
    if (found !== undefined) paths[name] = found.path;
    return found === undefined;
  });
  // Worth a line only where it costs a build.
  for (const line of toBuild.flatMap(({ passedOver }) => passedOver)) report.note(`  ${line}`);
  if (toBuild.length > 0) await checkGo(toBuild.map(({ name }) => name));
  for (const [index, { name }] of toBuild.entries()) {
    paths[name] = await build(name, `${index + 1} of ${toBuild.length}`, report);
  }
  return paths;
}

function summary(found: readonly (Located | undefined)[]): string {
  const count = (place: string): number => found.filter((part) => part?.from.startsWith(`from ${place}`)).length;
  const missing = found.filter((part) => part === undefined).length;
  const places = ["KUBEBUILDER_ASSETS", "PATH", "the cache"].filter((place) => count(place) > 0);
  const texts = [
    ...places.map((place) => `${count(place)} from ${place}`),
    ...(missing > 0 ? [`${missing} to build`] : []),
  ];
  return texts.join(", ");
}

async function build(name: PartName, nth: string, report: Progress): Promise<string> {
  const recipe = RECIPES[name];
  const pin = pinOf(recipe);
  const doing = `building ${pin.version} (${nth})`;
  const step = { name, doing, what: pin.version, entry: cacheEntry(name, pin) };
  const folder = await cachedStep(report, step, async (making, update) => {
    let compiled = 0;
    const onLine = (line: string): void => {
      const module = /^go: downloading (\S+)/.exec(line)?.[1];
      // With -v go names each package that it compiles on a line of its own.
      if (module !== undefined) update(`downloading ${module} (${nth})`);
      else if (/^\S+$/.test(line)) update(`${doing}, ${++compiled} packages compiled`);
      else update(doing);
    };
    await (recipe.folder === undefined ? buildProgram(recipe, pin, making, onLine) : copyFolder(recipe, making));
  });
  return join(folder, name);
}

async function buildProgram(recipe: Recipe, pin: Pin, making: string, onLine: (line: string) => void): Promise<void> {
  const out = join(making, "out");
  const work = join(making, "work");
  mkdirSync(out);
  mkdirSync(work);
  await command(
    ["go", "build", "-v", "-mod=readonly", "-trimpath", "-ldflags", pin.ldflags, "-o", `${out}/`, recipe.package ?? ""],
    // GOTMPDIR: what a killed build leaves behind lies in the entry and goes with it.
    { cwd: moduleFolder(recipe), env: { ...goEnvironment(), GOTMPDIR: work }, onLine },
  );
  // Go names a program after its package, which for etcd is `server`.
  renameSync(join(out, programName(recipe.package ?? "")), join(making, recipe.name));
  rmSync(out, { recursive: true });
  rmSync(work, { recursive: true });
}

async function copyFolder(recipe: Recipe, making: string): Promise<void> {
  const described = await command(["go", "mod", "download", "-json", recipe.versionOf], {
    cwd: moduleFolder(recipe),
    env: goEnvironment(),
  });
  const { Dir: dir } = JSON.parse(described) as { Dir: string };
  // The module cache is read-only; a copy of ours must not be, or the cache could not be emptied with `rm -r`.
  cpSync(join(dir, recipe.folder ?? ""), join(making, recipe.name), { recursive: true, mode: 0 });
  await command(["chmod", "-R", "u+w", making]);
}

function programName(packagePath: string): string {
  const last = basename(packagePath);
  return /^v\d+$/.test(last) ? basename(packagePath.slice(0, -last.length - 1)) : last;
}

/** The user's settings for how Go reaches its modules stay; those that change what is built do not count. */
function goEnvironment(): NodeJS.ProcessEnv {
  const { GOOS: _os, GOARCH: _arch, ...rest } = process.env;
  return { ...rest, CGO_ENABLED: "0", GOFLAGS: "-buildvcs=false", GOWORK: "off", GO111MODULE: "on" };
}

/** What `go` says of itself without fetching another toolchain; undefined where there is none. */
export async function goVersion(timeoutMs = 1_500): Promise<string | undefined> {
  const go = findCommand("go");
  if (go === undefined) return undefined;
  try {
    // Without a home Go writes no telemetry, and without the user's settings it fetches no other toolchain.
    const env = { PATH: process.env["PATH"], GOTOOLCHAIN: "local" };
    const out = await command([go, "version"], { cwd: "/", env, timeoutMs });
    return /go(\d+\.\d+(?:\.\d+)?)/.exec(out)?.[1];
  } catch {
    return undefined;
  }
}

/** The least Go that the given parts can be built with. */
export function neededGo(names: readonly PartName[]): string {
  const needs = names.map((name) => requiredGo(readFileSync(join(moduleFolder(RECIPES[name]), "go.mod"), "utf8")));
  return needs.sort(compareVersions).at(-1) ?? "1.25.0";
}

export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (left?.[i] ?? 0) - (right?.[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

async function checkGo(names: readonly PartName[]): Promise<void> {
  const needed = neededGo(names);
  const has = await goVersion(10_000);
  if (has !== undefined && compareVersions(has, needed) >= 0) return;
  const problem = has === undefined ? "there is no Go" : `Go ${has} is too old`;
  throw new Error(
    `${names.join(", ")}: must be built, and ${problem}; install Go ${needed} or later from https://go.dev/dl/`,
  );
}
