// What users write: the Gateway and the routes.
import { typedAddress } from "../../lib/model/address";
import { Fabric } from "../../lib/model/binding";
import { PODPIN_EXTERNAL_CLASS, PODPIN_L2_CLASS } from "../../lib/model/classes";
import { ANNOTATION_DELIVERY, PODPIN_CONTROLLER_NAME, ROUTE_FINALIZER, type GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { aClass, aGateway } from "../support/objects";
import { ADDRESSES, NAMESPACE, type World } from "./world";

export class Routes {
  constructor(private readonly world: World) {}

  get #className(): string {
    return this.world.cloud === undefined ? PODPIN_L2_CLASS : PODPIN_EXTERNAL_CLASS;
  }

  putClass(controllerName = PODPIN_CONTROLLER_NAME): void {
    const fabric = this.world.cloud === undefined ? Fabric.L2 : Fabric.Gce;
    const { metadata, spec } = aClass(this.#className, fabric);
    this.world.server.put(RESOURCES.gatewayClasses, {
      metadata: { name: metadata.name, annotations: metadata.annotations },
      spec: { ...spec, controllerName },
    } as KubeObject);
  }

  putGateway(): void {
    this.world.server.put(RESOURCES.gateways, {
      ...aGateway({ addresses: ADDRESSES.map(typedAddress), gatewayClassName: this.#className }),
      metadata: { name: "allowed", namespace: "default" },
    } as KubeObject);
  }

  put(
    name: string,
    addresses: readonly string[],
    group: string,
    options: { readonly delivery?: string; readonly reactionMode?: string } = {},
  ): void {
    const old = this.get(name);
    if (old?.metadata.deletionTimestamp !== undefined) return;
    const { delivery = "nat", reactionMode = "ReadyCondition" } = options;
    const finalizers = old?.metadata.finalizers ?? [];
    this.world.server.put(RESOURCES.gkeIpRoutes, {
      metadata: {
        name,
        namespace: NAMESPACE,
        annotations: { [ANNOTATION_DELIVERY]: delivery },
        ...(finalizers.includes(ROUTE_FINALIZER) ? { finalizers } : {}),
      },
      spec: {
        parentRefs: [{ name: "allowed", namespace: "default" }],
        addresses: addresses.map(typedAddress),
        network: "default",
        podSelector: { matchLabels: { component: group } },
        reactionMode,
      },
      status: old?.status,
    } as KubeObject);
  }

  get(name: string): GKEIPRoute | undefined {
    return this.world.server.get<GKEIPRoute>(RESOURCES.gkeIpRoutes, { namespace: NAMESPACE, name });
  }
}
