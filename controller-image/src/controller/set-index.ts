/** Most values that are asked for have none: a Pod's labels, which hardly any route selects by. */
const NONE: readonly string[] = [];

/** Which keys stand under a value, for example which routes name a Gateway. */
export class SetIndex {
  readonly #sets = new Map<string, Set<string>>();

  add(value: string, key: string): void {
    const set = this.#sets.get(value);
    if (set === undefined) this.#sets.set(value, new Set([key]));
    else set.add(key);
  }

  remove(value: string, key: string): void {
    const set = this.#sets.get(value);
    if (set?.delete(key) && set.size === 0) this.#sets.delete(value);
  }

  has(value: string): boolean {
    return this.#sets.has(value);
  }

  /** A copy, so that it may be walked while the index changes. */
  get(value: string): readonly string[] {
    const set = this.#sets.get(value);
    return set === undefined ? NONE : [...set];
  }
}
