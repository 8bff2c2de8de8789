// What is done to objects: create, read, update, delete, each with its wait.
import type { ResourceLog } from "../plugin/engine-log";
import { parsePath } from "../plugin/path";
import { untilGone, untilReady, sleep, type Cancellation } from "./await/wait";
import { parseWaitFor } from "./await/wait-for";
import { READY, readinessRule, service, type Readiness } from "./await/readiness";
import { ApiError, isAlreadyExists, isConflict, isNotFound, type KubeClient } from "./client";
import { UnservedKindError, type Discovery } from "./discovery";
import { handedOver, isTakenOver, owns } from "./managed-fields";
import { annotation, ANNOTATION, annotationIsTrue, gvkOf, isCrd, nameOf, namespaceOf, withMetadata } from "./object";
import { at, isObject, numberAt, textAt, type Json, type JsonObject } from "./values";

export interface Operation {
  readonly inputs: JsonObject;
  readonly fieldManager: string;
  readonly preview: boolean;
  /** From the resource's customTimeouts; 0 for none. */
  readonly timeoutSeconds: number;
  readonly log: ResourceLog;
}

export interface UpdateOperation extends Operation {
  readonly oldInputs: JsonObject;
  readonly ignoreChanges: readonly string[];
}

export interface ClusterOptions {
  readonly patchForce: boolean;
  readonly upsertExistingObjects: boolean;
}

/** A preview that cannot be asked of the API server, for a reason that is none of the user's. */
export class NotPreviewableError extends Error {}

const DEFAULT_WAIT_SECONDS = 600;
/** How long a create waits for its kind or its namespace: both may be on their way in the same deployment. */
const ORDERING_GRACE_MS = 30_000;

export class Cluster {
  readonly #client: KubeClient;
  readonly #discovery: Discovery;
  readonly #cancellation: Cancellation;
  readonly #options: ClusterOptions;

  constructor(client: KubeClient, discovery: Discovery, cancellation: Cancellation, options: ClusterOptions) {
    this.#client = client;
    this.#discovery = discovery;
    this.#cancellation = cancellation;
    this.#options = options;
  }

  async create(operation: Operation): Promise<JsonObject> {
    // A waitFor that cannot be read must not leave an object behind.
    const judge = this.#judgement(operation.inputs);
    const created = await this.#createWithPatience(operation);
    if (operation.preview) return created;
    if (isCrd(created)) this.#discovery.declare(created);
    return this.#awaited(created, judge, operation);
  }

  /** Undefined if the object, or its kind, is gone. */
  async read(object: JsonObject, name: string): Promise<JsonObject | undefined> {
    try {
      return await this.#client.find({ path: await this.#discovery.path(object, name) });
    } catch (error) {
      if (error instanceof UnservedKindError) return undefined;
      throw error;
    }
  }

