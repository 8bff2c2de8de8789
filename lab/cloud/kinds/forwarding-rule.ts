// Regional forwarding rules: which backend service or target instance gets the packets for one address.
import { isIPv4 } from "../../../lib/model/address";
import { object, text, type JsonObject } from "../json";
import { linkOf, regionOfKey } from "../links";
import { maybeReferred, referred, type Kind, type Made, type Site } from "../kind";
import { external, freeAddress, inSubnetwork, isUsable } from "../ranges";
import { inUse, invalid, exhausted, required, stale } from "../refusal";
import { collectionOf, ipTag, scopeOf, type Change, type Key, type Resource } from "../state";
import { addressOf, networkOf, withUser } from "./address";
import { setLabels, withLabels } from "./labels";

const PROTOCOLS: Readonly<Record<string, readonly string[]>> = {
  EXTERNAL: ["AH", "ESP", "GRE", "ICMP", "L3_DEFAULT", "SCTP", "TCP", "UDP"],
  INTERNAL: ["AH", "ESP", "GRE", "ICMP", "L3_DEFAULT", "SCTP", "TCP", "UDP"],
};

export const forwardingRule: Kind = {
  collection: "forwardingRules",
  message: "ForwardingRule",
  scope: "regions",
  serverSet: ["fingerprint", "labelFingerprint", "serviceName", "baseForwardingRule"],
  insert(body, at) {
    const scheme = text(body, "loadBalancingScheme") || "EXTERNAL";
    const protocol = text(body, "IPProtocol") || "TCP";
    if (PROTOCOLS[scheme] === undefined) {
      throw invalid("resource.loadBalancingScheme", scheme, "The stand-in knows EXTERNAL and INTERNAL.");
    }
    if (PROTOCOLS[scheme].includes(protocol) !== true) {
      throw invalid("resource.IPProtocol", protocol, `Use one of ${PROTOCOLS[scheme].join(", ")}.`);
    }
    if (protocol === "L3_DEFAULT" && body["allPorts"] !== true) {
      throw invalid("resource.allPorts", String(body["allPorts"]), "A rule for L3_DEFAULT takes all ports.");
    }
    const rule = { ...body, loadBalancingScheme: scheme, IPProtocol: protocol };
    return scheme === "INTERNAL" ? internal(rule, at) : externalRule(rule, at);
  },
  remove(resource, at) {
    const address = resource.uses
      .map((key) => at.state.get(key))
      .find((used) => used !== undefined && collectionOf(used.key) === "addresses");
    return address === undefined ? [] : [withUser(address, resource.key, "removed")];
  },
  actions: {
    setLabels,
    patch(resource, body, at) {
      const given = text(body, "fingerprint");
      if (given !== "" && given !== text(resource.body, "fingerprint")) throw stale("fingerprint");
      for (const field of Object.keys(body)) {
        if (field !== "networkTier" && field !== "fingerprint" && body[field] !== resource.body[field]) {
          throw invalid(`resource.${field}`, JSON.stringify(body[field]), "Only networkTier can be patched.");
        }
      }
      const tier = text(body, "networkTier");
      if (tier !== "" && tier !== "PREMIUM" && text(resource.body, "loadBalancingScheme") === "INTERNAL") {
        throw invalid("resource.networkTier", tier, "An INTERNAL rule is of the tier PREMIUM.");
      }
      const address = addressOf(text(resource.body, "IPAddress"), undefined, at);
      if (tier !== "" && address !== undefined && text(address.body, "networkTier") !== tier) {
        throw invalid("resource.networkTier", tier, `The address '${address.key}' is of another tier.`);
      }
      return [
        {
          ...resource,
          body: { ...resource.body, ...(tier === "" ? {} : { networkTier: tier }), fingerprint: at.stamp },
        },
      ];
    },
    setTarget(resource, body, at) {
      const link = text(body, "target");
      if (link === "") throw required("target");
      const target = targetOf({ ...resource.body, target: link, backendService: undefined }, "target", at);
      const isService = collectionOf(target.key) === "backendServices";
      const wasService = text(resource.body, "backendService") !== "";
      if (isService !== wasService && text(resource.body, "loadBalancingScheme") === "EXTERNAL") {
        throw invalid("target", link, "The target of an EXTERNAL rule can be replaced only by one of the same type.");
      }
      const { target: _target, backendService: _service, ...rest } = resource.body;
      const after = {
        ...rest,
        fingerprint: at.stamp,
        ...(isService ? { backendService: linkOf(target.key) } : { target: linkOf(target.key) }),
      };
      const kept = resource.uses.filter((key) => !["backendServices", "targetInstances"].includes(collectionOf(key)));
      return [{ ...resource, body: after, uses: [...kept, target.key] }];
    },
  },
};

