// Functions that look into the cloud.
import { at, textAt, type Json, type JsonObject } from "../plugin/values";
import { subnetwork, SUBNETWORKS } from "./compute";
import type { ComputeCalls } from "./compute-calls";
import { blocksAsLists, CLUSTER } from "./container";
import { linkTo, projectOf, shortReference, type Surroundings } from "./resource-type";

type CloudFunction = (args: JsonObject, around: Surroundings, calls: ComputeCalls) => JsonObject | Promise<JsonObject>;

export const FUNCTIONS: ReadonlyMap<string, CloudFunction> = new Map<string, CloudFunction>([
  ["gcp:container/getCluster:getCluster", getCluster],
  ["gcp:compute/getSubnetwork:getSubnetwork", getSubnetwork],
  ["gcp:organizations/getProject:getProject", getProject],
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

async function getSubnetwork(args: JsonObject, around: Surroundings, calls: ComputeCalls): Promise<JsonObject> {
  const given = textAt(args, "selfLink");
  const region = textAt(args, "region") || /regions\/([^/]+)\//.exec(given)?.[1] || around.region;
  const id = shortReference(
    linkTo(given || textAt(args, "name"), SUBNETWORKS, `regions/${region}`, projectOf(args, around)),
  );
  const body = await calls.get(id);
  if (body === undefined) throw new Error(`${id} not found`);
  const outputs = subnetwork.outputs(body);
  const text = (field: string): Json => at(outputs, field) ?? "";
  return {
    id,
    description: text("description"),
    externalIpv6Prefix: "",
    gatewayAddress: text("gatewayAddress"),
    internalIpv6Prefix: "",
    ipCidrRange: text("ipCidrRange"),
    ipv6AccessType: "",
    name: text("name"),
    network: text("network"),
    privateIpGoogleAccess: text("privateIpGoogleAccess"),
    project: text("project"),
    region: text("region"),
    secondaryIpRanges: text("secondaryIpRanges"),
    selfLink: text("selfLink"),
    stackType: text("stackType"),
    subnetworkId: text("subnetworkId"),
  };
}

function getProject(args: JsonObject, around: Surroundings): JsonObject {
  const projectId = textAt(args, "projectId") || around.project;
  if (projectId === "") throw new Error("projectId: got nothing; give the id of a project, or set gcp:project");
  return {
    id: `projects/${projectId}`,
    autoCreateNetwork: true,
    billingAccount: "",
    deletionPolicy: "PREVENT",
    effectiveLabels: {},
    folderId: "",
    labels: {},
    name: projectId,
    number: projectNumber(projectId),
    orgId: "",
    projectId,
    pulumiLabels: {},
    tags: {},
  };
}

/** Twelve digits, as Google's have, the same for the same project. */
export function projectNumber(project: string): string {
  const sum = [...project].reduce((before, char) => (before * 31 + char.charCodeAt(0)) % 899_999_999_981, 7);
  return String(100_000_000_000 + sum);
}
