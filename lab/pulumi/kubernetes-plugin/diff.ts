// Diff: which properties differ, and whether the object must be replaced. Pure.
import { changesBetween, DiffKind, summary, touches, type Change, type Diff } from "../plugin/difference";
import { formatPath, parsePath, type Path } from "../plugin/path";
import { normalised } from "./check";
import { live as liveOf, oldInputs as oldInputsOf, prunedTo } from "./checkpoint";
import { immutableFields, type Mutability } from "./immutable-fields";
import { gvkOf, isAutonamed, isBuiltIn, nameOf, namespaceOf, withMetadata } from "./object";
import { at, isObject, kubernetesObject, type JsonObject } from "./values";

export interface DiffInput {
  /** The state of the last deployment (a checkpoint). */
  readonly olds: JsonObject;
  readonly oldInputs: JsonObject;
  readonly news: JsonObject;
  readonly ignoreChanges: readonly string[];
  readonly namespaced: boolean;
  readonly mutability: Mutability;
}

export function diff(request: DiffInput): Diff {
  const news = inNamespace(normalised(kubernetesObject(request.news)), request.namespaced);
  const olds = inNamespace(baseline(request), request.namespaced);
  const gvk = gvkOf(news);
  const patterns = immutableFields(gvk, request.mutability, at(news, "immutable") === true).map(parsePath);
  const ignored = request.ignoreChanges.map(parsePath);

  const replaces = (change: Change): boolean =>
    patterns.some((pattern) => touchesObject(change, pattern)) ||
    movesToOtherGroup(change, gvkOf(olds).group, gvk.group);
  const changed = summary(changesBetween([], olds, news), { ignored, replaces });
  const sameIdentity = nameOf(news) === nameOf(olds) && namespaceOf(news) === namespaceOf(olds);
  return {
    ...changed,
    // Two objects cannot have one name: without this the new one could not be created, or would be the one deleted.
    deleteBeforeReplace: changed.replaces.length > 0 && !isAutonamed(news) && sameIdentity && nameOf(news) !== "",
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

/** A name and a namespace cannot be taken from an object either. */
function touchesObject(change: Change, pattern: Path): boolean {
  const losesIdentity = change.kind === DiffKind.delete && formatPath(change.path) === "metadata";
  return touches(change, pattern) || (losesIdentity && pattern[0] === "metadata");
}

function movesToOtherGroup(change: Change, oldGroup: string, newGroup: string): boolean {
  return formatPath(change.path) === "apiVersion" && oldGroup !== newGroup;
}
