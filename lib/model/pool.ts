// A pool: Gateways that list persistent addresses and say which namespaces may use them.
import { checkAddresses } from "./address-list";
import { CloudKind, FABRICS } from "./binding";
import { CIDR_ADDRESS_TYPE, cidrContains } from "./address";
import { checkChoice } from "./choices";
import {
  AddressType,
  checkClassName,
  classMeaning,
  defaultClassName,
  GKE_CLASS_NAMES,
  type GkeClassFabric,
  PODPIN_CLASSES,
  PODPIN_L2_CLASS,
  PoolMode,
  Provider,
} from "./classes";
import { checkClusterRegion, type ClusterFacts } from "./cluster-facts";
import type { OtherComponents } from "./declarations";
import { MAX_ADDRESSES_PER_GATEWAY } from "./gke-api";
import { apiVersionOf, RESOURCES } from "./kubernetes";
import { isKnown, LATER, type MaybeLater } from "./later";
import { checkNamespaceName, checkObjectName, checkSelector } from "./names";
import { checkGkeServes } from "./pool-cluster";
import { checkOtherPools } from "./pool-others";
import {
  checkAddressesInRange,
  planReservation,
  type ReservationInput,
  type ReservationPlan,
} from "./pool-reservation";
import { Problems } from "./problems";

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
   * @default - as `mode` and `addressType` say: `podpin-regional-external` or `podpin-regional-internal` with a
   * controller, one of GKE's six without one
   * @see https://cloud.google.com/kubernetes-engine/docs/concepts/about-persistent-ip-addresses-for-gke-pods
   */
  gatewayClassName?: string | undefined;
  /**
   * Whether the addresses are reachable from the internet (`EXTERNAL`) or within the VPC network (`INTERNAL`). It chooses
   * the GatewayClass, so it cannot be given together with a `gatewayClassName` that says it already. Fixed after creation.
   *
   * @default - "EXTERNAL", or what `gatewayClassName` says
   */
  addressType?: AddressType | undefined;
  /**
   * How the addresses reach Pods: one Pod at a time (`standard`), the same with a quick move by the Pods themselves
   * (`fast-failover`), or several Pods behind a health check (`load-balancing`). It chooses among GKE's classes, so it
   * cannot be given together with a `gatewayClassName` that says it already; podpin's controller serves `standard` only.
   * Clusters do not all have the classes of `fast-failover`, and that `load-balancing` means the classes
   * `gke-passthrough-lb-…` is inferred, not documented: look at `kubectl get gatewayclass` first. Fixed after creation.
   *
   * @default - "standard", or what `gatewayClassName` says
   */
  mode?: PoolMode | undefined;
  /**
   * Whose routes may use the addresses: those of `All` namespaces, of the `Same` namespace as the pool, or of the
   * namespaces that `namespaceSelector` matches (`Selector`). A later change takes effect at once: routes that are no
   * longer admitted lose their addresses.
   *
   * @default "Same"
   */
  allowedNamespaces?: AllowedNamespaces | undefined;
  /**
   * Labels that a namespace must have, all of them, with `allowedNamespaces: "Selector"`. Every namespace has the label
   * `kubernetes.io/metadata.name` with its own name. A later change takes effect at once: routes of namespaces that it
   * no longer matches lose their addresses.
   *
   * @default - none
   */
  namespaceSelector?: Record<string, string> | undefined;
}

/** What is known of an address that a pool adopts, besides its value. */
export interface AdoptedAddress {
  /** Whether it is the address of global load balancers, which has no region. */
  readonly isGlobal?: boolean;
  readonly region?: MaybeLater<string>;
  readonly addressType?: MaybeLater<string>;
}

export interface PoolInput extends PoolOptions {
  readonly name: string;
  /** The values: those that the pool adopts, or those of its reserved addresses as far as they are known. */
  readonly addresses?: readonly MaybeLater<string>[];
  /** Of adopted addresses that are resources, by position. */
  readonly adoptedFacts?: readonly (AdoptedAddress | undefined)[];
  /** Present where the pool reserves its addresses. */
  readonly reserve?: ReservationInput;
  readonly cluster?: ClusterFacts;
  readonly namespace?: MaybeLater<string>;
  /** Present when podpin runs the routes. */
  readonly controller?: {
    readonly gkeClassFabric?: GkeClassFabric;
    readonly interfaceDelivery?: boolean;
    /** Whether it has access to Google Cloud. */
    readonly googleCloud?: boolean;
  };
  /** What stands for each address where its value is not known yet, by position. */
  readonly handles?: readonly unknown[];
  /** The rest of the program. */
  readonly others?: OtherComponents;
}

