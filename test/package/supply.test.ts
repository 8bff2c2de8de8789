// Where what podpin is made of comes from and under which licences: read from the lockfile and from the bundle itself.
import { readFileSync } from "node:fs";
import path from "node:path";

import { makeBundle } from "../../controller-image/build";
import { COMPONENT } from "../../controller-image/third-party";
import { REPOSITORY } from "./packed";

// Bundles are made, which a machine that has much to do takes its time for.
jest.setTimeout(300_000);

interface Locked {
  readonly version?: string;
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

/** What google-auth-library is made of, with the licence of each. By hand: what joins them is looked at by a person first. */
const IN_THE_BUNDLE: Readonly<Record<string, string>> = {
  "agent-base": "MIT",
  "base64-js": "MIT",
  "bignumber.js": "MIT",
  "buffer-equal-constant-time": "BSD-3-Clause",
  "data-uri-to-buffer": "MIT",
  debug: "MIT",
  "ecdsa-sig-formatter": "Apache-2.0",
  extend: "MIT",
  "fetch-blob": "MIT",
  "formdata-polyfill": "MIT",
  gaxios: "Apache-2.0",
  "gcp-metadata": "Apache-2.0",
  "google-auth-library": "Apache-2.0",
  "google-logging-utils": "Apache-2.0",
  "https-proxy-agent": "MIT",
  "json-bigint": "MIT",
  jwa: "MIT",
  jws: "MIT",
  ms: "MIT",
  "node-domexception": "MIT",
  "node-fetch": "MIT",
  "safe-buffer": "MIT",
};

test("the bundle in the image is podpin's own code, under podpin's licence, and what google-auth-library is made of", async () => {
  const { files } = await makeBundle();
  const own = files.filter((file) => !file.startsWith("node_modules/"));
  expect(own.length).toBeGreaterThan(50);
  expect(own.filter((file) => !/^(lib|controller-image)\//.test(file))).toEqual([]);
  for (const manifest of ["package.json", "controller-image/package.json"]) {
    expect(json<{ license: string }>(manifest).license).toBe("Apache-2.0");
  }
});

test("what the bundle has of others is known, permissive, and as the lockfile holds it", async () => {
  const { packages: parts } = await makeBundle();
  expect(Object.fromEntries(parts.map(({ name, licence }) => [name, licence]))).toEqual(IN_THE_BUNDLE);
  expect(Object.values(IN_THE_BUNDLE).filter((licence) => !PERMISSIVE.has(licence))).toEqual([]);
  const locked = parts.map(({ name }) => [name, packages[`node_modules/${name}`]?.version]);
  expect(locked).toEqual(parts.map(({ name, version }) => [name, version]));
});

test("the bundle passes on the licence of each package, and names it for the bill of materials", async () => {
  const { contents, packages: parts } = await makeBundle();
  const text = Buffer.from(contents).toString("utf8");
  expect(parts.filter((one) => !text.includes(one.text)).map(({ name }) => name)).toEqual([]);
  expect(parts.filter((one) => !/copyright/i.test(one.text)).map(({ name }) => name)).toEqual([]);
  const components = text
    .split("\n")
    .filter((line) => line.startsWith(COMPONENT))
    .map((line) => JSON.parse(line.slice(COMPONENT.length)) as Readonly<Record<string, unknown>>);
  expect(components).toEqual(
    parts.map(({ name, version, licence }) => ({
      type: "library",
      name,
      version,
      licenses: [{ expression: licence }],
      purl: `pkg:npm/${name}@${version}`,
    })),
  );
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
