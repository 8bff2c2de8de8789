// A pool: Gateways that list persistent addresses and say which namespaces may use them.
import { checkAddresses } from "./address-list";
import { CIDR_ADDRESS_TYPE } from "./address";
import { checkChoice } from "./choices";
import {
  AddressType,
  defaultClassName,
  GKE_CLASS_NAMES,
  type GkeClassFabric,
  PODPIN_CLASSES,
  Provider,
} from "./classes";
import { MAX_ADDRESSES_PER_GATEWAY } from "./gke-api";
import { apiVersionOf, RESOURCES } from "./kubernetes";
import { isKnown, type MaybeLater } from "./later";
import { checkNamespaceName, checkObjectName, checkSelector } from "./names";
import type { Problems } from "./problems";

/** Whose routes may use the addresses of a pool; the Gateway API's own words. */
export const AllowedNamespaces = {
  /** Routes of every namespace. */
  All: "All",
  /** Routes of the pool's namespace. */
  Same: "Same",
  /** Routes of the namespaces that `namespaceSelector` matches. */
  Selector: "Selector",
} as const;
export type AllowedNamespaces = (typeof AllowedNamespaces)[keyof typeof AllowedNamespaces];

/** What a pool takes in both flavours besides its addresses. */
export interface PoolOptions {
  /**
   * GatewayClass of the pool's Gateways. Fixed after creation: GKE does not accept a change once a route uses the pool.
   *
   * @default - with a controller `podpin-regional-external`, without one `gke-persistent-regional-external-managed`;
   * the internal one of either with `addressType: "INTERNAL"`
   * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
   */
  gatewayClassName?: string;
  /**
   * Whether the addresses are reachable from the internet (`EXTERNAL`) or within the VPC network (`INTERNAL`). It chooses
   * the GatewayClass, so it cannot be given together with `gatewayClassName`.
   *
   * @default "EXTERNAL"
   */
  addressType?: AddressType;
  /**
   * Whose routes may use the addresses: those of `All` namespaces, of the `Same` namespace as the pool, or of the
   * namespaces that `namespaceSelector` matches (`Selector`). A later change takes effect at once: routes that are no
   * longer admitted lose their addresses.
   *
   * @default "Same"
   */
  allowedNamespaces?: AllowedNamespaces;
  /**
   * Labels that a namespace must have, all of them, with `allowedNamespaces: "Selector"`. Every namespace has the label
   * `kubernetes.io/metadata.name` with its own name.
   *
   * @default - none
   */
  namespaceSelector?: Record<string, string>;
}

export interface PoolInput extends PoolOptions {
  readonly name: string;
  /** Absent where the program gives none. */
  readonly addresses?: readonly MaybeLater<string>[];
  readonly namespace?: MaybeLater<string>;
  /** Present when podpin runs the routes. */
  readonly controller?: { readonly gkeClassFabric?: GkeClassFabric };
}

export interface PoolPlan {
  readonly name: string;
  readonly provider: Provider;
  readonly namespace: MaybeLater<string>;
  /** Bare addresses; `LATER` where one is not known yet. */
  readonly addresses: readonly MaybeLater<string>[];
  readonly allowedNamespaces: AllowedNamespaces;
  readonly gateways: readonly GatewayPlan[];
}

export interface GatewayPlan {
  readonly name: string;
  readonly className: string;
  /** Positions in the pool, ascending. */
  readonly positions: readonly number[];
  readonly allowedNamespaces: AllowedNamespaces;
  readonly namespaceSelector?: Readonly<Record<string, string>>;
}

export const DEFAULT_NAMESPACE = "default";

/** The listener of every pool. Port and protocol are the how-to's; they mean nothing for persistent addresses. */
export const LISTENER = { name: "default", port: 443, protocol: "none" } as const;

