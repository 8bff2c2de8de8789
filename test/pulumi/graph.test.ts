import * as pulumi from "@pulumi/pulumi";
import { StatefulSet } from "@pulumi/kubernetes/apps/v1/statefulSet";

import { PersistentIpController, PersistentIpPool, PinnedPodRoute } from "../../lib/pulumi";
import { Address, graphOf, namesOf, useMocks, valueOf } from "./graph";

useMocks({ preview: false });

const image = "registry.example.com/podpin:0.1.0";
const GATEWAY = "kubernetes:gateway.networking.k8s.io/v1:Gateway";
const ROUTE = "kubernetes:networking.gke.io/v1:GKEIPRoute";
const CLASS = "kubernetes:gateway.networking.k8s.io/v1:GatewayClass";
const addresses = (count: number) => Array.from({ length: count }, (_, index) => `203.0.113.${index + 1}`);

test("a pool with 17 addresses and a route to them are these resources", async () => {
  const { registered } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(17), allowedNamespaces: "All" }, opts);
    new PinnedPodRoute("db", { pool, statefulSet: "db", ordinal: 0 }, opts);
  });
  expect(registered.map(({ type, name }) => [type, name])).toEqual([
    ["podpin:index:PersistentIpPool", "n2"],
    [GATEWAY, "n2"],
    [GATEWAY, "n2-2"],
    ["podpin:index:PinnedPodRoute", "db"],
    [ROUTE, "db"],
    [ROUTE, "db-2"],
  ]);
});

test("a controller is these resources", async () => {
  const { registered } = await graphOf((opts) => new PersistentIpController("podpin", { image }, opts));
  expect(registered.map(({ type, name }) => `${type} ${name}`)).toMatchInlineSnapshot(`
   [
     "podpin:index:PersistentIpController podpin",
     "kubernetes:core/v1:Namespace podpin-namespace",
     "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition podpin-crd-addressbindings",
     "kubernetes:core/v1:ResourceQuota podpin-quota",
     "kubernetes:core/v1:ServiceAccount podpin-controller-serviceaccount",
     "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole podpin-controller-clusterrole",
     "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding podpin-controller-clusterrolebinding",
     "kubernetes:rbac.authorization.k8s.io/v1:Role podpin-controller-role",
     "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding podpin-controller-rolebinding",
     "kubernetes:core/v1:ServiceAccount podpin-agent-serviceaccount",
     "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole podpin-agent-clusterrole",
     "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding podpin-agent-clusterrolebinding",
     "kubernetes:rbac.authorization.k8s.io/v1:Role podpin-agent-role",
     "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding podpin-agent-rolebinding",
     "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicy podpin-agent-admissionpolicy",
     "kubernetes:admissionregistration.k8s.io/v1:ValidatingAdmissionPolicyBinding podpin-agent-admissionpolicybinding",
     "kubernetes:networking.k8s.io/v1:NetworkPolicy podpin-controller-networkpolicy",
     "kubernetes:policy/v1:PodDisruptionBudget podpin-controller-disruptionbudget",
     "kubernetes:gateway.networking.k8s.io/v1:GatewayClass podpin-class-podpin-regional-external",
     "kubernetes:gateway.networking.k8s.io/v1:GatewayClass podpin-class-podpin-regional-internal",
     "kubernetes:gateway.networking.k8s.io/v1:GatewayClass podpin-class-podpin-l2",
     "kubernetes:apps/v1:Deployment podpin-controller",
     "kubernetes:apps/v1:DaemonSet podpin-agent",
   ]
  `);
});

test("the controller's objects come in stages, and everything has its component as parent", async () => {
  const { options } = await graphOf((opts) => new PersistentIpController("podpin", { image }, opts));
  const of = (name: string) => options.find((one) => one.name === name)?.options;
  const [component, ...children] = options;
  expect(component?.type).toBe("podpin:index:PersistentIpController");
  for (const child of children) expect(namesOf(child.options.parent)).toEqual(["podpin"]);
  expect(namesOf(of("podpin-namespace")?.dependsOn)).toEqual([]);
  expect(namesOf(of("podpin-agent-role")?.dependsOn)).toEqual(["podpin-namespace"]);
  // Where the Gateway API is missing, the classes fail at once, and nothing waits for Pods that cannot become ready.
  for (const workload of ["podpin-controller", "podpin-agent"]) {
    expect(namesOf(of(workload)?.dependsOn)).toEqual(
      expect.arrayContaining([
        "podpin-namespace",
        "podpin-crd-addressbindings",
        "podpin-controller-clusterrolebinding",
        "podpin-class-podpin-l2",
      ]),
    );
  }
});

