// What the controller's Pod may reach, and who may reach it. The agents are on their nodes' network, where Kubernetes
// applies no NetworkPolicy.
import type { ControllerPlan } from "./controller";
import { labelsOf, type Manifest, selectorOf } from "./manifest";
import { CONTROLLER, CONTROLLER_HEALTH_PORT, HEARTBEAT_PORT } from "./runtime";

interface Port {
  readonly protocol: "TCP" | "UDP";
  readonly port: number;
}
const tcp = (port: number): Port => ({ protocol: "TCP", port });
const udp = (port: number): Port => ({ protocol: "UDP", port });

const HTTP_PORT = 80;
const HTTPS_PORT = 443;

/**
 * Where a Pod on GKE gets its Google token: the address that it asks, as Dataplane V2 sees it, and the one behind it, as
 * other network policy engines do (GKE docs, "Authenticate to Google Cloud APIs from GKE workloads", network policy).
 */
const METADATA_SERVERS = [
  { cidr: "169.254.169.254/32", ports: [tcp(80), tcp(8080)] },
  { cidr: "169.254.169.252/32", ports: [tcp(987), tcp(988)] },
] as const;

/** The controller's NetworkPolicy: in to the health port; out to the API server, to the agents, and to Google where it is asked for. */
export function controllerNetworkPolicy(plan: ControllerPlan): Manifest {
  const { namespace, apiServerPorts, googleCloud } = plan;
  // The API server's addresses are no Pod's and differ from cluster to cluster, so its ports are what can be said.
  const ports = googleCloud ? [...new Set([...apiServerPorts, HTTPS_PORT, ...endpointPorts(plan)])] : apiServerPorts;
  const policy = {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name: CONTROLLER, namespace, labels: labelsOf("controller") },
    spec: {
      podSelector: { matchLabels: selectorOf("controller") },
      policyTypes: ["Ingress", "Egress"],
      ingress: [{ ports: [tcp(CONTROLLER_HEALTH_PORT)] }],
      egress: [
        { ports: ports.map(tcp) },
        // Heartbeats of the nodes, and the knock at a kernel whose agent is silent. Nodes cannot be named here.
        { ports: [udp(HEARTBEAT_PORT), tcp(HEARTBEAT_PORT)] },
        ...(googleCloud
          ? [
              // The names of Google's APIs.
              { ports: [udp(53), tcp(53)] },
              ...METADATA_SERVERS.map(({ cidr, ports: at }) => ({ to: [{ ipBlock: { cidr } }], ports: [...at] })),
            ]
          : []),
      ],
    },
  };
  return policy;
}

/** Where the Compute API is, if not at Google's own port. */
function endpointPorts({ googleCloudEndpoint: endpoint = "" }: ControllerPlan): readonly number[] {
  const [, scheme, port] = /^(https?):\/\/[^/:]+(?::(\d+))?/.exec(endpoint) ?? [];
  if (port !== undefined) return [Number(port)];
  return scheme === "http" ? [HTTP_PORT] : [];
}
