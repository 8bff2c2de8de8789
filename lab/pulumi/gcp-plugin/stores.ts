// Where resources live: those of Compute in the stand-in for it, everything else in a file.
import { isObject, textAt, type Json, type JsonObject } from "../plugin/values";
import type { Cloud, Resource, Resources } from "./cloud";
import type { ComputeCalls } from "./compute-calls";
import {
  linkTo,
  made,
  projectOf,
  regionOf,
  shortReference,
  type ComputeType,
  type FileType,
  type Surroundings,
} from "./resource-type";

/** Resources of one kind, by type and ID. */
export interface Store<T> {
  /** The ID of what these inputs make. */
  newId(type: T, inputs: JsonObject, around: Around): string | Promise<string>;
  create(type: T, inputs: JsonObject, around: Around): Promise<Resource>;
  /** @param id in full, or as an import may give it @param state what the engine knows of it */
  find(type: T, id: string, state: JsonObject, around: Around): Promise<Resource | undefined>;
  update(type: T, id: string, inputs: JsonObject, around: Around): Promise<Resource>;
  delete(type: T, id: string, state: JsonObject, around: Around): Promise<void>;
}

export type Around = (resources: Resources) => Surroundings;

const NOTHING: Resources = new Map();

/** Fields that say how one resource names another. */
export const REFERENCES: readonly string[] = ["ipCollection", "network", "parentPrefix", "subnetwork"];

/** Fields that only the provider knows: no API has them. */
const VIRTUAL = ["deletionPolicy"];

export class ComputeStore implements Store<ComputeType> {
  readonly #calls: ComputeCalls;

  constructor(calls: ComputeCalls) {
    this.#calls = calls;
  }

  newId(type: ComputeType, inputs: JsonObject, look: Around): string {
    const around = look(NOTHING);
    const project = projectOf(inputs, around);
    const scope = type.scope === "global" ? "global" : `regions/${regionOf(inputs, around)}`;
    return `projects/${project}/${scope}/${type.collection}/${textAt(inputs, "name")}`;
  }

  async create(type: ComputeType, inputs: JsonObject, look: Around): Promise<Resource> {
    const around = look(NOTHING);
    const id = this.newId(type, inputs, look);
    await this.#calls.insert(id, type.body(inputs, around));
    await type.created?.(this.#calls, id, await this.#get(id), inputs);
    return this.#resource(type, id, await this.#get(id), inputs);
  }

  async find(type: ComputeType, given: string, state: JsonObject, look: Around): Promise<Resource | undefined> {
    const id = idOf(type, given, look(NOTHING));
    const body = await this.#calls.get(id);
    return body === undefined ? undefined : this.#resource(type, id, body, state);
  }

  async update(type: ComputeType, id: string, inputs: JsonObject, look: Around): Promise<Resource> {
    await type.update(this.#calls, id, await this.#get(id), inputs, type.body(inputs, look(NOTHING)));
    return this.#resource(type, id, await this.#get(id), inputs);
  }

  async delete(_type: ComputeType, id: string, state: JsonObject): Promise<void> {
    if (isKept(id, textAt(state, "deletionPolicy"))) return;
    await this.#calls.delete(id);
  }

  async #get(id: string): Promise<JsonObject> {
    const body = await this.#calls.get(id);
    if (body === undefined) throw new Error(`${id}: not found`);
    return body;
  }

  /** @param said what the program says, in its own spelling */
  #resource(type: ComputeType, id: string, body: JsonObject, said: JsonObject): Resource {
    const outputs: JsonObject = type.outputs(body);
    for (const field of VIRTUAL) if (said[field] !== undefined) outputs[field] = said[field];
    for (const field of REFERENCES) {
      const [given, now] = [textAt(said, field), textAt(outputs, field)];
      if (given !== "" && isSameReference(given, now)) outputs[field] = given;
    }
    // Labels that somebody else has set are not the program's: they show in `effectiveLabels` alone.
    if (isObject(outputs["labels"]) && isObject(said["labels"])) {
      const own = said["labels"];
      outputs["labels"] = Object.fromEntries(Object.entries(outputs["labels"]).filter(([label]) => label in own));
    }
    const inputs = type.settable.map((field): [string, Json | undefined] => [field, outputs[field]]);
    const given = inputs.filter((entry): entry is [string, Json] => entry[1] !== undefined && entry[1] !== "");
    return { type: type.type, id, inputs: Object.fromEntries(given), outputs };
  }
}

/** A name, a partial path and a whole link can mean the same. */
function isSameReference(given: string, link: string): boolean {
  const [, project = "", ...rest] = shortReference(link).split("/");
  const collection = rest.at(-2) ?? "";
  return shortReference(linkTo(given, collection, rest.slice(0, -2).join("/"), project)) === shortReference(link);
}