test("a Gateway waits for its controller, and a route for its own Gateway and its StatefulSet", async () => {
  const { options } = await graphOf((opts) => {
    const controller = new PersistentIpController("podpin", { image }, opts);
    const pool = PersistentIpPool.fromAddresses(
      "n2",
      { addresses: addresses(17), controller, gatewayClassName: "podpin-l2" },
      opts,
    );
    const db = new StatefulSet("db", {
      metadata: { name: "db", namespace: "default" },
      spec: { selector: {}, serviceName: "db", template: {}, replicas: 3 },
    });
    new PinnedPodRoute("pin", { pool, statefulSet: db, ordinal: 2 }, opts);
  });
  const of = (type: string, name: string) => options.find((one) => one.type === type && one.name === name)?.options;
  expect(namesOf(of(GATEWAY, "n2")?.dependsOn)).toEqual(["podpin"]);
  expect(namesOf(of(ROUTE, "pin")?.dependsOn)).toEqual(["n2", "db"]);
  expect(namesOf(of(ROUTE, "pin")?.parent)).toEqual(["pin"]);
});

test("a change of what is fixed after creation replaces the object, the old one first", async () => {
  const { options } = await graphOf((opts) => {
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(1) }, opts);
    new PinnedPodRoute("db", { pool, statefulSet: "db", ordinal: 0 }, opts);
  });
  expect(options.find(({ type }) => type === ROUTE)?.options).toMatchObject({
    replaceOnChanges: ["spec.parentRefs", "spec.network", "spec.reactionMode", "spec.haPolicy"],
    deleteBeforeReplace: true,
    customTimeouts: { create: "300s", update: "300s" },
  });
  expect(options.find(({ type }) => type === GATEWAY)?.options).toMatchObject({
    replaceOnChanges: ["spec.gatewayClassName"],
    deleteBeforeReplace: true,
  });
});

test("a route waits for Ready unless told otherwise, and is never deleted in the foreground", async () => {
  const annotationsOf = async (args: { waitUntilReady?: boolean; readyTimeoutSeconds?: number }) => {
    const { registered, options } = await graphOf((opts) => {
      const pool = PersistentIpPool.fromAddresses("n2", { addresses: addresses(1) }, opts);
      new PinnedPodRoute("db", { pool, statefulSet: "db", ordinal: 0, ...args }, opts);
    });
    const route = registered.find(({ type }) => type === ROUTE)?.inputs as { metadata: { annotations: object } };
    return [route.metadata.annotations, options.find(({ type }) => type === ROUTE)?.options.customTimeouts];
  };
  const background = { "pulumi.com/deletionPropagationPolicy": "background" };
  expect(await annotationsOf({ readyTimeoutSeconds: 60 })).toEqual([
    { ...background, "pulumi.com/waitFor": '["condition=Accepted","condition=Ready"]' },
    { create: "60s", update: "60s" },
  ]);
  expect(await annotationsOf({ waitUntilReady: false })).toEqual([background, undefined]);
});

test("takes literals, outputs and resources as addresses, and gives each back in its place", async () => {
  let pool!: PersistentIpPool;
  const { registered } = await graphOf((opts) => {
    const reserved = new Address("a", "198.51.100.9");
    pool = PersistentIpPool.fromAddresses(
      "n2",
      { addresses: ["198.51.100.7/32", pulumi.output("198.51.100.8"), reserved] },
      opts,
    );
  });
  expect(await Promise.all(pool.addresses.map(valueOf))).toEqual(["198.51.100.7", "198.51.100.8", "198.51.100.9"]);
  const gateway = registered.find(({ type }) => type === GATEWAY)?.inputs as {
    spec: { addresses: { value: string }[] };
  };
  expect(gateway.spec.addresses.map(({ value }) => value)).toEqual([
    "198.51.100.7/32",
    "198.51.100.8/32",
    "198.51.100.9/32",
  ]);
});

