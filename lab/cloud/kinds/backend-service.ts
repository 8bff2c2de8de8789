// Regional backend services of passthrough load balancers.
import { isObject, merged, object, objects, text, type JsonObject } from "../json";
import { linkOf, regionOfKey } from "../links";
import { maybeReferred, mustStay, referred, type Kind, type Made, type Site } from "../kind";
import { invalid, notFound, notReady, required, stale } from "../refusal";
import { scopeOf, type Key, type Resource } from "../state";
import { checkFastMoveLimits, checkFastServices, checkHaPolicy, fullKey, leaderOf, movesFast } from "./ha-policy";

const MOST_GROUPS = 50;
const SCHEMES = ["EXTERNAL", "INTERNAL"];
const PROTOCOLS = ["UNSPECIFIED", "TCP", "UDP"];

/** What Google says of services that say nothing of it themselves (recorded traffic of Config Connector). */
const DEFAULTS = {
  connectionDraining: { drainingTimeoutSec: 0 },
  loadBalancingScheme: "EXTERNAL",
  protocol: "TCP",
  sessionAffinity: "NONE",
  timeoutSec: 30,
};

export const backendService: Kind = {
  collection: "backendServices",
  message: "BackendService",
  scope: "regions",
  serverSet: ["fingerprint", "usedBy"],
  insert: (body, at) => checked({ ...DEFAULTS, ...body }, undefined, at),
  actions: {
    patch: (resource, body, at) => changed(resource, merged(resource.body, body), body, at),
    update(resource, body, at) {
      const kept = ["id", "kind", "creationTimestamp", "selfLink", "region", "name"];
      const server = Object.fromEntries(kept.map((field) => [field, resource.body[field]]));
      return changed(resource, { ...DEFAULTS, ...body, ...server }, body, at);
    },
  },
};

function changed(resource: Resource, after: JsonObject, body: JsonObject, at: Site): readonly Resource[] {
  const before = resource.body;
  // The API's text: "An up-to-date fingerprint must be provided in order to update the BackendService, otherwise the request
  // will fail with error 412 conditionNotMet."
  if (text(body, "fingerprint") !== text(before, "fingerprint")) throw stale("fingerprint");
  mustStay(before, after, ["name", "loadBalancingScheme", "network"], "It cannot be changed.");
  const [old, now] = [object(before, "haPolicy"), object(after, "haPolicy")];
  if ((old === undefined) !== (now === undefined)) {
    throw invalid(
      "resource.haPolicy",
      JSON.stringify(now ?? null),
      "It can be set only when the backend service is created, and not removed.",
    );
  }
  if (text(old ?? {}, "fastIPMove") !== text(now ?? {}, "fastIPMove")) {
    throw invalid(
      "resource.haPolicy.fastIPMove",
      text(now ?? {}, "fastIPMove"),
      "It can be set only when the backend service is created.",
    );
  }
  const made = checked(after, before, at);
  return [{ key: resource.key, body: made.body, uses: made.uses ?? [] }];
}

/** The service as it will be, or a refusal. */
function checked(body: JsonObject, before: JsonObject | undefined, at: Site): Made {
  const scheme = text(body, "loadBalancingScheme");
  if (!SCHEMES.includes(scheme)) {
    throw invalid("resource.loadBalancingScheme", scheme, `The stand-in knows ${SCHEMES.join(" and ")}.`);
  }
  if (!PROTOCOLS.includes(text(body, "protocol"))) {
    throw invalid(
      "resource.protocol",
      text(body, "protocol"),
      `A passthrough load balancer has ${PROTOCOLS.join(", ")}.`,
    );
  }
  const network = networkOf(body, at);
  const { groups, backends } = backendsOf(body, network, at);
  const healthChecks = Array.isArray(body["healthChecks"]) ? body["healthChecks"] : [];
  if (healthChecks.length > 1) throw invalid("resource.healthChecks", String(healthChecks.length), "One is the most.");
  const checks = healthChecks.map((link, i) =>
    referred({ healthCheck: link }, "healthCheck", ["healthChecks"], at, `resource.healthChecks[${i}]`),
  );
  if (!isObject(body["haPolicy"]) && groups.length > 0 && checks.length === 0) {
    throw required("resource.healthChecks");
  }
  checkHaPolicy(body, groups, before, at);
  const uses: Key[] = [...groups, ...checks].map(({ key }) => key);
  if (network !== undefined) uses.push(network);
  const leader = leaderOf(body, at.project);
  if (leader !== undefined) uses.push(leader.instance);
  const made = {
    body: {
      ...body,
      fingerprint: at.stamp,
      ...(backends.length === 0 ? {} : { backends }),
      ...(network === undefined ? {} : { network: linkOf(network) }),
    },
    uses,
  };
  if (movesFast(body) && network !== undefined) checkFastServices(network, at);
  checkFastMoveLimits({ key: at.key, ...made }, at);
  return made;
}

function networkOf(body: JsonObject, at: Site): Key | undefined {
  const network = maybeReferred(body, "network", ["networks"], at)?.key;
  if (network !== undefined && text(body, "loadBalancingScheme") === "EXTERNAL" && !movesFast(body)) {
    throw invalid(
      "resource.network",
      text(body, "network"),
      "An EXTERNAL backend service has a network only with haPolicy.fastIPMove.",
    );
  }
  return network;
}

function backendsOf(
  body: JsonObject,
  network: Key | undefined,
  at: Site,
): { groups: readonly Resource[]; backends: readonly JsonObject[] } {
  const groups: Resource[] = [];
  const backends = objects(body, "backends").map((backend, i) => {
    const field = `resource.backends[${i}].group`;
    const link = text(backend, "group");
    if (link === "") throw required(field);
    const key = fullKey(link, field, "networkEndpointGroups", at.project);
    const group = at.state.get(key);
    if (group === undefined) throw at.isBeingMade(key) ? notReady(key) : notFound(key);
    if (`regions/${regionOfKey(key)}` !== at.scope || !scopeOf(key).startsWith("zones/")) {
      throw invalid(field, link, "The group must be in a zone of the backend service's region.");
    }
    if (network !== undefined && group.uses[0] !== network) {
      throw invalid(field, link, "The group is in another network than the backend service.");
    }
    const mode = text(backend, "balancingMode") || "CONNECTION";
    if (mode !== "CONNECTION") {
      throw invalid(`resource.backends[${i}].balancingMode`, mode, "A passthrough load balancer has CONNECTION.");
    }
    if (groups.includes(group)) throw invalid(field, link, "The group is there twice.");
    groups.push(group);
    return { ...backend, balancingMode: mode, group: linkOf(key) };
  });
  if (groups.length > MOST_GROUPS) {
    throw invalid("resource.backends", String(groups.length), `A backend service has at most ${MOST_GROUPS} groups.`);
  }
  return { groups, backends };
}
