// What users write: the Gateway and the routes.
import { typedAddress } from "../../lib/model/address";
import { Fabric } from "../../lib/model/binding";
import { PODPIN_EXTERNAL_CLASS, PODPIN_L2_CLASS } from "../../lib/model/classes";
import { ANNOTATION_DELIVERY, PODPIN_CONTROLLER_NAME, ROUTE_FINALIZER, type GKEIPRoute } from "../../lib/model/gke-api";
import { RESOURCES, type KubeObject, type LabelSelector } from "../../lib/model/kubernetes";
import { aClass, aGateway } from "../support/objects";
import { Random } from "./random";
import { ADDRESSES, GROUPS, NAMESPACE, type World } from "./world";

/** How a route can tell the Pods of a group: by a label and its value, by a label that only they have, or by what others have. */
const WAYS: readonly ((group: string) => LabelSelector)[] = [
  (group) => ({ matchLabels: { component: group } }),
  (group) => ({ matchExpressions: [{ key: `of-${group}`, operator: "Exists" }] }),
  (group) => {
    const others = [...GROUPS, "poison", "none"].filter((other) => other !== group);
    return { matchExpressions: [{ key: "component", operator: "NotIn", values: others }] };
  },
];

export class Routes {
  readonly #random: Random;
  readonly #ways = new Map<string, (typeof WAYS)[number]>();
  readonly #groups = new Map<string, string>();

  constructor(
    private readonly world: World,
    seed: number,
  ) {
    this.#random = new Random(seed ^ 0x1abe1);
  }

  /** Whose Pods the route is for. */
  groupOf(name: string): string | undefined {
    return this.#groups.get(name);
  }

  /** Whether the route of this UID is gone, or about to be. */
  isLeaving(uid: string): boolean {
    const route = this.#ofUid(uid);
    return route === undefined || route.metadata.deletionTimestamp !== undefined;
  }

  /** Whether the route of this UID is for Pods of this group, by what was written last. */
  isFor(uid: string, group: string | undefined): boolean {
    const route = this.#ofUid(uid);
    return route !== undefined && group !== undefined && this.groupOf(route.metadata.name) === group;
  }

  #ofUid(uid: string): GKEIPRoute | undefined {
    return [...this.#groups.keys()].map((name) => this.get(name)).find((one) => one?.metadata.uid === uid);
  }

  /** By one label and its value in most schedules; the same for the whole life of a route. */
  #selector(name: string, group: string): LabelSelector {
    const way = this.#ways.get(name) ?? (this.#random.chance(0.2) ? this.#random.pick(WAYS) : WAYS[0]!);
    this.#ways.set(name, way);
    this.#groups.set(name, group);
    return way(group);
  }

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
        podSelector: this.#selector(name, group),
        reactionMode,
      },
      status: old?.status,
    } as KubeObject);
  }

  get(name: string): GKEIPRoute | undefined {
    return this.world.server.get<GKEIPRoute>(RESOURCES.gkeIpRoutes, { namespace: NAMESPACE, name });
  }
}
