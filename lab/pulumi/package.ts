// The library as its users get it: compiled, and only the files that the package ships.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";

import { packContext } from "../../controller-image/pack";
import { throughCache } from "../parts/cache";
import { command } from "../parts/command";

export const REPOSITORY = resolve(__dirname, "../..");

/** What a build reads, beside what package.json names in `files`. */
const SOURCES = [
  "package.json",
  "tsconfig.json",
  "tsconfig.build.json",
  "LICENSE",
  "README.md",
  "lib",
  "controller-image",
];
const NOT_SOURCES = /^(node_modules|dist|\.lab|\.bench|coverage)$|\.tsbuildinfo$/;

/** The folder of the packed library; built once for each state of its sources. */
export async function packedLibrary(): Promise<string> {
  const sources = await sourceFiles();
  const key = await contentHash(sources);
  return throughCache({ folder: "package", key, keep: 3 }, (folder) => pack(sources, folder));
}

async function pack(sources: readonly string[], folder: string): Promise<void> {
  const workshop = await mkdtemp(join(tmpdir(), "podpin-package-"));
  try {
    for (const file of sources) {
      await mkdir(dirname(join(workshop, file)), { recursive: true });
      await cp(join(REPOSITORY, file), join(workshop, file));
    }
    await symlink(join(REPOSITORY, "node_modules"), join(workshop, "node_modules"));
    const tsc = [process.execPath, require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json"];
    await command(tsc, { name: "compiling the library (tsc -p tsconfig.build.json)", cwd: workshop });
    await packContext(join(workshop, "dist", "controller-image"));
    for (const file of await packedFiles(workshop)) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await cp(join(workshop, file), join(folder, file));
    }
  } finally {
    await rm(workshop, { recursive: true, force: true });
  }
}

/** What npm would publish. */
async function packedFiles(folder: string): Promise<readonly string[]> {
  const output = await command(["npm", "pack", "--dry-run", "--json", "--ignore-scripts", "--workspaces=false"], {
    name: "npm pack",
    cwd: folder,
  });
  // A list in older npm versions, an object by package name in newer ones.
  const packed = Object.values(JSON.parse(output) as Record<string, { files: { path: string }[] }>)[0];
  return packed?.files.map(({ path }) => path) ?? [];
}

async function sourceFiles(): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")) as { files?: string[] };
  const named = (manifest.files ?? []).filter((entry) => !entry.startsWith("!") && !/[*?]/.test(entry));
  const roots = new Set([...SOURCES, ...named.map((entry) => entry.replace(/^\.?\/|\/$/g, ""))]);
  const files: string[] = [];
  for (const root of roots) {
    if (existsSync(join(REPOSITORY, root)) && !NOT_SOURCES.test(root)) files.push(...(await filesBelow(root)));
  }
  return [...new Set(files)].sort();
}

async function filesBelow(path: string): Promise<string[]> {
  const full = join(REPOSITORY, path);
  const entries = await readdir(full, { withFileTypes: true }).catch(() => undefined);
  if (entries === undefined) return [path];
  const nested = entries
    .filter((entry) => !NOT_SOURCES.test(entry.name))
    .map((entry) => filesBelow(relative(REPOSITORY, join(full, entry.name))));
  return (await Promise.all(nested)).flat();
}

async function contentHash(files: readonly string[]): Promise<string> {
  const hash = createHash("sha256");
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(REPOSITORY, file)));
  return hash.digest("hex").slice(0, 16);
}
