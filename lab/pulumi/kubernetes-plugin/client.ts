// One API server, spoken to with plain requests.
import { readFileSync } from "node:fs";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";

import { ExecCredential } from "./exec-credential";
import type { Access } from "./kubeconfig";
import { at, isObject, numberAt, parseJson, textAt, type Json, type JsonObject } from "./values";

/** What the API server answered when it did not do what was asked. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly causes: readonly { readonly field: string; readonly message: string; readonly reason: string }[];

  constructor(code: number, body: Json | undefined, fallback: string) {
    super(textAt(body, "message") || fallback);
    this.name = "ApiError";
    this.code = numberAt(body, "code") ?? code;
    this.reason = textAt(body, "reason");
    const causes = at(body, "details", "causes");
    this.causes = (Array.isArray(causes) ? causes : []).map((cause) => ({
      field: textAt(cause, "field"),
      message: textAt(cause, "message"),
      reason: textAt(cause, "reason"),
    }));
  }
}

/** The API server could not be reached, or the connection broke: worth another try while something is waited for. */
export class ConnectionError extends Error {}

export interface Call {
  readonly method?: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: Json;
  readonly contentType?: string;
  /** Called with each warning that the API server attaches to its answer. */
  readonly onWarning?: (text: string) => void;
}

const REQUEST_TIMEOUT_MS = 60_000;

export class KubeClient {
  readonly #access: Access;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #exec: ExecCredential | undefined;

  constructor(access: Access) {
    this.#access = access;
    this.#exec = access.exec === undefined ? undefined : new ExecCredential(access.exec);
    const options = { keepAlive: true, maxSockets: 32 };
    this.#agent = access.server.startsWith("https:")
      ? new HttpsAgent({
          ...options,
          ca: access.ca,
          cert: access.certificate,
          key: access.key,
          servername: access.serverName,
          rejectUnauthorized: !access.insecure,
        })
      : new HttpAgent(options);
  }

  get server(): string {
    return this.#access.server;
  }

  /** The JSON answer of a successful call. */
  async call(call: Call): Promise<JsonObject> {
    const { status, text, warnings } = await this.#exchange(call);
    for (const warning of warnings) call.onWarning?.(warning);
    const body = parseJson(text);
    if (status >= 300) throw new ApiError(status, body, `HTTP ${status}: ${text.trim().slice(0, 300)}`);
    if (!isObject(body)) throw new ConnectionError(`${call.path}: the answer is not a JSON object`);
    return body;
  }

  /** As `call`, with undefined where there is nothing. */
  async find(call: Call): Promise<JsonObject | undefined> {
    try {
      return await this.call(call);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #exchange(call: Call): Promise<{ status: number; text: string; warnings: readonly string[] }> {
    const url = new URL(this.#access.server + call.path);
    for (const [key, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(key, value);
    }
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    const headers = await this.#headers(call, body);
    const send = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const failed = (cause: Error): void =>
        reject(new ConnectionError(`the API server ${this.server} cannot be reached: ${cause.message}`, { cause }));
      const request = send(url, { method: call.method ?? "GET", agent: this.#agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", failed);
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            text: Buffer.concat(chunks).toString("utf8"),
            warnings: warningsOf(response),
          }),
        );
      });
      request.setTimeout(REQUEST_TIMEOUT_MS, () => request.destroy(new Error("no answer within 60 s")));
      request.on("error", failed);
      request.end(body);
    });
  }

  async #headers(call: Call, body: string | undefined): Promise<Record<string, string>> {
    const { token, tokenFile, basic } = this.#access;
    const given = token ?? (tokenFile === undefined ? undefined : readFileSync(tokenFile, "utf8").trim());
    const bearer = given ?? (await this.#exec?.token());
    return {
      accept: "application/json",
      "user-agent": "pulumi-resource-kubernetes (podpin lab)",
      ...(body === undefined
        ? {}
        : {
            "content-type": call.contentType ?? "application/json",
            "content-length": String(Buffer.byteLength(body)),
          }),
      ...(bearer !== undefined ? { authorization: `Bearer ${bearer}` } : {}),
      ...(bearer === undefined && basic !== undefined ? { authorization: `Basic ${basic}` } : {}),
    };
  }
}

export function isNotFound(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 404;
}

export function isAlreadyExists(error: unknown): error is ApiError {
  return error instanceof ApiError && error.reason === "AlreadyExists";
}

export function isConflict(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 409 && error.reason === "Conflict";
}

/** `Warning: 299 - "unknown field \"spec.x\""` → unknown field "spec.x" (RFC 7234, section 5.5). */
function warningsOf(response: IncomingMessage): readonly string[] {
  const header = response.headers["warning"];
  const text = Array.isArray(header) ? header.join(", ") : (header ?? "");
  return [...text.matchAll(/\d{3} \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted = ""]) => quoted.replace(/\\(.)/g, "$1"));
}
