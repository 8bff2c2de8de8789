// Zonal network endpoint groups of the type GCE_VM_IP, and the calls that attach and detach their endpoints.
import { objects, text, type JsonObject } from "../json";
import { linkOf, regionOfZone } from "../links";
import { maybeReferred, referred, type Kind, type Site } from "../kind";
import { inUse, invalid, required } from "../refusal";
import { nameOf, scopeOf, type Endpoint, type Key, type Resource } from "../state";
import { networkOf } from "./address";
import { checkFastMoveLimits, leadersIn } from "./ha-policy";
import { instanceIn, nicIn } from "./instance";

const TYPES = ["GCE_VM_IP", "GCE_VM_IP_DEDICATED_BACKEND"];
/** Of one group of this type (Google's load balancing quotas). */
const MOST_ENDPOINTS = 10_000;

export const networkEndpointGroup: Kind = {
  collection: "networkEndpointGroups",
  message: "NetworkEndpointGroup",
  scope: "zones",
  serverSet: ["size"],
  insert(body, at) {
    const type = text(body, "networkEndpointType");
    if (!TYPES.includes(type)) {
      throw invalid("resource.networkEndpointType", type, `The stand-in knows ${TYPES.join(" and ")}.`);
    }
    if (body["defaultPort"] !== undefined) {
      throw invalid("resource.defaultPort", String(body["defaultPort"]), `A group of the type ${type} has no ports.`);
    }
    const subnetwork = referred(body, "subnetwork", ["subnetworks"], at);
    if (scopeOf(subnetwork.key) !== `regions/${regionOfZone(at.scope.replace("zones/", ""))}`) {
      throw invalid("resource.subnetwork", text(body, "subnetwork"), "It is in another region than the group.");
    }
    const network = maybeReferred(body, "network", ["networks"], at)?.key ?? networkOf(subnetwork);
    if (network !== networkOf(subnetwork)) {
      throw invalid("resource.subnetwork", text(body, "subnetwork"), "It is not in the group's network.");
    }
    return {
      body: { ...body, network: linkOf(network), subnetwork: linkOf(subnetwork.key), size: 0 },
      uses: [network, subnetwork.key],
      endpoints: [],
    };
  },
  actions: { attachNetworkEndpoints: attach, detachNetworkEndpoints: detach },
  // The other way round it could not be known whether a node is attached while another one is on its way.
  concurrent: ["attachNetworkEndpoints", "detachNetworkEndpoints"],
};

const subnetworkOf = (group: Resource): Key => group.uses[1] ?? "";

function attach(group: Resource, body: JsonObject, at: Site): readonly Resource[] {
  const given = endpointsIn(body);
  const endpoints = [...(group.endpoints ?? [])];
  for (const [i, item] of given.entries()) {
    const field = `networkEndpoints[${i}]`;
    if (item["port"] !== undefined) {
      throw invalid(`${field}.port`, String(item["port"]), "An endpoint of this group has no port.");
    }
    if (text(item, "instance") === "") throw required(`${field}.instance`);
    const vm = instanceIn(at.scope, text(item, "instance"), `${field}.instance`, at);
    const nic = nicIn(vm, "subnetwork", subnetworkOf(group));
    if (nic === undefined) {
      throw invalid(`${field}.instance`, text(item, "instance"), "It has no interface in the group's subnetwork.");
    }
    const ip = text(nic, "networkIP");
    if (text(item, "ipAddress") !== "" && text(item, "ipAddress") !== ip) {
      throw invalid(`${field}.ipAddress`, text(item, "ipAddress"), `The interface has the address ${ip}.`);
    }
    if (!endpoints.some(({ instance }) => instance === vm.key)) endpoints.push({ instance: vm.key, ipAddress: ip });
  }
  if (endpoints.length > MOST_ENDPOINTS) {
    throw invalid("networkEndpoints", String(endpoints.length), `A group holds at most ${MOST_ENDPOINTS} endpoints.`);
  }
  const after = withEndpoints(group, endpoints);
  checkFastMoveLimits(after, at);
  return [after];
}

function detach(group: Resource, body: JsonObject, at: Site): readonly Resource[] {
  const leaders = leadersIn(group.key, at.state);
  let endpoints = group.endpoints ?? [];
  for (const [i, item] of endpointsIn(body).entries()) {
    const name = nameOf(text(item, "instance"));
    const found = endpoints.find(
      ({ instance, ipAddress }) => nameOf(instance) === name && ["", ipAddress].includes(text(item, "ipAddress")),
    );
    if (found === undefined) {
      throw invalid(`networkEndpoints[${i}].instance`, text(item, "instance"), "It is not attached to the group.");
    }
    const leads = leaders.get(found.instance);
    if (leads !== undefined) throw inUse(found.instance, leads);
    endpoints = endpoints.filter((endpoint) => endpoint !== found);
  }
  return [withEndpoints(group, endpoints)];
}

function withEndpoints(group: Resource, endpoints: readonly Endpoint[]): Resource {
  const fixed = group.uses.slice(0, 2);
  return {
    ...group,
    endpoints,
    uses: [...fixed, ...endpoints.map(({ instance }) => instance)],
    body: { ...group.body, size: endpoints.length },
  };
}

function endpointsIn(body: JsonObject): readonly JsonObject[] {
  const given = objects(body, "networkEndpoints");
  if (given.length === 0) throw required("networkEndpoints");
  return given;
}
