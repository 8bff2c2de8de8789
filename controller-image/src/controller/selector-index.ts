// Which routes a Pod may concern, without asking each: by namespace and one label pair that the Pod must have.
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import type { LabelSelector, Pod } from "../../../lib/model/kubernetes";
import { selects } from "../../../lib/model/selection";
import { SetIndex } from "./set-index";

/** Stands for a route that requires no label to have one value. */
const ANY = "";

export class SelectorIndex {
  readonly #routes = new SetIndex();
  readonly #selectors = new Map<string, LabelSelector>();

  add(route: GKEIPRoute, key: string): void {
    this.#routes.add(placeOf(route), key);
    this.#selectors.set(key, route.spec.podSelector ?? {});
  }

  remove(route: GKEIPRoute, key: string): void {
    this.#routes.remove(placeOf(route), key);
    this.#selectors.delete(key);
  }

  /** Routes whose selectors match the Pod's labels. */
  selecting({ metadata: { namespace = "", labels = {} } }: Pod): string[] {
    const places = [ANY, ...Object.entries(labels).map(([name, value]) => pair(name, value))];
    return places
      .flatMap((place) => this.#routes.get(`${namespace}/${place}`))
      .filter((key) => selects(this.#selectors.get(key) ?? {}, labels));
  }
}

/** The label pair that a selector is indexed under; undefined when it requires no label to have one value. */
export function anchorOf(
  selector: LabelSelector | undefined,
): { readonly name: string; readonly value: string } | undefined {
  // The last in the order of names: a StatefulSet's Pod name sorts behind most labels, and tells most.
  const [name, value] =
    Object.entries(selector?.matchLabels ?? {})
      .sort()
      .at(-1) ?? [];
  return name === undefined || value === undefined ? undefined : { name, value };
}

function placeOf(route: GKEIPRoute): string {
  const anchor = anchorOf(route.spec.podSelector);
  return `${route.metadata.namespace ?? ""}/${anchor === undefined ? ANY : pair(anchor.name, anchor.value)}`;
}

/** Neither names nor values of labels may hold "=". */
export const pair = (name: string, value: string): string => `${name}=${value}`;
