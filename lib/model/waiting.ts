// What a deployment waits for, and what to do about each reason for which a route is not Ready.
import { Provider } from "./classes";
import { RouteCondition, RouteReason } from "./gke-api";
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
