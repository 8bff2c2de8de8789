// Whose a Pod address is, from the node itself: container runtimes (containerd, CRI-O) keep the result of every CNI call
// in a folder, with the Pod's UID, until the Pod's sandbox is taken down. An address that was given to the next Pod before
// this node heard of it is found out here, before the first packet goes astray.
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** One interface of one Pod. */
export interface Sandbox {
  readonly podUid: string;
  readonly ips: readonly string[];
  /** When the runtime wrote it down, in milliseconds since 1970: what a crash left behind is older than what is true. */
  readonly since: number;
}

/** What the runtime says of a Pod and its address. */
export type Claim =
  /** Nothing: it keeps no such folder, or writes no UIDs into it. */
  | "unknown"
  /** The address is the Pod's, or the Pod is here and has the address from somewhere else. */
  | "holds"
  /** The address is another Pod's. */
  | "other"
  /** No Pod of this UID is on the node. */
  | "absent";

export function claimOf(sandboxes: readonly Sandbox[] | undefined, podUid: string, podIp: string): Claim {
  if (sandboxes === undefined || sandboxes.length === 0) return "unknown";
  const holders = sandboxes.filter(({ ips }) => ips.includes(podIp));
  const newest = holders.reduce<Sandbox | undefined>(
    (a, b) => (a === undefined || b.since > a.since ? b : a),
    undefined,
  );
  if (newest !== undefined) return newest.podUid === podUid ? "holds" : "other";
  return sandboxes.some((sandbox) => sandbox.podUid === podUid) ? "holds" : "absent";
}

type Json = Readonly<Record<string, unknown>>;

/** Reads one file of the folder. Nothing when it says no UID; a crash in the middle of writing leaves empty files. */
export function parseResult(text: string): Omit<Sandbox, "since"> | undefined {
  let cached: Json | null;
  try {
    cached = JSON.parse(text) as Json | null;
  } catch {
    return undefined;
  }
  const args: unknown[] = Array.isArray(cached?.cniArgs) ? cached.cniArgs : [];
  const uid = args.find((pair): pair is [string, string] => Array.isArray(pair) && pair[0] === "K8S_POD_UID")?.[1];
  if (typeof uid !== "string" || uid === "") return undefined;
  const { ips, ip4 } = (cached?.result ?? {}) as { ips?: unknown; ip4?: Json };
  const addresses = [...(Array.isArray(ips) ? (ips as Json[]).map((ip) => ip?.address) : []), ip4?.ip];
  return {
    podUid: uid,
    ips: addresses.flatMap((cidr) => (typeof cidr === "string" ? (cidr.split("/")[0] ?? []) : [])),
  };
}

/**
 * Answers what is in the folder now; undefined when it cannot be read. A file is read once: its name has the sandbox's ID,
 * and a sandbox never gets another address.
 */
export function sandboxReader(folder: string): () => Promise<readonly Sandbox[] | undefined> {
  let known = new Map<string, Sandbox>();
  return async () => {
    const names = await readdir(folder).catch(() => undefined);
    if (names === undefined) return undefined;
    const present = await Promise.all(
      names.map(async (name): Promise<[string, Sandbox][]> => {
        const sandbox = known.get(name) ?? (await readSandbox(join(folder, name)));
        return sandbox === undefined ? [] : [[name, sandbox]];
      }),
    );
    known = new Map(present.flat());
    return [...known.values()];
  };
}

async function readSandbox(path: string): Promise<Sandbox | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    const found = parseResult(text);
    return found && { ...found, since: mtimeMs };
  } catch {
    // Gone between the two looks.
    return undefined;
  }
}
