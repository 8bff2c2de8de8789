// The fields of a route that only GKE's own controller heeds, and the rules between them.
import { factsOfPlan, planCluster } from "../../lib/model/cluster";
import { LATER } from "../../lib/model/later";
import { planPool, type PoolInput, type PoolPlan } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";
import { planRoute, type RouteInput } from "../../lib/model/route";
import { routeObject } from "../../lib/model/route-object";

function pool(input: Partial<PoolInput> = {}): PoolPlan {
  return planPool({ name: "n2", addresses: ["198.51.100.7"], allowedNamespaces: "All", ...input }, new Problems());
}
const fast = pool({ mode: "fast-failover" });
const core = factsOfPlan(planCluster({ name: "core", location: "us-central1", project: "my-project" }, new Problems()));
const internal = pool({ addressType: "INTERNAL" });
const podpin = pool({ controller: {} });

function plan(input: Partial<RouteInput>) {
  const problems = new Problems();
  // Fast failover is for networks of type Device, which the name alone does not tell.
  const network = input.pool === fast ? { network: "cards" } : {};
  const found = planRoute({ name: "db", pool: pool(), podSelector: { app: "db" }, ...network, ...input }, problems);
  return { plan: found, lines: problems.lines };
}

const nodes = { "cloud.google.com/gke-nodepool": "edge" };

test.each<[string, Partial<RouteInput>, string[]]>([
  ["haPolicy on a standard class", { haPolicy: true }, []],
  ["allowGlobalAccess on internal addresses", { allowGlobalAccess: true, pool: internal }, []],
  ["nodeSelector on a fast class", { nodeSelector: nodes, pool: fast }, []],
  ["a health check", { healthCheckName: "probe" }, []],
  ["a health check that is not known yet", { healthCheckName: LATER }, []],
  [
    "haPolicy on a fast class",
    { haPolicy: false, nodeSelector: nodes, pool: fast },
    [
      'haPolicy: got false; class "gke-persistent-fast-regional-external-managed" moves addresses by gratuitous ARP: leave haPolicy out',
    ],
  ],
  [
    "haPolicy beside a health check",
    { haPolicy: true, healthCheckName: "probe" },
    ["haPolicy: got true; GKE takes either haPolicy or healthCheckName: leave one of the two out"],
  ],
  [
    "a fast class without nodeSelector",
    { pool: fast },
    [
      'nodeSelector: got nothing; class "gke-persistent-fast-regional-external-managed" needs the labels of the nodes that may have the addresses, for example { "cloud.google.com/gke-nodepool": "edge" }',
    ],
  ],
  [
    "nodeSelector on a standard class",
    { nodeSelector: nodes },
    [
      'nodeSelector: got {"cloud.google.com/gke-nodepool":"edge"}; it counts only with a class of fast failover: leave it out, or set mode: "fast-failover" on the pool',
    ],
  ],
  [
    "an empty nodeSelector",
    { nodeSelector: {}, pool: fast },
    ["nodeSelector: got {}; no labels match every node, name at least one label of the nodes"],
  ],
  [
    "allowGlobalAccess on external addresses",
    { allowGlobalAccess: true },
    [
      'allowGlobalAccess: got true; the addresses of pool "n2" are external, and clients reach those from everywhere: leave it out',
    ],
  ],
  [
    "the link of a health check in place of its name",
    { healthCheckName: "projects/p/regions/r/healthChecks/probe" },
    [
      'healthCheckName: got "projects/p/regions/r/healthChecks/probe"; use the name alone of a regional health check in the project and region of the cluster, for example healthCheck.name',
    ],
  ],
  [
    "a pool for load balancing without a health check",
    { pool: pool({ mode: "load-balancing" }) },
    [
      'healthCheckName: got nothing; pool "n2" is for load balancing, in which a regional health check says which Pods get packets: pass its name, for example healthCheck.name',
    ],
  ],
  [
    "the same where only the class's name tells of load balancing",
    { pool: pool({ gatewayClassName: "gke-passthrough-lb-external-managed" }) },
    [],
  ],
  [
    "a health check on a cluster that is too old for it",
    { healthCheckName: "probe", pool: pool({ cluster: { ...core, version: "1.31.9-gke.1" } }) },
    [
      'cluster: got "core"; it has version "1.31.9-gke.1", and GKE has load balancing from 1.32.3-gke.1440000 on: upgrade it first',
    ],
  ],
  [
    "GKE's fields on a pool of podpin's controller",
    { haPolicy: true, healthCheckName: LATER, pool: podpin },
    [
      'healthCheckName: got "a value that is not known yet"; podpin\'s controller has no such setting: leave healthCheckName out, or make pool "n2" without a controller to use GKE\'s own',
      "haPolicy: got true; podpin's controller has no such setting: leave haPolicy out, or make pool \"n2\" without a controller to use GKE's own",
    ],
  ],
  [
    "expressions without a label",
    { podSelector: undefined, podSelectorExpressions: [] },
    ["podSelectorExpressions: got []; no labels match every Pod, name at least one label of the Pods"],
  ],
  [
    "expressions that Kubernetes does not take",
    {
      podSelectorExpressions: [
        { key: "tier", operator: "in" as never, values: ["a"] },
        { key: "a/b/c", operator: "Exists", values: ["x"] },
        { key: "tier", operator: "In" },
        { key: "tier", operator: "NotIn", values: ["no way"] },
      ],
    },
    [
      'podSelectorExpressions[0].operator: got "in"; use "In"',
      'podSelectorExpressions[1].key: got "a/b/c"; use a label key, for example "tier" or "example.com/tier"',
      'podSelectorExpressions[1].values: got ["x"]; operator Exists takes no values: leave them out',
      "podSelectorExpressions[2].values: got nothing; operator In needs at least one value",
      'podSelectorExpressions[3].values[0]: got "no way"; a label value has at most 63 letters, digits, "-", "_" and ".", and starts and ends with a letter or digit',
    ],
  ],
  [
    "expressions beside a StatefulSet",
    {
      podSelector: undefined,
      statefulSet: { name: "db" },
      ordinal: 0,
      podSelectorExpressions: [{ key: "a", operator: "Exists" }],
    },
    [
      'podSelectorExpressions: got [{"key":"a","operator":"Exists"}]; statefulSet and ordinal choose the Pod already, leave one of the two out',
    ],
  ],
])("judges %s", (_, input, lines) => {
  expect(plan(input).lines).toEqual(lines);
});

