// Asks the engine for components as a program in YAML, Python or Go does: by type token, from the plugin.
import * as pulumi from "@pulumi/pulumi";

class FromPlugin extends pulumi.ComponentResource {
  declare public readonly addresses: pulumi.Output<string[]>;
  declare public readonly version: pulumi.Output<string>;
  constructor(type: string, name: string, inputs: pulumi.Inputs) {
    // What a component gives back must be among its inputs, known or not.
    const outputs = { addresses: inputs["addresses"], version: undefined };
    super(`podpin:index:${type}`, name, { ...outputs, ...inputs }, { version: "0.1.0" }, true);
  }
}

const pool = new FromPlugin("PersistentIpPool", "edge", {
  fromAddresses: ["198.51.100.7", "198.51.100.8"],
  allowedNamespaces: "All",
});
const route = new FromPlugin("PinnedPodRoute", "proxy", {
  pool,
  addresses: ["198.51.100.8"],
  namespace: "web",
  podSelector: { app: "proxy" },
});

const core = new FromPlugin("PersistentIpCluster", "core", {
  existingClusterName: "old-core",
  location: "us-central1",
  project: "my-project",
});

export const version = core.version;
export const all = pool.addresses;
export const pinned = route.addresses;
