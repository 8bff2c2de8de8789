// What each of the engine's calls means for Kubernetes objects; no gRPC here.
import { randomBytes } from "node:crypto";

import type { Diff } from "../plugin/difference";
import type { ResourceLog } from "../plugin/engine-log";
import {
  PartialError,
  type Checked,
  type ConfigDiff,
  type Created,
  type Found,
  type PluginProvider,
  type UpdateInput,
} from "../plugin/provider";
import { parseUrn } from "../plugin/urn";
import { Cancellation, NotReadyError } from "./await/wait";
import { check, normalised } from "./check";
import { checkpoint, fieldManagerOf, live as liveOf, oldInputs as oldInputsOf, prunedTo } from "./checkpoint";
import { ApiError, ConnectionError, KubeClient } from "./client";
import { Cluster, NotPreviewableError } from "./cluster";
import { diff } from "./diff";
import { Discovery } from "./discovery";
import { loadAccess } from "./kubeconfig";
import {
  annotation,
  ANNOTATION,
  apiVersionOf,
  gvkOf,
  gvkOfType,
  idOf,
  isBuiltIn,
  isCrd,
  nameOf,
  parseId,
  withMetadata,
  type GroupVersionKind,
} from "./object";
import { diffSettings, readSettings, type Settings } from "./settings";
import { at, hasUnknown, isObject, kubernetesObject, withSecretsOf, type JsonObject } from "./values";

interface Connection {
  readonly cluster: Cluster;
  readonly discovery: Discovery;
}

export class Provider implements PluginProvider {
  readonly #cancellation = new Cancellation();
  readonly #logFor: (urn: string) => ResourceLog;
  #settings: Settings | undefined;
  #connection: Connection | undefined;

  /** @param logFor where a resource's messages go */
  constructor(logFor: (urn: string) => ResourceLog) {
    this.#logFor = logFor;
  }

  diffConfig(olds: JsonObject, news: JsonObject): ConfigDiff {
    return diffSettings(olds, news);
  }

  configure(configuration: JsonObject): void {
    this.#settings = readSettings(configuration);
    this.#connection = undefined;
  }

  cancel(): void {
    this.#cancellation.cancel();
  }

