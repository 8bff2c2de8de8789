// `podpin explain`: why a route has the Pod that it has, by the very rules that the controller runs on.
import { acceptRoute, claimsBefore } from "../model/acceptance";
import { ackOf, isLed, isReleased, type AddressBinding } from "../model/binding";
import {
  conditionType,
  DEFAULT_NETWORK,
  PODPIN_CONTROLLER_NAME,
  ReactionMode,
  routeCondition,
  RouteCondition,
  type GKEIPRoute,
} from "../model/gke-api";
import { keyOf, type Pod } from "../model/kubernetes";
import { isCordoned, NodeHealth } from "../model/node-health";
import { choosePod, isEligible, podAddress, selectorProblem, selects } from "../model/selection";
import { unmetConditions, whatToDo } from "../model/waiting";
import { type Snapshot, viewOf } from "./cluster";

/** The explanation, or undefined when there is no such route. */
export function explanation(snapshot: Snapshot, namespace: string, name: string): string | undefined {
  const route = snapshot.routes.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name);
  if (route === undefined) return undefined;
  return `${[`GKEIPRoute ${keyOf(route)}`, ...acceptance(route, snapshot), ...unmet(route), ...remark(route), ...selection(route, snapshot), ...addresses(route, snapshot)].join("\n")}\n`;
}

function acceptance(route: GKEIPRoute, snapshot: Snapshot): string[] {
  const other = otherController(route, snapshot);
  if (other !== undefined) return saidBy(other, route);
  const verdict = acceptRoute(route, viewOf(snapshot));
  const lines = [`Accepted: ${verdict.accepted ? "yes" : `no, ${verdict.reason}: ${verdict.message}`}`];
  if (!verdict.accepted) lines.push(...whatToDo(verdict.reason));
  for (const address of verdict.addresses) {
    const rival = snapshot.routes.find(
      (other) =>
        other.metadata.uid !== route.metadata.uid &&
        claimsBefore(other, route) &&
        acceptRoute(other, viewOf(snapshot)).addresses.includes(address),
    );
    if (rival !== undefined) lines.push(`  ${address} is also claimed by the older GKEIPRoute ${keyOf(rival)}`);
  }
  return lines;
}

/** The controller of the route's Gateway where it is not podpin's: its rules are its own, and it says what comes of them. */
function otherController({ metadata, spec }: GKEIPRoute, snapshot: Snapshot): string | undefined {
  const [parent] = spec.parentRefs ?? [];
  if (parent === undefined) return undefined;
  const view = viewOf(snapshot);
  const gateway = view.gateway(parent.namespace ?? metadata.namespace ?? "", parent.name);
  const name = gateway && view.gatewayClass(gateway.spec?.gatewayClassName ?? "")?.spec?.controllerName;
  return name === PODPIN_CONTROLLER_NAME ? undefined : name;
}

function saidBy(controller: string, { status }: GKEIPRoute): string[] {
  const said = routeCondition(status?.conditions, RouteCondition.Accepted);
  if (said === undefined) return [`Accepted: ${controller} has not looked at it yet`];
  if (said.status === "True") return [`Accepted: yes, by ${controller}`];
  return [`Accepted: no, ${said.reason}: ${said.message}, by ${controller}`, ...whatToDo(said.reason)];
}

/** The conditions that the controller has written and that do not hold, each with what to do. */
function unmet(route: GKEIPRoute): readonly string[] {
  const conditions = route.status?.conditions ?? [];
  return unmetConditions(conditions.filter(({ type }) => conditionType(type) !== RouteCondition.Accepted));
}

/** What a route that is Ready has to say besides: for example that a newer Pod waits. */
function remark({ status }: GKEIPRoute): readonly string[] {
  const ready = routeCondition(status?.conditions, RouteCondition.Ready);
  return ready?.status === "True" && ready.message !== "" ? [`Ready: ${ready.message}`] : [];
}

