// What /proc says about processes. A process is its pid plus its start time, so that a pid used again is never mistaken
// for the process we started.
import { readFileSync, readdirSync, readlinkSync, statSync } from "node:fs";

export interface ProcessId {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

export interface ProcessStat {
  readonly state: string;
  readonly parent: number;
  readonly startTime: string;
}

/** The command name stands in parentheses and may itself hold spaces and parentheses; fields count from the last one. */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, startTime] = [fields[0], fields[1], fields[19]];
  if (!text.includes(")") || !state || !parent || !startTime) return undefined;
  return { state, parent: Number(parent), startTime };
}

function statOf(pid: number): ProcessStat | undefined {
  const text = readOr(`/proc/${pid}/stat`, "");
  return text === "" ? undefined : parseStat(text);
}

export function identify(pid: number): ProcessId | undefined {
  const stat = statOf(pid);
  return stat && { pid, startTime: stat.startTime };
}

/** A zombie counts as gone: it holds nothing but its number. */
export function isAlive(process: ProcessId): boolean {
  const stat = statOf(process.pid);
  return stat !== undefined && stat.startTime === process.startTime && stat.state !== "Z" && stat.state !== "X";
}

export function allPids(): number[] {
  return readdirSync("/proc").flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));
}

/** This process and those that started it: never to be ended by a clean-up. */
export function selfAndAncestors(): Set<number> {
  const line = new Set<number>();
  for (let pid = process.pid; pid > 0 && !line.has(pid); pid = statOf(pid)?.parent ?? 0) line.add(pid);
  return line;
}

/** Inode of a process's network namespace; undefined when the process is gone. */
export function networkNamespaceOf(pid: number): string | undefined {
  try {
    return /\[(\d+)\]/.exec(readlinkSync(`/proc/${pid}/ns/net`))?.[1];
  } catch {
    return undefined;
  }
}

/** Inode behind a path such as /run/netns/NAME; undefined when there is none. */
export function inodeOf(path: string): string | undefined {
  try {
    return String(statSync(path).ino);
  } catch {
    return undefined;
  }
}

/** Environment variable of everything that the lab runs in a namespace. */
export const NAMESPACE_MARK = "PODPIN_LAB_NAMESPACE";
export const markOf = (pid: number): string | undefined =>
  readOr(`/proc/${pid}/environ`, "")
    .split("\0")
    .find((entry) => entry.startsWith(`${NAMESPACE_MARK}=`))
    ?.slice(NAMESPACE_MARK.length + 1);

export const pidNamespace = (): string => readlinkSync("/proc/self/ns/pid");
export const commandLineOf = (pid: number): string => readOr(`/proc/${pid}/cmdline`, "").replaceAll("\0", " ").trim();
export const cgroupsOf = (pid: number): string => readOr(`/proc/${pid}/cgroup`, "");

export function readOr(path: string, otherwise: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return otherwise;
  }
}
