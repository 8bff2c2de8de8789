// The Gateway API's conformance tests that say something of Gateways whatever their routes are, asked of the whole
// controller with GKEIPRoute in the place of HTTPRoute. Each test has upstream's name; docs/conformance.md has the list.
import { KubeError } from "../../controller-image/src/kube/api";
import { typedAddress } from "../../lib/model/address";
import type { Gateway, GatewayClass, GKEIPRoute, Listener } from "../../lib/model/gke-api";
import { RESOURCES, type Condition, type KubeObject, type Resource } from "../../lib/model/kubernetes";
import { A, aClass, aGateway, B } from "../support/objects";
import { bare, newRoute, World } from "./world";

const { customResourceDefinitions, gatewayClasses, gateways, gkeIpRoutes, namespaces } = RESOURCES;
const OURS = { group: "networking.gke.io", kind: "GKEIPRoute" };
const PARENT = [{ name: "gw", namespace: "infra" }];

let world: World;
beforeEach(() => {
  world = new World();
  for (const [name, labels] of [
    ["infra", { team: "infra" }],
    ["backend", { team: "amf" }],
  ] as const) {
    world.server.create(namespaces, { metadata: { name, labels } });
  }
  world.start();
});
afterEach(() => world.stop());

const open = (fields: Partial<Listener> = {}): Listener => ({
  name: "default",
  port: 443,
  protocol: "none",
  allowedRoutes: { namespaces: { from: "All" } },
  ...fields,
});
const makeGateway = (spec: Partial<Gateway["spec"]> = {}): void =>
  void world.server.create(
    gateways,
    bare(aGateway({ listeners: [open()], ...spec }, { name: "gw", namespace: "infra" })),
  );
const gateway = (): Gateway => world.server.get<Gateway>(gateways, { namespace: "infra", name: "gw" })!;
const makeRoute = (name: string, spec: Partial<GKEIPRoute["spec"]> = {}, namespace = "backend"): void =>
  void world.server.create(gkeIpRoutes, newRoute({ parentRefs: PARENT, ...spec }, { name, namespace }));
const route = (name: string, namespace = "backend"): GKEIPRoute =>
  world.server.get<GKEIPRoute>(gkeIpRoutes, { namespace, name })!;
const edit = <T extends KubeObject & { spec: object }>(resource: Resource, object: T, spec: Partial<T["spec"]>): void =>
  void world.server.replace(resource, { ...object, spec: { ...object.spec, ...spec } });
const soon = (): Promise<void> => world.clock.run(1_000);
const says = (conditions: readonly Condition[] | undefined, type: string): string | undefined => {
  const { status, reason } = conditions?.find((condition) => condition.type === type) ?? {};
  return status && `${status} ${reason}`;
};
const listeners = (): unknown[] =>
  (gateway().status?.listeners ?? []).map(({ name, supportedKinds, attachedRoutes, conditions }) => ({
    name,
    supportedKinds,
    attachedRoutes,
    Accepted: says(conditions, "Accepted"),
    ResolvedRefs: says(conditions, "ResolvedRefs"),
  }));
const FINE = {
  name: "default",
  supportedKinds: [OURS],
  attachedRoutes: 0,
  Accepted: "True Accepted",
  ResolvedRefs: "True ResolvedRefs",
};
const observed = (conditions: readonly Condition[] | undefined): unknown[] => [
  ...new Set((conditions ?? []).map(({ observedGeneration }) => observedGeneration)),
];

test("GatewayClassObservedGenerationBump, and the features of the class", async () => {
  await soon();
  const before = world.server.get<GatewayClass>(gatewayClasses, { name: "podpin-l2" })!;
  expect([says(before.status?.conditions, "Accepted"), observed(before.status?.conditions)]).toEqual([
    "True Accepted",
    [1],
  ]);
  expect(before.status?.supportedFeatures).toEqual([{ name: "Gateway" }, { name: "GatewayStaticAddresses" }]);
  edit(gatewayClasses, before, { description: "new" } as object);
  await soon();
  const after = world.server.get<GatewayClass>(gatewayClasses, { name: "podpin-l2" })!;
  expect([says(after.status?.conditions, "Accepted"), observed(after.status?.conditions)]).toEqual([
    "True Accepted",
    [2],
  ]);
  const times = [before, after].map(({ status }) => status?.conditions?.[0]?.lastTransitionTime);
  expect(times[1]).toBe(times[0]);
});

