// Pinned workloads, Pod networks and in-Pod set-up as resources of Pulumi.
import * as pulumi from "@pulumi/pulumi";
import { Deployment } from "@pulumi/kubernetes/apps/v1/deployment";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";

import {
  PersistentIpPool,
  PinnedDeployment,
  PinnedPodRoute,
  PinnedStatefulSet,
  PodNetwork,
  podSetup,
} from "../../lib/pulumi";
import { Address, dependenciesOf, graphOf, namesOf, useMocks, valueOf } from "./graph";

useMocks({ preview: false });

const ROUTE = "kubernetes:networking.gke.io/v1:GKEIPRoute";
const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index + 1}`);
const labels = { app: "db" };
const template = {
  metadata: { labels },
  spec: {
    containers: [{ name: "db", image: "registry.example.com/db:1", readinessProbe: { tcpSocket: { port: 1 } } }],
  },
};
const database = (replicas: number) =>
  new StatefulSet("db", {
    metadata: { name: "db", namespace: "data" },
    spec: { selector: { matchLabels: labels }, serviceName: "db", template, replicas },
  });

interface RouteSpec {
  metadata: { name: string; namespace: string };
  spec: { addresses: { value: string }[]; podSelector: object; network: string; loadBalancing?: object };
}

test("a StatefulSet of two Pods with 17 addresses each has four routes", async () => {
  let set!: PinnedStatefulSet;
  const { registered, options } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(34), allowedNamespaces: "All" }, opts);
    set = new PinnedStatefulSet("db", { pool, statefulSet: database(2), addressesPerPod: 17 }, opts);
  });
  const routes = registered.filter(({ type }) => type === ROUTE);
  expect(routes.map(({ name }) => name)).toEqual(["db-0", "db-0-2", "db-1", "db-1-2"]);
  expect(routes.map(({ inputs }) => (inputs as unknown as RouteSpec).spec.addresses.length)).toEqual([16, 1, 15, 2]);
  const [first] = routes.map(({ inputs }) => inputs as unknown as RouteSpec);
  expect(first?.metadata).toMatchObject({ name: "db-0", namespace: "data" });
  expect(first?.spec.podSelector).toEqual({ matchLabels: { "statefulset.kubernetes.io/pod-name": "db-0" } });
  expect(await Promise.all(set.addresses.map(valueOf))).toEqual(addresses(34));
  const route = options.find(({ name, type }) => type === ROUTE && name === "db-1")?.options;
  expect([namesOf(route?.parent), namesOf(route?.dependsOn)]).toEqual([["db"], ["n2-2", "db"]]);
});

test("workloads that come out of an output, as those of a Helm chart, are what they are", async () => {
  const { registered } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(4), allowedNamespaces: "All" }, opts);
    const later = pulumi.output(database(2));
    const namespace = "data";
    const web = new Deployment("web", {
      metadata: { name: "web" },
      spec: {
        selector: { matchLabels: { app: "web" } },
        template: { ...template, metadata: { labels: { app: "web" } } },
      },
    });
    new PinnedStatefulSet("db", { pool, statefulSet: later, namespace, replicas: 2 }, opts);
    new PinnedPodRoute(
      "one",
      { pool, addresses: pool.addresses.slice(2, 3), statefulSet: later, namespace, ordinal: 1 },
      opts,
    );
    new PinnedDeployment("web", { pool, addresses: pool.addresses.slice(3), deployment: pulumi.output(web) }, opts);
  });
  const routes = registered.filter(({ type }) => type === ROUTE);
  expect(routes.map(({ name, inputs }) => [name, (inputs as unknown as RouteSpec).spec.podSelector])).toEqual([
    ["db-0", { matchLabels: { "statefulset.kubernetes.io/pod-name": "db-0" } }],
    ["db-1", { matchLabels: { "statefulset.kubernetes.io/pod-name": "db-1" } }],
    ["one", { matchLabels: { "statefulset.kubernetes.io/pod-name": "db-1" } }],
    ["web", { matchLabels: { app: "web" } }],
  ]);
});

test("the objects of a component depend on what it depends on, so that they go before it", async () => {
  const found = await dependenciesOf((above) => {
    const [first, second] = [database(1), new Address("second", "198.51.100.9")];
    const pool = PersistentIpPool.fromAddresses(
      "n2",
      { addresses: ["198.51.100.7"] },
      { ...above, dependsOn: [first] },
    );
    new PinnedPodRoute("r", { pool, podSelector: labels }, { ...above, dependsOn: second });
  });
  const of = (type: string) => found.filter((one) => one.type === type).map(({ name, dependsOn }) => [name, dependsOn]);
  expect(of("kubernetes:gateway.networking.k8s.io/v1:Gateway")).toEqual([["n2", ["db"]]]);
  expect(of(ROUTE)).toEqual([["r", ["n2", "second"]]]);
  expect(of("podpin:index:PinnedPodRoute")).toEqual([["r", ["second"]]]);
});

test("two components cannot have the same address", async () => {
  let pool!: PersistentIpPool;
  await graphOf((opts) => {
    pool = PersistentIpPool.fromAddresses("n3", { addresses: addresses(2) }, opts);
    new PinnedStatefulSet("db", { pool, statefulSet: "db", replicas: 2 }, opts);
  });
  expect(() => new PinnedPodRoute("web", { pool, podSelector: labels, addresses: [pool.addresses[1]!] })).toThrow(
    'PinnedPodRoute "web" is not valid:\n  - addresses[0]: got "203.0.113.2"; PinnedStatefulSet "db" has it already, and an address goes to one Pod: remove it from one of the two',
  );
});

test("a pool larger than the StatefulSet has the rest for others, where the program says how many Pods there are", async () => {
  let nat!: PinnedPodRoute;
  const { registered } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(4), allowedNamespaces: "All" }, opts);
    new PinnedStatefulSet("amf", { pool, statefulSet: database(3), replicas: 3 }, opts);
    nat = new PinnedPodRoute("nat", { pool, podSelector: { app: "nat" }, addresses: [pool.addresses[3]!] }, opts);
  });
  const routes = registered.filter(({ type }) => type === ROUTE).map(({ name }) => name);
  expect(routes).toEqual(["amf-0", "amf-1", "amf-2", "nat"]);
  expect(await valueOf(nat.addresses[0]!)).toBe("203.0.113.4");
});

test("where nobody says how many Pods there are, whoever comes second says who should", async () => {
  await graphOf((opts) => {
    const pool = (name: string) => PersistentIpPool.fromAddresses(name, { addresses: addresses(4) }, opts);
    const [first, second] = [pool("n4"), pool("n5")];
    new PinnedStatefulSet("amf", { pool: first, statefulSet: "amf" }, opts);
    expect(
      () => new PinnedPodRoute("nat", { pool: first, podSelector: labels, addresses: [first.addresses[3]!] }),
    ).toThrow(
      'PinnedPodRoute "nat" is not valid:\n  - addresses[0]: got "203.0.113.4"; PinnedStatefulSet "amf" has it already, as it takes all of the pool: set replicas there to leave this one free',
    );
    new PinnedPodRoute("nat-2", { pool: second, podSelector: labels, addresses: [second.addresses[3]!] }, opts);
    expect(() => new PinnedStatefulSet("smf", { pool: second, statefulSet: "smf" })).toThrow(
      'PinnedStatefulSet "smf" is not valid:\n  - pool.addresses[3]: got "203.0.113.4"; PinnedPodRoute "nat-2" has it already, and this takes all of the pool: set replicas to leave that one out',
    );
  });
});

test("a Deployment, which a compiler takes for a StatefulSet, is refused at once", async () => {
  await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n6", { addresses: addresses(1) }, opts);
    const statefulSet = new Deployment("web", {
      metadata: { name: "web", namespace: "default" },
      spec: { selector: { matchLabels: labels }, template },
    });
    expect(() => new PinnedStatefulSet("web", { pool, statefulSet }, opts)).toThrow(
      'PinnedStatefulSet "web" is not valid:\n  - statefulSet: got a Deployment; its Pods have no ordinals: pass a StatefulSet, or use PinnedDeployment',
    );
  });
});

test("a Deployment has one route, with the Deployment's namespace and selector", async () => {
  const { registered, options } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(2), allowedNamespaces: "All" }, opts);
    const deployment = new Deployment("proxy", {
      metadata: { name: "proxy", namespace: "edge" },
      spec: { selector: { matchLabels: labels }, template, replicas: 4 },
    });
    new PinnedDeployment("proxy-pin", { pool, deployment }, opts);
  });
  const routes = registered.filter(({ type }) => type === ROUTE);
  expect(routes.map(({ name }) => name)).toEqual(["proxy-pin"]);
  const route = routes[0]?.inputs as unknown as RouteSpec;
  expect(route.metadata.namespace).toBe("edge");
  expect(route.spec.podSelector).toEqual({ matchLabels: labels });
  expect(namesOf(options.find(({ type }) => type === ROUTE)?.options.dependsOn)).toEqual(["n2", "proxy"]);
});

test("a route on a Pod network waits for it", async () => {
  const { registered, options } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(1) }, opts);
    const network = new PodNetwork(
      "blue-network",
      { vpc: pulumi.output("blue"), subnetwork: "blue-us", secondaryRanges: [pulumi.output("pods")] },
      opts,
    );
    new PinnedPodRoute("pin", { pool, podSelector: labels, network }, opts);
  });
  expect(registered.filter(({ type }) => /Network/.test(type)).map(({ type, name }) => `${type} ${name}`)).toEqual([
    "podpin:index:PodNetwork blue-network",
    "kubernetes:networking.gke.io/v1:GKENetworkParamSet blue-network-params",
    "kubernetes:networking.gke.io/v1:Network blue-network",
  ]);
  const route = registered.find(({ type }) => type === ROUTE)?.inputs as unknown as RouteSpec;
  expect(route.spec.network).toBe("blue-network");
  expect(namesOf(options.find(({ type }) => type === ROUTE)?.options.dependsOn)).toEqual(["n2", "blue-network"]);
  expect(registered.find(({ name }) => name === "blue-network-params")?.inputs["spec"]).toEqual({
    vpc: "blue",
    vpcSubnet: "blue-us",
    podIPv4Ranges: { rangeNames: ["pods"] },
  });
});

test("a route with a health check that comes later awaits acceptance only", async () => {
  const { registered } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(1) }, opts);
    new PinnedPodRoute("pin", { pool, podSelector: labels, healthCheckName: pulumi.output("probe") }, opts);
  });
  const route = registered.find(({ type }) => type === ROUTE)?.inputs as unknown as RouteSpec;
  expect(route.spec.loadBalancing).toEqual({ healthCheckName: "probe" });
  expect(route.metadata).toMatchObject({ annotations: { "pulumi.com/waitFor": '["condition=Accepted"]' } });
});

test("the set-up of a StatefulSet's Pods has the addresses of the pool, known or not", async () => {
  const { registered } = await graphOf((opts) => {
    const reserved = new Address("a", "198.51.100.9");
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: ["198.51.100.7", reserved] }, opts);
    const { annotations, securityContext, initContainers } = podSetup({
      pool,
      replicas: 2,
      image: "registry.example.com/podpin:0.1.0",
      unsafeSysctlsAllowed: true,
    });
    const { spec } = template;
    new StatefulSet("db", {
      metadata: { name: "db" },
      spec: {
        selector: { matchLabels: labels },
        serviceName: "db",
        template: {
          metadata: { labels, annotations },
          spec: { ...spec, securityContext, initContainers },
        },
      },
    });
  });
  const set = registered.find(({ name }) => name === "db")?.inputs as {
    spec: {
      template: { spec: { securityContext: object; initContainers: { env: { name: string; value?: string }[] }[] } };
    };
  };
  expect(set.spec.template.spec.securityContext).toEqual({
    sysctls: [{ name: "net.ipv4.conf.eth0.arp_announce", value: "2" }],
  });
  expect(set.spec.template.spec.initContainers[0]?.env.slice(1)).toEqual([
    { name: "ADDRESS_0_0", value: "198.51.100.7" },
    { name: "ADDRESS_1_0", value: "198.51.100.9" },
  ]);
});

test("the set-up says what is wrong with it", () => {
  const pool = PersistentIpPool.fromAddresses("n4", { addresses: addresses(1) });
  expect(() => podSetup({ pool, replicas: 2 })).toThrow(
    [
      "podSetup is not valid:",
      "  - image: got nothing; name an image with sh, sed and iproute2 for the init container, for example podpin's own",
      '  - ordinals: got 1 address for 2 Pods of the StatefulSet; add 1 more to pool "n4" or set ordinals: { from: 0, to: 0 }',
    ].join("\n"),
  );
});
