// Fields of a cloud object that podpin has no word for: users give them as the object's own, podpin adds what it needs.
import type { Problems } from "./problems";

/** Fields of an object by their names. */
export type Fields = Readonly<Record<string, unknown>>;

export interface PassThrough {
  /** The argument that has them, for example `clusterArgs`. */
  readonly what: string;
  readonly given: Fields | undefined;
  /** Paths that are an argument of the component, with its name: that is where they are checked. */
  readonly arguments: Readonly<Record<string, string>>;
  /** Paths that the component does not take at all, and what to do instead. */
  readonly refused: Readonly<Record<string, string>>;
}

/** Adds given fields to podpin's own, and reports where they contradict each other. */
export function mergeFields(own: Fields, through: PassThrough, problems: Problems): Fields {
  return merged(own, through.given ?? {}, through, "", problems);
}

function merged(own: Fields, given: Fields, through: PassThrough, prefix: string, problems: Problems): Fields {
  const result: Record<string, unknown> = { ...own };
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const path = `${prefix}${key}`;
    const instead = through.arguments[path];
    const ours = own[key];
    const refuse = (want: string) => problems.add(`${through.what}.${path}`, shown(value), want);
    if (instead !== undefined) refuse(`set ${instead} of the component instead`);
    else if (through.refused[path] !== undefined) refuse(through.refused[path]);
    else if (ours === undefined) result[key] = value;
    else if (isFields(ours) && isFields(value)) result[key] = merged(ours, value, through, `${path}.`, problems);
    else if (isFields(ours)) refuse("write it as an object, so that podpin can add its own fields");
    else if (ours !== value) refuse(`persistent addresses need ${JSON.stringify(ours)}: leave it out`);
  }
  return result;
}

/** An object literal; not a list, and not something of a framework such as an Output. */
function isFields(value: unknown): value is Fields {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** Nothing of a framework is printed: it is not the value, and it may be secret. */
function shown(value: unknown): unknown {
  return typeof value === "object" && !isFields(value) && !Array.isArray(value) ? "a value to come" : value;
}

/** The same without the fields that are undefined, at every depth. */
export function withoutUndefined(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, isFields(value) ? withoutUndefined(value) : value]),
  );
}
