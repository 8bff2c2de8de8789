// The part of an API server that controllers can tell from a real one, in memory: versions, conflicts, generations,
// finalizers, status as a subresource, server-side apply. Objects are frozen, so that nobody edits a shared cache.
import { KubeError, type Clock, type ObjectRef } from "../../controller-image/src/kube/api";
import { apiVersionOf, keyOf, type KubeObject, type Resource } from "../../lib/model/kubernetes";
import { changedLeaves, leaves, mergeApplied, mergePatched, withoutLeaves, type ListMaps } from "./field-ownership";
import { FrozenJson, sameJson } from "./frozen-json";

/** One committed change of one object, in the order of `version`. */
export interface Commit {
  readonly version: number;
  readonly resource: Resource;
  readonly before?: KubeObject;
  /** Absent when the object is gone. */
  readonly after?: KubeObject;
}

export type Preconditions = { readonly uid?: string; readonly resourceVersion?: string };

export interface MemoryServerOptions {
  readonly clock: Clock;
  /** Kinds whose `status` only `/status` can write. @default every kind but ConfigMap and Event */
  readonly hasStatus?: (resource: Resource) => boolean;
  /** What an admission rule would say against a write; a text refuses it with 422. */
  readonly validate?: (resource: Resource, object: KubeObject, old: KubeObject | undefined) => string | undefined;
}

/** The state at one moment. */
export interface Backup {
  readonly version: number;
  readonly kinds: ReadonlyMap<string, ReadonlyMap<string, Entry>>;
}

const LIST_MAPS: ListMaps = { "status.acks": "nodeName", "status.conditions": "type", "status.listeners": "name" };
const WITHOUT_STATUS = new Set(["ConfigMap", "Event"]);
/** Core kinds that have no generation. */
const WITHOUT_GENERATION = new Set(["ConfigMap", "Event", "Node", "Namespace"]);

/** An object on its way to the next version. */
type Body = Readonly<Record<string, unknown>> & {
  readonly metadata: KubeObject["metadata"];
  readonly status?: unknown;
};

interface Entry {
  object: KubeObject;
  /** Leaf paths by field manager. */
  readonly managers: Map<string, Set<string>>;
}

const kindKeys = new WeakMap<Resource, string>();
function kindKey(resource: Resource): string {
  let key = kindKeys.get(resource);
  if (key === undefined) kindKeys.set(resource, (key = `${resource.plural}.${resource.group}`));
  return key;
}
const nameOf = (resource: Resource): string => (resource.group === "" ? resource.plural : kindKey(resource));
/** What `generation` counts: all but metadata and status. */
const desired = ({ metadata: _metadata, status: _status, ...rest }: Body): unknown => rest;
function withoutStatus({ status: _status, ...rest }: Body): Body {
  return rest as Body;
}

export class MemoryServer {
  readonly #clock: Clock;
  readonly #hasStatus: (resource: Resource) => boolean;
  readonly #validate: MemoryServerOptions["validate"];
  readonly #kinds = new Map<string, Map<string, Entry>>();
  readonly #unserved = new Set<string>();
  readonly #listeners = new Set<(commit: Commit) => void>();
  readonly #json = new FrozenJson();
  #version = 0;
  #uids = 0;

  constructor(options: MemoryServerOptions) {
    this.#clock = options.clock;
    this.#hasStatus = options.hasStatus ?? ((resource) => !WITHOUT_STATUS.has(resource.kind));
    this.#validate = options.validate;
  }

  get version(): number {
    return this.#version;
  }

