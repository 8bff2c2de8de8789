// Functions that look into the cloud.
import { at, textAt, type Json, type JsonObject } from "../plugin/values";
import { DEFAULT_SUBNETWORK, defaultLink, SUBNETWORK } from "./compute";
import { blocksAsLists, CLUSTER } from "./container";
import { referred, shortReference, type Surroundings } from "./resource-type";

type CloudFunction = (args: JsonObject, around: Surroundings) => JsonObject;

export const FUNCTIONS: ReadonlyMap<string, CloudFunction> = new Map([
  ["gcp:container/getCluster:getCluster", getCluster],
  ["gcp:compute/getSubnetwork:getSubnetwork", getSubnetwork],
]);

function getCluster(args: JsonObject, around: Surroundings): JsonObject {
  const project = textAt(args, "project") || around.project;
  const location = textAt(args, "location") || around.zone || around.region;
  const name = textAt(args, "name");
  const id = `projects/${project}/locations/${location}/clusters/${name}`;
  const found = around.resources.get(id);
  if (found?.type !== CLUSTER) throw new Error(`${id} not found`);
  return { ...blocksAsLists(found.outputs), id, name, project, location };
}

function getSubnetwork(args: JsonObject, around: Surroundings): JsonObject {
  const link = textAt(args, "selfLink");
  const region = textAt(args, "region") || /regions\/([^/]+)\//.exec(link)?.[1] || around.region;
  const reference = link || textAt(args, "name");
  const found = referred(SUBNETWORK, reference, around, region);
  if (found === undefined && reference.split("/").pop() !== "default") {
    throw new Error(`projects/${around.project}/regions/${region}/subnetworks/${reference} not found`);
  }
  const outputs: JsonObject = found?.outputs ?? {
    ipCidrRange: DEFAULT_SUBNETWORK.cidr,
    selfLink: defaultLink(region, around),
    network: `projects/${around.project}/global/networks/default`,
    name: "default",
    region,
  };
  const text = (field: string): Json => at(outputs, field) ?? "";
  return {
    id: found?.id ?? shortReference(defaultLink(region, around)),
    description: text("description"),
    externalIpv6Prefix: "",
    gatewayAddress: text("gatewayAddress"),
    internalIpv6Prefix: "",
    ipCidrRange: text("ipCidrRange"),
    ipv6AccessType: "",
    name: text("name"),
    network: text("network"),
    privateIpGoogleAccess: at(outputs, "privateIpGoogleAccess") ?? false,
    project: at(outputs, "project") ?? around.project,
    region: text("region"),
    secondaryIpRanges: at(outputs, "secondaryIpRanges") ?? [],
    selfLink: text("selfLink"),
    stackType: "IPV4_ONLY",
    subnetworkId: at(outputs, "subnetworkId") ?? 0,
  };
}
