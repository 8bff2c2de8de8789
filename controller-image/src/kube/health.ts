// What the kubelet and Prometheus ask: /healthz, /readyz and, when given, /metrics.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

import type { Log } from "./api";
import { errorText } from "./log";

export interface HealthOptions {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly log: Log;
  /** Why the process is not ready, one line each; none means ready. */
  readonly notReady: () => readonly string[];
  /** Why the process must be restarted, one line each. @default never */
  readonly notHealthy?: () => readonly string[];
  /** The text of /metrics in Prometheus' format. @default 404 */
  readonly metrics?: () => string;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Resolves when it listens; rejects when the port is taken. */
export function startHealth(options: HealthOptions): Promise<HealthServer> {
  const { host, port, log, notReady, notHealthy = () => [], metrics } = options;
  const pages: Readonly<Record<string, (response: ServerResponse) => void>> = {
    "/healthz": (response) => answer(response, notHealthy()),
    "/readyz": (response) => answer(response, notReady()),
    ...(metrics && {
      "/metrics": (response: ServerResponse) => {
        const text = metrics();
        response.setHeader("content-type", "text/plain; version=0.0.4; charset=utf-8");
        response.end(text);
      },
    }),
  };
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    response.setHeader("content-type", "text/plain; charset=utf-8");
    const page = pages[(request.url ?? "").split("?")[0] ?? ""];
    if (request.method !== "GET" && request.method !== "HEAD") return void response.writeHead(405).end("use GET\n");
    if (page === undefined) return void response.writeHead(404).end(`try ${Object.keys(pages).join(", ")}\n`);
    try {
      page(response);
    } catch (error) {
      log("error", "health page failed", { url: request.url, error });
      response.writeHead(500).end(`${errorText(error)}\n`);
    }
  });
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => {
      const text = `health server: got ${host}:${port}; it cannot be listened on, choose a free address and port`;
      reject(new Error(text, { cause }));
    });
    server.listen(port, host, () => {
      server.removeAllListeners("error");
      server.on("error", (error) => log("error", "health server", { error }));
      resolve({
        port: (server.address() as AddressInfo).port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}

function answer(response: ServerResponse, reasons: readonly string[]): void {
  if (reasons.length === 0) return void response.end("ok\n");
  response.writeHead(503).end(reasons.map((reason) => `${reason}\n`).join(""));
}
