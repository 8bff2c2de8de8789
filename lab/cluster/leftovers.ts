// The last check of a lab: looks at the machine, not at what the lab believes to have removed.
import { existsSync, readFileSync, readdirSync } from "node:fs";

import { cgroupLayout, labCgroups } from "./cgroup";
import { type LabRecord, recordPath } from "./ledger";
import { parseMountinfo } from "./mountinfo";
import { namespacePath, tagOf } from "./plan";
import {
  allPids,
  cgroupsOf,
  commandLineOf,
  identify,
  inodeOf,
  isAlive,
  markOf,
  networkNamespaceOf,
  selfAndAncestors,
} from "./proc";

/**
 * What is left of a lab, one line each; empty when nothing is.
 *
 * @param record the lab's record, where it is at hand: adds what only it knows (its folders and its processes)
 */
export function leftovers(id: string, record?: LabRecord): string[] {
  const tag = tagOf(id);
  const names = listOr("/run/netns").filter((name) => name.startsWith(`${tag}-`));
  const mounts = parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"));
  const folders = record?.folders ?? [];
  const ours = (path: string): boolean =>
    path.includes(tag) || folders.some((folder) => path === folder || path.startsWith(`${folder}/`));

  return [
    ...leftProcesses(id, names, record),
    ...names.map((name) => `network namespace ${name}`),
    ...mounts.filter((mount) => ours(mount.mountPoint)).map((mount) => `mount ${mount.mountPoint}`),
    ...labCgroups(cgroupLayout(mounts), id)
      .filter(existsSync)
      .map((path) => `cgroup ${path}`),
    ...folders.filter(existsSync).map((path) => `folder ${path}`),
    ...(existsSync(recordPath(id)) ? [`record ${recordPath(id)}`] : []),
  ];
}

function leftProcesses(id: string, names: readonly string[], record?: LabRecord): string[] {
  const tag = tagOf(id);
  const inodes = new Set(names.flatMap((name) => inodeOf(namespacePath(name)) ?? []));
  const started = new Set(record?.processes.filter(isAlive).map((process) => process.pid));
  const spared = selfAndAncestors();
  return allPids().flatMap((pid) => {
    const identity = identify(pid);
    if (spared.has(pid) || identity === undefined || !isAlive(identity)) return [];
    const commandLine = commandLineOf(pid);
    const reason =
      ((inodes.has(networkNamespaceOf(pid) ?? "") || markOf(pid)?.startsWith(`${tag}-`)) &&
        "is in a namespace of the lab") ||
      (cgroupsOf(pid).includes(`/${tag}`) && "is in a cgroup of the lab") ||
      (started.has(pid) && "was started by the lab") ||
      ((commandLine.includes(tag) || record?.folders.some((f) => commandLine.includes(f))) && "names the lab");
    return reason ? [`process ${pid} ${reason}: ${commandLine.slice(0, 120)}`] : [];
  });
}

function listOr(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