test("a definition that does not take the features of a class gets its conditions all the same", async () => {
  world.kube.fault = ({ resource, body }) =>
    resource.kind === "GatewayClass" && JSON.stringify(body ?? {}).includes("supportedFeatures")
      ? new KubeError(422, "Invalid", "status.supportedFeatures[0]: Invalid value: must be of type string")
      : undefined;
  world.server.create(gatewayClasses, aClass("later"));
  await soon();
  const { status } = world.server.get<GatewayClass>(gatewayClasses, { name: "later" })!;
  expect([says(status?.conditions, "Accepted"), status?.supportedFeatures]).toEqual(["True Accepted", undefined]);
});

test("GatewayClassSupportedVersionCondition: as the definition of GatewayClass says", async () => {
  const supported = (): string | undefined =>
    says(world.server.get<GatewayClass>(gatewayClasses, { name: "podpin-l2" })?.status?.conditions, "SupportedVersion");
  const name = "gatewayclasses.gateway.networking.k8s.io";
  const definition = (version?: string): KubeObject => ({
    metadata: {
      name,
      annotations: version === undefined ? {} : { "gateway.networking.k8s.io/bundle-version": version },
    },
  });
  const put = (version?: string): void => {
    const { metadata } = world.server.get(customResourceDefinitions, { name })!;
    const { annotations } = definition(version).metadata;
    world.server.replace(customResourceDefinitions, { metadata: { ...metadata, annotations } });
  };
  await soon();
  expect(supported()).toBeUndefined();
  world.server.create(customResourceDefinitions, definition("v1.5.0"));
  await soon();
  expect(supported()).toBe("True SupportedVersion");
  for (const [version, says] of [
    [undefined, "False UnsupportedVersion"],
    ["v1.4.1-rc.1", "True SupportedVersion"],
    ["v0.0.0", "False UnsupportedVersion"],
    ["v1.5.0", "True SupportedVersion"],
  ] as const) {
    put(version);
    await soon();
    expect([version, supported()]).toEqual([version, says]);
  }
});

test("GatewayObservedGenerationBump", async () => {
  makeGateway();
  await soon();
  edit(gateways, gateway(), { listeners: [open(), open({ name: "alternate", port: 8080 })] });
  await soon();
  const { metadata, status } = gateway();
  expect(metadata.generation).toBe(2);
  const all = [...(status?.conditions ?? []), ...(status?.listeners ?? []).flatMap(({ conditions }) => conditions)];
  expect([observed(all), says(status?.conditions, "Accepted")]).toEqual([[2], "True Accepted"]);
});

test("HTTPRouteObservedGenerationBump, of a GKEIPRoute", async () => {
  makeGateway();
  makeRoute("r");
  await soon();
  expect(observed(route("r").status?.conditions)).toEqual([1]);
  edit(gkeIpRoutes, route("r"), { podSelector: { matchLabels: { component: "other" } } });
  await soon();
  expect(route("r").metadata.generation).toBe(2);
  expect(observed(route("r").status?.conditions)).toEqual([2]);
});

test.each([
  ["only", [{ group: "gateway.networking.k8s.io", kind: "InvalidRoute" }], []],
  ["also", [{ group: "gateway.networking.k8s.io", kind: "InvalidRoute" }, OURS], [OURS]],
  ["HTTPRoute", [{ kind: "HTTPRoute" }], []],
])("GatewayInvalidRouteKind, GatewayUnsupportedRouteKind: %s", async (_, kinds, supportedKinds) => {
  makeGateway({ listeners: [open({ allowedRoutes: { kinds } })] });
  await soon();
  expect(listeners()).toEqual([{ ...FINE, supportedKinds, ResolvedRefs: "False InvalidRouteKinds" }]);
});

test("HTTPRouteDisallowedKind, of a GKEIPRoute: a listener for another kind takes none", async () => {
  makeGateway({ listeners: [open({ allowedRoutes: { namespaces: { from: "All" }, kinds: [{ kind: "TLSRoute" }] } })] });
  makeRoute("r");
  await soon();
  expect(says(route("r").status?.conditions, "Accepted")).toBe("False Unattachable");
  expect(gateway().status?.listeners?.[0]?.attachedRoutes).toBe(0);
});

describe("GatewayListenerUnsupportedProtocol", () => {
  const invalid = open({ name: "invalid", port: 80, protocol: "example.com/unknown" });
  const refused = { ...FINE, name: "invalid", supportedKinds: [], Accepted: "False UnsupportedProtocol" };

  test("a Gateway with no other listener is not accepted", async () => {
    makeGateway({ listeners: [invalid] });
    await soon();
    expect(says(gateway().status?.conditions, "Accepted")).toBe("False ListenersNotValid");
    expect(listeners()).toEqual([refused]);
  });

  test("a Gateway with another listener is, and that one serves", async () => {
    makeGateway({ listeners: [open(), invalid] });
    makeRoute("r");
    await soon();
    expect(says(gateway().status?.conditions, "Accepted")).toBe("True ListenersNotValid");
    expect(listeners()).toEqual([{ ...FINE, attachedRoutes: 1 }, refused]);
  });
});

