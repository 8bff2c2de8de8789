// An example as a stranger would have it: its own folder, the packed library, and the dependencies that it declares.
import { cp, mkdir, readFile, rm, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { packedLibrary, REPOSITORY } from "./package";

const NOT_COPIED = new Set(["node_modules", "dist"]);

/**
 * Copies a program into a folder and gives it a `node_modules`: the library as it is published, and of this repository's
 * packages those that the program's package.json declares.
 * @param exampleDir has a package.json
 * @param targetDir is made; it must not have a program in it
 */
export async function stageExample(exampleDir: string, targetDir: string): Promise<void> {
  await cp(exampleDir, targetDir, {
    recursive: true,
    errorOnExist: true,
    force: false,
    // A stack's settings file next to the program belongs to somebody's own stack.
    filter: (file) => !NOT_COPIED.has(basename(file)) && !/^Pulumi\..+\.ya?ml$/.test(basename(file)),
  });
  const modules = join(targetDir, "node_modules");
  await rm(modules, { recursive: true, force: true });
  await mkdir(modules, { recursive: true });
  for (const name of await declared(join(exampleDir, "package.json"))) {
    const target = join(modules, name);
    if (name === "podpin") {
      // A copy, not a link: what a link leads to would look for its own dependencies where it lies.
      await cp(await packedLibrary(), target, { recursive: true });
      continue;
    }
    const installed = join(REPOSITORY, "node_modules", name);
    if (!existsSync(installed)) {
      throw new Error(
        `${join(exampleDir, "package.json")}: got the dependency "${name}", which this repository does not have; ` +
          `add it to the repository's devDependencies or take it out of the program`,
      );
    }
    await mkdir(dirname(target), { recursive: true });
    await symlink(installed, target);
  }
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

async function declared(path: string): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(path, "utf8")) as Manifest;
  return Object.keys({ ...manifest.dependencies, ...manifest.devDependencies });
}
