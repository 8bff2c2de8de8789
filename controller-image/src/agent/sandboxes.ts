// Whose a Pod address is, from the node itself: the CNI library in container runtimes keeps the result of every call in a
// folder, with the Pod's UID, until the Pod's sandbox is taken down. An address that was given to the next Pod before
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

/**
 * Answers what is in the folder now; undefined when it cannot be read. A file is read once: its name has the sandbox's ID,
 * and a sandbox never gets another address.
 */
export function sandboxReader(folder: string): () => Promise<readonly Sandbox[] | undefined> {
  let known = new Map<string, Sandbox | "nothing">();
  return async () => {
    const names = await readdir(folder).catch(() => undefined);
    if (names === undefined) return undefined;
    const present = await Promise.all(
      names.map(async (name): Promise<[string, Sandbox | "nothing"][]> => {
        const sandbox = known.get(name) ?? (await readSandbox(join(folder, name)));
        return sandbox === undefined ? [] : [[name, sandbox]];
      }),
    );
    known = new Map(present.flat());
    return [...known.values()].filter((sandbox) => sandbox !== "nothing");
  };
}

/** Undefined: to be read again. A file is empty while it is written, and for ever after a crash at that moment. */
async function readSandbox(path: string): Promise<Sandbox | "nothing" | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, "utf8"), stat(path)]);
    const found = parseResult(text);
    return found === undefined ? "nothing" : { ...found, since: mtimeMs };
  } catch {
    return undefined;
  }
}
