// The parameter `fields`: the part of an answer that a client asks for, such as `items(id,name),nextPageToken`.
import { isObject, type Json, type JsonObject } from "./json";
import { Refusal } from "./refusal";
import type { Schema } from "./schema";

/** By field, `*` for any; one that is empty takes everything below. */
interface Selection extends ReadonlyMap<string, Selection> {}

/**
 * Understood is what Google's pages on performance describe: names with commas between them, `a/b` and `a(b,c)` for what is
 * below a field, and `*` for any field.
 *
 * @returns what cuts an answer down to that part. A field that the answer's message does not have is refused.
 */
export function partOf(fields: string, message: string, schema: Schema): (answer: JsonObject) => JsonObject {
  const selection = new Parser(fields).whole();
  check(selection, message, schema);
  return (answer) => cut(answer, selection) as JsonObject;
}

class Parser {
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = text.match(/[A-Za-z][\w-]*|\S/g) ?? [];
  }

  whole(): Selection {
    const selection = this.#list();
    if (this.#at < this.#tokens.length) throw this.#wrong();
    return selection;
  }

  #list(): Selection {
    const found = new Map<string, Selection>();
    do {
      const [name, below] = this.#one();
      const before = found.get(name);
      found.set(name, before === undefined ? below : both(before, below));
    } while (this.#take(","));
    return found;
  }

  #one(): [string, Selection] {
    const name = this.#tokens[this.#at] ?? "";
    if (!/^([A-Za-z].*|\*)$/.test(name)) throw this.#wrong();
    this.#at++;
    if (this.#take("/")) return [name, new Map([this.#one()])];
    if (!this.#take("(")) return [name, new Map()];
    const below = this.#list();
    if (!this.#take(")")) throw this.#wrong();
    return [name, below];
  }

  #take(token: string): boolean {
    if (this.#tokens[this.#at] !== token) return false;
    this.#at++;
    return true;
  }

  #wrong(): Refusal {
    return unknown(this.#tokens.slice(this.#at).join("") || "at the end");
  }
}

/** What is in either. */
function both(left: Selection, right: Selection): Selection {
  if (left.size === 0 || right.size === 0) return new Map();
  const names = new Set([...left.keys(), ...right.keys()]);
  return new Map(
    [...names].map((name) => {
      const [one, other] = [left.get(name), right.get(name)];
      return [name, one === undefined || other === undefined ? (one ?? other ?? new Map()) : both(one, other)];
    }),
  );
}

function check(selection: Selection, message: string, schema: Schema): void {
  for (const [name, below] of selection) {
    // What it stands for need not have what is asked for below.
    if (name === "*") continue;
    const type = schema.fieldType(message, name);
    if (type === undefined) throw unknown(name);
    // The keys of a map are no fields.
    const inside = schema.isMap(message, name) ? [...below.values()] : [below];
    for (const one of inside) check(one, type, schema);
  }
}

/** Undefined for what has nothing below, where something below was asked for. */
function cut(value: Json, selection: Selection): Json | undefined {
  if (selection.size === 0) return value;
  if (Array.isArray(value)) return value.flatMap((item: Json) => cut(item, selection) ?? []);
  if (!isObject(value)) return undefined;
  const any = selection.get("*");
  const kept = Object.entries(value).flatMap(([field, item]): [string, Json][] => {
    const own = selection.get(field);
    const below = own === undefined || any === undefined ? (own ?? any) : both(own, any);
    const part = below === undefined || item === undefined ? undefined : cut(item, below);
    return part === undefined ? [] : [[field, part]];
  });
  return Object.fromEntries(kept);
}

const unknown = (selection: string): Refusal =>
  new Refusal(400, "invalidParameter", `Invalid field selection ${selection}`);
