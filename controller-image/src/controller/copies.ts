// The live copies of what the controller reads: one for each kind, made together, complete together.
import type { AddressBinding } from "../../../lib/model/binding";
import type { Gateway, GatewayClass, GKEIPRoute, GKENetworkParamSet, Network } from "../../../lib/model/gke-api";
import {
  RESOURCES,
  type KubeObject,
  type Namespace,
  type Node,
  type Pod,
  type Resource,
} from "../../../lib/model/kubernetes";
import type { Change, Kube, Reflector, ReflectorOptions } from "../kube/api";
import { decodeBinding, decodeClass, decodeGateway, decodeNetwork, decodeNetworkParams, decodeRoute } from "./decoders";
import { PodWatch } from "./pod-watch";
import { projectNamespace, projectNode } from "./projections";

type Heard<T extends KubeObject> = (change: Change<T>) => void;

/** Who hears of each change. */
export interface Hearers {
  readonly gatewayClass: Heard<GatewayClass>;
  readonly gateway: Heard<Gateway>;
  readonly route: Heard<GKEIPRoute>;
  readonly network: Heard<Network>;
  readonly networkParams: Heard<GKENetworkParamSet>;
  readonly namespace: Heard<Namespace>;
  readonly node: Heard<Node>;
  readonly binding: Heard<AddressBinding>;
  readonly pod: Heard<Pod>;
  /** Pods of routes that were not known before are known now. */
  readonly covered: () => void;
}

export interface CopiesOptions {
  readonly kube: Kube;
  /** Whether there is a cloud to be told of networks. */
  readonly cloud: boolean;
  /** Every copy is complete. */
  readonly onSynced: () => void;
}

export type Copy = Pick<Reflector<KubeObject>, "synced" | "lastError" | "heardAt" | "stop">;

export class Copies {
  readonly classes: Reflector<GatewayClass>;
  readonly gateways: Reflector<Gateway>;
  readonly routes: Reflector<GKEIPRoute>;
  readonly networks: Reflector<Network>;
  /** What Networks are in the cloud; kept only where there is one. */
  readonly networkParams?: Reflector<GKENetworkParamSet>;
  readonly namespaces: Reflector<Namespace>;
  readonly nodes: Reflector<Node>;
  readonly bindings: Reflector<AddressBinding>;
  /** Those that some route may select, and no others. */
  readonly pods: PodWatch;

  readonly byKind: Readonly<Record<string, Copy>>;

  constructor({ kube, cloud, onSynced }: CopiesOptions, hearers: Hearers) {
    const whenSynced = (): void => {
      if (this.synced) onSynced();
    };
    const copy = <T extends KubeObject>(
      resource: Resource,
      project: ReflectorOptions<T>["project"],
      onChange: Heard<T>,
    ): Reflector<T> => kube.reflect<T>({ resource, project, onChange, onSynced: whenSynced });

    this.pods = new PodWatch({ kube, onChange: hearers.pod, onSynced: whenSynced, onCovered: hearers.covered });
    this.classes = copy(RESOURCES.gatewayClasses, decodeClass, hearers.gatewayClass);
    this.gateways = copy(RESOURCES.gateways, decodeGateway, hearers.gateway);
    this.routes = kube.reflect<GKEIPRoute>({
      resource: RESOURCES.gkeIpRoutes,
      project: decodeRoute,
      onChange: hearers.route,
      // The Pods follow, and are complete later.
      onSynced: () => this.pods.begin(),
    });
    this.networks = copy(RESOURCES.networks, decodeNetwork, hearers.network);
    if (cloud) {
      this.networkParams = copy(RESOURCES.gkeNetworkParamSets, decodeNetworkParams, hearers.networkParams);
    }
    this.namespaces = copy(RESOURCES.namespaces, projectNamespace, hearers.namespace);
    this.nodes = copy(RESOURCES.nodes, projectNode, hearers.node);
    this.bindings = copy(RESOURCES.addressBindings, decodeBinding, hearers.binding);
    this.byKind = {
      GatewayClass: this.classes,
      Gateway: this.gateways,
      GKEIPRoute: this.routes,
      Network: this.networks,
      ...(this.networkParams && { GKENetworkParamSet: this.networkParams }),
      Namespace: this.namespaces,
      Node: this.nodes,
      AddressBinding: this.bindings,
      Pod: this.pods,
    };
  }

  /** Whether every copy is complete; nothing may be decided before. */
  get synced(): boolean {
    return Object.values(this.byKind).every((copy) => copy.synced);
  }

  /** What is not complete yet and why, one line each. */
  get problems(): readonly string[] {
    return Object.values(this.byKind).flatMap((copy) => copy.lastError ?? []);
  }

  stop(): void {
    for (const copy of Object.values(this.byKind)) copy.stop();
  }
}
