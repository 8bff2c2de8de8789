// Looks for parts that the machine has already: in KUBEBUILDER_ASSETS, on PATH, in the cache.
import { accessSync, constants, mkdtempSync, realpathSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, delimiter, dirname, join } from "node:path";

import { type CacheEntry, fromCache } from "./cache";
import { command } from "./command";
import { type PartName, type Pin, RECIPES, judge, pinOf } from "./recipes";

/** How many builds of one part stay in the cache. */
const KEEP_BUILDS = 3;

export interface Located {
  readonly path: string;
  /** For people: `from PATH, v1.35.4`. */
  readonly from: string;
}

export interface Search {
  readonly found?: Located;
  /** Why candidates were passed over, for people. */
  readonly passedOver: readonly string[];
}

export function cacheEntry(name: PartName, pin: Pin = pinOf(RECIPES[name])): CacheEntry {
  return { folder: `parts/${name}`, key: pin.key, keep: KEEP_BUILDS };
}

export function cachedPart(name: PartName): Located | undefined {
  const pin = pinOf(RECIPES[name]);
  const folder = fromCache(cacheEntry(name, pin));
  return folder === undefined ? undefined : { path: join(folder, name), from: `from the cache, ${pin.version}` };
}

/** @param timeoutMs how long one candidate may take to tell its version */
export async function searchPart(name: PartName, timeoutMs = 2_000): Promise<Search> {
  const { passedOver, found } = await searchMachine(name, timeoutMs);
  return { found: found ?? cachedPart(name), passedOver };
}

async function searchMachine(name: PartName, timeoutMs: number): Promise<Search> {
  const passedOver: string[] = [];
  if (RECIPES[name].alwaysBuilt === true) return { passedOver };
  for (const { path, place } of candidates(name)) {
    const verdict = await verdictOn(name, path, timeoutMs);
    if (verdict.problem === undefined)
      return { found: { path, from: `from ${place}, ${verdict.version}` }, passedOver };
    passedOver.push(`${name} in ${place} is ${verdict.version}: ${verdict.problem}`);
  }
  return { passedOver };
}

function candidates(name: PartName): { path: string; place: string }[] {
  const assets = process.env["KUBEBUILDER_ASSETS"];
  const inAssets = assets ? join(assets, name) : undefined;
  const onPath = findCommand(name);
  return [
    ...(inAssets !== undefined && isProgram(inAssets) ? [{ path: inAssets, place: "KUBEBUILDER_ASSETS" }] : []),
    ...(onPath !== undefined ? [{ path: onPath, place: "PATH" }] : []),
  ];
}

async function verdictOn(
  name: PartName,
  path: string,
  timeoutMs: number,
): Promise<{ version: string; problem?: string }> {
  const recipe = RECIPES[name];
  if (name === "pulumi-language-nodejs") return verdictOnLanguageHost(path, timeoutMs);
  // Pulumi writes a log folder into its home even to tell its version; let it not be the user's.
  const home = mkdtempSync(join(tmpdir(), "podpin-version-"));
  try {
    const env = { ...process.env, PULUMI_HOME: home, PULUMI_SKIP_UPDATE_CHECK: "true" };
    return judge(name, await command([path, ...(recipe.versionArgs ?? [])], { timeoutMs, env }), pinOf(recipe).version);
  } catch {
    return { version: "unknown", problem: "it does not tell its version" };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

/** The language host cannot tell its version. It is released together with the engine, so it is judged by the one beside it. */
async function verdictOnLanguageHost(path: string, timeoutMs: number): Promise<{ version: string; problem?: string }> {
  for (const folder of new Set([dirname(path), dirname(realpathSync(path))])) {
    const engine = join(folder, "pulumi");
    if (isProgram(engine)) return verdictOn("pulumi", engine, timeoutMs);
  }
  return { version: "unknown", problem: "no pulumi is beside it" };
}

/** Absolute path of a command, by PATH and by the folders where system administration's commands live. */
export function findCommand(name: string, path = process.env["PATH"] ?? ""): string | undefined {
  const folders = [...path.split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"];
  for (const folder of folders) {
    // Commands in node_modules/.bin are packages' own helpers, never the real part.
    if (folder === "" || basename(folder) === ".bin") continue;
    const candidate = join(folder, name);
    if (isProgram(candidate)) return candidate;
  }
  return undefined;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
