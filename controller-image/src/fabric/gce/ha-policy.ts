// The default driver: forwarding rules → one regional backend service with `haPolicy.leader` → zonal endpoint groups. One PATCH of
// the service moves all addresses of a route, and carries the fingerprint of what it was decided on: a controller that is late
// gets a 412 and has to look again.
import { AddressType } from "../../../../lib/model/classes";
import type { CloudIntent, CloudProblem } from "../cloud";
import type { BackendService } from "./compute";
import { planFirewall } from "./firewall";
import { isGroupOf, planGroups, type Place } from "./groups";
import { leaderOf } from "./leads";
import { groupRef, planLeftovers, serviceRef } from "./leftovers";
import { markText, type Mark } from "./mark";
import { routeName } from "./names";
import { endpointKey, markFor, nameTaken, type Driver, type Facts, type Holdings, type Plan, type Step } from "./plan";
import { isSame, pathOf, urlOf } from "./refs";
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
    isSame(current.group, urlOf(facts.root, facts.project, groupRef(leader.group)));
  if (leader !== undefined && present === undefined) {
    if (facts.find(at) !== undefined) problems.push(nameTaken(facts, at));
    else steps.push(serviceStep(facts, intent, held, leader, undefined));
  } else if (leader !== undefined && service !== undefined && (!leads || isFarAhead(intent, mark))) {
    const step = serviceStep(facts, intent, held, leader, service);
    steps.push(leads ? { ...step, lane: "housekeeping" } : step);
  }
  const rules = planRules(facts, intent, held, {
    referral: { backendService: urlOf(facts.root, facts.project, at) },
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
    ...soonest(groups.wakeMs, rules.wakeMs),
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
  const backendGroup = urlOf(facts.root, facts.project, group);
  const leads = { leader: { backendGroup, networkEndpoint: { instance: leader.instance } } };
  const description = markText({
    ...markFor(facts.clusterUid, intent),
    epochs: Object.fromEntries(intent.addresses.map((address) => [address, intent.epochs.get(address) ?? 0])),
    attached: attachedBy(facts, held, name, leader, service),
  });
  const lane = intent.urgent ? "failover" : "move";
  const needs = [pathOf(group), endpointKey(group, leader.instance)];
  if (service !== undefined) {
    const backends = service.backends ?? [];
    const isNew = !backends.some((backend) => isSame(backend.group, backendGroup));
    const body: Partial<BackendService> = {
      fingerprint: service.fingerprint,
      description,
      haPolicy: leads,
      ...(isNew && { backends: [...backends, { group: backendGroup, balancingMode: "CONNECTION" }] }),
    };
    return { lane, call: { verb: "patch", at, body }, needs };
  }
  const groups = held.groups.filter(({ resource }) => isGroupOf(resource, name));
  const body: BackendService = {
    name,
    description,
    loadBalancingScheme: intent.addressType,
    protocol: "UNSPECIFIED",
    ...(intent.addressType === AddressType.Internal && { network: leader.group.resource.network }),
    backends: groups.map((one) => ({
      group: urlOf(facts.root, facts.project, groupRef(one)),
      balancingMode: "CONNECTION",
    })),
    haPolicy: { fastIPMove: "DISABLED", ...leads },
  };
  return { lane, call: { verb: "insert", at, body }, needs };
}

/** What is attached, by zone: as it is known here, or as it was written down before. */
function attachedBy(
  facts: Facts,
  held: Holdings,
  name: string,
  leader: Place,
  service: BackendService | undefined,
): Readonly<Record<string, readonly string[]>> {
  const before = (service && facts.mark(service)?.attached) ?? {};
  const attached: Record<string, string[]> = {};
  for (const group of held.groups.filter(({ resource }) => isGroupOf(resource, name))) {
    const known = group.endpoints === undefined ? (before[group.zone] ?? []) : [...group.endpoints];
    const all = group === leader.group ? [...known, leader.instance] : known;
    attached[group.zone] = [...new Set([...(attached[group.zone] ?? []), ...all])].sort();
  }
  return attached;
}

function soonest(...waits: readonly (number | undefined)[]): { wakeMs?: number } {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length === 0 ? {} : { wakeMs: Math.min(...known) };
}
