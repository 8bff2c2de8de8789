// Asks the engine for components as a program in YAML, Python or Go does: by type token, from the plugin.
import * as pulumi from "@pulumi/pulumi";

class FromPlugin extends pulumi.ComponentResource {
  declare public readonly addresses: pulumi.Output<string[]>;
  constructor(type: string, name: string, inputs: pulumi.Inputs) {
    super(`podpin:index:${type}`, name, { ...inputs, addresses: inputs["addresses"] }, { version: "0.1.0" }, true);
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

export const all = pool.addresses;
export const pinned = route.addresses;
