// Property values as they travel between the engine and a provider: plain JSON, plus two marks that the engine's
// protocol defines, one for a secret and one for a value that a preview does not know yet.

export type Json = string | number | boolean | null | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

// The engine's signatures for special values (sdk/go/common/resource, "special" properties).
const SIGNATURE_KEY = "4dabf18193072939515e22adb298388d";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";

/** Placeholders that stand for values unknown in a preview: one per type (sdk/go/common/resource/plugin/rpc.go). */
export const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNKNOWNS: ReadonlySet<Json> = new Set<Json>([
  UNKNOWN_STRING,
  "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // bool
  "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
  "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
  "030794c1-ac77-496b-92df-f27374a8bd58", // asset
  "e48ece36-62e2-4504-bad9-02848725956a", // archive
  "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isUnknown(value: Json | undefined): boolean {
  return value !== undefined && UNKNOWNS.has(value);
}

export function isSecret(value: Json | undefined): value is JsonObject {
  return isObject(value) && value[SIGNATURE_KEY] === SECRET_SIGNATURE;
}

export function secret(value: Json): JsonObject {
  return isSecret(value) ? value : { [SIGNATURE_KEY]: SECRET_SIGNATURE, value };
}

/** The value with every secret mark taken off, at any depth. */
export function withoutSecrets(value: Json): Json {
  if (isSecret(value)) return withoutSecrets(value["value"] ?? null);
  if (Array.isArray(value)) return value.map(withoutSecrets);
  if (!isObject(value)) return value;
  return mapValues(value, withoutSecrets);
}

/** True if a preview does not know some part of the value. */
export function hasUnknown(value: Json | undefined): boolean {
  if (value === undefined) return false;
  if (Array.isArray(value)) return value.some(hasUnknown);
  if (isObject(value)) return Object.values(value).some(hasUnknown);
  return isUnknown(value);
}

export function hasSecret(value: Json | undefined): boolean {
  if (value === undefined) return false;
  if (isSecret(value)) return true;
  if (Array.isArray(value)) return value.some(hasSecret);
  return isObject(value) && Object.values(value).some(hasSecret);
}

/**
 * `outputs` with the parts marked secret that are secret in `inputs`. Objects are walked; an array with one secret in it
 * becomes secret as a whole, because the other side may order it differently.
 */
export function withSecretsOf(outputs: JsonObject, inputs: Json | undefined): JsonObject {
  const marked: JsonObject = { ...outputs };
  if (!isObject(inputs)) return marked;
  for (const [key, input] of Object.entries(inputs)) {
    const output = marked[key];
    if (output === undefined || isSecret(output)) continue;
    if (isObject(output) && isObject(input) && !isSecret(input)) marked[key] = withSecretsOf(output, input);
    else if (hasSecret(input)) marked[key] = secret(output);
  }
  return marked;
}

export function equal(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((item, i) => equal(item, right[i]));
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => key in right && equal(left[key], right[key]));
}

/** The value at a path of keys, or undefined. */
export function at(value: Json | undefined, ...path: readonly (string | number)[]): Json | undefined {
  let here = value;
  for (const step of path) {
    if (typeof step === "number") here = Array.isArray(here) ? here[step] : undefined;
    else here = isObject(here) ? here[step] : undefined;
  }
  return here;
}

export function textAt(value: Json | undefined, ...path: readonly (string | number)[]): string {
  const found = at(value, ...path);
  return typeof found === "string" ? found : "";
}

export function numberAt(value: Json | undefined, ...path: readonly (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === "number" ? found : undefined;
}

function mapValues(object: JsonObject, change: (value: Json) => Json): JsonObject {
  return Object.fromEntries(Object.entries(object).map(([key, value]) => [key, change(value)]));
}

/** The value of a JSON text, or undefined if it is none. */
export function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}
