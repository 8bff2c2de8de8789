import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type CacheEntry, cachePath, cacheRoot, fromCache, throughCache } from "../../lab/parts/cache";

const TSX = require.resolve("tsx/cli");
const CACHE = join(__dirname, "../../lab/parts/cache");
const entry = (key: string): CacheEntry => ({ folder: "parts/thing", key, keep: 2 });
const write = (text: string) => async (folder: string) => writeFileSync(join(folder, "thing"), text);

let root: string;
beforeEach(() => (root = mkdtempSync(join(tmpdir(), "podpin-cache-"))));
afterEach(() => rmSync(root, { recursive: true, force: true }));

const lockHolder = (): number => Number(readFileSync(join(root, "parts/thing/.lock"), "utf8"));
const generations = (): string[] => readdirSync(join(root, "parts/thing")).filter((name) => name !== ".lock");

test.each([
  [{ XDG_CACHE_HOME: "/var/cache" }, "/var/cache/podpin"],
  [{ XDG_CACHE_HOME: "relative" }, /\/\.cache\/podpin$/],
  [{}, /\/\.cache\/podpin$/],
])("with %j the cache is where the XDG specification says", (env, expected) => {
  expect(cacheRoot(env)).toEqual(typeof expected === "string" ? expected : expect.stringMatching(expected));
});

test("makes an entry once and finds it afterwards", async () => {
  let made = 0;
  const make = async (folder: string): Promise<void> => {
    made += 1;
    await write("x")(folder);
  };
  expect(fromCache(entry("v1"), root)).toBeUndefined();
  const first = await throughCache(entry("v1"), make, undefined, root);
  const second = await throughCache(entry("v1"), make, undefined, root);
  expect([first, second, made]).toEqual([cachePath(entry("v1"), root), first, 1]);
  expect(readFileSync(join(first, "thing"), "utf8")).toBe("x");
});

test("leaves nothing of an entry that could not be made, and makes it the next time", async () => {
  const failing = async (folder: string): Promise<void> => {
    await write("half")(folder);
    throw new Error("no space");
  };
  await expect(throughCache(entry("v1"), failing, undefined, root)).rejects.toThrow("no space");
  expect(generations()).toEqual([]);
  await throughCache(entry("v1"), write("whole"), undefined, root);
  expect(generations()).toEqual(["v1"]);
});

test("removes what a killed run left half made", async () => {
  mkdirSync(join(root, "parts/thing/.making-abc"), { recursive: true });
  await throughCache(entry("v1"), write("x"), undefined, root);
  expect(generations()).toEqual(["v1"]);
});

test("forgets generations beyond the newest ones, but none that was used within a day", async () => {
  for (const key of ["v1", "v2", "v3"]) await throughCache(entry(key), write(key), undefined, root);
  expect(generations()).toEqual(["v1", "v2", "v3"]);
  const longAgo = new Date(Date.now() - 48 * 3600 * 1000);
  for (const key of ["v1", "v2"]) utimesSync(cachePath(entry(key), root), longAgo, longAgo);
  await throughCache(entry("v4"), write("v4"), undefined, root);
  expect(generations()).toEqual(["v3", "v4"]);
});

describe("with another process", () => {
  /** Says `making`, and makes the entry when it is told to. */
  const other = (): ChildProcess => {
    const script = `
      const { throughCache } = require(${JSON.stringify(CACHE)});
      const { writeFileSync } = require("node:fs");
      throughCache(${JSON.stringify(entry("v1"))}, async (folder) => {
        process.stdout.write("making\\n");
        await new Promise((resolve) => process.stdin.once("data", resolve));
        writeFileSync(folder + "/thing", "theirs");
      }, () => {}, ${JSON.stringify(root)}).then(() => process.exit(0));
    `;
    return spawn(process.execPath, [TSX, "-e", script], { stdio: ["pipe", "pipe", "inherit"] });
  };
  const said = (child: ChildProcess): Promise<void> =>
    new Promise((resolve) => child.stdout?.once("data", () => resolve()));
  const ended = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.once("exit", () => resolve()));

  test("waits for the one that makes the same entry, tells who that is, and takes its result", async () => {
    const child = other();
    await said(child);
    const making = lockHolder();
    let told = "";
    const tell = (holder: string): void => {
      told = holder;
      child.stdin?.write("go on\n");
    };
    const path = await throughCache(entry("v1"), write("ours"), tell, root);
    expect(readFileSync(join(path, "thing"), "utf8")).toBe("theirs");
    expect(told).toBe(String(making));
  });

  test.each(["SIGINT", "SIGTERM"] as const)("nothing half made stays after %s", async (signal) => {
    const child = other();
    await said(child);
    const pid = lockHolder();
    const end = ended(child);
    process.kill(pid, signal);
    await end;
    expect(generations()).toEqual([]);
  });

  test("its lock is free at once when it is killed", async () => {
    const child = other();
    await said(child);
    const end = ended(child);
    process.kill(lockHolder(), "SIGKILL");
    await end;
    const path = await throughCache(entry("v1"), write("ours"), undefined, root);
    expect(existsSync(path)).toBe(true);
    expect(generations()).toEqual(["v1"]);
  });
});