export interface PoolPlan {
  readonly name: string;
  readonly provider: Provider;
  /** Whether its routes may have delivery `interface`. */
  readonly interfaceDelivery: boolean;
  readonly namespace: MaybeLater<string>;
  /** Bare addresses; `LATER` where one is not known yet. */
  readonly addresses: readonly MaybeLater<string>[];
  readonly allowedNamespaces: AllowedNamespaces;
  readonly addressType: AddressType;
  readonly mode: PoolMode;
  /** Whether the program says the mode in so many words, and not by the name of a class. */
  readonly isModeGiven: boolean;
  /** Whether the addresses are those of the internet, which exist only once. */
  readonly isPublic: boolean;
  /** Region of the addresses, where the pool knows one. */
  readonly region?: MaybeLater<string>;
  /** Subnetwork of internal addresses, where the pool reserves them. */
  readonly subnetwork?: MaybeLater<string>;
  /** The cluster of the pool, where the program names one. */
  readonly cluster?: ClusterFacts;
  readonly gateways: readonly GatewayPlan[];
  /** Present where the pool reserves its addresses. */
  readonly reservation?: ReservationPlan;
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
  const kind = poolKind(input);
  const found = new Problems();
  const reservation =
    input.reserve === undefined
      ? undefined
      : planReservation(input.name, input.reserve, { ...kind, cluster: input.cluster }, found);
  const given =
    input.addresses ?? reservation?.addresses.map((_, index) => input.reserve?.addresses?.[index] ?? LATER) ?? [];
  const positions = given.map((_, index) => index);
  const names = partNames(input.name, Math.max(1, Math.ceil(positions.length / MAX_ADDRESSES_PER_GATEWAY)));

  checkObjectName("name", input.name, problems, names.at(-1)?.slice(input.name.length));
  problems.addLines(found.lines);
  if (input.reserve === undefined && given.length === 0) {
    problems.add("addresses", input.addresses, "pass at least one address");
  }
  const addresses = checkAddresses("addresses", given, problems);
  checkAddressesInRange(addresses, input.reserve?.subnetworkRange, problems);
  checkAdopted(input, kind.addressType, problems);
  if (isKnown(namespace)) checkNamespaceName("namespace", namespace, problems);
  const className = checkClass(input, provider, kind, problems);
  checkFabric(input, className, problems);
  checkReach(className, kind.addressType, addresses, problems);
  if (input.cluster !== undefined && provider === Provider.Gke) checkGkeServes(input.cluster, kind.mode, problems);
  const allowedNamespaces = checkAllowedNamespaces(input, problems);
  // On a segment of one's own the very names of GKE's classes stand for addresses of that segment.
  const isPublic =
    classMeaning(className)?.addressType === AddressType.External && input.controller?.gkeClassFabric === undefined;
  checkOtherPools(input, { addresses, names, namespace, isPublic }, problems);

  const gateways = names.map((name, index) => ({
    name,
    className,
    positions: positions.slice(index * MAX_ADDRESSES_PER_GATEWAY, (index + 1) * MAX_ADDRESSES_PER_GATEWAY),
    allowedNamespaces,
    ...(input.namespaceSelector === undefined ? {} : { namespaceSelector: input.namespaceSelector }),
  }));
  return {
    name: input.name,
    provider,
    interfaceDelivery: input.controller?.interfaceDelivery ?? false,
    namespace,
    addresses,
    allowedNamespaces,
    ...kind,
    isModeGiven: input.mode !== undefined,
    isPublic,
    ...(reservation === undefined ? {} : { region: reservation.region, reservation }),
    ...(input.reserve?.subnetwork === undefined ? {} : { subnetwork: input.reserve.subnetwork }),
    ...(input.cluster === undefined ? {} : { cluster: input.cluster }),
    gateways,
  };
}

