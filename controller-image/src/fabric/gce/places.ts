// Where the resources of a route are, as paths and as the URLs by which others of them refer to them.
import type { Facts, Group } from "./plan";
import { ref, urlOf, type Ref } from "./refs";

export function ruleRef({ region }: Facts, name: string): Ref<"forwardingRules"> {
  return ref(`regions/${region}`, "forwardingRules", name);
}

export function serviceRef({ region }: Facts, name: string): Ref<"backendServices"> {
  return ref(`regions/${region}`, "backendServices", name);
}

export function groupRef({ zone, resource }: Group): Ref<"networkEndpointGroups"> {
  return ref(`zones/${zone}`, "networkEndpointGroups", resource.name);
}

export function firewallRef(name: string): Ref<"firewalls"> {
  return ref("global", "firewalls", name);
}

export function serviceUrl(facts: Facts, name: string): string {
  return urlOf(facts.root, facts.project, serviceRef(facts, name));
}

export function groupUrl(facts: Facts, group: Group): string {
  return urlOf(facts.root, facts.project, groupRef(group));
}
