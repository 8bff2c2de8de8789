// Who owns which field (server-side apply). A create leaves its fields to "manager M, by update", which for the API server is
// somebody else than "manager M, by apply": without a hand-over the first apply could neither change nor remove them. Pure.
import { at, equal, isObject, parseJson, textAt, type Json, type JsonObject } from "./values";

/** Managers whose fields this provider takes over before it applies, as the real plugin does; matched by prefix. */
const TAKEN_OVER = ["kubectl", "before-first-apply", "pulumi-kubernetes", "pulumi-resource-kubernetes"];

export function isTakenOver(manager: string): boolean {
  return TAKEN_OVER.some((prefix) => manager.startsWith(prefix));
}

/**
 * The object's `managedFields` after the hand-over to `manager`, or undefined if there is nothing to hand over.
 * @param inputs what this provider sent last: of what its own create left behind, only these fields are its own; the
 *   rest was filled in by the API server and must not vanish with the next apply
 */
export function handedOver(object: JsonObject, manager: string, inputs: JsonObject): Json[] | undefined {
  const entries = at(object, "metadata", "managedFields");
  if (!Array.isArray(entries)) return undefined;
  const others: Json[] = [];
  const taken: Json[] = [];
  let own: Json | undefined;
  for (const entry of entries) {
    const by = textAt(entry, "manager");
    const applied = textAt(entry, "operation") === "Apply";
    if (textAt(entry, "subresource") !== "") others.push(entry);
    else if (by === manager && applied) own = entry;
    else if (isTakenOver(by) && (!applied || by.startsWith("kubectl"))) taken.push(entry);
    else others.push(entry);
  }
  if (taken.length === 0) return undefined;
  const template = (own ?? taken[0]) as JsonObject;
  let fields = fieldsOf(own);
  for (const entry of taken) {
    const theirs = fieldsOf(entry);
    fields = union(fields, textAt(entry, "manager") === manager ? within(theirs, inputs) : theirs);
  }
  return [...others, { ...template, manager, operation: "Apply", fieldsV1: fields }];
}

/** True if `manager` owns the field at a dotted path, or something below it. */
export function owns(object: JsonObject, path: readonly string[], isManager: (name: string) => boolean): boolean {
  const entries = at(object, "metadata", "managedFields");
  return (Array.isArray(entries) ? entries : []).some(
    (entry) =>
      isManager(textAt(entry, "manager")) && at(fieldsOf(entry), ...path.map((step) => `f:${step}`)) !== undefined,
  );
}

function fieldsOf(entry: Json | undefined): JsonObject {
  const fields = at(entry, "fieldsV1");
  return isObject(fields) ? fields : {};
}

function union(left: JsonObject, right: JsonObject): JsonObject {
  const result: JsonObject = { ...left };
  for (const [key, value] of Object.entries(right)) {
    const present = result[key];
    result[key] = isObject(present) && isObject(value) ? union(present, value) : value;
  }
  return result;
}

/** The part of a field set that a value has. Keys: `f:name` field, `k:{…}` list item by key, `v:…` set member, `i:n` index. */
function within(fields: JsonObject, value: Json): JsonObject {
  const kept: JsonObject = {};
  for (const [key, below] of Object.entries(fields)) {
    const found = key === "." ? value : memberOf(value, key);
    if (found === undefined) continue;
    kept[key] = isObject(below) ? within(below, found) : below;
  }
  return kept;
}

function memberOf(value: Json, key: string): Json | undefined {
  const name = key.slice(2);
  if (key.startsWith("f:")) return at(value, name);
  if (!Array.isArray(value)) return undefined;
  if (key.startsWith("i:")) return value[Number(name)];
  const wanted = parseJson(name);
  if (key.startsWith("v:")) return value.find((item) => equal(item, wanted));
  // A key may have been filled in by default, as a port's protocol is.
  return value.find(
    (item) =>
      isObject(wanted) &&
      Object.entries(wanted).every(([field, part]) => at(item, field) === undefined || equal(at(item, field), part)),
  );
}
