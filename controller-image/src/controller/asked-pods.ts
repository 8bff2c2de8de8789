// Pods that no watch has, asked for by name: only Pods that a route may select are watched, and one that has an address may have
// lost its labels since; or another leader gave it the address, and its watch is behind.
import { RESOURCES, type Pod } from "../../../lib/model/kubernetes";
import type { Kube } from "../kube/api";
import { present } from "./keys";
import { projectPod } from "./projections";

/** No watch tells when they go. */
const ASK_AGAIN_MS = 5_000;

/** What was asked for in one reconcile of one route. */
export class AskedPods {
  /** By name; undefined where there is none. */
  readonly #answers = new Map<string, Pod | undefined>();

  constructor(private readonly kube: Pick<Kube, "get">) {}

  /** Whether all of them were asked for. */
  knows(names: readonly string[]): boolean {
    return names.every((name) => this.#answers.has(name));
  }

  async ask(namespace: string | undefined, names: readonly string[]): Promise<void> {
    for (const name of names) {
      if (this.#answers.has(name)) continue;
      const found = await this.kube.get<Pod>(RESOURCES.pods, { namespace, name });
      this.#answers.set(name, found && projectPod(found));
    }
  }

  /** Pods of one namespace, those of the names as the API server has them. */
  instead(pods: readonly Pod[], names: readonly string[]): Pod[] {
    const others = pods.filter(({ metadata }) => !names.includes(metadata.name));
    return [...others, ...present(names, (name) => this.#answers.get(name))];
  }

  /** When those that exist have to be asked for again, in milliseconds. */
  get againAfterMs(): number | undefined {
    return [...this.#answers.values()].some((pod) => pod !== undefined) ? ASK_AGAIN_MS : undefined;
  }
}
