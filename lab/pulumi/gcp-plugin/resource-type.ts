// What one type of resource is: its name, what it needs, what cannot change, what the cloud adds.
import { at, isObject, textAt, withoutSecrets, type Json, type JsonObject } from "../plugin/values";
import type { Resource, Resources } from "./cloud";
import type { ComputeCalls } from "./compute-calls";
import type { ControlPlaneAccess } from "./settings";

/** What stands around a resource when it is made. */
export interface Surroundings {
  readonly project: string;
  /** The provider's, for resources that name none. */
  readonly region: string;
  readonly zone: string;
  /** Those of the file. */
  readonly resources: Resources;
  /** Of every cluster in this cloud. */
  readonly controlPlane: ControlPlaneAccess;
}

interface TypeRules {
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
}

/** Of an API for which there is no server here: a record in the file. */
export interface FileType extends TypeRules {
  id(inputs: JsonObject, around: Surroundings): string;
  /** Throws what the API would refuse. */
  decided(inputs: JsonObject, id: string, around: Surroundings): JsonObject;
  /** Why it cannot be deleted now. */
  keeps?(resource: Resource): string | undefined;
  /** What its creation brings about in Compute. */
  created?(resource: Resource, calls: ComputeCalls, around: Surroundings): Promise<void>;
  /** What has to go from Compute before it is gone. */
  removed?(resource: Resource, calls: ComputeCalls, around: Surroundings): Promise<void>;
}

/** Of Compute's API. */
export interface ComputeType extends TypeRules {
  /** As in the API's paths: `addresses`. */
  readonly collection: string;
  readonly scope: "global" | "regions";
  /** What a field is where a program leaves it out, of those that are not {@link TypeRules.computed}. */
  readonly defaults: JsonObject;
  /** Everything that a program can set, for an import. */
  readonly settable: readonly string[];
  /** The resource in the API's words. */
  body(inputs: JsonObject, around: Surroundings): JsonObject;
  /** The resource in Pulumi's words. */
  outputs(body: JsonObject): JsonObject;
  /** What the provider does once it is made. @param now as the API shows it */
  created?(calls: ComputeCalls, key: string, now: JsonObject, inputs: JsonObject): Promise<void>;
  /** @param body what {@link body} says of the inputs */
  update(calls: ComputeCalls, key: string, before: JsonObject, inputs: JsonObject, body: JsonObject): Promise<void>;
}

export type ResourceType = ComputeType | FileType;

export const isOfCompute = (type: ResourceType): type is ComputeType => "collection" in type;

export const API = "https://www.googleapis.com/compute/v1/";

/** The resource of the file as it exists in the cloud: what was asked for, and for the rest what the cloud decides. */
export function made(type: FileType, inputs: JsonObject, id: string, around: Surroundings): Resource {
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

/** The whole link that a name, a partial path or a whole link means. @param scope `global` or `regions/r` */
export function linkTo(reference: string, collection: string, scope: string, project: string): string {
  const path = shortReference(reference);
  if (path.startsWith("projects/")) return API + path;
  return `${API}projects/${project}/${path.includes("/") ? path : `${scope}/${collection}/${path}`}`;
}

/** The resource of a type of the file that a name, a partial path or a whole link means. */
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
  return { effectiveLabels: all, pulumiLabels: all };
}

export const now = (): string => new Date().toISOString();
