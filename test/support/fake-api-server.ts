// An HTTP/2 server that a test plays by hand: it takes the requests as they come and decides each answer, byte by byte.
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import { connect, createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";

/** Waits for what other parts of this process, or the kernel, are about to do; fails loudly instead of for ever. */
export async function until(what: string, done: () => boolean, limitMs = 30_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > end) throw new Error(`waited ${limitMs} ms in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

export class FakeRequest {
  readonly method: string;
  readonly url: URL;
  closed = false;

  constructor(
    readonly stream: ServerHttp2Stream,
    readonly headers: IncomingHttpHeaders,
    readonly body: string,
  ) {
    this.method = headers[":method"] ?? "";
    this.url = new URL(headers[":path"] ?? "/", "http://fake");
    stream.on("close", () => (this.closed = true));
    stream.on("error", () => undefined);
  }

  get isWatch(): boolean {
    return this.url.searchParams.get("watch") === "true";
  }

  /** Nobody waits for the answer any more. */
  get isGone(): boolean {
    return this.closed || this.stream.destroyed;
  }

  parameter(name: string): string | null {
    return this.url.searchParams.get(name);
  }

  answer(status: number, body: object | string, headers: Readonly<Record<string, string>> = {}): void {
    this.stream.respond({ ":status": status, "content-type": "application/json", ...headers });
    this.stream.end(typeof body === "string" ? body : JSON.stringify(body));
  }

  /** A `metav1.Status`, as every error of the API server. */
  refuse(code: number, reason: string, headers?: Readonly<Record<string, string>>): void {
    this.answer(code, status(code, reason), headers);
  }

  list(resourceVersion: string, items: readonly unknown[], more: { continue?: string } = {}): void {
    this.answer(200, { kind: "List", apiVersion: "v1", metadata: { resourceVersion, ...more }, items });
  }

  /** Begins a watch; {@link send} and {@link write} go on with it. */
  open(): this {
    this.stream.respond({ ":status": 200, "content-type": "application/json" });
    return this;
  }

  send(type: string, object: unknown): void {
    this.write(`${JSON.stringify({ type, object })}\n`);
  }

  write(bytes: string | Buffer): void {
    if (!this.isGone) this.stream.write(bytes);
  }

  /** The proper end of a watch. */
  end(): void {
    this.stream.end();
  }

  /** The connection breaks. */
  breakOff(): void {
    this.stream.session?.destroy();
  }
}

export const status = (code: number, reason: string, more: object = {}): object => ({
  kind: "Status",
  apiVersion: "v1",
  status: "Failure",
  message: `refused as ${reason}`,
  reason,
  code,
  ...more,
});

export class FakeApiServer {
  readonly requests: FakeRequest[] = [];
  readonly sessions = new Set<ServerHttp2Session>();
  #taken = 0;
  readonly #server = createServer();

  static async start(): Promise<FakeApiServer> {
    const fake = new FakeApiServer();
    await new Promise<void>((resolve) => fake.#server.listen(0, "127.0.0.1", resolve));
    return fake;
  }

  private constructor() {
    this.#server.on("session", (session) => {
      this.sessions.add(session);
      session.on("close", () => this.sessions.delete(session));
      session.on("error", () => undefined);
    });
    this.#server.on("stream", (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("error", () => undefined);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => this.requests.push(new FakeRequest(stream, headers, Buffer.concat(chunks).toString())));
    });
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** The next request that no one has taken yet. */
  async next(): Promise<FakeRequest> {
    await until(`request ${this.#taken + 1}`, () => this.requests.length > this.#taken);
    const request = this.requests[this.#taken++];
    if (request === undefined) throw new Error("the request is gone");
    return request;
  }

  /** The next request, which has to be a list (or a watch). */
  async nextList(): Promise<FakeRequest> {
    const request = await this.next();
    if (request.isWatch) throw new Error(`expected a list, got ${request.url.href}`);
    return request;
  }

  async nextWatch(): Promise<FakeRequest> {
    const request = await this.next();
    if (!request.isWatch) throw new Error(`expected a watch, got ${request.url.href}`);
    return request;
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

/** A cable that can be cut without either end being told: connections stay open, bytes no longer arrive. */
export class Cable {
  cut = false;
  readonly #sockets = new Set<Socket>();
  readonly #server = createTcpServer((near) => {
    const far = connect(this.target, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on("data", (bytes) => this.cut || to.write(bytes));
      from.on("error", () => undefined);
      from.on("close", () => {
        this.#sockets.delete(from);
        if (!this.cut) to.destroy();
      });
    }
  });

  private constructor(private readonly target: number) {}

  static async to(target: number): Promise<Cable> {
    const cable = new Cable(target);
    await new Promise<void>((resolve) => cable.#server.listen(0, "127.0.0.1", resolve));
    return cable;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
