// A program that was deployed with an earlier version previews without a replacement: what that version declared is there
// still, under the same names. `recorded/` has one file for each version, which record-version.ts wrote; a new resource may
// come, none may go.
// What it does not prove: that the values which may change in place are the same. CHANGELOG.md tells of those.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import * as podpin from "../../lib/pulumi";
import { useMocks } from "./graph";
import { identities, type Identity } from "./upgrade-program";

useMocks({ preview: false });

const folder = path.join(__dirname, "recorded");
const versions = readdirSync(folder);
const recorded = (version: string) =>
  JSON.parse(readFileSync(path.join(folder, version), "utf8")) as readonly Identity[];

let now: readonly Identity[];

beforeAll(async () => {
  now = await identities();
});

test("there is a version to upgrade from", () => {
  expect(versions.length).toBeGreaterThan(0);
});

test("the program has every component", () => {
  const components = Object.keys(podpin).filter((name) => /^(Persistent|Pinned|Pod|Byoip)\w+$/.test(name));
  const declared = new Set(now.map(({ urn }) => urn));
  const missing = components
    .filter((name) => !["PodNetworkType", "PodSetupMethod"].includes(name))
    .filter((name) => ![...declared].some((urn) => urn.startsWith(`podpin:index:${name}::`)));
  expect(missing).toEqual([]);
});

test("no two resources have one URN", () => {
  const urns = now.map(({ urn }) => urn);
  expect(urns.filter((urn, index) => urns.indexOf(urn) !== index)).toEqual([]);
});

test.each(versions)("an upgrade from %s renames and replaces nothing", (version) => {
  const then = recorded(version);
  expect(then.length).toBeGreaterThan(90);
  const urns = new Set(then.map(({ urn }) => urn));
  // Exactly: a field that is new is a replacement as well where its change would be one.
  expect(now.filter(({ urn }) => urns.has(urn)).sort(byUrn)).toEqual([...then].sort(byUrn));
});

const byUrn = (a: Identity, b: Identity): number => (a.urn < b.urn ? -1 : 1);
