// The lab's Ethernet: a bridge in the control plane's namespace, and one cable to each machine on it. The same namespace is
// the router of the cloud's range: it forwards what a table of its own says, and nothing else.
import {
  API_SERVER_ADDRESS,
  CLIENT_ADDRESS,
  METADATA_ADDRESS,
  type NodePlan,
  PERSISTENT_RANGE,
  POD_RANGE,
  SERVICE_RANGE,
  bridgeOf,
  macOf,
  namespaceOf,
  portOf,
} from "./plan";
import { inNamespace, must } from "./process";

/** The router's table: a route to a node for each address that the cloud leads somewhere. */
export const CLOUD_TABLE = 100;

export class Segment {
  /** Namespace that holds the bridge and the control plane. */
  readonly namespace: string;
  readonly bridge: string;
  readonly clientNamespace: string;

  constructor(private readonly id: string) {
    this.namespace = namespaceOf(id, "cp");
    this.clientNamespace = namespaceOf(id, "client");
    this.bridge = bridgeOf(id);
  }

  nodeNamespace(node: NodePlan): string {
    return namespaceOf(this.id, node.name);
  }

  /** Lays the bridge and the client's cable. */
  async lay(nodes: readonly NodePlan[]): Promise<void> {
    await must(["ip", "netns", "add", this.namespace]);
    await setSysctls(this.namespace, {
      "net/ipv4/ip_forward": "1",
      // A VPC tells nobody that the next hop is on the same segment, and a bridged frame is none of the router's business.
      "net/ipv4/conf/all/send_redirects": "0",
      "net/ipv4/conf/default/send_redirects": "0",
      "net/bridge/bridge-nf-call-iptables": "0",
    });
    await ip(this.namespace, [
      "link set lo up",
      `link add ${this.bridge} address ${macOf(API_SERVER_ADDRESS)} type bridge stp_state 0 forward_delay 0`,
      `addr add ${API_SERVER_ADDRESS}/24 dev ${this.bridge}`,
      `link set ${this.bridge} up`,
      `addr add ${METADATA_ADDRESS}/32 dev lo`,
      `rule add iif ${this.bridge} lookup ${CLOUD_TABLE} pref 100`,
      `route add blackhole default table ${CLOUD_TABLE}`,
      // The API server calls webhooks in Pods.
      ...nodes.map((node) => `route add ${node.podCidr} via ${node.address}`),
    ]);
    await must(["ip", "netns", "add", this.clientNamespace]);
    await this.plug(this.clientNamespace, portOf(this.id, "client"), CLIENT_ADDRESS, [
      `route add ${PERSISTENT_RANGE} dev eth0`,
      `route add default via ${API_SERVER_ADDRESS}`,
    ]);
  }

  /** Makes a node's namespace and its cable. */
  async plugNode(node: NodePlan, all: readonly NodePlan[], masquerade: boolean): Promise<void> {
    const namespace = this.nodeNamespace(node);
    await must(["ip", "netns", "add", namespace]);
    await setSysctls(namespace, {
      "net/ipv4/ip_forward": "1",
      "net/ipv4/conf/all/rp_filter": "1",
      "net/ipv4/conf/default/rp_filter": "1",
      // Present where the bridge netfilter module is loaded; kube-proxy needs it for Pods on a bridge.
      "net/bridge/bridge-nf-call-iptables": "1",
    });
    await this.plug(namespace, portOf(this.id, node.index), node.address, [
      `route add ${PERSISTENT_RANGE} dev eth0`,
      `route add default via ${API_SERVER_ADDRESS}`,
      ...all.filter((other) => other !== node).map((other) => `route add ${other.podCidr} via ${other.address}`),
    ]);
    if (masquerade) await must(inNamespace(namespace, ["nft", "-f", "-"]), { input: MASQUERADE });
  }

  /** Pulls a node's cable: the interface is gone on both sides. */
  async unplugNode(node: NodePlan): Promise<void> {
    await ip(this.namespace, [`link del ${portOf(this.id, node.index)}`]);
  }

  async dropNode(node: NodePlan): Promise<void> {
    await must(["ip", "netns", "del", this.nodeNamespace(node)]);
  }

  /** A failure further away than the node's own cable: its link stays up, but no frame passes the switch. */
  async setForwarding(node: NodePlan, forwarding: boolean): Promise<void> {
    const state = forwarding ? "forwarding" : "disabled";
    const port = portOf(this.id, node.index);
    await must(inNamespace(this.namespace, ["bridge", "link", "set", "dev", port, "state", state]));
  }

  private async plug(namespace: string, port: string, address: string, routes: readonly string[]): Promise<void> {
    // Both ends are born in their namespaces; the machine's own never sees them.
    await ip(this.namespace, [
      `link add ${port} type veth peer name eth0 address ${macOf(address)} netns ${namespace}`,
      `link set ${port} master ${this.bridge} up`,
    ]);
    await ip(namespace, ["link set lo up", `addr add ${address}/24 dev eth0`, "link set eth0 up", ...routes]);
  }
}

// What most clusters do with traffic that leaves them, as ip-masq-agent and kindnet: whatever the source.
const MASQUERADE = `table ip lab_masquerade {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" ip daddr != { ${POD_RANGE}, ${SERVICE_RANGE} } masquerade
  }
}
`;

async function ip(namespace: string, lines: readonly string[]): Promise<void> {
  await must(["ip", "-n", namespace, "-batch", "-"], { input: lines.join("\n") + "\n" });
}

async function setSysctls(namespace: string, values: Readonly<Record<string, string>>): Promise<void> {
  const lines = Object.entries(values).map(([key, value]) => {
    const path = `/proc/sys/${key}`;
    return `[ ! -e ${path} ] || echo ${value} > ${path}`;
  });
  await must(inNamespace(namespace, ["sh", "-e"]), { input: lines.join("\n") + "\n" });
}