  /** What a refresh says about an object that exists: only kinds that a create waits for can be not ready. */
  async readiness(object: JsonObject): Promise<Readiness> {
    if (annotationIsTrue(object, ANNOTATION.skipAwait)) return READY;
    return (await this.#builtInRule(object)?.(object)) ?? READY;
  }

  async update(operation: UpdateOperation): Promise<JsonObject> {
    const judge = this.#judgement(operation.inputs);
    const path = await this.#discovery.path(operation.inputs, nameOf(operation.inputs));
    const before = await this.#client.call({ path });
    const updated = isCrd(operation.inputs)
      ? await this.#replace(path, before, operation)
      : await this.#applyOver(path, before, operation);
    if (operation.preview) return updated;
    if (isCrd(updated)) this.#discovery.declare(updated);
    return this.#awaited(updated, judge, operation);
  }

  async delete(object: JsonObject, operation: Omit<Operation, "fieldManager" | "preview">): Promise<void> {
    let path: string;
    try {
      path = await this.#discovery.path(object, nameOf(object));
    } catch (error) {
      if (error instanceof UnservedKindError) return;
      throw error;
    }
    const uid = textAt(object, "metadata", "uid");
    const isSame = (live: JsonObject): boolean => uid === "" || textAt(live, "metadata", "uid") === uid;
    const live = await this.#client.find({ path });
    // Whatever has the name now is somebody else's.
    if (live === undefined || !isSame(live)) return;
    try {
      await this.#client.call({
        method: "DELETE",
        path,
        body: {
          apiVersion: "v1",
          kind: "DeleteOptions",
          propagationPolicy: propagationPolicy(operation.inputs),
          ...(uid === "" ? {} : { preconditions: { uid } }),
        },
      });
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    const read = (): Promise<JsonObject | undefined> => this.#client.find({ path });
    await untilGone(read, isSame, whyStillThere, live, this.#waitOptions(operation));
  }

  async #createWithPatience(operation: Operation): Promise<JsonObject> {
    const deadline = Date.now() + ORDERING_GRACE_MS;
    for (let pause = 100; ; pause = Math.min(pause * 2, 1000)) {
      try {
        return await this.#createOnce(operation);
      } catch (error) {
        const early = error instanceof UnservedKindError || isNotFound(error);
        if (early && operation.preview) throw new NotPreviewableError(error.message, { cause: error });
        if (!early || Date.now() >= deadline) throw error;
        operation.log.status(`waiting: ${error.message}`);
        await sleep(pause, this.#cancellation);
        this.#cancellation.throwIfCancelled();
      }
    }
  }

  async #createOnce(operation: Operation): Promise<JsonObject> {
    const { inputs, preview, fieldManager, log } = operation;
    const path = await this.#discovery.path(inputs);
    try {
      return await this.#client.call({
        method: "POST",
        path,
        query: { fieldManager, fieldValidation: "Warn", dryRun: preview ? "All" : undefined },
        body: inputs,
        onWarning: (text) => log.warn(text),
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      // Before a replacement the old object still has the name: the preview cannot say more.
      if (preview) throw new NotPreviewableError(error.message, { cause: error });
      if (!this.#options.upsertExistingObjects) throw error;
      return this.#apply(`${path}/${nameOf(inputs)}`, inputs, operation);
    }
  }

  /** CRDs are replaced as a whole, as the real plugin does; what they define stays. */
  async #replace(path: string, before: JsonObject, operation: UpdateOperation): Promise<JsonObject> {
    return this.#client.call({
      method: "PUT",
      path,
      query: { fieldManager: operation.fieldManager, dryRun: operation.preview ? "All" : undefined },
      body: withMetadata(operation.inputs, { resourceVersion: textAt(before, "metadata", "resourceVersion") }),
      onWarning: (text) => operation.log.warn(text),
    });
  }

  async #applyOver(path: string, before: JsonObject, operation: UpdateOperation): Promise<JsonObject> {
    const live = operation.preview ? before : await this.#takeOver(path, before, operation);
    return this.#apply(path, withIgnored(operation, live), operation);
  }

  async #apply(path: string, body: JsonObject, operation: Operation): Promise<JsonObject> {
    const { preview, fieldManager, log } = operation;
    const forced =
      this.#options.patchForce || annotationIsTrue(operation.inputs, ANNOTATION.patchForce) ? true : undefined;
    const apply = (force: boolean): Promise<JsonObject> =>
      this.#client.call({
        method: "PATCH",
        path,
        query: { fieldManager, force: String(force), dryRun: preview ? "All" : undefined },
        body,
        contentType: "application/apply-patch+yaml",
        onWarning: (text) => log.warn(text),
      });
    try {
      return await apply(forced ?? false);
    } catch (error) {
      if (!isConflict(error)) throw error;
      // The hand-over comes with the real update; in a preview these conflicts are none.
      if (preview && conflictingManagers(error).every(isTakenOver)) return apply(true);
      throw conflictError(error, fieldManager);
    }
  }

  async #takeOver(path: string, before: JsonObject, operation: UpdateOperation): Promise<JsonObject> {
    let live = before;
    for (let attempt = 0; attempt < 5; attempt++) {
      const entries = handedOver(live, operation.fieldManager, operation.oldInputs);
      if (entries === undefined) return live;
      try {
        return await this.#client.call({
          method: "PATCH",
          path,
          query: { fieldManager: operation.fieldManager },
          contentType: "application/json-patch+json",
          body: [
            // Makes the API server refuse if the object has changed since.
            { op: "replace", path: "/metadata/resourceVersion", value: textAt(live, "metadata", "resourceVersion") },
            { op: "replace", path: "/metadata/managedFields", value: entries },
          ],
        });
      } catch (error) {
        if (!isConflict(error)) throw error;
        live = await this.#client.call({ path });
      }
    }
    return live;
  }

  async #awaited(
    object: JsonObject,
    judge: ((object: JsonObject) => Readiness | Promise<Readiness>) | undefined,
    operation: Operation,
  ): Promise<JsonObject> {
    if (judge === undefined) return object;
    const path = await this.#discovery.path(object, nameOf(object));
    const read = (): Promise<JsonObject | undefined> => this.#client.find({ path });
    return untilReady(read, judge, object, this.#waitOptions(operation));
  }

  #waitOptions(operation: Pick<Operation, "inputs" | "timeoutSeconds" | "log">): {
    seconds: number;
    cancellation: Cancellation;
    onProgress: (reasons: readonly string[]) => void;
  } {
    const annotated = Number(annotation(operation.inputs, ANNOTATION.timeoutSeconds));
    return {
      seconds: operation.timeoutSeconds || annotated || DEFAULT_WAIT_SECONDS,
      cancellation: this.#cancellation,
      onProgress: (reasons) => operation.log.status(reasons.join("; ")),
    };
  }

  /** What the object must look like before the deployment goes on; undefined if it need only exist. */
  #judgement(inputs: JsonObject): ((object: JsonObject) => Readiness | Promise<Readiness>) | undefined {
    const text = annotation(inputs, ANNOTATION.waitFor);
    const expectation = text === "" ? undefined : parseWaitFor(text);
    if (annotationIsTrue(inputs, ANNOTATION.skipAwait)) return undefined;
    return expectation ?? this.#builtInRule(inputs);
  }

  #builtInRule(object: JsonObject): ((object: JsonObject) => Readiness | Promise<Readiness>) | undefined {
    const { group, kind } = gvkOf(object);
    if (group !== "" || kind !== "Service") return readinessRule(object);
    return async (live) => service(live, await this.#endpointSlices(live));
  }

  async #endpointSlices(live: JsonObject): Promise<readonly Json[]> {
    const list = await this.#client.call({
      path: `/apis/discovery.k8s.io/v1/namespaces/${namespaceOf(live)}/endpointslices`,
      query: { labelSelector: `kubernetes.io/service-name=${nameOf(live)}` },
    });
    const items = list["items"];
    return Array.isArray(items) ? items : [];
  }
}

