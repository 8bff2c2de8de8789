// A live copy of a collection. Lists once, then watches, and after any failure goes on from the last version that it has
// seen; it lists again only when the server says that this version is too old to go on from. An error never empties it.
import { keyOf, type KubeObject, type ObjectMeta } from "../../../lib/model/kubernetes";
import { Backoff, pause } from "./backoff";
import { KubeError, type Change, type Clock, type Log, type Reflector, type ReflectorOptions } from "./api";
import { list, notServed, watch, type Selection } from "./collection";
import type { EventType } from "./encoding";
import { History } from "./history";
import { rawOf } from "./items";
import { type Entry, ObjectCache } from "./object-cache";
import { errorText } from "./log";
import type { Transport } from "./transport";

export interface ReflectorContext {
  readonly transport: Transport;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStop?: () => void;
}

const RETRY = { firstMs: 800, maxMs: 30_000 };
/** A missing kind is cheap to ask for, and is often on its way. */
const LONGEST_WAIT_FOR_KIND_MS = 5_000;
/** A watch that lived this long was no failure, even if nothing happened in it. */
const HEALTHY_WATCH_MS = 10_000;
/** No server ends a watch earlier that has nothing else to do. */
const SHORTEST_WATCH_MS = 300_000;
/** A replica that lags behind catches up; a server restored from a backup never does. */
const TOO_NEW_BEFORE_RELIST = 3;
/** When the server is asked whether it still has what it told, after a watch that broke off has opened again. */
const CHECK_MS = { least: 2_000, most: 10_000 };

export class WatchReflector<T extends KubeObject> implements Reflector<T> {
  #cache: ObjectCache<T>;
  #synced = false;
  #lastError: string | undefined;
  #heardAt: number | undefined;
  /** Where to watch from; undefined asks for a list. */
  #version: string | undefined;
  readonly #history = new History();
  /** The server does not have it any more. */
  #rewound = false;
  /** An event could not be read, so that the copy may be wrong until the next list. */
  #doubtful = false;
  #tooNew = 0;
  /** Nobody answered the last time. */
  #unreached = false;
  /** A version expired, and nothing good has happened since. */
  #expired = false;
  readonly #backoff: Backoff;
  readonly #abort = new AbortController();

  constructor(
    private readonly options: ReflectorOptions<T>,
    private readonly context: ReflectorContext,
  ) {
    this.#backoff = new Backoff(context.clock, RETRY);
    this.#cache = new ObjectCache(options.packing);
    void this.#run();
  }

  get synced(): boolean {
    return this.#synced;
  }

  get lastError(): string | undefined {
    return this.#lastError;
  }

  get heardAt(): number | undefined {
    return this.#heardAt;
  }

  get(key: string): T | undefined {
    return this.#cache.get(key)?.object;
  }

  values(): IterableIterator<T> {
    return this.#cache.objects();
  }

  stop(): void {
    if (this.#stopped) return;
    this.#abort.abort();
    this.context.onStop?.();
  }

  get #stopped(): boolean {
    return this.#abort.signal.aborted;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      let waitMs: number;
      try {
        waitMs = this.#version === undefined ? await this.#list() : await this.#watch(this.#version);
      } catch (error) {
        if (this.#stopped) return;
        waitMs = this.#failed(error);
      }
      if (waitMs > 0) await pause(this.context.clock, waitMs, this.#abort.signal);
    }
  }

  async #list(): Promise<number> {
    const fresh = new ObjectCache(this.options.packing);
    this.#history.restart();
    let version: string;
    try {
      version = await list(this.context.transport, this.#selection, this.#abort.signal, (item) => {
        const read = this.#read(item);
        if (read !== undefined) this.#history.saw(read.metadata);
        const entry = read?.entry ?? (read && this.#cache.get(read.key));
        if (read !== undefined && entry !== undefined) fresh.set(read.key, entry);
      });
    } catch (error) {
      fresh.clear();
      throw error;
    }
    if (this.#stopped) return 0;
    this.#lastError = undefined;
    const rewound = this.#rewound || this.#history.isLongerThan(version);
    this.#goOnFrom(version);
    this.#heardAt = this.context.clock.now();
    this.#doubtful = false;
    this.#rewound = false;
    this.#history.believe();
    if (rewound) {
      const { kind } = this.options.resource;
      this.context.log("warn", "the API server has forgotten what it told: was a backup restored?", { kind });
      this.#guard("onRewound", () => this.options.onRewound?.());
    }
    this.#swap(fresh, rewound);
    return 0;
  }

  #goOnFrom(version: string): void {
    this.#version = version;
    this.#history.reached(version);
  }