/** Throws for what must not go, and answers whether the resource stays although the program gives it up. */
function isKept(id: string, policy: string): boolean {
  if (policy === "PREVENT") {
    throw new Error(`${id}: deletionPolicy is "PREVENT"; set it to "DELETE" and deploy that before you delete it`);
  }
  return policy === "ABANDON";
}

/** In full, from any of the forms that an import takes: `p/r/n`, `r/n`, `n`. */
function idOf(type: ComputeType, given: string, around: Surroundings): string {
  const path = shortReference(given);
  if (path.startsWith("projects/")) return path;
  const names = namesOf(path);
  const name = names.pop() ?? "";
  if (type.scope === "global") {
    return `projects/${names.pop() ?? around.project}/global/${type.collection}/${name}`;
  }
  const region = names.pop() ?? around.region;
  return `projects/${names.pop() ?? around.project}/regions/${region}/${type.collection}/${name}`;
}

export class FileStore implements Store<FileType> {
  readonly #cloud: Cloud;
  readonly #calls: ComputeCalls;

  constructor(cloud: Cloud, calls: ComputeCalls) {
    this.#cloud = cloud;
    this.#calls = calls;
  }

  async newId(type: FileType, inputs: JsonObject, look: Around): Promise<string> {
    return type.id(inputs, look(await this.#cloud.resources()));
  }

  async create(type: FileType, inputs: JsonObject, look: Around): Promise<Resource> {
    const resource = await this.#cloud.change((resources) => {
      const around = look(resources);
      const id = type.id(inputs, around);
      if (resources.has(id)) throw new Error(`${id}: already exists`);
      const created = made(type, inputs, id, around);
      resources.set(id, created);
      return created;
    });
    await type.created?.(resource, this.#calls, look(NOTHING));
    return resource;
  }

  async find(type: FileType, id: string): Promise<Resource | undefined> {
    return matching(await this.#cloud.resources(), type, id);
  }

  async update(type: FileType, id: string, inputs: JsonObject, look: Around): Promise<Resource> {
    return this.#cloud.change((resources) => {
      const before = resources.get(id);
      if (before === undefined) throw new Error(`${id}: not found`);
      const fresh = made(type, inputs, id, look(resources));
      // What the cloud has decided once stays; what no program sets any more becomes the cloud's to decide again.
      const decided = type.computed.filter((field) => before.outputs[field] !== undefined && !(field in inputs));
      const stays = decided.map((field): [string, Json] => [field, before.outputs[field] as Json]);
      const updated = { ...fresh, outputs: { ...fresh.outputs, ...Object.fromEntries(stays) } };
      resources.set(id, updated);
      return updated;
    });
  }

  async delete(type: FileType, id: string, _state: JsonObject, look: Around): Promise<void> {
    const resource = (await this.#cloud.resources()).get(id);
    if (resource === undefined || isKept(id, textAt(resource.outputs, "deletionPolicy"))) return;
    const reason = type.keeps?.(resource);
    if (reason !== undefined) throw new Error(`${id}: ${reason}`);
    await type.removed?.(resource, this.#calls, look(NOTHING));
    await this.#cloud.change((resources) => {
      resources.delete(id);
      // Node pools go with their cluster.
      for (const other of [...resources.keys()]) if (other.startsWith(`${id}/`)) resources.delete(other);
    });
  }
}

/** The resource of an ID, in full or as an import may give it: the last steps of the path, or its names alone. */
function matching(resources: Resources, type: FileType, id: string): Resource | undefined {
  const names = (path: string): string => namesOf(path).join("/");
  const ofType = [...resources.values()].filter((resource) => resource.type === type.type);
  const exact = ofType.find((resource) => resource.id === id);
  if (exact !== undefined) return exact;
  const found = ofType.filter(
    (resource) => resource.id.endsWith(`/${id}`) || names(resource.id) === id || names(resource.id).endsWith(`/${id}`),
  );
  return found.length === 1 ? found[0] : undefined;
}

/** Words of an ID that are no names. */
const KEYWORDS: ReadonlySet<string> = new Set([
  "projects",
  "regions",
  "locations",
  "global",
  "addresses",
  "clusters",
  "firewalls",
  "healthChecks",
  "networks",
  "nodePools",
  "publicAdvertisedPrefixes",
  "publicDelegatedPrefixes",
  "roles",
  "subnetworks",
]);

const namesOf = (path: string): string[] => path.split("/").filter((step) => !KEYWORDS.has(step));
