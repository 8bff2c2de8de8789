// The Compute client: what `Compute` promises, as calls over a transport. Which calls are tried again, how fast they are sent
// and how an operation ends are in exchange.ts, limiter.ts and operation.ts.
import { randomUUID } from "node:crypto";

import type { Clock, Log } from "../../kube/api";
import { json, list, text, type Json } from "./answers";
import {
  ComputeError,
  type CallOptions,
  type Collection,
  type Collections,
  type Compute,
  type ComputeTransport,
  type Global,
  type ListEverywhereOptions,
  type NetworkEndpoint,
  type Region,
  type Scope,
} from "./compute";
import { Exchange, type Call, type CallRecord } from "./exchange";
import { Limiter, type Limits, type OnThrottled } from "./limiter";
import { done } from "./operation";
import { nameIn } from "./refs";
import { differences } from "./same";

export interface ComputeClientOptions {
  readonly project: string;
  readonly transport: ComputeTransport;
  readonly clock: Clock;
  readonly log: Log;
  /** UUIDs of version 4. @default random ones */
  readonly uuid?: () => string;
  /** @default LIMITS */
  readonly limits?: Limits;
  /** Every exchange, tried again or not. */
  readonly onCall?: (record: CallRecord) => void;
  readonly onOperation?: (record: OperationRecord) => void;
  readonly onThrottled?: OnThrottled;
  /** Asked before each attempt at a call that changes something. @default always */
  readonly mayChange?: () => boolean;
}

/** One operation that is over, or is no longer waited for. */
export interface OperationRecord {
  /** `backendServices.patch` */
  readonly group: string;
  /** From the call that began it. */
  readonly milliseconds: number;
  readonly urgent: boolean;
  readonly error?: ComputeError;
}

const PAGE = 500;

export function createCompute(options: ComputeClientOptions): Compute {
  const { project, clock, uuid = randomUUID, onOperation } = options;
  const ending = new AbortController();
  const { signal } = ending;
  const limiter = new Limiter(clock, signal, options.onThrottled, options.limits);
  const exchange = new Exchange({ ...options, limiter, signal });

  async function mutate(
    scope: Scope,
    call: Pick<Call, "group" | "method" | "path" | "body">,
    { requestId = uuid(), urgent = false }: CallOptions = {},
  ): Promise<void> {
    const path = `${call.path}?${query({ requestId })}`;
    const name = `${call.method} ${call.path}`;
    const { group } = call;
    await limiter.operation(urgent, async () => {
      const started = clock.now();
      let error: ComputeError | undefined;
      try {
        const begun = await exchange.call({ ...call, path, urgent, changes: true });
        await done({ exchange, clock, signal }, begun, scope, name, urgent);
      } catch (caught) {
        if (caught instanceof ComputeError) error = caught;
        throw caught;
      } finally {
        onOperation?.({ group, milliseconds: clock.now() - started, urgent, error });
      }
    });
  }

  /** Every page, one after another. */
  async function pages(group: string, method: "GET" | "POST", path: string, parameters: Parameters, urgent = false) {
    const all: Json[] = [];
    let pageToken: string | undefined;
    do {
      const page = `${path}?${query({ ...parameters, maxResults: String(PAGE), pageToken })}`;
      const answer = json(
        await exchange.call({ group, method, path: page, urgent, ...(method === "POST" && { body: {} }) }),
      );
      all.push(answer);
      pageToken = text(answer.nextPageToken);
    } while (pageToken !== undefined);
    return all;
  }

  const compute: Compute = {
    project,
    get: async <C extends Collection>(scope: Scope, collection: C, name: string, { urgent }: CallOptions = {}) => {
      const path = at(scope, collection, name);
      try {
        return (await exchange.call({ group: `${collection}.get`, method: "GET", path, urgent })) as Collections[C];
      } catch (error) {
        if (isGone(error)) return undefined;
        throw error;
      }
    },
    list: async <C extends Collection>(scope: Scope, collection: C, filter?: string) => {
      const all = await pages(`${collection}.list`, "GET", at(scope, collection), { filter });
      return all.flatMap(({ items }) => list(items)) as Collections[C][];
    },
    listEverywhere: async <C extends Exclude<Collection, keyof Global>>(
      collection: C,
      filter?: string,
      { onUnreachable }: ListEverywhereOptions = {},
    ) => {
      const parameters = { filter, ...(onUnreachable !== undefined && { returnPartialSuccess: "true" }) };
      const path = `aggregated/${collection}`;
      const all = await pages(`${collection}.aggregatedList`, "GET", path, parameters);
      const found: Collections[C][] = [];
      const unreachable = new Set(
        all.flatMap(({ unreachables }) => list(unreachables)).map((url) => scopeOf(String(url))),
      );
      for (const [scope, inScope] of all.flatMap(({ items }) => Object.entries(json(items)))) {
        if (json(json(inScope).warning).code === "UNREACHABLE") unreachable.add(scopeOf(scope));
        found.push(...(list(json(inScope)[collection]) as Collections[C][]));
      }
      for (const scope of unreachable) {
        if (onUnreachable === undefined) throw unreached(scope, `GET ${path}`);
        onUnreachable(scope);
      }
      return found;
    },
    insert: async (scope, collection, body, callOptions) => {
      const path = at(scope, collection);
      try {
        await mutate(scope, { group: `${collection}.insert`, method: "POST", path, body }, callOptions);
      } catch (error) {
        if (!(error instanceof ComputeError && error.status === 409)) throw error;
        const there = await compute.get(scope, collection, body.name, callOptions);
        // Gone again, or not there yet: who asked looks anew.
        if (there === undefined) throw notThereYet(error, body.name);
        const fields = differences(await readBack(body), there);
        if (fields.length > 0) throw otherOne(error, body.name, fields);
      }
    },
    patch: (scope, collection, name, body, callOptions) => {
      const path = at(scope, collection, name);
      return mutate(scope, { group: `${collection}.patch`, method: "PATCH", path, body }, callOptions);
    },
    delete: async (scope, collection, name, callOptions) => {
      const call = { group: `${collection}.delete`, method: "DELETE", path: at(scope, collection, name) } as const;
      await mutate(scope, call, callOptions).catch((error: unknown) => {
        if (!isGone(error)) throw error;
      });
    },
    attachEndpoints: async (zone, group, endpoints, callOptions) => {
      await endpointsCall("attachNetworkEndpoints", zone, group, endpoints, callOptions);
    },
    detachEndpoints: async (zone, group, endpoints, callOptions) => {
      await endpointsCall("detachNetworkEndpoints", zone, group, endpoints, callOptions).catch((error: unknown) => {
        if (!isGone(error)) throw error;
      });
    },
    listEndpoints: async (zone, group, { urgent } = {}) => {
      const path = `${at(`zones/${zone}`, "networkEndpointGroups", group)}/listNetworkEndpoints`;
      const all = await pages("networkEndpointGroups.listNetworkEndpoints", "POST", path, {}, urgent);
      return all.flatMap(({ items }) => list(items)).map((one) => json(json(one).networkEndpoint) as NetworkEndpoint);
    },
    setTarget: (region, rule, target, callOptions) => {
      const path = `${at(`regions/${region}`, "forwardingRules", rule)}/setTarget`;
      const call = { group: "forwardingRules.setTarget", method: "POST", path, body: { target } } as const;
      return mutate(`regions/${region}`, call, callOptions);
    },
    region: async (name) =>
      (await exchange.call({
        group: "regions.get",
        method: "GET",
        path: `regions/${encodeURIComponent(name)}`,
      })) as Region,
    close: () => ending.abort(),
  };

  /** The body as the cloud would tell it: a rule names its address by URL when it is made, and by value ever after. */
  async function readBack(body: Collections[Collection]): Promise<object> {
    const url = "IPAddress" in body ? (body.IPAddress ?? "") : "";
    const [, region, name] = /\/regions\/([^/]+)\/addresses\/([^/]+)$/.exec(url) ?? [];
    if (region === undefined || name === undefined) return body;
    const address = await compute.get(`regions/${region}`, "addresses", name);
    return { ...body, IPAddress: address?.address };
  }

  /** A refusal of endpoints that are (not) attached already is no refusal: the list says what counts. */
  async function endpointsCall(
    verb: "attachNetworkEndpoints" | "detachNetworkEndpoints",
    zone: string,
    group: string,
    networkEndpoints: readonly NetworkEndpoint[],
    callOptions?: CallOptions,
  ): Promise<void> {
    const scope: Scope = `zones/${zone}`;
    const path = `${at(scope, "networkEndpointGroups", group)}/${verb}`;
    const call = { group: `networkEndpointGroups.${verb}`, method: "POST", path, body: { networkEndpoints } } as const;
    try {
      await mutate(scope, call, callOptions);
    } catch (error) {
      if (!(error instanceof ComputeError && (error.status === 400 || error.status === 409))) throw error;
      const attached = await compute.listEndpoints(zone, group, callOptions);
      const isAttached = (one: NetworkEndpoint): boolean => attached.some((there) => sameEndpoint(one, there));
      const asked = networkEndpoints.filter((one) => isAttached(one) === (verb === "attachNetworkEndpoints"));
      if (asked.length < networkEndpoints.length) throw error;
    }
  }

  return compute;
}

