// What in the bundle is not podpin's own: which packages, under which licences. The list goes into the bundle itself, behind
// the code, so that whoever passes the file on passes the licences on; the image's bill of materials is read from there.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly licence: string;
  /** What the licence wants to be passed on. */
  readonly text: string;
}

/** Packages of which the bundle has something, by name. @param files as esbuild's metafile names them */
export function thirdParties(repository: string, files: Iterable<string>): ThirdParty[] {
  const folders = new Set<string>();
  for (const file of files) {
    const [folder] = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? [];
    if (folder !== undefined) folders.add(join(repository, folder));
  }
  return [...folders].map(read).sort((left, right) => (left.name < right.name ? -1 : 1));
}

function read(folder: string): ThirdParty {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Record<string, unknown>;
  const { name, version, license } = manifest;
  if (typeof name !== "string" || typeof version !== "string" || typeof license !== "string") {
    throw new Error(`${folder}/package.json: got no name, version or license; the image needs to name all three`);
  }
  const file = readdirSync(folder).find((entry) => /^licen[cs]e(\.\w+)?$/i.test(entry));
  const text = file === undefined ? inReadme(folder) : readFileSync(join(folder, file), "utf8");
  return { name, version, licence: license, text: text.trim() };
}

function inReadme(folder: string): string {
  const [, text] = /^#* ?License\n(?:[-=]+\n)?([^]*)$/im.exec(readFileSync(join(folder, "README.md"), "utf8")) ?? [];
  if (text === undefined || !/copyright/i.test(text)) throw new Error(`${folder}: there is no licence to pass on`);
  return text;
}

/** Begins each line of the bundle that is an entry of a CycloneDX bill of materials. */
export const COMPONENT = "//:component ";

/** A comment for the end of the bundle; nothing for one that is all podpin's own. */
export function notices(packages: readonly ThirdParty[]): string {
  if (packages.length === 0) return "";
  const components = packages.map(({ name, version, licence }) => {
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    return COMPONENT + JSON.stringify({ type: "library", name, version, licenses: [{ expression: licence }], purl });
  });
  const texts = new Map<string, string[]>();
  for (const { name, text } of packages) texts.set(text, [...(texts.get(text) ?? []), name]);
  const licences = [...texts].map(([text, names]) => `${names.join(", ")}:\n\n${text.replaceAll("*/", "* /")}\n`);
  return `\n/* Parts of this file are from other packages, under these licences.\n\n${licences.join("\n")}*/\n${components.join("\n")}\n`;
}
