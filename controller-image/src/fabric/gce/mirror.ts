// What is known of the cloud: resources with podpin's names as they were last read, found by path and by route. A copy, never the
// truth: whatever is decided on it carries a fingerprint or is looked at again.
import type {
  Address,
  BackendService,
  Collection,
  Collections,
  Firewall,
  ForwardingRule,
  NetworkEndpointGroup,
} from "./compute";
import { markOf, type Mark } from "./mark";
import type { Group, Holdings } from "./plan";
import { pathOf, zoneIn, type Ref } from "./refs";

interface Held {
  readonly at: Ref;
  readonly resource: Collections[Collection];
  /** UID of the route whose mark it bears; empty for none. */
  readonly uid: string;
}

interface Doubt {
  readonly at: Ref;
  /** UID of the route that it is about; empty for what several share. */
  readonly uid: string;
  readonly since: number;
  readonly fingerprint: string | undefined;
}

const NOTHING: ReadonlySet<string> = new Set();

/** An operation that nobody heard of has ended after this long. */
export const DOUBTED_MS = 60_000;

export class Mirror {
  readonly #held = new Map<string, Held>();
  readonly #byRoute = new Map<string, Set<string>>();
  /** A resource is never changed, only replaced, and its mark is asked for at every plan. */
  readonly #marks = new WeakMap<object, { readonly mark: Mark | undefined }>();
  readonly #endpoints = new Map<string, ReadonlySet<string>>();
  #addresses: ReadonlyMap<string, Address> = new Map();
  /** By path: when something was last written into the mirror that is not from a list. */
  readonly #written = new Map<string, number>();
  /** By path: what was asked to be changed, and no answer came. */
  readonly #doubts = new Map<string, Doubt>();
  #moment = 0;

  constructor(
    private readonly clusterUid: string,
    private readonly now: () => number,
  ) {}

  /**
   * A change was asked for, and nobody knows what became of it: what is read next may still be from before.
   *
   * @param body what was to be made
   */
  doubt(at: Ref, body: { readonly description?: string } = {}): void {
    const path = pathOf(at);
    const held = this.#held.get(path);
    const uid = held?.uid ?? this.mark(body)?.uid ?? "";
    this.#doubts.set(path, { at, uid, since: this.now(), fingerprint: fingerprintOf(held?.resource) });
  }

  /** Whether something may still become of what was asked for the route; with an empty text, for several of them. */
  isInDoubt(uid: string): boolean {
    for (const doubt of this.#doubts.values()) if (doubt.uid === uid) return true;
    return false;
  }

  isDoubtful(path: string): boolean {
    return this.#doubts.has(path);
  }

  get doubtful(): boolean {
    return this.#doubts.size > 0;
  }

  /** Something was changed since, so that a change which was asked for before is done or refused; or it had its time. */
  #read(path: string, resource: Collections[Collection] | undefined): void {
    const doubt = this.#doubts.get(path);
    if (doubt === undefined) return;
    const settled = fingerprintOf(resource) !== doubt.fingerprint || this.now() - doubt.since >= DOUBTED_MS;
    if (settled) this.#doubts.delete(path);
  }

  find<C extends Collection>(at: Ref<C>): Collections[C] | undefined {
    return this.#held.get(pathOf(at))?.resource as Collections[C] | undefined;
  }

  mark(resource: { readonly description?: string }): Mark | undefined {
    const read = this.#marks.get(resource);
    if (read !== undefined) return read.mark;
    const mark = markOf({ name: "", ...resource }, this.clusterUid);
    this.#marks.set(resource, { mark });
    return mark;
  }

  address(ip: string): Address | undefined {
    return this.#addresses.get(ip);
  }

  setAddresses(addresses: readonly Address[]): void {
    this.#addresses = new Map(addresses.map((address) => [address.address ?? "", address]));
  }

