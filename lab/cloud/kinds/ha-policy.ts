// What `haPolicy` of a backend service asks for: one attached endpoint that gets every packet.
import { isObject, object, objects, text, type JsonObject } from "../json";
import { keyOf } from "../links";
import type { Site } from "../kind";
import { invalid, required } from "../refusal";
import { nameOf, scopeOf, type Key, type ReadState, type Resource } from "../state";
import { instanceIn } from "./instance";

const FULL = "https://www.googleapis.com/";
const NEEDS_FULL = `A fully-qualified URL that starts with ${FULL} is needed.`;

/** Fields that cannot stand beside it. */
const EXCLUDED = [
  "healthChecks",
  "sessionAffinity",
  "connectionTrackingPolicy",
  "failoverPolicy",
  "subsetting",
  "localityLbPolicy",
  "networkPassThroughLbTrafficPolicy",
];

/** With `fastIPMove` (API text of BackendServiceHAPolicy.fastIPMove). */
const FAST = { endpointsOfService: 32, servicesOfEndpoint: 64, servicesOfNetworkAndRegion: 64 };

export const movesFast = (body: JsonObject): boolean =>
  text(object(body, "haPolicy") ?? {}, "fastIPMove") === "GARP_RA";

/** The key that a link means which must be a whole one. */
export function fullKey(link: string, field: string, collection: string, project: string): Key {
  if (!link.startsWith(FULL)) throw invalid(field, link, NEEDS_FULL);
  return keyOf(link, field, [collection], project);
}

export interface Leader {
  /** Key of the group. */
  readonly group: Key;
  /** Key of the VM. */
  readonly instance: Key;
}

/** The leader that a backend service names; undefined when it names none. */
export function leaderOf(body: JsonObject, project: string): Leader | undefined {
  const leader = object(object(body, "haPolicy"), "leader");
  const link = text(leader ?? {}, "backendGroup");
  const named = text(object(leader, "networkEndpoint") ?? {}, "instance");
  if (link === "" || named === "") return undefined;
  const group = fullKey(link, "resource.haPolicy.leader.backendGroup", "networkEndpointGroups", project);
  const [, owner] = group.split("/");
  return { group, instance: `projects/${owner}/${scopeOf(group)}/instances/${nameOf(named)}` };
}

/** VMs that lead through a group, with the backend service of each. */
export function leadersIn(group: Key, state: ReadState): ReadonlyMap<Key, Key> {
  const leaders = new Map<Key, Key>();
  for (const user of state.usersOf(group)) {
    const service = state.get(user);
    const leader = service === undefined ? undefined : leaderOf(service.body, user.split("/")[1] ?? "");
    if (leader?.group === group) leaders.set(leader.instance, user);
  }
  return leaders;
}

/** Refuses a policy that Google's text forbids. @param before the service as it is; undefined for a new one */
export function checkHaPolicy(
  body: JsonObject,
  groups: readonly Resource[],
  before: JsonObject | undefined,
  at: Site,
): void {
  const policy = object(body, "haPolicy");
  if (policy === undefined) return;
  for (const field of EXCLUDED) {
    const value = body[field];
    // What Google itself puts there for nothing does not count, or nobody could write back what was read.
    if (value === "NONE" || (isObject(value) && value["policy"] === "NONE")) continue;
    if (value !== undefined && !(Array.isArray(value) && value.length === 0)) {
      throw invalid(`resource.${field}`, JSON.stringify(value), "It cannot be specified with haPolicy.");
    }
  }
  const draining = object(body, "connectionDraining")?.["drainingTimeoutSec"] ?? 0;
  if (draining !== 0) {
    throw invalid(
      "resource.connectionDraining",
      JSON.stringify(body["connectionDraining"]),
      "It cannot be specified with haPolicy.",
    );
  }
  checkNetwork(body);
  const leader = object(policy, "leader");
  if (leader !== undefined) checkLeader(leader, groups, before, at);
}

