// What exists already: a cluster, an address that is in your state, one that is only a value, and a StatefulSet by its name.
import * as pulumi from "@pulumi/pulumi";
import { Address } from "@pulumi/gcp/compute/address";
import { PersistentIpCluster, PersistentIpPool, PinnedPodRoute } from "podpin/pulumi";

const config = new pulumi.Config();
const region = new pulumi.Config("gcp").require("region");

// Looked up and checked; nothing of it is changed.
const cluster = PersistentIpCluster.fromExisting("core", {
  clusterName: config.require("clusterName"),
  location: config.get("clusterLocation") ?? region,
});

// Reserved long ago with gcloud. `pulumi up` takes it into the state as it is; afterwards `import` may go.
const reserved = new Address(
  "partner-ip",
  { name: config.require("addressName"), region },
  { import: `${region}/${config.require("addressName")}`, retainOnDelete: true },
);
const pool = PersistentIpPool.fromAddresses("partners", {
  cluster,
  addresses: [reserved, config.require("addressValue")],
});

const route = new PinnedPodRoute("partners", {
  pool,
  statefulSet: config.require("statefulSet"),
  ordinal: 0,
  namespace: config.get("namespace") ?? "default",
});

export const addresses = route.addresses;
