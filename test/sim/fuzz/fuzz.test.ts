// The laws of `decide` and `plan` against a million object sets, in processes of their own.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { objectSet } from "./objects";

const ROOT = join(__dirname, "..", "..", "..");

test("decide and plan keep their laws for a million object sets", () => {
  const command = ["--import", "tsx", join(__dirname, "main.ts"), "--count", "1000000"];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: "utf8" });
  const text = `${stdout}${status === 0 ? "" : stderr}`;
  expect({ status, text }).toEqual({
    status: 0,
    text: expect.stringMatching(/^1000000 object sets, 0 failures in \d+ s\n$/),
  });
}, 900_000);

test("a number names one object set, and both sound and broken ones are among them", () => {
  expect(objectSet(7)).toEqual(objectSet(7));
  expect(objectSet(8)).not.toEqual(objectSet(7));
  const names = Array.from(
    { length: 200 },
    (_, seed) => (objectSet(seed).route["metadata"] as { name?: unknown } | null)?.name,
  );
  expect(names.filter((name) => name === "route").length).toBeGreaterThan(100);
  expect(names.filter((name) => name !== "route").length).toBeGreaterThan(0);
});
