// What a call is about, from its path.
import { invalid } from "./refusal";
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

/** Refuses a region or a zone that there is not. */
export function checkScope(scope: string, regions: ReadonlyMap<string, readonly string[]>): void {
  const [kind = "", name = ""] = scope.split("/");
  if (kind === "regions" && !regions.has(name)) throw invalid("region", name, "Unknown region.");
  if (kind === "zones" && ![...regions.values()].flat().includes(name)) throw invalid("zone", name, "Unknown zone.");
}
