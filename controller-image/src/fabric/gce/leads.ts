// Where the cloud takes each address, from what was read.
import type { BackendService } from "./compute";
import type { Facts, Holdings } from "./plan";
import { groupUrl, ruleRef, serviceRef, serviceUrl } from "./places";
import { isSame, nameIn, ref, zoneIn, type Ref } from "./refs";

/** Name of the node by address; what leads nowhere is left out. */
export function leadsOf(facts: Facts, held: Holdings): ReadonlyMap<string, string> {
  const leads = new Map<string, string>();
  for (const { IPAddress: address, backendService, target } of held.rules) {
    if (address === undefined) continue;
    const node = target === undefined ? nodeOfService(facts, held, backendService) : nodeOfTarget(facts, target);
    if (node !== undefined) leads.set(address, node);
  }
  return leads;
}

/** Addresses whose rule, or what it points at, may be otherwise than it was read. */
export function unsureOf(facts: Facts, { rules, services }: Holdings, mayChange: (at: Ref) => boolean): Set<string> {
  const unsure = new Set<string>();
  for (const { name, IPAddress: address, backendService: url, target } of rules) {
    if (address === undefined) continue;
    const service = target === undefined ? serviceAt(facts, services, url) : undefined;
    if (mayChange(ruleRef(facts, name)) || (service !== undefined && mayChange(serviceRef(facts, service.name))))
      unsure.add(address);
  }
  return unsure;
}

export interface Leader {
  readonly zone: string;
  readonly instance: string;
  /** URL. */
  readonly group: string;
}

export function leaderOf({ haPolicy }: BackendService): Leader | undefined {
  const { backendGroup: group, networkEndpoint } = haPolicy?.leader ?? {};
  const zone = zoneIn(group);
  if (group === undefined || zone === undefined || networkEndpoint?.instance === undefined) return undefined;
  return { zone, instance: nameIn(networkEndpoint.instance), group };
}

function serviceAt(facts: Facts, services: Holdings["services"], url: string | undefined): BackendService | undefined {
  return services.find(({ name }) => isSame(url, serviceUrl(facts, name)));
}

function nodeOfService(facts: Facts, held: Holdings, url: string | undefined): string | undefined {
  const service = serviceAt(facts, held.services, url);
  const leader = service && leaderOf(service);
  if (leader === undefined) return undefined;
  const group = held.groups.find((one) => isSame(leader.group, groupUrl(facts, one)));
  // A leader that is known to be attached no more gets nothing.
  if (group?.endpoints?.has(leader.instance) === false) return undefined;
  return facts.nodeName(leader.zone, leader.instance);
}

function nodeOfTarget(facts: Facts, url: string): string | undefined {
  const zone = zoneIn(url);
  if (zone === undefined) return undefined;
  const { instance } = facts.find(ref(`zones/${zone}`, "targetInstances", nameIn(url))) ?? {};
  return instance === undefined ? undefined : facts.nodeName(zone, nameIn(instance));
}