test("takes name, namespace and replicas from a StatefulSet, and listens to the Gateway of each address", async () => {
  const { registered } = await graphOf((opts) => {
    const reserved = addresses(17).map((value, index) => new Address(`a-${index}`, value));
    const pool = PersistentIpPool.fromAddresses("n2", { addresses: reserved, allowedNamespaces: "All" }, opts);
    const db = new StatefulSet("db", {
      metadata: { name: "orders", namespace: "data" },
      spec: { selector: {}, serviceName: "db", template: {}, replicas: 3 },
    });
    const last = pool.addresses[16]!;
    new PinnedPodRoute("pin", { pool, statefulSet: db, ordinal: 2, addresses: [last, reserved[0]!.address] }, opts);
  });
  const routes = registered.filter(({ type }) => type === ROUTE).map(({ inputs }) => inputs);
  expect(routes).toMatchObject([
    {
      metadata: { name: "pin", namespace: "data" },
      spec: {
        parentRefs: [{ name: "n2-2", namespace: "default" }],
        addresses: [{ value: "203.0.113.17/32" }],
        podSelector: { matchLabels: { "statefulset.kubernetes.io/pod-name": "orders-2" } },
      },
    },
    {
      metadata: { name: "pin-2", namespace: "data" },
      spec: { parentRefs: [{ name: "n2", namespace: "default" }], addresses: [{ value: "203.0.113.1/32" }] },
    },
  ]);
});

test("GKE's six class names are installed on the fabric given, and a pool may then use them", async () => {
  const { registered } = await graphOf((opts) => {
    const controller = new PersistentIpController("podpin", { image, gkeClassFabric: "l2" }, opts);
    PersistentIpPool.fromAddresses(
      "n2",
      { addresses: addresses(1), controller, gatewayClassName: "gke-persistent-regional-external-managed" },
      opts,
    );
  });
  expect(registered.filter(({ type }) => type === CLASS)).toHaveLength(9);
});

describe("refuses", () => {
  // Nothing is registered but the component itself, which the engine knows before it is checked.
  const messageOf = (make: () => unknown): string => {
    try {
      make();
    } catch (error) {
      expect(pulumi.ResourceError.isInstance(error)).toBe(true);
      return (error as Error).message;
    }
    return "nothing was wrong";
  };
  const pool = () => PersistentIpPool.fromAddresses("n2", { addresses: addresses(2), allowedNamespaces: "All" });

  test("a pool that cannot know where to reserve", () => {
    expect(messageOf(() => new PersistentIpPool("n2", {}))).toBe(
      'PersistentIpPool "n2" is not valid:\n' +
        '  - region: got nothing; say in which region to reserve, for example "us-central1": it must be that of the cluster',
    );
  });

  test("everything that is wrong with a route, at once", () => {
    const make = () =>
      new PinnedPodRoute("db", {
        pool: pool(),
        statefulSet: "db",
        ordinal: -1,
        addresses: ["198.51.100.1"],
        delivery: "nat",
        readyTimeoutSeconds: 0,
      });
    expect(messageOf(make)).toBe(
      'PinnedPodRoute "db" is not valid:\n' +
        "  - ordinal: got -1; use the number at the end of the Pod's name, a whole number from 0\n" +
        '  - addresses[0]: got "198.51.100.1"; pool "n2" does not list it: add it to the pool, or use one of pool.addresses\n' +
        '  - delivery: got "nat"; GKE\'s own provider knows only "app": leave delivery out, or pass a PersistentIpController to pool "n2"\n' +
        "  - readyTimeoutSeconds: got 0; use a whole number of seconds from 1",
    );
  });

  test("an address that another route has", () => {
    const shared = pool();
    new PinnedPodRoute("web", { pool: shared, statefulSet: "web", ordinal: 0, addresses: [shared.addresses[1]!] });
    const make = () => new PinnedPodRoute("db", { pool: shared, statefulSet: "db", ordinal: 0 });
    expect(messageOf(make)).toBe(
      'PinnedPodRoute "db" is not valid:\n' +
        '  - addresses[1]: got "203.0.113.2"; PinnedPodRoute "web" has it already, and this takes all of the pool: set addresses to leave that one out',
    );
  });
});
