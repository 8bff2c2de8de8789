// Which executables serve `kubernetes` and `gcp` resources: the real plugin where the machine has one, else a stand-in.
import { access, constants, readdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

import { bundlePlugin } from "./plugin/bundle";

export type PluginName = "gcp" | "kubernetes";

export interface Plugin {
  readonly kind: "real" | "stand-in";
  /** For people: the executable that serves. */
  readonly where: string;
}

/**
 * Puts the plugin into `bin`, under the name that the engine looks for.
 * @param env the user's environment: a plugin on PATH wins over one in `$PULUMI_HOME/plugins`, as with the engine itself
 */
export async function installPlugin(
  name: PluginName,
  bin: string,
  node: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<Plugin> {
  const executable = `pulumi-resource-${name}`;
  const real = (await onPath(executable, env)) ?? (await inPluginFolder(name, executable, env));
  if (real !== undefined) {
    await symlink(real, join(bin, executable));
    return { kind: "real", where: real };
  }
  return installStandIn(name, bin, node);
}

/** The same, but never the machine's own. */
export async function installStandIn(name: PluginName, bin: string, node: string): Promise<Plugin> {
  const entry = join(__dirname, `${name}-plugin`, "main.ts");
  const standIn = { name: `pulumi-resource-${name}`, entry, sdk: `@pulumi/${name}` };
  return { kind: "stand-in", where: await bundlePlugin(standIn, bin, node) };
}

async function onPath(executable: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  for (const folder of folders) {
    const file = join(folder, executable);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

/** The newest of the versions that `pulumi plugin install` has left. */
async function inPluginFolder(
  name: PluginName,
  executable: string,
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  const folder = join(env["PULUMI_HOME"] || join(env["HOME"] || homedir(), ".pulumi"), "plugins");
  const entries = await readdir(folder).catch(() => []);
  const version = new RegExp(`^resource-${name}-v(\\d+)\\.(\\d+)\\.(\\d+)$`);
  const versions = entries
    .map((entry) => version.exec(entry))
    .filter((match) => match !== null)
    .map(([entry, ...numbers]) => ({ entry, order: numbers.map(Number) }))
    .sort((a, b) => compare(b.order, a.order));
  for (const { entry } of versions) {
    const file = join(folder, entry, executable);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

function compare(left: readonly number[], right: readonly number[]): number {
  const at = left.findIndex((number, i) => number !== right[i]);
  return at < 0 ? 0 : (left[at] ?? 0) - (right[at] ?? 0);
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
