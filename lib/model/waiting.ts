// What a deployment waits for, and what to do about each reason for which a route is not Ready.
import { Provider } from "./classes";
import { conditionType, routeCondition, RouteCondition, RouteReason } from "./gke-api";
import type { Condition } from "./kubernetes";
import type { RoutePlan } from "./route";

/**
 * The conditions that a deployment waits for, in the order in which they come true. `Ready` says that all hold; the
 * others are there because a provider tells the user of the first one that does not.
 *
 * On GKE only the names `Accepted` and `Ready` are beyond doubt: the fabric's condition is `GCPReady` in the
 * documentation and `IPRouteGCPReady` in the newest public constants (read 2026-11). With load balancing the node agent
 * writes no `DPV2Ready`, and what becomes of `Ready` is told nowhere, so only acceptance is awaited.
 */
export function awaitedConditions(plan: Pick<RoutePlan, "fields">, provider: Provider): readonly string[] {
  if (plan.fields.healthCheckName !== undefined) return [RouteCondition.Accepted];
  if (provider === Provider.Gke) return [RouteCondition.Accepted, RouteCondition.Ready];
  return [RouteCondition.Accepted, RouteCondition.GCPReady, RouteCondition.DPV2Ready, RouteCondition.Ready];
}

/** The value of Pulumi's annotation `pulumi.com/waitFor` for these conditions. */
export function waitForExpression(conditions: readonly string[]): string {
  return JSON.stringify(conditions.map((type) => `condition=${type}`));
}

/** What to do about the reason of a condition. */
const ADVICE: Readonly<Record<RouteReason, string>> = {
  Accepted: "nothing: the route is valid; look at the other conditions",
  InvalidLabels: "correct podSelector: an operator, a key or a value of it is not what Kubernetes allows",
  MissingParentRefs: "set spec.parentRefs to the Gateway that lists the addresses; the components always do",
  GatewayNotFound: "create the Gateway of the pool, or correct spec.parentRefs[0].name and .namespace",
  GatewayNotAccepted:
    "look at the conditions of the Gateway and at its GatewayClass: kubectl get gatewayclass,gateway -A; classes of GKE can take minutes to appear on a new cluster",
  Unattachable:
    "let the pool admit the namespace of the route (allowedNamespaces, namespaceSelector), and check that the Gateway has accepted the address",
  InvalidAddresses: "list each address as a.b.c.d/32 of type gke.networking.io/cidr, on the Gateway and on the route",
  NetworkNotFound: "create the Network that spec.network names, or correct the name; default is the primary network",
  NetworkNotReady:
    "look at the conditions of the Network and of its GKENetworkParamSet: their reasons say what is missing",
  GCPReady: "nothing: packets are led to the node; look at DPV2Ready",
  GCPNotReady: "wait: the cloud, or the segment, is being told; the message says how far it is",
  GCPFailed:
    "read the message: often the address is in use or in another region, a quota is used up, or a permission is missing",
  CleanupComplete: "nothing: what the route had in the cloud is removed",
  DPV2Ready: "nothing: the node brings packets to the Pod",
  DPV2NotReady: "read the message and the log of the agent on the Pod's node",
  ProgrammingComplete:
    "nothing: traffic flows; if it does not, see whether the application listens on the address and the firewall admits it",
  NoPodsFound:
    "check that a Pod in the namespace of the route has the labels of podSelector, has a node, and with ReadyCondition is Ready: kubectl get pods --show-labels",
  Mutated: "wait: the route or its Pod has changed; if it stays, read the messages of GCPReady and DPV2Ready",
};

/** What to do about a reason that stands in a condition of a GKEIPRoute; undefined for a reason that GKE does not have. */
export function adviceFor(reason: string): string | undefined {
  return Object.hasOwn(ADVICE, reason) ? ADVICE[reason as RouteReason] : undefined;
}

