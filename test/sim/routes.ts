// What users write: the Gateway and the routes.
import { typedAddress } from "../../lib/model/address";
import { ANNOTATION_DELIVERY, ROUTE_FINALIZER, type GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { aGateway } from "../support/objects";
import { ADDRESSES, NAMESPACE, type World } from "./world";

export class Routes {
  constructor(private readonly world: World) {}

  putGateway(): void {
    this.world.server.put(RESOURCES.gateways, {
      ...aGateway({ addresses: ADDRESSES.map(typedAddress) }),
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
