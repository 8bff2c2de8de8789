// How CNI plugins connect a Pod to its node, as commands: three styles that cover nearly all of them.
import type { NodeName } from "./segment";

export const CniStyle = {
  /** A veth whose end on the node has the gateway's address, as the plugin `ptp`, kind and GKE have it. */
  Gateway: "gateway",
  /** A veth without an address on the node, which answers ARP for a link-local gateway, as Calico has it. */
  ProxyArp: "proxy-arp",
  /** A veth on the bridge `cni0`, as the plugin `bridge` and flannel have it. */
  Bridge: "bridge",
} as const;
export type CniStyle = (typeof CniStyle)[keyof typeof CniStyle];

export const BRIDGE = "cni0";
/** The tunnel between nodes where there is one. */
export const OVERLAY = "flannel.1";

export interface PodLink {
  readonly node: NodeName;
  readonly ip: string;
  /** The interface on the node. */
  readonly veth: string;
  /** The interface in the Pod. */
  readonly device: string;
  /** Name of the Pod's network namespace. */
  readonly namespace: string;
}

const nodeNumber = (node: NodeName): number => (node === "n1" ? 1 : 2);

/** First address of the upper half of the node's range; the Pods on the bridge are there. */
const bridgeGateway = (node: NodeName): string => `10.244.${nodeNumber(node)}.129`;

/** Commands on the node, once: its bridge. */
export function bridgeLines(node: NodeName): string[] {
  return [
    `ip link add ${BRIDGE} type bridge`,
    `ip addr add ${bridgeGateway(node)}/25 dev ${BRIDGE}`,
    // The plugin pins it as well; else it would change with the ports.
    `ip link set ${BRIDGE} address 02:00:00:00:0${nodeNumber(node)}:81`,
    `ip link set ${BRIDGE} up`,
  ];
}

/** Commands on the node and in the Pod. A second interface of the Pod does not get the default route. */
export function podLines(style: CniStyle, link: PodLink, first = true): { node: string[]; pod: string[] } {
  const { node, ip, veth, device, namespace } = link;
  const up = `ip link set ${veth} up`;
  const create = `ip link add ${veth} type veth peer name ${device} netns ${namespace}`;
  const enter = [`ip addr add ${ip}/${style === CniStyle.Bridge ? 25 : 32} dev ${device}`, `ip link set ${device} up`];
  const route = (gateway: string): string[] => (first ? [`ip route add default via ${gateway} dev ${device}`] : []);
  const onLink = (gateway: string): string => `ip route add ${gateway} dev ${device} scope link`;
  switch (style) {
    case CniStyle.Gateway: {
      const gateway = `10.244.${nodeNumber(node)}.1`;
      return {
        node: [create, `ip addr add ${gateway}/32 dev ${veth}`, up, `ip route add ${ip}/32 dev ${veth} src ${gateway}`],
        pod: [...enter, onLink(gateway), ...route(`${gateway} src ${ip}`)],
      };
    }
    case CniStyle.ProxyArp: {
      const settings = `/proc/sys/net/ipv4/*/${veth}`;
      return {
        node: [
          create,
          `for f in ${settings}/proxy_arp; do echo 1 > $f; done`,
          `for f in ${settings}/proxy_delay; do echo 0 > $f; done`,
          up,
          `ip route add ${ip}/32 dev ${veth} scope link`,
        ],
        pod: [...enter, onLink("169.254.1.1"), ...route("169.254.1.1")],
      };
    }
    case CniStyle.Bridge:
      return {
        node: [create, `ip link set ${veth} master ${BRIDGE}`, up],
        pod: [...enter, ...route(bridgeGateway(node))],
      };
  }
}

/** Commands that send the traffic between the Pods of two nodes through VXLAN, as flannel does. */
export function overlayLines(
  own: NodeName,
  other: NodeName,
  ips: Readonly<Record<NodeName, string>>,
  uplink: string,
): string[] {
  const tunnel = (node: NodeName): string => `10.244.${nodeNumber(node)}.0`;
  const mac = (node: NodeName): string => `02:00:00:00:0${nodeNumber(node)}:f1`;
  return [
    `ip link add ${OVERLAY} type vxlan id 1 dstport 8472 local ${ips[own]} dev ${uplink} nolearning`,
    `ip link set ${OVERLAY} address ${mac(own)} mtu 1450`,
    `ip addr add ${tunnel(own)}/32 dev ${OVERLAY}`,
    `ip link set ${OVERLAY} up`,
    `ip neigh add ${tunnel(other)} lladdr ${mac(other)} dev ${OVERLAY} nud permanent`,
    `bridge fdb append ${mac(other)} dev ${OVERLAY} dst ${ips[other]}`,
    `ip route replace 10.244.${nodeNumber(other)}.0/24 via ${tunnel(other)} dev ${OVERLAY} onlink`,
  ];
}
