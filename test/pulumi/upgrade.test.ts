// A program that was deployed with an earlier version previews without a replacement: what that version declared is there
// still, under the same names. `recorded/` has one file for each version; a new resource may come, none may go.
// What it does not prove: that the values which may change in place are the same. CHANGELOG.md tells of those.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";

import { useMocks } from "./graph";
import { identities, type Identity } from "./upgrade-program";

useMocks({ preview: false });

const folder = path.join(__dirname, "recorded");
const versions = readdirSync(folder);
const key = ({ type, name }: Identity) => `${type} ${name}`;

let now: readonly Identity[];

beforeAll(async () => {
  now = await identities();
});

test("there is a version to upgrade from", () => {
  expect(versions.length).toBeGreaterThan(0);
});

test.each(versions)("an upgrade from %s renames and replaces nothing", (version) => {
  const then = JSON.parse(readFileSync(path.join(folder, version), "utf8")) as readonly Identity[];
  expect(then.length).toBeGreaterThan(20);
  const byKey = (all: readonly Identity[]) => Object.fromEntries(all.map((identity) => [key(identity), identity]));
  expect(byKey(now)).toMatchObject(byKey(then));
});
