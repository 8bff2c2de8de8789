// What a reflector holds: the objects themselves, or, of large collections, one string for each.
import type { KubeObject } from "../../../lib/model/kubernetes";
import type { Packing } from "./api";

export interface Entry<T> {
  readonly object: T;
  /** Kept apart from the object, because `project` may drop it. */
  readonly version: string | undefined;
  readonly uid: string | undefined;
}

export class ObjectCache<T extends KubeObject> {
  /** A string where objects are packed. */
  readonly #stored = new Map<string, Entry<T> | string>();

  constructor(private readonly packing?: Packing<T>) {}

  get(key: string): Entry<T> | undefined {
    const stored = this.#stored.get(key);
    return stored === undefined ? undefined : this.#entry(key, stored);
  }

  keys(): IterableIterator<string> {
    return this.#stored.keys();
  }

  *objects(): IterableIterator<T> {
    for (const [key, stored] of this.#stored) yield this.#entry(key, stored).object;
  }

  set(key: string, entry: Entry<T>): void {
    const stored = this.packing?.pack(entry.object) ?? entry;
    this.#release(this.#stored.get(key));
    this.#stored.set(key, stored);
  }

  /** The same object again that another copy holds: where objects are kept as they are, it stays the very same. */
  adopt(key: string, entry: Entry<T>): void {
    if (this.packing === undefined) this.#stored.set(key, entry);
  }

  delete(key: string): void {
    this.#release(this.#stored.get(key));
    this.#stored.delete(key);
  }

  /** For a copy that is not needed any more. */
  clear(): void {
    if (this.packing !== undefined) for (const stored of this.#stored.values()) this.#release(stored);
    this.#stored.clear();
  }

  #entry(key: string, stored: Entry<T> | string): Entry<T> {
    if (typeof stored !== "string") return stored;
    const object = this.packing?.unpack(key, stored) as T;
    return { object, version: object.metadata.resourceVersion, uid: object.metadata.uid };
  }

  #release(stored: Entry<T> | string | undefined): void {
    if (typeof stored === "string") this.packing?.release(stored);
  }
}
