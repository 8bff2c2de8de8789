// The assertions of upstream's conformance tests for which a real API server matters: generations that it counts, defaults that
// it fills in, definitions that refuse or drop what they do not know. The controller is the shipped one, with the rights that
// PersistentIpController gives it; test/controller/gateway-conformance.test.ts has the whole list.
import { readFileSync } from "node:fs";
import { type Controller, runController } from "../../controller-image/src/controller/controller";
import {
  createKube,
  createLeaseApi,
  kubeconfigOf,
  systemClock,
  type Kube,
} from "../../controller-image/src/kube/index";
import type { ControlPlane } from "../../lab/cluster/control-plane";
import { gkeApi } from "../../lib/crds";
import { typedAddress } from "../../lib/model/address";
import { planController } from "../../lib/model/controller";
import { controllerObjects } from "../../lib/model/controller-manifests";
import type { Gateway, GatewayClass, GKEIPRoute, Listener } from "../../lib/model/gke-api";
import { RESOURCES, type Condition, type Namespace } from "../../lib/model/kubernetes";
import { Problems } from "../../lib/model/problems";
import { CONTROLLER, PODPIN_NAMESPACE } from "../../lib/model/runtime";
import { loopbackControlPlane } from "../support/control-plane";
import { parts } from "../support/parts";

jest.setTimeout(180_000);

const { gatewayClasses, gateways, gkeIpRoutes, namespaces } = RESOURCES;
const CLASS = { name: "podpin-l2" };
const GATEWAY = { namespace: "default", name: "gw" };
const ROUTE = { namespace: "backend", name: "route" };
const A = "198.51.100.10";
const OURS = { group: "networking.gke.io", kind: "GKEIPRoute" };

let cluster: ControlPlane;
let admin: Kube;
let controller: Controller;
const closing: { close(): void }[] = [];

const create = (object: object): Promise<string> => cluster.kubectl(["create", "-f", "-"], JSON.stringify(object));
const connection = (token: string) => ({
  config: { ...kubeconfigOf(JSON.parse(readFileSync(cluster.kubeconfig, "utf8"))), token },
  clock: systemClock,
  log: (): void => undefined,
  userAgent: "podpin-test/0",
});

beforeAll(async () => {
  const found = await parts("gateway-api-crds");
  cluster = await loopbackControlPlane();
  await cluster.kubectl(["create", "-f", found["gateway-api-crds"]]);
  for (const definition of gkeApi) await create(definition);
  const image = "registry.example.com/podpin:0.1.0";
  const declared = controllerObjects(planController({ image }, new Problems()), image).map(({ object }) => object);
  for (const kind of [undefined, "GatewayClass"]) {
    for (const object of declared) {
      if ((object.kind === "GatewayClass") !== (kind !== undefined)) continue;
      if (object.kind !== "Deployment" && object.kind !== "DaemonSet") await create(object);
    }
    await cluster.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  }
  await create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "backend", labels: { team: "amf" } } });

  admin = createKube(connection(cluster.token));
  const token = (await cluster.kubectl(["create", "token", CONTROLLER, "-n", PODPIN_NAMESPACE])).trim();
  const kube = createKube(connection(token));
  const leases = createLeaseApi(connection(token));
  closing.push(admin, kube, leases);
  controller = runController({
    kube,
    leases,
    podName: "podpin-controller-0",
    identity: "podpin-controller-0_1",
    clock: systemClock,
    log: () => undefined,
    namespace: PODPIN_NAMESPACE,
    clusterCidrs: [],
    definitions: [],
  });
  // Building the parts, where nobody has done it yet, takes longer than any test.
}, 1_800_000);

afterAll(async () => {
  await controller?.stop();
  for (const one of closing) one.close();
  await cluster?.stop();
});

afterEach(async () => {
  await admin.delete(gkeIpRoutes, ROUTE);
  await admin.delete(gateways, GATEWAY);
  await until("the Gateway and the route are gone", async () => [
    await admin.get(gateways, GATEWAY),
    await admin.get(gkeIpRoutes, ROUTE),
  ]).to([undefined, undefined]);
});

