// The large cluster that P6 fills an API server with, by numbers alone: object i always looks the same.
import type { KubeObject, LabelSelector, Resource } from "../../lib/model/kubernetes";
import { RESOURCES } from "../../lib/model/kubernetes";

export interface Size {
  readonly nodes: number;
  readonly pods: number;
  /** One address each, two Pods each: the one that has it, and one that could. */
  readonly routes: number;
}

export const NAMESPACES = 100;
const ADDRESSES_OF_A_GATEWAY = 16;
const GATEWAY_NAMESPACE = "pools";
export const CLASS = "podpin-none";

export const namespaceOf = (index: number): string => `team-${index % NAMESPACES}`;
export const nodeOf = (index: number): string => `node-${index}`;
export const addressOf = (route: number): string => `10.${100 + (route >> 16)}.${(route >> 8) & 255}.${route & 255}`;
export const holderOf = (route: number): string => `amf-${route}-0`;
export const standbyOf = (route: number): string => `amf-${route}-1`;

const SERVICE_ACCOUNT: Resource = {
  group: "",
  version: "v1",
  plural: "serviceaccounts",
  kind: "ServiceAccount",
  namespaced: true,
};

type Loaded = readonly [Resource, KubeObject];

/** Everything but Pods: few, and in the order in which they need each other. */
export function* frame({ nodes, routes }: Size): Generator<Loaded> {
  for (const name of [GATEWAY_NAMESPACE, ...Array.from({ length: NAMESPACES }, (_, index) => namespaceOf(index))]) {
    yield [RESOURCES.namespaces, { metadata: { name } }];
    yield [SERVICE_ACCOUNT, { metadata: { namespace: name, name: "default" } }];
  }
  const annotations = { "podpin.dev/fabric": "none" };
  const controllerName = "podpin.dev/persistent-ip-controller";
  yield [RESOURCES.gatewayClasses, with_({ name: CLASS, annotations }, { spec: { controllerName } })];
  for (let gateway = 0; gateway * ADDRESSES_OF_A_GATEWAY < routes; gateway++)
    yield [RESOURCES.gateways, gatewayAt(gateway)];
  for (let index = 0; index < nodes; index++) yield [RESOURCES.nodes, { metadata: { name: nodeOf(index) } }];
}

export function* allRoutes({ routes }: Size): Generator<Loaded> {
  for (let index = 0; index < routes; index++)
    yield routeAt(index, `amf-${index}`, { matchLabels: { amf: String(index) } });
}

/** One that any Pod of its namespace could match, but for those that the others are about. It has no address to give. */
export function routeOfAny(): Loaded {
  return routeAt(0, "any", { matchExpressions: [{ key: "amf", operator: "DoesNotExist" }] });
}

function routeAt(index: number, name: string, podSelector: LabelSelector): Loaded {
  const parent = { name: `pool-${Math.floor(index / ADDRESSES_OF_A_GATEWAY)}`, namespace: GATEWAY_NAMESPACE };
  const spec = {
    parentRefs: [parent],
    addresses: [{ type: "gke.networking.io/cidr", value: `${addressOf(index)}/32` }],
    network: "default",
    reactionMode: "ReadyCondition",
    podSelector,
  };
  return [RESOURCES.gkeIpRoutes, with_({ namespace: namespaceOf(index), name }, { spec })];
}

/** Those that could have an address come last, so that they are newer than those that have it. */
export function* allPods(size: Size): Generator<Loaded> {
  for (let route = 0; route < size.routes; route++) {
    yield [RESOURCES.pods, podAt(size, route, holderOf(route), { amf: String(route) })];
  }
  for (let index = 0; index < size.pods - 2 * size.routes; index++) {
    const app = `web-${index % 3000}`;
    const labels = {
      app,
      "app.kubernetes.io/name": app,
      "app.kubernetes.io/part-of": "shop",
      "pod-template-hash": "7f9c8d6b5",
    };
    yield [RESOURCES.pods, podAt(size, index, otherOf(index), labels)];
  }
  for (let route = 0; route < size.routes; route++) {
    yield [RESOURCES.pods, podAt(size, route + 1, standbyOf(route), { amf: String(route) }, namespaceOf(route))];
  }
}

export const otherOf = (index: number): string => `web-${index % 3000}-7f9c8d6b5-${index.toString(36)}`;

/** What makes a Pod eligible. */
export function readyStatus(index: number): object {
  const podIP = `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`;
  return { phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions: [{ type: "Ready", status: "True" }] };
}

function gatewayAt(gateway: number): KubeObject {
  const values = Array.from({ length: ADDRESSES_OF_A_GATEWAY }, (_, index) =>
    addressOf(gateway * ADDRESSES_OF_A_GATEWAY + index),
  );
  const spec = {
    gatewayClassName: CLASS,
    listeners: [{ name: "default", port: 443, protocol: "none", allowedRoutes: { namespaces: { from: "All" } } }],
    addresses: values.map((value) => ({ type: "gke.networking.io/cidr", value: `${value}/32` })),
  };
  return with_({ namespace: GATEWAY_NAMESPACE, name: `pool-${gateway}` }, { spec });
}

function podAt(
  { nodes }: Size,
  index: number,
  name: string,
  labels: Readonly<Record<string, string>>,
  namespace = namespaceOf(index),
): KubeObject {
  const env = Array.from({ length: 12 }, (_, variable) => ({
    name: `SETTING_${variable}`,
    value: `value-${variable}`,
  }));
  const resources = { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } };
  const containers = [{ name: "app", image: "registry.example/shop/app:1.2.3", env, resources }];
  return with_({ namespace, name, labels }, { spec: { nodeName: nodeOf(index % nodes), containers } });
}

const with_ = (metadata: KubeObject["metadata"], more: object): KubeObject => ({ metadata, ...more }) as KubeObject;
