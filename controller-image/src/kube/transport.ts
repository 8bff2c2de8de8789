// Requests over HTTP/2: who asks, how long it may take, and what went wrong, as a KubeError. Watches, requests and leases
// have a connection each, so that none waits behind the bytes of another.
import { constants, type ClientHttp2Session, type ClientHttp2Stream, type IncomingHttpHeaders } from "node:http2";

import { KubeError, type Clock } from "./api";
import { Connection, CONNECTION_TIMES, type ConnectionTimes } from "./connection";
import { RenewableText, type KubeConfig } from "./config";
import { PROTOBUF, readStatus, unwrapped } from "./kubernetes-protobuf";

export type Lane = "watch" | "request" | "lease";

export interface HttpRequest {
  readonly lane: Lane;
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With its query. */
  readonly path: string;
  readonly body?: string;
  readonly contentType?: string;
  /** Forms that the answer may have, the best first. @default "application/json" */
  readonly accept?: string;
  readonly signal?: AbortSignal;
  /** Until the whole answer is here; of a stream, until it begins. */
  readonly timeoutMs: number;
}

/** One finished request, or one stream that ended; for metrics and tests. Status 0: no answer. */
export interface RequestRecord {
  readonly lane: Lane;
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly milliseconds: number;
}

export interface TransportOptions {
  readonly config: KubeConfig;
  readonly clock: Clock;
  readonly userAgent: string;
  readonly times?: Partial<ConnectionTimes>;
  /** Called when a request begins to have a status, or fails without one. */
  readonly onRequest?: (record: RequestRecord) => void;
}

/** Larger answers are refused with reason `TooLarge`, so that no string nears what the engine can hold. */
const MAX_ANSWER_BYTES = 64 << 20;
/** What is kept of an answer that is an error; a chunk has at most 64 KiB. */
const MAX_ERROR_CHUNKS = 16;

/** What a stream leads to: its handler gets the bytes, and the promise its end. */
type OnData = (chunk: Buffer) => void;

export class Transport {
  readonly #connections = new Map<Lane, Connection>();
  readonly #token: RenewableText | undefined;
  #closed = false;

  constructor(private readonly options: TransportOptions) {
    const { config, clock } = options;
    this.#token = config.token === undefined ? undefined : new RenewableText(config.token, clock);
  }

  /** The whole answer's body as text; every status from 300 on, and every failure, is a {@link KubeError}. */
  async request(request: HttpRequest): Promise<string> {
    return (await this.download(request)).body.toString("utf8");
  }

  /** The whole answer, in whichever of the accepted forms the server has chosen. */
  async download(request: HttpRequest): Promise<{ readonly contentType: string; readonly body: Buffer }> {
    const chunks: Buffer[] = [];
    let contentType = "";
    let size = 0;
    const onData = (chunk: Buffer): void => {
      size += chunk.length;
      if (size <= MAX_ANSWER_BYTES) return void chunks.push(chunk);
      throw new KubeError(0, "TooLarge", `${describe(request)}: the answer is larger than ${MAX_ANSWER_BYTES} bytes`);
    };
    const onOpen = (form: string): void => void (contentType = form);
    await this.#authorised(request, { onData, onOpen, whole: true });
    return { contentType, body: Buffer.concat(chunks) };
  }

  /**
   * Resolves when the server ends the answer properly; rejects when it is refused or breaks off.
   *
   * @param onOpen called with the content type when the answer has begun with status 200
   * @param onData called with each piece; what it throws ends the stream and rejects
   */
  stream(request: HttpRequest, onOpen: (contentType: string) => void, onData: OnData): Promise<void> {
    return this.#authorised(request, { onData, onOpen, whole: false });
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#connections.values()) connection.close();
  }

  async #authorised(request: HttpRequest, sink: Sink): Promise<void> {
    try {
      await this.#send(request, sink);
    } catch (error) {
      // The token may have been renewed since it was read: once more with what the file says now.
      const renewable = error instanceof KubeError && error.status === 401 && this.#token?.reread() === true;
      if (!renewable) throw error;
      await this.#send(request, sink);
    }
  }

  async #send(request: HttpRequest, sink: Sink): Promise<void> {
    const { clock, onRequest } = this.options;
    const started = clock.now();
    let status = 0;
    let told = false;
    const tell = (): void => {
      if (told) return;
      told = true;
      const milliseconds = clock.now() - started;
      onRequest?.({ lane: request.lane, method: request.method, path: request.path, status, milliseconds });
    };
    const timer = new Deadline(clock, request);
    try {
      const session = await timer.race(this.#connection(request.lane).session());
      await this.#exchange(session, request, timer, sink, (answered) => {
        status = answered;
        tell();
      });
    } finally {
      timer.clear();
      tell();
    }
  }

  #exchange(
    session: ClientHttp2Session,
    request: HttpRequest,
    timer: Deadline,
    sink: Sink,
    onStatus: (status: number) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      let failure: unknown;
      const errorBody: Buffer[] = [];
      let status = 0;
      let headers: IncomingHttpHeaders = {};
      let ended = false;
      let stream: ClientHttp2Stream;
      try {
        stream = session.request(this.#headers(request), { endStream: request.body === undefined });
      } catch (error) {
        return reject(lost(request, error));
      }
      const fail = (error: unknown): void => {
        failure ??= error;
        stream.close(constants.NGHTTP2_CANCEL);
      };
      timer.whenEnded(fail);
      stream.on("response", (received) => {
        headers = received;
        status = Number(received[":status"] ?? 0);
        onStatus(status);
        if (status >= 300) return;
        if (!sink.whole) timer.clearTime();
        sink.onOpen(String(headers["content-type"] ?? ""));
      });
      stream.on("data", (chunk: Buffer) => {
        if (failure !== undefined) return;
        if (status >= 300) {
          if (errorBody.length < MAX_ERROR_CHUNKS) errorBody.push(chunk);
          return;
        }
        try {
          sink.onData(chunk);
        } catch (error) {
          fail(error);
        }
      });
      stream.on("end", () => (ended = true));
      stream.on("error", (error) => (failure ??= lost(request, error)));
      // The last event of every stream, whatever befell it.
      stream.on("close", () => {
        if (failure !== undefined) return reject(failure);
        if (!ended || status === 0 || stream.rstCode !== constants.NGHTTP2_NO_ERROR) {
          return reject(lost(request, new Error(`the stream broke off (code ${stream.rstCode})`)));
        }
        if (status >= 300) return reject(refusal(request, status, headers, Buffer.concat(errorBody)));
        resolve();
      });
      if (request.body !== undefined) stream.end(request.body);
    });
  }

  #headers(request: HttpRequest): Record<string, string> {
    const token = this.#token?.get();
    return {
      ":method": request.method,
      ":path": request.path,
      accept: request.accept ?? "application/json",
      "user-agent": this.options.userAgent,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(request.body === undefined ? {} : { "content-type": request.contentType ?? "application/json" }),
    };
  }

  #connection(lane: Lane): Connection {
    const known = this.#connections.get(lane);
    if (known !== undefined) return known;
    const { config, clock, times } = this.options;
    const connection = new Connection(config, clock, { ...CONNECTION_TIMES, ...times });
    if (this.#closed) connection.close();
    this.#connections.set(lane, connection);
    return connection;
  }
}

