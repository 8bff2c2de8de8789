// Addresses that a pool reserves in Compute Engine, and what they may be asked for.
import { cidrContains, isIPv4Cidr, isReservedInPrimaryRange, RESERVED_IN_PRIMARY_RANGE } from "./address";
import { checkChoice } from "./choices";
import { AddressType } from "./classes";
import { type ClusterFacts, checkClusterRegion } from "./cluster-facts";
import { checkComputeName, CONFIG_CONNECTOR_COMPUTE, configConnectorAnnotations } from "./compute";
import { isKnown, LATER, type MaybeLater } from "./later";
import { isDnsSubdomain } from "./names";
import type { Problems } from "./problems";
import { checkRegion } from "./region";

/** What traffic to and from an external address costs, and which network carries it. */
export const NetworkTier = {
  /** Google's network, close to the client. */
  Premium: "PREMIUM",
  /** The internet, close to the region. */
  Standard: "STANDARD",
} as const;
export type NetworkTier = (typeof NetworkTier)[keyof typeof NetworkTier];

/** What a pool that reserves its addresses takes in both flavours as plain values. */
export interface ReservationOptions {
  /**
   * How many addresses to reserve, 1 to 1000. A plain number, because a preview must show every address. More may be
   * reserved later without renaming or moving any; a smaller number releases the last ones, which must not be protected
   * any more.
   *
   * @default - the number of `addresses`, else 1
   */
  size?: number | undefined;
  /**
   * Network tier of external addresses: `PREMIUM` or `STANDARD`. Internal addresses have none, and those of your own
   * prefix are always `PREMIUM`. Fixed after creation: a change releases the addresses and reserves others.
   *
   * @default - "PREMIUM", Compute Engine's own default
   * @see https://cloud.google.com/network-tiers/docs/overview
   */
  networkTier?: NetworkTier | undefined;
  /**
   * Beginning of the names that the addresses have in Compute Engine: `<addressNamePrefix>-0`, `-1` and so on. Two pools
   * of one project and region need different ones. Fixed after creation: a change releases the addresses and reserves
   * others.
   *
   * @default - the name of the pool
   */
  addressNamePrefix?: string | undefined;
  /**
   * Whether the addresses are kept when they leave the program, since an address that was released is gone for good.
   * With Pulumi they are protected: a deployment that would delete one fails until it is unprotected. With CDK8s Config
   * Connector abandons them: they stay reserved in Google Cloud, and are paid for, when the object is deleted. A later
   * change releases no address.
   *
   * @default true
   */
  protectAddresses?: boolean | undefined;
}

export interface ReservationInput extends ReservationOptions {
  /** Values to ask for. */
  readonly addresses?: readonly MaybeLater<string>[];
  readonly region?: MaybeLater<string>;
  readonly subnetwork?: MaybeLater<string>;
  readonly subnetworkRange?: MaybeLater<string>;
  readonly ipCollection?: MaybeLater<string>;
  /** Whether every value must be asked for, as nothing that the cloud decides is ever known to the program. */
  readonly literalsOnly?: boolean;
}

export interface ReservedAddress {
  /** Suffix of the pool's name for resources of the program. */
  readonly suffix: string;
  /** Name in Compute Engine. */
  readonly name: string;
  /** Whether the program asks for a value of its own. */
  readonly isGiven: boolean;
}

export interface ReservationPlan {
  readonly addresses: readonly ReservedAddress[];
  readonly addressType: AddressType;
  readonly region: MaybeLater<string>;
  readonly networkTier?: NetworkTier;
  readonly isProtected: boolean;
}

const MAX_POOL_SIZE = 1000;

/**
 * Never to be changed, and never to be made of anything that may change: another description replaces every address of
 * every user (terraform-provider-google 17622).
 */
export const ADDRESS_DESCRIPTION = "Persistent address of Kubernetes Pods, held by podpin";

/** Of internal addresses: for use by forwarding rules and other endpoints of Compute Engine. */
export const INTERNAL_ADDRESS_PURPOSE = "GCE_ENDPOINT";