  /** Hears every commit, synchronously. */
  onCommit(listener: (commit: Commit) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Whether the kind's definition is installed. */
  serve(resource: Resource, served: boolean): void {
    if (served) this.#unserved.delete(kindKey(resource));
    else this.#unserved.add(kindKey(resource));
  }

  serves(resource: Resource): boolean {
    return !this.#unserved.has(kindKey(resource));
  }

  list<T extends KubeObject>(resource: Resource): T[] {
    return [...(this.#kinds.get(kindKey(resource))?.values() ?? [])].map((entry) => entry.object as T);
  }

  get<T extends KubeObject>(resource: Resource, ref: ObjectRef): T | undefined {
    return this.serves(resource) ? (this.#entry(resource, ref)?.object as T | undefined) : undefined;
  }

  create<T extends KubeObject>(resource: Resource, given: T): T {
    this.#checkServed(resource);
    const body = this.#bodyOf(given);
    this.#checkNamespace(resource, body.metadata);
    if (this.#entry(resource, body.metadata) !== undefined) {
      const what = `${nameOf(resource)} ${JSON.stringify(body.metadata.name)} already exists`;
      throw new KubeError(409, "AlreadyExists", what);
    }
    // Node is registered with its status by the kubelet; every other kind starts without.
    const startsWithout = this.#hasStatus(resource) && resource.kind !== "Node";
    return this.#insert(resource, startsWithout ? withoutStatus(body) : body) as T;
  }

  replace<T extends KubeObject>(resource: Resource, given: T, subresource?: "status"): T {
    const entry = this.#existing(resource, given.metadata);
    const { resourceVersion } = given.metadata;
    if (resourceVersion === undefined && resource.group !== "") {
      const text = "metadata.resourceVersion: Invalid value: 0: must be specified for an update";
      throw this.#invalid(resource, given.metadata.name, text);
    }
    return this.#update(resource, entry, this.#bodyOf(given), subresource, "update") as T;
  }

  mergePatch<T extends KubeObject>(resource: Resource, ref: ObjectRef, patch: object, subresource?: "status"): T {
    const entry = this.#existing(resource, ref);
    const { resourceVersion: _present, ...metadata } = entry.object.metadata;
    const body = mergePatched({ ...entry.object, metadata }, this.#json.of(patch)) as Body;
    return this.#update(resource, entry, body, subresource, "update") as T;
  }

  apply<T extends KubeObject>(resource: Resource, given: T, manager: string, subresource?: "status"): T {
    this.#checkServed(resource);
    const { apiVersion: _apiVersion, kind: _kind, ...applied } = this.#bodyOf(given);
    this.#checkNamespace(resource, applied.metadata);
    const entry = this.#entry(resource, applied.metadata);
    const { name: _name, namespace: _namespace, uid, resourceVersion, ...metadata } = applied.metadata;
    const fields = { ...applied, ...(Object.keys(metadata).length > 0 ? { metadata } : { metadata: undefined }) };
    const config = this.#json.of(fields);
    const key = `${manager}${subresource === undefined ? "" : "/status"}`;
    const owned = leaves(config, LIST_MAPS);
    if (entry === undefined) {
      if (subresource !== undefined) throw this.#notFound(resource, given.metadata.name);
      const created = this.create(resource, given);
      this.#entry(resource, created.metadata)?.managers.set(key, owned);
      return created;
    }
    const dropped = [...(entry.managers.get(key) ?? [])].filter((path) => !owned.has(path));
    const others = [...entry.managers].filter(([name]) => name !== key).map(([, paths]) => paths);
    const orphaned = new Set(dropped.filter((path) => !others.some((paths) => paths.has(path))));
    const merged = mergeApplied(withoutLeaves(entry.object, orphaned, LIST_MAPS), config, LIST_MAPS) as Body;
    const { resourceVersion: _present, ...kept } = merged.metadata;
    const body = { ...merged, metadata: { ...kept, ...(uid && { uid }), ...(resourceVersion && { resourceVersion }) } };
    const before = entry.object;
    const result = this.#update(resource, entry, body, subresource, key);
    // Forced: what this manager changed of another's fields is its own now.
    if (others.length > 0 && entry.object !== before) {
      const changed = changedLeaves(before, entry.object, LIST_MAPS).filter((path) => owned.has(path));
      for (const paths of others) for (const path of changed) paths.delete(path);
    }
    entry.managers.set(key, owned);
    return result as T;
  }

  delete(resource: Resource, ref: ObjectRef, preconditions?: Preconditions): void {
    const entry = this.serves(resource) ? this.#entry(resource, ref) : undefined;
    if (entry === undefined) return;
    const { uid, resourceVersion, finalizers, deletionTimestamp } = entry.object.metadata;
    for (const [field, wanted, present] of [
      ["UID", preconditions?.uid, uid],
      ["ResourceVersion", preconditions?.resourceVersion, resourceVersion],
    ]) {
      if (wanted === undefined || wanted === present) continue;
      const text = `Precondition failed: ${field} in precondition: ${wanted}, ${field} in object meta: ${present}`;
      throw this.#conflict(resource, ref.name, text);
    }
    if (finalizers === undefined || finalizers.length === 0) return this.#remove(resource, entry);
    if (deletionTimestamp === undefined) this.markDeleted(resource, ref);
  }

  // What follows no client of a real server can do; tests use it to set the scene.

  /** Writes the whole object, status included, whether it exists or not; metadata that the server owns is kept. */
  put<T extends KubeObject>(resource: Resource, given: T): T {
    const body = this.#typed(resource, this.#bodyOf(given));
    this.#checkNamespace(resource, body.metadata);
    const entry = this.#entry(resource, body.metadata);
    if (entry === undefined) return this.#insert(resource, body) as T;
    const { uid, creationTimestamp, generation } = entry.object.metadata;
    const grown = generation === undefined || sameJson(desired(body), desired(this.#bodyOf(entry.object))) ? 0 : 1;
    const kept = { uid, creationTimestamp, ...(generation && { generation: generation + grown }) };
    return this.#commit(resource, entry, { ...body, metadata: { ...kept, ...body.metadata } }) as T;
  }

  /** Sets `deletionTimestamp`, as a graceful deletion of a Pod does; {@link remove} ends it. */
  markDeleted(resource: Resource, ref: ObjectRef): void {
    const entry = this.#existing(resource, ref);
    const { generation, deletionTimestamp = this.#timestamp(), ...rest } = entry.object.metadata;
    const grown = generation === undefined ? {} : { generation: generation + 1 };
    const metadata = { ...rest, ...grown, deletionTimestamp };
    this.#commit(resource, entry, { ...this.#bodyOf(entry.object), metadata });
  }

  /** Takes the object away at once, finalizers or not. */
  remove(resource: Resource, ref: ObjectRef): void {
    const entry = this.#entry(resource, ref);
    if (entry !== undefined) this.#remove(resource, entry);
  }

  backup(): Backup {
    return { version: this.#version, kinds: copied(this.#kinds) };
  }

  /** Takes everything back to a backup, versions too; whoever watches has to list anew. UIDs are never used again. */
  restore({ version, kinds }: Backup): void {
    this.#version = version;
    this.#kinds.clear();
    for (const [kind, entries] of copied(kinds)) this.#kinds.set(kind, entries);
  }

  #insert(resource: Resource, body: Body): KubeObject {
    this.#admit(resource, body, undefined);
    const generation = WITHOUT_GENERATION.has(resource.kind) ? {} : { generation: 1 };
    const uid = `00000000-0000-4000-8000-${String(++this.#uids).padStart(12, "0")}`;
    const metadata = { uid, creationTimestamp: this.#timestamp(), ...body.metadata, ...generation };
    const whole = this.#typed(resource, { ...body, metadata });
    const entry: Entry = { object: whole, managers: new Map() };
    const kind = this.#kinds.get(kindKey(resource)) ?? new Map<string, Entry>();
    this.#kinds.set(kindKey(resource), kind.set(keyOf(whole), entry));
    return this.#commit(resource, entry, whole, true);
  }

  #update(resource: Resource, entry: Entry, given: Body, subresource: "status" | undefined, manager: string) {
    const { object: before } = entry;
    const name = before.metadata.name;
    const { resourceVersion, uid } = given.metadata;
    if (uid !== undefined && uid !== before.metadata.uid) {
      const text = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${before.metadata.uid}`;
      throw this.#conflict(resource, name, text);
    }
    if (resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion) {
      const text = "the object has been modified; please apply your changes to the latest version and try again";
      throw this.#conflict(resource, name, text);
    }
    if (subresource !== undefined && !this.#hasStatus(resource)) throw this.#notFound(resource, name);
    const old = before as KubeObject & Body;
    let body: Body;
    if (subresource === "status") {
      body = "status" in given ? { ...old, status: given.status } : withoutStatus(old);
    } else {
      const { creationTimestamp, deletionTimestamp, generation, resourceVersion: version } = old.metadata;
      const owned = { uid: old.metadata.uid, creationTimestamp, deletionTimestamp, generation };
      const metadata = { ...given.metadata, ...owned, resourceVersion: version };
      const status = this.#hasStatus(resource) ? ("status" in old ? { status: old.status } : {}) : undefined;
      body = { ...(status === undefined ? given : { ...withoutStatus(given), ...status }), metadata };
      body = this.#typed(resource, body);
      if (generation !== undefined && !sameJson(desired(this.#bodyOf(body)), desired(old))) {
        body = { ...body, metadata: { ...metadata, generation: generation + 1 } };
      }
    }
    body = this.#bodyOf(this.#typed(resource, body));
    this.#admit(resource, body, before);
    const changed = changedLeaves(old, body, LIST_MAPS);
    if (changed.length === 0) return before;
    if (manager === "update") {
      for (const [owner, paths] of entry.managers) if (owner !== manager) changed.forEach((path) => paths.delete(path));
      entry.managers.set(manager, new Set([...(entry.managers.get(manager) ?? []), ...changed]));
    }
    const { deletionTimestamp, finalizers } = body.metadata;
    if (deletionTimestamp !== undefined && (finalizers ?? []).length === 0) {
      entry.object = body;
      this.#remove(resource, entry);
      return entry.object;
    }
    return this.#commit(resource, entry, body);
  }

  #remove(resource: Resource, entry: Entry): void {
    const before = entry.object;
    this.#kinds.get(kindKey(resource))?.delete(keyOf(before));
    const metadata = { ...before.metadata, resourceVersion: String(++this.#version) };
    entry.object = this.#json.of({ ...before, metadata });
    this.#tell({ version: this.#version, resource, before });
  }

  #commit(resource: Resource, entry: Entry, body: Body, isNew = false): KubeObject {
    const before = isNew ? undefined : entry.object;
    const metadata = { ...body.metadata, resourceVersion: String(++this.#version) };
    const after: KubeObject = this.#json.of({ ...body, metadata });
    entry.object = after;
    this.#tell({ version: this.#version, resource, before, after });
    return after;
  }

  #tell(commit: Commit): void {
    for (const listener of [...this.#listeners]) listener(commit);
  }

  #bodyOf(object: object): Body {
    return this.#json.of(object) as Body;
  }

  #typed(resource: Resource, body: Body): Body {
    const apiVersion = apiVersionOf(resource);
    if (body["apiVersion"] === apiVersion && body["kind"] === resource.kind) return body;
    return { ...body, apiVersion, kind: resource.kind };
  }

  #admit(resource: Resource, body: Body, old: KubeObject | undefined): void {
    const complaint = this.#validate?.(resource, body, old);
    if (complaint !== undefined) throw this.#invalid(resource, body.metadata.name, complaint);
  }

  #entry(resource: Resource, ref: ObjectRef): Entry | undefined {
    return this.#kinds.get(kindKey(resource))?.get(keyOf({ metadata: ref }));
  }

  #existing(resource: Resource, ref: ObjectRef): Entry {
    this.#checkServed(resource);
    const entry = this.#entry(resource, ref);
    if (entry === undefined) throw this.#notFound(resource, ref.name);
    return entry;
  }

  #checkServed(resource: Resource): void {
    if (this.serves(resource)) return;
    throw new KubeError(404, "NotFound", "the server could not find the requested resource");
  }

  #checkNamespace(resource: Resource, { name, namespace }: ObjectRef): void {
    if (resource.namespaced === (namespace !== undefined)) return;
    const want = resource.namespaced ? "a namespace is required" : "it has no namespace";
    throw new Error(`MemoryServer: ${resource.kind} ${JSON.stringify(name)}: ${want}`);
  }

  #timestamp(): string {
    return new Date(this.#clock.wallTime()).toISOString().replace(/\.\d+Z$/, "Z");
  }

  #notFound(resource: Resource, name: string): KubeError {
    return new KubeError(404, "NotFound", `${nameOf(resource)} ${JSON.stringify(name)} not found`);
  }

  #conflict(resource: Resource, name: string, text: string): KubeError {
    const what = `Operation cannot be fulfilled on ${nameOf(resource)} ${JSON.stringify(name)}: ${text}`;
    return new KubeError(409, "Conflict", what);
  }

  #invalid(resource: Resource, name: string, text: string): KubeError {
    return new KubeError(422, "Invalid", `${resource.kind} ${JSON.stringify(name)} is invalid: ${text}`);
  }
}

function copied(kinds: Backup["kinds"]): Map<string, Map<string, Entry>> {
  const entry = ({ object, managers }: Entry): Entry => {
    return { object, managers: new Map([...managers].map(([name, paths]) => [name, new Set(paths)])) };
  };
  return new Map(
    [...kinds].map(([kind, entries]) => [kind, new Map([...entries].map(([key, one]) => [key, entry(one)]))]),
  );
}
