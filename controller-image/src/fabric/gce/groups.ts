// Endpoint groups: one for each zone (and subnetwork) that a node of the route is in, with the nodes that get the packets or may
// be next. A node that is attached ahead takes an address over by one call.
import type { CloudIntent, CloudNode, CloudProblem } from "../cloud";
import type { NetworkEndpointGroup } from "./compute";
import type { Leader } from "./leads";
import { markText } from "./mark";
import { otherGroupName } from "./names";
import {
  endpointKey,
  markFor,
  type Call,
  nameTaken,
  type Facts,
  type Group,
  type Holdings,
  type Nic,
  type Step,
} from "./plan";
import { groupRef, groupUrl } from "./places";
import { isSame, pathOf, ref } from "./refs";

/** An endpoint that nobody has a use for stays this long: a Pod that comes back finds its node attached. */
export const IDLE_MS = 5 * 60_000;

/**
 * Endpoints of a route in all of its groups. Compute publishes no bound for a service whose leader the API sets; for one with fast
 * moves it is this (garp-ra-packet-spec). Beyond it those go at once that nobody has had a use for the longest.
 */
export const MOST_ENDPOINTS = 32;

/** An attached node. */
export interface Place {
  readonly group: Group;
  readonly instance: string;
}

export interface GroupPlan {
  readonly steps: Step[];
  readonly problems: CloudProblem[];
  /** The leader's, once it is attached. */
  leader?: Place;
  readonly idle: string[];
  wakeMs?: number;
}

/** @param current the leader that the cloud has, which is attached whatever else is known */
export function planGroups(
  facts: Facts,
  intent: CloudIntent,
  held: Holdings,
  name: string,
  current: Leader | undefined,
): GroupPlan {
  const plan: GroupPlan = { steps: [], problems: [], idle: [] };
  const groups = held.groups.filter(({ resource }) => isGroupOf(resource, name));
  const wanted = new Set<string>();
  const others = new Map<string, { readonly group: Group; readonly instances: string[] }>();
  const nodes = intent.leader === undefined ? [] : [intent.leader];
  for (const nodeName of [...nodes, ...intent.candidates.filter((candidate) => candidate !== intent.leader)]) {
    const isLeader = nodeName === intent.leader;
    const lane = !isLeader ? "housekeeping" : intent.urgent ? "failover" : "move";
    const node = facts.node(nodeName);
    if (node === undefined) {
      if (isLeader) plan.problems.push(notAVm(facts, nodeName));
      continue;
    }
    const found = attachedIn(facts, groups, node, current);
    if (found !== undefined) {
      wanted.add(endpointKey(groupRef(found), node.instance));
      if (isLeader) plan.leader = { group: found, instance: node.instance };
      // A VM that was made again under its name leads nowhere until it is attached again.
      const call = { verb: "endpoints", at: groupRef(found), zone: found.zone } as const;
      if (found.endpoints === undefined) plan.steps.push({ lane: "housekeeping", call });
      continue;
    }
    const step = attachable(facts, intent, groups, { name, node });
    if ("problem" in step) {
      // A node that may be next is not missed until it is next.
      if (isLeader) plan.problems.push(step.problem);
    } else if ("group" in step) {
      const at = groupRef(step.group);
      wanted.add(endpointKey(at, node.instance));
      if (isLeader)
        plan.steps.push({ lane, call: { verb: "attach", at, zone: node.zone, instances: [node.instance] } });
      else {
        const together = others.get(pathOf(at)) ?? { group: step.group, instances: [] };
        others.set(pathOf(at), { ...together, instances: [...together.instances, node.instance] });
      }
    } else if (!plan.steps.some(({ call }) => "at" in call && pathOf(call.at) === pathOf(step.at))) {
      plan.steps.push({ lane, call: step });
    }
  }
  for (const { group, instances } of others.values()) {
    const call = { verb: "attach", at: groupRef(group), zone: group.zone, instances } as const;
    plan.steps.push({ lane: "housekeeping", call });
  }
  planDetaches(facts, intent, groups, wanted, current, plan);
  return plan;
}

