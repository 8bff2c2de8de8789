import { App, Chart } from "cdk8s";
import { PersistentIpPool, PinnedPodRoute } from "podpin/cdk8s";

const app = new App();
const chart = new Chart(app, "edge");
const pool = PersistentIpPool.fromAddresses(chart, "edge", {
  addresses: ["198.51.100.7", "198.51.100.8"],
  allowedNamespaces: "All",
});
const route = new PinnedPodRoute(chart, "proxy", { pool, namespace: "web", podSelector: { app: "proxy" } });

export const allowList: string[] = route.addresses;
export const manifest: string = app.synthYaml();
