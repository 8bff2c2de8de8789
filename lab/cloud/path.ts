// What a call is about, from its path.
import type { Route } from "./routes";
import type { Key } from "./state";

export interface Place {
  readonly project: string;
  /** `regions/r`, `zones/z`, `global`. */
  readonly scope: string;
  readonly collection: string;
  /** Undefined for calls on the whole collection. */
  readonly name?: string;
  /** `projects/p/regions/r/addresses` */
  readonly parent: Key;
}

/** Undefined for paths of another form, such as aggregated ones. */
export function placeOf({ method, params }: Route): Place | undefined {
  const filled = method.template.replace(/\{(\w+)\}/g, (_, name: string) => params[name] ?? "");
  const match = /^\/compute\/v1\/projects\/([^/]+)\/(global|(?:regions|zones)\/[^/]+)\/([^/]+)(?:\/([^/]+))?/.exec(
    filled,
  );
  if (match === null) return undefined;
  const [, project = "", scope = "", collection = "", name] = match;
  return { project, scope, collection, name, parent: `projects/${project}/${scope}/${collection}` };
}
