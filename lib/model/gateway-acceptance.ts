// Which GatewayClasses, Gateways and listeners are accepted, and why not. Pure; the reasons are the Gateway API's own.
import { addressOfCidr, CIDR_ADDRESS_TYPE } from "./address";
import { CloudKind, Fabric, FABRICS, isLedFabric } from "./binding";
import { AddressType, classMeaning, PODPIN_EXTERNAL_CLASS, PODPIN_INTERNAL_CLASS, PoolMode } from "./classes";
import {
  ANNOTATION_FABRIC,
  PODPIN_CONTROLLER_NAME,
  type Gateway,
  type GatewayClass,
  type Listener,
  type RouteKind,
} from "./gke-api";
import { expressionProblem, selects } from "./selection";

export interface Verdict<Reason extends string = string> {
  readonly accepted: boolean;
  readonly reason: Reason;
  readonly message: string;
}

export function refuse<Reason extends string>(reason: Reason, message: string): Verdict<Reason> {
  return { accepted: false, reason, message };
}

/** What the controller was given to work with. */
export interface ControllerMeans {
  /** Whether it may lead packets through a cloud's API, as some fabrics need it. */
  readonly cloud: boolean;
}

/** What a controller lacks for the API of a cloud; undefined where it has it. */
const LACK: Readonly<Record<CloudKind, (means: ControllerMeans) => string | undefined>> = {
  [CloudKind.GoogleCloud]: ({ cloud }) =>
    cloud
      ? undefined
      : "needs Google Cloud, and this controller has no access to it: set googleCloudProject on PersistentIpController",
};

/** Whether podpin serves this class. */
export function isOurClass(gatewayClass: GatewayClass | undefined): gatewayClass is GatewayClass {
  return gatewayClass?.spec.controllerName === PODPIN_CONTROLLER_NAME;
}

/**
 * `status.supportedFeatures` of our classes, sorted: what upstream's conformance tests ask of a Gateway whatever its routes
 * are. docs/conformance.md says which tests these are.
 */
export const SUPPORTED_FEATURES = [{ name: "Gateway" }, { name: "GatewayStaticAddresses" }] as const;

/** The fabric of a class, from its annotation. */
function fabricOf(gatewayClass: GatewayClass): Fabric | undefined {
  const value = gatewayClass.metadata.annotations?.[ANNOTATION_FABRIC];
  return Object.values(Fabric).find((fabric) => fabric === value);
}

const either = (words: readonly string[]): string => `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;

/** Who can reach the addresses of a class whose fabric has to know: its name says so, as GKE's names do. */
function addressTypeOf({ metadata }: GatewayClass): AddressType | undefined {
  const meaning = classMeaning(metadata.name);
  return meaning?.mode === PoolMode.Standard ? meaning.addressType : undefined;
}

/** Condition `Accepted` of a GatewayClass of ours. */
export function acceptClass(gatewayClass: GatewayClass, means: ControllerMeans): Verdict {
  const fabric = fabricOf(gatewayClass);
  const given = gatewayClass.metadata.annotations?.[ANNOTATION_FABRIC];
  if (fabric === undefined) {
    const got = given === undefined ? "is missing" : `is "${given}"`;
    return refuse(
      "InvalidParameters",
      `annotation ${ANNOTATION_FABRIC} ${got}; set it to ${either(Object.values(Fabric))}`,
    );
  }
  if (gatewayClass.spec.parametersRef !== undefined) {
    return refuse("InvalidParameters", `spec.parametersRef is set; podpin takes no parameters, remove it`);
  }
  const { led } = FABRICS[fabric];
  if (led !== undefined && addressTypeOf(gatewayClass) === undefined) {
    const { name } = gatewayClass.metadata;
    return refuse(
      "InvalidParameters",
      `on fabric ${fabric} the name of a class says whether its addresses are external or internal, and ${name} does not; use ${PODPIN_EXTERNAL_CLASS} or ${PODPIN_INTERNAL_CLASS}`,
    );
  }
  const lack = led && LACK[led](means);
  if (lack !== undefined) {
    const unled = Object.values(Fabric).filter((other) => !isLedFabric(other));
    return refuse("Unsupported", `fabric ${fabric} ${lack}, or use a class of ${either(unled)}`);
  }
  return { accepted: true, reason: "Accepted", message: `served by podpin, fabric ${fabric}` };
}

/** Condition `SupportedVersion` of a GatewayClass: 1.0 made every field that podpin reads part of the stable API. */
export function acceptBundle(version: string): Verdict {
  if (/^v1\.\d+\.\d+/.test(version)) {
    const message = `the Gateway API's definitions are of version ${version}`;
    return { accepted: true, reason: "SupportedVersion", message };
  }
  const got = version === "" ? "do not say their version" : `are of version ${version}`;
  return refuse("UnsupportedVersion", `the Gateway API's definitions ${got}; podpin is made for v1, 1.0 or later`);
}

export interface GatewayVerdict extends Verdict {
  readonly fabric?: Fabric;
  /** Who can reach its addresses, where the fabric has to know. */
  readonly addressType?: AddressType;
  /** The usable addresses, in the order of the Gateway, each once. */
  readonly addresses: readonly string[];
  /** Entries of `spec.addresses` that cannot be used, with the reason, as one sentence each. */
  readonly unusable: readonly string[];
  /**
   * Whether routes may use its addresses. True also where only some entries are wrong, which upstream wants to see as not
   * accepted: an edit must never take away what works.
   */
  readonly serves: boolean;
}

