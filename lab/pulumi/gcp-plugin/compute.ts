// Types of gcp:compute, which live in the stand-in for Compute: how each is written in its API.
import { at, isObject, textAt, type Json, type JsonObject } from "../plugin/values";
import type { ComputeCalls } from "./compute-calls";
import { API, labelled, linkTo, projectOf, regionOf, type ComputeType, type Surroundings } from "./resource-type";

/** Fields of the same name in both. */
function taken(from: JsonObject, fields: readonly string[]): JsonObject {
  const given = fields.map((field): [string, Json | undefined] => [field, from[field]]);
  return Object.fromEntries(given.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

/** A field that names another resource, as the API wants it: its whole link. */
function link(
  inputs: JsonObject,
  field: string,
  around: Surroundings,
  [collection, scope]: readonly [string, string],
): JsonObject {
  const given = textAt(inputs, field);
  return given === "" ? {} : { [field]: linkTo(given, collection, scope, projectOf(inputs, around)) };
}

const lastStep = (reference: string): string => reference.split("/").pop() ?? "";

/** What every resource of the API says of itself. */
const common = (body: JsonObject): JsonObject => {
  const self = textAt(body, "selfLink");
  const region = textAt(body, "region");
  return {
    ...taken(body, ["name", "description", "creationTimestamp"]),
    project: /\/projects\/([^/]+)\//.exec(self)?.[1] ?? "",
    selfLink: self.startsWith("https://") ? self : API + self,
    ...(region === "" ? {} : { region: lastStep(region) }),
  };
};

const text = (body: JsonObject, field: string): JsonObject => ({ [field]: textAt(body, field) });
const inRegion = (inputs: JsonObject, around: Surroundings): string => `regions/${regionOf(inputs, around)}`;

const ADDRESS_FIELDS = [
  "address",
  "addressType",
  "description",
  "ipVersion",
  "name",
  "networkTier",
  "prefixLength",
  "purpose",
];

export const address: ComputeType = {
  type: "gcp:compute/address:Address",
  collection: "addresses",
  scope: "regions",
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
  defaults: { addressType: "EXTERNAL" },
  settable: [...ADDRESS_FIELDS, "ipCollection", "labels", "project", "region", "subnetwork"],
  body(inputs, around) {
    const region = inRegion(inputs, around);
    const internal = textAt(inputs, "addressType") === "INTERNAL";
    const subnetwork = internal && textAt(inputs, "subnetwork") === "" ? "default" : textAt(inputs, "subnetwork");
    return {
      ...taken(inputs, ADDRESS_FIELDS),
      ...link({ ...inputs, subnetwork }, "subnetwork", around, ["subnetworks", region]),
      ...link(inputs, "network", around, ["networks", "global"]),
      ...link(inputs, "ipCollection", around, ["publicDelegatedPrefixes", region]),
    };
  },
  outputs: (body) => ({
    ...common(body),
    ...taken(body, ["ipCollection", "network"]),
    ...withLabels(body),
    ...text(body, "address"),
    addressId: textAt(body, "id"),
    addressType: textAt(body, "addressType") || "EXTERNAL",
    networkTier: textAt(body, "networkTier"),
    prefixLength: at(body, "prefixLength") ?? 0,
    ...text(body, "purpose"),
    ...text(body, "subnetwork"),
    users: at(body, "users") ?? [],
  }),
  created: setLabels,
  update: setLabels,
};

const withLabels = (body: JsonObject): JsonObject => ({
  ...labelled(body),
  labelFingerprint: textAt(body, "labelFingerprint"),
  ...(isObject(body["labels"]) ? { labels: body["labels"] } : {}),
});

/** Labels have a call of their own. */
async function setLabels(calls: ComputeCalls, key: string, before: JsonObject, inputs: JsonObject): Promise<void> {
  const labels = isObject(inputs["labels"]) ? inputs["labels"] : {};
  const old = isObject(before["labels"]) ? before["labels"] : {};
  if (JSON.stringify(labels) === JSON.stringify(old)) return;
  await calls.call(key, "setLabels", { labels, labelFingerprint: textAt(before, "labelFingerprint") });
}

const FIREWALL_FIELDS = [
  "description",
  "destinationRanges",
  "direction",
  "disabled",
  "name",
  "priority",
  "sourceRanges",
  "sourceServiceAccounts",
  "sourceTags",
  "targetServiceAccounts",
  "targetTags",
];

export const firewall: ComputeType = {
  type: "gcp:compute/firewall:Firewall",
  collection: "firewalls",
  scope: "global",
  nameField: "name",
  required: ["network"],
  fixed: ["name", "network", "direction", "project", "params"],
  computed: ["creationTimestamp", "destinationRanges", "direction", "enableLogging", "project", "selfLink"],
  defaults: { disabled: false, priority: 1000 },
  settable: [...FIREWALL_FIELDS, "allows", "denies", "network", "project"],
  body: (inputs, around) => ({
    ...taken(inputs, FIREWALL_FIELDS),
    ...link(inputs, "network", around, ["networks", "global"]),
    ...protocols(inputs, "allows", "protocol", "allowed", "IPProtocol"),
    ...protocols(inputs, "denies", "protocol", "denied", "IPProtocol"),
  }),
  outputs: (body) => ({
    direction: "INGRESS",
    destinationRanges: [],
    enableLogging: at(body, "logConfig", "enable") ?? false,
    priority: 1000,
    ...common(body),
    ...taken(body, FIREWALL_FIELDS),
    ...text(body, "network"),
    ...protocols(body, "allowed", "IPProtocol", "allows", "protocol"),
    ...protocols(body, "denied", "IPProtocol", "denies", "protocol"),
  }),
  update: patched([...FIREWALL_FIELDS.filter((field) => field !== "direction"), "allowed", "denied"]),
};

/** `[{ protocol, ports }]` in Pulumi is `[{ IPProtocol, ports }]` in the API. */
function protocols(from: JsonObject, field: string, protocol: string, to: string, toProtocol: string): JsonObject {
  const given = from[field];
  if (!Array.isArray(given)) return {};
  return {
    [to]: given.filter(isObject).map(({ [protocol]: name = "", ...rest }) => ({ [toProtocol]: name, ...rest })),
  };
}

/**
 * A PATCH with everything that the program says.
 * @param cleared fields of the API that go when the program no longer says anything of them
 * @param guard field with the fingerprint that has to go with it
 */
function patched(cleared: readonly string[], guard?: string): ComputeType["update"] {
  return async (calls, key, before, _inputs, body) => {
    const gone = cleared.filter((field) => before[field] !== undefined && body[field] === undefined);
    await calls.patch(key, {
      ...body,
      ...Object.fromEntries(gone.map((field) => [field, null])),
      ...(guard === undefined ? {} : { [guard]: textAt(before, guard) }),
    });
  };
}

const PROTOCOLS = ["tcp", "http", "https", "http2", "ssl", "grpc"].map((protocol) => `${protocol}HealthCheck`);
const HEALTH_CHECK_FIELDS = [
  "checkIntervalSec",
  "description",
  "healthyThreshold",
  "logConfig",
  "name",
  "timeoutSec",
  "unhealthyThreshold",
  ...PROTOCOLS,
];

export const regionHealthCheck: ComputeType = {
  type: "gcp:compute/regionHealthCheck:RegionHealthCheck",
  collection: "healthChecks",
  scope: "regions",
  nameField: "name",
  required: [],
  fixed: ["name", "region", "project"],
  computed: ["creationTimestamp", "healthCheckId", "logConfig", "project", "region", "selfLink", "type"],
  defaults: { checkIntervalSec: 5, healthyThreshold: 2, timeoutSec: 5, unhealthyThreshold: 2 },
  settable: [...HEALTH_CHECK_FIELDS, "project", "region"],
  body(inputs) {
    const asked = PROTOCOLS.filter((field) => at(inputs, field) !== undefined);
    if (asked.length !== 1) throw new Error(`a health check has one protocol, got ${asked.join(", ") || "none"}`);
    const type = (asked[0] ?? "").replace("HealthCheck", "").toUpperCase();
    return { ...taken(inputs, HEALTH_CHECK_FIELDS), type };
  },
  outputs: (body) => ({
    checkIntervalSec: 5,
    healthyThreshold: 2,
    logConfig: { enable: false },
    timeoutSec: 5,
    unhealthyThreshold: 2,
    ...common(body),
    ...taken(body, HEALTH_CHECK_FIELDS),
    healthCheckId: Number(textAt(body, "id")),
    ...text(body, "type"),
  }),
  // A PUT, unlike all others of the provider (its source, read 2026-11).
  update: (calls, key, _before, _inputs, body) => calls.put(key, body),
};

export const network: ComputeType = {
  type: "gcp:compute/network:Network",
  collection: "networks",
  scope: "global",
  nameField: "name",
  required: [],
  fixed: ["name", "autoCreateSubnetworks", "description", "enableUlaInternalIpv6", "networkProfile", "project"],
  computed: ["gatewayIpv4", "mtu", "networkId", "numericId", "project", "routingMode", "selfLink"],
  defaults: { autoCreateSubnetworks: true },
  settable: ["autoCreateSubnetworks", "description", "mtu", "name", "project", "routingMode"],
  body: (inputs) => ({
    autoCreateSubnetworks: true,
    ...taken(inputs, ["autoCreateSubnetworks", "description", "mtu", "name"]),
    ...(at(inputs, "routingMode") === undefined
      ? {}
      : { routingConfig: { routingMode: textAt(inputs, "routingMode") } }),
  }),
  outputs: (body) => ({
    mtu: 1460,
    ...common(body),
    ...taken(body, ["autoCreateSubnetworks", "mtu"]),
    gatewayIpv4: textAt(body, "gatewayIPv4"),
    networkId: Number(textAt(body, "id")),
    numericId: textAt(body, "id"),
    routingMode: textAt(body, "routingConfig", "routingMode") || "REGIONAL",
  }),
  update: patched([]),
};

const SUBNETWORK_FIELDS = ["description", "ipCidrRange", "name", "privateIpGoogleAccess", "purpose", "stackType"];

export const SUBNETWORKS = "subnetworks";
export const subnetwork: ComputeType = {
  type: "gcp:compute/subnetwork:Subnetwork",
  collection: SUBNETWORKS,
  scope: "regions",
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
  defaults: {},
  settable: [...SUBNETWORK_FIELDS, "network", "project", "region", "secondaryIpRanges"],
  body: (inputs, around) => ({
    ...taken(inputs, SUBNETWORK_FIELDS),
    ...link(inputs, "network", around, ["networks", "global"]),
    ...taken(inputs, ["secondaryIpRanges"]),
  }),
  outputs: (body) => ({
    privateIpGoogleAccess: false,
    purpose: "PRIVATE",
    stackType: "IPV4_ONLY",
    ...common(body),
    ...taken(body, SUBNETWORK_FIELDS),
    ...text(body, "gatewayAddress"),
    ...text(body, "network"),
    secondaryIpRanges: at(body, "secondaryIpRanges") ?? [],
    subnetworkId: Number(textAt(body, "id")),
  }),
  update: patched(["secondaryIpRanges"], "fingerprint"),
};

/** What both kinds of prefixes have in common: only what the provider itself keeps of them can be changed. */
const PREFIX = {
  nameField: "name",
  updatable: ["deletionPolicy"],
  defaults: {},
  update: async () => undefined,
} as const satisfies Partial<ComputeType>;
const PREFIX_FIELDS = ["description", "dnsVerificationIp", "ipCidrRange", "name", "pdpScope"];

export const publicAdvertisedPrefix: ComputeType = {
  type: "gcp:compute/publicAdvertisedPrefix:PublicAdvertisedPrefix",
  ...PREFIX,
  collection: "publicAdvertisedPrefixes",
  scope: "global",
  required: ["ipCidrRange"],
  computed: ["project", "selfLink", "sharedSecret"],
  settable: [...PREFIX_FIELDS, "project"],
  body: (inputs) => taken(inputs, PREFIX_FIELDS),
  outputs: (body) => ({ ...common(body), ...taken(body, PREFIX_FIELDS), ...text(body, "sharedSecret") }),
};

const DELEGATED_FIELDS = ["description", "ipCidrRange", "isLiveMigration", "mode", "name"];

export const publicDelegatedPrefix: ComputeType = {
  type: "gcp:compute/publicDelegatedPrefix:PublicDelegatedPrefix",
  ...PREFIX,
  collection: "publicDelegatedPrefixes",
  scope: "regions",
  required: ["ipCidrRange", "parentPrefix", "region"],
  computed: ["project", "selfLink", "enableEnhancedIpv4Allocation", "publicDelegatedSubPrefixs"],
  settable: [...DELEGATED_FIELDS, "parentPrefix", "project", "region"],
  body: (inputs, around) => ({
    ...taken(inputs, DELEGATED_FIELDS),
    ...link(inputs, "parentPrefix", around, ["publicAdvertisedPrefixes", "global"]),
  }),
  outputs: (body) => ({
    enableEnhancedIpv4Allocation: true,
    publicDelegatedSubPrefixs: [],
    ...common(body),
    ...taken(body, [...DELEGATED_FIELDS, "enableEnhancedIpv4Allocation"]),
    ...text(body, "parentPrefix"),
  }),
};
