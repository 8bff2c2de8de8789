// Removing a lab. One description of the steps, driven in two ways: with the event loop (stop, sweep) and without it
// (process exit, where nothing asynchronous runs any more).
import { execFile, spawnSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { pidsIn, removeCgroup } from "./cgroup";
import { type LabRecord, dropRecord, isOrphan, readRecords } from "./ledger";
import { parseMountinfo } from "./mountinfo";
import { namespacePath } from "./plan";
import { allPids, identify, inodeOf, isAlive, markOf, networkNamespaceOf, selfAndAncestors } from "./proc";

type Effect = { readonly kind: "wait"; readonly ms: number } | { readonly kind: "run"; readonly command: string[] };

const PATIENCE_MS = 10_000;

/** Removes everything on the record and then the record; fails with what would not go, and keeps the record then. */
export async function remove(record: LabRecord): Promise<void> {
  const steps = removal(record);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return check(record, step.value);
    const effect = step.value;
    await new Promise<void>((resolve) => {
      if (effect.kind === "wait") setTimeout(resolve, effect.ms);
      else execFile(effect.command[0] ?? "", effect.command.slice(1), () => resolve());
    });
  }
}

export function removeSync(record: LabRecord): void {
  const steps = removal(record);
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return check(record, step.value);
    const effect = step.value;
    if (effect.kind === "wait") Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, effect.ms);
    else spawnSync(effect.command[0] ?? "", effect.command.slice(1), { stdio: "ignore" });
  }
}

/** Removes what labs left whose owner is gone. Answers with their ids. */
export async function sweep(): Promise<string[]> {
  const orphans = readRecords().filter(isOrphan);
  for (const orphan of orphans) await remove(orphan);
  return orphans.map((orphan) => orphan.id);
}

function check(record: LabRecord, stuck: readonly string[]): void {
  if (stuck.length === 0) return;
  throw new Error(
    `lab ${record.id} could not be removed completely:\n${stuck.map((line) => `  - ${line}`).join("\n")}`,
  );
}

/** Every process of the lab: in its namespaces, in its cgroups, or started by it. */
function processesOf(record: LabRecord): number[] {
  const spared = selfAndAncestors();
  // Only of namespaces that still have their name: the kernel gives a freed inode to the next namespace, of whomever.
  const inodes = new Set(record.namespaces.flatMap((namespace) => inodeOf(namespacePath(namespace)) ?? []));
  const found = new Set(record.processes.filter(isAlive).map((process) => process.pid));
  for (const folder of record.cgroups) for (const pid of pidsIn(folder)) found.add(pid);
  if (record.namespaces.length > 0) {
    for (const pid of allPids()) {
      if (inodes.has(networkNamespaceOf(pid) ?? "") || record.namespaces.includes(markOf(pid) ?? "")) found.add(pid);
    }
  }
  return [...found].filter((pid) => {
    const identity = identify(pid);
    return !spared.has(pid) && identity !== undefined && isAlive(identity);
  });
}

function* removal(record: LabRecord): Generator<Effect, string[]> {
  const stuck: string[] = [];
  function* until(done: () => boolean, what: () => string): Generator<Effect> {
    const deadline = performance.now() + PATIENCE_MS;
    while (!done()) {
      if (performance.now() > deadline) return void stuck.push(what());
      yield { kind: "wait", ms: 20 };
    }
  }

  let left: number[] = [];
  const kill = (): boolean => {
    left = processesOf(record);
    for (const pid of left) signal(pid);
    return left.length === 0;
  };
  yield* until(kill, () => `processes ${left.join(", ")} outlive SIGKILL`);

  for (const namespace of record.namespaces) {
    if (existsSync(namespacePath(namespace))) yield { kind: "run", command: ["ip", "netns", "del", namespace] };
    if (existsSync(namespacePath(namespace))) stuck.push(`network namespace ${namespace}: ip netns del ${namespace}`);
  }
  for (const folder of record.cgroups) {
    yield* until(
      () => removeCgroup(folder),
      () => `cgroup ${folder} is busy`,
    );
  }
  for (const controller of record.enabledControllers) switchOff(record, controller);

  for (const folder of record.folders) {
    const mounts = mountsBelow(folder);
    for (const mount of mounts.reverse()) yield { kind: "run", command: ["umount", "--lazy", mount] };
    // Never across a mount: what is mounted below belongs to somebody.
    yield { kind: "run", command: ["rm", "-rf", "--one-file-system", folder] };
    if (existsSync(folder)) stuck.push(`folder ${folder} is still there`);
  }
  if (record.madeNamespaceFolder && isEmpty("/run/netns")) {
    yield { kind: "run", command: ["umount", "/run/netns"] };
    yield { kind: "run", command: ["rmdir", "/run/netns"] };
  }
  if (stuck.length === 0) dropRecord(record.id);
  return stuck;
}

function signal(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // gone already
  }
}

function switchOff(record: LabRecord, controller: string): void {
  const root = record.cgroups[0];
  if (root === undefined) return;
  try {
    writeFileSync(join(dirname(root), "cgroup.subtree_control"), `-${controller}`);
  } catch {
    // somebody else's cgroup has come to use it
  }
}

function mountsBelow(folder: string): string[] {
  return parseMountinfo(readFileSync("/proc/self/mountinfo", "utf8"))
    .map((mount) => mount.mountPoint)
    .filter((path) => path === folder || path.startsWith(`${folder}/`));
}

function isEmpty(folder: string): boolean {
  try {
    return readdirSync(folder).length === 0;
  } catch {
    return false;
  }
}
