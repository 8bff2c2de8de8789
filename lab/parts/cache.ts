// The user's cache: entries that are made once, complete or absent, and shared by every clone and every run.
import { spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

import { orUndo } from "./undo";

const MAKING = ".making-";
/** A run of another clone may be using an entry right now; nothing is removed that was used within a day. */
const PRUNE_AFTER_MS = 24 * 3600 * 1000;

export interface CacheEntry {
  /** Folder below the cache's root that holds the generations of this entry, for example `parts/etcd`. */
  readonly folder: string;
  /** Names the generation by all that it is made from. */
  readonly key: string;
  /** How many generations stay. */
  readonly keep: number;
}

/** `$XDG_CACHE_HOME/podpin`; a relative value is ignored, as the XDG specification asks. */
export function cacheRoot(env: NodeJS.ProcessEnv = process.env): string {
  const xdg = env["XDG_CACHE_HOME"];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(homedir(), ".cache");
  return join(base, "podpin");
}

export function cachePath(entry: CacheEntry, root = cacheRoot()): string {
  return join(root, entry.folder, entry.key);
}

/** The entry if it is there, marked as used. */
export function fromCache(entry: CacheEntry, root = cacheRoot()): string | undefined {
  const path = cachePath(entry, root);
  if (!existsSync(path)) return undefined;
  utimesSync(path, new Date(), new Date());
  return path;
}

/**
 * The entry; made by `make` in a folder next to it where it is missing, and renamed when complete. Two runs that want
 * the same entry make it once: the second waits.
 *
 * @param onWait told when another run is making it
 */
export async function throughCache(
  entry: CacheEntry,
  make: (folder: string) => Promise<void>,
  onWait: (holder: string) => void = () => {},
  root = cacheRoot(),
): Promise<string> {
  const ready = fromCache(entry, root);
  if (ready !== undefined) return ready;

  const parent = join(root, entry.folder);
  mkdirSync(parent, { recursive: true });
  return withLock(join(parent, ".lock"), onWait, async () => {
    const meanwhile = fromCache(entry, root);
    if (meanwhile !== undefined) return meanwhile;
    // Only the holder of the lock makes anything here, so what lies about was left by a run that was killed.
    for (const name of readdirSync(parent)) if (name.startsWith(MAKING)) remove(join(parent, name));

    const making = mkdtempSync(join(parent, MAKING));
    return orUndo(
      () => remove(making),
      async () => {
        await make(making);
        const path = cachePath(entry, root);
        renameSync(making, path);
        utimesSync(path, new Date(), new Date());
        prune(parent, entry.keep);
        return path;
      },
    );
  });
}

/**
 * Runs `work` while holding a lock of the kernel on `file`. The kernel gives it back when its holder ends, however that
 * ends, so that no stale lock can exist.
 */
export async function withLock<T>(file: string, onWait: (holder: string) => void, work: () => Promise<T>): Promise<T> {
  // Node has no flock(2). The program holds the lock as long as its standard input, which is ours, stays open.
  const holder = spawn("flock", [file, "sh", "-c", "echo held; exec cat"], {
    stdio: ["pipe", "pipe", "ignore"],
    detached: true,
  });
  const release = (): void => {
    holder.stdin.destroy();
    try {
      // The whole group: flock starts a child, which holds the lock as well.
      if (holder.pid !== undefined && holder.exitCode === null) process.kill(-holder.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  return orUndo(release, async () => {
    const waiting = setTimeout(() => onWait(readFileSync(file, "utf8").trim()), 500);
    try {
      await new Promise<void>((resolve, reject) => {
        holder.on("error", reject);
        holder.on("exit", (code, signal) => reject(new Error(`flock ${file}: exit ${code ?? signal}`)));
        holder.stdout.once("data", () => resolve());
      });
    } finally {
      clearTimeout(waiting);
    }
    writeFileSync(file, `${process.pid}\n`);
    const result = await work();
    release();
    return result;
  });
}

function prune(parent: string, keep: number): void {
  const now = Date.now();
  const generations = readdirSync(parent)
    .filter((name) => !name.startsWith("."))
    .map((name) => ({ path: join(parent, name), used: statSync(join(parent, name)).mtimeMs }))
    .sort((a, b) => b.used - a.used);
  for (const old of generations.slice(keep)) if (now - old.used > PRUNE_AFTER_MS) remove(old.path);
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