function propagationPolicy(object: JsonObject): string {
  const wanted = annotation(object, ANNOTATION.deletionPropagationPolicy).toLowerCase();
  if (wanted === "orphan") return "Orphan";
  return wanted === "background" ? "Background" : "Foreground";
}

function whyStillThere(object: JsonObject): readonly string[] {
  const finalizers = at(object, "metadata", "finalizers");
  const names = Array.isArray(finalizers) ? finalizers.join(", ") : "";
  const replicas = numberAt(object, "status", "replicas");
  const details = [
    ...(names === "" ? [] : [`finalizers: ${names}`]),
    ...(replicas === undefined ? [] : [`replicas left: ${replicas}`]),
  ];
  const called = `${textAt(object, "kind")} "${nameOf(object)}"`;
  return [`${called} is still there${details.length === 0 ? "" : ` (${details.join("; ")})`}`];
}

/**
 * The inputs with the ignored fields as they are on the cluster: left out where somebody else owns them, so that this
 * provider does not become an owner, and else as they are, so that they do not vanish.
 */
function withIgnored(operation: UpdateOperation, live: JsonObject): JsonObject {
  let body = operation.inputs;
  for (const ignored of operation.ignoreChanges) {
    const path = parsePath(ignored);
    // Paths through lists are left to the engine, which has already put the old input there.
    if (!path.every((step): step is string => typeof step === "string" && step !== "*")) continue;
    const mine = owns(live, path, (name) => name === operation.fieldManager);
    const theirs = owns(live, path, (name) => name !== operation.fieldManager);
    const value = theirs && !mine ? undefined : at(live, ...path);
    if (theirs || value !== undefined) body = withValue(body, path, value);
  }
  return body;
}

function withValue(object: JsonObject, path: readonly string[], value: Json | undefined): JsonObject {
  const [key, ...rest] = path;
  if (key === undefined) return object;
  const { [key]: present, ...others } = object;
  if (rest.length > 0) return { ...others, [key]: withValue(isObject(present) ? present : {}, rest, value) };
  return value === undefined ? others : { ...others, [key]: value };
}

/** `conflict with "kubectl-edit" using v1` → kubectl-edit. */
function conflictingManagers(error: ApiError): readonly string[] {
  return error.causes.map((cause) => /conflicts? with "([^"]+)"/.exec(cause.message)?.[1] ?? "");
}

function conflictError(error: ApiError, fieldManager: string): Error {
  const lines = error.causes.map((cause) => `  ${cause.field}: ${cause.message}`);
  return new Error(
    [
      "Server-Side Apply field conflict detected: another manager has changed fields that this program sets.",
      ...lines,
      `Field manager of this resource: "${fieldManager}". Take the field out of the program, or let the program win with the ` +
        `annotation ${ANNOTATION.patchForce}: "true".`,
    ].join("\n"),
    { cause: error },
  );
}
