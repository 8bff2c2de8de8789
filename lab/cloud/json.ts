// JSON as it comes over the wire.
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;
export interface JsonObject {
  readonly [field: string]: Json | undefined;
}

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A field's text; empty when it is absent. */
export function text(body: JsonObject, field: string): string {
  const value = body[field];
  return typeof value === "string" ? value : "";
}

export function texts(body: JsonObject, field: string): readonly string[] {
  const value = body[field];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
}

export function object(body: JsonObject | undefined, field: string): JsonObject | undefined {
  const value = body?.[field];
  return isObject(value) ? value : undefined;
}

export function objects(body: JsonObject, field: string): readonly JsonObject[] {
  const value = body[field];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** RFC 7386: objects are merged, null takes a field away, everything else replaces. */
export function merged(old: JsonObject, patch: JsonObject): JsonObject {
  const given = Object.entries(patch).filter(([, value]) => value !== undefined);
  const changed = given.flatMap(([field, value]): [string, Json | undefined][] => {
    if (value === null) return [];
    return [[field, isObject(value) ? merged(object(old, field) ?? {}, value) : value]];
  });
  const kept = without(
    old,
    given.map(([field]) => field),
  );
  return { ...kept, ...Object.fromEntries(changed) };
}

export function without(body: JsonObject, fields: readonly string[]): JsonObject {
  return Object.fromEntries(Object.entries(body).filter(([field]) => !fields.includes(field)));
}
