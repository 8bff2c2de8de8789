// `Kube` over a {@link MemoryServer}. Each client (the controller, each agent) has its own deliveries, so that a test can
// hold one back, lose the network of one, or let one see the world later than another. Nothing happens by itself in
// manual mode, and nothing depends on real time in any.
import {
  KubeError,
  type Change,
  type Clock,
  type Kube,
  type ObjectRef,
  type Reflector,
  type ReflectorOptions,
} from "../../controller-image/src/kube/api";
import { keyOf, type KubeObject, type Resource } from "../../lib/model/kubernetes";
import { MemoryServer, type Commit, type MemoryServerOptions, type Preconditions } from "./memory-server";

export { MemoryServer } from "./memory-server";

/**
 * How watch events reach the caches of a client: `auto`: in order, as promises settle; `manual`: when the test calls
 * {@link MemoryKube.deliver}; numbers: each after that many milliseconds of the clock, in order within a reflector.
 */
export type Delivery = "auto" | "manual" | { readonly minMs: number; readonly maxMs: number };

/** One request, as a client made it. */
export interface Call {
  readonly verb: "get" | "create" | "replace" | "mergePatch" | "apply" | "delete";
  readonly resource: Resource;
  readonly ref: ObjectRef;
  readonly subresource?: "status";
  readonly body?: object;
}

/** What befalls a request: an error answer, a request that never arrives, an answer that is lost after the deed. */
export type Fault = KubeError | "request-lost" | "answer-lost";

export interface MemoryKubeOptions {
  readonly clock: Clock;
  /** @default "auto" */
  readonly delivery?: Delivery;
  /** Milliseconds until a request arrives; the answer comes at once after that. @default 0, as promises settle */
  readonly latencyMs?: number;
  /** Asked before each request. */
  readonly fault?: (call: Call) => Fault | undefined;
}

const noAnswer = (text: string): KubeError => new KubeError(0, "ConnectionLost", text);

export class MemoryKube implements Kube {
  readonly server: MemoryServer;
  /** Every request that was made, in order; empty it at will. */
  readonly calls: Call[] = [];
  fault: ((call: Call) => Fault | undefined) | undefined;
  readonly #options: MemoryKubeOptions;
  readonly #reflectors = new Set<MemoryReflector<KubeObject>>();
  #connected = true;
  #closed = false;

  constructor(server: MemoryServer, options: MemoryKubeOptions) {
    this.server = server;
    this.fault = options.fault;
    this.#options = options;
  }

