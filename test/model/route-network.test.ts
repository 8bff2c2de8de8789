// The network of a route against its pool and its cluster.
import { factsOfPlan, planCluster, type ClusterInput } from "../../lib/model/cluster";
import type { ClusterFacts } from "../../lib/model/cluster-facts";
import { LATER } from "../../lib/model/later";
import { planPool, type PoolInput } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";
import { planRoute, type RouteInput } from "../../lib/model/route";

function cluster(input: Partial<ClusterInput> = {}): ClusterFacts {
  const plan = planCluster({ name: "core", location: "us-central1", project: "my-project", ...input }, new Problems());
  return factsOfPlan(plan);
}
const external: Partial<PoolInput> = { addresses: ["198.51.100.7"] };
const internal: Partial<PoolInput> = {
  addressType: "INTERNAL",
  reserve: { addresses: ["10.20.0.7"], region: "us-central1", subnetwork: "regions/us-central1/subnetworks/blue-us" },
};
const fast = { ...external, mode: "fast-failover" } as const;

function linesOf(pool: Partial<PoolInput>, route: Partial<RouteInput>): readonly string[] {
  const problems = new Problems();
  const plan = planPool({ name: "edge", ...pool }, problems);
  const nodeSelector = pool.mode === undefined ? {} : { nodeSelector: { pool: "edge" } };
  planRoute({ name: "proxy", pool: plan, podSelector: { app: "proxy" }, ...nodeSelector, ...route }, problems);
  return problems.lines;
}

test.each<[string, Partial<PoolInput>, Partial<RouteInput>, string[]]>([
  [
    "a network of a cluster that has several",
    { ...external, cluster: cluster({ enableMultiNetworking: true }) },
    { network: "blue" },
    [],
  ],
  [
    "the primary network of a cluster that has one",
    { ...external, cluster: cluster() },
    { network: "pod-network" },
    [],
  ],
  ["a network that is not known yet", { ...external, cluster: cluster() }, { network: LATER }, []],
  [
    "another network of a cluster that has one",
    { ...external, cluster: cluster() },
    { network: "blue" },
    [
      'network: got "blue"; cluster "core" has one network: create it with enableMultiNetworking: true, or leave network out',
    ],
  ],
  ["fast failover on a Device network", fast, { network: "cards", podNetwork: { type: "Device" } }, []],
  ["fast failover on a network of which only the name is known", fast, { network: "cards" }, []],
  [
    "fast failover on the primary network",
    fast,
    {},
    [
      'network: got "default"; class "gke-persistent-fast-regional-external-managed" is for networks of type Device: pass a PodNetwork of that type',
    ],
  ],
  [
    "fast failover on a network of type L3",
    fast,
    { network: "blue", podNetwork: { type: "L3" } },
    [
      'network: got "blue"; class "gke-persistent-fast-regional-external-managed" is for networks of type Device: pass a PodNetwork of that type',
    ],
  ],
  [
    "podpin's controller on a Device network",
    { ...external, controller: {}, gatewayClassName: "podpin-l2" },
    { network: "cards", podNetwork: { type: "Device" } },
    [
      'network: got "cards"; it is of type Device, whose card a Pod has to itself, and podpin has no way into it: use a network of type L3, or on GKE leave the controller of the pool out',
    ],
  ],
  [
    "podpin's controller on a network of type L3",
    { ...external, controller: {}, gatewayClassName: "podpin-l2" },
    { network: "blue", podNetwork: { type: "L3" } },
    [],
  ],
  [
    "internal addresses from the network's subnetwork",
    internal,
    { network: "blue", podNetwork: { type: "L3", subnetwork: "blue-us" } },
    [],
  ],
  [
    "internal addresses from the cluster's subnetwork",
    { ...internal, cluster: cluster({ subnetwork: "blue-us" }) },
    {},
    [],
  ],
  ["a cluster that leaves its subnetwork to GKE", { ...internal, cluster: cluster() }, {}, []],
  [
    "internal addresses from another subnetwork than the network's",
    internal,
    { network: "red", podNetwork: { type: "L3", subnetwork: "red-us" } },
    [
      'network: got "red"; it is on subnetwork "red-us", and the addresses of pool "edge" are from "blue-us": use a pool with subnetwork: "red-us"',
    ],
  ],
  [
    "internal addresses from another subnetwork than the nodes'",
    { ...internal, cluster: cluster({ subnetwork: "nodes" }) },
    {},
    [
      'network: got "default"; it is on subnetwork "nodes", and the addresses of pool "edge" are from "blue-us": use a pool with subnetwork: "nodes"',
    ],
  ],
])("judges %s", (_, pool, route, lines) => {
  expect(linesOf(pool, route)).toEqual(lines);
});

test.each<[string, string | undefined, string[]]>([
  ["none", undefined, []],
  ["a beginning that may be new enough", "1.32", []],
  ["a later one", "1.33", []],
  ["the newest there is", "latest", []],
  [
    "a beginning that is too old in every case",
    "1.31",
    [
      'cluster: got "core"; it is made with version "1.31", and GKE has load balancing from 1.32.3-gke.1440000 on: raise its minMasterVersion to that, or leave it out',
    ],
  ],
  [
    "a whole version that is too old",
    "1.32.3-gke.1439999",
    [
      'cluster: got "core"; it is made with version "1.32.3-gke.1439999", and GKE has load balancing from 1.32.3-gke.1440000 on: raise its minMasterVersion to that, or leave it out',
    ],
  ],
])("load balancing on a cluster to be made, whose program asks for a version: %s", (_, minMasterVersion, lines) => {
  const pool: Partial<PoolInput> = { ...external, mode: "load-balancing", cluster: cluster({ minMasterVersion }) };
  expect(linesOf(pool, { healthCheckName: "probe", nodeSelector: undefined })).toEqual(lines);
});
