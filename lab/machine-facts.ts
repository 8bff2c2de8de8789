// What preflight looks at, gathered without changing anything.
import { accessSync, constants, existsSync, readFileSync, statSync, statfsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

import { type Distribution, thisDistribution } from "./images/distribution";
import { cacheRoot } from "./parts/cache";
import { command } from "./parts/command";
import { compareVersions, goVersion, neededGo } from "./parts/ensure";
import { cachedPart, searchPart } from "./parts/locate";
import { type MissingPackage, missingPackages } from "./parts/packages";
import { LAB_PART_NAMES, PART_NAMES, type PartName } from "./parts/recipes";

export interface Disk {
  /** A folder on it that takes the most. */
  readonly folder: string;
  readonly freeBytes: number;
  readonly neededBytes: number;
}

export interface MachineFacts {
  readonly platform: string;
  readonly arch: string;
  readonly uid: number;
  /** Of those that the lab needs. */
  readonly missingCapabilities: readonly string[];
  /** Why new namespaces cannot be made; undefined where they can. */
  readonly namespaceProblem?: string;
  readonly cgroupsWritable: boolean;
  readonly distribution: Distribution;
  readonly missingPackages: readonly MissingPackage[];
  /** Go's version, if there is any. */
  readonly go?: string;
  /** The Go that the parts to build need. */
  readonly neededGo: string;
  readonly partsToBuild: readonly PartName[];
  readonly disks: readonly Disk[];
  readonly availableMemoryBytes: number;
  readonly cacheFolder: string;
  /** Kind of the file system of the cache, where it cannot carry overlay mounts. */
  readonly unfitFileSystem?: string;
}

const GB = 1e9;
/** Measured with cold caches on amd64, rounded up. */
const COLD_BYTES = { modules: 5.5 * GB, goBuild: 7.5 * GB, cache: 4.2 * GB };
const WARM_BYTES = 2 * GB;

/** Bits of CapEff, see capabilities(7). */
const CAPABILITIES: readonly (readonly [string, number])[] = [
  ["CAP_NET_ADMIN", 12],
  ["CAP_NET_RAW", 13],
  ["CAP_SYS_CHROOT", 18],
  ["CAP_SYS_ADMIN", 21],
  ["CAP_MKNOD", 27],
];

/** File systems that the kernel refuses as the upper side of an overlay mount, by the magic number of statfs(2). */
const UNFIT_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x794c7630, "overlayfs"],
  [0x6969, "nfs"],
  [0xff534d42, "cifs"],
  [0xfe534d42, "smb2"],
  [0x01021997, "9p"],
  [0x65735546, "fuse"],
]);

export type Purpose = "lab" | "test";

/** The parts that a run needs, from the machine or built. */
export function partsFor(purpose: Purpose): readonly PartName[] {
  return purpose === "test" ? PART_NAMES : LAB_PART_NAMES;
}

export async function machineFacts(purpose: Purpose): Promise<MachineFacts> {
  const linux = process.platform === "linux";
  const [go, namespaceProblem] = await Promise.all([goVersion(), linux ? namespaces() : undefined]);
  const notCached = partsFor(purpose).filter((name) => cachedPart(name) === undefined);
  const needs = neededGo(notCached);
  const goServes = go !== undefined && compareVersions(go, needs) >= 0;
  // Asking programs for their versions takes time; where Go can build whatever is missing the answer changes nothing.
  const partsToBuild = goServes ? notCached : await notOnMachine(notCached);
  const cacheFolder = cacheRoot();
  return {
    platform: process.platform,
    arch: process.arch,
    uid: process.getuid?.() ?? -1,
    missingCapabilities: linux ? missingCapabilities(readFileSync("/proc/self/status", "utf8")) : [],
    namespaceProblem,
    cgroupsWritable: !linux || cgroupsWritable(),
    distribution: thisDistribution(),
    missingPackages: linux ? missingPackages() : [],
    go,
    neededGo: needs,
    partsToBuild,
    disks: disks(cacheFolder, partsToBuild.length > 0),
    availableMemoryBytes: linux ? availableMemory(readFileSync("/proc/meminfo", "utf8")) : 0,
    cacheFolder,
    unfitFileSystem: UNFIT_FILE_SYSTEMS.get(statfsSync(existing(cacheFolder)).type),
  };
}

export function missingCapabilities(status: string): string[] {
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? "0"}`);
  return CAPABILITIES.filter(([, bit]) => ((effective >> BigInt(bit)) & 1n) === 0n).map(([name]) => name);
}

export function availableMemory(meminfo: string): number {
  return Number(/^MemAvailable:\s*(\d+) kB/m.exec(meminfo)?.[1] ?? 0) * 1024;
}

async function namespaces(): Promise<string | undefined> {
  try {
    const kinds = ["--mount", "--pid", "--net", "--uts", "--ipc", "--cgroup"];
    await command(["unshare", ...kinds, "--fork", "--kill-child", "--mount-proc", "true"], {
      name: "unshare",
      timeoutMs: 1_000,
    });
    return undefined;
  } catch (error) {
    const lines = (error instanceof Error ? error.message : String(error)).split("\n");
    return (lines[1] ?? lines[0] ?? "").trim();
  }
}

function cgroupsWritable(): boolean {
  // With cgroup v1 each controller is a mount of its own, and the folder above may be read-only.
  const folder = existsSync("/sys/fs/cgroup/memory") ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
  try {
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

async function notOnMachine(names: readonly PartName[]): Promise<PartName[]> {
  const searches = await Promise.all(names.map(async (name) => ({ name, ...(await searchPart(name, 1_000)) })));
  return searches.filter(({ found }) => found === undefined).map(({ name }) => name);
}

function disks(cacheFolder: string, cold: boolean): Disk[] {
  const env = process.env;
  const goPath = env["GOPATH"]?.split(":", 1)[0] || join(homedir(), "go");
  const places = cold
    ? [
        { folder: cacheFolder, bytes: COLD_BYTES.cache },
        { folder: env["GOMODCACHE"] || join(goPath, "pkg/mod"), bytes: COLD_BYTES.modules },
        { folder: env["GOCACHE"] || join(dirname(cacheFolder), "go-build"), bytes: COLD_BYTES.goBuild },
      ]
    : [{ folder: cacheFolder, bytes: WARM_BYTES }];
  const byDevice = new Map<number, Disk>();
  for (const { folder, bytes } of places) {
    const { dev } = statSync(existing(folder));
    const { bavail, bsize } = statfsSync(existing(folder));
    const known = byDevice.get(dev);
    byDevice.set(dev, {
      folder: known?.folder ?? folder,
      freeBytes: bavail * bsize,
      neededBytes: (known?.neededBytes ?? 0) + bytes,
    });
  }
  return [...byDevice.values()];
}

function existing(folder: string): string {
  return existsSync(folder) ? folder : existing(dirname(folder));
}