  /** A resource as it has just been read, or nothing where there is none. Answers the routes that it concerns. */
  put(at: Ref, resource: Collections[Collection] | undefined): readonly string[] {
    const path = pathOf(at);
    this.#written.set(path, ++this.#moment);
    this.#read(path, resource);
    const before = this.#held.get(path)?.uid ?? "";
    if (resource === undefined) this.#drop(path);
    else this.#keep(at, resource);
    return [before, this.#held.get(path)?.uid ?? ""].filter((uid) => uid !== "");
  }

  /** It was deleted, and the cloud has said so. */
  gone(at: Ref): void {
    this.put(at, undefined);
    this.#doubts.delete(pathOf(at));
  }

  setEndpoints(group: Ref<"networkEndpointGroups">, endpoints: Iterable<string> | undefined): void {
    const path = pathOf(group);
    this.#written.set(path, ++this.#moment);
    if (endpoints === undefined) this.#endpoints.delete(path);
    else this.#endpoints.set(path, new Set(endpoints));
  }

  endpoints(group: Ref<"networkEndpointGroups">): ReadonlySet<string> | undefined {
    return this.#endpoints.get(pathOf(group));
  }

  /** Before a list is asked for; what is read alone while it is under way is newer than the list. */
  moment(): number {
    return this.#moment;
  }

  /**
   * Takes over a list of a collection. What was read alone since, or is being changed, stays as it is.
   *
   * @param isSettled whether the list can be believed about the path
   * @returns UIDs of the routes for which something is otherwise than it was
   */
  replace(
    collection: Collection,
    found: readonly (readonly [Ref, Collections[Collection]])[],
    since: number,
    isSettled: (path: string) => boolean,
  ): ReadonlySet<string> {
    const changed = new Set<string>();
    const believed = (path: string): boolean => (this.#written.get(path) ?? 0) <= since && isSettled(path);
    const listed = new Set<string>();
    for (const [at, resource] of found) {
      const path = pathOf(at);
      listed.add(path);
      if (!believed(path)) continue;
      const before = this.#held.get(path);
      const doubted = this.#doubts.has(path);
      this.#read(path, resource);
      if (doubted && !this.#doubts.has(path) && before !== undefined) changed.add(before.uid);
      if (before !== undefined && JSON.stringify(before.resource) === JSON.stringify(resource)) continue;
      this.#keep(at, resource);
      for (const uid of [before?.uid, this.#held.get(path)?.uid]) if (uid) changed.add(uid);
    }
    for (const [path, { at, uid }] of [...this.#held]) {
      if (at.collection !== collection || listed.has(path) || !believed(path)) continue;
      // It was there and is no more: whatever was asked of it has no effect any more.
      this.#doubts.delete(path);
      this.#drop(path);
      if (uid !== "") changed.add(uid);
    }
    for (const [path, { at, uid }] of [...this.#doubts]) {
      if (at.collection !== collection || listed.has(path) || !believed(path)) continue;
      this.#read(path, undefined);
      if (uid !== "" && !this.#doubts.has(path)) changed.add(uid);
    }
    return changed;
  }

  /** After lists: endpoints that are not as many as the group says are not known any more, and what a mark says is taken where it agrees. */
  believeSizes(since: number, isSettled: (path: string) => boolean): void {
    for (const [path, { at, resource, uid }] of this.#held) {
      if (at.collection !== "networkEndpointGroups" || uid === "") continue;
      if ((this.#written.get(path) ?? 0) > since || !isSettled(path)) continue;
      const size = (resource as NetworkEndpointGroup).size ?? 0;
      if (this.#endpoints.get(path)?.size === size) continue;
      const hint = size === 0 ? [] : this.#hint(uid, at);
      if (hint?.length === size) this.#endpoints.set(path, new Set(hint));
      else this.#endpoints.delete(path);
    }
  }

  /** Everything that bears the mark of the route. */
  holdings(uid: string): Holdings {
    const rules: ForwardingRule[] = [];
    const services: BackendService[] = [];
    const groups: Group[] = [];
    const firewalls: Firewall[] = [];
    for (const path of this.#byRoute.get(uid) ?? NOTHING) {
      const held = this.#held.get(path);
      if (held === undefined) continue;
      const { at, resource } = held;
      if (at.collection === "forwardingRules") rules.push(resource as ForwardingRule);
      else if (at.collection === "backendServices") services.push(resource as BackendService);
      else if (at.collection === "firewalls") firewalls.push(resource as Firewall);
      else if (at.collection === "networkEndpointGroups") {
        const zone = zoneIn(`${at.scope}/`) ?? "";
        groups.push({ zone, resource: resource as NetworkEndpointGroup, endpoints: this.#endpoints.get(path) });
      }
    }
    return { rules, services, groups, firewalls };
  }

  isEmpty(uid: string): boolean {
    return !this.#byRoute.has(uid);
  }

  /** UIDs of the routes that something bears the mark of. */
  routes(): readonly string[] {
    return [...this.#byRoute.keys()];
  }

  /** Everything of a collection that bears this cluster's mark. */
  *ours<C extends Collection>(collection: C): Iterable<{ readonly at: Ref<C>; readonly resource: Collections[C] }> {
    for (const { at, resource } of this.#held.values()) {
      if (at.collection !== collection || this.mark(resource) === undefined) continue;
      yield { at: at as Ref<C>, resource: resource as Collections[C] };
    }
  }

  #keep(at: Ref, resource: Collections[Collection]): void {
    const path = pathOf(at);
    const uid = this.mark(resource)?.uid ?? "";
    const before = this.#held.get(path)?.uid;
    if (before !== undefined && before !== uid) this.#unindex(before, path);
    this.#held.set(path, { at, resource, uid });
    if (uid === "") return;
    const paths = this.#byRoute.get(uid) ?? new Set();
    this.#byRoute.set(uid, paths.add(path));
  }

  #drop(path: string): void {
    const held = this.#held.get(path);
    if (held === undefined) return;
    this.#held.delete(path);
    this.#endpoints.delete(path);
    this.#unindex(held.uid, path);
  }

  #unindex(uid: string, path: string): void {
    const paths = this.#byRoute.get(uid);
    paths?.delete(path);
    if (paths?.size === 0) this.#byRoute.delete(uid);
  }

  /** What the mark of the route's service says of a group, when the route has no other group in the zone. */
  #hint(uid: string, group: Ref): readonly string[] | undefined {
    const { services, groups } = this.holdings(uid);
    const zone = zoneIn(`${group.scope}/`) ?? "";
    if (groups.filter((one) => one.zone === zone).length !== 1) return undefined;
    const attached = services
      .map((service) => this.mark(service)?.attached?.[zone])
      .find((names) => names !== undefined);
    return attached ?? [];
  }
}

function fingerprintOf(resource: Collections[Collection] | undefined): string | undefined {
  return resource !== undefined && "fingerprint" in resource ? resource.fingerprint : undefined;
}
