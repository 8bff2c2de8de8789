import { ApiObject, App, Chart, Testing } from "cdk8s";

import { PersistentIpController, PersistentIpPool, PinnedDeployment, PinnedPodRoute } from "../../lib/cdk8s";

const image = "registry.example.com/podpin:0.1.0";
const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index + 1}`);

interface Shown {
  kind: string;
  metadata: { name: string; namespace?: string };
}
const shown = (chart: Chart) =>
  (Testing.synth(chart) as Shown[]).map(({ kind, metadata }) => `${kind} ${metadata.namespace ?? ""}/${metadata.name}`);

test("writes a pool of 17 addresses and a route to them", () => {
  const chart = new Chart(new App(), "chart");
  const pool = PersistentIpPool.fromAddresses(chart, "n2", { addresses: addresses(17), allowedNamespaces: "All" });
  const route = new PinnedPodRoute(chart, "db", { pool, namespace: "data", statefulSet: "db", ordinal: 0 });
  expect(shown(chart)).toEqual([
    "Gateway default/n2",
    "GKEIPRoute data/db",
    "Gateway default/n2-2",
    "GKEIPRoute data/db-2",
  ]);
  expect(route.addresses).toEqual(addresses(17));
  expect(pool.gateways.map(({ node }) => node.path)).toEqual(["chart/n2/Resource", "chart/n2/Resource-2"]);
});

test("writes one route like this", () => {
  const chart = new Chart(new App(), "chart");
  const pool = PersistentIpPool.fromAddresses(chart, "n2", { addresses: ["198.51.100.7"] });
  new PinnedPodRoute(chart, "db", { pool, podSelector: { component: "proxy" }, reactionMode: "Exists" });
  expect(Testing.synth(chart)).toMatchSnapshot();
});

test("puts everything after what it needs, however the program is written", () => {
  const app = new App();
  const chart = new Chart(app, "chart");
  const set = new ApiObject(chart, "set", {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db", namespace: "default" },
    spec: { replicas: 1 },
  });
  const controller = new PersistentIpController(chart, "podpin", { image });
  const gatewayClassName = "podpin-l2";
  const pool = PersistentIpPool.fromAddresses(chart, "n2", { addresses: addresses(1), controller, gatewayClassName });
  new PinnedPodRoute(chart, "db", { pool, statefulSet: set, ordinal: 0 });
  const order = shown(chart).map((line) => line.split(" ")[0]);
  const at = (kind: string) => order.indexOf(kind);
  expect(at("Namespace")).toBeLessThan(at("Role"));
  expect(order.lastIndexOf("RoleBinding")).toBeLessThan(at("Deployment"));
  expect(order.lastIndexOf("GatewayClass")).toBeLessThan(at("Deployment"));
  expect(at("DaemonSet")).toBeLessThan(at("Gateway"));
  expect(order.lastIndexOf("GatewayClass")).toBeLessThan(at("Gateway"));
  expect(at("Gateway")).toBeLessThan(at("GKEIPRoute"));
  expect(at("StatefulSet")).toBeLessThan(at("GKEIPRoute"));
});

test("gives no namespace to cluster-scoped objects of a chart that has one", () => {
  const chart = new Chart(new App(), "chart", { namespace: "edge" });
  new PersistentIpController(chart, "podpin", { image });
  expect(shown(chart).filter((line) => line.includes("edge/"))).toEqual([]);
  expect(shown(chart)).toContain("ClusterRole /podpin-agent");
});

test("refuses a Deployment where a StatefulSet belongs", () => {
  const chart = new Chart(new App(), "chart");
  const pool = PersistentIpPool.fromAddresses(chart, "n2", { addresses: addresses(1) });
  const deployment = new ApiObject(chart, "web", {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web" },
  });
  expect(() => new PinnedPodRoute(chart, "web-0", { pool, statefulSet: deployment, ordinal: 0 })).toThrow(
    'PinnedPodRoute "web-0" is not valid:\n' +
      "  - statefulSet: got a Deployment; its Pods have no ordinals: pass a StatefulSet, or use PinnedDeployment",
  );
});

test("refuses a StatefulSet where a Deployment belongs", () => {
  const chart = new Chart(new App(), "test");
  const pool = PersistentIpPool.fromAddresses(chart, "n2", { addresses: ["198.51.100.7"] });
  const spec = { selector: { matchLabels: { app: "db" } } };
  const deployment = new ApiObject(chart, "Db", { apiVersion: "apps/v1", kind: "StatefulSet", spec });
  expect(() => new PinnedDeployment(chart, "db", { pool, deployment })).toThrow(
    new Error(
      'PinnedDeployment "db" is not valid:\n' +
        "  - deployment: got a StatefulSet; use PinnedStatefulSet, by which each of its Pods has its own, or PinnedPodRoute for one of them",
    ),
  );
});

test("takes name, namespace and replicas from a StatefulSet of the chart", () => {
  const chart = new Chart(new App(), "chart");
  const pool = PersistentIpPool.fromAddresses(chart, "n2", { addresses: addresses(1), allowedNamespaces: "All" });
  const statefulSet = new ApiObject(chart, "set", {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "orders", namespace: "data" },
    spec: { replicas: 2 },
  });
  expect(() => new PinnedPodRoute(chart, "late", { pool, statefulSet, ordinal: 2 })).toThrow(
    'PinnedPodRoute "late" is not valid:\n' +
      '  - ordinal: got 2; StatefulSet "orders" has 2 replicas: use 0 to 1, or set replicas to at least 3',
  );
  const { routes } = new PinnedPodRoute(chart, "db", { pool, statefulSet, ordinal: 1 });
  expect(routes[0]?.toJson()).toMatchObject({
    metadata: { namespace: "data" },
    spec: { podSelector: { matchLabels: { "statefulset.kubernetes.io/pod-name": "orders-1" } } },
  });
});

test("refuses to reserve what nobody knows at synthesis", () => {
  expect(() => new PersistentIpPool(new Chart(new App(), "chart"), "n2", { region: "us-central1", size: 2 })).toThrow(
    'PersistentIpPool "n2" is not valid:\n' +
      "  - addresses: got nothing; at synthesis nobody knows what Google would choose: list the 2 addresses to ask for, or reserve first and pass what you got to PersistentIpPool.fromAddresses",
  );
});

test("refuses an address that another route has", () => {
  const chart = new Chart(new App(), "chart");
  const pool = PersistentIpPool.fromAddresses(chart, "n2", { addresses: addresses(2) });
  new PinnedPodRoute(chart, "web", { pool, statefulSet: "web", ordinal: 0, addresses: [pool.addresses[1]!] });
  expect(() => new PinnedPodRoute(chart, "db", { pool, statefulSet: "db", ordinal: 0 })).toThrow(
    'PinnedPodRoute "db" is not valid:\n' +
      '  - addresses[1]: got "203.0.113.2"; PinnedPodRoute "web" has it already, and this takes all of the pool: set addresses to leave that one out',
  );
});