type Parameters = Readonly<Record<string, string | undefined>>;

function query(parameters: Parameters): string {
  const given = Object.entries(parameters).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return new URLSearchParams(given).toString();
}

function at(scope: Scope, collection: Collection, name?: string): string {
  return name === undefined ? `${scope}/${collection}` : `${scope}/${collection}/${encodeURIComponent(name)}`;
}

/**
 * 404 for the resource itself. One for the project, the region or the zone around it says that the question was wrong, and must
 * not pass for "there is none".
 */
function isGone(error: unknown): boolean {
  if (!(error instanceof ComputeError) || error.status !== 404) return false;
  return !/'projects\/[^/']+(\/(regions|zones)\/[^/']+)?'/.test(error.message);
}

/** Instances are named by URL or by name alone. An endpoint without an address is any of the instance's. */
function sameEndpoint(want: NetworkEndpoint, have: NetworkEndpoint): boolean {
  if (nameIn(want.instance ?? "") !== nameIn(have.instance ?? "")) return false;
  return want.ipAddress === undefined || want.ipAddress === have.ipAddress;
}

function otherOne(conflict: ComputeError, name: string, fields: readonly string[]): ComputeError {
  const why = `${name} exists already and is another one: ${fields.join(", ")} differ`;
  return new ComputeError(`${why} (${conflict.call})`, 409, conflict.reason, conflict.call, { cause: conflict });
}

/** Reason of a conflict with something that cannot be read. */
export const NOT_THERE_YET = "notThereYet";

function notThereYet(conflict: ComputeError, name: string): ComputeError {
  const why = `${name} is said to exist and cannot be read`;
  return new ComputeError(`${why} (${conflict.call})`, 409, NOT_THERE_YET, conflict.call, { cause: conflict });
}

function unreached(scope: Scope, call: string): ComputeError {
  return new ComputeError(`${scope} could not be asked (${call})`, 0, "unreachable", call);
}

/** `zones/us-central1-a` of that, or of its URL. */
function scopeOf(url: string): Scope {
  const [, scope] = /(?:^|\/)((?:regions|zones)\/[^/]+)$/.exec(url) ?? [];
  return (scope ?? "global") as Scope;
}
