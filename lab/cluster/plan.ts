// Names and numbers of a lab. The address plan is the same in every lab, because each lab's segment is a bridge inside a
// namespace of its own; what the kernel keeps machine-wide (namespaces, cgroups, folders) carries the lab's id.
import { randomBytes } from "node:crypto";

export const SEGMENT = "172.30.0.0/24";
export const API_SERVER_ADDRESS = "172.30.0.1";
export const API_SERVER_PORT = 6443;
export const CLIENT_ADDRESS = "172.30.0.100";
/** On-link for client and nodes, so that a persistent address is found by ARP. */
export const PERSISTENT_RANGE = "198.51.100.0/24";
/** Behind the router: where packets for one of these go is what the cloud's objects say. */
export const CLOUD_RANGE = "203.0.113.0/24";
/** Of the metadata server, as every VM of Google's knows it. */
export const METADATA_ADDRESS = "169.254.169.254";
export const POD_RANGE = "10.244.0.0/16";
export const SERVICE_RANGE = "10.96.0.0/16";
/** What `kubernetes.default` gets: the first address of {@link SERVICE_RANGE}. */
export const API_SERVICE_ADDRESS = "10.96.0.1";

/** The project whose VMs the nodes are. */
export const PROJECT = "podpin-lab";
export const REGION = "us-central1";
/** Nodes are in these in turn. */
export const ZONES: readonly string[] = ["a", "b", "c"].map((zone) => `${REGION}-${zone}`);

// Nodes get .11 onwards and must stay below the client's .100.
export const MAX_NODES = 50;

export interface NodePlan {
  /** 1, 2, 3, … */
  readonly index: number;
  /** Name of the Kubernetes Node and hostname. */
  readonly name: string;
  readonly address: string;
  readonly mac: string;
  readonly podCidr: string;
  readonly zone: string;
}

/** Six characters, so that `v<id>-n50` fits into an interface name (15 characters). */
export function newLabId(random: Uint8Array = randomBytes(6)): string {
  const alphabet = "abcdefghijklmnopqrstuvwxyz234567";
  return Array.from(random.slice(0, 6), (byte) => alphabet[byte % 32]).join("");
}

export function planNodes(count: number): NodePlan[] {
  if (!Number.isInteger(count) || count < 0 || count > MAX_NODES) {
    throw new Error(`nodes: got ${count}; use a whole number from 0 to ${MAX_NODES}`);
  }
  return Array.from({ length: count }, (_, i) => {
    const index = i + 1;
    const address = `172.30.0.${10 + index}`;
    return {
      index,
      name: `node${index}`,
      address,
      mac: macOf(address),
      podCidr: `10.244.${index}.0/24`,
      zone: zoneOf(i),
    };
  });
}

function zoneOf(index: number): string {
  return ZONES[index % ZONES.length] ?? "";
}

/** What a Node of Google's says of the VM that it is. */
export const providerIdOf = ({ name, zone }: Pick<NodePlan, "name" | "zone">): string =>
  `gce://${PROJECT}/${zone}/${name}`;

/** A locally administered MAC that shows its IPv4 address, so that captures are easy to read. */
export function macOf(address: string): string {
  return ["02", "00", ...address.split(".").map((part) => Number(part).toString(16).padStart(2, "0"))].join(":");
}

/** The start of every machine-wide name of one lab. */
export const tagOf = (id: string): string => `pp-${id}`;
export const namespaceOf = (id: string, role: string): string => `${tagOf(id)}-${role}`;
export const namespacePath = (namespace: string): string => `/run/netns/${namespace}`;
export const bridgeOf = (id: string): string => `br-${id}`;
export const portOf = (id: string, role: "client" | number): string =>
  role === "client" ? `v${id}-client` : `v${id}-n${role}`;