function selection(route: GKEIPRoute, snapshot: Snapshot): string[] {
  const selector = route.spec.podSelector;
  if (selector === undefined || selectorProblem(selector) !== undefined) return [];
  const mode = route.spec.reactionMode ?? ReactionMode.ReadyCondition;
  const network = route.spec.network ?? DEFAULT_NETWORK;
  const pods = snapshot.pods.filter(
    ({ metadata }) => metadata.namespace === route.metadata.namespace && selects(selector, metadata.labels),
  );
  const incumbent = snapshot.bindings.find(({ spec }) => spec.route.uid === route.metadata.uid)?.spec.owner?.podUid;
  const nodeHealth = healthIn(snapshot);
  const chosen = choosePod(pods, { reactionMode: mode, network, incumbentUid: incumbent, nodeHealth });
  const lines = [`Pods that match podSelector: ${pods.length}; the newest eligible one (${mode}) has the addresses`];
  for (const pod of pods) {
    const mark = pod.metadata.uid === chosen?.metadata.uid ? "*" : " ";
    lines.push(`${mark} ${pod.metadata.name}: ${traits(pod, mode, network, nodeHealth).join(", ")}`);
  }
  if (chosen === undefined) lines.push("  none is eligible");
  return lines;
}

const HEALTH_TEXTS: Readonly<Record<NodeHealth, string>> = {
  [NodeHealth.Healthy]: "",
  [NodeHealth.Cordoned]: " (cordoned: Pods elsewhere come first)",
  [NodeHealth.Lost]: " (gone: Pods elsewhere come first)",
};

/** What the Node objects tell. Heartbeats know more: whether a node answers. */
function healthIn({ nodes }: Snapshot): (name: string) => NodeHealth {
  return (name) => {
    if (nodes === undefined || name === "") return NodeHealth.Healthy;
    const node = nodes.find(({ metadata }) => metadata.name === name);
    if (node === undefined) return NodeHealth.Lost;
    return isCordoned(node) ? NodeHealth.Cordoned : NodeHealth.Healthy;
  };
}

function traits(pod: Pod, mode: string, network: string, nodeHealth: (name: string) => NodeHealth): string[] {
  const { nodeName = "" } = pod.spec ?? {};
  const { creationTimestamp = "unknown", deletionTimestamp } = pod.metadata;
  return [
    isEligible(pod, mode) ? "eligible" : "not eligible",
    `created ${creationTimestamp}`,
    ...(deletionTimestamp === undefined ? [] : ["going away"]),
    nodeName === "" ? "on no node yet" : `on ${nodeName}${HEALTH_TEXTS[nodeHealth(nodeName)]}`,
    podAddress(pod, network) ?? `no address on network ${network}`,
  ];
}

function addresses(route: GKEIPRoute, { bindings }: Snapshot): string[] {
  return bindings
    .filter(({ spec }) => spec.route.uid === route.metadata.uid)
    .map((binding) => {
      const { address, epoch, owner, nodeName, releasing, standby } = binding.spec;
      const ack = ackOf(binding, nodeName);
      const said = ack?.epoch === epoch ? `${ack.state}${ack.message ? ` (${ack.message})` : ""}` : "nothing yet";
      const to = owner === undefined ? "nobody" : `Pod ${owner.podName} on ${nodeName}, whose agent says: ${said}`;
      const from =
        releasing === undefined || isReleased(binding) ? "" : `; node ${releasing.nodeName} has yet to let go`;
      const next =
        standby === undefined ? "" : `; next if ${nodeName} is lost: Pod ${standby.podName} on ${standby.nodeName}`;
      return `${address}, epoch ${epoch}: given to ${to}${leadText(binding)}${from}${next}`;
    });
}

/** Where the cloud takes the packets, if that is not where they belong. */
function leadText(binding: AddressBinding): string {
  const { led, owner } = binding.spec;
  if (owner === undefined || isLed(binding)) return "";
  return led === undefined ? "; the cloud leads it nowhere yet" : `; the cloud still leads it to ${led.nodeName}`;
}
