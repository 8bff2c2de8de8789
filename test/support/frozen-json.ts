// JSON that nobody can change, made without copying what is such already: most writes change a few fields of an object
// that came from a cache, and all the rest of it can be shared.

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

export class FrozenJson {
  /** What was made here: deeply frozen, and nothing but JSON. (A WeakSet would cost more than the copies that it saves.) */
  readonly #made = new Set<object>();

  /** The value as it would come out of `JSON.parse(JSON.stringify(value))`, deeply frozen. */
  of<T>(value: T): T {
    return this.#json(value) as T;
  }

  #json(value: unknown): unknown {
    if (typeof value === "number") return Number.isFinite(value) ? value : null;
    if (!isObject(value) || this.#made.has(value)) return value;
    if (typeof value["toJSON"] === "function") return this.#json(JSON.parse(JSON.stringify(value)));
    const result = Array.isArray(value)
      ? value.map((item: unknown) => (isJson(item) ? this.#json(item) : null))
      : this.#fields(value);
    this.#made.add(Object.freeze(result));
    return result;
  }

  #fields(value: Readonly<Record<string, unknown>>): object {
    const result: Record<string, unknown> = {};
    for (const name of Object.keys(value)) {
      const field = value[name];
      if (!isJson(field)) continue;
      // Assigned, this one name would set the prototype.
      if (name === "__proto__") Object.defineProperty(result, name, { value: this.#json(field), enumerable: true });
      else result[name] = this.#json(field);
    }
    return result;
  }
}

const isJson = (value: unknown): boolean => {
  const type = typeof value;
  return type !== "undefined" && type !== "function" && type !== "symbol";
};

/** Whether two JSON values say the same, whatever the order of their fields. */
export function sameJson(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (!isObject(left) || !isObject(right) || Array.isArray(left) !== Array.isArray(right)) return false;
  const names = Object.keys(left);
  if (names.length !== Object.keys(right).length) return false;
  return names.every((name) => Object.hasOwn(right, name) && sameJson(left[name], right[name]));
}
