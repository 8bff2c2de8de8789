// Which addresses of a route another route has the better claim to.
import { acceptRoute, claimsBefore, type RouteVerdict } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import type { GKEIPRoute } from "../../../lib/model/gke-api";
import { keyOf } from "../../../lib/model/kubernetes";
import { routeKeyOf } from "./keys";
import type { Store } from "./store";

/** By address: the route that has the better claim, as `namespace/name`. */
export function rivalsOf(route: GKEIPRoute, verdict: RouteVerdict, store: Store): ReadonlyMap<string, string> {
  const rivals = new Map<string, string>();
  // Each is judged once: a route may list any number of addresses, and two of them the same ones.
  const judged = new Map<GKEIPRoute, boolean>();
  const isRival = (other: GKEIPRoute): boolean =>
    other.metadata.uid !== route.metadata.uid &&
    claimsBefore(other, route) &&
    other.metadata.deletionTimestamp === undefined &&
    acceptRoute(other, store).accepted;
  for (const address of verdict.addresses) {
    for (const other of store.routesClaiming(address)) {
      const rival = judged.get(other) ?? isRival(other);
      judged.set(other, rival);
      if (rival) rivals.set(address, keyOf(other));
    }
    const binding = store.binding(address);
    const holder = binding && holderOf(binding, route, store);
    if (holder !== undefined && !rivals.has(address)) rivals.set(address, keyOf(holder));
  }
  return rivals;
}

/** The other, living route that holds the binding. */
export function holderOf(binding: AddressBinding, route: GKEIPRoute, store: Store): GKEIPRoute | undefined {
  if (binding.spec.route.uid === route.metadata.uid) return undefined;
  const holder = store.copies.routes.get(routeKeyOf(binding));
  return holder?.metadata.uid === binding.spec.route.uid ? holder : undefined;
}