interface Sink {
  readonly onData: OnData;
  readonly onOpen: (contentType: string) => void;
  /** The deadline covers the whole answer, not only its beginning. */
  readonly whole: boolean;
}

/** What can end a request from this side: its time, and its caller's signal. */
class Deadline {
  #onEnd: ((error: KubeError) => void) | undefined;
  #error: KubeError | undefined;
  readonly #cancelTimer: () => void;
  readonly #onAbort: () => void;

  constructor(
    clock: Clock,
    private readonly request: HttpRequest,
  ) {
    const { timeoutMs, signal } = request;
    const late = `${describe(request)}: no answer within ${timeoutMs} ms`;
    this.#cancelTimer = clock.after(timeoutMs, () => this.#end(new KubeError(0, "Timeout", late)));
    this.#onAbort = () => this.#end(new KubeError(0, "Aborted", `${describe(request)}: given up by the caller`));
    signal?.addEventListener("abort", this.#onAbort);
    if (signal?.aborted === true) this.#onAbort();
  }

  /** The promise's outcome, or the end of the deadline, whichever is first. */
  race<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.whenEnded(reject);
      promise.then(resolve, reject);
    });
  }

  /** Takes the place of the handler before it; called at once when the end was already. */
  whenEnded(handler: (error: KubeError) => void): void {
    this.#onEnd = handler;
    if (this.#error !== undefined) handler(this.#error);
  }

  clearTime(): void {
    this.#cancelTimer();
  }

  clear(): void {
    this.#cancelTimer();
    this.#onEnd = undefined;
    this.request.signal?.removeEventListener("abort", this.#onAbort);
  }

  #end(error: KubeError): void {
    this.#error ??= error;
    this.#onEnd?.(error);
  }
}

const describe = ({ method, path }: HttpRequest): string => `${method} ${path}`;

function lost(request: HttpRequest, cause: unknown): KubeError {
  if (cause instanceof KubeError) return cause;
  return new KubeError(0, "ConnectionLost", `${describe(request)}: the connection was lost`, { cause });
}

/** The error that an answer with a status from 300 on stands for. */
function refusal(request: HttpRequest, status: number, headers: IncomingHttpHeaders, body: Buffer): KubeError {
  const seconds = Number(headers["retry-after"] ?? Number.NaN);
  const retryAfterSeconds = Number.isFinite(seconds) && seconds >= 0 ? seconds : undefined;
  const what = describe(request);
  const inProtobuf = headers["content-type"]?.startsWith(PROTOBUF) === true;
  if (inProtobuf)
    return statusError(
      orNothing(() => readStatus(unwrapped(body))),
      { status, retryAfterSeconds, what },
    );
  const text = body.toString("utf8");
  // A proxy's page, or nothing: the HTTP status says enough.
  const parsed = orNothing(() => JSON.parse(text) as unknown);
  return statusError(parsed, { status, retryAfterSeconds, what, fallback: text });
}

/** The object that can be read, or an empty one. */
function orNothing(read: () => unknown): object {
  try {
    const found = read();
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}

/** `metav1.Status`, as far as errors need it. */
interface Status {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: {
    readonly retryAfterSeconds?: number;
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** The error that a Status object says, as the body of an answer or as an ERROR event of a watch. */
export function statusError(
  given: object,
  known: { status?: number; retryAfterSeconds?: number; what: string; fallback?: string },
): KubeError {
  const { code, reason, message, details } = given as Status;
  const status = known.status ?? (typeof code === "number" ? code : 500);
  const tooNew = details?.causes?.some((cause) => cause.reason === "ResourceVersionTooLarge") === true;
  const said = typeof message === "string" && message !== "" ? message : (known.fallback ?? "").trim().slice(0, 200);
  return new KubeError(
    status,
    tooNew ? "ResourceVersionTooLarge" : typeof reason === "string" && reason !== "" ? reason : `Http${status}`,
    `${known.what}: ${said === "" ? "no reason given" : said} (${status})`,
    { retryAfterSeconds: known.retryAfterSeconds ?? details?.retryAfterSeconds },
  );
}
