// Bundles the controller and the agent into the one file that the image runs.
import { mkdirSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";

import { build } from "esbuild";

const REPOSITORY = join(__dirname, "..");
const ENTRY = join(__dirname, "src/main.ts");

/** The bundle, the same bytes wherever the repository lies. */
export async function bundled(entry: string = ENTRY): Promise<Uint8Array> {
  const result = await build({
    entryPoints: [entry],
    // Paths in the output are relative to this.
    absWorkingDir: REPOSITORY,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "cjs",
    // Names stay as written and lines are short, so that a stack trace in a log can be read; indentation goes, as the
    // bundle is a large part of what everybody downloads who installs the package.
    minifySyntax: true,
    minifyWhitespace: true,
    lineLimit: 120,
    sourcemap: false,
    legalComments: "none",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const imports = Object.values(result.metafile.outputs).flatMap((output) => output.imports);
  const outside = [...new Set(imports.filter((to) => to.external && !isBuiltin(to.path)).map((to) => to.path))];
  if (outside.length > 0) {
    throw new Error(
      `${entry}: the bundle needs ${outside.join(", ")} at run time; the image has nothing besides Node.js`,
    );
  }
  const file = result.outputFiles[0];
  if (file === undefined) throw new Error(`${entry}: esbuild wrote nothing`);
  return file.contents;
}

export async function bundle(outFile: string, entry?: string): Promise<void> {
  const bytes = await bundled(entry);
  mkdirSync(dirname(outFile), { recursive: true });
  writeFileSync(outFile, bytes);
}
