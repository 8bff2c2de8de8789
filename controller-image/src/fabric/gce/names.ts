// Names of what is made in the cloud. They follow from the cluster, the route and its network alone, so that what another run
// of the controller has begun is found again under the name it was given.
import { createHash } from "node:crypto";

/** Begins the name of everything that podpin makes. */
export const NAME_PREFIX = "ipr-";

/** At most 63 characters, small letters, digits and dashes (RFC 1035, as Compute asks for). */
const LONGEST_NAME = 63;
const ROUTE_HASH = 10;
const PART_HASH = 8;

/** The backend service of a route, its endpoint groups and its firewall rule. */
export function routeName(clusterUid: string, routeUid: string, network: string): string {
  return `${NAME_PREFIX}${hash([clusterUid, routeUid, network], ROUTE_HASH)}`;
}

/** The endpoint group of a route for a second subnetwork in a zone: nodes of one zone may have interfaces in several. */
export function otherGroupName(route: string, subnetwork: string): string {
  return `${route}-${hash([subnetwork], PART_HASH)}`;
}

/** The forwarding rule of an address; people find the address in it. */
export function ruleName(route: string, address: string): string {
  return `${route}-${address.replaceAll(".", "-")}`;
}

/** The target instance that all routes of one network share on a node. */
export function targetName(clusterUid: string, instance: string, network: string): string {
  const tail = `-${hash([clusterUid, instance, network], PART_HASH)}`;
  return `${NAME_PREFIX}${instance.slice(0, LONGEST_NAME - NAME_PREFIX.length - tail.length)}${tail}`;
}

const LETTERS = "abcdefghijklmnopqrstuvwxyz234567";

/** The first characters of the base32 of a SHA-256. A zero byte divides the parts, so that no two lists are one text. */
function hash(parts: readonly string[], length: number): string {
  const digest = createHash("sha256").update(parts.join("\0")).digest();
  let text = "";
  let bits = 0;
  let held = 0;
  for (const byte of digest) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5 && text.length < length) {
      bits -= 5;
      text += LETTERS[(held >>> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text;
}
