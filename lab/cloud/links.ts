// How one resource names another.
import { invalid } from "./refusal";
import { type Key } from "./state";

/** What every link begins with, whichever host is called. */
export const API = "https://www.googleapis.com/compute/v1/";

export const linkOf = (key: Key): string => API + key;

const ROOT = /^https:\/\/(?:www|compute)\.googleapis\.com\/compute\/(?:v1|beta|alpha)\//;

/** The key in a link, whichever version of the API it is of. */
export const keyIn = (link: string): Key => link.replace(ROOT, "");

/**
 * A resource that was made through another version of the API goes on naming others by links of that version, also to those who
 * ask v1 (recorded traffic of Config Connector): no two links are compared as they are.
 *
 * @param given the link that the resource was made with
 */
export const linkLike = (given: string, key: Key): string => `${ROOT.exec(given)?.[0] ?? API}${key}`;

/**
 * The key that a link, a partial one (`regions/r/addresses/n`, `global/networks/n`) or a whole key means.
 *
 * @param collections what it may name
 * @param near key of the resource that the link is written in
 */
export function keyOf(link: string, field: string, collections: readonly string[], project: string): Key {
  const path = keyIn(link);
  const whole = path.startsWith("projects/") ? path : `projects/${project}/${path}`;
  const collection = /^projects\/[^/]+\/(?:global|(?:regions|zones)\/[^/]+)\/([^/]+)\/[^/]+$/.exec(whole)?.[1];
  if (collection === undefined || path.includes("://")) throw invalid(field, link, "The URL is malformed.");
  if (!collections.includes(collection)) {
    throw invalid(field, link, `The URL must name one of: ${collections.join(", ")}.`);
  }
  return whole;
}

/** `us-central1` of `us-central1-a`. */
export const regionOfZone = (zone: string): string => zone.replace(/-[^-]+$/, "");

/** Region of a resource, also of a zonal one. */
export function regionOfKey(key: Key): string {
  const [, , kind, place = ""] = key.split("/");
  return kind === "zones" ? regionOfZone(place) : place;
}
