// What a route has in the cloud and wants no more, in the order in which Compute lets go of it: a rule before what it refers
// to, a backend service before its groups.
import type { Facts, Holdings, Step } from "./plan";
import { firewallRef, groupRef, groupUrl, ruleRef, serviceRef, serviceUrl } from "./places";
import { isSame, pathOf, type Ref } from "./refs";

/** Everything that bears the route's mark, from the outside in. */
export function planRemoval(facts: Facts, held: Holdings): readonly Step[] {
  const rules = held.rules.map(({ name }) => gone(ruleRef(facts, name)));
  const inner = planLeftovers(facts, held, { services: new Set(), groups: new Set(), firewalls: new Set() });
  if (held.rules.length + held.services.length + held.groups.length === 0) return inner;
  return [...rules, ...inner.filter(({ call }) => call.verb !== "delete" || call.at.collection !== "firewalls")];
}

/** The addresses are led on as they are; those of the route that are not among them are no longer. */
export function planKeeping(facts: Facts, held: Holdings, addresses: readonly string[]): readonly Step[] {
  const others = held.rules.filter(({ IPAddress: address }) => address !== undefined && !addresses.includes(address));
  return others.map(({ name }) => gone(ruleRef(facts, name)));
}

/** Names that stay. */
export interface Kept {
  readonly services: ReadonlySet<string>;
  /** Keys of groups. */
  readonly groups: ReadonlySet<string>;
  readonly firewalls: ReadonlySet<string>;
}

/** What is not kept and that nothing refers to any more; the rules themselves are seen to by {@link planRules}. */
export function planLeftovers(facts: Facts, held: Holdings, kept: Kept): readonly Step[] {
  const services = held.services.filter(({ name }) => !kept.services.has(name));
  const unreferred = services.filter(({ name }) => {
    const url = serviceUrl(facts, name);
    return !held.rules.some((rule) => isSame(rule.backendService, url));
  });
  const groups = held.groups.filter((group) => !kept.groups.has(pathOf(groupRef(group))));
  const unused = groups.filter((group) => {
    const url = groupUrl(facts, group);
    return !held.services.some(({ backends = [] }) => backends.some((backend) => isSame(backend.group, url)));
  });
  return [
    ...unreferred.map(({ name }) => gone(serviceRef(facts, name))),
    ...unused.map((group) => gone(groupRef(group))),
    ...held.firewalls.filter(({ name }) => !kept.firewalls.has(name)).map(({ name }) => gone(firewallRef(name))),
  ];
}

function gone(at: Ref): Step {
  return { lane: "move", call: { verb: "delete", at } };
}
