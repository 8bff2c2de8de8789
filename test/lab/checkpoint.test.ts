import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mendCheckpoint } from "../../lab/pulumi/checkpoint";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "podpin-checkpoint-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function written(text: string, before?: string): string {
  const stacks = join(folder, ".pulumi/stacks/whole-stack");
  mkdirSync(stacks, { recursive: true });
  writeFileSync(join(stacks, "dev.json"), text);
  if (before !== undefined) writeFileSync(join(stacks, "dev.json.bak"), before);
  return join(stacks, "dev.json");
}

test.each(["", '{"version":3,"check'])("a state that is cut off (%p) gives way to the one before", async (cut) => {
  const file = written(cut, '{"version":3}');
  expect(await mendCheckpoint(folder, "dev")).toBe(true);
  expect(readFileSync(file, "utf8")).toBe('{"version":3}');
});

test("a state that is whole stays, and so does another stack's", async () => {
  const file = written('{"version":3,"new":true}', '{"version":3}');
  expect([await mendCheckpoint(folder, "dev"), await mendCheckpoint(folder, "prod")]).toEqual([false, false]);
  expect(readFileSync(file, "utf8")).toContain("new");
});

test.each(["dev.json.attrs", "dev.json.bak.attrs"])(
  "attributes that are cut off (%s) go, and the state stays",
  async (name) => {
    const file = written('{"version":3,"new":true}', '{"version":3}');
    const whole = join(file, "..", "dev.json.attrs");
    writeFileSync(whole, '{"user.content_type":"json"}');
    const attributes = join(file, "..", name);
    writeFileSync(attributes, "");
    expect(await mendCheckpoint(folder, "dev")).toBe(true);
    expect(existsSync(attributes)).toBe(false);
    expect(existsSync(whole)).toBe(attributes !== whole);
    expect(readFileSync(file, "utf8")).toContain("new");
  },
);

test("a folder without any stack needs nothing", async () => {
  expect(await mendCheckpoint(folder, "dev")).toBe(false);
});

test("with nothing to put in its place it is said which file is missing", async () => {
  written("");
  await expect(mendCheckpoint(folder, "dev")).rejects.toThrow("dev.json.bak");
});
