// Which call a request is, by Google's own HTTP rules.
import type { Method, Schema } from "./schema";

export interface Route {
  readonly method: Method;
  /** What stands in the path, by the names of the rule: `project`, `region`, `forwarding_rule`. */
  readonly params: Readonly<Record<string, string>>;
}

interface Branch {
  readonly literal: Map<string, Branch>;
  variable?: Branch;
  readonly methods: Map<string, Method>;
}

const branch = (): Branch => ({ literal: new Map(), methods: new Map() });

export class Routes {
  readonly #root = branch();

  constructor(schema: Schema) {
    for (const method of schema.methods) {
      let at = this.#root;
      for (const segment of segmentsOf(method.template)) {
        if (segment.startsWith("{")) {
          at = at.variable ??= branch();
        } else {
          const next = at.literal.get(segment) ?? branch();
          at.literal.set(segment, next);
          at = next;
        }
      }
      at.methods.set(method.verb, method);
    }
  }

  /** Undefined when the path, or the verb on it, is not of the API. @param path without the query */
  find(verb: string, path: string): Route | undefined {
    const given = segmentsOf(path);
    const method = lookUp(this.#root, given, 0)?.methods.get(verb);
    if (method === undefined) return undefined;
    const named = segmentsOf(method.template).flatMap((segment, i): [string, string][] =>
      segment.startsWith("{") ? [[segment.slice(1, -1), decoded(given[i] ?? "")]] : [],
    );
    return { method, params: Object.fromEntries(named) };
  }
}

function lookUp(at: Branch, given: readonly string[], depth: number): Branch | undefined {
  const segment = given[depth];
  if (segment === undefined) return at.methods.size > 0 ? at : undefined;
  const literal = at.literal.get(segment);
  const found = literal === undefined ? undefined : lookUp(literal, given, depth + 1);
  return found ?? (at.variable === undefined ? undefined : lookUp(at.variable, given, depth + 1));
}

/** `example.com:demo` of `example.com%3Ademo`, which is how the id of a project in a domain comes over the wire. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

const segmentsOf = (path: string): string[] => path.split("/").filter((segment) => segment !== "");
