// Virtual machines, as far as packets care: their interfaces, and whether they run.
import { isIPv4 } from "../../../lib/model/address";
import { objects, text, type JsonObject } from "../json";
import { keyIn, keyOf, linkLike, regionOfZone } from "../links";
import { referred, type Kind, type Site } from "../kind";
import { freeAddress, inSubnetwork, isUsable } from "../ranges";
import { inUse, invalid, notFound, exhausted, required } from "../refusal";
import { ipTag, projectOf, scopeOf, type Change, type Key, type Resource } from "../state";
import { networkOf } from "./address";

export const instance: Kind = {
  collection: "instances",
  message: "Instance",
  scope: "zones",
  serverSet: ["status", "fingerprint", "labelFingerprint", "cpuPlatform"],
  insert(body, at) {
    const given = objects(body, "networkInterfaces");
    if (given.length === 0) throw required("resource.networkInterfaces");
    const tags: Key[] = [];
    const networkInterfaces = given.map((item, i) => {
      const nic = interfaceOf(item, i, at, tags);
      tags.push(...nic.uses);
      return nic.body;
    });
    return {
      body: { ...body, networkInterfaces, status: "RUNNING", fingerprint: at.stamp, labelFingerprint: at.stamp },
      uses: tags,
    };
  },
  goesWhileUsed: true,
  remove: (resource, at) => endpointsGone(resource, at.state.usersOf(resource.key), at),
  actions: {
    start: (resource) => [{ ...resource, body: { ...resource.body, status: "RUNNING" } }],
    stop: (resource) => [{ ...resource, body: { ...resource.body, status: "TERMINATED" } }],
  },
};

function interfaceOf(
  item: JsonObject,
  i: number,
  at: Site,
  taken: readonly Key[],
): { body: JsonObject; uses: readonly Key[] } {
  const region = regionOfZone(at.scope.replace("zones/", ""));
  const path = `resource.networkInterfaces[${i}].subnetwork`;
  const subnetwork =
    text(item, "subnetwork") === ""
      ? at.state.get(`projects/${at.project}/regions/${region}/subnetworks/default`)
      : referred(item, "subnetwork", ["subnetworks"], at, path);
  if (subnetwork === undefined) throw required(path);
  if (scopeOf(subnetwork.key) !== `regions/${region}`) {
    throw invalid(path, text(item, "subnetwork"), "It is in another region than the instance.");
  }
  const network = networkOf(subnetwork);
  const given = text(item, "network");
  if (given !== "" && keyOf(given, path.replace("subnetwork", "network"), ["networks"], at.project) !== network) {
    throw invalid(path.replace("subnetwork", "network"), given, "The subnetwork is in another network.");
  }
  const range = inSubnetwork(text(subnetwork.body, "ipCidrRange"));
  const isTaken = (ip: string): boolean =>
    taken.includes(ipTag(ip, network)) || at.state.usersOf(ipTag(ip, network)).some((key) => key !== at.key);
  const asked = text(item, "networkIP");
  if (asked !== "" && (!isIPv4(asked) || !isUsable(range, asked))) {
    throw invalid(`resource.networkInterfaces[${i}].networkIP`, asked, `It is not a free address of ${range.cidr}.`);
  }
  if (asked !== "" && isTaken(asked)) throw inUse(asked, at.state.usersOf(ipTag(asked, network))[0] ?? at.key);
  const ip = asked || freeAddress(range, `${at.key}/nic${i}`, isTaken);
  if (ip === undefined) throw exhausted(range.cidr);
  return {
    body: {
      ...item,
      name: `nic${i}`,
      network: linkLike(text(item, "subnetwork"), network),
      networkIP: ip,
      subnetwork: linkLike(text(item, "subnetwork"), subnetwork.key),
      fingerprint: at.stamp,
    },
    uses: [subnetwork.key, ipTag(ip, network)],
  };
}

/** The interface of a VM that is in a subnetwork, or in a network. */
export const nicIn = (vm: Resource, field: "subnetwork" | "network", key: Key): JsonObject | undefined =>
  objects(vm.body, "networkInterfaces").find((nic) => keyIn(text(nic, field)) === key);

/** The VM that a name or a link means, which must be in the zone. */
export function instanceIn(zone: string, given: string, field: string, at: Site): Resource {
  const key = given.includes("/")
    ? keyOf(given, field, ["instances"], at.project)
    : `projects/${at.project}/${zone}/instances/${given}`;
  if (scopeOf(key) !== zone || projectOf(key) !== at.project) {
    throw invalid(field, given, `The instance must be in ${zone} of this project.`);
  }
  const found = at.state.get(key);
  if (found === undefined) throw notFound(key);
  return found;
}

/**
 * The groups without the endpoints of a VM that is gone. That Google takes them out by itself is expected, not documented;
 * a leader that is named in a backend service stays named there.
 */
export function endpointsGone(vm: Resource, users: readonly Key[], at: Pick<Site, "state">): readonly Change[] {
  return users.flatMap((user) => {
    const group = at.state.get(user);
    if (group?.endpoints === undefined) return [];
    const endpoints = group.endpoints.filter(({ instance: key }) => key !== vm.key);
    return [
      {
        ...group,
        endpoints,
        uses: group.uses.filter((key) => key !== vm.key),
        body: { ...group.body, size: endpoints.length },
      },
    ];
  });
}