  /**
   * Puts the list in the place of the cache, then tells the differences: what is gone first, as that frees things.
   *
   * @param rewound equal versions say nothing
   */
  #swap(fresh: ObjectCache<T>, rewound: boolean): void {
    const before = this.#cache;
    const gone: string[] = [];
    const changed: string[] = [];
    for (const key of before.keys()) {
      const now = fresh.get(key);
      if (now === undefined || now.uid !== before.get(key)?.uid) gone.push(key);
    }
    for (const key of fresh.keys()) {
      const old = before.get(key);
      const same = old?.version !== undefined && old.version === fresh.get(key)?.version;
      if (old !== undefined && same && !rewound) fresh.adopt(key, old);
      else changed.push(key);
    }
    this.#cache = fresh;
    // Read one at a time, so that a packed list is never unpacked as a whole.
    for (const key of gone) {
      const old = before.get(key);
      if (old !== undefined) this.#tell({ type: "delete", key, old: old.object });
    }
    for (const key of changed) {
      const old = before.get(key);
      const entry = fresh.get(key);
      if (entry === undefined) continue;
      this.#tell({ type: "set", key, object: entry.object, old: old?.uid === entry.uid ? old?.object : undefined });
    }
    before.clear();
    if (this.#synced || this.#stopped) return;
    this.#synced = true;
    this.#guard("onSynced", () => this.options.onSynced?.());
  }

  async #watch(version: string): Promise<number> {
    const { transport, clock } = this.context;
    const began = clock.now();
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    this.#abort.signal.addEventListener("abort", stop);
    let openedAt: number | undefined;
    let progressed = false;
    let cancelCheck = (): void => undefined;
    const progress = (): void => {
      progressed = true;
      this.#tooNew = 0;
      this.#expired = false;
      this.#backoff.reset();
    };
    try {
      await watch(transport, clock, this.#selection, version, ending.signal, {
        onOpen: () => {
          openedAt = clock.now();
          this.#lastError = undefined;
          if (this.#history.isDoubted) cancelCheck = this.#checkLater(ending);
        },
        onEvent: (type, object) => {
          if (this.#stopped) return;
          progress();
          this.#heardAt = clock.now();
          this.#onEvent(type, object);
        },
        onGarbage: (what) => this.#doubt(what),
      });
    } catch (error) {
      // Ended from here, to list.
      if (this.#stopped || this.#version !== undefined) throw error;
      return 0;
    } finally {
      cancelCheck();
      this.#abort.signal.removeEventListener("abort", stop);
      if (clock.now() - began < SHORTEST_WATCH_MS) this.#history.doubt();
      const lived = openedAt === undefined ? 0 : clock.now() - openedAt;
      if (lived >= HEALTHY_WATCH_MS) progress();
      if (this.#doubtful) this.#version = undefined;
    }
    // A server that ends a watch at once would otherwise be asked in a tight loop.
    return progressed ? 0 : this.#backoff.nextMs();
  }

  /** Some time after the watch has opened: where the server has forgotten what it told, the watch is ended, to list. */
  #checkLater(ending: AbortController): () => void {
    const { clock, transport, log } = this.context;
    const { kind } = this.options.resource;
    const isHeld = (object: ObjectMeta, gone: boolean): boolean =>
      this.#cache.get(keyOf({ metadata: object }))?.version === (gone ? undefined : object.resourceVersion);
    const check = async (): Promise<void> => {
      try {
        const still = await this.#history.isStillTrue(transport, this.#selection, ending.signal, isHeld);
        if (ending.signal.aborted) return;
        if (still) return this.#history.believe();
        this.#rewound = true;
        this.#version = undefined;
        ending.abort();
      } catch (error) {
        if (ending.signal.aborted) return;
        log("debug", "the server did not say whether it has what it told; it is asked again", { kind, error });
        schedule();
      }
    };
    let cancel = (): void => undefined;
    const schedule = (): void => {
      const { least, most } = CHECK_MS;
      cancel = clock.after(least + clock.random() * (most - least), () => void check());
    };
    schedule();
    return () => cancel();
  }

  #onEvent(type: EventType, item: unknown): void {
    if (type === "BOOKMARK") {
      const version = versionOf(item);
      if (version === undefined) return this.#doubt("a bookmark without a version");
      this.#goOnFrom(version);
      return;
    }
    const read = this.#read(item);
    if (read !== undefined) this.#history.saw(read.metadata, type === "DELETED");
    if (read !== undefined && type === "DELETED") this.#drop(read.key);
    else if (read?.entry !== undefined) this.#set(read.key, read.entry);
    if (read?.version !== undefined) this.#goOnFrom(read.version);
  }

