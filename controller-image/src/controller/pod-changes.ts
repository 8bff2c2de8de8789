// Which routes the change of a Pod concerns, and which of them first. Pods change often, and most of it concerns nobody here.
import { isDeepStrictEqual } from "node:util";
import type { Pod } from "../../../lib/model/kubernetes";
import type { Change } from "../kube/api";
import { after } from "./keys";

/**
 * Keys of routes, each once: those that gain or lose the Pod, then the others. A label that makes a Pod eligible for one address
 * says nothing about the hundred that it has.
 *
 * @param candidates routes that may select the Pod
 */
export function routesConcerned(change: Change<Pod>, candidates: (pod: Pod) => readonly string[]): string[] {
  const { old } = change;
  const now = after(change);
  if (old !== undefined && now !== undefined && isDeepStrictEqual(readOf(old), readOf(now))) return [];
  const [left, entered] = [old, now].map((pod) => new Set(pod === undefined ? [] : candidates(pod)));
  const either = [...new Set([...(entered ?? []), ...(left ?? [])])];
  const isInBoth = (key: string): boolean => left?.has(key) === true && entered?.has(key) === true;
  return [...either.filter((key) => !isInBoth(key)), ...either.filter(isInBoth)];
}

/** What anybody here reads of it. */
function readOf({ metadata, spec, status }: Pod): unknown {
  return { metadata: { ...metadata, resourceVersion: undefined }, spec, status };
}
