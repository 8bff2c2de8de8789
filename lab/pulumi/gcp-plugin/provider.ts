// What each of the engine's calls means for the cloud; no gRPC here.
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
import { ComputeCalls } from "./compute-calls";
import { FUNCTIONS } from "./functions";
import { isOfCompute, shortReference, type ResourceType, type Surroundings } from "./resource-type";
import { diffSettings, readSettings, type ControlPlaneAccess, type Settings } from "./settings";
import { ComputeStore, FileStore, REFERENCES } from "./stores";
import { TYPES } from "./types";

// As many as the real plugin uses.
const AUTONAME_DIGITS = 7;
/** Among the inputs: the fields that Check filled in, as the real plugin keeps them. */
const DEFAULTS = "__defaults";

const REAL = "put the real pulumi-resource-gcp on PATH";

export class Provider implements PluginProvider {
  readonly #cloud: Cloud;
  readonly #compute: ComputeCalls;
  readonly #inCompute: ComputeStore;
  readonly #inFile: FileStore;
  readonly #controlPlane: ControlPlaneAccess;
  #settings: Settings = { project: "", region: "", zone: "" };

  constructor(cloud: Cloud, compute: ComputeCalls, controlPlane: ControlPlaneAccess) {
    this.#cloud = cloud;
    this.#compute = compute;
    this.#inCompute = new ComputeStore(compute);
    this.#inFile = new FileStore(cloud, compute);
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
    const resource = isOfCompute(type)
      ? await this.#inCompute.create(type, inputs, this.#around)
      : await this.#inFile.create(type, inputs, this.#around);
    return { id: resource.id, state: withSecretsOf(resource.outputs, properties) };
  }

  /** Not one of the engine's calls: the ID of what these inputs make, for an import. */
  async newId(urn: string, inputs: JsonObject): Promise<string> {
    const type = typeOf(urn);
    const asked = plain(inputs);
    return isOfCompute(type)
      ? this.#inCompute.newId(type, asked, this.#around)
      : this.#inFile.newId(type, asked, this.#around);
  }

  async read(urn: string, id: string, state: JsonObject, inputs: JsonObject): Promise<Found | undefined> {
    const type = typeOf(urn);
    const found = await this.#find(type, id, plain({ ...state, ...inputs }));
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
    const resource = isOfCompute(type)
      ? await this.#inCompute.update(type, id, inputs, this.#around)
      : await this.#inFile.update(type, id, inputs, this.#around);
    return withSecretsOf(resource.outputs, news);
  }

  async delete(urn: string, id: string, state: JsonObject): Promise<void> {
    const type = typeOf(urn);
    if (isOfCompute(type)) await this.#inCompute.delete(type, id, plain(state));
    else await this.#inFile.delete(type, id, plain(state), this.#around);
  }

  async invoke(token: string, args: JsonObject): Promise<JsonObject> {
    const found = FUNCTIONS.get(token);
    if (found === undefined) {
      const known = [...FUNCTIONS.keys()].join(", ");
      throw new Error(`${token}: the lab's stand-in plugin has no such function, only ${known}; ${REAL}`);
    }
    return found(args, this.#around(await this.#cloud.resources()), this.#compute);
  }

  #find(type: ResourceType, id: string, known: JsonObject): Promise<Resource | undefined> {
    return isOfCompute(type) ? this.#inCompute.find(type, id, known, this.#around) : this.#inFile.find(type, id);
  }

  readonly #around = (resources: Resources): Surroundings => {
    return { ...this.#settings, resources, controlPlane: this.#controlPlane };
  };
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

/** The cloud fills in what a program leaves out, and takes a short and a long reference for the same. */
function isNoChange(change: Change, before: JsonObject, type: ResourceType): boolean {
  const [field] = change.path;
  if (change.path.length !== 1 || typeof field !== "string") return false;
  if (change.kind === DiffKind.delete) return type.computed.includes(field) || isDefault(type, field, before);
  const [old, value] = [before[field], change.value];
  if (!REFERENCES.includes(field) || typeof old !== "string" || typeof value !== "string") return false;
  return !isUnknown(value) && shortReference(old) === shortReference(value);
}

function isDefault(type: ResourceType, field: string, before: JsonObject): boolean {
  return isOfCompute(type) && field in type.defaults && type.defaults[field] === before[field];
}