function externalRule(body: JsonObject, at: Site): Made {
  for (const field of ["subnetwork", "network", "allowGlobalAccess"]) {
    if (body[field] !== undefined && body[field] !== false) {
      throw invalid(`resource.${field}`, String(body[field]), "An EXTERNAL rule for IPv4 has none.");
    }
  }
  const networkTier = text(body, "networkTier") || "PREMIUM";
  const rule = { ...body, networkTier };
  const target = targetOf(rule, "resource", at);
  const given = given4(body, at);
  const address = given.address ?? (given.ip === undefined ? undefined : addressOf(given.ip, undefined, at));
  if (address !== undefined) checkAddress(address, "EXTERNAL", at);
  if (address !== undefined && text(address.body, "networkTier") !== networkTier) {
    throw invalid(
      "resource.networkTier",
      networkTier,
      `The address '${address.key}' is of the tier ${text(address.body, "networkTier")}.`,
    );
  }
  if (given.ip !== undefined && address === undefined) {
    throw invalid("resource.IPAddress", given.ip, "It is not an address that is reserved in this project.");
  }
  const range = external(at.world.externalRange);
  const ip = address === undefined ? ephemeral(range, undefined, at) : text(address.body, "address");
  checkFree(rule, ip, undefined, address, at);
  return madeRule(rule, ip, undefined, target, address, at);
}

function internal(body: JsonObject, at: Site): Made {
  const subnetwork = maybeReferred(body, "subnetwork", ["subnetworks"], at);
  const given = given4(body, at);
  const network =
    maybeReferred(body, "network", ["networks"], at)?.key ??
    (subnetwork === undefined ? undefined : networkOf(subnetwork));
  if (subnetwork === undefined) throw required("resource.subnetwork");
  if (scopeOf(subnetwork.key) !== at.scope || networkOf(subnetwork) !== network) {
    throw invalid("resource.subnetwork", text(body, "subnetwork"), "It must be in the rule's region and network.");
  }
  const tier = text(body, "networkTier");
  if (tier !== "" && tier !== "PREMIUM") {
    throw invalid("resource.networkTier", tier, "An INTERNAL rule is of the tier PREMIUM.");
  }
  const range = inSubnetwork(text(subnetwork.body, "ipCidrRange"));
  const address = given.address ?? (given.ip === undefined ? undefined : addressOf(given.ip, network, at));
  if (address !== undefined) {
    checkAddress(address, "INTERNAL", at);
    if (!address.uses.includes(subnetwork.key)) {
      throw invalid("resource.IPAddress", text(address.body, "address"), "It is in another subnetwork than the rule.");
    }
  }
  const ip = address === undefined ? (given.ip ?? ephemeral(range, network, at)) : text(address.body, "address");
  if (!isUsable(range, ip)) {
    throw invalid(
      "resource.IPAddress",
      ip,
      `It is not in the range ${range.cidr} of the subnetwork, or kept by Google.`,
    );
  }
  const rule = { ...body, networkTier: "PREMIUM", network: linkOf(network), subnetwork: linkOf(subnetwork.key) };
  const target = targetOf(rule, "resource", at);
  checkFree(rule, ip, network, address, at);
  const made = madeRule(rule, ip, network, target, address, at);
  return { ...made, uses: [...(made.uses ?? []), subnetwork.key] };
}

/** The address that the body gives: a resource, or a value. */
function given4(body: JsonObject, at: Site): { address?: Resource; ip?: string } {
  const given = text(body, "IPAddress");
  if (given === "") return {};
  if (isIPv4(given)) return { ip: given };
  return { address: referred(body, "IPAddress", ["addresses"], at) };
}

