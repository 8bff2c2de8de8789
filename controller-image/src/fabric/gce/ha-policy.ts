// The default driver: forwarding rules → one regional backend service with `haPolicy.leader` → zonal endpoint groups. One PATCH of
// the service moves all addresses of a route, and carries the fingerprint of what it was decided on: a controller that is late
// gets a 412 and has to look again.
import { AddressType } from "../../../../lib/model/classes";
import { soonest } from "../../kube/backoff";
import type { CloudIntent, CloudProblem } from "../cloud";
import type { BackendService } from "./compute";
import { planFirewall } from "./firewall";
import { isGroupOf, planGroups, type Place } from "./groups";
import { leaderOf } from "./leads";
import { planLeftovers } from "./leftovers";
import { markText, type Mark } from "./mark";
import { routeName } from "./names";
import { endpointKey, markFor, nameTaken, type Driver, type Facts, type Holdings, type Plan, type Step } from "./plan";
import { groupRef, groupUrl, serviceRef, serviceUrl } from "./places";
import { isSame, pathOf } from "./refs";
import { planRules } from "./rules";

/** For so long a controller keeps still when the cloud knows later epochs than it does; one that leads no more is gone by then. */
export const HOLD_OFF_MS = 30_000;

export const haPolicy: Driver = {
  regional: ["backendServices"],
  zonal: ["networkEndpointGroups"],
  plan: planHaPolicy,
};

function planHaPolicy(facts: Facts, intent: CloudIntent, held: Holdings): Plan {
  const name = routeName(facts.clusterUid, intent.route.uid, intent.network);
  const at = serviceRef(facts, name);
  const present = held.services.find((service) => service.name === name);
  const service = present !== undefined && fits(present, intent) ? present : undefined;
  const mark = service && facts.mark(service);
  const superseded = mark !== undefined && isBehind(intent, mark);
  if (superseded) {
    const wakeMs = HOLD_OFF_MS - facts.supersededMs(intent.route.uid);
    if (wakeMs > 0) return { steps: [], problems: [SUPERSEDED], superseded: true, wakeMs };
  }
  const current = service && leaderOf(service);
  // With nobody to lead to, nothing new is made; what leads already is kept ready for the next one.
  const idle = intent.leader === undefined && service === undefined;
  const groups = planGroups(facts, idle ? { ...intent, candidates: [] } : intent, held, name, current);
  const steps: Step[] = [...groups.steps];
  const problems: CloudProblem[] = [...groups.problems];
  const { leader } = groups;
  const leads =
    leader !== undefined &&
    current?.instance === leader.instance &&
    isSame(current.group, groupUrl(facts, leader.group));
  if (leader !== undefined && present === undefined) {
    if (facts.find(at) !== undefined) problems.push(nameTaken(facts, at));
    else steps.push(serviceStep(facts, intent, held, leader, undefined));
  } else if (leader !== undefined && service !== undefined) {
    const isOutdated = isFarAhead(intent, mark) || missingBackends(facts, held, name, service).length > 0;
    const step = serviceStep(facts, intent, held, leader, service);
    if (!leads) steps.push(step);
    else if (isOutdated) steps.push({ ...step, lane: "housekeeping" });
  }
  const rules = planRules(facts, intent, held, {
    referral: { backendService: serviceUrl(facts, name) },
    make: leads,
    replace: leads || (leader !== undefined && present !== undefined && service === undefined),
  });
  const network = leader?.group.resource.network;
  const firewall = planFirewall(facts, intent, held, network);
  const kept = {
    services: new Set(present === undefined || service !== undefined || leader === undefined ? [name] : []),
    groups: new Set(
      held.groups.filter(({ resource }) => isGroupOf(resource, name)).map((group) => pathOf(groupRef(group))),
    ),
    firewalls: new Set(facts.firewall === undefined ? [] : [name]),
  };
  return {
    steps: [...steps, ...rules.steps, ...firewall.steps, ...planLeftovers(facts, held, kept)],
    problems: [...problems, ...rules.problems, ...firewall.problems],
    idle: groups.idle,
    superseded,
    wakeMs: soonest(groups.wakeMs, rules.wakeMs),
  };
}

const SUPERSEDED: CloudProblem = {
  reason: "Superseded",
  message: "Another replica of the controller has led the addresses for a later owner; this one waits and looks again.",
};

/** What a service cannot be changed in. */
function fits({ haPolicy, loadBalancingScheme }: BackendService, intent: CloudIntent): boolean {
  return haPolicy !== undefined && loadBalancingScheme === intent.addressType;
}

