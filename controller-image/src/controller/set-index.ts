/** Most values that are asked for have none: a Pod's labels, which hardly any route selects by. */
const NONE: readonly string[] = [];

/** Which keys stand under a value, for example which routes name a Gateway. */
export class SetIndex {
  /** Most values have one key, and a set of one takes 400 bytes: it is kept as it is. */
  readonly #keys = new Map<string, string | Set<string>>();

  add(value: string, key: string): void {
    const known = this.#keys.get(value);
    if (known === undefined) this.#keys.set(value, key);
    else if (typeof known !== "string") known.add(key);
    else if (known !== key) this.#keys.set(value, new Set([known, key]));
  }

  remove(value: string, key: string): void {
    const known = this.#keys.get(value);
    if (known === key) this.#keys.delete(value);
    if (known === undefined || typeof known === "string") return;
    known.delete(key);
    const [last] = known;
    if (known.size === 1 && last !== undefined) this.#keys.set(value, last);
  }

  has(value: string): boolean {
    return this.#keys.has(value);
  }

  /** A copy, so that it may be walked while the index changes. */
  get(value: string): readonly string[] {
    const known = this.#keys.get(value);
    if (known === undefined) return NONE;
    return typeof known === "string" ? [known] : [...known];
  }
}