test("GatewayWithAttachedRoutes: one, two, and none that is not accepted", async () => {
  makeGateway();
  makeRoute("r");
  await soon();
  expect(listeners()).toEqual([{ ...FINE, attachedRoutes: 1 }]);
  makeRoute("s", { addresses: [typedAddress(B)] });
  await soon();
  expect(listeners()).toEqual([{ ...FINE, attachedRoutes: 2 }]);
  makeRoute("contested");
  makeRoute("foreign", { addresses: [typedAddress("198.51.100.99")] });
  await soon();
  expect(listeners()).toEqual([{ ...FINE, attachedRoutes: 2 }]);
  world.server.delete(gkeIpRoutes, { namespace: "backend", name: "s" });
  world.server.delete(gkeIpRoutes, { namespace: "backend", name: "r" });
  await soon();
  expect(listeners()).toEqual([{ ...FINE, attachedRoutes: 1 }]);
  expect(says(route("contested").status?.conditions, "Accepted")).toBe("True Accepted");
});

test("GatewayWithAttachedRoutesWithPort8080: a route goes to the listener that its sectionName or port means", async () => {
  makeGateway({ listeners: [open({ name: "unattached", port: 8080 }), open()] });
  makeRoute("r", { parentRefs: [{ name: "gw", namespace: "infra", sectionName: "default" }] });
  makeRoute("s", { parentRefs: [{ name: "gw", namespace: "infra", port: 443 }], addresses: [typedAddress(B)] });
  await soon();
  expect(listeners()).toEqual([
    { ...FINE, name: "unattached" },
    { ...FINE, attachedRoutes: 2 },
  ]);
});

test("GatewayModifyListeners: a listener that is added serves, one that is removed is gone from the status", async () => {
  makeGateway();
  makeRoute("r");
  await soon();
  edit(gateways, gateway(), { listeners: [open(), open({ name: "more", port: 80 })] });
  await soon();
  expect(listeners()).toEqual([
    { ...FINE, attachedRoutes: 1 },
    { ...FINE, name: "more", attachedRoutes: 1 },
  ]);
  edit(gateways, gateway(), { listeners: [open({ name: "more", port: 80 })] });
  await soon();
  expect(listeners()).toEqual([{ ...FINE, name: "more", attachedRoutes: 1 }]);
  expect(says(route("r").status?.conditions, "Accepted")).toBe("True Accepted");
});

test("GatewayStaticAddresses: a foreign type, then an unusable value, then only what can be used", async () => {
  const unusable = { type: "gke.networking.io/cidr", value: "198.51.100.0/24" };
  makeGateway({ addresses: [{ type: "test/fake-invalid-type", value: "x" }, unusable, typedAddress(A)] });
  await soon();
  expect(says(gateway().status?.conditions, "Accepted")).toBe("False UnsupportedAddress");
  edit(gateways, gateway(), { addresses: [unusable, typedAddress(A)] });
  await soon();
  expect(says(gateway().status?.conditions, "Accepted")).toBe("True Accepted");
  expect(says(gateway().status?.conditions, "Programmed")).toBe("False AddressNotUsable");
  edit(gateways, gateway(), { addresses: [typedAddress(A)] });
  await soon();
  const { conditions, addresses } = gateway().status ?? {};
  expect(says(conditions, "Accepted")).toBe("True Accepted");
  expect(says(conditions, "Programmed")).toBe("True Programmed");
  expect(addresses).toEqual([typedAddress(A)]);
  expect(listeners()).toEqual([FINE]);
});

test("a Gateway that asks for an address to be assigned is told that none is", async () => {
  makeGateway({ addresses: [] });
  await soon();
  expect(says(gateway().status?.conditions, "Programmed")).toBe("False AddressNotAssigned");
  expect(gateway().status?.addresses).toEqual([]);
});

test("GatewayInvalidParametersRef", async () => {
  makeGateway({ infrastructure: { parametersRef: { group: "", kind: "ConfigMap", name: "missing" } } });
  makeRoute("r");
  await soon();
  expect(says(gateway().status?.conditions, "Accepted")).toBe("False InvalidParameters");
  expect(says(route("r").status?.conditions, "Accepted")).toBe("False GatewayNotAccepted");
});