/** `name`, `name-2`, `name-3`, …: the first part has the plain name, so that it never changes when more follow. */
export function partNames(name: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${name}${partSuffix(index + 1)}`);
}

/** What the name of part `number` of several adds to the name of all, from 1: the first adds nothing. */
export function partSuffix(number: number): string {
  return number > 1 ? `-${number}` : "";
}

interface PoolKind {
  readonly addressType: AddressType;
  readonly mode: PoolMode;
}

/** What kind of pool the program asks for, by name of its class or by the words for it. */
function poolKind(input: PoolInput): PoolKind {
  const meaning = input.gatewayClassName === undefined ? undefined : classMeaning(input.gatewayClassName);
  // In the wrong case it is told once, as that.
  const internal = String(input.addressType).toUpperCase() === AddressType.Internal;
  return {
    addressType: meaning?.addressType ?? (internal ? AddressType.Internal : AddressType.External),
    mode: meaning?.mode ?? Object.values(PoolMode).find((mode) => mode === input.mode) ?? PoolMode.Standard,
  };
}

function checkClass(input: PoolInput, provider: Provider, kind: PoolKind, problems: Problems): string {
  const { addressType, mode, gatewayClassName } = input;
  if (addressType !== undefined) checkChoice("addressType", addressType, AddressType, problems);
  const knownMode = mode === undefined || checkChoice("mode", mode, PoolMode, problems);
  if (gatewayClassName === undefined) {
    if (provider === Provider.Podpin && knownMode && kind.mode !== PoolMode.Standard) {
      problems.add(
        "mode",
        mode,
        'podpin\'s controller serves only "standard": leave mode out, or leave controller out on GKE',
      );
    }
    return defaultClassName(provider, kind.addressType, kind.mode);
  }

  checkClassName("gatewayClassName", gatewayClassName, problems);
  if (classMeaning(gatewayClassName) !== undefined) {
    for (const [what, value] of Object.entries({ addressType, mode })) {
      if (value === undefined) continue;
      problems.add(what, value, "gatewayClassName decides that already, leave one of the two out");
    }
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

/** Without access to a cloud the controller refuses each Gateway of its classes there. */
function checkFabric({ controller, gatewayClassName }: PoolInput, className: string, problems: Problems): void {
  const fabric = PODPIN_CLASSES.find(({ name }) => name === className)?.fabric;
  const led = fabric && FABRICS[fabric].led;
  const which = gatewayClassName === undefined ? `without it the class is "${className}", which` : "that class";
  const lack: Readonly<Record<CloudKind, string | undefined>> = {
    [CloudKind.GoogleCloud]:
      controller?.googleCloud === false
        ? `${which} needs Google Cloud, and the controller has no access to it: set googleCloudProject on the PersistentIpController, or use another class, for example "${PODPIN_L2_CLASS}"`
        : undefined,
  };
  if (led !== undefined && lack[led] !== undefined) problems.add("gatewayClassName", gatewayClassName, lack[led]);
}

/** Private ranges (RFC 1918). */
const PRIVATE_RANGES = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/** Google's external classes forward from the internet, where no private address is ever the destination. */
function checkReach(
  className: string,
  addressType: AddressType,
  addresses: readonly MaybeLater<string>[],
  problems: Problems,
): void {
  if (classMeaning(className) === undefined || addressType === AddressType.Internal) return;
  addresses.forEach((address, index) => {
    if (!isKnown(address) || !PRIVATE_RANGES.some((range) => cidrContains(range, address))) return;
    problems.add(`addresses[${index}]`, address, 'that is a private address, set addressType: "INTERNAL"');
  });
}

/** Checks what resources say of their addresses. */
function checkAdopted(input: PoolInput, addressType: AddressType, problems: Problems): void {
  const { adoptedFacts = [], addresses = [], cluster } = input;
  const saysType = input.gatewayClassName === undefined || classMeaning(input.gatewayClassName) !== undefined;
  adoptedFacts.forEach((facts, index) => {
    const { region, addressType: type } = facts ?? {};
    const what = `addresses[${index}]`;
    if (facts?.isGlobal === true) {
      problems.addFact(what, "a global address", "persistent addresses are regional: reserve a gcp.compute.Address");
    }
    if (region !== undefined && cluster !== undefined) checkClusterRegion(`${what}.region`, region, cluster, problems);
    if (!saysType || type === undefined || !isKnown(type) || type === addressType) return;
    const address = addresses[index];
    const shown = address === undefined || !isKnown(address) ? "a value that is not known yet" : address;
    problems.add(
      what,
      shown,
      `it was reserved with addressType "${type}", and the pool is "${addressType}": make the two agree`,
    );
  });
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
