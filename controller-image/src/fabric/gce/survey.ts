// Reading everything there is, by kind of resource: so many calls whether there are ten routes or a thousand.
import type { Collection, Collections, Compute, Scope } from "./compute";
import type { Mirror } from "./mirror";
import { NAME_PREFIX } from "./names";
import type { Driver } from "./plan";
import { ref, zoneIn, type Ref } from "./refs";

export interface Surveying {
  readonly compute: Compute;
  readonly firewalls: Compute | undefined;
  readonly mirror: Mirror;
  readonly driver: Driver;
  readonly region: string;
  /** Whether a call is under way that changes what is at this path. */
  readonly isChanging: (path: string) => boolean;
}

export interface Survey {
  /** UIDs of the routes for which something is otherwise than it was known. */
  readonly changed: ReadonlySet<string>;
  /** Zones that could not be asked; what was known of them stays. */
  readonly unreachable: ReadonlySet<string>;
}

/** A regular expression for the whole name (API reference of `filter`). */
const OURS = `name eq ${NAME_PREFIX}.*`;

export async function survey({ compute, firewalls, mirror, driver, region, isChanging }: Surveying): Promise<Survey> {
  const since = mirror.moment();
  const unreachable = new Set<string>();
  const scope: Scope = `regions/${region}`;
  const onUnreachable = (where: Scope): void => void unreachable.add(zoneIn(`${where}/`) ?? where);
  const zonal = async <C extends "networkEndpointGroups" | "targetInstances">(collection: C) => {
    const all = await compute.listEverywhere(collection, OURS, { onUnreachable });
    return entriesOf(collection, all);
  };
  const regional = async <C extends "backendServices" | "forwardingRules">(collection: C) => {
    const all = await compute.list(scope, collection, OURS);
    return all.map((one): Found => [ref(scope, collection, one.name), one]);
  };
  const [addresses, rules, others] = await Promise.all([
    compute.list(scope, "addresses"),
    regional("forwardingRules"),
    Promise.all([
      ...driver.regional.map(async (collection) => [collection, await regional(collection)] as const),
      ...driver.zonal.map(async (collection) => [collection, await zonal(collection)] as const),
      ...(firewalls === undefined
        ? []
        : [firewalls.list("global", "firewalls", OURS).then((all) => ["firewalls", entriesInGlobal(all)] as const)]),
    ]),
  ]);
  mirror.setAddresses(addresses);
  const found = [["forwardingRules", rules] as const, ...others];
  // Rules of the other driver, from before the driver was changed: what they refer to is seen to as well.
  const names = found.map(([collection]) => collection);
  const refersTo = (field: "target" | "backendService"): boolean =>
    rules.some(([, rule]) => field in rule && mirror.mark(rule) !== undefined);
  if (!names.includes("targetInstances") && refersTo("target"))
    found.push(["targetInstances", await zonal("targetInstances")]);
  if (!names.includes("backendServices") && refersTo("backendService")) {
    found.push(["backendServices", await regional("backendServices")]);
    found.push(["networkEndpointGroups", await zonal("networkEndpointGroups")]);
  }
  const isSettled = (path: string): boolean => !isChanging(path) && !unreachable.has(zoneIn(path) ?? "");
  const changed = new Set<string>();
  for (const [collection, items] of found) {
    for (const uid of mirror.replace(collection, items, since, isSettled)) changed.add(uid);
  }
  mirror.believeSizes(since, isSettled);
  return { changed, unreachable };
}

type Found = readonly [Ref, Collections[Collection]];

/** Aggregated lists say nowhere but in the resource which zone it is in. */
function entriesOf(
  collection: "networkEndpointGroups" | "targetInstances",
  all: readonly Collections["networkEndpointGroups" | "targetInstances"][],
): readonly Found[] {
  return all.flatMap((one): readonly Found[] => {
    const zone = zoneIn(one.zone) ?? zoneIn(one.selfLink);
    return zone === undefined ? [] : [[ref(`zones/${zone}`, collection, one.name), one]];
  });
}

function entriesInGlobal(all: readonly Collections["firewalls"][]): readonly Found[] {
  return all.map((one) => [ref("global", "firewalls", one.name), one]);
}
