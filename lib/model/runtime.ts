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
  /** Controller: leads packets on Google Cloud, by this driver: `--google-cloud=ha-policy`. */
  GoogleCloud: "--google-cloud",
  /** Controller: id of the project that has the addresses and the nodes. */
  GoogleCloudProject: "--google-cloud-project",
  /** Controller: id of the Shared VPC's host project, where firewall rules are made. */
  GoogleCloudHostProject: "--google-cloud-host-project",
  /** Controller: URL of the Compute API, if not Google's own. */
  GoogleCloudEndpoint: "--google-cloud-endpoint",
  /** Controller, repeatable: a range of clients to make firewall rules for. */
  GoogleCloudFirewallSource: "--google-cloud-firewall-source",
  /** Controller, repeatable: a network tag of the nodes that those rules are for. */
  GoogleCloudFirewallTag: "--google-cloud-firewall-tag",
  /** Controller: marks nodes whose VM is proved to be gone. */
  ReplaceLostPods: "--replace-lost-pods",
  /** Agent: `--uplink=eth0`. */
  Uplink: "--uplink",
  /** Agent: take away what agents have left on the node, and end. */
  Uninstall: "--uninstall",
  /** Agent: enter Pods for delivery `interface`. */
  InterfaceDelivery: "--interface-delivery",
} as const;

/**
 * Where container runtimes that use the CNI library keep the results of its calls on a node: whose a Pod address is, by
 * UID. The agent sees it under the same path, and only reads.
 */
export const CNI_RESULTS_FOLDER = "/var/lib/cni/results";

/** Where container runtimes keep the network namespaces of Pods by name. */
export const POD_NAMESPACES_FOLDER = "/var/run/netns";

export const HealthPath = { Live: "/healthz", Ready: "/readyz" } as const;
/** The controller answers on every address of its Pod. */
export const CONTROLLER_HEALTH_PORT = 8081;
/** The agent shares its node's addresses, so it answers on loopback only. */
export const AGENT_HEALTH_PORT = 9479;
/**
 * Where an agent answers heartbeats: UDP at its node's address. Nothing listens at the same port of TCP; the kernel's refusal
 * there shows that a node runs though its agent is silent.
 */
export const HEARTBEAT_PORT = 9480;
/** Secret with the keys of the heartbeats, in podpin's namespace. */
export const HEARTBEAT_KEYS = "podpin-heartbeat-keys";
/** Entries of that Secret: what is used, and what is understood besides. */
export const HeartbeatKey = { Present: "present", Other: "other" } as const;
/** Where the agent's Pod has them. */
export const HEARTBEAT_KEYS_PATH = "/etc/podpin/heartbeat-keys";