test("GatewayPreserveForeignConditions: on the Gateway, on a listener and on a route", async () => {
  makeGateway();
  makeRoute("r");
  await soon();
  const foreign = { type: "Seeded", status: "True", reason: "Seeded", message: "", observedGeneration: 1 } as const;
  const add = (conditions: readonly Condition[] = []): readonly Condition[] => [...conditions, foreign];
  const { status } = gateway();
  const [listener] = status?.listeners ?? [];
  const seeded = {
    ...status,
    conditions: add(status?.conditions),
    listeners: [{ ...listener, conditions: add(listener?.conditions) }],
  };
  world.server.replace(gateways, { ...gateway(), status: seeded } as KubeObject, "status");
  const old = route("r");
  world.server.replace(
    gkeIpRoutes,
    { ...old, status: { ...old.status, conditions: add(old.status?.conditions) } } as KubeObject,
    "status",
  );
  edit(gateways, gateway(), { listeners: [open({ port: 444 })] });
  edit(gkeIpRoutes, route("r"), { podSelector: { matchLabels: { component: "other" } } });
  await soon();
  for (const conditions of [
    gateway().status?.conditions,
    gateway().status?.listeners?.[0]?.conditions,
    route("r").status?.conditions,
  ]) {
    expect(conditions).toContainEqual(foreign);
    expect(observed(conditions?.filter(({ type }) => type !== "Seeded"))).toEqual([2]);
  }
});

test("GatewayMaxLengthName: 63 and 253 characters", async () => {
  const name = "g".repeat(253);
  const { metadata, ...rest } = aGateway({ listeners: [open({ name: "l".repeat(253) })] });
  world.server.create(gateways, { ...rest, metadata: { name, namespace: metadata.namespace } });
  await soon();
  const found = world.server.get<Gateway>(gateways, { namespace: "default", name });
  expect(says(found?.status?.conditions, "Programmed")).toBe("True Programmed");
});

describe("who may attach", () => {
  test("HTTPRouteCrossNamespace: a route of another namespace, where the listener admits all", async () => {
    makeGateway();
    makeRoute("r");
    await soon();
    expect(says(route("r").status?.conditions, "Accepted")).toBe("True Accepted");
  });

  test("HTTPRouteSimpleSameNamespace: a route of the Gateway's own, by the default", async () => {
    makeGateway({ listeners: [{ name: "default", port: 443, protocol: "none" }] });
    makeRoute("r", {}, "infra");
    await soon();
    expect(says(route("r", "infra").status?.conditions, "Accepted")).toBe("True Accepted");
  });

  test("HTTPRouteInvalidCrossNamespaceParentRef: another namespace's route is refused, and not counted", async () => {
    makeGateway({ listeners: [open({ allowedRoutes: { namespaces: { from: "Same" } } })] });
    makeRoute("r");
    await soon();
    expect(says(route("r").status?.conditions, "Accepted")).toBe("False Unattachable");
    expect(route("r").status?.pods).toEqual([]);
    expect(listeners()).toEqual([FINE]);
  });

  test.each([
    ["HTTPRouteInvalidParentRefNotMatchingSectionName", { sectionName: "nowhere" }],
    ["HTTPRouteInvalidParentRefNotMatchingListenerPort", { port: 81 }],
    ["HTTPRouteInvalidParentRefSectionNameNotMatchingPort", { sectionName: "default", port: 81 }],
  ])("%s", async (_, ref) => {
    makeGateway();
    makeRoute("r", { parentRefs: [{ name: "gw", namespace: "infra", ...ref }] });
    await soon();
    expect(says(route("r").status?.conditions, "Accepted")).toBe("False Unattachable");
    expect(listeners()).toEqual([FINE]);
  });

  test("a Selector follows the labels of the route's namespace, and takes the addresses away when they no longer match", async () => {
    const namespacesOf = { from: "Selector", selector: { matchLabels: { team: "amf" } } };
    makeGateway({ listeners: [open({ allowedRoutes: { namespaces: namespacesOf } })] });
    makeRoute("r");
    world.pod("p", { namespace: "backend" });
    const serves = (): boolean => says(route("r").status?.conditions, "Ready") === "True ProgrammingComplete";
    await world.until(serves);
    await soon();
    expect(listeners()).toEqual([{ ...FINE, attachedRoutes: 1 }]);
    const relabel = (labels: Record<string, string>): void => {
      const namespace = world.server.get(namespaces, { name: "backend" })!;
      world.server.replace(namespaces, { ...namespace, metadata: { ...namespace.metadata, labels } });
    };
    relabel({ team: "smf" });
    await world.until(() => says(route("r").status?.conditions, "Accepted") === "False Unattachable");
    await world.until(() => world.binding() === undefined);
    expect(listeners()).toEqual([FINE]);
    relabel({ team: "amf" });
    await world.until(serves);
    await soon();
    expect(listeners()).toEqual([{ ...FINE, attachedRoutes: 1 }]);
  });
});
