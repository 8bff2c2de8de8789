// Which cgroups a node gets. Every node lives in a subtree of its own, in each hierarchy that the machine has, and sees
// that subtree as the whole tree (cgroup namespace), so that its kubelet finds what a kubelet expects.
import { existsSync, mkdirSync, readFileSync, readdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Mount } from "./mountinfo";
import { tagOf } from "./plan";

export type CgroupLayout =
  | { readonly version: 1; readonly hierarchies: readonly CgroupHierarchy[] }
  | { readonly version: 2; readonly mountPoint: string };

export interface CgroupHierarchy {
  readonly mountPoint: string;
  /** Controllers such as `cpu,cpuacct`, or `name=systemd`; empty for the version-2 tree of a hybrid machine. */
  readonly options: string;
}

// Flags of a mount that are no controllers.
const MOUNT_FLAGS = new Set(["rw", "ro", "none", "xattr", "clone_children", "noprefix", "cpuset_v2_mode"]);

/** Version 2 is what a machine has when no version-1 hierarchy holds a controller. */
export function cgroupLayout(mounts: readonly Mount[]): CgroupLayout {
  const version1 = mounts
    .filter((mount) => mount.type === "cgroup")
    .map((mount) => ({
      mountPoint: mount.mountPoint,
      options: mount.superOptions.filter((o) => !MOUNT_FLAGS.has(o) && !o.startsWith("release_agent=")).join(","),
    }));
  const version2 = mounts.find((mount) => mount.type === "cgroup2");
  if (version1.some((h) => h.options !== "" && !h.options.startsWith("name="))) {
    const seen = new Set<string>();
    const distinct = version1.filter((h) => h.options !== "" && !seen.has(h.options) && seen.add(h.options));
    const hybrid = version2 ? [{ mountPoint: version2.mountPoint, options: "" }] : [];
    return { version: 1, hierarchies: [...distinct, ...hybrid] };
  }
  if (version2) return { version: 2, mountPoint: version2.mountPoint };
  throw new Error(
    "cgroups: got none mounted; the lab's nodes need /sys/fs/cgroup, as systemd and container engines mount it",
  );
}

/** What kubelet uses of cgroup version 2. It does without the last three where the machine lacks them. */
const REQUIRED = ["cpu", "memory", "pids"];
const WANTED = [...REQUIRED, "cpuset", "io", "hugetlb"];

export interface DelegationPlan {
  /** Controllers that the lab's subtree gets. */
  readonly delegated: readonly string[];
  /** Those of them that the machine's root does not hand down yet. */
  readonly enable: readonly string[];
}

/**
 * @param available content of the root's cgroup.controllers
 * @param enabled content of the root's cgroup.subtree_control
 */
export function planDelegation(available: string, enabled: string): DelegationPlan {
  const has = new Set(available.split(/\s+/));
  const on = new Set(enabled.split(/\s+/));
  const missing = REQUIRED.filter((controller) => !has.has(controller));
  if (missing.length > 0) {
    throw new Error(
      `cgroup controllers: got "${available.trim()}"; kubelet also needs ${missing.join(", ")}: ` +
        "start the machine without cgroup_disable, or give this container its controllers",
    );
  }
  // What is only nice to have is taken where it is handed down already, so that the machine changes as little as possible.
  const delegated = WANTED.filter((c) => on.has(c) || (REQUIRED.includes(c) && has.has(c)));
  return { delegated, enable: delegated.filter((c) => !on.has(c)) };
}

/** The lab's own folder in each hierarchy. */
export function labCgroups(layout: CgroupLayout, id: string): string[] {
  const roots = layout.version === 2 ? [layout.mountPoint] : layout.hierarchies.map((h) => h.mountPoint);
  return roots.map((root) => join(root, tagOf(id)));
}

/**
 * Makes the lab's cgroups.
 *
 * @param noteEnabled told which version-2 controllers will be switched on at the root, before they are
 */
export function makeLabCgroups(
  layout: CgroupLayout,
  id: string,
  noteEnabled: (controllers: readonly string[]) => void,
): void {
  const folders = labCgroups(layout, id);
  if (layout.version === 1) {
    for (const folder of folders) makeVersion1(folder);
    return;
  }
  const control = join(layout.mountPoint, "cgroup.subtree_control");
  const plan = planDelegation(
    readFileSync(join(layout.mountPoint, "cgroup.controllers"), "utf8"),
    readFileSync(control, "utf8"),
  );
  noteEnabled(plan.enable);
  handDown(control, plan.enable);
  for (const folder of folders) {
    mkdirSync(folder, { recursive: true });
    handDown(join(folder, "cgroup.subtree_control"), plan.delegated);
  }
}

/** Makes one node's cgroups. Version 2 gets a leaf for PID 1 as well: a cgroup that hands controllers down holds no process. */
export function makeNodeCgroups(layout: CgroupLayout, id: string, node: string): string[] {
  const folders = labCgroups(layout, id).map((folder) => join(folder, node));
  for (const folder of folders) {
    if (layout.version === 1) makeVersion1(folder);
    else mkdirSync(join(folder, "init"), { recursive: true });
  }
  return folders;
}

function makeVersion1(folder: string): void {
  mkdirSync(folder, { recursive: true });
  // A new cpuset is empty, and nothing can join it before it has processors and memory.
  for (const file of ["cpuset.cpus", "cpuset.mems"]) {
    if (existsSync(join(folder, file))) writeFileSync(join(folder, file), readFileSync(join(folder, "..", file)));
  }
}

function handDown(control: string, controllers: readonly string[]): void {
  try {
    for (const controller of controllers) writeFileSync(control, `+${controller}`);
  } catch (cause) {
    throw new Error(
      `${control}: cannot hand down ${controllers.join(", ")}; ` +
        "inside a container, start it with its own cgroup namespace and with all processes in a child of its cgroup",
      { cause },
    );
  }
}

/** Pids of a cgroup and everything below it. */
export function pidsIn(folder: string): number[] {
  if (!existsSync(folder)) return [];
  const own = readOrEmpty(join(folder, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
  return [...own, ...childrenOf(folder).flatMap(pidsIn)];
}

/** Removes a cgroup tree, leaves first. False while something in it is still busy. */
export function removeCgroup(folder: string): boolean {
  if (!existsSync(folder)) return true;
  const children = childrenOf(folder).map(removeCgroup);
  if (children.includes(false)) return false;
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return !existsSync(folder);
  }
}

function childrenOf(folder: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((e) => (e.isDirectory() ? [join(folder, e.name)] : []));
  } catch {
    return [];
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