function planDetaches(
  facts: Facts,
  intent: CloudIntent,
  groups: readonly Group[],
  wanted: ReadonlySet<string>,
  current: Leader | undefined,
  plan: GroupPlan,
): void {
  const used = new Set(wanted);
  const idle: { readonly group: Group; readonly instance: string; readonly key: string; readonly idleMs: number }[] =
    [];
  for (const group of groups) {
    for (const instance of group.endpoints ?? []) {
      const key = endpointKey(groupRef(group), instance);
      if (current !== undefined && isAt(facts, current, group, instance)) used.add(key);
      else if (!used.has(key)) idle.push({ group, instance, key, idleMs: facts.idleMs(intent.route.uid, key) });
    }
  }
  idle.sort((a, b) => b.idleMs - a.idleMs);
  const late = new Map<Group, string[]>();
  for (const [i, { group, instance, key, idleMs }] of idle.entries()) {
    plan.idle.push(key);
    const leftMs = IDLE_MS - idleMs;
    if (leftMs <= 0 || i < used.size + idle.length - MOST_ENDPOINTS) {
      late.set(group, [...(late.get(group) ?? []), instance]);
    } else plan.wakeMs = Math.min(plan.wakeMs ?? Infinity, leftMs);
  }
  for (const [group, instances] of late) {
    const call = { verb: "detach", at: groupRef(group), zone: group.zone, instances } as const;
    plan.steps.push({ lane: "housekeeping", call });
  }
}

/** Whether the name is one of those that the groups of a route have. */
export function isGroupOf({ name }: NetworkEndpointGroup, route: string): boolean {
  return name === route || name.startsWith(`${route}-`);
}

function isAt(facts: Facts, leader: Leader, group: Group, instance: string): boolean {
  const url = groupUrl(facts, group);
  return leader.instance === instance && isSame(leader.group, url);
}

/** Where the node is attached. Of a group that was not looked into, this much is known: the leader was in it when it was made leader. */
function attachedIn(
  facts: Facts,
  groups: readonly Group[],
  { zone, instance }: CloudNode,
  current: Leader | undefined,
): Group | undefined {
  return groups.find(
    (group) =>
      group.zone === zone &&
      (group.endpoints?.has(instance) ?? (current !== undefined && isAt(facts, current, group, instance))),
  );
}

type Preparation = Extract<Call, { readonly verb: "insert" | "endpoints" | "instance" }>;

/** The group to attach the node to, or the call that has to be made before that can be said. */
function attachable(
  facts: Facts,
  intent: CloudIntent,
  groups: readonly Group[],
  { name, node }: { readonly name: string; readonly node: CloudNode },
): { readonly group: Group } | { readonly problem: CloudProblem } | Preparation {
  const here = groups.filter(({ zone }) => zone === node.zone);
  const unread = here.find(({ endpoints }) => endpoints === undefined);
  if (unread !== undefined) return { verb: "endpoints", at: groupRef(unread), zone: node.zone };
  const nic = facts.nic(node, intent.network);
  if (nic === "unread") return { verb: "instance", at: ref(`zones/${node.zone}`, "instances", node.instance) };
  if (nic === undefined) return { problem: noInterface(facts, node, intent.network) };
  const group = here.find(({ resource }) => isSame(resource.subnetwork, nic.subnetwork));
  if (group !== undefined) return { group };
  const taken = here.some(({ resource }) => resource.name === name);
  const at = ref(`zones/${node.zone}`, "networkEndpointGroups", taken ? otherGroupName(name, nic.subnetwork) : name);
  if (facts.find(at) !== undefined) return { problem: nameTaken(facts, at) };
  return { verb: "insert", at, body: groupBody(facts, intent, at.name, nic) };
}

function groupBody(facts: Facts, intent: CloudIntent, name: string, nic: Nic): NetworkEndpointGroup {
  return {
    name,
    description: markText(markFor(facts.clusterUid, intent)),
    networkEndpointType: "GCE_VM_IP",
    network: nic.network,
    subnetwork: nic.subnetwork,
  };
}

export function notAVm({ project }: Facts, nodeName: string): CloudProblem {
  const message = `Node ${nodeName} is no VM of project ${project}: its spec.providerID does not say gce://${project}/….`;
  return { reason: "NodeNotInProject", message };
}

export function noInterface({ project }: Facts, { zone, instance }: CloudNode, network: string): CloudProblem {
  const message = `VM ${instance} in zone ${zone} of project ${project} does not exist, or has no interface for the Network ${network}.`;
  return { reason: "InterfaceNotFound", message };
}
