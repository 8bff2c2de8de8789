// Which routes the change of a Pod concerns, and which of them first. Pods change often, and most of it concerns nobody here.
import type { Pod } from "../../../lib/model/kubernetes";
import type { Change } from "../kube/api";
import { after } from "./keys";

/** Whether nothing that anybody here reads of the Pod has changed. */
export function isNoNews(change: Change<Pod>): boolean {
  const { old } = change;
  const now = after(change);
  // As text, because this is all that most events of a large cluster come to; told apart for no reason they only cost a look.
  return old !== undefined && now !== undefined && readOf(old) === readOf(now);
}

/** Whether nothing but labels has: whoever selects the Pod as before decides as before. */
function isOnlyLabels(change: Change<Pod>): boolean {
  const { old } = change;
  const now = after(change);
  return old !== undefined && now !== undefined && readOf(withLabels(old, now.metadata.labels)) === readOf(now);
}

/**
 * Keys of routes, each once: those that gain or lose the Pod, then the others, if they are concerned at all. A label that makes a Pod
 * eligible for one address says nothing about the hundred that it has.
 *
 * @param selecting routes whose selectors match the Pod's labels
 */
export function routesConcerned(change: Change<Pod>, selecting: (pod: Pod) => readonly string[]): string[] {
  const [before, now] = [change.old, after(change)].map((pod) => (pod === undefined ? [] : selecting(pod)));
  const [selected, selects] = [new Set(before), new Set(now)];
  const isInBoth = (key: string): boolean => selected.has(key) && selects.has(key);
  const either = [...new Set([...selects, ...selected])];
  const first = either.filter((key) => !isInBoth(key));
  return isOnlyLabels(change) ? first : [...first, ...either.filter(isInBoth)];
}

function withLabels(pod: Pod, labels: Pod["metadata"]["labels"]): Pod {
  return { ...pod, metadata: { ...pod.metadata, labels } };
}

function readOf({
  metadata: { uid, creationTimestamp, deletionTimestamp, labels, annotations },
  spec,
  status,
}: Pod): string {
  return JSON.stringify([uid, creationTimestamp, deletionTimestamp, labels, annotations, spec, status]);
}
