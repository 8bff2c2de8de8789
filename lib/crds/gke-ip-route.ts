// GKEIPRoute: accepts exactly what GKE's own definition accepts, slips included, so that what works here works there.
// Compared with the published schema of GKE 1.33 and the later one that adds haPolicy, nodeSelector and allowGlobalAccess
// (datreeio/CRDs-catalog, read 2026-11). It has no upper bound on addresses and no rule against an empty selector: the
// controller refuses those.
import { DEFAULT_NETWORK, ReactionMode } from "../model/gke-api";
import { RESOURCES } from "../model/kubernetes";
import { definition } from "./definition";
import { conditions, DNS_LABEL, DNS_SUBDOMAIN, labelSelector } from "./meta";
import { flag, integer, list, oneOf, record, text } from "./schema";

const ELIGIBLE_WHEN: Readonly<Record<ReactionMode, string>> = {
  [ReactionMode.ReadyCondition]: "its condition Ready is True",
  [ReactionMode.Exists]: "it has a node",
};

const parentRef = record(
  {
    group: text({
      description: "API group of the parent.",
      default: "gateway.networking.k8s.io",
      maxLength: 253,
      pattern: `^$|^${DNS_SUBDOMAIN}$`,
    }),
    kind: text({
      description: "Kind of the parent.",
      default: "Gateway",
      minLength: 1,
      maxLength: 63,
      pattern: "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
    }),
    name: text({ description: "Name of the parent.", minLength: 1, maxLength: 253 }),
    namespace: text({
      description: "Namespace of the parent; the route's own when absent.",
      minLength: 1,
      maxLength: 63,
      pattern: `^${DNS_LABEL}$`,
    }),
    sectionName: text({
      description: "Name of the listener; any when absent.",
      minLength: 1,
      maxLength: 253,
      pattern: `^${DNS_SUBDOMAIN}$`,
    }),
    port: integer({
      description: "Port of the listener; any when absent.",
      format: "int32",
      minimum: 1,
      maximum: 65535,
    }),
  },
  { required: ["name"] },
);

const address = record(
  {
    type: text({
      description: "Set it to gke.networking.io/cidr; the default is the Gateway API's.",
      default: "IPAddress",
      minLength: 1,
      maxLength: 253,
      // The alternatives are anchored at one side only, as in GKE's definition.
      pattern: `^Hostname|IPAddress|NamedAddress|${DNS_SUBDOMAIN}\\/[A-Za-z0-9\\/\\-._~%!$&'()*+,;=:]+$`,
    }),
    value: text({ description: "One IPv4 address as a.b.c.d/32.", minLength: 1, maxLength: 253 }),
  },
  { required: ["value"] },
);

/** GKE's `GKEIPRoute`, for clusters that lack it. */
export const gkeIpRoute = definition(
  RESOURCES.gkeIpRoutes,
  record(
    {
      spec: record(
        {
          parentRefs: list(parentRef, {
            description: "The Gateway that lists the addresses. Fixed after creation.",
            maxItems: 32,
          }),
          addresses: list(address, { description: "The addresses that go to the Pod.", minItems: 1 }),
          network: text({
            description: "Name of the Network whose Pod interface receives the packets. Fixed after creation.",
            default: DEFAULT_NETWORK,
          }),
          podSelector: labelSelector(
            "Pods of the route's namespace that may have the addresses; the newest eligible one does. Not empty.",
          ),
          reactionMode: oneOf(ReactionMode, {
            description: `When a Pod is eligible: ${Object.values(ELIGIBLE_WHEN).join(", or ")}. Fixed after creation.`,
            default: ReactionMode.ReadyCondition,
          }),
          loadBalancing: record(
            {
              healthCheckName: text({
                description: "Regional Compute Engine health check in the project and region of the cluster.",
              }),
            },
            { description: "Present: all eligible Pods share the addresses.", required: ["healthCheckName"] },
          ),
          haPolicy: flag({
            description: "Whether Google Cloud steers by the HA policy of a backend service. Fixed after creation.",
            "x-kubernetes-validations": [{ rule: "self == oldSelf", message: "haPolicy is fixed after creation" }],
          }),
          nodeSelector: labelSelector("Nodes on which gratuitous ARPs are watched; with fast failover only."),
          allowGlobalAccess: flag({
            description: "Whether clients in other regions reach the addresses; internal ones only.",
          }),
        },
        { required: ["addresses", "podSelector"] },
      ),
      status: record({
        pods: list(text(), { description: "Names of the Pods that the selector chose." }),
        conditions: conditions("Accepted, GCPReady, DPV2Ready and, where all three hold, Ready."),
      }),
    },
    { description: "Persistent addresses of a Gateway go to the newest eligible Pod that a selector matches." },
  ),
);
