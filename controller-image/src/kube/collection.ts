// The two requests that keep a copy of a collection: a list in pages, and a watch from where the list ended.
import type { KubeObject, Resource } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type ReflectorOptions } from "./api";
import { pathOf } from "./client";
import { LineSplitter } from "./lines";
import { statusError, type Transport } from "./transport";

export type Selection = Pick<
  ReflectorOptions<KubeObject>,
  "resource" | "namespace" | "fieldSelector" | "labelSelector"
>;

/** Objects in one page: what client-go asks for, and what keeps one page of Pods at a few megabytes. */
const PAGE_LIMIT = 500;
const LIST_TIMEOUT_MS = 60_000;
/** A watch that is let in answers at once, also when nothing happens. */
const WATCH_OPEN_MS = 15_000;
/** The server ends a watch after a time that is drawn from this range, so that a fleet's watches do not end together. */
const WATCH_SECONDS = { least: 300, most: 600 };
/** A server that forgets to end it is not waited for much longer. */
const WATCH_GRACE_MS = 30_000;

function query(selection: Selection, more: Readonly<Record<string, string | number | undefined>>): string {
  const { resource, namespace, fieldSelector, labelSelector } = selection;
  const parameters = Object.entries({ fieldSelector, labelSelector, ...more })
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `${pathOf(resource, { namespace })}?${parameters.join("&")}`;
}

interface ListPage {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly unknown[] | null;
}

/**
 * Lists the collection as it is now, page by page: no `resourceVersion`, because with one the server may answer from the
 * past, and with 0 it ignores the limit. Answers the version to watch from.
 */
export async function list(
  transport: Transport,
  selection: Selection,
  signal: AbortSignal,
  onItem: (item: unknown) => void,
): Promise<string> {
  let limit = PAGE_LIMIT;
  let version: string | undefined;
  let next: string | undefined;
  for (;;) {
    const path = query(selection, { limit, continue: next });
    let answer: string;
    try {
      answer = await transport.request({ lane: "watch", method: "GET", path, signal, timeoutMs: LIST_TIMEOUT_MS });
    } catch (error) {
      // Few but huge objects: smaller pages.
      if (!(error instanceof KubeError) || error.reason !== "TooLarge" || limit === 1) throw error;
      limit = Math.max(1, Math.floor(limit / 8));
      continue;
    }
    const page = parsePage(answer, path);
    version ??= page.metadata?.resourceVersion;
    next = page.metadata?.continue;
    page.items?.forEach(onItem);
    if (next === undefined || next === "") break;
  }
  if (version === undefined || version === "" || version === "0") {
    throw new KubeError(0, "BadAnswer", `GET ${query(selection, {})}: the list has no resourceVersion to watch from`);
  }
  return version;
}

function parsePage(answer: string, path: string): ListPage {
  let page: unknown;
  try {
    page = JSON.parse(answer);
  } catch (cause) {
    throw new KubeError(0, "BadAnswer", `GET ${path}: the answer is not JSON`, { cause });
  }
  const items = (page as ListPage | null)?.items;
  if (items === null || Array.isArray(items)) return page as ListPage;
  throw new KubeError(0, "BadAnswer", `GET ${path}: the answer is not a list`);
}

export interface WatchHandlers {
  readonly onOpen: () => void;
  readonly onEvent: (type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK", object: unknown) => void;
  /** A line that cannot be read; what it would have said is not known. */
  readonly onGarbage: (what: string) => void;
}

/** Watches from a version on. Resolves when the server ends the watch in due time, rejects in every other case. */
export async function watch(
  transport: Transport,
  clock: Clock,
  selection: Selection,
  version: string,
  signal: AbortSignal,
  handlers: WatchHandlers,
): Promise<void> {
  const { least, most } = WATCH_SECONDS;
  const timeoutSeconds = least + Math.floor(clock.random() * (most - least + 1));
  const path = query(selection, {
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: version,
    timeoutSeconds,
  });
  const splitter = new LineSplitter(
    (line) => onLine(line, path, handlers),
    (bytes) => handlers.onGarbage(`a line of more than ${bytes} bytes`),
  );
  // Its own controller, because the grace period ends this watch only.
  const ending = new AbortController();
  const stop = (): void => ending.abort();
  signal.addEventListener("abort", stop);
  let overdue = false;
  const cancelGrace = clock.after(timeoutSeconds * 1000 + WATCH_GRACE_MS, () => {
    overdue = true;
    stop();
  });
  try {
    const request = { lane: "watch", method: "GET", path, signal: ending.signal, timeoutMs: WATCH_OPEN_MS } as const;
    if (signal.aborted) stop();
    await transport.stream(request, handlers.onOpen, (chunk) => splitter.push(chunk));
  } catch (error) {
    if (!overdue) throw error;
  } finally {
    cancelGrace();
    signal.removeEventListener("abort", stop);
  }
}

function onLine(line: string, path: string, handlers: WatchHandlers): void {
  let event: { type?: unknown; object?: unknown } | null;
  try {
    event = JSON.parse(line) as typeof event;
  } catch {
    return handlers.onGarbage(`a line of ${line.length} characters that is not JSON`);
  }
  const { type, object } = event ?? {};
  switch (type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
    case "BOOKMARK":
      return handlers.onEvent(type, object);
    case "ERROR":
      throw statusError(typeof object === "object" && object !== null ? object : {}, { what: `GET ${path}` });
    default:
      return handlers.onGarbage(`an event of type ${JSON.stringify(type)}`);
  }
}

/** How an error message names a kind that the server does not have. */
export const notServed = ({ kind, group, version }: Resource): string =>
  `${kind} (${group === "" ? version : `${group}/${version}`}) is not served by the API server`;
