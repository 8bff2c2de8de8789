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
    const all = this.running.in(parent).map((body) => ({ key: `${parent}/${text(body, "name")}`, body }));
    const { items, next } = pageOf(all, query);
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

  #aggregated({ method, params }: Route, query: Query, state: ReadState): JsonObject {
    const project = params["project"] ?? "";
    const collection = nameOf(method.template);
    const kind = KINDS.get(collection);
    const scoped = this.schema.fieldType(method.response, "items") ?? "";
    const field = this.schema.listField(scoped, kind?.message ?? "");
    if (kind === undefined || field === undefined) throw new Error(`the schema has no list of ${collection}`);
    const zones = [...this.regions.values()].flat();
    const lost = kind.scope === "zones" ? zones.filter((zone) => this.conditions.isLost(zone)) : [];
    const all = state.everywhere(project, collection).filter(({ key }) => !lost.includes(nameOf(scopeOf(key))));
    const { items, next } = pageOf(all, query);
    const places =
      kind.scope === "zones"
        ? zones.map((zone) => `zones/${zone}`)
        : [...this.regions.keys()].map((region) => `regions/${region}`);
    const globally =
      kind.scope === "regions" && ["addresses", "backendServices", "forwardingRules"].includes(collection);
    const scopes = [...(globally ? ["global"] : []), ...places].map((scope): [string, JsonObject] => {
      const bodies = items.filter(({ key }) => scopeOf(key) === scope).map(({ body }) => body);
      if (bodies.length > 0) return [scope, { [field]: bodies }];
      return [scope, { warning: warningOf(scope, lost.includes(nameOf(scope))) }];
    });
    return {
      kind: kindOf(method.response),
      id: `projects/${project}/aggregated/${collection}`,
      items: Object.fromEntries(scopes),
      selfLink: linkOf(`projects/${project}/aggregated/${collection}`),
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
