// What differs between two sets of inputs, and which differences make it another resource. Pure.
import { formatPath, isWithin, type Path } from "./path";
import { equal, hasUnknown, isObject, isUnknown, type Json } from "./values";

/** The engine's kinds of property differences (provider.proto, PropertyDiff.Kind); each but the last has a "replace" twin. */
export const DiffKind = { add: 0, addReplace: 1, delete: 2, deleteReplace: 3, update: 4, updateReplace: 5 } as const;
export type DiffKind = (typeof DiffKind)[keyof typeof DiffKind];

export interface Diff {
  readonly changes: ReadonlyMap<string, DiffKind>;
  readonly replaces: readonly string[];
  readonly deleteBeforeReplace: boolean;
}

export interface Change {
  readonly path: Path;
  readonly kind: DiffKind;
  /** The new value; absent for a deletion. */
  readonly value?: Json;
}

/** Every place below `path` where the two differ, as deep as it goes; a list's items are compared one by one. */
export function changesBetween(path: Path, old: Json | undefined, value: Json | undefined): Change[] {
  if (equal(old, value)) return [];
  if (value === undefined) return [{ path, kind: DiffKind.delete }];
  if (old === undefined) return [{ path, kind: DiffKind.add, value }];
  if (isObject(old) && isObject(value)) {
    const keys = new Set([...Object.keys(old), ...Object.keys(value)]);
    return [...keys].flatMap((key) => changesBetween([...path, key], old[key], value[key]));
  }
  if (Array.isArray(old) && Array.isArray(value)) {
    const length = Math.max(old.length, value.length);
    return Array.from({ length }, (_, i) => changesBetween([...path, i], old[i], value[i])).flat();
  }
  return [{ path, kind: DiffKind.update, value }];
}

/**
 * The changes in the engine's words.
 *
 * @param options.replaces says of a change whether it takes a new resource
 */
export function summary(
  changes: readonly Change[],
  options: { readonly ignored: readonly Path[]; readonly replaces: (change: Change) => boolean },
): Pick<Diff, "changes" | "replaces"> {
  const kinds = new Map<string, DiffKind>();
  const replaces: string[] = [];
  for (const change of changes) {
    if (options.ignored.some((path) => isWithin(change.path, path))) continue;
    const path = formatPath(change.path);
    const replacing = options.replaces(change);
    // Every "replace" kind is the number after the plain one.
    kinds.set(path, (replacing ? change.kind + 1 : change.kind) as DiffKind);
    if (replacing) replaces.push(path);
  }
  return { changes: kinds, replaces };
}

/**
 * True if the change is at or below a fixed field, or holds one, or hides one that the preview does not know.
 *
 * @param pattern path of the fixed field; `*` stands for any index or key
 */
export function touches(change: Change, pattern: Path): boolean {
  if (isWithin(change.path, pattern)) return true;
  const above = change.path.length < pattern.length && isWithin(change.path, pattern.slice(0, change.path.length));
  if (!above || change.kind === DiffKind.delete) return false;
  return isUnknown(change.value) || holds(change.value, pattern.slice(change.path.length));
}

function holds(value: Json | undefined, pattern: Path): boolean {
  const [step, ...rest] = pattern;
  if (value === undefined) return false;
  if (step === undefined) return true;
  if (isUnknown(value)) return true;
  if (step === "*") return Array.isArray(value) && (value.some((item) => holds(item, rest)) || hasUnknown(value));
  return isObject(value) && holds(value[step], rest);
}