/** Asks again until the answer is the one, and fails with the last one. */
function until<T>(what: string, ask: () => Promise<T>): { to(wanted: T): Promise<void> } {
  return {
    to: async (wanted) => {
      const end = performance.now() + 60_000;
      let got = await ask();
      while (JSON.stringify(got) !== JSON.stringify(wanted) && performance.now() < end) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        got = await ask();
      }
      expect({ what, got }).toEqual({ what, got: wanted });
    },
  };
}

const open = (fields: Partial<Listener> = {}): Listener => ({
  name: "default",
  port: 443,
  protocol: "none",
  allowedRoutes: { namespaces: { from: "All" } },
  ...fields,
});
const gatewaySpec = (spec: Partial<Gateway["spec"]> = {}): Gateway["spec"] => ({
  gatewayClassName: CLASS.name,
  addresses: [typedAddress(A)],
  listeners: [open()],
  ...spec,
});
const makeGateway = (spec: Partial<Gateway["spec"]> = {}): Promise<Gateway> =>
  admin.create<Gateway>(gateways, { metadata: GATEWAY, spec: gatewaySpec(spec) });
const editGateway = (spec: Partial<Gateway["spec"]>): Promise<Gateway> =>
  admin.mergePatch<Gateway>(gateways, GATEWAY, { spec });
const makeRoute = (parent: object = {}): Promise<GKEIPRoute> =>
  admin.create<GKEIPRoute>(gkeIpRoutes, {
    metadata: ROUTE,
    spec: {
      parentRefs: [{ ...GATEWAY, ...parent }],
      addresses: [typedAddress(A)],
      podSelector: { matchLabels: { component: "proxy" } },
    },
  });

const says = (conditions: readonly Condition[] | undefined, type: string): string | undefined => {
  const { status, reason, observedGeneration } = conditions?.find((one) => one.type === type) ?? {};
  return status && `${status} ${reason} ${observedGeneration}`;
};
const ofGateway = async (...types: string[]): Promise<unknown[]> => {
  const gateway = await admin.get<Gateway>(gateways, GATEWAY);
  return types.map((type) => says(gateway?.status?.conditions, type));
};
const listeners = async (): Promise<unknown[]> =>
  ((await admin.get<Gateway>(gateways, GATEWAY))?.status?.listeners ?? []).map((one) => [
    one.name,
    one.supportedKinds,
    one.attachedRoutes,
    says(one.conditions, "Accepted"),
    says(one.conditions, "ResolvedRefs"),
  ]);
const accepted = async (): Promise<string | undefined> =>
  says((await admin.get<GKEIPRoute>(gkeIpRoutes, ROUTE))?.status?.conditions, "Accepted");

test("GatewayClassObservedGenerationBump, GatewayClassSupportedVersionCondition and the features", async () => {
  const ofClass = async (): Promise<unknown[]> => {
    const { status } = (await admin.get<GatewayClass>(gatewayClasses, CLASS))!;
    const [first, second] = ["Accepted", "SupportedVersion"].map((type) => says(status?.conditions, type));
    return [first, second, status?.supportedFeatures];
  };
  const features = [{ name: "Gateway" }, { name: "GatewayStaticAddresses" }];
  await until("class", ofClass).to(["True Accepted 1", "True SupportedVersion 1", features]);
  await admin.mergePatch(gatewayClasses, CLASS, { spec: { description: "another text" } });
  await until("class", ofClass).to(["True Accepted 2", "True SupportedVersion 2", features]);
});