/** Plans the Gateways of a pool. Growing the list of addresses renames no Gateway and moves no address. */
export function planPool(input: PoolInput, problems: Problems): PoolPlan {
  const provider = input.controller === undefined ? Provider.Gke : Provider.Podpin;
  const namespace = input.namespace ?? DEFAULT_NAMESPACE;
  const { addresses: given = [] } = input;
  const positions = given.map((_, index) => index);
  const names = partNames(input.name, Math.max(1, Math.ceil(positions.length / MAX_ADDRESSES_PER_GATEWAY)));

  checkObjectName("name", input.name, problems, names.at(-1)?.slice(input.name.length));
  if (input.addresses === undefined) {
    problems.add(
      "addresses",
      undefined,
      "this version does not reserve addresses yet, pass those that you have to PersistentIpPool.fromAddresses",
    );
  } else if (given.length === 0) {
    problems.add("addresses", given, "pass at least one address");
  }
  const addresses = checkAddresses("addresses", given, problems);
  if (isKnown(namespace)) checkNamespaceName("namespace", namespace, problems);
  const className = checkClass(input, provider, problems);
  const allowedNamespaces = checkAllowedNamespaces(input, problems);

  const gateways = names.map((name, index) => ({
    name,
    className,
    positions: positions.slice(index * MAX_ADDRESSES_PER_GATEWAY, (index + 1) * MAX_ADDRESSES_PER_GATEWAY),
    allowedNamespaces,
    ...(input.namespaceSelector === undefined ? {} : { namespaceSelector: input.namespaceSelector }),
  }));
  return { name: input.name, provider, namespace, addresses, allowedNamespaces, gateways };
}

/** `name`, `name-2`, `name-3`, …: the first part has the plain name, so that it never changes when more follow. */
export function partNames(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => (index === 0 ? name : `${name}-${index + 1}`));
}

function checkClass(input: PoolInput, provider: Provider, problems: Problems): string {
  const { addressType = AddressType.External, gatewayClassName } = input;
  const knownType = checkChoice("addressType", addressType, AddressType, problems);
  if (gatewayClassName === undefined) return defaultClassName(provider, knownType ? addressType : AddressType.External);

  checkObjectName("gatewayClassName", gatewayClassName, problems);
  if (input.addressType !== undefined) {
    problems.add("addressType", addressType, "gatewayClassName decides that already, leave one of the two out");
  }
  if (provider === Provider.Gke && PODPIN_CLASSES.some(({ name }) => name === gatewayClassName)) {
    problems.add("gatewayClassName", gatewayClassName, "podpin serves that class, pass its controller as well");
  }
  if (input.controller?.gkeClassFabric === undefined && provider === Provider.Podpin) {
    if (GKE_CLASS_NAMES.includes(gatewayClassName)) {
      problems.add(
        "gatewayClassName",
        gatewayClassName,
        "on GKE Google serves that class, leave controller out; elsewhere set gkeClassFabric on the PersistentIpController",
      );
    }
  }
  return gatewayClassName;
}

function checkAllowedNamespaces(input: PoolInput, problems: Problems): AllowedNamespaces {
  const { allowedNamespaces = AllowedNamespaces.Same, namespaceSelector } = input;
  const known = checkChoice("allowedNamespaces", allowedNamespaces, AllowedNamespaces, problems);
  if (allowedNamespaces === AllowedNamespaces.Selector && namespaceSelector === undefined) {
    problems.add(
      "namespaceSelector",
      undefined,
      'allowedNamespaces: "Selector" needs the labels to select by, for example { team: "edge" }',
    );
  }
  if (namespaceSelector !== undefined && known && allowedNamespaces !== AllowedNamespaces.Selector) {
    problems.add("namespaceSelector", namespaceSelector, 'it counts only with allowedNamespaces: "Selector"');
  } else if (namespaceSelector !== undefined) {
    const emptyMeans = 'no labels match every namespace, say that with allowedNamespaces: "All"';
    checkSelector("namespaceSelector", namespaceSelector, emptyMeans, problems);
  }
  return allowedNamespaces;
}

/** A Gateway as both flavours emit it. `Text` is a string, or what a framework uses for one that comes later. */
export interface GatewayObject<Text> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: Text;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: {
    readonly gatewayClassName: string;
    readonly listeners: readonly object[];
    readonly addresses: readonly { readonly type: string; readonly value: Text }[];
  };
}

/**
 * The Gateway of a plan.
 *
 * @param cidrs the addresses of this Gateway as `a.b.c.d/32`
 */
export function gatewayObject<Text>(
  gateway: GatewayPlan,
  values: { readonly namespace: Text; readonly cidrs: readonly Text[] },
): GatewayObject<Text> {
  const { allowedNamespaces: from, namespaceSelector } = gateway;
  const namespaces =
    namespaceSelector === undefined ? { from } : { from, selector: { matchLabels: { ...namespaceSelector } } };
  return {
    apiVersion: apiVersionOf(RESOURCES.gateways),
    kind: RESOURCES.gateways.kind,
    metadata: { name: gateway.name, namespace: values.namespace },
    spec: {
      gatewayClassName: gateway.className,
      listeners: [{ ...LISTENER, allowedRoutes: { namespaces } }],
      addresses: values.cidrs.map((value) => ({ type: CIDR_ADDRESS_TYPE, value })),
    },
  };
}
