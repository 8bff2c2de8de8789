// What one type of resource is: its name, what it needs, what cannot change, what the cloud adds.
import { at, isObject, textAt, withoutSecrets, type Json, type JsonObject } from "../plugin/values";
import type { Resource, Resources } from "./cloud";

/** What stands around a resource when it is made. */
export interface Surroundings {
  readonly project: string;
  /** The provider's, for resources that name none. */
  readonly region: string;
  readonly zone: string;
  readonly resources: Resources;
  /** Of every cluster in this cloud. */
  readonly controlPlane: ControlPlaneAccess;
}

export interface ControlPlaneAccess {
  /** Host, and port where it is not 443. */
  readonly endpoint: string;
  /** PEM, in base64. */
  readonly ca: string;
}

export interface ResourceType {
  readonly type: string;
  /** Input that the engine fills in where the program does not; undefined if the type has no name of its own. */
  readonly nameField?: string;
  readonly required: readonly string[];
  /** What changes in place, by the first step of its path; everything else is fixed. One of the two is given. */
  readonly updatable?: readonly string[];
  /** Paths whose change makes a new resource. */
  readonly fixed?: readonly string[];
  /** Outputs that the cloud decides where the program does not. */
  readonly computed: readonly string[];
  id(inputs: JsonObject, around: Surroundings): string;
  /** Throws what the API would refuse. */
  decided(inputs: JsonObject, id: string, around: Surroundings): JsonObject;
  /** Why it cannot be deleted now. */
  keeps?(resource: Resource): string | undefined;
}

export const API = "https://www.googleapis.com/compute/v1/";

/** The resource as it exists in the cloud: what was asked for, and for the rest what the cloud decides. */
export function made(type: ResourceType, inputs: JsonObject, id: string, around: Surroundings): Resource {
  const asked = withoutSecrets(inputs) as JsonObject;
  const { __defaults: _names, ...kept } = asked;
  return { type: type.type, id, inputs: asked, outputs: { ...type.decided(kept, id, around), ...kept } };
}

/** `projects/p/regions/r/addresses/n`, however long the reference to it is. */
export function shortReference(reference: string): string {
  return reference.replace(
    /^(?:https:\/\/[^/]+\/(?:[^/]+\/)?compute\/(?:v1|beta)\/|https:\/\/compute\.googleapis\.com\/compute\/(?:v1|beta)\/)/,
    "",
  );
}

/** The resource of a type that a name, a partial path or a whole link means. */
export function referred(type: string, reference: string, around: Surroundings, region?: string): Resource | undefined {
  const wanted = shortReference(reference);
  const found = [...around.resources.values()].filter(
    (resource) => resource.type === type && (resource.id === wanted || resource.id.endsWith(`/${wanted}`)),
  );
  const here = found.filter(({ id }) => region === undefined || id.includes(`/${region}/`));
  return here.length === 1 || found.length > 1 ? here[0] : found[0];
}

export function regionOf(inputs: JsonObject, around: Surroundings): string {
  const given = textAt(inputs, "region").split("/").pop() ?? "";
  const zone = textAt(inputs, "zone") || around.zone;
  const region = given || around.region || zone.replace(/-[a-z]$/, "");
  if (region !== "") return region;
  throw new Error("region: got nothing; give the resource a region, or set gcp:region");
}

export function projectOf(inputs: JsonObject, around: Surroundings): string {
  const project = textAt(inputs, "project") || around.project;
  if (project !== "") return project;
  throw new Error("project: got nothing; give the resource a project, or set gcp:project");
}

/** What every labelled resource says of its labels. */
export function labelled(inputs: JsonObject, field = "labels"): JsonObject {
  const labels = at(inputs, field);
  const all: Json = isObject(labels) ? labels : {};
  return { effectiveLabels: all, pulumiLabels: all, labelFingerprint: "42WmSpB8rSM=" };
}

export const now = (): string => new Date().toISOString();
