// What is in the cloud with this cluster's mark and belongs to nobody: a controller may have ended between a call and its
// operation. It goes after two sightings that lie far apart, so that nothing goes that is only just being made.
import type { Mirror } from "./mirror";
import type { Ref } from "./refs";
import { isSame, pathOf, urlOf } from "./refs";

/** From the first sighting to the one that counts. */
const SIGHTINGS_APART_MS = 10 * 60_000;

export interface Live {
  isRoute(uid: string): boolean;
  /** Whether a route wants a target instance, by its path. */
  isTarget(path: string): boolean;
}

export class Garbage {
  /** By UID or path: when it was first seen. */
  readonly #seen = new Map<string, number>();

  /** After everything was read. Answers what goes now. */
  sight(
    mirror: Mirror,
    live: Live,
    now: number,
    urls: { readonly root: string; readonly project: string },
  ): { readonly routes: readonly string[]; readonly targets: readonly Ref<"targetInstances">[] } {
    const routes = mirror.routes().filter((uid) => !live.isRoute(uid));
    const targets = [...unusedTargets(mirror, live, urls)];
    const present = new Set([...routes, ...targets.map(pathOf)]);
    for (const key of [...this.#seen.keys()]) if (!present.has(key)) this.#seen.delete(key);
    for (const key of present) if (!this.#seen.has(key)) this.#seen.set(key, now);
    const isOld = (key: string): boolean => now - (this.#seen.get(key) ?? now) >= SIGHTINGS_APART_MS;
    return { routes: routes.filter(isOld), targets: targets.filter((at) => isOld(pathOf(at))) };
  }
}

/** Target instances of this cluster that no rule refers to and no route wants. */
export function* unusedTargets(
  mirror: Mirror,
  live: Live,
  { root, project }: { readonly root: string; readonly project: string },
): Iterable<Ref<"targetInstances">> {
  const used = [...mirror.ours("forwardingRules")].flatMap(({ resource }) => resource.target ?? []);
  for (const { at } of mirror.ours("targetInstances")) {
    const url = urlOf(root, project, at);
    if (!live.isTarget(pathOf(at)) && !used.some((target) => isSame(target, url))) yield at;
  }
}
