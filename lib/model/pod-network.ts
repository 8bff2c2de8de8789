// A network that Pods can have an interface on: a Network and its parameters on Google Cloud.
import { isIPv4, isIPv4Cidr } from "./address";
import { checkChoice } from "./choices";
import type { ClusterFacts } from "./cluster-facts";
import type { OtherComponents } from "./declarations";
import { DEFAULT_NETWORK, LEGACY_DEFAULT_NETWORK } from "./gke-api";
import { nameOf } from "./gke-names";
import { apiVersionOf, RESOURCES } from "./kubernetes";
import { isKnown, type MaybeLater } from "./later";
import type { Manifest } from "./manifest";
import { checkObjectName } from "./names";
import type { Problems } from "./problems";

/** What a network gives a Pod; GKE's own words. */
export const PodNetworkType = {
  /** An interface with an address of a secondary range. */
  L3: "L3",
  /** A network interface card of the node, to itself. */
  Device: "Device",
} as const;
export type PodNetworkType = (typeof PodNetworkType)[keyof typeof PodNetworkType];

/** How a Pod uses the card; GKE's own words. */
export const DeviceMode = {
  /** By its kernel driver. */
  NetDevice: "NetDevice",
  /** From user space, by DPDK and vfio-pci; such Pods must be privileged. */
  DpdkVfio: "DPDK-VFIO",
  /** By remote direct memory access. */
  Rdma: "RDMA",
} as const;
export type DeviceMode = (typeof DeviceMode)[keyof typeof DeviceMode];

/** What a Pod network takes in both flavours besides what Google Cloud names. */
export interface PodNetworkOptions {
  /**
   * What the network gives a Pod. Fixed after creation: a change replaces the network, and no Pod may use it meanwhile.
   *
   * @default "L3"
   */
  type?: PodNetworkType | undefined;
  /**
   * How a Pod uses the card of a network of type `Device`; needed there, and only there. Fixed after creation.
   *
   * @default - none
   */
  deviceMode?: DeviceMode | undefined;
  /**
   * Ranges that Pods reach through this network besides its own, as IPv4 CIDRs; `0.0.0.0/0` is refused, since the
   * default route stays on the primary network. A later change takes effect in place.
   *
   * @default - none
   */
  routes?: string[] | undefined;
  /**
   * IPv4 address of the network's gateway. A later change takes effect in place.
   *
   * @default - the subnetwork's
   */
  gateway4?: string | undefined;
  /**
   * Addresses of name servers that Pods ask for names of this network. A later change takes effect in place.
   *
   * @default - none
   */
  nameservers?: string[] | undefined;
  /**
   * Domains in which those names are searched; with `nameservers`. A later change takes effect in place.
   *
   * @default - none
   */
  searchDomains?: string[] | undefined;
}

export interface PodNetworkInput extends PodNetworkOptions {
  readonly name: string;
  readonly vpc?: MaybeLater<string>;
  readonly subnetwork?: MaybeLater<string>;
  readonly secondaryRanges?: readonly MaybeLater<string>[];
  readonly networkAttachment?: MaybeLater<string>;
  readonly cluster?: Pick<ClusterFacts, "name" | "multiNetworking" | "network">;
  /** The rest of the program. */
  readonly others?: OtherComponents;
}

const ATTACHMENT = /^projects\/[^/]+\/regions\/[^/]+\/networkAttachments\/[^/]+$/;

/**
 * Checks a Pod network by the rules of GKE's controller (GoogleCloudPlatform/gke-networking-api and cloud-provider-gcp,
 * read 2026-11). Each message has the reason that GKE would give, in parentheses.
 */
export function checkPodNetwork(input: PodNetworkInput, problems: Problems): PodNetworkType {
  const { name, type = PodNetworkType.L3 } = input;
  if (name === DEFAULT_NETWORK || name === LEGACY_DEFAULT_NETWORK) {
    problems.add("name", name, "that is the primary network of every Pod, which needs no object: use another name");
  } else {
    checkObjectName("name", name, problems);
  }
  if (!checkChoice("type", type, PodNetworkType, problems)) return PodNetworkType.L3;
  if (input.networkAttachment === undefined) checkSubnetwork(input, type, problems);
  else checkAttachment(input, input.networkAttachment, type, problems);
  checkLayer3(input, problems);
  checkCluster(input, type, problems);
  checkOtherNetworks(input, type, problems);
  return type;
}

