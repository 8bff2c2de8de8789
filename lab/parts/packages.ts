// The commands that the lab takes from the machine, and the Debian packages that bring them where they are missing.
import { chmodSync, existsSync, linkSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { thisDistribution } from "../images/distribution";
import type { Progress } from "../progress";
import { command } from "./command";
import { findCommand } from "./locate";
import { orUndo } from "./undo";

interface Need {
  readonly package: string;
  /** All of them must be there. */
  readonly commands: readonly string[];
}

/** By what is missing, not by what dpkg knows: a containerd that came with Docker serves, and must not be replaced. */
const NEEDS: readonly Need[] = [
  { package: "containerd", commands: ["containerd", "ctr", "containerd-shim-runc-v2"] },
  { package: "runc", commands: ["runc"] },
  { package: "mmdebstrap", commands: ["mmdebstrap"] },
  { package: "buildah", commands: ["buildah"] },
  // An image is pushed to it in a test.
  { package: "docker-registry", commands: ["docker-registry"] },
  { package: "nftables", commands: ["nft"] },
  { package: "conntrack", commands: ["conntrack"] },
  { package: "socat", commands: ["socat"] },
  // The CNI plugin ptp masquerades with it, and kubelet looks for it.
  { package: "iptables", commands: ["iptables"] },
  { package: "iproute2", commands: ["ip", "bridge", "tc"] },
  { package: "iputils-ping", commands: ["ping"] },
  { package: "tcpdump", commands: ["tcpdump"] },
  { package: "util-linux", commands: ["unshare", "nsenter", "flock"] },
  { package: "mount", commands: ["mount", "umount"] },
];

const CNI_PACKAGE = "containernetworking-plugins";
const CNI_PLUGINS = ["ptp", "host-local", "loopback"];
/** Where Debian's package and everybody else put CNI plugins. */
const CNI_FOLDERS = ["/usr/lib/cni", "/opt/cni/bin"];

export interface MissingPackage {
  readonly package: string;
  /** What of it is missing, for people. */
  readonly lacks: readonly string[];
}

export interface Machine {
  hasCommand(name: string): boolean;
  hasFile(path: string): boolean;
}

const thisMachine: Machine = { hasCommand: (name) => findCommand(name) !== undefined, hasFile: existsSync };

export function missingPackages(machine: Machine = thisMachine): MissingPackage[] {
  const missing = NEEDS.map((need) => ({
    package: need.package,
    lacks: need.commands.filter((name) => !machine.hasCommand(name)),
  })).filter(({ lacks }) => lacks.length > 0);
  return cniFolder(machine) === undefined
    ? [...missing, { package: CNI_PACKAGE, lacks: [`CNI plugins ${CNI_PLUGINS.join(", ")}`] }]
    : missing;
}

/** The folder with the CNI plugins that the nodes use. */
export function cniFolder(machine: Machine = thisMachine): string | undefined {
  return CNI_FOLDERS.find((folder) => CNI_PLUGINS.every((plugin) => machine.hasFile(join(folder, plugin))));
}

/** The line that installs them, for people. */
export function installLine(missing: readonly MissingPackage[]): string {
  return `apt-get install --no-install-recommends --no-remove ${missing.map((item) => item.package).join(" ")}`;
}

/** Installs what is missing, on Debian and Ubuntu. Removes nothing and starts no service. */
export async function ensurePackages(report: Progress): Promise<void> {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (!thisDistribution().isDebianOrUbuntu || process.getuid?.() !== 0) {
    const lacks = missing.flatMap((item) => item.lacks).join(", ");
    throw new Error(`missing: ${lacks}; install them, on Debian as root with: ${installLine(missing)}`);
  }
  for (const item of missing) report.note(`  package ${item.package}: this machine lacks ${item.lacks.join(", ")}`);
  await report.step("Debian packages", `installing ${missing.length}`, async (update) => {
    await withoutServices(async (wrap) => {
      const names = missing.map((item) => item.package);
      try {
        await aptGet(wrap, ["install", "--no-install-recommends", "--no-remove", ...names]);
      } catch {
        // Most often the package lists are absent or too old; the second failure tells what else it is.
        update("updating the package lists");
        await aptGet(wrap, ["update"]);
        update(`installing ${names.length}`);
        await aptGet(wrap, ["install", "--no-install-recommends", "--no-remove", ...names]);
      }
    });
    update(`installed ${missing.map((item) => item.package).join(" ")}`);
  });
  const still = missingPackages();
  if (still.length > 0) {
    const lacks = still.flatMap((item) => item.lacks).join(", ");
    throw new Error(`still missing after the installation: ${lacks}; run "${installLine(still)}" and see what it says`);
  }
}

type Wrap = (argv: readonly string[]) => readonly string[];

async function aptGet(wrap: Wrap, args: readonly string[]): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_MODE: "l", LC_ALL: "C.UTF-8" };
  const argv = ["apt-get", "--yes", "--quiet", "-o", "DPkg::Lock::Timeout=120", ...args];
  await command(wrap(argv), { name: `apt-get ${args.join(" ")}`, env, timeoutMs: 600_000 });
}

const POLICY = "/usr/sbin/policy-rc.d";

/**
 * Runs `work` while Debian's own switch says that packages must not start services. An administrator's switch stays in
 * place: ours covers it in a mount namespace. Where there is none ours is put there, and it is void once we are gone.
 */
async function withoutServices(work: (wrap: Wrap) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "podpin-apt-"));
  const ours = join(folder, "policy-rc.d");
  let placed = false;
  const undo = (): void => {
    if (placed) rmSync(POLICY, { force: true });
    rmSync(folder, { recursive: true, force: true });
  };
  await orUndo(undo, async () => {
    writePolicy(ours);
    placed = place();
    const cover = 'mount --bind "$1" "$2"; shift 2; exec "$@"';
    const namespace = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", cover, "sh", ours, POLICY];
    await work((argv) => [...namespace, ...argv]);
    undo();
  });
}

/** True when there was none before. By a link, which never overwrites what an administrator puts there meanwhile. */
function place(): boolean {
  const near = `${POLICY}.podpin-${process.pid}`;
  try {
    writePolicy(near);
    linkSync(near, POLICY);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(near, { force: true });
  }
}

function writePolicy(path: string): void {
  const lines = [
    "#!/bin/sh",
    "# podpin installs packages for its lab.",
    `[ ! -d /proc/${process.pid} ] || exit 101`,
    "",
  ];
  writeFileSync(path, lines.join("\n"));
  chmodSync(path, 0o755);
}
