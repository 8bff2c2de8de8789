// Network: accepts what GKE's own definition accepts (GoogleCloudPlatform/gke-networking-api 0.3.0, read 2026-11).
import { RESOURCES } from "../model/kubernetes";
import { definition } from "./definition";
import { conditions } from "./meta";
import { flag, integer, list, oneOf, record, text } from "./schema";

const IPAM_MODE = { Internal: "Internal", External: "External" };

/** GKE's `Network`, for clusters that lack it. */
export const network = definition(
  RESOURCES.networks,
  record(
    {
      spec: record(
        {
          type: oneOf({ L2: "L2", L3: "L3", Device: "Device" }, { description: "What the network gives a Pod." }),
          provider: oneOf({ Gke: "GKE" }, { description: "Who implements the network." }),
          parametersRef: record(
            {
              group: text({ description: "API group, networking.gke.io on GKE." }),
              kind: text({ description: "Kind, GKENetworkParamSet on GKE." }),
              name: text({ description: "Name of the object." }),
              namespace: text({ description: "Namespace of the object; unset where it is cluster-scoped." }),
            },
            { description: "The object with the provider's parameters.", required: ["group", "kind", "name"] },
          ),
          routes: list(record({ to: text({ description: "IPv4 CIDR, not 0.0.0.0/0." }) }, { required: ["to"] }), {
            description: "Ranges that Pods reach through this network.",
          }),
          gateway4: text({ description: "IPv4 gateway of the network." }),
          dnsConfig: record(
            {
              nameservers: list(text(), { description: "Addresses of name servers.", minItems: 1 }),
              searches: list(text(), { description: "Domains to search." }),
            },
            { description: "DNS of the network.", required: ["nameservers"] },
          ),
          externalDHCP4: flag({ description: "Whether an external DHCP server gives the addresses." }),
          IPAMMode: oneOf(IPAM_MODE, { description: "Who gives IPv4 addresses." }),
          IPAMMode6: oneOf(IPAM_MODE, { description: "Who gives IPv6 addresses." }),
          nodeInterfaceMatcher: record(
            { interfaceName: text({ description: "Name of the interface on the node.", minLength: 1 }) },
            { description: "The node's interface of this network; type L2 only." },
          ),
          l2NetworkConfig: record(
            {
              vlanID: integer({ description: "VLAN tag.", format: "int32", minimum: 1, maximum: 4094 }),
              prefixLength4: integer({ description: "IPv4 prefix length.", format: "int32", minimum: 1, maximum: 32 }),
            },
            { description: "Settings of type L2." },
          ),
          networkLifecycle: oneOf(
            { AnthosManaged: "AnthosManaged", UserManaged: "UserManaged" },
            { description: "Who manages the VLAN interface; with a VLAN tag only." },
          ),
        },
        { required: ["type"] },
      ),
      status: record({ conditions: conditions("Ready and ParamsReady.") }),
    },
    { description: "A network that Pods can have an interface on." },
  ),
);
