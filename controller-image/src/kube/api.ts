// What the controller and the agent need of Kubernetes. The real transport implements it over HTTP/2; tests and the
// simulator implement it in memory.
import type { KubeObject, Resource } from "../../../lib/model/kubernetes";

export interface ObjectRef {
  readonly namespace?: string;
  readonly name: string;
}

/** One object of the API server, one call each. Every failure but a missing object is a {@link KubeError}. */
export interface KubeApi {
  /** Undefined when the object (or its kind) does not exist. */
  get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined>;
  create<T extends KubeObject>(resource: Resource, object: T): Promise<T>;
  /** Replaces the object, or its status. Carries `metadata.resourceVersion`, so a stale write fails with 409. */
  replace<T extends KubeObject>(resource: Resource, object: T, subresource?: "status"): Promise<T>;
  /** RFC 7386 merge patch; put `metadata.resourceVersion` into it to make it a compare-and-swap. */
  mergePatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    patch: object,
    subresource?: "status",
  ): Promise<T>;
  /** Server-side apply with force: owns exactly the fields in `object` under this field manager. */
  apply<T extends KubeObject>(resource: Resource, object: T, fieldManager: string, subresource?: "status"): Promise<T>;
  /** Succeeds when the object is gone already. */
  delete(resource: Resource, ref: ObjectRef, preconditions?: { uid?: string; resourceVersion?: string }): Promise<void>;
}

export interface KubeErrorOptions extends ErrorOptions {
  readonly retryAfterSeconds?: number;
}

export class KubeError extends Error {
  /** How long the server asks to be left alone (429 and 503 with `Retry-After`). */
  readonly retryAfterSeconds?: number;

  /**
   * @param status HTTP status; 0 when no answer came, so that nobody knows whether a write was done
   * @param reason `metav1.Status` reason such as `Conflict`, `AlreadyExists`, `NotFound`, `Forbidden`
   */
  constructor(
    readonly status: number,
    readonly reason: string,
    message: string,
    options?: KubeErrorOptions,
  ) {
    super(message, options);
    this.name = "KubeError";
    this.retryAfterSeconds = options?.retryAfterSeconds;
  }
}

/** What happened to one object in a {@link Reflector}. `old` is what the cache held before. */
export type Change<T> =
  | { readonly type: "set"; readonly key: string; readonly object: T; readonly old?: T }
  | { readonly type: "delete"; readonly key: string; readonly old: T };

/** How an object becomes one string, and comes back as it was. */
export interface Packing<T> {
  pack(object: T): string;
  /** @param key the object's, so that it need not be in the string a second time */
  unpack(key: string, packed: string): T;
  /** Called for every string that {@link pack} has given, once it is kept no longer. */
  release(packed: string): void;
}

export interface ReflectorOptions<T extends KubeObject> {
  readonly resource: Resource;
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
  /** Keeps only what is read, so that the cache stays small. */
  readonly project?: (object: T) => T;
  /**
   * Reads as much of an object from its protobuf form as `project` would keep. The collection is then asked for in that form;
   * a server that has it in JSON alone is understood too.
   */
  readonly decode?: (bytes: Buffer) => T;
  /**
   * Keeps each object as one string: for collections so large that objects of the engine would fill the memory. What is kept
   * must hold `metadata.resourceVersion` and `metadata.uid`; an object that is asked for is made anew each time.
   */
  readonly packing?: Packing<T>;
  /**
   * Called after the cache has changed, in order; after a list, when all of it is in the cache. Must not block. What it
   * throws is logged and stops nothing.
   */
  readonly onChange: (change: Change<T>) => void;
  /**
   * The server's history ends before what it has told already: it was restored from a backup. Versions of before say nothing about
   * those that follow, and objects may be as they once were. Called before {@link onChange} tells the differences.
   */
  readonly onRewound?: () => void;
  /** Called once, when the first complete list is in the cache and `onChange` has seen each of its objects. */
  readonly onSynced?: () => void;
}

/** A live copy of a collection: list, then watch, for ever, through every kind of failure. */
export interface Reflector<T extends KubeObject> {
  /** True from just before `onSynced` on; a later disconnect does not make it false. */
  readonly synced: boolean;
  /** By `namespace/name`, or name. */
  get(key: string): T | undefined;
  values(): IterableIterator<T>;
  /** Why the last attempt failed, until one succeeds; for readiness answers. */
  readonly lastError?: string;
  /** When the server last said anything about the collection, by the clock; it does so about once a minute. */
  readonly heardAt?: number;
  stop(): void;
}

export interface Kube extends KubeApi {
  reflect<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T>;
  /** Closes every connection and stops every reflector. */
  close(): void;
}

/** Time and chance come in through here, so that the simulator runs the code that ships. */
export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  /** Milliseconds since 1970, only for timestamps that people read. */
  wallTime(): number;
  /** Calls back once, and never before `now()` says that so much has passed; the answer cancels. */
  after(ms: number, callback: () => void): () => void;
  /** 0 (inclusive) to 1 (exclusive). */
  random(): number;
}

export type LogLevel = "debug" | "info" | "warn" | "error";
/** One line of JSON each. Never given secrets. */
export type Log = (level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>) => void;