  #set(key: string, entry: Entry<T>): void {
    const { object, version, uid } = entry;
    const old = this.#cache.get(key);
    if (old !== undefined && old.version === version && version !== undefined) return;
    // The deletion between the two was not seen; whoever keys by UID must hear of it.
    if (old !== undefined && old.uid !== uid) this.#drop(key);
    this.#cache.set(key, entry);
    this.#tell({ type: "set", key, object, old: old?.uid === uid ? old?.object : undefined });
  }

  #drop(key: string): void {
    const old = this.#cache.get(key);
    if (old === undefined) return;
    this.#cache.delete(key);
    this.#tell({ type: "delete", key, old: old.object });
  }

  get #selection(): Selection {
    return { ...this.options, binary: this.options.decode !== undefined };
  }

  /**
   * The item's key and version, and what to keep of it. Undefined when it is no object; without an entry when `project` or
   * `decode` throws on it. Both are logged, and are that item's own trouble: what the cache holds of it stays.
   */
  #read(item: unknown): Read<T> | undefined {
    const { metadata, whole } = rawOf(item, this.options);
    if (metadata === undefined) {
      this.#doubt("an object without a name");
      return undefined;
    }
    const key = keyOf({ metadata });
    const { resourceVersion: version = "", uid } = metadata;
    const known = { key, metadata, version: version === "" ? undefined : version };
    try {
      return { ...known, entry: { object: whole(), version: known.version, uid } };
    } catch (error) {
      this.context.log("error", "object left out: it cannot be read", { kind: this.options.resource.kind, key, error });
      return known;
    }
  }

  #doubt(what: string): void {
    this.#doubtful = true;
    const { kind } = this.options.resource;
    this.context.log("warn", "left out; listing again after this watch", { kind, what });
  }

  /** What to do after a failure; answers how long to wait first. */
  #failed(error: unknown): number {
    const { resource } = this.options;
    const { status, reason, retryAfterSeconds = 0 } = asKubeError(error);
    let longestMs = RETRY.maxMs;
    let leastMs = retryAfterSeconds * 1000;
    this.#lastError = errorText(error);
    if (status === 410 || reason === "Expired" || reason === "Gone") {
      this.#version = undefined;
      this.context.log("info", "version expired, listing again", { kind: resource.kind });
      // Once at once, however long the failures before it lasted; a second time without progress is a failure itself.
      const waitMs = this.#expired ? this.#backoff.nextMs() : 0;
      this.#expired = true;
      return waitMs;
    }
    if (reason === "ResourceVersionTooLarge" && ++this.#tooNew >= TOO_NEW_BEFORE_RELIST) {
      this.#tooNew = 0;
      this.#version = undefined;
    }
    if (status === 503) {
      // A server that has just started says so of custom resources, and to come back after 5 s; as long as an address waits for a node.
      if (this.#unreached) this.#backoff.reset();
      leastMs = 0;
      longestMs = LONGEST_WAIT_FOR_KIND_MS;
    }
    this.#unreached = status === 0;
    if (status === 404) {
      // The version is kept: a server that has just started answers 404 until it has read the definitions.
      this.#lastError = notServed(resource);
      longestMs = LONGEST_WAIT_FOR_KIND_MS;
    }
    const waitMs = Math.max(Math.min(this.#backoff.nextMs(), longestMs), leastMs);
    const fields = { kind: resource.kind, error: this.#lastError, retryMs: Math.round(waitMs) };
    this.context.log("warn", "cannot follow the collection", fields);
    return waitMs;
  }

  #tell(change: Change<T>): void {
    if (!this.#stopped) this.#guard("onChange", () => this.options.onChange(change), change.key);
  }

  #guard(what: string, call: () => void, key?: string): void {
    try {
      call();
    } catch (error) {
      this.context.log("error", `${what} failed`, { kind: this.options.resource.kind, key, error });
    }
  }
}

interface Read<T> {
  readonly key: string;
  readonly metadata: ObjectMeta;
  readonly version: string | undefined;
  readonly entry?: Entry<T>;
}

const versionOf = (item: unknown): string | undefined => {
  const version = (item as KubeObject | null | undefined)?.metadata?.resourceVersion;
  return typeof version === "string" && version !== "" ? version : undefined;
};

const asKubeError = (error: unknown): KubeError =>
  error instanceof KubeError ? error : new KubeError(0, "Unknown", errorText(error));