function specOf(input: Partial<RouteInput>, healthCheckName?: string) {
  const { plan: found, lines } = plan(input);
  expect(lines).toEqual([]);
  const values = {
    namespace: "default",
    gatewayNamespace: "default",
    network: "default",
    podSelector: found.podSelector,
    cidrs: ["198.51.100.7/32"],
    healthCheckName,
  };
  return routeObject(found, found.parts[0]!, values).spec;
}

test("writes every field of the CRD where GKE expects it", () => {
  expect(specOf({ haPolicy: false, allowGlobalAccess: true, pool: internal })).toMatchObject({
    haPolicy: false,
    allowGlobalAccess: true,
  });
  expect(specOf({ healthCheckName: LATER }, "probe")).toMatchObject({ loadBalancing: { healthCheckName: "probe" } });
  expect(
    specOf({ nodeSelector: nodes, nodeSelectorExpressions: [{ key: "gpu", operator: "DoesNotExist" }], pool: fast }),
  ).toMatchObject({
    nodeSelector: { matchLabels: nodes, matchExpressions: [{ key: "gpu", operator: "DoesNotExist" }] },
  });
  expect(
    specOf({ podSelectorExpressions: [{ key: "tier", operator: "In", values: ["edge", "core"] }] }).podSelector,
  ).toEqual({
    matchLabels: { app: "db" },
    matchExpressions: [{ key: "tier", operator: "In", values: ["edge", "core"] }],
  });
  expect(Object.keys(specOf({}))).toEqual(["parentRefs", "addresses", "network", "podSelector", "reactionMode"]);
});
