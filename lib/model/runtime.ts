// What the declared objects and the programs in them must agree on.

/** Namespace of the controller and the agents where none is given. */
export const PODPIN_NAMESPACE = "podpin-system";
/** Deployment, ServiceAccount and roles of the controller; also the Lease of its election. */
export const CONTROLLER = "podpin-controller";
/** DaemonSet, ServiceAccount and roles of the agent. */
export const AGENT = "podpin-agent";

/** First argument of the program in the image. */
export const Command = { Controller: "controller", Agent: "agent" } as const;

export const Flag = {
  /** Controller: create the CRDs of GKE's API where they are absent. */
  InstallGkeApi: "--install-gke-api",
  /** Controller, repeatable: `--cluster-cidr=10.0.0.0/8`. */
  ClusterCidr: "--cluster-cidr",
  /** Agent: `--uplink=eth0`. */
  Uplink: "--uplink",
} as const;

export const HealthPath = { Live: "/healthz", Ready: "/readyz" } as const;
/** The controller answers on every address of its Pod. */
export const CONTROLLER_HEALTH_PORT = 8081;
/** The agent shares its node's addresses, so it answers on loopback only. */
export const AGENT_HEALTH_PORT = 9479;