function checkAddress(address: Resource, type: string, at: Site): void {
  if (text(address.body, "addressType") !== type) {
    throw invalid("resource.IPAddress", address.key, `The rule is ${type}, the address is not.`);
  }
  if (scopeOf(address.key) !== at.scope) {
    throw invalid("resource.IPAddress", address.key, "It is in another region than the rule.");
  }
}

function ephemeral(range: ReturnType<typeof external>, network: Key | undefined, at: Site): string {
  const free = freeAddress(range, at.key, (ip) => at.state.usersOf(ipTag(ip, network)).length > 0);
  if (free === undefined) throw exhausted(range.cidr);
  return free;
}

/** One address, one rule; an external one may have several of different protocols, unless one of them takes all. */
function checkFree(
  rule: JsonObject,
  ip: string,
  network: Key | undefined,
  address: Resource | undefined,
  at: Site,
): void {
  for (const key of at.state.usersOf(ipTag(ip, network))) {
    const other = at.state.get(key);
    if (other === undefined || key === address?.key || key === at.key) continue;
    const protocols = [text(rule, "IPProtocol"), text(other.body, "IPProtocol")];
    const beside =
      collectionOf(key) === "forwardingRules" &&
      network === undefined &&
      protocols[0] !== protocols[1] &&
      !protocols.includes("L3_DEFAULT");
    if (!beside) throw inUse(address?.key ?? ip, key);
  }
}

function targetOf(rule: JsonObject, prefix: "resource" | "target", at: Site): Resource {
  const path = (field: string): string => (prefix === "target" ? "target" : `resource.${field}`);
  const [service, target] = [text(rule, "backendService"), text(rule, "target")];
  if ((service === "") === (target === "")) {
    if (service === "") throw required(path("backendService"));
    throw invalid(path("target"), target, "A rule has a backendService or a target, not both.");
  }
  const found =
    service === ""
      ? referred(
          rule,
          "target",
          prefix === "target" ? ["targetInstances", "backendServices"] : ["targetInstances"],
          at,
          path("target"),
        )
      : referred(rule, "backendService", ["backendServices"], at, path("backendService"));
  const link = service || target;
  const field = path(service === "" ? "target" : "backendService");
  if (`regions/${regionOfKey(found.key)}` !== at.scope)
    throw invalid(field, link, "It is in another region than the rule.");
  if (collectionOf(found.key) === "backendServices") checkService(rule, found, field, link);
  else checkTargetNetwork(rule, found, field, link);
  return found;
}

function checkService(rule: JsonObject, service: Resource, field: string, link: string): void {
  const scheme = text(rule, "loadBalancingScheme");
  if (text(service.body, "loadBalancingScheme") !== scheme) {
    throw invalid(field, link, `Its loadBalancingScheme is not ${scheme}, as the rule's is.`);
  }
  const [ours, theirs] = [text(rule, "IPProtocol"), text(service.body, "protocol")];
  const fits = theirs === "UNSPECIFIED" ? true : ours === theirs;
  if (!fits)
    throw invalid(field, link, `Its protocol ${theirs} does not fit a rule for ${ours}; L3_DEFAULT needs UNSPECIFIED.`);
  const network = text(service.body, "network");
  if (scheme === "INTERNAL" && network !== "" && network !== text(rule, "network")) {
    throw invalid(field, link, "It is in another network than the rule.");
  }
}

function checkTargetNetwork(rule: JsonObject, target: Resource, field: string, link: string): void {
  if (text(rule, "loadBalancingScheme") === "INTERNAL" && linkOf(target.uses[0] ?? "") !== text(rule, "network")) {
    throw invalid(field, link, "Its network is not the rule's.");
  }
}

function madeRule(
  rule: JsonObject,
  ip: string,
  network: Key | undefined,
  target: Resource,
  address: Resource | undefined,
  at: Site,
): Made {
  const field = collectionOf(target.key) === "backendServices" ? "backendService" : "target";
  const also: readonly Change[] = address === undefined ? [] : [withUser(address, at.key, "added")];
  const labels = object(rule, "labels") === undefined ? {} : { labels: rule["labels"] };
  return {
    body: {
      ...withLabels({ ...rule, ...labels }, at),
      IPAddress: ip,
      [field]: linkOf(target.key),
      fingerprint: at.stamp,
    },
    uses: [ipTag(ip, network), target.key, ...(address === undefined ? [] : [address.key])],
    also,
  };
}
