// GKEIPRoute objects as both flavours emit them.
import { CIDR_ADDRESS_TYPE } from "./address";
import { ANNOTATION_DELIVERY, type ReactionMode } from "./gke-api";
import { apiVersionOf, RESOURCES } from "./kubernetes";
import type { RoutePart, RoutePlan } from "./route";
import type { SelectorObject } from "./selector";

/** A GKEIPRoute. `Text` is a string, `Selector` a selector, or what a framework uses for one that comes later. */
export interface RouteObject<Text, Selector> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: Text;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly parentRefs: readonly { readonly name: string; readonly namespace: Text }[];
    readonly addresses: readonly { readonly type: string; readonly value: Text }[];
    readonly network: Text;
    readonly podSelector: Selector;
    readonly reactionMode: ReactionMode;
    readonly loadBalancing?: { readonly healthCheckName: Text };
    readonly haPolicy?: boolean;
    readonly nodeSelector?: SelectorObject<string>;
    readonly allowGlobalAccess?: boolean;
  };
}

/** The values of a route that a framework may know later. */
export interface RouteValues<Text, Selector> {
  readonly namespace: Text;
  readonly gatewayNamespace: Text;
  readonly network: Text;
  readonly podSelector: Selector;
  /** The addresses of this part as `a.b.c.d/32`. */
  readonly cidrs: readonly Text[];
  /** Read only where the plan has one. */
  readonly healthCheckName?: Text;
}

/** One GKEIPRoute of a plan. */
export function routeObject<Text, Selector>(
  plan: RoutePlan,
  part: RoutePart,
  values: RouteValues<Text, Selector>,
): RouteObject<Text, Selector> {
  const { healthCheckName: balanced, ...fields } = plan.fields;
  const { healthCheckName } = values;
  return {
    apiVersion: apiVersionOf(RESOURCES.gkeIpRoutes),
    kind: RESOURCES.gkeIpRoutes.kind,
    metadata: {
      name: part.name,
      namespace: values.namespace,
      ...(plan.delivery === undefined ? {} : { annotations: { [ANNOTATION_DELIVERY]: plan.delivery } }),
    },
    spec: {
      parentRefs: [{ name: part.gateway.name, namespace: values.gatewayNamespace }],
      addresses: values.cidrs.map((value) => ({ type: CIDR_ADDRESS_TYPE, value })),
      network: values.network,
      podSelector: values.podSelector,
      reactionMode: plan.reactionMode,
      ...(balanced === undefined || healthCheckName === undefined ? {} : { loadBalancing: { healthCheckName } }),
      ...fields,
    },
  };
}
