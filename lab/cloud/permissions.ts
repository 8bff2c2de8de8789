// Which permissions a call needs. The names follow Google's rule `compute.<collection>.<verb>`; most of those of the calls
// that podpin makes are named by Google's own pages, some only by that rule (the README says which).
import { object, objects, text, type JsonObject } from "./json";

type Wanted = (body: JsonObject) => readonly string[];

const given = (body: JsonObject, field: string, permission: string): readonly string[] =>
  text(body, field) === "" ? [] : [permission];

const targetUse = (body: JsonObject): readonly string[] => {
  const target = text(body, "target");
  if (target === "") return [];
  return [target.includes("/backendServices/") ? "compute.regionBackendServices.use" : "compute.targetInstances.use"];
};

const serviceUses: Wanted = (body) => [
  ...(objects(body, "backends").length > 0 ? ["compute.networkEndpointGroups.use"] : []),
  ...(object(object(body, "haPolicy"), "leader") === undefined ? [] : ["compute.instances.use"]),
  ...given(body, "network", "compute.networks.use"),
];

const firewallUses: Wanted = () => ["compute.networks.updatePolicy"];

/** What a call needs besides its own permission, by what its body names. */
const USES: Readonly<Record<string, Wanted>> = {
  "addresses.insert": (body) => given(body, "subnetwork", "compute.subnetworks.use"),
  "firewalls.delete": firewallUses,
  "firewalls.insert": firewallUses,
  "firewalls.patch": firewallUses,
  "firewalls.update": firewallUses,
  "forwardingRules.insert": (body) => [
    ...given(
      body,
      "IPAddress",
      text(body, "loadBalancingScheme") === "INTERNAL" ? "compute.addresses.useInternal" : "compute.addresses.use",
    ),
    ...given(body, "backendService", "compute.regionBackendServices.use"),
    ...targetUse(body),
    ...given(body, "network", "compute.networks.use"),
    ...given(body, "subnetwork", "compute.subnetworks.use"),
    ...(object(body, "labels") === undefined ? [] : ["compute.forwardingRules.setLabels"]),
  ],
  "forwardingRules.setTarget": targetUse,
  "instances.insert": () => ["compute.subnetworks.use"],
  "networkEndpointGroups.attachNetworkEndpoints": () => ["compute.instances.use"],
  "networkEndpointGroups.insert": (body) => [
    ...given(body, "network", "compute.networks.use"),
    ...given(body, "subnetwork", "compute.subnetworks.use"),
  ],
  "regionBackendServices.insert": serviceUses,
  "regionBackendServices.patch": serviceUses,
  "regionBackendServices.update": serviceUses,
  "subnetworks.insert": () => ["compute.networks.updatePolicy"],
  "targetInstances.insert": (body) => ["compute.instances.use", ...given(body, "network", "compute.networks.use")],
};

/** Verbs of permissions where they are not the call's own. */
const VERBS: Readonly<Record<string, string>> = {
  aggregatedList: "list",
  insert: "create",
  listNetworkEndpoints: "get",
  patch: "update",
  wait: "get",
};

/** @param id of the call: `forwardingRules.setTarget` */
export function permissionsOf(id: string, body: JsonObject): readonly string[] {
  const [service = "", call = ""] = id.split(".");
  // Anybody may ask what they may do.
  if (call === "testIamPermissions") return [];
  // The aggregated list is the one call of the global service that sees regional ones.
  const collection = service === "backendServices" ? "regionBackendServices" : service;
  return [...new Set([`compute.${collection}.${VERBS[call] ?? call}`, ...(USES[id]?.(body) ?? [])])];
}
