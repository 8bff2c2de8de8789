// Says within two seconds, before anything is touched, all that keeps this machine from running the real parts.
import { type MachineFacts, type Purpose, machineFacts } from "./machine-facts";
import { compareVersions } from "./parts/ensure";
import { installLine } from "./parts/packages";

export type { Purpose } from "./machine-facts";

/** One thing that is missing. */
export interface Lack {
  readonly what: string;
  /** The line to type. */
  readonly mend: string;
}

const COMMANDS: Readonly<Record<Purpose, string>> = { lab: "npm run lab", test: "npm test" };

/** Linking kube-apiserver or pulumi takes the most; then three nodes with their Pods. */
const BUILD_MEMORY_BYTES = 3e9;
const RUN_MEMORY_BYTES = 2e9;

/** Ends the process with code 2 when something is missing. */
export async function preflight(purpose: Purpose): Promise<void> {
  const missing = lacks(await machineFacts(purpose), purpose);
  if (missing.length === 0) return;
  process.stderr.write(refusal(missing, purpose));
  process.exit(2);
}

/** Everything that is missing at once, in the order in which it is best mended. */
export function lacks(facts: MachineFacts, purpose: Purpose): Lack[] {
  const again = COMMANDS[purpose];
  if (facts.platform !== "linux") {
    const what = `this is ${facts.platform}: the lab's nodes are namespaces of a Linux kernel`;
    return [{ what, mend: `${CONTAINER} npm ci && ${again}   # or any Linux machine, as root` }];
  }
  return [
    ...privileges(facts, again),
    ...commands(facts),
    ...go(facts),
    ...disk(facts),
    ...memory(facts),
    ...fileSystem(facts, again),
  ];
}

const CONTAINER =
  'docker run --privileged -it -v "$PWD:/podpin" -v podpin-cache:/cache -e XDG_CACHE_HOME=/cache -w /podpin node:24-bookworm';

function privileges(facts: MachineFacts, again: string): Lack[] {
  if (facts.uid !== 0) {
    return [{ what: `this process is not root (uid ${facts.uid})`, mend: `sudo -E env "PATH=$PATH" ${again}` }];
  }
  const privileged = `${CONTAINER} ${again}`;
  if (facts.missingCapabilities.length > 0) {
    return [{ what: `root lacks ${facts.missingCapabilities.join(", ")} here`, mend: privileged }];
  }
  const found: Lack[] = [];
  if (facts.namespaceProblem !== undefined) {
    found.push({ what: `no new namespaces can be made: ${facts.namespaceProblem}`, mend: privileged });
  }
  if (!facts.cgroupsWritable)
    found.push({ what: "cgroups cannot be written: /sys/fs/cgroup is read-only", mend: privileged });
  return found;
}

function commands(facts: MachineFacts): Lack[] {
  // Root on Debian and Ubuntu gets them installed.
  if (facts.missingPackages.length === 0 || (facts.uid === 0 && facts.distribution.isDebianOrUbuntu)) return [];
  const what = `missing: ${facts.missingPackages.flatMap((item) => item.lacks).join(", ")}`;
  if (facts.distribution.isDebianOrUbuntu) return [{ what, mend: `sudo ${installLine(facts.missingPackages)}` }];
  const names = facts.missingPackages.map((item) => item.package).join(" ");
  const mend = `install what ${facts.distribution.name} calls these Debian packages: ${names}`;
  return [{ what, mend }];
}

function go(facts: MachineFacts): Lack[] {
  if (facts.partsToBuild.length === 0) return [];
  if (facts.go !== undefined && compareVersions(facts.go, facts.neededGo) >= 0) return [];
  const has = facts.go === undefined ? "there is no Go" : `Go ${facts.go} is older than ${facts.neededGo}`;
  const arch = facts.arch === "x64" ? "amd64" : facts.arch;
  const archive = `https://go.dev/dl/go${facts.neededGo}.linux-${arch}.tar.gz`;
  return [
    {
      what: `${has}, and these parts must be built: ${facts.partsToBuild.join(", ")}`,
      // Into the user's own folder: it needs no rights and takes nothing away.
      mend: `mkdir -p ~/.local && curl -fsSL ${archive} | tar -C ~/.local -xz && export PATH=~/.local/go/bin:$PATH`,
    },
  ];
}

function disk(facts: MachineFacts): Lack[] {
  return facts.disks
    .filter((it) => it.freeBytes < it.neededBytes)
    .map((it) => ({
      what: `${gigabytes(it.freeBytes)} free on the disk of ${it.folder}; ${gigabytes(it.neededBytes)} are needed`,
      mend: `export XDG_CACHE_HOME=/path/on/a/larger/disk GOPATH=/path/on/a/larger/disk/go   # or free some space`,
    }));
}

function memory(facts: MachineFacts): Lack[] {
  const needed = facts.partsToBuild.length > 0 ? BUILD_MEMORY_BYTES : RUN_MEMORY_BYTES;
  if (facts.availableMemoryBytes >= needed) return [];
  const has = gigabytes(facts.availableMemoryBytes);
  return [
    {
      what: `${has} of memory available; ${gigabytes(needed)} are needed`,
      mend: "ps aux --sort=-rss | head   # end what takes the memory, or use a larger machine",
    },
  ];
}

function fileSystem(facts: MachineFacts, again: string): Lack[] {
  if (facts.unfitFileSystem === undefined) return [];
  return [
    {
      what: `the cache ${facts.cacheFolder} lies on ${facts.unfitFileSystem}, where containers cannot keep their layers`,
      mend: `XDG_CACHE_HOME=/path/on/a/local/disk ${again}   # in a container: a volume, -v podpin-cache:/cache -e XDG_CACHE_HOME=/cache`,
    },
  ];
}

export function refusal(missing: readonly Lack[], purpose: Purpose): string {
  const title =
    purpose === "lab" ? "The lab cannot run on this machine" : "The tests of the real parts cannot run on this machine";
  const lines = missing.flatMap(({ what, mend }) => [`  - ${what}`, `      ${mend}`]);
  const without = purpose === "test" ? ["Without them: PODPIN_TEST_ONLY=unit npm test"] : [];
  return [`${title}:`, ...lines, ...without, ""].join("\n");
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
