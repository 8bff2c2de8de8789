// Names that a user meets on a cluster stand in the pages, so that a search finds them.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { FailReason } from "../../lib/model/binding";
import { REPOSITORY } from "./messages";

const textsBelow = (folder: string, extension: string): string[] =>
  readdirSync(path.join(REPOSITORY, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(extension) && !file.includes("node_modules"))
    .map((file) => readFileSync(path.join(REPOSITORY, folder, file), "utf8"));

const pages = textsBelow("docs", ".md").join("\n");
const sources = textsBelow("controller-image/src", ".ts").join("\n");

/** What the sources have and no page names. */
const unnamed = (names: Iterable<string>): string[] => [...new Set(names)].filter((name) => !pages.includes(name));

test("every reason for which a node does not deliver an address", () => {
  expect(unnamed(Object.values(FailReason).map((reason) => `\`${reason}\``))).toEqual([]);
});

test("every reason that is told of Google Cloud", () => {
  const gce = textsBelow("controller-image/src/fabric/gce", ".ts").join("\n");
  const reasons = [...gce.matchAll(/\breason: "([A-Z][A-Za-z]+)"/g)].map(([, reason = ""]) => `\`${reason}\``);
  expect(reasons.length).toBeGreaterThan(20);
  expect(unnamed(reasons)).toEqual([]);
});

test("every metric, and no other", () => {
  const metrics = [...sources.matchAll(/"(podpin_[a-z_]+)"/g)].map(([, name = ""]) => name);
  expect(metrics.length).toBeGreaterThan(20);
  expect(unnamed(metrics)).toEqual([]);
  const told = [...pages.matchAll(/`(podpin_[a-z_]+)/g)].map(([, name = ""]) => name);
  expect(told.filter((name) => !metrics.includes(name))).toEqual([]);
});