  /** False: requests fail and deliveries wait. True again: what was missed arrives, in order. */
  set connected(connected: boolean) {
    this.#connected = connected;
    if (connected) for (const reflector of this.#reflectors) reflector.schedule();
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Writes only; what most tests count. */
  get writes(): Call[] {
    return this.calls.filter((call) => call.verb !== "get");
  }

  /** Events that wait, over all reflectors. */
  get undelivered(): number {
    return [...this.#reflectors].reduce((sum, reflector) => sum + reflector.waiting, 0);
  }

  /** Manual mode: delivers the oldest `count` events in the order of their commits; answers how many there were. */
  deliver(count = Number.POSITIVE_INFINITY): number {
    let delivered = 0;
    for (; delivered < count && this.#connected; delivered++) {
      const oldest = [...this.#reflectors]
        .filter((reflector) => reflector.waiting > 0)
        .reduce<MemoryReflector<KubeObject> | undefined>(
          (best, reflector) => (best === undefined || reflector.nextVersion < best.nextVersion ? reflector : best),
          undefined,
        );
      if (oldest === undefined) break;
      oldest.deliverOne();
    }
    return delivered;
  }

  /** Manual mode: delivers the next event of one reflector alone, in the order in which they were made; others fall behind. */
  deliverOf(index: number): void {
    if (this.#connected) [...this.#reflectors][index]?.deliverOne();
  }

  /** What a 410 does: the events that wait are lost, and a fresh list takes their place. */
  relist(): void {
    for (const reflector of this.#reflectors) reflector.relist();
  }

  reflect<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
    const reflector = new MemoryReflector<T>(this.server, options, {
      clock: this.#options.clock,
      delivery: this.#options.delivery ?? "auto",
      isConnected: () => this.#connected && !this.#closed,
      onStop: () => void this.#reflectors.delete(reflector as unknown as MemoryReflector<KubeObject>),
    });
    this.#reflectors.add(reflector as unknown as MemoryReflector<KubeObject>);
    return reflector;
  }

  get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined> {
    return this.#call({ verb: "get", resource, ref }, () => this.server.get<T>(resource, ref));
  }

  create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    const call = { verb: "create", resource, ref: object.metadata, body: object } as const;
    return this.#call(call, () => this.server.create(resource, object));
  }

  replace<T extends KubeObject>(resource: Resource, object: T, subresource?: "status"): Promise<T> {
    const call = { verb: "replace", resource, ref: object.metadata, subresource, body: object } as const;
    return this.#call(call, () => this.server.replace(resource, object, subresource));
  }

  mergePatch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: object, subresource?: "status") {
    const call = { verb: "mergePatch", resource, ref, subresource, body: patch } as const;
    return this.#call(call, () => this.server.mergePatch<T>(resource, ref, patch, subresource));
  }

  apply<T extends KubeObject>(resource: Resource, object: T, fieldManager: string, subresource?: "status") {
    const call = { verb: "apply", resource, ref: object.metadata, subresource, body: object } as const;
    return this.#call(call, () => this.server.apply(resource, object, fieldManager, subresource));
  }

  delete(resource: Resource, ref: ObjectRef, preconditions?: Preconditions): Promise<void> {
    return this.#call({ verb: "delete", resource, ref }, () => this.server.delete(resource, ref, preconditions));
  }

  close(): void {
    this.#closed = true;
    for (const reflector of [...this.#reflectors]) reflector.stop();
  }

  async #call<R>(call: Call, act: () => R): Promise<R> {
    this.calls.push(call);
    const { clock, latencyMs = 0 } = this.#options;
    await (latencyMs > 0 ? new Promise<void>((resolve) => clock.after(latencyMs, resolve)) : undefined);
    if (this.#closed) throw noAnswer("the client is closed");
    if (!this.#connected) throw noAnswer("the API server cannot be reached");
    const fault = this.fault?.(call);
    if (fault instanceof KubeError) throw fault;
    if (fault === "request-lost") throw noAnswer("the connection was lost");
    const result = act();
    if (fault === "answer-lost") throw noAnswer("the connection was lost");
    return result;
  }
}

interface ReflectorContext {
  readonly clock: Clock;
  readonly delivery: Delivery;
  readonly isConnected: () => boolean;
  readonly onStop: () => void;
}

class MemoryReflector<T extends KubeObject> implements Reflector<T> {
  #synced = false;
  #stopped = false;
  #scheduled = false;
  #waitsForKind = false;
  /** The last version that was heard of. */
  #told = 0;
  /** `undefined` stands for a list. */
  #queue: { readonly version: number; readonly commit?: Commit }[] = [];
  readonly #cache = new Map<string, T>();
  /** Kept apart, because `project` may drop it. */
  readonly #versions = new Map<string, string | undefined>();
  readonly #uids = new Map<string, string | undefined>();
  readonly #selects: (object: KubeObject) => boolean;
  readonly #unsubscribe: () => void;

  constructor(
    private readonly server: MemoryServer,
    private readonly options: ReflectorOptions<T>,
    private readonly context: ReflectorContext,
  ) {
    this.#selects = selection(options);
    this.#unsubscribe = server.onCommit((commit) => {
      const { plural, group } = this.options.resource;
      if (commit.resource.plural !== plural || commit.resource.group !== group) return;
      if (this.#waitsForKind) this.relist();
      else if (this.#relevant(commit)) this.#push({ version: commit.version, commit });
    });
    this.#push({ version: server.version });
  }

  get synced(): boolean {
    return this.#synced;
  }

  get lastError(): string | undefined {
    if (!this.server.serves(this.options.resource)) return notServed(this.options.resource);
    return this.context.isConnected() ? undefined : "the API server cannot be reached";
  }

  get waiting(): number {
    return this.#queue.length;
  }

  get nextVersion(): number {
    return this.#queue[0]?.version ?? Number.POSITIVE_INFINITY;
  }

  get(key: string): T | undefined {
    return this.#cache.get(key);
  }

  values(): IterableIterator<T> {
    return this.#cache.values();
  }

  stop(): void {
    this.#stopped = true;
    this.#queue = [];
    this.#unsubscribe();
    this.context.onStop();
  }

  relist(): void {
    this.#queue = [];
    this.#waitsForKind = false;
    this.#push({ version: this.server.version });
  }

  /** Arranges the next delivery, unless the test does that itself. */
  schedule(): void {
    const { delivery, clock } = this.context;
    if (delivery === "manual" || this.#scheduled || this.#stopped || this.#queue.length === 0) return;
    if (!this.context.isConnected()) return;
    this.#scheduled = true;
    const act = (): void => {
      this.#scheduled = false;
      if (this.#stopped || !this.context.isConnected()) return;
      this.deliverOne();
      this.schedule();
    };
    if (delivery === "auto") queueMicrotask(act);
    else clock.after(delivery.minMs + clock.random() * (delivery.maxMs - delivery.minMs), act);
  }

  deliverOne(): void {
    const next = this.#queue.shift();
    if (next === undefined || this.#stopped) return;
    if (next.commit === undefined) return this.#list();
    this.#told = next.version;
    const { before, after } = next.commit;
    if (after !== undefined && this.#selects(after)) this.#set(after as T);
    else if (before !== undefined) this.#drop(keyOf(before));
  }

  #push(item: { version: number; commit?: Commit }): void {
    if (this.#stopped) return;
    this.#queue.push(item);
    this.schedule();
  }

  #list(): void {
    if (!this.server.serves(this.options.resource)) {
      this.#waitsForKind = true;
      return;
    }
    if (this.server.version < this.#told) this.options.onRewound?.();
    this.#told = this.server.version;
    const listed = this.server.list<T>(this.options.resource).filter((object) => this.#selects(object));
    // A list is later than the events that wait behind it.
    this.#queue = [];
    const uids = new Map(listed.map((object) => [keyOf(object), object.metadata.uid]));
    const gone = [...this.#cache].filter(([key]) => !uids.has(key) || uids.get(key) !== this.#uids.get(key));
    for (const [key] of gone) this.#cache.delete(key);
    const changed = listed
      .filter((raw) => !this.#cache.has(keyOf(raw)) || this.#versions.get(keyOf(raw)) !== raw.metadata.resourceVersion)
      .flatMap((raw) => {
        const old = this.#cache.get(keyOf(raw));
        const object = this.#store(raw);
        return object === undefined ? [] : { key: keyOf(raw), old, object };
      });
    for (const [key, old] of gone) this.#tell({ type: "delete", key, old });
    for (const { key, object, old } of changed) this.#tell({ type: "set", key, object, old });
    if (this.#synced) return;
    this.#synced = true;
    this.options.onSynced?.();
  }

  #set(raw: T): void {
    const key = keyOf(raw);
    const old = this.#cache.get(key);
    const object = this.#store(raw);
    if (object !== undefined) this.#tell({ type: "set", key, object, old });
  }

  /** Undefined for an object that `project` cannot read: what is held of it stays, as in the shipped reflector. */
  #store(raw: T): T | undefined {
    let object: T;
    try {
      object = this.options.project?.(raw) ?? raw;
    } catch {
      return undefined;
    }
    this.#cache.set(keyOf(raw), object);
    this.#versions.set(keyOf(raw), raw.metadata.resourceVersion);
    this.#uids.set(keyOf(raw), raw.metadata.uid);
    return object;
  }

  #drop(key: string): void {
    const old = this.#cache.get(key);
    if (old === undefined) return;
    this.#cache.delete(key);
    this.#tell({ type: "delete", key, old });
  }

  #relevant({ before, after }: Commit): boolean {
    return (after !== undefined && this.#selects(after)) || (before !== undefined && this.#selects(before));
  }

  #tell(change: Change<T>): void {
    if (!this.#stopped) this.options.onChange(change);
  }
}

/** The text of `lastError` while a kind's definition is not installed. */
export const notServed = ({ kind, group, version }: Resource): string =>
  `${kind} (${group === "" ? version : `${group}/${version}`}) is not served by the API server`;

/** Equality terms on any field, which is all that podpin uses; real servers know only the fields that they declare. */
function selection<T extends KubeObject>(options: ReflectorOptions<T>): (object: KubeObject) => boolean {
  const { namespace } = options;
  const fields = terms(options.fieldSelector).map(([path, ...term]) => [path.split("."), ...term] as const);
  const hasLabels = labelTest(options.labelSelector);
  return (object) => {
    if (namespace !== undefined && object.metadata.namespace !== namespace) return false;
    const fieldsMatch = fields.every(([path, operator, value]) => {
      let at: unknown = object;
      for (const name of path) at = (at as Record<string, unknown> | undefined)?.[name];
      return (String(at ?? "") === value) === (operator === "=");
    });
    return fieldsMatch && hasLabels(object.metadata.labels ?? {});
  };
}

type LabelTest = (labels: Readonly<Record<string, string>>) => boolean;

/** `key`, `key in (a,b)`, or terms of equality. */
function labelTest(selector: string | undefined): LabelTest {
  const [, key = "", values] = /^([^\s=!,]+)(?: in \(([^()]+)\))?$/.exec(selector ?? "") ?? [];
  if (values !== undefined) {
    const wanted = new Set(values.split(","));
    return (labels) => wanted.has(labels[key] ?? "");
  }
  if (key !== "") return (labels) => Object.hasOwn(labels, key);
  const equal = terms(selector);
  return (labels) => equal.every(([label, operator, value]) => (labels[label] === value) === (operator === "="));
}

function terms(selector: string | undefined): [string, "=" | "!=", string][] {
  return (selector ?? "")
    .split(",")
    .filter((term) => term !== "")
    .map((term) => {
      const match = /^([^=!]+)(==|!=|=)([^=!]*)$/.exec(term);
      if (match === null)
        throw new Error(`MemoryKube: selector ${JSON.stringify(term)}; use name=value or name!=value`);
      return [match[1] ?? "", match[2] === "!=" ? "!=" : "=", match[3] ?? ""];
    });
}

/** A server with one client: what most tests need. */
export function memoryKube(options: MemoryKubeOptions & Omit<MemoryServerOptions, "clock">): MemoryKube {
  return new MemoryKube(new MemoryServer(options), options);
}
