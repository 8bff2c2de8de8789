// Small complete objects for tests; every field can be replaced.
import { typedAddress } from "../../lib/model/address";
import type { ClusterView } from "../../lib/model/acceptance";
import type { AddressBinding, AddressBindingSpec, BindingAck } from "../../lib/model/binding";
import {
  ANNOTATION_FABRIC,
  PODPIN_CONTROLLER_NAME,
  type Gateway,
  type GatewayClass,
  type GKEIPRoute,
  type GKEIPRouteSpec,
  type Network,
} from "../../lib/model/gke-api";
import type { ObjectMeta, Pod } from "../../lib/model/kubernetes";

export const A = "198.51.100.10";
export const B = "198.51.100.11";

export function aClass(name = "podpin-l2", fabric: string | undefined = "l2"): GatewayClass {
  return {
    metadata: { name, generation: 1, annotations: fabric === undefined ? {} : { [ANNOTATION_FABRIC]: fabric } },
    spec: { controllerName: PODPIN_CONTROLLER_NAME },
  };
}

export function aGateway(spec: Partial<Gateway["spec"]> = {}, metadata: Partial<ObjectMeta> = {}): Gateway {
  return {
    metadata: { name: "allowed", namespace: "default", generation: 1, ...metadata },
    spec: {
      gatewayClassName: "podpin-l2",
      addresses: [typedAddress(A), typedAddress(B)],
      listeners: [{ name: "default", port: 443, protocol: "none", allowedRoutes: { namespaces: { from: "All" } } }],
      ...spec,
    },
  };
}

export function aRoute(spec: Partial<GKEIPRouteSpec> = {}, metadata: Partial<ObjectMeta> = {}): GKEIPRoute {
  const name = metadata.name ?? "route";
  return {
    metadata: {
      name,
      namespace: "edge",
      uid: `${name}-uid`,
      generation: 1,
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      annotations: { "podpin.dev/delivery": "nat" },
      ...metadata,
    },
    spec: {
      parentRefs: [{ name: "allowed", namespace: "default" }],
      addresses: [typedAddress(A)],
      network: "default",
      podSelector: { matchLabels: { component: "proxy" } },
      reactionMode: "ReadyCondition",
      ...spec,
    },
  };
}

export interface PodFields {
  readonly node?: string;
  readonly ip?: string;
  readonly ready?: boolean;
  readonly created?: string;
  readonly terminating?: boolean;
  readonly uid?: string;
  readonly labels?: Record<string, string>;
  readonly namespace?: string;
}

export function aPod(name: string, fields: PodFields = {}): Pod {
  const { node = "node1", ready = true, created = "2026-01-01T00:01:00Z", uid = `${name}-uid` } = fields;
  const ip = "ip" in fields ? fields.ip : "10.244.1.5";
  return {
    metadata: {
      name,
      namespace: fields.namespace ?? "edge",
      uid,
      creationTimestamp: created,
      labels: fields.labels ?? { component: "proxy" },
      ...(fields.terminating ? { deletionTimestamp: "2026-01-01T01:00:00Z" } : {}),
    },
    spec: { nodeName: node },
    status: { phase: "Running", podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

export function aBinding(spec: Partial<AddressBindingSpec> = {}, acks: readonly BindingAck[] = []): AddressBinding {
  const address = spec.address ?? A;
  return {
    metadata: { name: address, resourceVersion: "7", uid: `binding-${address}` },
    spec: {
      address,
      epoch: 1,
      route: { namespace: "edge", name: "route", uid: "route-uid" },
      nodeName: "node1",
      owner: { podName: "p", podUid: "p-uid", podIp: "10.244.1.5" },
      delivery: "nat",
      fabric: "l2",
      network: "default",
      ...spec,
    },
    status: { acks },
  };
}

export interface ViewFields {
  readonly classes?: readonly GatewayClass[];
  readonly gateways?: readonly Gateway[];
  readonly networks?: readonly Network[];
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly cloud?: boolean;
}

export function aView(fields: ViewFields = {}): ClusterView {
  const {
    classes = [aClass()],
    gateways = [aGateway()],
    networks = [],
    namespaces = { edge: {}, default: {} },
    cloud = false,
  } = fields;
  return {
    cloud,
    gatewayClass: (name) => classes.find(({ metadata }) => metadata.name === name),
    gateway: (namespace, name) =>
      gateways.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    network: (name) => networks.find(({ metadata }) => metadata.name === name),
    namespaceLabels: (name) => namespaces[name],
  };
}
