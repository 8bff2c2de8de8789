// Forwarding rules: one for each address, whatever they refer to. Making one takes an address that nobody else uses; the
// address itself is never made, changed or deleted.
import { AddressType } from "../../../../lib/model/classes";
import type { CloudIntent, CloudProblem } from "../cloud";
import type { Address, ForwardingRule } from "./compute";
import { markText } from "./mark";
import { ruleName, routeName } from "./names";
import { markFor, nameTaken, type Facts, type Holdings, type Step } from "./plan";
import { ruleRef } from "./places";
import { isSame, nameIn, type Ref } from "./refs";

/** What the rules of a route refer to, by full URL. */
export type Referral = { readonly backendService: string } | { readonly target: string };

/** Addresses are read again no more often than this on behalf of what cannot be led. */
const ADDRESSES_EVERY_MS = 30_000;

export interface RulePlan {
  readonly steps: Step[];
  readonly problems: CloudProblem[];
  wakeMs?: number;
}

/** What may be done to the rules of addresses that the route has. */
export interface RuleStage {
  readonly referral: Referral;
  /** What they refer to leads to the right node: rules may be made. */
  readonly make: boolean;
  /** A rule that is not as it should be may go, to be made anew. */
  readonly replace: boolean;
}

/** Rules of addresses that the route no longer has go at once. */
export function planRules(facts: Facts, intent: CloudIntent, held: Holdings, stage: RuleStage): RulePlan {
  const plan: RulePlan = { steps: [], problems: [] };
  const name = routeName(facts.clusterUid, intent.route.uid, intent.network);
  const wanted = new Map(intent.addresses.map((address) => [ruleName(name, address), address]));
  for (const rule of held.rules) {
    if (!wanted.has(rule.name)) plan.steps.push(deleteRule(facts, rule, "move"));
  }
  for (const [rule, address] of wanted) {
    planRule(facts, intent, held, { at: ruleRef(facts, rule), address }, stage, plan);
  }
  return plan;
}

interface WantedRule {
  readonly at: Ref<"forwardingRules">;
  readonly address: string;
}

function planRule(
  facts: Facts,
  intent: CloudIntent,
  held: Holdings,
  { at, address }: WantedRule,
  { referral, make, replace }: RuleStage,
  plan: RulePlan,
): void {
  const lane = intent.urgent ? "failover" : "move";
  const present = held.rules.find((rule) => rule.name === at.name);
  const resource = facts.address(address);
  if (present !== undefined) {
    if (replace && !isAsWanted(present, intent, resource, referral)) plan.steps.push(deleteRule(facts, present, lane));
    return;
  }
  const problem =
    facts.find(at) === undefined ? addressProblem(facts, intent, address, resource) : nameTaken(facts, at);
  if (problem !== undefined) {
    plan.problems.push(problem);
    // Somebody may have reserved or given up the address since the addresses were read.
    const waitMs = ADDRESSES_EVERY_MS - facts.addressesAgeMs();
    if (waitMs <= 0) plan.steps.push({ lane: "housekeeping", call: { verb: "addresses" } });
    else plan.wakeMs = waitMs;
    return;
  }
  // Two rules of one address cannot be: the other one goes first.
  const rival = held.rules.some((rule) => rule.IPAddress === address);
  if (!make || resource === undefined || rival) return;
  plan.steps.push({ lane, call: { verb: "insert", at, body: ruleBody(facts, intent, at.name, resource, referral) } });
}

function deleteRule(facts: Facts, rule: ForwardingRule, lane: Step["lane"]): Step {
  return { lane, call: { verb: "delete", at: ruleRef(facts, rule.name) } };
}

/** All that a rule cannot be changed in; what its target instance is, the driver looks at. */
function isAsWanted(
  rule: ForwardingRule,
  intent: CloudIntent,
  address: Address | undefined,
  referral: Referral,
): boolean {
  const internal = intent.addressType === AddressType.Internal;
  const refers =
    "target" in referral ? rule.target !== undefined : isSame(rule.backendService, referral.backendService);
  const tier = internal || address?.networkTier === undefined || rule.networkTier === address.networkTier;
  const reach = !internal || (rule.allowGlobalAccess ?? false) === intent.allowGlobalAccess;
  return refers && tier && reach && rule.loadBalancingScheme === intent.addressType;
}

function ruleBody(
  facts: Facts,
  intent: CloudIntent,
  name: string,
  address: Address,
  referral: Referral,
): ForwardingRule {
  return {
    name,
    description: markText(markFor(facts.clusterUid, intent)),
    IPAddress: address.selfLink ?? address.address,
    IPProtocol: "L3_DEFAULT",
    allPorts: true,
    loadBalancingScheme: intent.addressType,
    ...(intent.addressType === AddressType.Internal
      ? { subnetwork: address.subnetwork, ...(intent.allowGlobalAccess && { allowGlobalAccess: true }) }
      : { networkTier: address.networkTier }),
    ...referral,
  };
}

/** Why the address cannot be led; undefined when it can. */
function addressProblem(
  facts: Facts,
  intent: CloudIntent,
  ip: string,
  address: Address | undefined,
): CloudProblem | undefined {
  const where = `project ${facts.project}, region ${facts.region}`;
  if (address === undefined) {
    const message = `${ip} is not reserved in ${where}; reserve it there, or take it off the route.`;
    return { reason: "AddressNotFound", message };
  }
  const type = address.addressType ?? AddressType.External;
  if (type !== intent.addressType) {
    const message = `${ip} (address ${address.name}) is ${type}, and the class of the Gateway is for ${intent.addressType} addresses.`;
    return { reason: "AddressTypeMismatch", message };
  }
  if (address.status === "RESERVING") {
    return { reason: "AddressNotReady", message: `${ip} (address ${address.name}) is still being reserved.` };
  }
  const user = address.status === "IN_USE" ? (address.users ?? []).find((url) => !isGone(facts, url)) : undefined;
  if (user === undefined) return undefined;
  const rule = facts.find(ruleRef(facts, nameIn(user)));
  const other = rule === undefined ? undefined : facts.mark(rule)?.route;
  const message =
    other === undefined
      ? `${ip} (address ${address.name}) is in use by ${user}; release it there, or take it off the route.`
      : `${ip} is still led for the route ${other}; it is taken over when that one lets go of it.`;
  return { reason: "AddressInUse", message };
}

/** A rule of podpin's that is there no more: the address was read before it went. */
function isGone(facts: Facts, user: string): boolean {
  return OUR_RULE.test(user) && facts.find(ruleRef(facts, nameIn(user))) === undefined;
}

const OUR_RULE = /\/forwardingRules\/ipr-[a-z2-7]{10}(?:-[0-9]{1,3}){4}$/;
