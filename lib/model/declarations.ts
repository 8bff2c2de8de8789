// What the components of one program have declared so far, by which the next one sees that it would do so again.
import { isKnown, type MaybeLater } from "./later";
import type { Problems } from "./problems";

/** A component that declared something. */
interface Holder {
  /** The component as the user knows it. */
  readonly subject: string;
  /** The component itself, by which it recognises what is its own. */
  readonly owner: object;
}

/** The place of what exists only once, whatever the cluster: an address of the internet. */
const EVERYWHERE = "everywhere";

/** What one program has declared. Two clusters may have the same private address, so that places are kept apart. */
export class Declarations {
  static readonly #ofPrograms = new WeakMap<object, Declarations>();
  readonly #places = new Map<unknown, Map<unknown, Holder>>();

  /** @param program stands for the program: the stack in Pulumi, the app in CDK8s */
  static of(program: object): Declarations {
    const known = Declarations.#ofPrograms.get(program) ?? new Declarations();
    Declarations.#ofPrograms.set(program, known);
    return known;
  }

  /** The first other component that declared the thing in one of the places. */
  holderOf(thing: unknown, places: readonly unknown[], owner: object): string | undefined {
    for (const place of places) {
      const holder = this.#places.get(place)?.get(thing);
      if (holder !== undefined && holder.owner !== owner) return holder.subject;
    }
    return undefined;
  }

  /** Notes that a component declares the thing. The first one that does so keeps it. */
  hold(thing: unknown, places: readonly unknown[], holder: Holder): void {
    for (const place of places) {
      const things = this.#places.get(place) ?? new Map<unknown, Holder>();
      this.#places.set(place, things);
      if (!things.has(thing)) things.set(thing, holder);
    }
  }
}

/** What a component can learn of the others in its program; each answer names one as the user knows it. */
export interface OtherComponents {
  /**
   * The pool that lists an address already.
   *
   * @param handle what stands for the address where its value is not known yet
   */
  poolWith(address: MaybeLater<string>, handle: unknown, isPublic: boolean): string | undefined;
  /** The component that declares an object of that kind and name already. */
  declarerOf(kind: string, namespace: string, name: string): string | undefined;
  /** The controller that the cluster has already. */
  controller(): string | undefined;
  /** The network that has a subnetwork, or a part of it, already. */
  networkOn(place: string): string | undefined;
}

/** Checks that no other component of the program declares an object of that name. */
export function checkObjectFree(
  others: OtherComponents | undefined,
  kind: string,
  namespace: MaybeLater<string>,
  name: string,
  problems: Problems,
): void {
  const holder = isKnown(namespace) ? others?.declarerOf(kind, namespace, name) : undefined;
  if (holder === undefined || !isKnown(namespace)) return;
  problems.add(
    "name",
    name,
    `${holder} declares the ${kind} of that name in namespace "${namespace}" already: rename one of the two`,
  );
}

/** One component among those of its program. */
export class DeclaringComponent implements OtherComponents {
  readonly #holder: Holder;

  /**
   * @param declarations absent where the program is not known, as in unit tests without an engine
   * @param clusters what stands for the cluster of its objects
   */
  constructor(
    private readonly declarations: Declarations | undefined,
    private readonly clusters: readonly unknown[],
    owner: object,
    subject: string,
  ) {
    this.#holder = { owner, subject };
  }

  poolWith(address: MaybeLater<string>, handle: unknown, isPublic: boolean): string | undefined {
    return this.#holderOf(isKnown(address) ? `address ${address}` : handle, isPublic);
  }

  /** Notes an address that the component lists, by every handle that stands for it. */
  lists(address: MaybeLater<string>, handles: readonly unknown[], isPublic: boolean): void {
    if (isKnown(address)) this.#hold(`address ${address}`, isPublic);
    for (const handle of handles) if (typeof handle === "object") this.#hold(handle, isPublic);
  }

  declarerOf(kind: string, namespace: string, name: string): string | undefined {
    return this.#holderOf(`${kind} ${namespace}/${name}`);
  }

  /** Notes an object that the component declares. */
  declares(kind: string, namespace: MaybeLater<string>, name: string): void {
    if (isKnown(namespace)) this.#hold(`${kind} ${namespace}/${name}`);
  }

  controller(): string | undefined {
    return this.#holderOf("controller");
  }

  /** Notes that the component is the controller of the cluster. */
  isController(): void {
    this.#hold("controller");
  }

  networkOn(place: string): string | undefined {
    return this.#holderOf(`subnetwork ${place}`);
  }

  /** Notes that a network has a subnetwork, or a part of it. */
  isOn(place: string): void {
    this.#hold(`subnetwork ${place}`);
  }

  #holderOf(thing: unknown, isPublic = false): string | undefined {
    return this.declarations?.holderOf(thing, this.#places(isPublic), this.#holder.owner);
  }

  #hold(thing: unknown, isPublic = false): void {
    this.declarations?.hold(thing, this.#places(isPublic), this.#holder);
  }

  #places(isPublic: boolean): readonly unknown[] {
    return isPublic ? [...this.clusters, EVERYWHERE] : this.clusters;
  }
}