/** What a network takes, in words that two networks have in common only where they meet. */
export function placesOf({ subnetwork, secondaryRanges = [], type }: PodNetworkInput): readonly string[] {
  if (subnetwork === undefined || !isKnown(subnetwork) || subnetwork === "") return [];
  const name = nameOf(subnetwork);
  if (type === PodNetworkType.Device) return [name, deviceOn(name)];
  return [name, ...secondaryRanges.flatMap((range) => (isKnown(range) ? [rangeOn(name, range)] : []))];
}

const deviceOn = (subnetwork: string): string => `${subnetwork}, cards`;
const rangeOn = (subnetwork: string, range: string): string => `${subnetwork}, range ${range}`;

/** Checks a network against the others of the program on the same cluster. */
function checkOtherNetworks(input: PodNetworkInput, type: PodNetworkType, problems: Problems): void {
  const { subnetwork, secondaryRanges = [], others } = input;
  if (others === undefined || subnetwork === undefined || !isKnown(subnetwork) || subnetwork === "") return;
  const name = nameOf(subnetwork);
  const holder = others.networkOn(type === PodNetworkType.Device ? name : deviceOn(name));
  if (holder !== undefined) {
    problems.add(
      "subnetwork",
      subnetwork,
      `${holder} is on it already, and a Device network has its subnetwork to itself (DeviceModeSubnetAlreadyInUse): use another one for one of the two`,
    );
  }
  if (type === PodNetworkType.Device) return;
  secondaryRanges.forEach((range, index) => {
    const taker = isKnown(range) ? others.networkOn(rangeOn(name, range)) : undefined;
    if (taker === undefined || !isKnown(range)) return;
    problems.add(
      `secondaryRanges[${index}]`,
      range,
      `${taker} has it already, and the Pod ranges of a cluster must not overlap: name another range of the subnetwork`,
    );
  });
}

function checkCluster({ cluster, vpc }: PodNetworkInput, type: PodNetworkType, problems: Problems): void {
  if (cluster === undefined) return;
  if (cluster.multiNetworking === false) {
    problems.add(
      "cluster",
      isKnown(cluster.name) ? cluster.name : "a cluster whose name is not known yet",
      "its Pods have one network: create it with enableMultiNetworking: true",
    );
  }
  if (type !== PodNetworkType.Device || vpc === undefined || !isKnown(vpc) || !isKnown(cluster.network)) return;
  if (cluster.network === "" || nameOf(vpc) !== nameOf(cluster.network)) return;
  problems.add(
    "vpc",
    vpc,
    "that is the cluster's own (DeviceModeCantUseDefaultVPC): a Device network needs another VPC network",
  );
}

function checkAttachment(
  input: PodNetworkInput,
  given: MaybeLater<string>,
  type: PodNetworkType,
  problems: Problems,
): void {
  const shown = isKnown(given) ? given : "a value that is not known yet";
  const besides = (["vpc", "subnetwork", "secondaryRanges", "deviceMode"] as const).filter(
    (field) => input[field] !== undefined,
  );
  if (besides.length > 0) {
    problems.add("networkAttachment", shown, `GKE takes it alone (GNPConfigInvalid): leave ${besides.join(", ")} out`);
  }
  if (type === PodNetworkType.Device) {
    problems.add(
      "networkAttachment",
      shown,
      'only networks of type L3 can have one (NetworkAttachmentUnsupported): use type "L3", or vpc and subnetwork',
    );
  }
  if (isKnown(given) && !ATTACHMENT.test(given)) {
    problems.add(
      "networkAttachment",
      given,
      'use its whole name (NetworkAttachmentInvalid), for example "projects/my-project/regions/us-central1/networkAttachments/blue"',
    );
  }
}

function checkSubnetwork(input: PodNetworkInput, type: PodNetworkType, problems: Problems): void {
  const { vpc, subnetwork, secondaryRanges, deviceMode } = input;
  for (const [field, value] of Object.entries({ vpc, subnetwork })) {
    if (value !== undefined && value !== "") continue;
    problems.add(
      field,
      undefined,
      "GKE needs vpc and subnetwork together, or networkAttachment alone (GNPConfigInvalid)",
    );
  }
  const ranges = secondaryRanges ?? [];
  if (deviceMode !== undefined) checkChoice("deviceMode", deviceMode, DeviceMode, problems);
  if (type === PodNetworkType.L3) {
    if (ranges.length === 0) {
      problems.add(
        "secondaryRanges",
        secondaryRanges,
        `a network of type L3 needs a secondary range of its subnetwork for the Pods (${deviceMode === undefined ? "SecondaryRangeAndDeviceModeUnspecified" : "L3SecondaryMissing"}): name at least one`,
      );
    }
    if (deviceMode !== undefined) {
      problems.add(
        "deviceMode",
        deviceMode,
        `only networks of type Device have one${ranges.length === 0 ? "" : " (DeviceModeCantBeUsedWithSecondaryRange)"}: leave it out, or use type "Device" without secondaryRanges`,
      );
    }
    return;
  }
  if (deviceMode === undefined) {
    problems.add(
      "deviceMode",
      undefined,
      `a network of type Device needs one (${ranges.length === 0 ? "SecondaryRangeAndDeviceModeUnspecified" : "DeviceModeMissing"}): use "NetDevice", "DPDK-VFIO" or "RDMA"`,
    );
  }
  if (ranges.length > 0) {
    problems.add(
      "secondaryRanges",
      ranges.map((range) => (isKnown(range) ? range : "a value that is not known yet")),
      "a Device network takes the card's own address (DeviceModeCantBeUsedWithSecondaryRange): leave them out",
    );
  }
}

