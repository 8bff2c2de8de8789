// What holds for every call until it is changed: permissions, quotas, rates, tokens, zones that cannot be reached.
import type { Clock } from "../../controller-image/src/kube/api";
import type { Place } from "./path";
import { placeOf } from "./path";
import { text, type JsonObject } from "./json";
import { regionOfKey } from "./links";
import { overQuota, Refusal } from "./refusal";
import type { Route } from "./routes";
import type { Key, State } from "./state";

const DEFAULT_LIMIT = 100_000;
const MINUTE = 60_000;

/** Quotas of a project in a region, with what counts for each. */
const METRICS = [
  "EXTERNAL_NETWORK_LB_FORWARDING_RULES",
  "EXTERNAL_PROTOCOL_FORWARDING_RULES",
  "NETWORK_ENDPOINT_GROUPS",
  "REGIONAL_EXTERNAL_NETWORK_LB_BACKEND_SERVICES",
  "REGIONAL_INTERNAL_LB_BACKEND_SERVICES",
  "STATIC_ADDRESSES",
  "TARGET_INSTANCES",
] as const;
/** Of a network, in all regions; `regions.get` does not tell them. */
const NETWORK_METRICS = [
  "INTERNAL_FORWARDING_RULES_PER_NETWORK",
  "INTERNAL_FORWARDING_RULES_WITH_TARGET_INSTANCE_PER_NETWORK",
] as const;
export type QuotaMetric = (typeof METRICS)[number] | (typeof NETWORK_METRICS)[number];

export interface Rate {
  readonly perMinute: number;
  /** Of which groups. @default every one, each by itself */
  readonly group?: RateGroup;
}
export type RateGroup = "mutate" | "read" | "list" | "operationRead";

export class Conditions {
  readonly #clock: Clock;
  readonly #state: State;
  readonly #revoked = new Set<string>();
  readonly #limits = new Map<QuotaMetric, number>();
  readonly #lost = new Set<string>();
  readonly #used = new Map<string, number>();
  /** By project; an empty name for those that are not named. */
  readonly #granted = new Map<string, ReadonlySet<string>>();
  #rates: readonly Rate[] = [];
  #tokens: ReadonlySet<string> | undefined;
  #minute = 0;
  #listener: () => void = () => undefined;

  constructor(clock: Clock, state: State) {
    this.#clock = clock;
    this.#state = state;
  }

