// Runs beside the API server: says each version of some objects, in the order of the API server, and misses none of them while
// that stands still or is away.
import { request } from "node:https";
import { now, say } from "../../bench/lab/child";
import type { KubeObject } from "../../lib/model/kubernetes";

export interface Watching {
  readonly server: string;
  readonly ca: string;
  readonly token: string;
  /** By the name that each line carries. */
  readonly paths: Readonly<Record<string, string>>;
}

export interface Seen<T extends KubeObject = KubeObject> {
  readonly what: string;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
  readonly at: number;
}

const AGAIN_MS = 50;

function lines({ server, ca, token }: Watching, path: string, onLine: (text: string) => void): Promise<void> {
  const headers = { authorization: `Bearer ${token}` };
  return new Promise((resolve) => {
    const asked = request(`${server}${path}`, { ca, headers, agent: false }, (answer) => {
      let rest = "";
      answer.setEncoding("utf8").on("data", (text: string) => {
        const found = (rest + text).split("\n");
        // What ends without its line's end is half a line, except for a list.
        rest = found.pop() ?? "";
        found.forEach(onLine);
      });
      // An API server that is killed ends an answer by an error.
      answer.on("error", () => resolve());
      answer.on("end", () => {
        if (rest !== "") onLine(rest);
        resolve();
      });
    });
    asked.on("error", () => resolve());
    asked.end();
  });
}

async function follow(watching: Watching, what: string, path: string): Promise<void> {
  let version = "";
  // By UID: what goes while versions are forgotten no watch tells.
  const known = new Map<string | undefined, KubeObject>();
  const tell = (type: Seen["type"], object: KubeObject): void => {
    if (type === "DELETED") known.delete(object.metadata.uid);
    else known.set(object.metadata.uid, object);
    say({ what, type, object, at: now() } satisfies Seen);
  };
  for (;;) {
    if (version === "") {
      let text = "";
      await lines(watching, path, (line) => (text += line));
      try {
        const list = JSON.parse(text) as { metadata: { resourceVersion: string }; items: KubeObject[] };
        const there = new Set(list.items.map(({ metadata }) => metadata.uid));
        for (const object of [...known.values()].filter(({ metadata }) => !there.has(metadata.uid))) {
          tell("DELETED", {
            ...object,
            metadata: { ...object.metadata, resourceVersion: list.metadata.resourceVersion },
          });
        }
        for (const object of list.items) tell("ADDED", object);
        version = list.metadata.resourceVersion;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        continue;
      }
    }
    await lines(watching, `${path}?watch=1&allowWatchBookmarks=true&resourceVersion=${version}`, (line) => {
      if (!line.startsWith('{"type"')) return;
      const { type, object } = JSON.parse(line) as Omit<Seen, "type"> & {
        readonly type: Seen["type"] | "ERROR" | "BOOKMARK";
      };
      if (type === "ERROR") return void (version = "");
      version = object.metadata.resourceVersion ?? version;
      if (type !== "BOOKMARK") tell(type, object);
    });
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

const settings = JSON.parse(process.argv[2] ?? "{}") as Watching;
for (const [what, path] of Object.entries(settings.paths)) void follow(settings, what, path);
