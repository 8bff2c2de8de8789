// Where what podpin is made of comes from and under which licences: read from the lockfile and from the bundle itself.
import { build } from "esbuild";
import { readFileSync } from "node:fs";
import path from "node:path";

import { REPOSITORY } from "./packed";

interface Locked {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly inBundle?: boolean;
  readonly license?: string;
}

const json = <T>(file: string): T => JSON.parse(readFileSync(path.join(REPOSITORY, file), "utf8")) as T;
const { packages } = json<{ packages: Record<string, Locked> }>("package-lock.json");
const WORKSPACES: readonly string[] = ["", ...json<{ workspaces: string[] }>("package.json").workspaces];

/** Entries of packages that npm downloads; what another package carries inside comes with that one. */
const downloaded = Object.entries(packages).filter(
  ([name, { link, inBundle }]) => !WORKSPACES.includes(name) && link !== true && inBundle !== true,
);

test("the lockfile names no place: npm asks the registry that it is told to ask", () => {
  expect(downloaded.length).toBeGreaterThan(100);
  const elsewhere = downloaded.filter(([, { resolved }]) => resolved !== undefined);
  expect(elsewhere.map(([name]) => name)).toEqual([]);
});

test("every downloaded package is held to its content", () => {
  const loose = downloaded.filter(([, { integrity }]) => !/^sha512-[\w+/]{86}==$/.test(integrity ?? ""));
  expect(loose.map(([name]) => name)).toEqual([]);
});

test("the published package brings no other package along", () => {
  const manifest = json<Record<string, unknown>>("package.json");
  for (const field of ["dependencies", "optionalDependencies", "bundledDependencies", "bundleDependencies"]) {
    expect([field, manifest[field]]).toEqual([field, undefined]);
  }
});

test("the bundle in the image is podpin's own code, under podpin's licence", async () => {
  const { metafile } = await build({
    entryPoints: [path.join(REPOSITORY, "controller-image/src/main.ts")],
    absWorkingDir: REPOSITORY,
    bundle: true,
    platform: "node",
    metafile: true,
    write: false,
    logLevel: "silent",
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.length).toBeGreaterThan(50);
  expect(inputs.filter((file) => !/^(lib|controller-image)\//.test(file))).toEqual([]);
  for (const manifest of ["package.json", "controller-image/package.json"]) {
    expect(json<{ license: string }>(manifest).license).toBe("Apache-2.0");
  }
});

/** SPDX identifiers that ask for no more than a notice, or nothing. */
const PERMISSIVE = new Set([
  ...["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC-BY-3.0", "CC-BY-4.0", "CC0-1.0"],
  ...["ISC", "MIT", "Python-2.0"],
]);

/** Read by a person: what they say instead of an identifier. */
const OTHER: Readonly<Record<string, string>> = {
  // The MIT licence, word for word, in its file LICENSE.
  "node_modules/@logdna/tail-file": "SEE LICENSE IN LICENSE",
  // The BSD licence of three clauses, in its file LICENSE.
  "node_modules/url-template": "BSD",
};

test("what it is developed with has licences that are known and ask for no more than a notice", () => {
  const doubtful = downloaded
    .filter(
      ([, { license = "" }]) =>
        !license.split(/[()\s]+/).every((id) => id === "" || id === "AND" || id === "OR" || PERMISSIVE.has(id)),
    )
    .map(([name, { license }]) => [name, license]);
  expect(Object.fromEntries(doubtful)).toEqual(OTHER);
});
