// What each of the engine's calls means for a cloud that is a file; no gRPC here.
import { changesBetween, DiffKind, summary, touches, type Change, type Diff } from "../plugin/difference";
import { parsePath } from "../plugin/path";
import type {
  Checked,
  CheckFailure,
  ConfigDiff,
  Created,
  Found,
  PluginProvider,
  UpdateInput,
} from "../plugin/provider";
import { uniqueName } from "../plugin/unique-name";
import { parseUrn } from "../plugin/urn";
import {
  at,
  hasUnknown,
  isUnknown,
  textAt,
  UNKNOWN_STRING,
  withoutSecrets,
  withSecretsOf,
  type Json,
  type JsonObject,
} from "../plugin/values";
import { Cloud, type Resource, type Resources } from "./cloud";
import { FUNCTIONS } from "./functions";
import { made, shortReference, type ControlPlaneAccess, type ResourceType, type Surroundings } from "./resource-type";
import { diffSettings, readSettings, type Settings } from "./settings";
import { TYPES } from "./types";

// As many as the real plugin uses.
const AUTONAME_DIGITS = 7;
/** Among the inputs: the fields that Check filled in, as the real plugin keeps them. */
const DEFAULTS = "__defaults";

const REAL = "put the real pulumi-resource-gcp on PATH";

export class Provider implements PluginProvider {
  readonly #cloud: Cloud;
  readonly #controlPlane: ControlPlaneAccess;
  #settings: Settings = { project: "", region: "", zone: "" };

  constructor(cloud: Cloud, controlPlane: ControlPlaneAccess) {
    this.#cloud = cloud;
    this.#controlPlane = controlPlane;
  }

  diffConfig(olds: JsonObject, news: JsonObject): ConfigDiff {
    return diffSettings(olds, news);
  }

  configure(configuration: JsonObject): void {
    this.#settings = readSettings(configuration);
  }

  cancel(): void {
    // Nothing here takes long enough to be cancelled.
  }

  async check(urn: string, olds: JsonObject, news: JsonObject, randomSeed: Uint8Array): Promise<Checked> {
    const { type: token, name } = parseUrn(urn);
    const type = TYPES.get(token);
    if (type === undefined) return { inputs: news, failures: [{ property: "", reason: unknownType(token) }] };
    const failures: CheckFailure[] = type.required
      .filter((field) => at(news, field) === undefined)
      .map((property) => ({ property, reason: `${property}: got nothing; ${token} needs it` }));
    const { [DEFAULTS]: _old, ...given } = news;
    if (type.nameField === undefined || given[type.nameField] !== undefined) {
      return { inputs: { ...given, [DEFAULTS]: [] }, failures };
    }
    const kept = isAutonamed(olds, type.nameField) ? textAt(olds, type.nameField) : "";
    const made = kept || autoname(type.nameField, name, randomSeed);
    return { inputs: { ...given, [type.nameField]: made, [DEFAULTS]: [type.nameField] }, failures };
  }

  async diff(
    urn: string,
    olds: JsonObject,
    oldInputs: JsonObject,
    news: JsonObject,
    ignoreChanges: readonly string[],
  ): Promise<Diff> {
    const type = typeOf(urn);
    const before = plain(Object.keys(oldInputs).length > 0 ? oldInputs : olds);
    const after = plain(news);
    const changes = changesBetween([], before, after).filter((change) => !isNoChange(change, before, type));
    const changed = summary(changes, {
      ignored: ignoreChanges.map(parsePath),
      replaces: (change) => isFixed(type, change),
    });
    const name = type.nameField;
    const named = name !== undefined && !isAutonamed(news, name) && before[name] === after[name];
    // Two resources cannot have one name.
    return { ...changed, deleteBeforeReplace: changed.replaces.length > 0 && named };
  }

