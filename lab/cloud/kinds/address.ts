// Addresses: reserved ones, external and internal. The controller may only read them; programs reserve them.
import { isIPv4 } from "../../../lib/model/address";
import { text, texts, type JsonObject } from "../json";
import { linkOf } from "../links";
import { maybeReferred, type Kind, type Made, type Site } from "../kind";
import { external, freeAddress, inPrefix, inSubnetwork, isUsable, type AddressRange } from "../ranges";
import { inUse, invalid, exhausted, required } from "../refusal";
import { ipTag, scopeOf, type Key, type Resource } from "../state";
import { setLabels, withLabels } from "./labels";

const COLLECTIONS = ["addresses"];

export const address: Kind = {
  collection: "addresses",
  message: "Address",
  scope: "regions",
  serverSet: ["status", "users", "labelFingerprint"],
  insert: (body, at) => (text(body, "addressType") === "INTERNAL" ? internal(body, at) : externalAddress(body, at)),
  actions: { setLabels },
};

function externalAddress(body: JsonObject, at: Site): Made {
  for (const field of ["subnetwork", "network"]) {
    if (text(body, field) !== "")
      throw invalid(`resource.${field}`, text(body, field), "An external address has none.");
  }
  if (!["", "GCE_ENDPOINT"].includes(text(body, "purpose"))) {
    throw invalid("resource.purpose", text(body, "purpose"), "Only an internal address has a purpose.");
  }
  const prefix = maybeReferred(body, "ipCollection", ["publicDelegatedPrefixes"], at);
  if (prefix !== undefined && scopeOf(prefix.key) !== at.scope) {
    throw invalid("resource.ipCollection", text(body, "ipCollection"), "It is in another region than the address.");
  }
  const range = prefix === undefined ? external(at.world.externalRange) : inPrefix(text(prefix.body, "ipCidrRange"));
  const ip = chosen(body, range, undefined, at);
  return {
    body: reserved({ ...body, addressType: "EXTERNAL", networkTier: text(body, "networkTier") || "PREMIUM" }, ip, at),
    uses: [ipTag(ip, undefined), ...(prefix === undefined ? [] : [prefix.key])],
  };
}

function internal(body: JsonObject, at: Site): Made {
  const tier = text(body, "networkTier");
  if (tier !== "" && tier !== "PREMIUM") {
    throw invalid("resource.networkTier", tier, "An internal address is of the tier PREMIUM.");
  }
  const purpose = text(body, "purpose") || "GCE_ENDPOINT";
  if (purpose !== "GCE_ENDPOINT" && purpose !== "SHARED_LOADBALANCER_VIP") {
    throw invalid(
      "resource.purpose",
      purpose,
      "Use GCE_ENDPOINT or SHARED_LOADBALANCER_VIP for one address of a subnetwork.",
    );
  }
  const subnetwork = maybeReferred(body, "subnetwork", ["subnetworks"], at);
  if (subnetwork === undefined) throw required("resource.subnetwork");
  if (scopeOf(subnetwork.key) !== at.scope) {
    throw invalid("resource.subnetwork", text(body, "subnetwork"), "It is in another region than the address.");
  }
  const network = networkOf(subnetwork);
  const ip = chosen(body, inSubnetwork(text(subnetwork.body, "ipCidrRange")), network, at);
  return {
    body: reserved({ ...body, networkTier: "PREMIUM", purpose, subnetwork: linkOf(subnetwork.key) }, ip, at),
    uses: [ipTag(ip, network), subnetwork.key],
  };
}

/** Key of the network that a subnetwork, or a VM's interface, is in. */
export const networkOf = (subnetwork: Resource): Key => subnetwork.uses[0] ?? "";

const reserved = (body: JsonObject, ip: string, at: Site): JsonObject => ({
  ...withLabels(body, at),
  address: ip,
  status: "RESERVED",
});

function chosen(body: JsonObject, range: AddressRange, network: Key | undefined, at: Site): string {
  const holder = (ip: string): Key | undefined => at.state.usersOf(ipTag(ip, network)).find((key) => key !== at.key);
  const asked = text(body, "address");
  if (asked === "") {
    const free = freeAddress(range, at.key, (ip) => holder(ip) !== undefined);
    if (free !== undefined) return free;
    throw exhausted(range.cidr);
  }
  if (!isIPv4(asked)) throw invalid("resource.address", asked, "It is not one IPv4 address.");
  // An external literal may be one that is ephemeral now; only whose it is counts.
  if (network !== undefined && !isUsable(range, asked)) {
    throw invalid("resource.address", asked, `It is not in the range ${range.cidr}, or kept by Google.`);
  }
  const taken = holder(asked);
  if (taken !== undefined) throw inUse(asked, taken);
  return asked;
}

/** The reserved address of this value. @param network undefined for an external one */
export function addressOf(ip: string, network: Key | undefined, at: Site): Resource | undefined {
  const key = at.state.usersOf(ipTag(ip, network)).find((user) => COLLECTIONS.includes(user.split("/").at(-2) ?? ""));
  return key === undefined ? undefined : at.state.get(key);
}

/** The address once a rule uses it, or does so no longer. */
export function withUser(resource: Resource, user: Key, change: "added" | "removed"): Resource {
  const others = texts(resource.body, "users").filter((link) => link !== linkOf(user));
  const users = change === "added" ? [...others, linkOf(user)].sort() : others;
  const { users: _before, ...rest } = resource.body;
  const body = users.length === 0 ? { ...rest, status: "RESERVED" } : { ...rest, status: "IN_USE", users };
  return { ...resource, body };
}
