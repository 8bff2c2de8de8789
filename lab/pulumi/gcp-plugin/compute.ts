// Types of gcp:compute.
import { cidrContains, isIPv4 } from "../../../lib/model/address";
import { at, textAt, type JsonObject } from "../plugin/values";
import { EXTERNAL, freeAddress, inPrefix, inSubnetwork, type AddressRange } from "./addresses";
import type { Resource } from "./cloud";
import {
  API,
  labelled,
  now,
  projectOf,
  referred,
  regionOf,
  type ResourceType,
  type Surroundings,
} from "./resource-type";

const ADDRESS = "gcp:compute/address:Address";
const DELEGATED_PREFIX = "gcp:compute/publicDelegatedPrefix:PublicDelegatedPrefix";
const NETWORK = "gcp:compute/network:Network";
export const SUBNETWORK = "gcp:compute/subnetwork:Subnetwork";

const regional =
  (collection: string): ResourceType["id"] =>
  (inputs, around) =>
    `projects/${projectOf(inputs, around)}/regions/${regionOf(inputs, around)}/${collection}/${textAt(inputs, "name")}`;

const global =
  (collection: string): ResourceType["id"] =>
  (inputs, around) =>
    `projects/${projectOf(inputs, around)}/global/${collection}/${textAt(inputs, "name")}`;

const common = (inputs: JsonObject, id: string, around: Surroundings): JsonObject => ({
  project: projectOf(inputs, around),
  selfLink: API + id,
});

export const address: ResourceType = {
  type: ADDRESS,
  nameField: "name",
  required: [],
  updatable: ["labels", "deletionPolicy"],
  computed: [
    "address",
    "addressId",
    "creationTimestamp",
    "labelFingerprint",
    "networkTier",
    "prefixLength",
    "project",
    "purpose",
    "region",
    "selfLink",
    "subnetwork",
    "users",
  ],
  id: regional("addresses"),
  decided(inputs, id, around) {
    const internal = textAt(inputs, "addressType") === "INTERNAL";
    const region = regionOf(inputs, around);
    const subnetwork = internal ? subnetworkOf(inputs, region, around) : undefined;
    return {
      ...common(inputs, id, around),
      ...labelled(inputs),
      address: reserved(inputs, id, around, rangeOf(inputs, region, around, subnetwork)),
      addressId: String(numberOf(id)),
      addressType: "EXTERNAL",
      creationTimestamp: now(),
      networkTier: internal ? "" : "PREMIUM",
      prefixLength: 0,
      purpose: internal ? "GCE_ENDPOINT" : "",
      region,
      subnetwork: subnetwork?.link ?? "",
      users: [],
    };
  },
};

interface Subnet {
  readonly cidr: string;
  readonly link: string;
}

function subnetworkOf(inputs: JsonObject, region: string, around: Surroundings): Subnet {
  const reference = textAt(inputs, "subnetwork") || "default";
  const found = referred(SUBNETWORK, reference, around, region);
  if (found !== undefined) return { cidr: textAt(found.outputs, "ipCidrRange"), link: API + found.id };
  if (reference.split("/").pop() === "default") return { ...DEFAULT_SUBNETWORK, link: defaultLink(region, around) };
  throw new Error(
    `subnetwork: got "${reference}", which is not in region ${region} of this cloud; ` +
      `the stand-in knows "default" and what programs have made`,
  );
}

/** Every project has a network of this name, with a subnetwork in each region. */
export const DEFAULT_SUBNETWORK = { cidr: "10.128.0.0/20" };
export const defaultLink = (region: string, { project }: Surroundings): string =>
  `${API}projects/${project}/regions/${region}/subnetworks/default`;

function rangeOf(
  inputs: JsonObject,
  region: string,
  around: Surroundings,
  subnetwork: Subnet | undefined,
): AddressRange {
  if (subnetwork !== undefined) return inSubnetwork(subnetwork.cidr);
  const collection = textAt(inputs, "ipCollection");
  if (collection === "") return EXTERNAL;
  const prefix = referred(DELEGATED_PREFIX, collection, around);
  if (prefix === undefined) {
    throw new Error(`ipCollection: got "${collection}", which is no public delegated prefix of this cloud`);
  }
  const home = textAt(prefix.outputs, "region");
  if (home !== region) {
    throw new Error(`ipCollection: got "${collection}", which is in ${home}; the address is in ${region}`);
  }
  return inPrefix(textAt(prefix.outputs, "ipCidrRange"));
}

function reserved(inputs: JsonObject, id: string, around: Surroundings, range: AddressRange): string {
  const taken = new Set(
    [...around.resources.values()]
      .filter((resource) => resource.type === ADDRESS && resource.id !== id)
      .map(({ outputs }) => textAt(outputs, "address")),
  );
  const asked = textAt(inputs, "address");
  if (asked === "") return freeAddress(range, id, taken);
  if (!isIPv4(asked)) throw new Error(`address: got "${asked}"; use one IPv4 address`);
  const bound = range !== EXTERNAL;
  if (bound && !cidrContains(range.cidr, asked)) {
    throw new Error(`address: got "${asked}", which is not in the range ${range.cidr}`);
  }
  if (taken.has(asked)) throw new Error(`address: got "${asked}", which is reserved already`);
  return asked;
}

export const publicAdvertisedPrefix: ResourceType = {
  type: "gcp:compute/publicAdvertisedPrefix:PublicAdvertisedPrefix",
  nameField: "name",
  required: ["ipCidrRange"],
  updatable: ["deletionPolicy"],
  computed: ["project", "selfLink", "sharedSecret"],
  id: global("publicAdvertisedPrefixes"),
  decided: (inputs, id, around) => ({ ...common(inputs, id, around), sharedSecret: `verify-${numberOf(id)}` }),
};

