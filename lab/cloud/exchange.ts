// One exchange with the stand-in.
import type { JsonObject } from "./json";

export interface CloudRequest {
  readonly method: string;
  /** The whole of it, `/compute/v1/projects/…`, with or without the query. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  /** What the JSON said. */
  readonly body?: unknown;
  /** By names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Whoever asks has gone away. */
  readonly signal?: AbortSignal;
}

export interface CloudResponse {
  readonly status: number;
  readonly body: JsonObject;
}

/** The connection ended without an answer. */
export class ConnectionLost extends Error {
  override readonly name = "ConnectionLost";

  constructor() {
    super("the connection was reset");
  }
}
