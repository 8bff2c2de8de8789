// In which namespace objects are that the program gives none: in that of their chart, as cdk8s itself has it.
import { ApiObject, App, Chart, Testing } from "cdk8s";

import {
  PersistentIpCluster,
  PersistentIpFirewall,
  PersistentIpHealthCheck,
  PersistentIpNodePool,
  PersistentIpPool,
  PinnedDeployment,
  PinnedPodRoute,
  PinnedStatefulSet,
} from "../../lib/cdk8s";

interface Shown {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
}

const places = (chart: Chart): string[] =>
  (Testing.synth(chart) as Shown[])
    .map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`)
    .sort();

/** One of everything that is in a namespace. */
function everything(chart: Chart, namespace?: string): void {
  const cluster = new PersistentIpCluster(chart, "core", { location: "us-central1", project: "my-project", namespace });
  new PersistentIpNodePool(chart, "nodes", { cluster });
  const fixed = { region: "us-central1", addresses: ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.4"] };
  const pool = new PersistentIpPool(chart, "pool", { ...fixed, namespace, size: 4 });
  const [first = "", second = "", third = ""] = pool.addresses;
  const common = { pool, namespace };
  new PinnedPodRoute(chart, "route", { ...common, addresses: [first], podSelector: { app: "web" } });
  new PinnedDeployment(chart, "web", {
    ...common,
    addresses: [second],
    deployment: "web",
    podSelector: { app: "web" },
  });
  new PinnedStatefulSet(chart, "db", {
    ...common,
    statefulSet: "db",
    replicas: 1,
    startIndex: pool.addresses.indexOf(third),
  });
  new PersistentIpFirewall(chart, "clients", {
    pool,
    network: "core",
    sourceRanges: ["203.0.113.0/24"],
    targetTags: ["edge"],
  });
  new PersistentIpHealthCheck(chart, "check", { namespace, region: "us-central1", port: 80 });
}

const allIn = (namespace: string): string[] =>
  [
    "ComputeAddress pool-0",
    "ComputeAddress pool-1",
    "ComputeAddress pool-2",
    "ComputeAddress pool-3",
    "ComputeFirewall clients",
    "ComputeHealthCheck check",
    "ContainerCluster core",
    "ContainerNodePool nodes",
    "GKEIPRoute db-0",
    "GKEIPRoute route",
    "GKEIPRoute web",
    "Gateway pool",
  ].map((object) => object.replace(" ", ` ${namespace}/`));

test.each([
  ["the chart's, where it has one", "edge", undefined, "edge"],
  ["the given one rather than the chart's", "edge", "data", "data"],
  ["default, where nobody says anything", undefined, undefined, "default"],
])("%s", (_, ofChart, given, expected) => {
  const chart = new Chart(new App(), "chart", ofChart === undefined ? {} : { namespace: ofChart });
  everything(chart, given);
  expect(places(chart)).toEqual(allIn(expected));
});

test("a workload of another namespace brings its own", () => {
  const app = new App();
  const workloads = new Chart(app, "workloads", { namespace: "data" });
  const template = { spec: { containers: [{ name: "db", readinessProbe: {} }] } };
  const set = new ApiObject(workloads, "db", {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "db" },
    spec: { replicas: 1, template },
  });
  const chart = new Chart(app, "routes", { namespace: "edge" });
  const pool = PersistentIpPool.fromAddresses(chart, "pool", {
    addresses: ["198.51.100.1"],
    allowedNamespaces: "All",
  });
  new PinnedStatefulSet(chart, "db", { pool, statefulSet: set });
  expect(places(chart)).toEqual(["GKEIPRoute data/db-0", "Gateway edge/pool"]);
});