export const publicDelegatedPrefix: ResourceType = {
  type: DELEGATED_PREFIX,
  nameField: "name",
  required: ["ipCidrRange", "parentPrefix", "region"],
  updatable: ["deletionPolicy"],
  computed: ["project", "selfLink", "enableEnhancedIpv4Allocation", "publicDelegatedSubPrefixs"],
  id: regional("publicDelegatedPrefixes"),
  decided(inputs, id, around) {
    const parent = textAt(inputs, "parentPrefix");
    const types = [publicAdvertisedPrefix.type, DELEGATED_PREFIX];
    const above = types.map((type) => referred(type, parent, around)).find((found) => found !== undefined);
    if (above === undefined) throw new Error(`parentPrefix: got "${parent}", which is no prefix of this cloud`);
    const [range, outer] = [textAt(inputs, "ipCidrRange"), textAt(above.outputs, "ipCidrRange")];
    if (!cidrContains(outer, range.split("/")[0] ?? "")) {
      throw new Error(`ipCidrRange: got "${range}", which is not in ${outer} of its parent prefix`);
    }
    const decided = { enableEnhancedIpv4Allocation: true, publicDelegatedSubPrefixs: [] };
    return { ...common(inputs, id, around), ...decided };
  },
};

export const firewall: ResourceType = {
  type: "gcp:compute/firewall:Firewall",
  nameField: "name",
  required: ["network"],
  fixed: ["name", "network", "direction", "project", "params"],
  computed: ["creationTimestamp", "destinationRanges", "direction", "enableLogging", "project", "selfLink"],
  id: global("firewalls"),
  decided(inputs, id, around) {
    if ((at(inputs, "allows") === undefined) === (at(inputs, "denies") === undefined)) {
      throw new Error(`allows, denies: give one of the two`);
    }
    return {
      ...common(inputs, id, around),
      creationTimestamp: now(),
      destinationRanges: [],
      direction: "INGRESS",
      enableLogging: false,
      priority: 1000,
    };
  },
};

const PROTOCOLS: readonly string[] = ["tcp", "http", "https", "http2", "ssl", "grpc"];

export const regionHealthCheck: ResourceType = {
  type: "gcp:compute/regionHealthCheck:RegionHealthCheck",
  nameField: "name",
  required: [],
  fixed: ["name", "region", "project"],
  computed: ["creationTimestamp", "healthCheckId", "logConfig", "project", "region", "selfLink", "type"],
  id: regional("healthChecks"),
  decided(inputs, id, around) {
    const asked = PROTOCOLS.filter((protocol) => at(inputs, `${protocol}HealthCheck`) !== undefined);
    if (asked.length !== 1) throw new Error(`a health check has one protocol, got ${asked.join(", ") || "none"}`);
    return {
      ...common(inputs, id, around),
      checkIntervalSec: 5,
      creationTimestamp: now(),
      healthCheckId: numberOf(id),
      healthyThreshold: 2,
      logConfig: { enable: false },
      region: regionOf(inputs, around),
      timeoutSec: 5,
      type: (asked[0] ?? "").toUpperCase(),
      unhealthyThreshold: 2,
    };
  },
};

export const network: ResourceType = {
  type: NETWORK,
  nameField: "name",
  required: [],
  fixed: ["name", "autoCreateSubnetworks", "description", "enableUlaInternalIpv6", "networkProfile", "project"],
  computed: ["gatewayIpv4", "mtu", "networkId", "numericId", "project", "routingMode", "selfLink"],
  id: global("networks"),
  decided: (inputs, id, around) => ({
    ...common(inputs, id, around),
    autoCreateSubnetworks: true,
    gatewayIpv4: "",
    mtu: 1460,
    networkId: numberOf(id),
    numericId: String(numberOf(id)),
    routingMode: "REGIONAL",
  }),
};

export const subnetwork: ResourceType = {
  type: SUBNETWORK,
  nameField: "name",
  required: ["network"],
  fixed: ["name", "network", "region", "project", "description", "purpose", "reservedInternalRange"],
  computed: [
    "creationTimestamp",
    "gatewayAddress",
    "privateIpGoogleAccess",
    "project",
    "purpose",
    "region",
    "secondaryIpRanges",
    "selfLink",
    "stackType",
    "subnetworkId",
  ],
  id: regional("subnetworks"),
  decided(inputs, id, around) {
    const reference = textAt(inputs, "network");
    const known = referred(NETWORK, reference, around) !== undefined || reference.split("/").pop() === "default";
    if (!known) throw new Error(`network: got "${reference}", which is not in this cloud`);
    const [base = ""] = textAt(inputs, "ipCidrRange").split("/");
    return {
      ...common(inputs, id, around),
      creationTimestamp: now(),
      gatewayAddress: base.replace(/\d+$/, (last) => String(Number(last) + 1)),
      privateIpGoogleAccess: false,
      purpose: "PRIVATE",
      region: regionOf(inputs, around),
      secondaryIpRanges: [],
      stackType: "IPV4_ONLY",
      subnetworkId: numberOf(id),
    };
  },
};

/** A number that looks like the API's, the same for the same ID. */
function numberOf(id: string): number {
  return [...id].reduce((sum, char) => (sum * 31 + char.charCodeAt(0)) % 9_007_199_254, 7);
}

/** The region of a resource, from its ID. */
export function regionOfId({ id }: Resource): string {
  return /\/regions\/([^/]+)\//.exec(id)?.[1] ?? "";
}
