// Which Pods a route may choose from, without looking at every Pod of its namespace: by the label pair that its selector is
// indexed under. Only labels that some route asks for are indexed; most labels of most Pods interest nobody.
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import type { Pod } from "../../../lib/model/kubernetes";
import { anchorOf, pair } from "./selector-index";
import { SetIndex } from "./set-index";

export class PodIndex {
  readonly #byNamespace = new SetIndex();
  readonly #byPair = new SetIndex();
  /** By namespace and label: how many routes are indexed under it. */
  readonly #uses = new Map<string, number>();

  constructor(private readonly pod: (key: string) => Pod | undefined) {}

  addRoute(route: GKEIPRoute): void {
    const label = labelOf(route);
    if (label === undefined) return;
    const uses = (this.#uses.get(label.place) ?? 0) + 1;
    this.#uses.set(label.place, uses);
    if (uses === 1) this.#each(label.namespace, (pod, key) => this.#put("add", label.name, pod, key));
  }

  removeRoute(route: GKEIPRoute): void {
    const label = labelOf(route);
    if (label === undefined) return;
    const uses = (this.#uses.get(label.place) ?? 1) - 1;
    if (uses > 0) return void this.#uses.set(label.place, uses);
    this.#uses.delete(label.place);
    this.#each(label.namespace, (pod, key) => this.#put("remove", label.name, pod, key));
  }

  add(pod: Pod, key: string): void {
    this.#byNamespace.add(namespaceOf(pod), key);
    this.#putAll("add", pod, key);
  }

  remove(pod: Pod, key: string): void {
    this.#byNamespace.remove(namespaceOf(pod), key);
    this.#putAll("remove", pod, key);
  }

  /** Keys of the Pods that the route's selector may match, and of no Pod of another namespace. */
  candidates(route: GKEIPRoute): readonly string[] {
    const namespace = namespaceOf(route);
    const anchor = anchorOf(route.spec.podSelector);
    return anchor === undefined
      ? this.#byNamespace.get(namespace)
      : this.#byPair.get(`${namespace}/${pair(anchor.name, anchor.value)}`);
  }

  #putAll(verb: "add" | "remove", pod: Pod, key: string): void {
    const namespace = namespaceOf(pod);
    for (const name of Object.keys(pod.metadata.labels ?? {})) {
      if (this.#uses.has(`${namespace}/${name}`)) this.#put(verb, name, pod, key);
    }
  }

  #put(verb: "add" | "remove", name: string, pod: Pod, key: string): void {
    const value = pod.metadata.labels?.[name];
    if (value !== undefined) this.#byPair[verb](`${namespaceOf(pod)}/${pair(name, value)}`, key);
  }

  #each(namespace: string, visit: (pod: Pod, key: string) => void): void {
    for (const key of this.#byNamespace.get(namespace)) {
      const pod = this.pod(key);
      if (pod !== undefined) visit(pod, key);
    }
  }
}

const namespaceOf = ({ metadata }: Pod | GKEIPRoute): string => metadata.namespace ?? "";

function labelOf(route: GKEIPRoute): { namespace: string; name: string; place: string } | undefined {
  const name = anchorOf(route.spec.podSelector)?.name;
  const namespace = namespaceOf(route);
  return name === undefined ? undefined : { namespace, name, place: `${namespace}/${name}` };
}
