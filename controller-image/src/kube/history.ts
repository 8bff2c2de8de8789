// What a server has told of a collection, and whether it still stands by it. A server that was restored from a backup has forgotten the
// end of its history, and a watch that goes on there says nothing, without any error, until that is as long again as it was.
import type { KubeObject, ObjectMeta } from "../../../lib/model/kubernetes";
import { pathOf } from "./client";
import { accepting, readPage } from "./encoding";
import { LIST_TIMEOUT_MS, query, type Selection } from "./collection";
import { KubeError } from "./api";
import type { Transport } from "./transport";

type Named = Pick<ObjectMeta, "name" | "namespace" | "uid" | "resourceVersion">;

interface Word {
  readonly object: Named;
  readonly gone: boolean;
}

export class History {
  /** The last version that was told, of whatever. */
  #end: string | undefined;
  /** What was told last of an object. */
  #last: Word | undefined;
  /** The same when the watch broke off; undefined while there is no doubt. */
  #doubted: { readonly end: string | undefined; readonly last: Word | undefined } | undefined;

  /** @param version of a list, an event or a bookmark */
  reached(version: string): void {
    this.#end = version;
  }

  /** Of an object in a list, or in an event. */
  saw(object: Named, gone = false): void {
    const { resourceVersion } = object;
    if (resourceVersion === undefined) return;
    if (!isLower(resourceVersion, this.#last?.object.resourceVersion ?? "")) this.#last = { object, gone };
  }

  /** A list begins: it says all anew. */
  restart(): void {
    this.#last = undefined;
  }

  /** Whether a server that has got no further has forgotten something. */
  isLongerThan(version: string): boolean {
    return isBefore(version, this.#end);
  }

  get isDoubted(): boolean {
    return this.#doubted !== undefined;
  }

  /** A watch broke off: the next one may be at a server that has forgotten something. */
  doubt(): void {
    this.#doubted ??= { end: this.#end, last: this.#last };
  }

  believe(): void {
    this.#doubted = undefined;
  }

  /**
   * Asks the server, with two small requests.
   *
   * @param isHeld whether the copy still is as it was told then
   */
  async isStillTrue(
    transport: Transport,
    selection: Selection,
    signal: AbortSignal,
    isHeld: (object: Named, gone: boolean) => boolean,
  ): Promise<boolean> {
    const { resource, namespace } = selection;
    const { end, last } = this.#doubted ?? {};
    // Without a selector nothing has to be searched for. In a namespace there is little, and rights may be for one object alone.
    const path = query(namespace === undefined ? { resource, binary: false } : selection, { limit: 1 });
    const request = { lane: "watch", method: "GET", accept: accepting(false), signal } as const;
    const page = readPage(await transport.download({ ...request, path, timeoutMs: LIST_TIMEOUT_MS }), `GET ${path}`);
    if (isBefore(page.resourceVersion ?? "", end)) return false;
    // It may have gone on since, beyond where it was.
    if (last === undefined || !isHeld(last.object, last.gone)) return true;
    const found = await read(transport, {
      ...request,
      path: pathOf(resource, last.object),
      timeoutMs: LIST_TIMEOUT_MS,
    });
    if (found === "forbidden" || !isHeld(last.object, last.gone)) return true;
    const same = found !== undefined && found.metadata.uid === last.object.uid;
    return last.gone ? !same : same && found.metadata.resourceVersion === last.object.resourceVersion;
  }
}

async function read(
  transport: Transport,
  request: Parameters<Transport["download"]>[0],
): Promise<KubeObject | "forbidden" | undefined> {
  try {
    return JSON.parse((await transport.download(request)).body.toString("utf8")) as KubeObject;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    if (error instanceof KubeError && error.status === 403) return "forbidden";
    throw error;
  }
}

/** Versions are numbers of one count, for a whole server; false where they are not. */
function isBefore(version: string, than = ""): boolean {
  return [version, than].every((text) => /^[1-9][0-9]*$/.test(text)) && isLower(version, than);
}

const isLower = (a: string, b: string): boolean => (a.length === b.length ? a < b : a.length < b.length);