function checkLayer3({ routes, gateway4, nameservers, searchDomains }: PodNetworkInput, problems: Problems): void {
  for (const [index, route] of (routes ?? []).entries()) {
    if (isIPv4Cidr(route) && route !== "0.0.0.0/0") continue;
    problems.add(
      `routes[${index}]`,
      route,
      route === "0.0.0.0/0"
        ? "the default route stays on the primary network: name the ranges that this network leads to"
        : 'use an IPv4 CIDR whose host bits are zero, for example "10.20.0.0/16"',
    );
  }
  if (gateway4 !== undefined && !isIPv4(gateway4)) {
    problems.add("gateway4", gateway4, 'use one IPv4 address, for example "10.20.0.1"');
  }
  for (const [index, server] of (nameservers ?? []).entries()) {
    if (isIPv4(server)) continue;
    problems.add(`nameservers[${index}]`, server, 'use one IPv4 address, for example "10.20.0.53"');
  }
  if (searchDomains !== undefined && (nameservers ?? []).length === 0) {
    problems.add("searchDomains", searchDomains, "they count only with nameservers: name at least one");
  }
}

/** The values of a network that a framework may know later. */
export interface PodNetworkValues<Text> {
  readonly vpc?: Text;
  readonly subnetwork?: Text;
  readonly secondaryRanges?: readonly Text[];
  readonly networkAttachment?: Text;
}

/** One of the two objects, as both flavours emit it. */
export interface NetworkManifest extends Manifest {
  readonly spec: object;
}

/** The `GKENetworkParamSet` of a network. */
export function paramSetObject<Text>(input: PodNetworkInput, values: PodNetworkValues<Text>): NetworkManifest {
  const { vpc, subnetwork, secondaryRanges, networkAttachment } = values;
  return {
    apiVersion: apiVersionOf(RESOURCES.gkeNetworkParamSets),
    kind: RESOURCES.gkeNetworkParamSets.kind,
    metadata: { name: input.name },
    spec: {
      ...(vpc === undefined ? {} : { vpc }),
      ...(subnetwork === undefined ? {} : { vpcSubnet: subnetwork }),
      ...(secondaryRanges === undefined ? {} : { podIPv4Ranges: { rangeNames: [...secondaryRanges] } }),
      ...(input.deviceMode === undefined ? {} : { deviceMode: input.deviceMode }),
      ...(networkAttachment === undefined ? {} : { networkAttachment }),
    },
  };
}

/** The `Network`. */
export function networkObject(input: PodNetworkInput, type: PodNetworkType): NetworkManifest {
  const { name, routes, gateway4, nameservers, searchDomains } = input;
  const { group, kind } = RESOURCES.gkeNetworkParamSets;
  return {
    apiVersion: apiVersionOf(RESOURCES.networks),
    kind: RESOURCES.networks.kind,
    metadata: { name },
    spec: {
      type,
      parametersRef: { group, kind, name },
      ...(routes === undefined ? {} : { routes: routes.map((to) => ({ to })) }),
      ...(gateway4 === undefined ? {} : { gateway4 }),
      ...(nameservers === undefined
        ? {}
        : { dnsConfig: { nameservers: [...nameservers], ...(searchDomains && { searches: [...searchDomains] }) } }),
    },
  };
}

/** What GKE does not let change on a network in use, so that a change is a replacement from the start. */
export const FIXED_NETWORK_FIELDS: readonly string[] = ["spec.type", "spec.parametersRef"];
export const FIXED_PARAM_SET_FIELDS: readonly string[] = [
  "spec.vpc",
  "spec.vpcSubnet",
  "spec.deviceMode",
  "spec.networkAttachment",
];
