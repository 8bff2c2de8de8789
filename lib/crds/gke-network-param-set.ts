// GKENetworkParamSet: accepts what version v1 of GKE's own definition accepts (GoogleCloudPlatform/gke-networking-api
// 0.3.0, read 2026-11). Which fields exclude each other is the controller's to say, as there.
import { RESOURCES } from "../model/kubernetes";
import { definition } from "./definition";
import { conditions } from "./meta";
import { list, oneOf, record, text } from "./schema";

/** GKE's `GKENetworkParamSet`, for clusters that lack it. */
export const gkeNetworkParamSet = definition(
  RESOURCES.gkeNetworkParamSets,
  record(
    {
      spec: record({
        vpc: text({ description: "VPC network; with vpcSubnet, and not with networkAttachment." }),
        vpcSubnet: text({ description: "Subnet in the region of the cluster; with vpc." }),
        podIPv4Ranges: record(
          { rangeNames: list(text(), { description: "Secondary ranges of the subnet.", minItems: 1 }) },
          { description: "Where Pods get their addresses; networks of type L3 only.", required: ["rangeNames"] },
        ),
        deviceMode: oneOf(
          { DpdkVfio: "DPDK-VFIO", NetDevice: "NetDevice", Rdma: "RDMA" },
          { description: "How a Pod uses the device; networks of type Device only." },
        ),
        networkAttachment: text({
          description: "projects/P/regions/R/networkAttachments/N; excludes every other field.",
        }),
      }),
      status: record({
        podCIDRs: record(
          { cidrBlocks: list(text(), { description: "The ranges found.", minItems: 1 }) },
          { description: "Ranges of the Pods' interfaces.", required: ["cidrBlocks"] },
        ),
        networkName: text({ description: "The Network that refers to this object." }),
        conditions: conditions("Ready."),
      }),
    },
    { description: "Google Cloud's parameters of a Network." },
  ),
);
