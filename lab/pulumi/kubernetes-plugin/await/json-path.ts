// The part of JSONPath that `pulumi.com/waitFor` is used with: fields, quoted fields, indices, `[*]` and one-field
// filters such as `[?(@.type=="Ready")]`.
import { at, isObject, parseJson, type Json } from "../values";

type Selector = (value: Json) => readonly Json[];

export type JsonPath = (value: Json) => readonly Json[];

/** @param text `{.status.phase}` or the same without braces; a leading `$` may be there or not */
export function parseJsonPath(text: string): JsonPath {
  const inner = /^\{(.*)\}$/s.exec(text)?.[1] ?? text;
  let rest = inner.startsWith("$") ? inner.slice(1) : inner;
  if (rest !== "" && !/^[.[]/.test(rest)) throw unreadable(text, rest);
  const selectors: Selector[] = [];
  while (rest !== "") {
    const [length, selector] = nextSelector(rest) ?? [0, undefined];
    if (selector === undefined) throw unreadable(text, rest);
    selectors.push(selector);
    rest = rest.slice(length);
  }
  return (value) => selectors.reduce<readonly Json[]>((values, select) => values.flatMap((v) => select(v)), [value]);
}

function nextSelector(text: string): readonly [number, Selector] | undefined {
  const match = (pattern: RegExp): RegExpExecArray | undefined => pattern.exec(text) ?? undefined;
  const field = match(/^\.((?:\\.|[\w/-])+)/) ?? match(/^\['([^']+)'\]/) ?? match(/^\["([^"]+)"\]/);
  if (field !== undefined) return [field[0].length, byField((field[1] ?? "").replaceAll("\\.", "."))];
  const star = match(/^(\.\*|\[\*\])/);
  if (star !== undefined) return [star[0].length, everyItem];
  const index = match(/^\[(-?\d+)\]/);
  if (index !== undefined) return [index[0].length, byIndex(Number(index[1]))];
  const filter = match(/^\[\?\(?\s*@\.([\w.-]+)\s*==\s*("[^"]*"|'[^']*'|[\w.-]+)\s*\)?\]/);
  if (filter !== undefined) return [filter[0].length, byFilter((filter[1] ?? "").split("."), filter[2] ?? "")];
  return undefined;
}

function byField(name: string): Selector {
  return (value) => {
    const found = isObject(value) ? value[name] : undefined;
    return found === undefined ? [] : [found];
  };
}

function byIndex(index: number): Selector {
  return (value) => {
    const found = Array.isArray(value) ? value.at(index) : undefined;
    return found === undefined ? [] : [found];
  };
}

function byFilter(path: readonly string[], literal: string): Selector {
  const wanted = /^['"]/.test(literal) ? literal.slice(1, -1) : (parseJson(literal) ?? literal);
  return (value) => everyItem(value).filter((item) => at(item, ...path) === wanted);
}

const everyItem: Selector = (value) => {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
};

function unreadable(text: string, rest: string): Error {
  return new Error(
    `${JSON.stringify(text)} cannot be read from ${JSON.stringify(rest)} on; write fields, indices, [*] or one-field ` +
      `filters, for example {.status.phase} or {.status.conditions[?(@.type=="Ready")].status}`,
  );
}