/** Somebody has led an address of the route for an owner after the one that is known here. */
function isBehind({ addresses, epochs }: CloudIntent, mark: Mark): boolean {
  return addresses.some((address) => (mark.epochs?.[address] ?? 0) > (epochs.get(address) ?? 0));
}

/**
 * Whether what is written down must be renewed although the leader stays. Between the epoch that is written down and the next
 * one no other leader can have been decided; further ahead one can, and a late controller must not find the fingerprint of
 * before that. An address that the route no longer has may come back with epochs that begin anew.
 */
function isFarAhead({ addresses, epochs }: CloudIntent, mark: Mark | undefined): boolean {
  const written = mark?.epochs ?? {};
  const known = addresses.filter((address) => written[address] !== undefined);
  return (
    (known.length === 0 && addresses.length > 0) ||
    known.some(
      (address) =>
        (epochs.get(address) ?? 0) !== written[address] && (epochs.get(address) ?? 0) !== (written[address] ?? 0) + 1,
    ) ||
    Object.keys(written).some((address) => !addresses.includes(address))
  );
}

/** Makes the service, or moves its leader. */
function serviceStep(
  facts: Facts,
  intent: CloudIntent,
  held: Holdings,
  leader: Place,
  service: BackendService | undefined,
): Step {
  const name = routeName(facts.clusterUid, intent.route.uid, intent.network);
  const at = serviceRef(facts, name);
  const group = groupRef(leader.group);
  const backendGroup = groupUrl(facts, leader.group);
  const leads = { leader: { backendGroup, networkEndpoint: { instance: leader.instance } } };
  const description = markText({
    ...markFor(facts.clusterUid, intent),
    epochs: Object.fromEntries(intent.addresses.map((address) => [address, intent.epochs.get(address) ?? 0])),
    attached: attachedBy(facts, intent, held, service),
  });
  const lane = intent.urgent ? "failover" : "move";
  const needs = [pathOf(group), endpointKey(group, leader.instance)];
  if (service !== undefined) {
    const missing = missingBackends(facts, held, name, service);
    const body: Partial<BackendService> = {
      fingerprint: service.fingerprint,
      description,
      haPolicy: leads,
      ...(missing.length > 0 && { backends: [...(service.backends ?? []), ...missing] }),
    };
    return { lane, call: { verb: "patch", at, body }, needs };
  }
  const body: BackendService = {
    name,
    description,
    loadBalancingScheme: intent.addressType,
    protocol: "UNSPECIFIED",
    ...(intent.addressType === AddressType.Internal && { network: leader.group.resource.network }),
    backends: missingBackends(facts, held, name, undefined),
    haPolicy: { fastIPMove: "DISABLED", ...leads },
  };
  return { lane, call: { verb: "insert", at, body }, needs };
}

/** The route's groups that the service does not have yet. A leader in another zone is a smaller change when its group is there. */
function missingBackends(
  facts: Facts,
  held: Holdings,
  name: string,
  service: BackendService | undefined,
): NonNullable<BackendService["backends"]> {
  const urls = held.groups.filter(({ resource }) => isGroupOf(resource, name)).map((group) => groupUrl(facts, group));
  return urls
    .filter((url) => !(service?.backends ?? []).some((backend) => isSame(backend.group, url)))
    .sort()
    .map((group) => ({ group, balancingMode: "CONNECTION" }));
}

/**
 * What will be attached when everything of this plan is done, by zone: as it is known here, or as it was written down before,
 * with the nodes that are wanted. Who reads it later sees by the size of the group whether it came to that.
 */
function attachedBy(
  facts: Facts,
  intent: CloudIntent,
  held: Holdings,
  service: BackendService | undefined,
): Readonly<Record<string, readonly string[]>> {
  const name = routeName(facts.clusterUid, intent.route.uid, intent.network);
  const before = (service && facts.mark(service)?.attached) ?? {};
  const attached = new Map<string, Set<string>>();
  const add = (zone: string, instances: Iterable<string>): void => {
    attached.set(zone, new Set([...(attached.get(zone) ?? []), ...instances]));
  };
  for (const group of held.groups.filter(({ resource }) => isGroupOf(resource, name))) {
    add(group.zone, group.endpoints ?? before[group.zone] ?? []);
  }
  for (const nodeName of [...intent.candidates, ...(intent.leader === undefined ? [] : [intent.leader])]) {
    const node = facts.node(nodeName);
    if (node !== undefined) add(node.zone, [node.instance]);
  }
  return Object.fromEntries([...attached].sort().map(([zone, instances]) => [zone, [...instances].sort()]));
}
