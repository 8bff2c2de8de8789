// Diff: which properties differ, and whether the object must be replaced. Pure.
import { normalised } from "./check";
import { live as liveOf, oldInputs as oldInputsOf, prunedTo } from "./checkpoint";
import { immutableFields, type Mutability } from "./immutable-fields";
import { gvkOf, isAutonamed, isBuiltIn, nameOf, namespaceOf, withMetadata } from "./object";
import { formatPath, isWithin, parsePath, type Path } from "./path";
import { at, equal, hasUnknown, isObject, isUnknown, kubernetesObject, type Json, type JsonObject } from "./values";

/** The engine's kinds of property differences (provider.proto, PropertyDiff.Kind); each but the last has a "replace" twin. */
export const DiffKind = { add: 0, addReplace: 1, delete: 2, deleteReplace: 3, update: 4, updateReplace: 5 } as const;
export type DiffKind = (typeof DiffKind)[keyof typeof DiffKind];

export interface DiffInput {
  /** The state of the last deployment (a checkpoint). */
  readonly olds: JsonObject;
  readonly oldInputs: JsonObject;
  readonly news: JsonObject;
  readonly ignoreChanges: readonly string[];
  readonly namespaced: boolean;
  readonly mutability: Mutability;
}

export interface Diff {
  readonly changes: ReadonlyMap<string, DiffKind>;
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

interface Change {
  readonly path: Path;
  readonly kind: DiffKind;
  /** The new value; absent for a deletion. */
  readonly value?: Json;
}

export function diff(request: DiffInput): Diff {
  const news = inNamespace(normalised(kubernetesObject(request.news)), request.namespaced);
  const olds = inNamespace(baseline(request), request.namespaced);
  const gvk = gvkOf(news);
  const patterns = immutableFields(gvk, request.mutability, at(news, "immutable") === true).map(parsePath);
  const ignored = request.ignoreChanges.map(parsePath);

  const changes = new Map<string, DiffKind>();
  const replaces: string[] = [];
  for (const change of compare([], olds, news)) {
    if (ignored.some((path) => isWithin(change.path, path))) continue;
    const path = formatPath(change.path);
    const replacing =
      patterns.some((pattern) => touches(change, pattern)) || movesToOtherGroup(change, gvkOf(olds).group, gvk.group);
    // Every "replace" kind is the number after the plain one.
    changes.set(path, (replacing ? change.kind + 1 : change.kind) as DiffKind);
    if (replacing) replaces.push(path);
  }
  const sameIdentity = nameOf(news) === nameOf(olds) && namespaceOf(news) === namespaceOf(olds);
  return {
    changes,
    replaces,
    // Two objects cannot have one name: without this the new one could not be created, or would be the one deleted.
    deleteBeforeReplace: replaces.length > 0 && !isAutonamed(news) && sameIdentity && nameOf(news) !== "",
  };
}

/**
 * What the new inputs are compared with. For custom resources it is the live object cut to the shape of the old inputs, so
 * that a field which the API server dropped shows up in every preview, as it should. Built-in kinds are compared
 * with the old inputs: their values come back in other spellings ("1000m" as "1"). After a refresh the
 * inputs in the state are the live ones for both.
 */
function baseline(request: DiffInput): JsonObject {
  const kept = Object.keys(request.oldInputs).length > 0 ? request.oldInputs : oldInputsOf(request.olds);
  const inputs = normalised(kubernetesObject(kept));
  const live = liveOf(request.olds);
  if (isBuiltIn(gvkOf(inputs)) || Object.keys(live).length === 0) return inputs;
  return normalised(prunedTo(live, inputs, { respelled: false }));
}

/** An absent namespace means "default" for kinds that have namespaces, and a stray one means nothing for the others. */
function inNamespace(object: JsonObject, namespaced: boolean): JsonObject {
  const metadata = at(object, "metadata");
  if (!isObject(metadata)) return object;
  if (namespaced) {
    return metadata["namespace"] === undefined ? withMetadata(object, { namespace: "default" }) : object;
  }
  const { namespace: _stray, ...rest } = metadata;
  return { ...object, metadata: rest };
}

function compare(path: Path, old: Json | undefined, value: Json | undefined): Change[] {
  if (equal(old, value)) return [];
  if (value === undefined) return [{ path, kind: DiffKind.delete }];
  if (old === undefined) return [{ path, kind: DiffKind.add, value }];
  if (isObject(old) && isObject(value)) {
    const keys = new Set([...Object.keys(old), ...Object.keys(value)]);
    return [...keys].flatMap((key) => compare([...path, key], old[key], value[key]));
  }
  if (Array.isArray(old) && Array.isArray(value)) {
    const length = Math.max(old.length, value.length);
    return Array.from({ length }, (_, i) => compare([...path, i], old[i], value[i])).flat();
  }
  return [{ path, kind: DiffKind.update, value }];
}

/** True if the change is at or below an immutable field, or holds one, or hides one that the preview does not know. */
function touches(change: Change, pattern: Path): boolean {
  if (isWithin(change.path, pattern)) return true;
  const above = change.path.length < pattern.length && isWithin(change.path, pattern.slice(0, change.path.length));
  if (!above) return false;
  if (isUnknown(change.value)) return true;
  if (change.kind === DiffKind.delete) return formatPath(change.path) === "metadata";
  return holds(change.value, pattern.slice(change.path.length));
}

function holds(value: Json | undefined, pattern: Path): boolean {
  const [step, ...rest] = pattern;
  if (value === undefined) return false;
  if (step === undefined) return true;
  if (isUnknown(value)) return true;
  if (step === "*") return Array.isArray(value) && (value.some((item) => holds(item, rest)) || hasUnknown(value));
  return isObject(value) && holds(value[step], rest);
}

function movesToOtherGroup(change: Change, oldGroup: string, newGroup: string): boolean {
  return formatPath(change.path) === "apiVersion" && oldGroup !== newGroup;
}
