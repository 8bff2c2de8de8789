/** What a preview must know, as it decides what there is. */
const WRITE_IT = "it must be known before the deployment, so write it, or read it from the configuration";

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
    if (comesLater(got)) {
      this.addFact(what, "a value that comes from another resource", `${want}; ${WRITE_IT}`);
      return;
    }
    this.#lines.push(`${what}: got ${shown(got)}; ${want}`);
  }

  /**
   * Adds one mistake that is told in words, because no single value is wrong.
   *
   * @param fact what was found, for example `3 addresses for 4 Pods`
   */
  addFact(what: string, fact: string, want: string): void {
    this.#lines.push(`${what}: got ${fact}; ${want}`);
  }

  /** Adds lines that another collector found, those that are here already left out. */
  addLines(lines: readonly string[]): void {
    for (const line of lines) if (!this.#lines.includes(line)) this.#lines.push(line);
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

/** Whether a value is the promise of one, as a framework or the language has it; as text it says nothing. */
export function comesLater(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return ["apply", "then"].some((method) => typeof (value as Record<string, unknown>)[method] === "function");
}

/** A value as a message prints it. Objects of a framework would fill pages, or never end; their class says what they are. */
function shown(got: unknown): string {
  if (got === undefined || got === "") return "nothing";
  const named = nameOf(got);
  if (named !== undefined) return named;
  return JSON.stringify(got, function (this: Record<string, unknown>, key: string, value: unknown) {
    // What stands there itself, not what its toJSON makes of it.
    return nameOf(this[key]) ?? value;
  });
}

/** What stands for a value that JSON has no words for. */
function nameOf(value: unknown): string | undefined {
  if (typeof value === "number" && !Number.isFinite(value)) return String(value);
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  if (comesLater(value)) return "a value to come";
  const { constructor } = value as { readonly constructor?: unknown };
  const name = typeof constructor === "function" ? constructor.name : "Object";
  return name === "Object" ? undefined : `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;
}
