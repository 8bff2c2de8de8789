// Whose a Pod address is, from the node itself: the CNI library in container runtimes keeps the result of every call in a
// folder, with the Pod's UID, until the Pod's sandbox is taken down. An address that was given to the next Pod before
// this node heard of it is found out here, before the first packet goes astray.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "../kube/api";

/** One interface of one Pod. */
export interface Sandbox {
  readonly podUid: string;
  readonly ips: readonly string[];
  /** When the runtime wrote it down, in milliseconds since 1970: what a crash left behind is older than what is true. */
  readonly since: number;
}

/** What is there and cannot be read. */
interface Unread {
  readonly unread: true;
  /** Whether it may be readable in a moment. */
  readonly waits: boolean;
  /** As of a {@link Sandbox}; of all times the latest where not even that can be read. */
  readonly since: number;
}

export type RuntimeRecord = Sandbox | Unread;

const isUnread = (record: RuntimeRecord): record is Unread => "unread" in record;

/** What the runtime says of a Pod and its address. */
export type Claim =
  /** Nothing: it keeps no such folder, or writes no UIDs into it. */
  | "unknown"
  /** What it says is not known yet: it can be read in a moment. */
  | "unread"
  /** The address is the Pod's, or the Pod is here and has the address from somewhere else. */
  | "holds"
  /** The address is another Pod's. */
  | "other"
  /** No Pod of this UID is on the node. */
  | "absent";

export function claimOf(records: readonly RuntimeRecord[] | undefined, podUid: string, podIp: string): Claim {
  if (records === undefined || records.length === 0) return "unknown";
  const sandboxes = records.filter((record): record is Sandbox => !isUnread(record));
  const holders = sandboxes.filter(({ ips }) => ips.includes(podIp));
  const newest = holders.reduce<Sandbox | undefined>(
    (a, b) => (a === undefined || b.since > a.since ? b : a),
    undefined,
  );
  // One that is older than what is read would not count; any other may say that all of that is over.
  const unread = records.filter(isUnread).filter(({ since }) => since >= (newest?.since ?? -Infinity));
  if (unread.length > 0) return unread.some(({ waits }) => waits) ? "unread" : "unknown";
  if (newest !== undefined) return newest.podUid === podUid ? "holds" : "other";
  return sandboxes.some((sandbox) => sandbox.podUid === podUid) ? "holds" : "absent";
}

type Json = Readonly<Record<string, unknown>>;

/** One interface and its addresses; a Pod's loopback says nothing, nor does a result without a UID. */
export function parseResult(text: string): Omit<Sandbox, "since"> | undefined {
  const cached = JSON.parse(text) as Json | null;
  const args: unknown[] = Array.isArray(cached?.cniArgs) ? cached.cniArgs : [];
  const uid = args.find((pair): pair is [string, string] => Array.isArray(pair) && pair[0] === "K8S_POD_UID")?.[1];
  if (typeof uid !== "string" || uid === "") return undefined;
  const { ips: all, ip4 } = (cached?.result ?? {}) as { ips?: unknown; ip4?: Json };
  const addresses = [...(Array.isArray(all) ? (all as Json[]).map((ip) => ip?.address) : []), ip4?.ip];
  const found = addresses.flatMap((cidr) => (typeof cidr === "string" ? (cidr.split("/")[0] ?? []) : []));
  const ips = found.filter((ip) => !ip.startsWith("127.") && ip !== "::1");
  return ips.length === 0 ? undefined : { podUid: uid, ips };
}

/** A file is empty while it is written, and for ever after a crash at that moment; a folder or a disk may be busy for longer. */
const UNREAD_MS = 10_000;

/**
 * Answers what is in the folder now; undefined when there is none. A file is read once: its name has the sandbox's ID, and a
 * sandbox never gets another address.
 */
export function sandboxReader(folder: string, clock: Clock): () => Promise<readonly RuntimeRecord[] | undefined> {
  let known = new Map<string, Sandbox | "nothing">();
  let unreadSince = new Map<string, number>();
  return async () => {
    const names = await readdir(folder).catch((error: unknown) => (isGone(error) ? undefined : "unread"));
    if (names === undefined) return undefined;
    const unread = new Map<string, number>();
    const waits = (name: string): boolean => {
      const first = unreadSince.get(name) ?? clock.now();
      unread.set(name, first);
      return clock.now() - first < UNREAD_MS;
    };
    const sandboxes = (): Sandbox[] => [...known.values()].filter((sandbox) => sandbox !== "nothing");
    if (names === "unread") {
      const record: Unread = { unread: true, waits: waits(""), since: Infinity };
      unreadSince = unread;
      return [...sandboxes(), record];
    }
    const looks = await Promise.all(
      names.map(async (name) => [name, known.get(name) ?? (await readSandbox(join(folder, name)))] as const),
    );
    known = new Map();
    const left: Unread[] = [];
    for (const [name, look] of looks) {
      if (look === "gone") continue;
      if (look === "nothing" || !("problem" in look)) {
        known.set(name, look);
        continue;
      }
      const record: Unread = { unread: true, waits: waits(name), since: look.since };
      if (record.waits || look.problem === "reading") left.push(record);
    }
    unreadSince = unread;
    return [...sandboxes(), ...left];
  };
}

/** To be read again: there is something else in it than what a runtime writes, or it could not be read at all. */
interface Problem {
  readonly problem: "content" | "reading";
  readonly since: number;
}

async function readSandbox(path: string): Promise<Sandbox | "nothing" | "gone" | Problem> {
  let since = Infinity;
  let text: string | undefined;
  try {
    since = (await stat(path)).mtimeMs;
    text = await readFile(path, "utf8");
    const found = parseResult(text);
    return found === undefined ? "nothing" : { ...found, since };
  } catch (error) {
    // With its sandbox.
    if (isGone(error)) return "gone";
    return { problem: text === undefined ? "reading" : "content", since };
  }
}

const isGone = (error: unknown): boolean => ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");
