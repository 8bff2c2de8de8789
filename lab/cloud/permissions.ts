// Which permissions a call needs. The names follow Google's rule `compute.<collection>.<verb>`; most of those of the calls
// that podpin makes are named by Google's own pages, some only by that rule (the README says which).
import { object, objects, text, type JsonObject } from "./json";
import { keyIn } from "./links";
import { projectOf, type Key } from "./state";

/** A permission that a call needs, and where. */
export interface Needed {
  readonly permission: string;
  readonly project: string;
  /** Key of what the call's body names; undefined for what the call itself is about. */
  readonly resource?: Key;
}

/** A permission for the call itself, or for what its body names by this link. */
type Use = string | { readonly permission: string; readonly link: string };
type Wanted = (body: JsonObject) => readonly Use[];

const given = (body: JsonObject, field: string, permission: string): readonly Use[] => {
  const link = text(body, field);
  return link === "" ? [] : [{ permission, link }];
};

const targetUse = (body: JsonObject): readonly Use[] => {
  const isService = text(body, "target").includes("/backendServices/");
  return given(body, "target", isService ? "compute.regionBackendServices.use" : "compute.targetInstances.use");
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

/** @param id of the call: `forwardingRules.setTarget` @param project in whose path it is */
export function permissionsOf(id: string, body: JsonObject, project: string): readonly Needed[] {
  const [service = "", call = ""] = id.split(".");
  // Anybody may ask what they may do.
  if (call === "testIamPermissions") return [];
  // The aggregated list is the one call of the global service that sees regional ones.
  const collection = service === "backendServices" ? "regionBackendServices" : service;
  const uses: readonly Use[] = [`compute.${collection}.${VERBS[call] ?? call}`, ...(USES[id]?.(body) ?? [])];
  const needed = uses.map((use): Needed => {
    if (typeof use === "string") return { permission: use, project };
    const path = keyIn(use.link);
    const resource = path.startsWith("projects/") ? path : `projects/${project}/${path}`;
    return { permission: use.permission, project: projectOf(resource), resource };
  });
  return needed.filter((one, i) => needed.findIndex((other) => isSame(one, other)) === i);
}

const isSame = (left: Needed, right: Needed): boolean =>
  left.permission === right.permission && left.project === right.project;
