// Objects of one kind say the same over and over: types of conditions, names of nodes, times. Read from JSON each of them is a string
// of its own; kept ten thousand times that is a large part of a copy's memory.

/** Longer ones are messages, hardly any of which says the same as another. */
const LONGEST = 48;
/** Most strings are met once, and must not be kept here for that: now and then all are forgotten, and the common ones come back. */
const MOST = 4096;

export class SharedStrings {
  readonly #known = new Map<string, string>();

  /** Puts one string for all equal ones into what was just read from JSON, wherever it stands. */
  shareIn(value: object): void {
    for (const key in value) {
      const inner = (value as Record<string, unknown>)[key];
      if (typeof inner === "string") {
        if (inner.length <= LONGEST) (value as Record<string, unknown>)[key] = this.#share(inner);
      } else if (typeof inner === "object" && inner !== null) this.shareIn(inner);
    }
  }

  #share(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size >= MOST) this.#known.clear();
    this.#known.set(text, text);
    return text;
  }
}
