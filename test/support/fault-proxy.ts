// A proxy in front of a real API server that can do to each request what networks, proxies and servers do: delay it, refuse
// it, change what it asks for, and tamper with the answer byte by byte.
import {
  type ClientHttp2Session,
  connect,
  constants,
  createServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";

/** A request on its way through. */
export interface Passing {
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly isWatch: boolean;
  /** Not so the question after one object whether the server still has what it told. */
  readonly isList: boolean;
}

/** What becomes of it; nothing named here: it passes as it is. */
export interface Treatment {
  readonly delayMs?: number;
  /** Not asked at all: this is the answer. */
  readonly refuse?: {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  };
  /** Before any answer: the stream is reset, or the whole connection breaks. */
  readonly kill?: "stream" | "connection";
  /** Changes what is asked. */
  readonly ask?: (url: URL) => void;
  /** What comes out for each line of the answer; undefined breaks the answer off in the middle of that line. */
  readonly line?: (line: string) => readonly string[] | undefined;
  /** Writes the answer in pieces of so many bytes. */
  readonly pieces?: number;
  /** Breaks the answer off after so many bytes. */
  readonly cutAfter?: number;
  /** Ends the answer properly after so many lines. */
  readonly endAfter?: number;
}

export class FaultProxy {
  /** Asked for each request. */
  treat: (passing: Passing) => Treatment | undefined = () => undefined;
  readonly passed: Passing[] = [];
  readonly #server = createServer();
  readonly #sessions = new Set<ServerHttp2Session>();
  #upstream: ClientHttp2Session | undefined;

  private constructor(
    private readonly target: string,
    private readonly ca: string,
  ) {
    this.#server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => undefined);
    });
    this.#server.on("stream", (stream, headers) => {
      const chunks: Buffer[] = [];
      stream.on("error", () => undefined);
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("end", () => this.#take(stream, headers, Buffer.concat(chunks)));
    });
  }

  static async to(target: string, ca: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target, ca);
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  get lists(): readonly Passing[] {
    return this.passed.filter(({ isList }) => isList);
  }

  get watches(): readonly Passing[] {
    return this.passed.filter(({ isWatch }) => isWatch);
  }

  /** Asks clients to go elsewhere; what is under way goes on. */
  goAway(): void {
    for (const session of this.#sessions) session.goaway(constants.NGHTTP2_NO_ERROR);
  }

  /** Every connection breaks. */
  breakAll(): void {
    for (const session of this.#sessions) session.destroy();
  }

  async stop(): Promise<void> {
    this.breakAll();
    this.#upstream?.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  #take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer): void {
    const url = new URL(headers[":path"] ?? "/", "http://proxy");
    const isWatch = url.searchParams.get("watch") === "true";
    const passing = { url, headers, isWatch, isList: !isWatch && Number(url.searchParams.get("limit")) > 1 };
    this.passed.push(passing);
    const treatment = this.treat(passing) ?? {};
    const act = (): void => this.#act(stream, passing, body, treatment);
    if (treatment.delayMs === undefined) act();
    else setTimeout(act, treatment.delayMs);
  }

  #act(stream: ServerHttp2Stream, { url, headers }: Passing, body: Buffer, treatment: Treatment): void {
    if (stream.destroyed) return;
    const { refuse, kill, ask } = treatment;
    if (kill === "connection") return stream.session?.destroy();
    if (kill === "stream") return stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    if (refuse !== undefined) {
      stream.respond({ ":status": refuse.status, "content-type": "application/json", ...refuse.headers });
      return void stream.end(refuse.body ?? statusBody(refuse.status));
    }
    ask?.(url);
    const { ":authority": _authority, ":scheme": _scheme, ":path": _path, host: _host, ...rest } = headers;
    const upstream = this.#connect().request(
      { ...rest, ":path": `${url.pathname}${url.search}` },
      { endStream: body.length === 0 },
    );
    if (body.length > 0) upstream.end(body);
    stream.on("close", () => upstream.close(constants.NGHTTP2_CANCEL));
    upstream.on("error", () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
    upstream.on("response", ({ ":status": status, "content-type": type }) => {
      if (stream.destroyed) return;
      stream.respond({ ":status": status, "content-type": type });
      pour(upstream, stream, treatment);
    });
  }

  #connect(): ClientHttp2Session {
    if (this.#upstream === undefined || this.#upstream.closed || this.#upstream.destroyed) {
      this.#upstream = connect(this.target, { ca: this.ca, settings: { initialWindowSize: 1 << 20 } });
      this.#upstream.on("error", () => undefined);
    }
    return this.#upstream;
  }
}

/** As the API server would say it. */
export function statusBody(code: number, reason = "Fault", message = `refused with ${code}`): string {
  return JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", code, reason, message });
}

function pour(from: NodeJS.ReadableStream, to: ServerHttp2Stream, treatment: Treatment): void {
  const { line, pieces, cutAfter = Infinity, endAfter = Infinity } = treatment;
  let sent = 0;
  let lines = 0;
  let rest = "";
  const write = (bytes: Buffer): void => {
    const size = pieces ?? Math.max(1, bytes.length);
    for (let at = 0; at < bytes.length && !to.destroyed; at += size) {
      const piece = bytes.subarray(at, Math.min(at + size, at + cutAfter - sent));
      sent += piece.length;
      to.write(piece);
      // Once what was written has left, or nothing of it would arrive.
      if (sent >= cutAfter) return void setImmediate(() => to.close(constants.NGHTTP2_INTERNAL_ERROR));
    }
  };
  const through = (text: string): void => {
    const out = line === undefined ? [text] : line(text);
    if (out === undefined) {
      to.write(Buffer.from(text.slice(0, Math.ceil(text.length / 2)), "latin1"));
      return void setImmediate(() => to.close(constants.NGHTTP2_INTERNAL_ERROR));
    }
    for (const each of out) write(Buffer.from(`${each}\n`, "latin1"));
    if (++lines >= endAfter) to.end();
  };
  from.on("data", (chunk: Buffer) => {
    if (to.destroyed || to.writableEnded) return;
    if (line === undefined && endAfter === Infinity) return write(chunk);
    // One character a byte, so that no character is torn where chunks end.
    const parts = (rest + chunk.toString("latin1")).split("\n");
    rest = parts.pop() ?? "";
    parts.forEach(through);
  });
  from.on("end", () => {
    if (rest !== "" && !to.destroyed) to.write(Buffer.from(rest, "latin1"));
    if (!to.destroyed && !to.writableEnded) to.end();
  });
}