/** Plans the addresses to reserve. More of them rename none of the first. */
export function planReservation(
  poolName: string,
  input: ReservationInput,
  context: { readonly addressType: AddressType; readonly cluster?: ClusterFacts },
  problems: Problems,
): ReservationPlan {
  const { addressType, cluster } = context;
  const count = checkSize(input, problems);
  const found = input.region ?? cluster?.region;
  const region = input.literalsOnly === true && found === LATER ? undefined : found;
  const prefix = input.addressNamePrefix ?? poolName;
  const what = input.addressNamePrefix === undefined ? "name" : "addressNamePrefix";

  checkRegionOfPool(region, input.region === undefined ? undefined : cluster, problems);
  if (addressType === AddressType.Internal) checkInternal(input, count, region, problems);
  else checkExternal(input, region, problems);
  if (input.networkTier !== undefined && addressType === AddressType.External) {
    checkChoice("networkTier", input.networkTier, NetworkTier, problems);
  }
  // A pool whose name is no name at all hears so once.
  if (what !== "name" || isDnsSubdomain(prefix)) checkComputeName(what, prefix, problems, `-${count - 1}`);

  return {
    addresses: Array.from({ length: count }, (_, index) => ({
      suffix: `-${index}`,
      name: `${prefix}-${index}`,
      isGiven: index < (input.addresses?.length ?? 0),
    })),
    addressType,
    region: region ?? LATER,
    ...(input.networkTier === undefined ? {} : { networkTier: input.networkTier }),
    isProtected: input.protectAddresses ?? true,
  };
}

/** How many addresses there are to be, at least one even where the answer was reported. */
function checkSize(input: ReservationInput, problems: Problems): number {
  const { size, addresses, literalsOnly = false } = input;
  const isRight = size === undefined || (Number.isSafeInteger(size) && size >= 1 && size <= MAX_POOL_SIZE);
  if (!isRight) problems.add("size", size, `use a whole number from 1 to ${MAX_POOL_SIZE}`);
  const wanted = (isRight ? size : undefined) ?? addresses?.length ?? 1;
  if (addresses !== undefined && addresses.length === 0) {
    problems.add("addresses", addresses, "list the values to ask for, or leave it out");
  } else if (addresses !== undefined && addresses.length > MAX_POOL_SIZE) {
    problems.add("addresses", `${addresses.length} addresses`, `a pool has at most ${MAX_POOL_SIZE}, make several`);
  } else if (addresses !== undefined && isRight && addresses.length !== wanted) {
    problems.add("size", size, `addresses lists ${addresses.length}: make the two agree, or leave size out`);
  }
  if (addresses === undefined && literalsOnly) {
    const which = wanted === 1 ? "the address" : `the ${wanted} addresses`;
    problems.add(
      "addresses",
      undefined,
      `at synthesis nobody knows what Google would choose: list ${which} to ask for, or reserve first and pass what you got to PersistentIpPool.fromAddresses`,
    );
  }
  return Math.min(Math.max(wanted, 1), MAX_POOL_SIZE);
}

function checkRegionOfPool(
  region: MaybeLater<string> | undefined,
  cluster: ClusterFacts | undefined,
  problems: Problems,
): void {
  if (region === undefined) {
    problems.add(
      "region",
      undefined,
      'say in which region to reserve, for example "us-central1": it must be that of the cluster',
    );
    return;
  }
  if (!isKnown(region)) return;
  checkRegion("region", region, problems);
  if (cluster !== undefined) checkClusterRegion("region", region, cluster, problems);
}

const SUBNETWORK = /(?:^|\/)regions\/([^/]+)\/subnetworks\/[^/]+$/;

function checkInternal(
  input: ReservationInput,
  count: number,
  region: MaybeLater<string> | undefined,
  problems: Problems,
): void {
  const { subnetwork, subnetworkRange, ipCollection, networkTier } = input;
  if (subnetwork === undefined || subnetwork === "") {
    problems.add(
      "subnetwork",
      subnetwork,
      'internal addresses are taken from a subnetwork: name that of the nodes or of the additional network, for example "regions/us-central1/subnetworks/nodes"',
    );
  }
  const home = subnetwork === undefined || !isKnown(subnetwork) ? undefined : SUBNETWORK.exec(subnetwork)?.[1];
  if (home !== undefined && region !== undefined && isKnown(region) && region !== home) {
    problems.add(
      "subnetwork",
      subnetwork,
      `that subnetwork is in "${home}" and the pool in "${region}", both must be in one region`,
    );
  }
  if (subnetworkRange !== undefined && isKnown(subnetworkRange)) {
    if (!isIPv4Cidr(subnetworkRange)) {
      problems.add("subnetworkRange", subnetworkRange, 'use the primary range of the subnetwork, as in "10.0.0.0/20"');
    } else {
      const room = Math.max(0, 2 ** (32 - Number(subnetworkRange.split("/")[1])) - RESERVED_IN_PRIMARY_RANGE);
      if (count > room) {
        problems.add(
          "size",
          count,
          `subnetworkRange "${subnetworkRange}" has ${room} addresses to give, use a larger subnetwork`,
        );
      }
    }
  }
  if (ipCollection !== undefined) {
    problems.add(
      "ipCollection",
      shown(ipCollection),
      'a prefix of your own holds external addresses: leave it out, or leave addressType: "INTERNAL" out',
    );
  }
  if (networkTier !== undefined) {
    problems.add("networkTier", networkTier, "internal addresses have no tier, leave it out");
  }
}

