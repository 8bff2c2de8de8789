// Image tools run where what they write outside their own storage disappears with them.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { isolated } from "../../lab/images/isolate";
import { command } from "../../lab/parts/command";

const run = (script: string, keep: string): Promise<string> =>
  command(isolated(["sh", "-ec", script, "sh", keep], keep), { name: "isolated", timeoutMs: 10_000 });

// Their own places are the hard case: there the cache of a service account may lie.
test.each(["/tmp", "/var/lib", "/run"])(
  "a folder in %s is kept, and the rest of /run and /var/lib is hidden",
  async (parent) => {
    const base = mkdtempSync(join(parent, "podpin-isolated-"));
    try {
      const keep = join(base, "cache");
      mkdirSync(keep);
      writeFileSync(join(keep, "before"), "");
      const mark = `podpin-${process.pid}`;
      const seen = await run(`ls "$1"; touch "$1/after" /run/${mark} /var/lib/${mark}`, keep);
      expect(seen).toBe("before\n");
      expect(readdirSync(keep).sort()).toEqual(["after", "before"]);
      expect([existsSync(`/run/${mark}`), existsSync(`/var/lib/${mark}`)]).toEqual([false, false]);
    } finally {
      rmSync(base, { recursive: true, force: true });
    }
  },
);

test("there is no network: no link is up", async () => {
  expect(await run("ip -oneline link show up", "/tmp")).toBe("");
});

test("every process ends with it", async () => {
  const mark = 86_400 + (process.pid % 1000);
  await run(`setsid sleep ${mark} >/dev/null 2>&1 &`, "/tmp");
  const lines = await command(["ps", "-eo", "args"]);
  expect(lines.split("\n").filter((line) => line.trim() === `sleep ${mark}`)).toEqual([]);
});
