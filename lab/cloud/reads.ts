// Calls that only read.
import type { Conditions } from "./conditions";
import { text, texts, type JsonObject } from "./json";
import { KINDS } from "./kinds";
import { linkOf } from "./links";
import { pageOf, type Listed } from "./listing";
import type { Operations } from "./operations";
import { placeOf } from "./path";
import { notFound } from "./refusal";
import type { Route } from "./routes";
import type { Schema } from "./schema";
import { nameOf, scopeOf, type Key, type ReadState } from "./state";

type Query = Readonly<Record<string, string>>;
type Regions = ReadonlyMap<string, readonly string[]>;

/** Kinds of scopes in aggregated lists, where resources of a collection may be elsewhere than in the scopes known here. */
const SCOPES: Readonly<Record<string, readonly ("regions" | "zones" | "global")[]>> = {
  addresses: ["global", "regions"],
  backendServices: ["global", "regions"],
  forwardingRules: ["global", "regions"],
  networkEndpointGroups: ["global", "regions", "zones"],
  operations: ["global", "regions", "zones"],
};

/** What an aggregated list is made of. */
interface Aggregation {
  /** Name of the list in each scope. */
  readonly field: string;
  readonly all: readonly Listed[];
  readonly scopes: readonly string[];
  /** Zones that cannot be asked. */
  readonly lost: readonly string[];
}

export class Reads {
  constructor(
    readonly schema: Schema,
    readonly running: Operations,
    readonly regions: Regions,
    readonly conditions: Conditions,
  ) {}

  /** Undefined when the call is none that reads. */
  answer(route: Route, query: Query, state: ReadState, body: JsonObject): JsonObject | undefined {
    const [service = "", call = ""] = route.method.id.split(".");
    if (service === "regions" || service === "zones") return this.#places(service, call, route, query);
    const place = placeOf(route);
    const key = `${place?.parent ?? ""}/${place?.name ?? ""}`;
    switch (call) {
      case "get":
        return found(state, key).body;
      case "list":
        return this.#list(place?.parent ?? "", state.in(place?.parent ?? ""), route, query);
      case "aggregatedList":
        return this.#aggregated(route, query, state);
      case "listNetworkEndpoints":
        return endpoints(found(state, key), query);
      case "testIamPermissions": {
        const isGranted = (one: string): boolean => this.conditions.isGranted(one, route.params["project"] ?? "");
        const granted = texts(body, "permissions").filter(isGranted);
        return granted.length === 0 ? {} : { permissions: granted };
      }
      default:
        return undefined;
    }
  }

  operations(parent: Key, query: Query): JsonObject {
    const { items, next } = pageOf(this.#operationsIn(parent), query);
    return {
      kind: "compute#operationList",
      id: parent,
      items: items.map(({ body }) => body),
      selfLink: linkOf(parent),
      ...next,
    };
  }

  #list(parent: Key, all: readonly Listed[], { method }: Route, query: Query): JsonObject {
    const { items, next } = pageOf(all, query);
    const bodies = items.map(({ body }) => body);
    return {
      kind: kindOf(method.response),
      id: parent,
      ...(bodies.length === 0 ? {} : { items: bodies }),
      selfLink: linkOf(parent),
      ...next,
    };
  }

  /** Operations of every scope, those of the regions and the zones as well. */
  aggregatedOperations(route: Route, query: Query): JsonObject {
    const project = route.params["project"] ?? "";
    const lost = [...this.regions.values()].flat().filter((zone) => this.conditions.isLost(zone));
    const scopes = this.#scopesOf("operations", "global");
    const all = scopes.flatMap((scope) => this.#operationsIn(`projects/${project}/${scope}/operations`));
    return this.#byScope(route, query, { field: "operations", all, scopes, lost });
  }

  #operationsIn(parent: Key): readonly Listed[] {
    return this.running.in(parent).map((body) => ({ key: `${parent}/${text(body, "name")}`, body }));
  }

