// The state of one resource: the live object as its outputs, with the inputs that made it next to it.
import { textAt, isObject, kubernetesObject, withSecretsOf, type Json, type JsonObject } from "./values";

// The same keys as the real plugin's, so that a stack can go from one to the other.
const INPUTS = "__inputs";
const INITIAL_API_VERSION = "__initialApiVersion";
const FIELD_MANAGER = "__fieldManager";

/** @param marked the inputs with their secret marks, which say what is secret in the outputs */
export function checkpoint(live: JsonObject, inputs: JsonObject, marked: JsonObject, fieldManager: string): JsonObject {
  return {
    ...withSecretsOf(live, marked),
    [INPUTS]: withSecretsOf(inputs, marked),
    [INITIAL_API_VERSION]: textAt(inputs, "apiVersion"),
    [FIELD_MANAGER]: fieldManager,
  };
}

export function oldInputs(state: JsonObject): JsonObject {
  const inputs = kubernetesObject(state)[INPUTS];
  return isObject(inputs) ? inputs : {};
}

export function live(state: JsonObject): JsonObject {
  const notes = [INPUTS, INITIAL_API_VERSION, FIELD_MANAGER];
  return Object.fromEntries(Object.entries(kubernetesObject(state)).filter(([key]) => !notes.includes(key)));
}

export function fieldManagerOf(state: JsonObject): string {
  return textAt(state, FIELD_MANAGER);
}

/**
 * The live object cut to the fields that the inputs have.
 * @param options.respelled for kinds that the API server rewrites: a value that is only spelled differently (a quantity, an
 *   empty map that it leaves out) stays as the inputs spell it
 */
export function prunedTo(object: JsonObject, shape: JsonObject, options: { readonly respelled: boolean }): JsonObject {
  const kept = Object.entries(shape).flatMap(([key, wanted]): [string, Json][] => {
    const value = Object.hasOwn(object, key) ? object[key] : undefined;
    if (value !== undefined) return [[key, prunedValue(value, wanted, options)]];
    return options.respelled && isEmpty(wanted) ? [[key, wanted]] : [];
  });
  // From entries, so that a field named __proto__ is a field like any other.
  return Object.fromEntries(kept);
}

function prunedValue(value: Json, wanted: Json, options: { readonly respelled: boolean }): Json {
  if (isObject(value) && isObject(wanted)) return prunedTo(value, wanted, options);
  if (Array.isArray(value) && Array.isArray(wanted)) {
    return value.slice(0, wanted.length).map((item, i) => prunedValue(item, wanted[i] ?? null, options));
  }
  return options.respelled && sameQuantity(value, wanted) ? wanted : value;
}

function isEmpty(value: Json): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (isObject(value)) return Object.values(value).every(isEmpty);
  return value === null || value === "" || value === false || value === 0;
}

const QUANTITY = /^([+-]?\d+(?:\.\d+)?)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/;
const SUFFIXES: Readonly<Record<string, number>> = {
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/** True for two spellings of one Kubernetes quantity, such as "1000m" and "1". */
export function sameQuantity(left: Json, right: Json): boolean {
  const [a, b] = [quantity(left), quantity(right)];
  return a !== undefined && b !== undefined && Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b));
}

function quantity(value: Json): number | undefined {
  if (typeof value !== "string" && typeof value !== "number") return undefined;
  const match = QUANTITY.exec(String(value));
  if (match === null) return undefined;
  return Number(match[1]) * (match[2] === undefined ? 1 : (SUFFIXES[match[2]] ?? 1));
}
