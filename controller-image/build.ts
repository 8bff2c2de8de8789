// Bundles the controller and the agent into the one file that the image runs.
import { mkdirSync, writeFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { dirname, join } from "node:path";

import { build, type Plugin } from "esbuild";

import { notices, thirdParties, type ThirdParty } from "./third-party";

const REPOSITORY = join(__dirname, "..");
const ENTRY = join(__dirname, "src/main.ts");

/**
 * What packages ask for only in other places than the image: streams of the web where Node.js has none, colours where somebody
 * has installed them. Each of them is ready for not finding it.
 */
const ELSEWHERE = /^(?:web-streams-polyfill(?:\/.*)?|supports-color)$/;

const withoutElsewhere: Plugin = {
  name: "without what is for elsewhere",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: ELSEWHERE }, ({ path }) => ({ path, namespace: "elsewhere" }));
    onLoad({ filter: /.*/, namespace: "elsewhere" }, ({ path }) => ({
      contents: `throw new Error(${JSON.stringify(`${path} is not part of the image`)});`,
    }));
  },
};

export interface Bundle {
  /** The same bytes wherever the repository lies. */
  readonly contents: Uint8Array;
  /** Files that it is made of, relative to the repository. */
  readonly files: readonly string[];
  /** Packages that some of them are from. */
  readonly packages: readonly ThirdParty[];
}

export async function makeBundle(entry: string = ENTRY): Promise<Bundle> {
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
    // The whole licences are at the end.
    legalComments: "none",
    plugins: [withoutElsewhere],
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
  const files = Object.keys(result.metafile.inputs).filter((input) => !input.startsWith("elsewhere:"));
  const packages = thirdParties(REPOSITORY, files);
  return { contents: Buffer.concat([file.contents, Buffer.from(notices(packages))]), files, packages };
}

/** The file itself. */
export async function bundled(entry?: string): Promise<Uint8Array> {
  return (await makeBundle(entry)).contents;
}

export async function bundle(outFile: string, entry?: string): Promise<void> {
  const bytes = await bundled(entry);
  mkdirSync(dirname(outFile), { recursive: true });
  writeFileSync(outFile, bytes);
}
