// The programs that P8 measures, each with podpin and bare. The bare one declares the same objects by hand.

export const TYPES_OURS = `
import { PersistentIpPool, PinnedPodRoute } from "podpin/pulumi";

const pool = PersistentIpPool.fromAddresses("edge", { addresses: ["198.51.100.7"], allowedNamespaces: "All" });
export const { addresses } = new PinnedPodRoute("proxy", { pool, namespace: "web", podSelector: { app: "proxy" } });
`;

export const TYPES_BARE = `
import * as pulumi from "@pulumi/pulumi";

export const addresses = pulumi.all([pulumi.output("198.51.100.7")]);
`;

const ADDRESSES = `
const addresses = (count) => Array.from({ length: count }, (_, index) => "10." + (index >> 16) + "." + ((index >> 8) & 255) + "." + (index & 255));
`;

const OBJECTS = `
const gateway = (name, values) => ({
  apiVersion: "gateway.networking.k8s.io/v1",
  kind: "Gateway",
  metadata: { name, namespace: "default" },
  spec: {
    gatewayClassName: "gke-persistent-regional-internal-managed",
    listeners: [{ name: "default", port: 443, protocol: "none", allowedRoutes: { namespaces: { from: "All" } } }],
    addresses: values.map((value) => ({ type: "gke.networking.io/cidr", value: value + "/32" })),
  },
});
const route = (index, parent, value) => ({
  apiVersion: "networking.gke.io/v1",
  kind: "GKEIPRoute",
  metadata: { name: "r" + index, namespace: "web" },
  spec: {
    parentRefs: [{ name: parent, namespace: "default" }],
    addresses: [{ type: "gke.networking.io/cidr", value: value + "/32" }],
    network: "default",
    podSelector: { matchLabels: { "statefulset.kubernetes.io/pod-name": "proxy-" + index } },
    reactionMode: "ReadyCondition",
  },
});
const gatewayOf = (index) => (index < 16 ? "edge" : "edge-" + (Math.floor(index / 16) + 1));
`;

const timed = (imports: string, work: string): string => `
${imports}
${ADDRESSES}
const start = performance.now();
const app = new App();
const chart = new Chart(app, "edge");
const all = addresses(1000);
${work}
const text = app.synthYaml();
const ms = performance.now() - start;
if (text.split("kind: GKEIPRoute").length !== 1001) throw new Error("not 1,000 routes");
console.log(ms);
`;

export const SYNTH_OURS = timed(
  `const { App, Chart } = require("cdk8s");
const { PersistentIpPool, PinnedPodRoute } = require("podpin/cdk8s");`,
  `const pool = PersistentIpPool.fromAddresses(chart, "edge", { addresses: all, addressType: "INTERNAL", allowedNamespaces: "All" });
all.forEach((address, index) => new PinnedPodRoute(chart, "r" + index, { pool, addresses: [address], namespace: "web", statefulSet: "proxy", ordinal: index }));`,
);

export const SYNTH_BARE = timed(
  `const { ApiObject, App, Chart } = require("cdk8s");
${OBJECTS}`,
  `for (let first = 0; first < all.length; first += 16) new ApiObject(chart, gatewayOf(first), gateway(gatewayOf(first), all.slice(first, first + 16)));
all.forEach((address, index) => new ApiObject(chart, "r" + index, route(index, gatewayOf(index), address)));`,
);

export const PREVIEW_OURS = `
const { PersistentIpPool, PinnedPodRoute } = require("podpin/pulumi");
${ADDRESSES}
const pool = PersistentIpPool.fromAddresses("edge", { addresses: addresses(100), addressType: "INTERNAL", allowedNamespaces: "All" });
pool.addresses.forEach((address, index) => new PinnedPodRoute("r" + index, { pool, addresses: [address], namespace: "web", statefulSet: "proxy", ordinal: index }));
`;

// As Pulumi's own documentation has its users import custom resources, and with the options that the same deployment needs:
// a route waits for its Gateway and until it is Ready, and a change of what is fixed replaces it.
const previewed = (work: string): string => `
const kubernetes = require("@pulumi/kubernetes");
${ADDRESSES}${OBJECTS}
const { CustomResource } = kubernetes.apiextensions;
const WAIT_FOR = JSON.stringify(["condition=Accepted", "condition=Ready"]);
const annotated = ({ metadata, ...rest }, annotations) => ({ ...rest, metadata: { ...metadata, annotations: { "pulumi.com/deletionPropagationPolicy": "background", ...annotations } } });
const all = addresses(100);
const gateways = {};
const declareGateways = (opts) => {
  for (let first = 0; first < all.length; first += 16) {
    const name = gatewayOf(first);
    gateways[name] = new CustomResource(name, annotated(gateway(name, all.slice(first, first + 16))), { ...opts, replaceOnChanges: ["spec.gatewayClassName"], deleteBeforeReplace: true });
  }
};
const declareRoute = (index, opts) => {
  const parent = gatewayOf(index);
  new CustomResource("r" + index, annotated(route(index, parent, all[index]), { "pulumi.com/waitFor": WAIT_FOR }), {
    ...opts,
    dependsOn: gateways[parent],
    replaceOnChanges: ["spec.parentRefs", "spec.network", "spec.reactionMode", "spec.haPolicy"],
    deleteBeforeReplace: true,
    customTimeouts: { create: "300s", update: "300s" },
  });
};
${work}
`;

export const PREVIEW_BARE = previewed(`
declareGateways();
all.forEach((_, index) => declareRoute(index));
`);

/** Components that check nothing: what Pulumi itself takes for the pool and for a component per route. */
export const PREVIEW_EMPTY = previewed(`
const { ComponentResource } = require("@pulumi/pulumi");
class Component extends ComponentResource {
  constructor(kind, name, addresses, declare) {
    super("bench:index:" + kind, name);
    declare({ parent: this });
    this.registerOutputs({ addresses });
  }
}
new Component("Pool", "edge", all, declareGateways);
all.forEach((address, index) => new Component("Route", "r" + index, [address], (opts) => declareRoute(index, opts)));
`);
