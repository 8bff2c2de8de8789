// Which field manager owns which field: as much of server-side apply as an in-memory API server needs to be right about
// objects, list maps and atomic lists. Set lists and per-version ownership are left out.

import { sameJson } from "./frozen-json";

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
export function leaves(value: Json, listMaps: ListMaps): Set<string> {
  const found = new Set<string>();
  leavesBelow(value, listMaps, [], "", (path) => found.add(path));
  return found;
}

function leavesBelow(
  node: Json,
  listMaps: ListMaps,
  path: readonly string[],
  dotted: string,
  onLeaf: (path: string) => void,
): void {
  const key = listMaps[dotted];
  if (Array.isArray(node) && key !== undefined) {
    for (const entry of node) {
      const entryPath = [...path, ENTRY + String((entry as JsonObject)[key])];
      onLeaf(entryPath.join(SEPARATOR));
      leavesBelow(entry, listMaps, entryPath, `${dotted}[]`, onLeaf);
    }
  } else if (isBranch(node, path)) {
    for (const [name, child] of Object.entries(node)) {
      leavesBelow(child, listMaps, [...path, name], dotted === "" ? name : `${dotted}.${name}`, onLeaf);
    }
  } else {
    onLeaf(path.join(SEPARATOR));
  }
}

/** Paths of the leaves that differ between two values. What both share is not even looked at. */
export function changedLeaves(before: Json, after: Json, listMaps: ListMaps): string[] {
  const changed = new Set<string>();
  const entriesOf = (list: readonly JsonObject[], key: string): Map<string, Json> =>
    new Map(list.map((entry) => [ENTRY + String(entry[key]), entry]));
  const all = (node: Json, path: readonly string[], dotted: string): void => {
    if (node !== ABSENT) leavesBelow(node, listMaps, path, dotted, (leaf) => changed.add(leaf));
  };
  const walk = (old: Json, now: Json, path: readonly string[], dotted: string): void => {
    if (old === now) return;
    const key = listMaps[dotted];
    if (Array.isArray(old) && Array.isArray(now) && key !== undefined) {
      const [was, is] = [entriesOf(old as JsonObject[], key), entriesOf(now as JsonObject[], key)];
      for (const name of new Set([...was.keys(), ...is.keys()])) {
        const [left, right] = [was.get(name) ?? ABSENT, is.get(name) ?? ABSENT];
        if (left === ABSENT || right === ABSENT) changed.add([...path, name].join(SEPARATOR));
        walk(left, right, [...path, name], `${dotted}[]`);
      }
    } else if (isBranch(old, path) && isBranch(now, path)) {
      for (const name of new Set([...Object.keys(old), ...Object.keys(now)])) {
        const [left, right] = [own(old, name), own(now, name)];
        walk(left, right, [...path, name], dotted === "" ? name : `${dotted}.${name}`);
      }
    } else if (!isLeaf(old, key, path) || !isLeaf(now, key, path) || !sameJson(old, now)) {
      all(old, path, dotted);
      all(now, path, dotted);
    }
  };
  walk(before, after, [], "");
  return [...changed];
}

/** Stands for a field that is not there, as `undefined` is a value of its own here. */
const ABSENT = Symbol("absent");

const own = (node: JsonObject, name: string): Json => (Object.hasOwn(node, name) ? node[name] : ABSENT);

const isBranch = (node: Json, path: readonly string[]): node is JsonObject =>
  isObject(node) && (Object.keys(node).length > 0 || path.length === 0);

const isLeaf = (node: Json, key: string | undefined, path: readonly string[]): boolean =>
  node !== ABSENT && !(Array.isArray(node) && key !== undefined) && !isBranch(node, path);

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
  if (paths.size === 0) return value;
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
