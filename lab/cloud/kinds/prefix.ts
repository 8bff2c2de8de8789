// Brought addresses: the advertised prefix, and the parts of it that regions are given.
import { cidrContains, isIPv4Cidr } from "../../../lib/model/address";
import { merged, text } from "../json";
import { linkOf } from "../links";
import { mustStay, referred, type Action, type Kind } from "../kind";
import { invalid, required, stale } from "../refusal";

const patch: Action = (resource, body, at) => {
  if (text(body, "fingerprint") !== text(resource.body, "fingerprint")) throw stale("fingerprint");
  const after = merged(resource.body, body);
  mustStay(resource.body, after, ["name", "ipCidrRange", "parentPrefix"], "It cannot be changed.");
  return [{ ...resource, body: { ...after, fingerprint: at.stamp } }];
};

export const publicAdvertisedPrefix: Kind = {
  collection: "publicAdvertisedPrefixes",
  message: "PublicAdvertisedPrefix",
  scope: "global",
  serverSet: ["fingerprint", "status", "sharedSecret", "publicDelegatedPrefixs"],
  insert(body, at) {
    rangeOf(text(body, "ipCidrRange"));
    return {
      body: {
        ...body,
        status: "PREFIX_CONFIGURATION_COMPLETE",
        sharedSecret: `verify-${at.stamp}`,
        fingerprint: at.stamp,
      },
    };
  },
  actions: { patch },
};

export const publicDelegatedPrefix: Kind = {
  collection: "publicDelegatedPrefixes",
  message: "PublicDelegatedPrefix",
  scope: "regions",
  serverSet: ["fingerprint", "status", "publicDelegatedSubPrefixs", "enableEnhancedIpv4Allocation"],
  insert(body, at) {
    const range = rangeOf(text(body, "ipCidrRange"));
    const parent = referred(body, "parentPrefix", ["publicAdvertisedPrefixes", "publicDelegatedPrefixes"], at);
    const outer = text(parent.body, "ipCidrRange");
    const [base = "", bits] = range.split("/");
    if (!cidrContains(outer, base) || Number(bits) < Number(outer.split("/")[1])) {
      throw invalid("resource.ipCidrRange", range, `It is not in ${outer} of its parent prefix.`);
    }
    return {
      body: {
        ...body,
        parentPrefix: linkOf(parent.key),
        status: "ACTIVE",
        enableEnhancedIpv4Allocation: true,
        fingerprint: at.stamp,
      },
      uses: [parent.key],
    };
  },
  actions: { patch },
};

function rangeOf(range: string): string {
  if (range === "") throw required("resource.ipCidrRange");
  if (!isIPv4Cidr(range)) throw invalid("resource.ipCidrRange", range, "It is not a range of IPv4 addresses.");
  return range;
}