  #aggregated(route: Route, query: Query, state: ReadState): JsonObject {
    const { method, params } = route;
    const collection = nameOf(method.template);
    const kind = KINDS.get(collection);
    const scoped = this.schema.fieldType(method.response, "items") ?? "";
    const field = this.schema.listField(scoped, kind?.message ?? "");
    if (kind === undefined || field === undefined) throw new Error(`the schema has no list of ${collection}`);
    const zones = [...this.regions.values()].flat();
    const lost = kind.scope === "zones" ? zones.filter((zone) => this.conditions.isLost(zone)) : [];
    const all = state.everywhere(params["project"] ?? "", collection);
    return this.#byScope(route, query, { field, all, scopes: this.#scopesOf(collection, kind.scope), lost });
  }

  /** Every scope that can have resources of a collection, also the scopes that have none here. */
  #scopesOf(collection: string, own: "regions" | "zones" | "global"): readonly string[] {
    const kinds = SCOPES[collection] ?? [own];
    return [
      ...(kinds.includes("global") ? ["global"] : []),
      ...(kinds.includes("regions") ? [...this.regions.keys()].map((region) => `regions/${region}`) : []),
      ...(kinds.includes("zones") ? [...this.regions.values()].flat().map((zone) => `zones/${zone}`) : []),
    ];
  }

  #byScope({ method, params }: Route, query: Query, { field, all, scopes, lost }: Aggregation): JsonObject {
    const project = params["project"] ?? "";
    const isLost = (scope: string): boolean => lost.includes(nameOf(scope));
    const { items, next } = pageOf(
      all.filter(({ key }) => !isLost(scopeOf(key))),
      query,
    );
    const lists = scopes.map((scope): [string, JsonObject] => {
      const bodies = items.filter(({ key }) => scopeOf(key) === scope).map(({ body }) => body);
      return [scope, bodies.length > 0 ? { [field]: bodies } : { warning: warningOf(scope, isLost(scope)) }];
    });
    const path = `projects/${project}/aggregated/${nameOf(method.template)}`;
    return {
      kind: kindOf(method.response),
      id: path,
      items: Object.fromEntries(lists),
      selfLink: linkOf(path),
      ...(lost.length === 0 ? {} : { unreachables: lost.map((zone) => `projects/${project}/zones/${zone}`) }),
      ...next,
    };
  }

  #places(service: "regions" | "zones", call: string, route: Route, query: Query): JsonObject {
    const project = route.params["project"] ?? "";
    const names = service === "regions" ? [...this.regions.keys()] : [...this.regions.values()].flat();
    const bodyOf = (name: string): JsonObject =>
      service === "regions" ? this.#region(project, name) : this.#zone(project, name);
    if (call === "get") {
      const name = route.params[service.slice(0, -1)] ?? "";
      if (!names.includes(name)) throw notFound(`projects/${project}/${service}/${name}`);
      return bodyOf(name);
    }
    const parent = `projects/${project}/${service}`;
    return this.#list(
      parent,
      names.map((name) => ({ key: `${parent}/${name}`, body: bodyOf(name) })),
      route,
      query,
    );
  }

  #region(project: string, name: string): JsonObject {
    const zones = (this.regions.get(name) ?? []).map((zone) => linkOf(`projects/${project}/zones/${zone}`));
    const quotas = this.conditions.quotas(project, name);
    const key = `projects/${project}/regions/${name}`;
    return { kind: "compute#region", name, status: "UP", selfLink: linkOf(key), zones, quotas };
  }

  #zone(project: string, name: string): JsonObject {
    const [region = ""] = [...this.regions].find(([, zones]) => zones.includes(name)) ?? [];
    const status = this.conditions.isLost(name) ? "DOWN" : "UP";
    const link = linkOf(`projects/${project}/zones/${name}`);
    return {
      kind: "compute#zone",
      name,
      status,
      region: linkOf(`projects/${project}/regions/${region}`),
      selfLink: link,
    };
  }
}

function found(state: ReadState, key: Key): NonNullable<ReturnType<ReadState["get"]>> {
  const resource = state.get(key);
  if (resource === undefined) throw notFound(key);
  return resource;
}

function endpoints(group: NonNullable<ReturnType<ReadState["get"]>>, query: Query): JsonObject {
  const all = (group.endpoints ?? []).map(({ instance, ipAddress }) => ({
    key: instance,
    body: { networkEndpoint: { instance: linkOf(instance), ipAddress } },
  }));
  const { items, next } = pageOf(all, query);
  return {
    kind: "compute#networkEndpointGroupsListNetworkEndpoints",
    id: group.key,
    ...(items.length === 0 ? {} : { items: items.map(({ body }) => body) }),
    ...next,
  };
}

const kindOf = (message: string): string => `compute#${message.charAt(0).toLowerCase()}${message.slice(1)}`;

const warningOf = (scope: string, isLost: boolean): JsonObject => ({
  code: isLost ? "UNREACHABLE" : "NO_RESULTS_ON_PAGE",
  message: isLost
    ? `The scope '${scope}' cannot be reached.`
    : `There are no results for scope '${scope}' on this page.`,
  data: [{ key: "scope", value: scope }],
});
