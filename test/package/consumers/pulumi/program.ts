import * as pulumi from "@pulumi/pulumi";
import { AddressType, PersistentIpPool, PinnedPodRoute } from "podpin/pulumi";
import { MAX_ADDRESSES_PER_GATEWAY } from "podpin";

const pool = PersistentIpPool.fromAddresses("edge", {
  addresses: ["198.51.100.7", pulumi.output("198.51.100.8")],
  addressType: AddressType.External,
  allowedNamespaces: "All",
});
const route = new PinnedPodRoute("proxy", {
  pool,
  addresses: [pool.addresses[0] as pulumi.Output<string>],
  namespace: "web",
  podSelector: { app: "proxy" },
});

export const allowList: pulumi.Output<string>[] = route.addresses;
export const limit: number = MAX_ADDRESSES_PER_GATEWAY;
