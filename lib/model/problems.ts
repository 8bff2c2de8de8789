/** Collects every mistake in one set of inputs, so that the user fixes them in one go. */
export class Problems {
  readonly #lines: string[] = [];

  /**
   * Adds one mistake.
   *
   * @param what the field as the user wrote it, for example `addresses[1]`
   * @param got the value that was given; nothing is printed as `nothing`
   * @param want what is allowed and what to do, in the imperative
   */
  add(what: string, got: unknown, want: string): void {
    this.#lines.push(`${what}: got ${got === undefined || got === "" ? "nothing" : JSON.stringify(got)}; ${want}`);
  }

  /** The mistakes in the order in which they were found, one line each. */
  get lines(): readonly string[] {
    return this.#lines;
  }

  /**
   * All mistakes as one text, or nothing where there are none.
   *
   * @param subject the component as the user knows it, for example `PinnedPodRoute "db"`
   */
  message(subject: string): string | undefined {
    if (this.#lines.length === 0) return undefined;
    return `${subject} is not valid:\n${this.#lines.map((line) => `  - ${line}`).join("\n")}`;
  }
}
