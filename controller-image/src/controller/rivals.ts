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
  for (const address of verdict.addresses) {
    for (const other of store.routesClaiming(address)) {
      if (other.metadata.uid === route.metadata.uid || !claimsBefore(other, route)) continue;
      if (other.metadata.deletionTimestamp === undefined && acceptRoute(other, store).accepted) {
        rivals.set(address, keyOf(other));
      }
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
  const holder = store.routes.get(routeKeyOf(binding));
  return holder?.metadata.uid === binding.spec.route.uid ? holder : undefined;
}
