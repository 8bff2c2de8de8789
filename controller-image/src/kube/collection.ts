// The two requests that keep a copy of a collection: a list in pages, and a watch from where the list ended.
import type { KubeObject, Resource } from "../../../lib/model/kubernetes";
import { KubeError, type Clock, type ReflectorOptions } from "./api";
import { pathOf } from "./client";
import { accepting, eventReader, type Page, readPage, type EventHandlers } from "./encoding";
import type { Transport } from "./transport";

export type Selection = Pick<
  ReflectorOptions<KubeObject>,
  "resource" | "namespace" | "fieldSelector" | "labelSelector"
> & {
  /** In protobuf, where the server has it. */
  readonly binary: boolean;
};

/** Objects in one page: what client-go asks for, and what keeps one page of Pods at a few megabytes. */
const PAGE_LIMIT = 500;
export const LIST_TIMEOUT_MS = 60_000;
/** A watch that is let in answers at once, also when nothing happens. */
const WATCH_OPEN_MS = 15_000;
/** The server ends a watch after a time that is drawn from this range, so that a fleet's watches do not end together. */
const WATCH_SECONDS = { least: 300, most: 600 };
/** A server that forgets to end it is not waited for much longer. */
const WATCH_GRACE_MS = 30_000;

export function query(selection: Selection, more: Readonly<Record<string, string | number | undefined>>): string {
  const { resource, namespace, fieldSelector, labelSelector } = selection;
  const parameters = Object.entries({ fieldSelector, labelSelector, ...more })
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return `${pathOf(resource, { namespace })}?${parameters.join("&")}`;
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
  const ask = async (from: string | undefined): Promise<Page> => {
    for (;;) {
      const path = query(selection, { limit, continue: from });
      const accept = accepting(selection.binary);
      const request = { lane: "watch", method: "GET", path, accept, signal, timeoutMs: LIST_TIMEOUT_MS } as const;
      try {
        return readPage(await transport.download(request), `GET ${path}`);
      } catch (error) {
        // Few but huge objects: smaller pages.
        if (!(error instanceof KubeError) || error.reason !== "TooLarge" || limit === 1) throw error;
        limit = Math.max(1, Math.floor(limit / 8));
      }
    }
  };
  let version: string | undefined;
  for (let pending: Promise<Page> | undefined = ask(undefined); pending !== undefined;) {
    const page: Page = await pending;
    version ??= page.resourceVersion;
    // The server makes the next page while this one is read.
    pending = page.continue ? ask(page.continue) : undefined;
    pending?.catch(() => undefined);
    page.items.forEach(onItem);
  }
  if (version === undefined || version === "" || version === "0") {
    throw new KubeError(0, "BadAnswer", `GET ${query(selection, {})}: the list has no resourceVersion to watch from`);
  }
  return version;
}

export interface WatchHandlers extends EventHandlers {
  readonly onOpen: () => void;
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
    const accept = accepting(selection.binary);
    const request = { method: "GET", path, accept, signal: ending.signal, timeoutMs: WATCH_OPEN_MS } as const;
    if (signal.aborted) stop();
    let read = (_chunk: Buffer): void => undefined;
    const onOpen = (contentType: string): void => {
      read = eventReader(contentType, `GET ${path}`, handlers);
      handlers.onOpen();
    };
    await transport.stream({ lane: "watch", ...request }, onOpen, (chunk) => read(chunk));
  } catch (error) {
    if (!overdue) throw error;
  } finally {
    cancelGrace();
    signal.removeEventListener("abort", stop);
  }
}

/** How an error message names a kind that the server does not have. */
export const notServed = ({ kind, group, version }: Resource): string =>
  `${kind} (${group === "" ? version : `${group}/${version}`}) is not served by the API server`;
