// What bindings name and no watch has, asked for by name. Only Pods that a route may select are watched, and one that has an address
// may have lost its labels since; and another leader may have given an address to a Pod, or a node, that its watch has not told of yet.
import type { AddressBinding } from "../../../lib/model/binding";
import { RESOURCES, type KubeObject, type Node, type Pod, type Resource } from "../../../lib/model/kubernetes";
import type { Kube } from "../kube/api";
import type { Copies } from "./copies";
import { nodesOf, present } from "./keys";
import { projectNode, projectPod } from "./projections";

/** No watch tells when they go. */
const ASK_AGAIN_MS = 5_000;

/** Names of what may be there though no watch has it. */
export interface Unseen {
  readonly pods: readonly string[];
  readonly nodes: readonly string[];
}

/** Nodes that may be there though no watch has them, which may be behind that of bindings. */
export function unseenNodes({ nodes }: Pick<Copies, "nodes">, bindings: readonly AddressBinding[]): string[] {
  return [...new Set(bindings.flatMap(nodesOf).filter((name) => nodes.get(name) === undefined))];
}

/** The same of Pods that have addresses of the namespace's routes; these may have lost their labels, too. */
export function unseenPods(
  { pods }: Pick<Copies, "pods">,
  bindings: readonly AddressBinding[],
  namespace: string,
): string[] {
  const owners = bindings.flatMap(({ spec: { owner, route } }) => {
    if (owner === undefined || route.namespace !== namespace) return [];
    return pods.get(`${namespace}/${owner.podName}`)?.metadata.uid === owner.podUid ? [] : owner.podName;
  });
  return [...new Set(owners)];
}

/** What was asked for in one reconcile of one route. */
export class Asked {
  /** By name; undefined where there is none. */
  readonly #pods = new Map<string, Pod | undefined>();
  readonly #nodes = new Map<string, Node | undefined>();

  constructor(private readonly kube: Pick<Kube, "get">) {}

  /** Whether all of them were asked for. */
  knows({ pods, nodes }: Unseen): boolean {
    return pods.every((name) => this.#pods.has(name)) && nodes.every((name) => this.#nodes.has(name));
  }

  async ask(namespace: string | undefined, { pods, nodes }: Unseen): Promise<void> {
    for (const name of pods) await this.#get(this.#pods, RESOURCES.pods, { namespace, name }, projectPod);
    for (const name of nodes) await this.#get(this.#nodes, RESOURCES.nodes, { name }, projectNode);
  }

  async #get<T extends KubeObject>(
    answers: Map<string, T | undefined>,
    resource: Resource,
    ref: { readonly namespace?: string; readonly name: string },
    project: (object: T) => T,
  ): Promise<void> {
    if (answers.has(ref.name)) return;
    const found = await this.kube.get<T>(resource, ref);
    answers.set(ref.name, found && project(found));
  }

  /** Pods of one namespace, those of the names as the API server has them. */
  instead(pods: readonly Pod[], names: readonly string[]): Pod[] {
    const others = pods.filter(({ metadata }) => !names.includes(metadata.name));
    return [...others, ...present(names, (name) => this.#pods.get(name))];
  }

  /** A node that no watch has. */
  node(name: string): Node | undefined {
    return this.#nodes.get(name);
  }

  /** When those that exist have to be asked for again, in milliseconds. */
  get againAfterMs(): number | undefined {
    const found = [...this.#pods.values(), ...this.#nodes.values()].some((object) => object !== undefined);
    return found ? ASK_AGAIN_MS : undefined;
  }
}
