// Which executable serves `kubernetes` resources: the real plugin where the machine has one, else the stand-in.
import { access, constants, readdir, symlink } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, isAbsolute, join } from "node:path";

import { bundleKubernetesPlugin, PLUGIN_NAME } from "./kubernetes-plugin/bundle";

export interface KubernetesPlugin {
  readonly kind: "real" | "stand-in";
  /** For people: the executable that serves. */
  readonly where: string;
}

/**
 * Puts the plugin into `bin`, under the name that the engine looks for.
 * @param env the user's environment: a plugin on PATH wins over one in `$PULUMI_HOME/plugins`, as with the engine itself
 */
export async function installKubernetesPlugin(
  bin: string,
  node: string,
  env: NodeJS.ProcessEnv = process.env,
): Promise<KubernetesPlugin> {
  const real = (await onPath(env)) ?? (await inPluginFolder(env));
  if (real === undefined) return { kind: "stand-in", where: await bundleKubernetesPlugin(bin, node) };
  await symlink(real, join(bin, PLUGIN_NAME));
  return { kind: "real", where: real };
}

async function onPath(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folders = (env["PATH"] ?? "").split(delimiter).filter(isAbsolute);
  for (const folder of folders) {
    const file = join(folder, PLUGIN_NAME);
    if (await isExecutable(file)) return file;
  }
  return undefined;
}

/** The newest of the versions that `pulumi plugin install` has left. */
async function inPluginFolder(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const folder = join(env["PULUMI_HOME"] || join(env["HOME"] || homedir(), ".pulumi"), "plugins");
  const entries = await readdir(folder).catch(() => []);
  const versions = entries
    .map((entry) => /^resource-kubernetes-v(\d+)\.(\d+)\.(\d+)$/.exec(entry))
    .filter((match) => match !== null)
    .map(([entry, ...numbers]) => ({ entry, order: numbers.map(Number) }))
    .sort((a, b) => compare(b.order, a.order));
  for (const { entry } of versions) {
    const file = join(folder, entry, PLUGIN_NAME);
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