test("GatewayObservedGenerationBump, GatewayModifyListeners, GatewayWithAttachedRoutes", async () => {
  await makeGateway();
  await makeRoute();
  await until("route", accepted).to("True Accepted 1");
  await until("listeners", listeners).to([["default", [OURS], 1, "True Accepted 1", "True ResolvedRefs 1"]]);
  await editGateway({ listeners: [open(), open({ name: "more", port: 80 })] });
  await until("listeners", listeners).to([
    ["default", [OURS], 1, "True Accepted 2", "True ResolvedRefs 2"],
    ["more", [OURS], 1, "True Accepted 2", "True ResolvedRefs 2"],
  ]);
  await until("Gateway", () => ofGateway("Accepted", "Programmed")).to(["True Accepted 2", "True Programmed 2"]);
});

test("GatewayInvalidRouteKind: supportedKinds is an empty list, not nothing", async () => {
  await makeGateway({ listeners: [open({ allowedRoutes: { kinds: [{ kind: "InvalidRoute" }] } })] });
  await until("listeners", listeners).to([["default", [], 0, "True Accepted 1", "False InvalidRouteKinds 1"]]);
});

test("GatewayListenerUnsupportedProtocol", async () => {
  const invalid = open({ name: "invalid", port: 80, protocol: "example.com/unknown" });
  await makeGateway({ listeners: [invalid] });
  await until("Gateway", () => ofGateway("Accepted")).to(["False ListenersNotValid 1"]);
  await until("listeners", listeners).to([["invalid", [], 0, "False UnsupportedProtocol 1", "True ResolvedRefs 1"]]);
  await editGateway({ listeners: [open(), invalid] });
  await until("Gateway", () => ofGateway("Accepted")).to(["True ListenersNotValid 2"]);
});

test("GatewayStaticAddresses", async () => {
  const unusable = { type: "gke.networking.io/cidr", value: "198.51.100.0/24" };
  await makeGateway({ addresses: [{ type: "test/fake-invalid-type", value: "x" }, unusable, typedAddress(A)] });
  const said = (): Promise<unknown[]> => ofGateway("Accepted", "Programmed");
  await until("Gateway", said).to(["False UnsupportedAddress 1", "False AddressNotUsable 1"]);
  await editGateway({ addresses: [unusable, typedAddress(A)] });
  await until("Gateway", said).to(["True Accepted 2", "False AddressNotUsable 2"]);
  await editGateway({ addresses: [typedAddress(A)] });
  await until("Gateway", said).to(["True Accepted 3", "True Programmed 3"]);
  expect((await admin.get<Gateway>(gateways, GATEWAY))?.status?.addresses).toEqual([typedAddress(A)]);
});

test("HTTPRouteInvalidCrossNamespaceParentRef by the server's default, HTTPRouteCrossNamespace, and a namespace's labels", async () => {
  await makeGateway({ listeners: [{ name: "default", port: 443, protocol: "none" }] });
  await makeRoute();
  await until("route", accepted).to("False Unattachable 1");
  await editGateway({ listeners: [open()] });
  await until("route", accepted).to("True Accepted 1");
  const selector = { matchLabels: { team: "amf" } };
  await editGateway({ listeners: [open({ allowedRoutes: { namespaces: { from: "Selector", selector } } })] });
  await until("listeners", listeners).to([["default", [OURS], 1, "True Accepted 3", "True ResolvedRefs 3"]]);
  const relabel = (team: string): Promise<Namespace> =>
    admin.mergePatch<Namespace>(namespaces, { name: "backend" }, { metadata: { labels: { team } } });
  await relabel("smf");
  await until("route", accepted).to("False Unattachable 1");
  await until("listeners", listeners).to([["default", [OURS], 0, "True Accepted 3", "True ResolvedRefs 3"]]);
  await relabel("amf");
  await until("route", accepted).to("True Accepted 1");
});

test("HTTPRouteInvalidParentRefNotMatchingSectionName, and HTTPRouteObservedGenerationBump", async () => {
  await makeGateway();
  await makeRoute({ sectionName: "nowhere" });
  await until("route", accepted).to("False Unattachable 1");
  await admin.mergePatch(gkeIpRoutes, ROUTE, { spec: { podSelector: { matchLabels: { component: "other" } } } });
  await until("route", accepted).to("False Unattachable 2");
});
