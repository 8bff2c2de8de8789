// What one kind of resource is: where it lives, what a new one is, what its own calls do. Each file in `kinds` has one.
import { text, type JsonObject } from "./json";
import { keyOf } from "./links";
import { invalid, notFound, notReady, required } from "./refusal";
import type { Change, Key, ReadState, Resource } from "./state";

/** Where a call works. */
export interface Site {
  readonly state: ReadState;
  readonly project: string;
  /** `regions/us-central1`, `zones/us-central1-a`, `global`. */
  readonly scope: string;
  readonly key: Key;
  /** New for every write: fingerprints come from it. */
  readonly stamp: string;
  readonly world: World;
  /** True while something is made under this key. */
  isBeingMade(key: Key): boolean;
}

export interface World {
  readonly externalRange: string;
  readonly regions: ReadonlyMap<string, readonly string[]>;
}

/** The changes of a call, or a {@link Refusal}. Called when the call is accepted and again when it takes effect. */
export type Action = (resource: Resource, body: JsonObject, at: Site) => readonly Change[];

export interface Kind {
  readonly collection: string;
  /** In Google's schema. */
  readonly message: string;
  readonly scope: "regions" | "zones" | "global";
  /** Only Google sets these; what a new body says of them is not looked at. */
  readonly serverSet?: readonly string[];
  /** The new resource: its body without what every resource has, and what changes with it. */
  insert?(body: JsonObject, at: Site): Made;
  /** Can be deleted while others name it. @default false */
  readonly goesWhileUsed?: boolean;
  /** What changes with its deletion. */
  remove?(resource: Resource, at: Site): readonly Change[];
  /** Calls on one resource, by the last part of their name. */
  readonly actions?: Readonly<Record<string, Action>>;
  /** Calls that may run at the same time on one resource. */
  readonly concurrent?: readonly string[];
}

export interface Made {
  readonly body: JsonObject;
  readonly uses?: readonly Key[];
  readonly endpoints?: Resource["endpoints"];
  readonly also?: readonly Change[];
}

/** The resource that a field names; it must exist. */
export function referred(
  body: JsonObject,
  field: string,
  collections: readonly string[],
  at: Site,
  path = `resource.${field}`,
): Resource {
  const link = text(body, field);
  if (link === "") throw required(path);
  const key = keyOf(link, path, collections, at.project);
  const found = at.state.get(key);
  if (found !== undefined) return found;
  throw at.isBeingMade(key) ? notReady(key) : notFound(key);
}

/** As {@link referred}, and undefined when the field is not given. */
export function maybeReferred(
  body: JsonObject,
  field: string,
  collections: readonly string[],
  at: Site,
): Resource | undefined {
  return text(body, field) === "" ? undefined : referred(body, field, collections, at);
}

/** Fields that cannot be changed: refused when a body says otherwise. */
export function mustStay(before: JsonObject, after: JsonObject, fields: readonly string[], why: string): void {
  for (const field of fields) {
    if (JSON.stringify(before[field]) !== JSON.stringify(after[field])) {
      throw invalid(`resource.${field}`, String(JSON.stringify(after[field] ?? null)), why);
    }
  }
}
