// Two replicas may take themselves for the one that leads for a while, and the watch of routes may be further than that of bindings.
// Whoever leads writes to a route before he moves its addresses; so while nobody else has written to it, what was known stays true, and
// who finds that somebody has asks whether it was another replica.
import { claimedAddresses } from "../../../lib/model/acceptance";
import type { AddressBinding } from "../../../lib/model/binding";
import { type GKEIPRoute, MAX_ADDRESSES_PER_ROUTE } from "../../../lib/model/gke-api";
import { keyOf, RESOURCES } from "../../../lib/model/kubernetes";
import type { Clock, Kube } from "../kube/api";
import { decodeBinding } from "./decoders";

type Version = string | undefined;

export class Freshness {
  /** By route: the version that this replica made last, since it leads. */
  readonly #own = new Map<string, Version>();

  /** By route: its version while nobody else has written to it since the known bindings were found to be the newest. */
  readonly #sure = new Map<string, Version>();

  /** Until then somebody else may change what was just found to be the newest. */
  #aloneAt = -Infinity;

  constructor(
    private readonly kube: Pick<Kube, "get">,
    private readonly clock: Clock,
    /** Asks the API server whether this replica has the Lease. */
    private readonly hasLease: () => Promise<boolean>,
  ) {}

  /** Another replica has led since, and may still act for so long. */
  beginTerm(besideMs: number): void {
    this.#own.clear();
    this.#sure.clear();
    this.#aloneAt = this.clock.now() + besideMs;
  }

  forget(key: string): void {
    this.#own.delete(key);
    this.#sure.delete(key);
  }

  /** This replica has made one version of a route out of another. */
  wrote(before: GKEIPRoute, after: GKEIPRoute): void {
    const sure = this.#isSure(before);
    this.#own.set(keyOf(after), after.metadata.resourceVersion);
    if (sure) this.#sure.set(keyOf(after), after.metadata.resourceVersion);
  }

  /** Whether nobody has written to the route since this replica did. */
  isOwn(route: GKEIPRoute): boolean {
    return this.#own.get(keyOf(route)) === route.metadata.resourceVersion;
  }

  #isSure(route: GKEIPRoute): boolean {
    return this.#sure.get(keyOf(route)) === route.metadata.resourceVersion;
  }

  /**
   * Whether the known bindings of a route may not be the newest, or are another's to judge. Asks the API server, unless nobody else has
   * written to the route since that was known.
   */
  async isBehind(route: GKEIPRoute, bindings: readonly AddressBinding[]): Promise<boolean> {
    if (this.#isSure(route)) return false;
    if (this.clock.now() < this.#aloneAt) return true;
    const known = new Map(bindings.map((binding) => [binding.metadata.name, binding]));
    const claimed = claimedAddresses(route);
    // One that claims more was never accepted.
    const names = new Set([...known.keys(), ...(claimed.length > MAX_ADDRESSES_PER_ROUTE ? [] : claimed)]);
    const [hasLease, ...behind] = await Promise.all([
      this.hasLease(),
      ...[...names].map((name) => this.#isOther(name, route, known.get(name))),
    ]);
    if (!hasLease || behind.includes(true)) return true;
    this.#sure.set(keyOf(route), route.metadata.resourceVersion);
    return false;
  }

  async #isOther(name: string, route: GKEIPRoute, known: AddressBinding | undefined): Promise<boolean> {
    const found = await this.kube.get<AddressBinding>(RESOURCES.addressBindings, { name });
    if (known !== undefined) return found?.metadata.resourceVersion !== known.metadata.resourceVersion;
    return found !== undefined && routeOf(found) === route.metadata.uid;
  }
}

/** Nothing of one that cannot be read: no watch will ever show it. */
function routeOf(binding: AddressBinding): string | undefined {
  try {
    return decodeBinding(binding).spec.route.uid;
  } catch {
    return undefined;
  }
}
