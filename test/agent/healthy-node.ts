// What is found on a node with which nothing is wrong.
import type { NodeFacts } from "../../controller-image/src/agent/node-problems";

export const HEALTHY: NodeFacts = {
  kernel: "6.18.0",
  programs: { nft: "nftables v1.0.6" },
  sysctls: { "ipv4.ip_forward": "1", "netfilter.nf_conntrack_tcp_loose": "1" },
  addresses: ["10.0.0.11"],
  cilium: false,
  forwardDrops: false,
  legacyFilter: false,
  droppingChains: [],
  rulesBefore: [],
};
