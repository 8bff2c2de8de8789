// What exists: every resource by its key, which is the end of its link: `projects/p/regions/r/addresses/n`.
import type { JsonObject } from "./json";

export type Key = string;

export interface Resource {
  readonly key: Key;
  readonly body: JsonObject;
  /** Keys of the resources that this one uses, so that they cannot go before it. */
  readonly uses: readonly Key[];
  /** Endpoints of a network endpoint group: they are no field of it. */
  readonly endpoints?: readonly Endpoint[];
}

export interface Endpoint {
  /** Key of the VM. */
  readonly instance: Key;
  readonly ipAddress: string;
}

/** A resource as it shall be, or the key of one that shall be gone. */
export type Change = Resource | { readonly key: Key; readonly gone: true };

export interface ReadState {
  get(key: Key): Resource | undefined;
  /** @param parent `projects/p/regions/r/addresses` */
  in(parent: Key): readonly Resource[];
  /** A collection's resources in every scope of a project. */
  everywhere(project: string, collection: string): readonly Resource[];
  /** Keys of what uses a resource, or has an address: {@link ipTag}. */
  usersOf(key: Key): readonly Key[];
}

interface Past {
  readonly at: number;
  readonly key: Key;
  readonly before: Resource | undefined;
}

/** How far back reads can be stale. */
const HISTORY_MS = 600_000;
const CUT_EVERY = 10_000;

export class State implements ReadState {
  readonly #resources = new Map<Key, Resource>();
  readonly #parents = new Map<Key, Map<Key, Resource>>();
  readonly #users = new Map<Key, Set<Key>>();
  readonly #rules = new Map<string, Set<Key>>();
  readonly #past: Past[] = [];
  #cutAt = CUT_EVERY;

  get(key: Key): Resource | undefined {
    return this.#resources.get(key);
  }

  in(parent: Key): readonly Resource[] {
    return [...(this.#parents.get(parent)?.values() ?? [])];
  }

  everywhere(project: string, collection: string): readonly Resource[] {
    const parents = [...this.#parents.keys()].filter(
      (parent) => parent.startsWith(`projects/${project}/`) && parent.endsWith(`/${collection}`),
    );
    return parents.sort().flatMap((parent) => this.in(parent));
  }

  usersOf(key: Key): readonly Key[] {
    return [...(this.#users.get(key) ?? [])];
  }

  /** Every resource, by key. */
  get everything(): ReadonlyMap<Key, Resource> {
    return new Map(this.#resources);
  }

  /** Forwarding rules of an address, whichever network it is in. */
  rulesFor(address: string): readonly Resource[] {
    const keys = [...(this.#rules.get(address) ?? [])].sort();
    return keys.map((key) => this.#resources.get(key)).filter((rule) => rule !== undefined);
  }

  /** All at once: nobody sees a part of it. */
  apply(changes: readonly Change[], now: number): void {
    for (const change of changes) {
      const before = this.#resources.get(change.key);
      this.#past.push({ at: now, key: change.key, before });
      this.#put(change.key, before, "gone" in change ? undefined : change);
    }
    // Not on every write: cutting a list at its head costs its length each time.
    if (this.#past.length < this.#cutAt) return;
    const kept = this.#past.findIndex(({ at }) => at >= now - HISTORY_MS);
    this.#past.splice(0, kept < 0 ? this.#past.length : kept);
    this.#cutAt = this.#past.length + CUT_EVERY;
  }

  /** As it was then. */
  at(time: number): ReadState {
    const then = new State();
    const before = new Map<Key, Resource | undefined>();
    for (let i = this.#past.length - 1; i >= 0; i--) {
      const past = this.#past[i];
      if (past === undefined || past.at <= time) break;
      before.set(past.key, past.before);
    }
    const resources = [...this.#resources.values()].filter(({ key }) => !before.has(key));
    const restored = [...before.values()].filter((resource) => resource !== undefined);
    then.apply([...resources, ...restored], 0);
    return then;
  }

  #index(before: Resource | undefined, after: Resource | undefined): void {
    for (const rule of [before, after]) {
      const address = rule?.body["IPAddress"];
      if (rule === undefined || typeof address !== "string" || collectionOf(rule.key) !== "forwardingRules") continue;
      const keys = this.#rules.get(address) ?? new Set<Key>();
      if (rule === after) this.#rules.set(address, keys.add(rule.key));
      else keys.delete(rule.key);
    }
  }

  #put(key: Key, before: Resource | undefined, after: Resource | undefined): void {
    before?.uses.forEach((used) => this.#users.get(used)?.delete(key));
    this.#index(before, after);
    const parent = parentOf(key);
    const siblings = this.#parents.get(parent) ?? new Map<Key, Resource>();
    this.#parents.set(parent, siblings);
    if (after === undefined) {
      this.#resources.delete(key);
      siblings.delete(key);
      return;
    }
    this.#resources.set(key, after);
    siblings.set(key, after);
    for (const used of after.uses) {
      const users = this.#users.get(used) ?? new Set<Key>();
      this.#users.set(used, users.add(key));
    }
  }
}

const parentOf = (key: Key): Key => key.slice(0, key.lastIndexOf("/"));
export const nameOf = (key: Key): string => key.slice(key.lastIndexOf("/") + 1);
/** `projects/p/regions/r/addresses/n` → `regions/r`, or `global`. */
export function scopeOf(key: Key): string {
  const [, , kind = "", place = ""] = key.split("/");
  return kind === "global" ? kind : `${kind}/${place}`;
}
export const collectionOf = (key: Key): string => nameOf(parentOf(key));
export const projectOf = (key: Key): string => key.split("/")[1] ?? "";

/**
 * Stands among what a resource uses for the address that it has: whoever else has it is found by this. An internal address
 * means something in its network alone.
 *
 * @param network key of the network; undefined for an external address
 */
export const ipTag = (ip: string, network: Key | undefined): Key => `ip:${network ?? ""}:${ip}`;
