// The stand-in on a socket: plain HTTP, so that any client can be pointed at it.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { ComputeCloud } from "./cloud";
import { ConnectionLost } from "./exchange";
import type { MetadataServer } from "./metadata";
import { errorBody, Refusal } from "./refusal";

export interface ServeOptions {
  /** @default 127.0.0.1 */
  readonly host?: string;
  /** @default any free one */
  readonly port?: number;
  /** Listens on a socket of the file system instead. @default - on host and port */
  readonly path?: string;
  /** Answers what a VM asks of its metadata server, on the same socket. @default nobody does */
  readonly metadata?: MetadataServer;
}

export interface ComputeServer {
  /** `http://127.0.0.1:40123/` */
  readonly url: string;
  /** Mistakes of the stand-in itself; a test has to fail on any. */
  readonly mistakes: readonly Error[];
  close(): Promise<void>;
}

const MOST_BYTES = 10_000_000;

export async function serveCompute(cloud: ComputeCloud, options: ServeOptions = {}): Promise<ComputeServer> {
  const { host = "127.0.0.1", port = 0, path, metadata } = options;
  const mistakes: Error[] = [];
  const server = createServer((request, response) => {
    answer(cloud, metadata, request, response).catch((error: unknown) => {
      if (!(error instanceof ConnectionLost)) mistakes.push(error as Error);
      // Whoever waits learns that there is no answer, as when the line is cut.
      response.destroy();
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if (path === undefined) server.listen(port, host, resolve);
    else server.listen(path, resolve);
  });
  const bound = server.address();
  return {
    url: typeof bound === "string" ? `unix:${bound}` : `http://${host}:${(bound as AddressInfo).port}/`,
    mistakes,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answer(
  cloud: ComputeCloud,
  metadata: MetadataServer | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const { method = "GET", url = "/" } = request;
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(",") : (value ?? ""),
    ]),
  );
  if (metadata !== undefined && url.startsWith("/computeMetadata/")) {
    const { status, body, type } = metadata.answer(url, headers);
    response.writeHead(status, { "metadata-flavor": "Google", "content-type": type }).end(body);
    return;
  }
  const text = await textOf(request);
  let body: unknown;
  try {
    body = text === "" ? undefined : JSON.parse(text);
  } catch {
    send(response, 400, errorBody(new Refusal(400, "parseError", "Parse Error")));
    return;
  }
  const answered = await cloud.handle({ method, path: url, body, headers, signal: gone.signal });
  send(response, answered.status, answered.body);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json; charset=UTF-8" }).end(JSON.stringify(body));
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`a request has more than ${MOST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}
