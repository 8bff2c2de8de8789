// KubeApi over the transport: which request stands for which call.
import { apiVersionOf, type KubeObject, type Resource } from "../../../lib/model/kubernetes";
import { Backoff, pause } from "./backoff";
import { KubeError, type Clock, type KubeApi, type ObjectRef } from "./api";
import type { HttpRequest, Lane, Transport } from "./transport";

const TIMEOUT_MS = 10_000;
const READ_ATTEMPTS = 4;
const READ_RETRY = { firstMs: 200, maxMs: 2_000 };
/** A server that asks for more patience than this gets its error passed on, so that the caller can decide. */
const LONGEST_RETRY_AFTER_SECONDS = 10;

/** `/api/v1/namespaces/edge/pods`, and below it. */
export function pathOf(resource: Resource, ref?: Partial<ObjectRef>, subresource?: string): string {
  const root = resource.group === "" ? "/api" : `/apis/${encodeURIComponent(resource.group)}`;
  const inside = resource.namespaced && ref?.namespace !== undefined;
  return [
    root,
    resource.version,
    ...(inside ? ["namespaces", encodeURIComponent(ref.namespace ?? "")] : []),
    resource.plural,
    ...(ref?.name === undefined ? [] : [encodeURIComponent(ref.name)]),
    ...(subresource === undefined ? [] : [subresource]),
  ].join("/");
}

export interface ClientOptions {
  readonly transport: Transport;
  readonly clock: Clock;
  /** Names the writer in `managedFields` of everything but applies. */
  readonly fieldManager: string;
  /** @default "request" */
  readonly lane?: Lane;
  /** Until the whole answer must be here. @default 10000 */
  readonly timeoutMs?: number;
  /** How often a read is tried. @default 4 */
  readonly readAttempts?: number;
}

export class Client implements KubeApi {
  constructor(private readonly options: ClientOptions) {}

  async get<T extends KubeObject>(resource: Resource, ref: ObjectRef): Promise<T | undefined> {
    const path = itemPath(resource, ref);
    return unlessMissing(this.#patiently(() => this.#send<T>({ method: "GET", path })));
  }

  create<T extends KubeObject>(resource: Resource, object: T): Promise<T> {
    const path = pathOf(resource, { namespace: namespaceOf(resource, object.metadata) });
    return this.#write<T>("POST", path, typed(resource, object));
  }

  replace<T extends KubeObject>(resource: Resource, object: T, subresource?: "status"): Promise<T> {
    return this.#write<T>("PUT", itemPath(resource, object.metadata, subresource), typed(resource, object));
  }

  mergePatch<T extends KubeObject>(
    resource: Resource,
    ref: ObjectRef,
    patch: object,
    subresource?: "status",
  ): Promise<T> {
    const path = itemPath(resource, ref, subresource);
    return this.#write<T>("PATCH", path, patch, "application/merge-patch+json");
  }

  apply<T extends KubeObject>(resource: Resource, object: T, fieldManager: string, subresource?: "status"): Promise<T> {
    const query = `?fieldManager=${encodeURIComponent(fieldManager)}&force=true`;
    const path = itemPath(resource, object.metadata, subresource) + query;
    // JSON is YAML, and this is the type that every supported server knows.
    const contentType = "application/apply-patch+yaml";
    return this.#send<T>({ method: "PATCH", path, contentType, body: JSON.stringify(typed(resource, object)) });
  }

  async delete(
    resource: Resource,
    ref: ObjectRef,
    preconditions?: { uid?: string; resourceVersion?: string },
  ): Promise<void> {
    const body = JSON.stringify({ apiVersion: "v1", kind: "DeleteOptions", preconditions });
    await unlessMissing(this.#send({ method: "DELETE", path: itemPath(resource, ref), body }));
  }

  #write<T>(method: "POST" | "PUT" | "PATCH", path: string, body: object, contentType?: string): Promise<T> {
    const query = `?fieldManager=${encodeURIComponent(this.options.fieldManager)}`;
    return this.#send<T>({ method, path: path + query, body: JSON.stringify(body), contentType });
  }

  async #send<T>(request: Pick<HttpRequest, "method" | "path" | "body" | "contentType">): Promise<T> {
    const { transport, lane = "request", timeoutMs = TIMEOUT_MS } = this.options;
    const answer = await transport.request({ ...request, lane, timeoutMs });
    try {
      return JSON.parse(answer) as T;
    } catch (cause) {
      throw new KubeError(0, "BadAnswer", `${request.method} ${request.path}: the answer is not JSON`, { cause });
    }
  }

  /** Again, a few times, where that can help. For reads only: nobody knows whether a lost write was done. */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, readAttempts = READ_ATTEMPTS } = this.options;
    const backoff = new Backoff(clock, READ_RETRY);
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof KubeError) || !isPassing(error) || backoff.failures + 1 >= readAttempts) throw error;
        const { retryAfterSeconds = 0 } = error;
        if (retryAfterSeconds > LONGEST_RETRY_AFTER_SECONDS) throw error;
        await pause(clock, Math.max(backoff.nextMs(), retryAfterSeconds * 1000));
      }
    }
  }
}

/** Whether the same request may succeed a moment later. */
function isPassing({ status, reason }: KubeError): boolean {
  if (status === 0) return reason === "ConnectionLost" || reason === "ConnectionFailed";
  return status === 429 || status === 500 || status === 503 || status === 504;
}

async function unlessMissing<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof KubeError && error.status === 404) return undefined;
    throw error;
  }
}

function itemPath(resource: Resource, ref: ObjectRef, subresource?: string): string {
  return pathOf(resource, { name: ref.name, namespace: namespaceOf(resource, ref) }, subresource);
}

/** A missing namespace would otherwise address a whole collection, or another object. */
function namespaceOf(resource: Resource, ref: ObjectRef): string | undefined {
  if (ref.name === "") throw new Error(`${resource.kind}: metadata.name: got nothing; name the object`);
  if (!resource.namespaced) return undefined;
  if (ref.namespace !== undefined && ref.namespace !== "") return ref.namespace;
  throw new Error(`${resource.kind} ${JSON.stringify(ref.name)}: metadata.namespace: got nothing; name the namespace`);
}

/** Lists and caches leave the type off their objects; the server wants it back. */
function typed<T extends KubeObject>(resource: Resource, object: T): T {
  return { ...object, apiVersion: apiVersionOf(resource), kind: resource.kind };
}