  async check(urn: string, olds: JsonObject, news: JsonObject, randomSeed: Uint8Array): Promise<Checked> {
    const object = kubernetesObject(news);
    if (isCrd(object) && !hasUnknown(at(object, "spec"))) this.#reachable()?.discovery.declare(object);
    const defaultNamespace = this.#settings?.namespace ?? "";
    const namespaced = defaultNamespace === "" || (await this.#isNamespaced(gvkOf(object)));
    return check({ urn, olds, news, randomSeed, defaultNamespace, namespaced });
  }

  async diff(
    _urn: string,
    olds: JsonObject,
    oldInputs: JsonObject,
    news: JsonObject,
    ignoreChanges: readonly string[],
  ): Promise<Diff> {
    const namespaced = await this.#isNamespaced(gvkOf(kubernetesObject(news)));
    const settings = this.#settings;
    const mutability = {
      configMaps: settings?.configMapsMutable ?? false,
      secrets: settings?.secretsMutable ?? false,
    };
    return diff({ olds, oldInputs, news, ignoreChanges, namespaced, mutability });
  }

  async create(urn: string, properties: JsonObject, timeoutSeconds: number, preview: boolean): Promise<Created> {
    const inputs = await this.#placed(properties);
    const unasked = { id: "", state: properties };
    if (preview && (hasUnknown(inputs) || !(await this.#isServed(gvkOf(inputs))))) return unasked;
    const fieldManager = annotation(inputs, ANNOTATION.patchFieldManager) || newFieldManager();
    const log = this.#logFor(urn);
    try {
      const object = await this.#connect().cluster.create({ inputs, fieldManager, preview, timeoutSeconds, log });
      return { id: preview ? "" : idOf(object), state: this.#state(object, inputs, properties, fieldManager, preview) };
    } catch (error) {
      if (preview && isUnaskable(error)) return unasked;
      if (error instanceof NotReadyError) {
        const state = this.#state(error.object, inputs, properties, fieldManager, false);
        throw partial(idOf(error.object), error, state, withSecretsOf(inputs, properties), "was created, but");
      }
      throw described(error, `${kindAndId(inputs)} could not be created`);
    }
  }

  /** Undefined if the object is gone. */
  async read(urn: string, id: string, state: JsonObject, inputs: JsonObject): Promise<Found | undefined> {
    const known = kubernetesObject(inputs);
    const imported = Object.keys(known).length === 0;
    const target = imported ? identityOf(urn, id, state) : normalised(known);
    const object = await this.#connect().cluster.read(withMetadata(target, identityOfId(id)), parseId(id).name);
    if (object === undefined) return undefined;
    const found = imported
      ? importedInputs(object)
      : normalised(prunedTo(object, target, { respelled: isBuiltIn(gvkOf(target)) }));
    const fieldManager = fieldManagerOf(state) || newFieldManager();
    const result = {
      id,
      state: this.#state(object, found, inputs, fieldManager, false),
      inputs: withSecretsOf(found, inputs),
    };
    if (imported) return result;
    const readiness = await this.#connect().cluster.readiness(object);
    if (readiness.ready) return result;
    throw new PartialError(
      `${kindAndId(object)} is not ready: ${readiness.reasons.join("; ")}`,
      id,
      result.state,
      result.inputs,
      readiness.reasons,
    );
  }

  async update(request: UpdateInput): Promise<JsonObject> {
    const { urn, olds, news, ignoreChanges, timeoutSeconds, preview } = request;
    const inputs = await this.#placed(news);
    if (preview && (hasUnknown(inputs) || !(await this.#isServed(gvkOf(inputs))))) return news;
    const annotated = annotation(inputs, ANNOTATION.patchFieldManager);
    const fieldManager = annotated || fieldManagerOf(olds) || newFieldManager();
    const log = this.#logFor(urn);
    const oldInputs = oldInputsOf(olds);
    try {
      const object = await this.#connect().cluster.update({
        inputs,
        oldInputs,
        ignoreChanges,
        fieldManager,
        preview,
        timeoutSeconds,
        log,
      });
      return this.#state(object, inputs, news, fieldManager, preview);
    } catch (error) {
      if (preview && isUnaskable(error)) return news;
      if (error instanceof NotReadyError) {
        const state = this.#state(error.object, inputs, news, fieldManager, false);
        throw partial(idOf(error.object), error, state, withSecretsOf(inputs, news), "was updated, but");
      }
      throw described(error, `${kindAndId(inputs)} could not be updated`);
    }
  }

  async invoke(token: string): Promise<JsonObject> {
    throw new Error(
      `${token}: the lab's stand-in plugin has no functions; put the real pulumi-resource-kubernetes on PATH`,
    );
  }

  async delete(urn: string, id: string, state: JsonObject, timeoutSeconds: number): Promise<void> {
    const live = liveOf(state);
    const object = withMetadata(Object.keys(live).length > 0 ? live : identityOf(urn, id, state), identityOfId(id));
    const stored = oldInputsOf(state);
    const inputs = Object.keys(stored).length > 0 ? stored : object;
    try {
      await this.#connect().cluster.delete(object, { inputs, timeoutSeconds, log: this.#logFor(urn) });
    } catch (error) {
      throw described(error, `${kindAndId(object)} could not be deleted`);
    }
  }

  /** The inputs as they are sent: with the namespace that they mean, and without one where the kind has none. */
  async #placed(properties: JsonObject): Promise<JsonObject> {
    const inputs = normalised(kubernetesObject(properties));
    const metadata = at(inputs, "metadata");
    if (!isObject(metadata) || metadata["namespace"] === undefined) return inputs;
    if (await this.#isNamespaced(gvkOf(inputs))) return inputs;
    const { namespace: _stray, ...rest } = metadata;
    return { ...inputs, metadata: rest };
  }

  #state(
    object: JsonObject,
    inputs: JsonObject,
    marked: JsonObject,
    fieldManager: string,
    preview: boolean,
  ): JsonObject {
    // The status of a dry run is empty, and a program that reads it would take that for the truth.
    const { status, ...rest } = object;
    const shown: JsonObject = preview || status === undefined ? rest : object;
    return checkpoint(shown, inputs, marked, fieldManager);
  }

  #connect(): Connection {
    if (this.#settings === undefined) throw new Error("the provider was used before it was configured");
    if (this.#connection === undefined) {
      const client = new KubeClient(loadAccess(this.#settings.access));
      const discovery = new Discovery(client);
      this.#connection = { discovery, cluster: new Cluster(client, discovery, this.#cancellation, this.#settings) };
    }
    return this.#connection;
  }

  /** The connection, or nothing where there is no usable kubeconfig: a preview goes on without one. */
  #reachable(): Connection | undefined {
    try {
      return this.#connect();
    } catch {
      return undefined;
    }
  }

  async #isServed(gvk: GroupVersionKind): Promise<boolean> {
    try {
      return (await this.#reachable()?.discovery.find(gvk)) !== undefined;
    } catch (error) {
      if (error instanceof ConnectionError) return false;
      throw error;
    }
  }

  async #isNamespaced(gvk: GroupVersionKind): Promise<boolean> {
    try {
      return (await this.#reachable()?.discovery.isNamespaced(gvk)) ?? true;
    } catch (error) {
      if (error instanceof ConnectionError || error instanceof ApiError) return true;
      throw error;
    }
  }
}

function newFieldManager(): string {
  return `pulumi-kubernetes-${randomBytes(4).toString("hex")}`;
}

/** Errors that end a preview without blame: it shows the inputs then. */
function isUnaskable(error: unknown): boolean {
  if (error instanceof NotPreviewableError) return true;
  if (!(error instanceof ApiError)) return false;
  return error.code === 403 || (error.code === 400 && error.message.includes("does not support dry run"));
}

function identityOf(urn: string, id: string, state: JsonObject): JsonObject {
  const live = liveOf(state);
  const gvk = at(live, "kind") === undefined ? gvkOfType(parseUrn(urn).type) : gvkOf(live);
  return { apiVersion: apiVersionOf(gvk), kind: gvk.kind, metadata: identityOfId(id) };
}

function identityOfId(id: string): JsonObject {
  const { namespace, name } = parseId(id);
  return namespace === "" ? { name } : { namespace, name };
}

/** For `import` and `.get`: everything that a program could have written. */
function importedInputs(object: JsonObject): JsonObject {
  const { status: _status, ...rest } = object;
  const inputs = normalised(rest);
  const annotations = at(inputs, "metadata", "annotations");
  if (!isObject(annotations)) return inputs;
  const machinery = ["deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"];
  const kept = Object.entries(annotations).filter(([key]) => !machinery.includes(key));
  return withMetadata(inputs, { annotations: Object.fromEntries(kept) });
}

function kindAndId(object: JsonObject): string {
  return `${gvkOf(object).kind} "${nameOf(object) === "" ? "" : idOf(object)}"`;
}

function described(error: unknown, what: string): Error {
  const cause = error instanceof Error ? error : new Error(String(error));
  return new Error(`${what}: ${cause.message}`, { cause });
}

function partial(id: string, error: NotReadyError, state: JsonObject, inputs: JsonObject, fate: string): PartialError {
  const message = `${kindAndId(error.object)} ${fate} ${error.message}`;
  return new PartialError(message, id, state, inputs, error.reasons.length > 0 ? [message] : []);
}
