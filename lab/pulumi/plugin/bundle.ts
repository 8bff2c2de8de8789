// Makes a stand-in plugin's executable: one bundled file that starts fast, and a launcher of the name the engine looks for.
import { build } from "esbuild";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface StandIn {
  /** For example `pulumi-resource-gcp`. */
  readonly name: string;
  /** Absolute path of its main file. */
  readonly entry: string;
  /** The package whose plugin it stands in for, such as `@pulumi/gcp`. */
  readonly sdk: string;
}

/**
 * Writes the stand-in into a folder and returns the executable's path.
 * @param node the Node.js that runs it
 */
export async function bundlePlugin(standIn: StandIn, folder: string, node: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const script = join(folder, `${standIn.name}.cjs`);
  await build({
    entryPoints: [standIn.entry],
    bundle: true,
    platform: "node",
    target: "node22",
    format: "cjs",
    minify: true,
    outfile: script,
    logLevel: "error",
    define: { STAND_IN_VERSION: JSON.stringify(await sdkVersion(standIn.sdk)) },
    // The SDK's messages and ours must be of one copy of this package; the SDK's own may differ from the one next to us.
    alias: { "google-protobuf": dirname(sdkRequire().resolve("google-protobuf/package.json")) },
  });
  const launcher = join(folder, standIn.name);
  await writeFile(launcher, `#!/bin/sh\nexec ${quoted(node)} ${quoted(script)} "$@"\n`);
  await chmod(launcher, 0o755);
  return launcher;
}

function sdkRequire(): NodeJS.Require {
  return createRequire(require.resolve("@pulumi/pulumi/package.json"));
}

async function sdkVersion(sdk: string): Promise<string> {
  const manifest = await readFile(require.resolve(`${sdk}/package.json`), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