function checkExternal(input: ReservationInput, region: MaybeLater<string> | undefined, problems: Problems): void {
  const { subnetwork, subnetworkRange, ipCollection, networkTier } = input;
  const inSubnetwork: [string, MaybeLater<string> | undefined][] = [
    ["subnetwork", subnetwork],
    ["subnetworkRange", subnetworkRange],
  ];
  for (const [what, value] of inSubnetwork) {
    if (value === undefined) continue;
    problems.add(
      what,
      shown(value),
      'external addresses are in no subnetwork: set addressType: "INTERNAL", or leave it out',
    );
  }
  if (ipCollection === undefined) return;
  if (isKnown(ipCollection)) checkIpCollection(ipCollection, region, problems);
  if (networkTier === NetworkTier.Standard) {
    problems.add(
      "networkTier",
      networkTier,
      'addresses of your own prefix are always "PREMIUM", leave networkTier or ipCollection out',
    );
  }
}

const IP_COLLECTION =
  /^(?:https:\/\/[^/]+\/compute\/v1\/)?(?:projects\/[^/]+\/)?regions\/([^/]+)\/publicDelegatedPrefixes\/[^/]+$/;

function checkIpCollection(got: string, region: MaybeLater<string> | undefined, problems: Problems): void {
  if (got === "") {
    problems.add(
      "ipCollection",
      got,
      "no prefix is delegated yet: set delegatedRange on the ByoipPrefix, or leave it out",
    );
    return;
  }
  const home = IP_COLLECTION.exec(got)?.[1];
  if (home === undefined) {
    problems.add(
      "ipCollection",
      got,
      'use the delegated prefix, for example "regions/us-central1/publicDelegatedPrefixes/edge"',
    );
  } else if (region !== undefined && isKnown(region) && region !== home) {
    problems.add(
      "ipCollection",
      got,
      `that prefix is in "${home}" and the pool in "${region}", both must be in one region`,
    );
  }
}

/** Checks that addresses, as the user gave them or as they turned out, lie in the range of their subnetwork. */
export function checkAddressesInRange(
  addresses: readonly MaybeLater<string>[],
  range: MaybeLater<string> | undefined,
  problems: Problems,
): void {
  if (range === undefined || !isKnown(range) || !isIPv4Cidr(range)) return;
  addresses.forEach((address, index) => {
    if (!isKnown(address)) return;
    const what = `addresses[${index}]`;
    if (!cidrContains(range, address)) {
      problems.add(what, address, `the subnetwork's range is "${range}", use an address of that`);
    } else if (isReservedInPrimaryRange(range, address)) {
      problems.add(what, address, `nobody can have the first two and the last two of "${range}", use another address`);
    }
  });
}

const shown = (value: MaybeLater<string>): string => (isKnown(value) ? value : "a value that is not known yet");

/**
 * A reserved address for Config Connector, which reserves it and keeps it reserved.
 *
 * @see https://cloud.google.com/config-connector/docs/reference/resource-docs/compute/computeaddress
 */
export function computeAddressObject(
  plan: ReservationPlan,
  { name }: ReservedAddress,
  values: {
    readonly namespace: string;
    readonly region: string;
    readonly address: string;
    readonly project?: string;
    readonly subnetwork?: string;
    readonly ipCollection?: string;
    readonly labels?: Readonly<Record<string, string>>;
  },
) {
  const { project, subnetwork, ipCollection, labels } = values;
  const annotations = configConnectorAnnotations({ project, isKept: plan.isProtected });
  return {
    apiVersion: CONFIG_CONNECTOR_COMPUTE,
    kind: "ComputeAddress",
    metadata: { name, namespace: values.namespace, ...(labels === undefined ? {} : { labels }), ...annotations },
    spec: {
      location: values.region,
      description: ADDRESS_DESCRIPTION,
      addressType: plan.addressType,
      address: values.address,
      ...(plan.networkTier === undefined ? {} : { networkTier: plan.networkTier }),
      ...(ipCollection === undefined ? {} : { ipCollectionRef: { external: ipCollection } }),
      ...(plan.addressType === AddressType.Internal
        ? { subnetworkRef: { external: subnetwork ?? "" }, purpose: INTERNAL_ADDRESS_PURPOSE }
        : {}),
    },
  };
}