function checkNetwork(body: JsonObject): void {
  const isInternal = text(body, "loadBalancingScheme") === "INTERNAL";
  const isGiven = text(body, "network") !== "";
  if (!isGiven && (isInternal || movesFast(body))) throw required("resource.network");
}

function checkLeader(leader: JsonObject, groups: readonly Resource[], before: JsonObject | undefined, at: Site): void {
  const field = "resource.haPolicy.leader";
  const link = text(leader, "backendGroup");
  if (link === "") throw required(`${field}.backendGroup`);
  const key = fullKey(link, `${field}.backendGroup`, "networkEndpointGroups", at.project);
  const group = groups.find((found) => found.key === key);
  if (group === undefined) throw invalid(`${field}.backendGroup`, link, "It is no backend of this backend service.");
  const named = text(object(leader, "networkEndpoint") ?? {}, "instance");
  if (named === "") throw required(`${field}.networkEndpoint.instance`);
  // A leader whose VM is gone does not stop a change of anything else.
  const old = object(object(before, "haPolicy"), "leader");
  if (old !== undefined && JSON.stringify(old) === JSON.stringify(leader)) return;
  const vm = instanceIn(scopeOf(key), named, `${field}.networkEndpoint.instance`, {
    ...at,
    project: key.split("/")[1] ?? "",
  });
  if (group.endpoints?.some(({ instance }) => instance === vm.key) !== true) {
    throw invalid(`${field}.networkEndpoint.instance`, named, `It is not attached to the group '${key}'.`);
  }
}

/** The limits of services with fast moves, for a service that is made or a group whose endpoints change. */
export function checkFastMoveLimits(changed: Resource, at: Site): void {
  const { state } = at;
  const groupOf = (key: Key): Resource | undefined => (key === changed.key ? changed : state.get(key));
  const services = changed.endpoints === undefined ? [changed] : servicesOf(changed.key, state);
  for (const service of services.filter(({ body }) => movesFast(body))) {
    const groups = objects(service.body, "backends").map((item) =>
      groupOf(keyOf(text(item, "group"), "group", ["networkEndpointGroups"], at.project)),
    );
    const endpoints = groups.flatMap((group) => group?.endpoints ?? []);
    if (endpoints.length > FAST.endpointsOfService) {
      throw invalid(
        "networkEndpoints",
        String(endpoints.length),
        `A backend service with fastIPMove has at most ${FAST.endpointsOfService} endpoints.`,
      );
    }
    for (const { instance } of endpoints) {
      const attachedTo = state.usersOf(instance).flatMap((group) => servicesOf(group, state));
      const others = new Set(
        attachedTo.filter(({ key, body }) => key !== service.key && movesFast(body)).map(({ key }) => key),
      );
      if (others.size + 1 > FAST.servicesOfEndpoint) {
        throw invalid(
          "networkEndpoints",
          instance,
          `An endpoint is in at most ${FAST.servicesOfEndpoint} backend services with fastIPMove.`,
        );
      }
    }
  }
}

const servicesOf = (group: Key, state: ReadState): readonly Resource[] =>
  state
    .usersOf(group)
    .map((user) => state.get(user))
    .filter((service) => service !== undefined)
    .filter(({ key }) => key.includes("/backendServices/"));

/** Refuses the 65th service with fast moves of a network in a region. @param network key */
export function checkFastServices(network: Key, at: Site): void {
  const services = at.state
    .usersOf(network)
    .map((user) => at.state.get(user))
    .filter((service) => service !== undefined)
    .filter(({ key, body }) => key !== at.key && key.includes(`/${at.scope}/backendServices/`) && movesFast(body));
  if (services.length + 1 > FAST.servicesOfNetworkAndRegion) {
    throw invalid(
      "resource.haPolicy.fastIPMove",
      "GARP_RA",
      `A network has at most ${FAST.servicesOfNetworkAndRegion} such services in a region.`,
    );
  }
}