/** Condition `Accepted` of a Gateway whose class is ours. */
export function acceptGateway(gateway: Gateway, gatewayClass: GatewayClass, means: ControllerMeans): GatewayVerdict {
  const { addresses, unusable, foreign } = readAddresses(gateway);
  const fabric = fabricOf(gatewayClass);
  const addressType = fabric !== undefined && isLedFabric(fabric) ? addressTypeOf(gatewayClass) : undefined;
  const rest = { fabric, addressType, addresses, unusable: [...foreign, ...unusable] };
  const no = (reason: string, message: string, serves = false): GatewayVerdict => ({
    ...rest,
    ...refuse(reason, message),
    serves,
  });
  const verdict = acceptClass(gatewayClass, means);
  if (!verdict.accepted) {
    const message = `class ${gatewayClass.metadata.name} is not accepted: ${verdict.message}`;
    return no("InvalidParameters", message);
  }
  if (gateway.spec.infrastructure?.parametersRef !== undefined) {
    return no("InvalidParameters", "spec.infrastructure.parametersRef is set; podpin takes no parameters, remove it");
  }
  const listeners = gateway.spec.listeners ?? [];
  const refused = listeners.filter((listener) => !acceptListener(listener).accepted);
  const why = refused.map((listener) => `listener ${listener.name}: ${acceptListener(listener).message}`).join(". ");
  if (refused.length === listeners.length && refused.length > 0) return no("ListenersNotValid", why);
  if (foreign.length > 0) return no("UnsupportedAddress", foreign.join(". "), true);
  const yes = { ...rest, accepted: true, serves: true };
  return refused.length > 0
    ? { ...yes, reason: "ListenersNotValid", message: `${why}. The other listeners are served` }
    : { ...yes, reason: "Accepted", message: "the Gateway is accepted" };
}

interface GatewayAddresses {
  readonly addresses: readonly string[];
  readonly unusable: readonly string[];
  /** Entries of a type that podpin does not know. */
  readonly foreign: readonly string[];
}

function readAddresses({ spec }: Gateway): GatewayAddresses {
  const addresses = new Set<string>();
  const unusable: string[] = [];
  const foreign: string[] = [];
  for (const [i, { type, value }] of (spec.addresses ?? []).entries()) {
    const address = addressOfCidr(value ?? "");
    const where = `spec.addresses[${i}]`;
    if (type !== CIDR_ADDRESS_TYPE) foreign.push(`${where}: type is "${type ?? ""}"; use ${CIDR_ADDRESS_TYPE}`);
    else if (address === undefined) unusable.push(`${where}: "${value ?? ""}" is not one IPv4 address as a.b.c.d/32`);
    else if (addresses.has(address)) unusable.push(`${where}: "${value ?? ""}" is listed twice`);
    else addresses.add(address);
  }
  return { addresses: [...addresses], unusable, foreign };
}

/** The one kind that listeners of ours serve. */
const ROUTE_KIND = { group: "networking.gke.io", kind: "GKEIPRoute" } as const;
/** The protocol of listeners of ours, GKE's own word: an address of a whole Pod has no protocol. */
const LISTENER_PROTOCOL = "none";

export interface ListenerVerdict extends Verdict {
  /** What of `allowedRoutes.kinds` is served. */
  readonly kinds: readonly RouteKind[];
  /** What of it is not, by name. */
  readonly foreignKinds: readonly string[];
}

/** Condition `Accepted` of a listener, and the kinds of routes that it serves. */
export function acceptListener({ protocol = LISTENER_PROTOCOL, allowedRoutes }: Listener): ListenerVerdict {
  const kinds = allowedRoutes?.kinds ?? [];
  const foreign = kinds.filter((kind) => !isRouteKind(kind));
  const foreignKinds = foreign.map(({ kind }) => kind);
  if (protocol !== LISTENER_PROTOCOL) {
    const message = `protocol ${protocol} is not supported; use "${LISTENER_PROTOCOL}": the addresses are those of whole Pods`;
    return { ...refuse("UnsupportedProtocol", message), kinds: [], foreignKinds };
  }
  const serves = kinds.length === 0 || foreign.length < kinds.length;
  const yes = { accepted: true, reason: "Accepted", message: "the listener is served" };
  return { ...yes, kinds: serves ? [ROUTE_KIND] : [], foreignKinds };
}

function isRouteKind({ group, kind }: { readonly group?: string; readonly kind: string }): boolean {
  return kind === ROUTE_KIND.kind && group === ROUTE_KIND.group;
}

/** Whether a listener of the Gateway that is accepted admits routes of this namespace. */
export function admits(
  gateway: Gateway,
  listener: Listener,
  routeNamespace: string,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  if (acceptListener(listener).kinds.length === 0) return false;
  const { from = "Same", selector } = listener.allowedRoutes?.namespaces ?? {};
  switch (from) {
    case "All":
      return true;
    case "Same":
      return gateway.metadata.namespace === routeNamespace;
    case "Selector":
      if (labels === undefined || selector === undefined || expressionProblem(selector) !== undefined) return false;
      return selects(selector, labels);
    default:
      return false;
  }
}
