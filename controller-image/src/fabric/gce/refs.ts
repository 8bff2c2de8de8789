// Where a resource is, in the two ways that Compute says it: as a path and as a URL.
import type { Collection, Scope } from "./compute";

export interface Ref<C extends Collection = Collection> {
  readonly scope: Scope;
  readonly collection: C;
  readonly name: string;
}

/** What URLs of resources begin with; Compute refuses shorter ones for endpoint groups (API reference of `Backend.group`). */
export const RESOURCE_ROOT = "https://www.googleapis.com/compute/v1/";

export function ref<C extends Collection>(scope: Scope, collection: C, name: string): Ref<C> {
  return { scope, collection, name };
}

/** The path below the project, which also is the key of a resource in maps. */
export function pathOf({ scope, collection, name }: Ref): string {
  return `${scope}/${collection}/${name}`;
}

/** @param root as {@link RESOURCE_ROOT} */
export function urlOf(root: string, project: string, of: Ref): string {
  return `${root}projects/${project}/${pathOf(of)}`;
}

/** Whether two URLs, whole or partial, name the same resource. Hosts and versions differ between answers of one API. */
export function isSame(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && right !== undefined && resourcePath(left) === resourcePath(right);
}

/**
 * `projects/…` of a URL: the same resource is named by `www.googleapis.com`, by `compute.googleapis.com`, by versions of the
 * API and without any of them. Anything else stays as it is.
 */
export function resourcePath(url: string): string {
  return /^(?:https?:\/\/[^/]+\/(?:compute\/)?(?:v1|beta|alpha)\/)?(projects\/.+)$/.exec(url)?.[1] ?? url;
}

/** The last part of a URL. */
export function nameIn(url: string): string {
  return url.slice(url.lastIndexOf("/") + 1);
}

/** The zone that a URL, of the zone itself or of something in it, names. */
export function zoneIn(url: string | undefined): string | undefined {
  return /(?:^|\/)zones\/([^/]+)/.exec(url ?? "")?.[1];
}
