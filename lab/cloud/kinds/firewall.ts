// Firewall rules of a network.
import { isIPv4, isIPv4Cidr } from "../../../lib/model/address";
import { merged, objects, text, texts, type JsonObject } from "../json";
import { linkOf } from "../links";
import { mustStay, referred, type Kind, type Made, type Site } from "../kind";
import { invalid, required } from "../refusal";

export const firewall: Kind = {
  collection: "firewalls",
  message: "Firewall",
  scope: "global",
  insert: (body, at) => checked({ direction: "INGRESS", priority: 1000, disabled: false, ...body }, at),
  actions: {
    patch: (resource, body, at) => changed(resource.body, merged(resource.body, body), at),
    update(resource, body, at) {
      const { id, kind, creationTimestamp, selfLink, name } = resource.body;
      const after = {
        direction: "INGRESS",
        priority: 1000,
        disabled: false,
        ...body,
        id,
        kind,
        creationTimestamp,
        selfLink,
        name,
      };
      return changed(resource.body, after, at);
    },
  },
};

function changed(
  before: JsonObject,
  after: JsonObject,
  at: Site,
): [{ key: string; body: JsonObject; uses: readonly string[] }] {
  mustStay(before, after, ["name", "direction"], "It cannot be changed.");
  const made = checked(after, at);
  mustStay(before, made.body, ["network"], "It cannot be changed.");
  return [{ key: at.key, body: made.body, uses: made.uses ?? [] }];
}

function checked(body: JsonObject, at: Site): Made {
  const network = referred({ network: "global/networks/default", ...body }, "network", ["networks"], at);
  const given = ["allowed", "denied"].filter((field) => objects(body, field).length > 0);
  if (given.length === 0) throw required("resource.allowed");
  if (given.length > 1) throw invalid("resource.denied", "", "A rule has allowed or denied, not both.");
  for (const field of ["sourceRanges", "destinationRanges"]) {
    for (const range of texts(body, field)) {
      if (!isIPv4(range) && !isIPv4Cidr(range))
        throw invalid(`resource.${field}`, range, "It is not a range of IPv4 addresses.");
    }
  }
  if (texts(body, "targetTags").length > 0 && texts(body, "targetServiceAccounts").length > 0) {
    throw invalid(
      "resource.targetTags",
      texts(body, "targetTags").join(","),
      "It cannot be specified with targetServiceAccounts.",
    );
  }
  if (text(body, "direction") === "EGRESS" && texts(body, "sourceTags").length > 0) {
    throw invalid("resource.sourceTags", texts(body, "sourceTags").join(","), "A rule for EGRESS has none.");
  }
  const sources = ["sourceRanges", "sourceTags", "sourceServiceAccounts"].some(
    (field) => texts(body, field).length > 0,
  );
  const everywhere = text(body, "direction") === "INGRESS" && !sources ? { sourceRanges: ["0.0.0.0/0"] } : {};
  return { body: { ...body, ...everywhere, network: linkOf(network.key) }, uses: [network.key] };
}
