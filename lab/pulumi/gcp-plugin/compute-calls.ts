// Calls of Compute's API, each waited for to its end.
import { at, isObject, textAt, type Json, type JsonObject } from "../plugin/values";

/** The variable with the base of the API, for example `http://127.0.0.1:8080/compute/v1/`. */
export const GCP_COMPUTE = "PODPIN_GCP_COMPUTE";

/** One exchange with the API. @param path after the base: `projects/p/…` */
export type Exchange = (
  method: string,
  path: string,
  body?: JsonObject,
) => Promise<{ readonly status: number; readonly body: Json }>;

/** @param base undefined where this cloud has no Compute: everything that needs it fails */
export function overHttp(base: string | undefined, call: typeof fetch = fetch): Exchange {
  let token: string | undefined;
  return async (method, path, body) => {
    if (base === undefined || base === "") {
      throw new Error(`${GCP_COMPUTE}: got nothing; set it to where the stand-in for Compute serves its API`);
    }
    const send = async (): Promise<Response> =>
      call(new URL(path, base.replace(/\/?$/, "/")), {
        method,
        headers: { authorization: `Bearer ${token ?? ""}`, "content-type": "application/json" },
        body: body === undefined ? undefined : JSON.stringify(body),
      });
    token ??= await freshToken(base, call);
    let response = await send();
    if (response.status === 401) {
      token = await freshToken(base, call);
      response = await send();
    }
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as Json) };
  };
}

/** From the metadata server beside the API, as on a VM; empty where there is none, and nobody asks for tokens. */
export async function freshToken(base: string, call: typeof fetch): Promise<string> {
  const url = new URL("/computeMetadata/v1/instance/service-accounts/default/token", base);
  const response = await call(url, { headers: { "metadata-flavor": "Google" } });
  return response.ok ? textAt((await response.json()) as Json, "access_token") : "";
}

export class ComputeCalls {
  readonly #call: Exchange;

  constructor(exchange: Exchange) {
    this.#call = exchange;
  }

  /** @param key for example `projects/p/regions/r/addresses/n` */
  async get(key: string): Promise<JsonObject | undefined> {
    const { status, body } = await this.#call("GET", key);
    if (status === 404) return undefined;
    return succeeded(key, status, body);
  }

  /** Everything of a collection. @param parent for example `projects/p/global/firewalls` */
  async list(parent: string): Promise<JsonObject[]> {
    const pages = await this.#pages(parent);
    return pages.flatMap(({ items }) => (Array.isArray(items) ? items.filter(isObject) : []));
  }

  /** Everything in every scope of a project that is not global. */
  async listEverywhere(project: string, collection: string): Promise<JsonObject[]> {
    const pages = await this.#pages(`projects/${project}/aggregated/${collection}`);
    const scopes = pages.flatMap(({ items }) => Object.values(isObject(items) ? items : {}));
    return scopes.flatMap((scope) => {
      const found = at(scope, collection);
      return Array.isArray(found) ? found.filter(isObject) : [];
    });
  }

  async #pages(path: string): Promise<JsonObject[]> {
    const pages: JsonObject[] = [];
    let next = "";
    do {
      const query = next === "" ? "" : `?pageToken=${encodeURIComponent(next)}`;
      const { status, body } = await this.#call("GET", path + query);
      const page = succeeded(path, status, body);
      pages.push(page);
      next = textAt(page, "nextPageToken");
    } while (next !== "");
    return pages;
  }

  insert(key: string, body: JsonObject): Promise<void> {
    return this.#operate("POST", key.slice(0, key.lastIndexOf("/")), body);
  }

  patch(key: string, body: JsonObject): Promise<void> {
    return this.#operate("PATCH", key, body);
  }

  /** The whole of it as it shall be. */
  put(key: string, body: JsonObject): Promise<void> {
    return this.#operate("PUT", key, body);
  }

  /** A call of the resource's own, such as `setLabels`. */
  call(key: string, name: string, body: JsonObject): Promise<void> {
    return this.#operate("POST", `${key}/${name}`, body);
  }

  /** What is gone already is fine. */
  async delete(key: string): Promise<void> {
    const { status, body } = await this.#call("DELETE", key);
    if (status !== 404) await this.#finished(key, succeeded(key, status, body));
  }

  async #operate(verb: string, path: string, body: JsonObject): Promise<void> {
    const answer = await this.#call(verb, path, body);
    await this.#finished(path, succeeded(path, answer.status, answer.body));
  }

  async #finished(path: string, operation: JsonObject): Promise<void> {
    const scope = /^projects\/[^/]+\/(?:global|(?:regions|zones)\/[^/]+)/.exec(path)?.[0] ?? "";
    let now = operation;
    while (textAt(now, "status") !== "DONE") {
      const wait = `${scope}/operations/${textAt(operation, "name")}/wait`;
      const { status, body } = await this.#call("POST", wait);
      now = succeeded(wait, status, body);
    }
    const errors = at(now, "error", "errors");
    if (!Array.isArray(errors) || errors.length === 0) return;
    throw new Error(errors.map((error) => `${textAt(error, "code")}: ${textAt(error, "message")}`).join("; "));
  }
}

/** An answer that is none, in the words of Google's client for Go, which the real provider passes on. */
function succeeded(path: string, status: number, body: Json): JsonObject {
  if (status < 300 && isObject(body)) return body;
  const reason = textAt(body, "error", "errors", 0, "reason");
  const message = textAt(body, "error", "message");
  throw new Error(`${path}: googleapi: Error ${status}: ${message}${reason === "" ? "" : `, ${reason}`}`);
}
