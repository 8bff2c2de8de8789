// The other driver: forwarding rules → target instances, one for each node and network, shared by all routes. A move is one
// `setTarget` for each address, all at once. Compute guards them by no fingerprint, and nothing that stands in a rule can be changed
// together with its target, so each is read again afterwards, and all of them when nothing from before a term can still be under way.
import type { CloudIntent, CloudNode, CloudProblem } from "../cloud";
import type { TargetInstance } from "./compute";
import { planFirewall } from "./firewall";
import { noInterface, notAVm } from "./groups";
import { planLeftovers } from "./leftovers";
import { markText } from "./mark";
import { routeName, targetName } from "./names";
import { nameTaken, type Driver, type Facts, type Holdings, type Plan, type Step } from "./plan";
import { ruleRef } from "./places";
import { isSame, pathOf, ref, urlOf, type Ref } from "./refs";
import { planRules } from "./rules";

export const targetInstance: Driver = {
  regional: [],
  zonal: ["targetInstances"],
  plan: planTargetInstance,
};

function planTargetInstance(facts: Facts, intent: CloudIntent, held: Holdings): Plan {
  const steps: Step[] = [];
  const problems: CloudProblem[] = [];
  const lane = intent.urgent ? "failover" : "move";
  if (intent.leader !== undefined || held.rules.length > 0) {
    for (const nodeName of intent.candidates) {
      if (nodeName === intent.leader) continue;
      const target = planTarget(facts, intent, nodeName);
      if ("call" in target) steps.push({ lane: "housekeeping", call: target.call });
    }
  }
  const leader = intent.leader === undefined ? undefined : planTarget(facts, intent, intent.leader);
  if (leader !== undefined && "call" in leader) steps.push({ lane, call: leader.call });
  if (leader !== undefined && "problem" in leader) problems.push(leader.problem);
  const ready = leader !== undefined && "url" in leader ? leader : undefined;
  const rules = planRules(facts, intent, held, {
    referral: { target: ready?.url ?? "" },
    make: ready !== undefined,
    replace: ready !== undefined,
  });
  if (ready !== undefined) {
    const going = new Set(rules.steps.flatMap(({ call }) => (call.verb === "delete" ? [pathOf(call.at)] : [])));
    for (const { name, target } of held.rules) {
      const at = ruleRef(facts, name);
      if (going.has(pathOf(at)) || isSame(target, ready.url)) continue;
      steps.push({ lane, call: { verb: "setTarget", at, target: ready.url }, needs: [ready.key] });
    }
  }
  const firewall = planFirewall(facts, intent, held, ready?.network);
  const kept = {
    services: new Set<string>(),
    groups: new Set<string>(),
    firewalls: new Set(
      facts.firewall === undefined ? [] : [routeName(facts.clusterUid, intent.route.uid, intent.network)],
    ),
  };
  return {
    steps: [...steps, ...rules.steps, ...firewall.steps, ...planLeftovers(facts, held, kept)],
    problems: [...problems, ...rules.problems, ...firewall.problems],
    ...(rules.wakeMs !== undefined && { wakeMs: rules.wakeMs }),
  };
}

type Target =
  | { readonly url: string; readonly key: string; readonly network: string | undefined }
  | { readonly call: Step["call"] }
  | { readonly problem: CloudProblem };

/** The node's target instance for the network, or what has to be done before there is one. */
function planTarget(facts: Facts, intent: CloudIntent, nodeName: string): Target {
  const node = facts.node(nodeName);
  if (node === undefined) return { problem: notAVm(facts, nodeName) };
  const at = targetRef(facts, node, intent.network);
  const nic = facts.nic(node, intent.network);
  const present = facts.find(at);
  if (present !== undefined) {
    if (facts.mark(present) === undefined) return { problem: nameTaken(facts, at) };
    // The firewall rule needs to know the network; nothing else needs the interface of what is there already.
    if (facts.firewall !== undefined && nic === "unread") return { call: readInstance(node) };
    const network = typeof nic === "object" ? nic.network : present.network;
    return { url: urlOf(facts.root, facts.project, at), key: pathOf(at), network };
  }
  if (nic === "unread") return { call: readInstance(node) };
  if (nic === undefined) return { problem: noInterface(facts, node, intent.network) };
  const body: TargetInstance = {
    name: at.name,
    description: markText({ cluster: facts.clusterUid }),
    instance: urlOf(facts.root, facts.project, ref(`zones/${node.zone}`, "instances", node.instance)),
    natPolicy: "NO_NAT",
    ...(!nic.isFirst && { network: nic.network }),
  };
  return { call: { verb: "insert", at, body } };
}

export function targetRef(facts: Facts, node: CloudNode, network: string): Ref<"targetInstances"> {
  return ref(`zones/${node.zone}`, "targetInstances", targetName(facts.clusterUid, node.instance, network));
}

function readInstance({ zone, instance }: CloudNode): Step["call"] {
  return { verb: "instance", at: ref(`zones/${zone}`, "instances", instance) };
}