  async create(urn: string, properties: JsonObject, _timeoutSeconds: number, preview: boolean): Promise<Created> {
    const type = typeOf(urn);
    const inputs = plain(properties);
    if (preview) return { id: "", state: previewed(type, properties) };
    if (hasUnknown(inputs)) throw new Error(`${parseUrn(urn).name}: a value is unknown outside of a preview`);
    const resource = await this.#cloud.change((resources) => {
      const around = this.#around(resources);
      const id = type.id(inputs, around);
      if (resources.has(id)) throw new Error(`${id}: already exists`);
      const created = made(type, inputs, id, around);
      resources.set(id, created);
      return created;
    });
    return { id: resource.id, state: withSecretsOf(resource.outputs, properties) };
  }

  async read(urn: string, id: string, _state: JsonObject, inputs: JsonObject): Promise<Found | undefined> {
    const type = typeOf(urn);
    const found = matching(await this.#cloud.resources(), type, id);
    if (found === undefined) return undefined;
    const known = Object.keys(plain(inputs));
    const now = found.outputs;
    // What the program set, as it is now; for an import everything that somebody once asked for.
    const shown = known.length > 0 ? known.filter((field) => now[field] !== undefined) : Object.keys(found.inputs);
    const kept = Object.fromEntries(shown.map((field): [string, Json] => [field, now[field] as Json]));
    return {
      id: found.id,
      state: withSecretsOf(now, inputs),
      inputs: withSecretsOf({ ...kept, [DEFAULTS]: at(inputs, DEFAULTS) ?? [] }, inputs),
    };
  }

  async update({ urn, id, olds, news, preview }: UpdateInput): Promise<JsonObject> {
    const type = typeOf(urn);
    if (preview) return { ...olds, ...withoutDefaults(news) };
    const inputs = plain(news);
    const resource = await this.#cloud.change((resources) => {
      const before = resources.get(id);
      if (before === undefined) throw new Error(`${id}: not found`);
      const fresh = made(type, inputs, id, this.#around(resources));
      // What the cloud has decided once stays; what no program sets any more becomes the cloud's to decide again.
      const decided = type.computed.filter((field) => before.outputs[field] !== undefined && !(field in inputs));
      const stays = decided.map((field): [string, Json] => [field, before.outputs[field] as Json]);
      const updated = { ...fresh, outputs: { ...fresh.outputs, ...Object.fromEntries(stays) } };
      resources.set(id, updated);
      return updated;
    });
    return withSecretsOf(resource.outputs, news);
  }

  async delete(urn: string, id: string): Promise<void> {
    const type = typeOf(urn);
    await this.#cloud.change((resources) => {
      const resource = resources.get(id);
      if (resource === undefined) return;
      const policy = textAt(resource.outputs, "deletionPolicy");
      if (policy === "ABANDON") return;
      const reason =
        policy === "PREVENT"
          ? 'deletionPolicy is "PREVENT"; set it to "DELETE" and deploy that before you delete it'
          : type.keeps?.(resource);
      if (reason !== undefined) throw new Error(`${id}: ${reason}`);
      resources.delete(id);
      // Node pools go with their cluster.
      for (const other of [...resources.keys()]) if (other.startsWith(`${id}/`)) resources.delete(other);
    });
  }

  async invoke(token: string, args: JsonObject): Promise<JsonObject> {
    const found = FUNCTIONS.get(token);
    if (found === undefined) {
      const known = [...FUNCTIONS.keys()].join(", ");
      throw new Error(`${token}: the lab's stand-in plugin has no such function, only ${known}; ${REAL}`);
    }
    return found(args, this.#around(await this.#cloud.resources()));
  }

  #around(resources: Resources): Surroundings {
    return { ...this.#settings, resources, controlPlane: this.#controlPlane };
  }
}

function typeOf(urn: string): ResourceType {
  const { type } = parseUrn(urn);
  const found = TYPES.get(type);
  if (found === undefined) throw new Error(unknownType(type));
  return found;
}

function unknownType(type: string): string {
  return `${type}: the lab's stand-in plugin has no such type, only ${[...TYPES.keys()].join(", ")}; ${REAL}`;
}

function withoutDefaults(inputs: JsonObject): JsonObject {
  const { [DEFAULTS]: _defaults, ...rest } = inputs;
  return rest;
}

const plain = (inputs: JsonObject): JsonObject => withoutSecrets(withoutDefaults(inputs)) as JsonObject;

function isAutonamed(inputs: JsonObject, field: string): boolean {
  const defaults = at(inputs, DEFAULTS);
  return Array.isArray(defaults) && defaults.includes(field);
}

/** Names of resources have dashes; the ID of a role may not. */
function autoname(field: string, name: string, seed: Uint8Array): string {
  const unique = uniqueName(name, seed, AUTONAME_DIGITS).toLowerCase();
  return field === "name" ? unique : unique.replaceAll("-", "_");
}

/** A preview knows what the program says, and that the rest is still to come. */
function previewed(type: ResourceType, properties: JsonObject): JsonObject {
  const unknown = type.computed.map((field): [string, Json] => [field, UNKNOWN_STRING]);
  return { ...Object.fromEntries(unknown), ...withoutDefaults(properties) };
}

function isFixed(type: ResourceType, change: Change): boolean {
  if (type.updatable !== undefined) return !type.updatable.includes(String(change.path[0]));
  return (type.fixed ?? []).map(parsePath).some((pattern) => touches(change, pattern));
}

const REFERENCES: readonly string[] = ["ipCollection", "network", "parentPrefix", "subnetwork"];

/** The cloud fills in what a program leaves out, and takes a short and a long reference for the same. */
function isNoChange(change: Change, before: JsonObject, type: ResourceType): boolean {
  const [field] = change.path;
  if (change.path.length !== 1 || typeof field !== "string") return false;
  if (change.kind === DiffKind.delete) return type.computed.includes(field);
  const [old, value] = [before[field], change.value];
  if (!REFERENCES.includes(field) || typeof old !== "string" || typeof value !== "string") return false;
  return !isUnknown(value) && shortReference(old) === shortReference(value);
}

/** The resource of an ID, in full or as an import may give it: the last steps of the path, or its names alone. */
function matching(resources: Resources, type: ResourceType, id: string): Resource | undefined {
  const names = (path: string): string =>
    path
      .split("/")
      .filter((step) => !KEYWORDS.has(step))
      .join("/");
  const ofType = [...resources.values()].filter((resource) => resource.type === type.type);
  const exact = ofType.find((resource) => resource.id === id);
  if (exact !== undefined) return exact;
  const found = ofType.filter(
    (resource) => resource.id.endsWith(`/${id}`) || names(resource.id) === id || names(resource.id).endsWith(`/${id}`),
  );
  return found.length === 1 ? found[0] : undefined;
}

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
