// Which field manager owns which field: as much of server-side apply as an in-memory API server needs to be right about
// objects, list maps and atomic lists. Set lists and per-version ownership are left out.

type Json = unknown;
type JsonObject = { [name: string]: Json };

/** Lists whose entries are merged by a key: path of the list (dots) and name of the key. */
export type ListMaps = Readonly<Record<string, string>>;

const SEPARATOR = "\u0000";
/** What a path through an entry of a list map begins with; no field name does. */
const ENTRY = "[";

const isObject = (value: Json): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Every leaf of a value by its path. An entry of a list map contributes itself too, so that its owner is known. */
export function leaves(value: Json, listMaps: ListMaps): Map<string, Json> {
  const found = new Map<string, Json>();
  const walk = (node: Json, path: readonly string[], dotted: string): void => {
    const key = listMaps[dotted];
    if (Array.isArray(node) && key !== undefined) {
      for (const entry of node) {
        const entryPath = [...path, ENTRY + String((entry as JsonObject)[key])];
        found.set(entryPath.join(SEPARATOR), ENTRY);
        walk(entry, entryPath, `${dotted}[]`);
      }
    } else if (isObject(node) && (Object.keys(node).length > 0 || path.length === 0)) {
      for (const [name, child] of Object.entries(node)) {
        walk(child, [...path, name], dotted === "" ? name : `${dotted}.${name}`);
      }
    } else {
      found.set(path.join(SEPARATOR), node);
    }
  };
  walk(value, [], "");
  return found;
}

/** Paths of the leaves that differ between two values. */
export function changedLeaves(before: Json, after: Json, listMaps: ListMaps): string[] {
  const [old, now] = [leaves(before, listMaps), leaves(after, listMaps)];
  return [...new Set([...old.keys(), ...now.keys()])].filter(
    (path) => JSON.stringify(old.get(path)) !== JSON.stringify(now.get(path)),
  );
}

/** `live` with `applied` merged in: objects and list maps entry by entry, everything else replaced. */
export function mergeApplied(live: Json, applied: Json, listMaps: ListMaps, dotted = ""): Json {
  const key = listMaps[dotted];
  if (Array.isArray(applied) && key !== undefined) {
    const merged = Array.isArray(live) ? [...(live as JsonObject[])] : [];
    for (const entry of applied as JsonObject[]) {
      const at = merged.findIndex((other) => other[key] === entry[key]);
      const value = mergeApplied(at < 0 ? undefined : merged[at], entry, listMaps, `${dotted}[]`) as JsonObject;
      if (at < 0) merged.push(value);
      else merged[at] = value;
    }
    return merged;
  }
  if (!isObject(applied)) return applied;
  const merged: JsonObject = isObject(live) ? { ...live } : {};
  for (const [name, child] of Object.entries(applied)) {
    merged[name] = mergeApplied(merged[name], child, listMaps, dotted === "" ? name : `${dotted}.${name}`);
  }
  return merged;
}

/** `value` without the leaves at `paths`; objects and lists that became empty that way go too. */
export function withoutLeaves(value: Json, paths: ReadonlySet<string>, listMaps: ListMaps): Json {
  const walk = (node: Json, path: readonly string[], dotted: string): Json => {
    const key = listMaps[dotted];
    if (Array.isArray(node) && key !== undefined) {
      const kept = node.flatMap((entry: JsonObject) => {
        const entryPath = [...path, ENTRY + String(entry[key])];
        if (paths.has(entryPath.join(SEPARATOR))) return [];
        const rest = walk(entry, entryPath, `${dotted}[]`);
        return rest === undefined ? [] : [rest];
      });
      return kept.length === 0 && node.length > 0 ? undefined : kept;
    }
    if (isObject(node) && Object.keys(node).length > 0) {
      const kept: JsonObject = {};
      for (const [name, child] of Object.entries(node)) {
        const rest = walk(child, [...path, name], dotted === "" ? name : `${dotted}.${name}`);
        if (rest !== undefined) kept[name] = rest;
      }
      return Object.keys(kept).length === 0 && path.length > 0 ? undefined : kept;
    }
    return paths.has(path.join(SEPARATOR)) ? undefined : node;
  };
  return walk(value, [], "") ?? {};
}

/** RFC 7386. */
export function mergePatched(target: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged: JsonObject = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) Reflect.deleteProperty(merged, name);
    else merged[name] = mergePatched(merged[name], value);
  }
  return merged;
}