/** Those of the conditions that do not hold, as lines for people: what they say, then what to do, each advice once. */
export function unmetConditions(conditions: readonly Condition[]): readonly string[] {
  const told = new Set<string>();
  return conditions
    .filter(({ status }) => status !== "True")
    .flatMap(({ type, status, reason, message }) => {
      const advice = told.has(reason) ? [] : whatToDo(reason);
      told.add(reason);
      return [`${type}: ${status}, ${reason}${message === "" ? "" : `: ${message}`}`, ...advice];
    });
}

/** What to do about a reason, as a line below the condition that has it. */
export function whatToDo(reason: string): readonly string[] {
  const advice = adviceFor(reason);
  return advice === undefined ? [] : [`  what to do: ${advice}`];
}

/** A route for which a deployment has waited in vain. */
export interface UnreadyRoute {
  readonly namespace: string;
  readonly name: string;
  readonly provider: Provider;
  /** What was awaited, in the order in which it comes true. */
  readonly awaited: readonly string[];
  /** For how long. */
  readonly seconds: number;
  /** The route as it is now; undefined where it could not be read. */
  readonly live?: { readonly generation?: number; readonly conditions?: readonly Condition[] };
}

const NO_CONTROLLER: Readonly<Record<Provider, string>> = {
  podpin:
    "declare a PersistentIpController, or see whether its Pods run: kubectl get pods -A -l app.kubernetes.io/name=podpin",
  gke: "check that the cluster is GKE Standard from version 1.31 with Dataplane V2, and that it has the class of the Gateway: kubectl get gatewayclass",
};

/** Says why a route is not ready although a deployment has waited for it, and what to do. */
export function unreadyRoute({ namespace, name, provider, awaited, seconds, live }: UnreadyRoute): string {
  const wanted = awaited.at(-1) ?? RouteCondition.Ready;
  const subject = `GKEIPRoute ${namespace}/${name} was not ${wanted} after ${seconds} s`;
  const explain = `npx podpin explain ${name} --namespace ${namespace}`;
  if (live === undefined) return `${subject}, and could not be read to say why:\n  what to do: ${explain}`;
  const lines = [
    ...unmetNow(live.conditions ?? [], live.generation, awaited, provider),
    `all that is known: ${explain}`,
  ];
  return [`${subject}:`, ...lines.map((line) => `  ${line}`)].join("\n");
}

function unmetNow(
  conditions: readonly Condition[],
  generation: number | undefined,
  awaited: readonly string[],
  provider: Provider,
): readonly string[] {
  if (conditions.length === 0) {
    return ["it has no conditions: no controller has looked at it", `  what to do: ${NO_CONTROLLER[provider]}`];
  }
  const stale = conditions.find(({ observedGeneration }) => (observedGeneration ?? Infinity) < (generation ?? 0));
  if (stale !== undefined) {
    return [
      `its conditions are about generation ${stale.observedGeneration}, and it is at generation ${generation}: the controller has not seen the last change`,
      "  what to do: read the log of the controller",
    ];
  }
  const unmet = unmetConditions(inOrder(conditions));
  const missing = awaited.filter((type) => routeCondition(conditions, type as RouteCondition) === undefined);
  const absent = missing.map((type) => `${type}: not told by the controller`);
  if (unmet.length + absent.length > 0) return [...unmet, ...absent];
  return ["every condition is True by now", "  what to do: run pulumi up again"];
}

/** As they come true, so that the first one is the one to look at; those that GKE does not document come last. */
function inOrder(conditions: readonly Condition[]): readonly Condition[] {
  const order = Object.values(RouteCondition) as readonly string[];
  const place = ({ type }: Condition): number => order.indexOf(conditionType(type));
  const documented = conditions.filter(({ type }) => order.includes(conditionType(type)));
  const others = conditions.filter(({ type }) => !order.includes(conditionType(type)));
  return [...documented.sort((a, b) => place(a) - place(b)), ...others];
}
