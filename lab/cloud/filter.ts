// The `filter` of a list, as much of it as clients use.
import { isObject, type Json, type JsonObject } from "./json";
import { invalid } from "./refusal";

type Test = (body: JsonObject) => boolean;

/**
 * Understood are `field = value`, `!=`, `:` (a prefix with `*` at the end, presence with `*` alone, else a part of the text),
 * `eq` and `ne` (regular expressions that match the whole text), `field.labels.name`, expressions in parentheses one after
 * another, and AND and OR between expressions, AND first. Everything else is refused.
 */
export function filterOf(text: string): Test {
  if (text.trim() === "") return () => true;
  const tokens = text.match(/\(|\)|!=|=|:|"(?:[^"\\]|\\.)*"|[^\s()=:!"]+|\S/g) ?? [];
  const parser = new Parser(tokens, text);
  return parser.whole();
}

class Parser {
  #at = 0;

  constructor(
    readonly tokens: readonly string[],
    readonly text: string,
  ) {}

  whole(): Test {
    const test = this.#either();
    if (this.#at < this.tokens.length) throw this.#wrong();
    return test;
  }

  #either(): Test {
    const tests = [this.#all()];
    while (this.#take("OR")) tests.push(this.#all());
    return (body) => tests.some((test) => test(body));
  }

  #all(): Test {
    const tests = [this.#one()];
    for (;;) {
      if (!this.#take("AND") && this.tokens[this.#at] !== "(") break;
      tests.push(this.#one());
    }
    return (body) => tests.every((test) => test(body));
  }

  #one(): Test {
    if (this.#take("(")) {
      const test = this.#either();
      if (!this.#take(")")) throw this.#wrong();
      return test;
    }
    const [field, operator, value] = [this.#next(), this.#next(), this.#next()];
    const wanted = value.startsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, "$1") : value;
    if (!/^[A-Za-z][\w.-]*$/.test(field)) throw this.#wrong();
    const compare = this.#comparison(operator, wanted);
    return (body) => compare(at(body, field));
  }

  #comparison(operator: string, wanted: string): (value: Json | undefined) => boolean {
    const same = (value: Json | undefined): boolean => asText(value) === wanted;
    switch (operator) {
      case "=":
        return same;
      case "!=":
        return (value) => !same(value);
      case ":":
        if (wanted === "*") return (value) => value !== undefined;
        if (wanted.endsWith("*")) return (value) => asText(value).startsWith(wanted.slice(0, -1));
        return (value) => asText(value).includes(wanted);
      case "eq":
      case "ne": {
        const pattern = this.#pattern(wanted);
        return (value) => pattern.test(asText(value)) === (operator === "eq");
      }
      default:
        throw this.#wrong();
    }
  }

  #pattern(wanted: string): RegExp {
    try {
      return new RegExp(`^(?:${wanted})$`);
    } catch {
      throw this.#wrong();
    }
  }

  #next(): string {
    const token = this.tokens[this.#at++];
    if (token === undefined) throw this.#wrong();
    return token;
  }

  #take(token: string): boolean {
    if (this.tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #wrong(): Error {
    return invalid("filter", this.text, "Invalid list filter expression.");
  }
}

const asText = (value: Json | undefined): string =>
  value === undefined || value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);

function at(body: JsonObject, path: string): Json | undefined {
  let value: Json | undefined = body;
  for (const step of path.split(".")) value = isObject(value) ? value[step] : undefined;
  return value;
}