  /** Takes permissions away, for example `compute.forwardingRules.create`. */
  revoke(...permissions: readonly string[]): void {
    permissions.forEach((permission) => this.#revoked.add(permission));
  }

  giveBack(...permissions: readonly string[]): void {
    permissions.forEach((permission) => this.#revoked.delete(permission));
  }

  /** Only these from now on, in one project or in all that have no list of their own. @param permissions undefined for all there are */
  grantOnly(permissions: readonly string[] | undefined, project = ""): void {
    if (permissions === undefined) this.#granted.delete(project);
    else this.#granted.set(project, new Set(permissions));
  }

  isGranted(permission: string, project: string): boolean {
    const granted = this.#granted.get(project) ?? this.#granted.get("");
    return !this.#revoked.has(permission) && granted?.has(permission) !== false;
  }

  /** @param limit undefined for the limit that there is at first, 100,000 */
  setQuota(metric: QuotaMetric, limit: number | undefined): void {
    if (limit === undefined) this.#limits.delete(metric);
    else this.#limits.set(metric, limit);
  }

  /** At most so many calls per minute of each group, region and project; full again at the next whole minute. */
  setRates(...rates: readonly Rate[]): void {
    this.#rates = rates;
    this.#used.clear();
  }

  /** Only calls with one of these bearer tokens are let in. @param tokens undefined: nobody is asked for any */
  acceptTokens(tokens: readonly string[] | undefined): void {
    this.#tokens = tokens === undefined ? undefined : new Set(tokens);
  }

  /** The zone's API answers 503, and its VMs get no packets. */
  loseZone(zone: string): void {
    this.#lost.add(zone);
    this.#listener();
  }

  restoreZone(zone: string): void {
    this.#lost.delete(zone);
    this.#listener();
  }

  isLost(zone: string): boolean {
    return this.#lost.has(zone);
  }

  /** Hears when a zone is lost or back. */
  onZones(listener: () => void): void {
    this.#listener = listener;
  }

  checkToken(authorization: string | undefined): void {
    if (this.#tokens === undefined || this.#tokens.has(authorization?.replace(/^Bearer /i, "") ?? "")) return;
    throw new Refusal(401, "authError", "Request had invalid authentication credentials.");
  }

  checkPlace(zone: string | undefined): void {
    if (zone !== undefined && this.#lost.has(zone)) {
      throw new Refusal(503, "backendError", `The zone '${zone}' cannot be reached.`);
    }
  }

  checkRate(route: Route): void {
    const group = groupOf(route.method.id);
    const limits = this.#rates.filter((rate) => rate.group === undefined || rate.group === group);
    if (limits.length === 0) return;
    const minute = Math.floor(this.#clock.wallTime() / MINUTE);
    if (minute !== this.#minute) this.#used.clear();
    this.#minute = minute;
    const place = placeOf(route);
    const bucket = `${place?.project ?? ""}/${regionOrGlobal(place)}/${group}`;
    const used = (this.#used.get(bucket) ?? 0) + 1;
    this.#used.set(bucket, used);
    const limit = Math.min(...limits.map(({ perMinute }) => perMinute));
    if (used > limit) {
      throw new Refusal(
        403,
        "rateLimitExceeded",
        `Quota exceeded for quota group '${group}': ${limit} requests per minute.`,
      );
    }
  }

  /** @param underWay bodies of the same kind that are being made */
  checkQuota(
    place: Place,
    body: JsonObject,
    underWay: readonly { readonly key: Key; readonly body: JsonObject }[],
  ): void {
    const metric = metricOf(place.collection, body);
    const limit = metric === undefined ? undefined : this.#limits.get(metric);
    if (metric === undefined || limit === undefined) return;
    const region = regionOrGlobal(place);
    const perNetwork = NETWORK_METRICS.some((name) => name === metric);
    const counts = ({ key, body: other }: { key: Key; body: JsonObject }): boolean =>
      metricOf(place.collection, other) === metric &&
      (perNetwork ? text(other, "network") === text(body, "network") : regionOfKey(key) === region);
    const here = this.#state.everywhere(place.project, place.collection).filter(counts).length;
    if (here + underWay.filter(counts).length < limit) return;
    throw overQuota(metric, limit, perNetwork ? `network ${text(body, "network")}` : `region ${region}`);
  }

  /** As `regions.get` tells them. */
  quotas(project: string, region: string): readonly JsonObject[] {
    const usage = new Map<string, number>();
    for (const collection of COUNTED) {
      for (const { key, body } of this.#state.everywhere(project, collection)) {
        const metric = regionOfKey(key) === region ? metricOf(collection, body) : undefined;
        if (metric !== undefined) usage.set(metric, (usage.get(metric) ?? 0) + 1);
      }
    }
    return METRICS.map((metric) => ({
      metric,
      limit: this.#limits.get(metric) ?? DEFAULT_LIMIT,
      usage: usage.get(metric) ?? 0,
    }));
  }
}

const COUNTED = ["addresses", "backendServices", "forwardingRules", "networkEndpointGroups", "targetInstances"];

function metricOf(collection: string, body: JsonObject): QuotaMetric | undefined {
  const isInternal = text(body, "loadBalancingScheme") === "INTERNAL";
  switch (collection) {
    case "addresses":
      return text(body, "addressType") === "INTERNAL" ? undefined : "STATIC_ADDRESSES";
    case "backendServices":
      return isInternal ? "REGIONAL_INTERNAL_LB_BACKEND_SERVICES" : "REGIONAL_EXTERNAL_NETWORK_LB_BACKEND_SERVICES";
    case "forwardingRules":
      if (text(body, "target") !== "") {
        return isInternal
          ? "INTERNAL_FORWARDING_RULES_WITH_TARGET_INSTANCE_PER_NETWORK"
          : "EXTERNAL_PROTOCOL_FORWARDING_RULES";
      }
      return isInternal ? "INTERNAL_FORWARDING_RULES_PER_NETWORK" : "EXTERNAL_NETWORK_LB_FORWARDING_RULES";
    case "networkEndpointGroups":
      return "NETWORK_ENDPOINT_GROUPS";
    case "targetInstances":
      return "TARGET_INSTANCES";
    default:
      return undefined;
  }
}

function groupOf(id: string): RateGroup {
  if (/Operations\./.test(id)) return "operationRead";
  if (/\.(list|aggregatedList|listNetworkEndpoints)$/.test(id)) return "list";
  return id.endsWith(".get") ? "read" : "mutate";
}

/** Zonal methods count for their region. */
const regionOrGlobal = (place: Place | undefined): string =>
  place === undefined || place.scope === "global" ? "global" : regionOfKey(`${place.parent}/x`);
