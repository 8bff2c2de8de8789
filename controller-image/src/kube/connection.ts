// One HTTP/2 connection to the API server, opened when it is first needed and replaced when it dies. A dead peer is found
// by PING within `pingEveryMs` + `pingTimeoutMs`, because TCP alone takes many minutes to notice.
import { connect, constants, type ClientHttp2Session, type SecureClientSessionOptions } from "node:http2";
import { isIP } from "node:net";

import { Backoff } from "./backoff";
import { KubeError, type Clock } from "./api";
import { RenewableText, type KubeConfig } from "./config";

export interface ConnectionTimes {
  /** How often the peer is asked whether it lives. */
  readonly pingEveryMs: number;
  /** How long it may take to answer; less than `pingEveryMs`. */
  readonly pingTimeoutMs: number;
  /** For TCP and TLS together. */
  readonly connectMs: number;
}

export const CONNECTION_TIMES: ConnectionTimes = { pingEveryMs: 5_000, pingTimeoutMs: 3_000, connectMs: 5_000 };

const RECONNECT = { firstMs: 100, maxMs: 5_000 };
// The defaults (64 KiB, 10 MB) stall long lists and refuse new streams while one is buffered.
const STREAM_WINDOW_BYTES = 1 << 20;
const CONNECTION_WINDOW_BYTES = 4 << 20;
const SESSION_MEMORY_MB = 64;

export class Connection {
  #session: ClientHttp2Session | undefined;
  #connecting: Promise<ClientHttp2Session> | undefined;
  #cancelConnecting: ((error: Error) => void) | undefined;
  /** Sessions that still carry streams, the one in use among them, and what stops looking after each. */
  readonly #open = new Map<ClientHttp2Session, () => void>();
  readonly #backoff: Backoff;
  readonly #ca: RenewableText | undefined;
  #notBefore = 0;
  #closed = false;

  constructor(
    private readonly config: KubeConfig,
    private readonly clock: Clock,
    private readonly times: ConnectionTimes = CONNECTION_TIMES,
  ) {
    this.#backoff = new Backoff(clock, RECONNECT);
    this.#ca = config.ca === undefined ? undefined : new RenewableText(config.ca, clock);
  }

  /** A session that takes new requests. All who ask while one is being opened share it, and its failure. */
  session(): Promise<ClientHttp2Session> {
    if (this.#closed) return Promise.reject(new KubeError(0, "Closed", "the connection is closed for good"));
    const session = this.#session;
    // Closed but alive is one that the server drains (GOAWAY): the streams that it has taken go on, new ones go elsewhere.
    if (session !== undefined && !session.closed && !session.destroyed) return Promise.resolve(session);
    this.#connecting ??= this.#connect().finally(() => (this.#connecting = undefined));
    return this.#connecting;
  }

  /** Ends every stream at once. */
  close(): void {
    this.#closed = true;
    this.#session = undefined;
    const error = new KubeError(0, "Closed", "the connection was closed");
    this.#cancelConnecting?.(error);
    for (const [session, stopWatching] of this.#open) {
      stopWatching();
      session.destroy(error, constants.NGHTTP2_CANCEL);
    }
  }

  async #connect(): Promise<ClientHttp2Session> {
    const started = this.clock.now();
    try {
      const session = await this.#attempt(Math.max(0, this.#notBefore - started));
      this.#backoff.reset();
      this.#notBefore = 0;
      return session;
    } catch (error) {
      this.#notBefore = this.clock.now() + this.#backoff.nextMs();
      if (error instanceof KubeError) throw error;
      throw new KubeError(0, "ConnectionFailed", `cannot connect to ${this.config.server}`, { cause: error });
    }
  }

  #attempt(delayMs: number): Promise<ClientHttp2Session> {
    return new Promise((resolve, reject) => {
      let session: ClientHttp2Session | undefined;
      let settled = false;
      const finish = (): boolean => {
        if (settled) return false;
        settled = true;
        cancelTimer();
        this.#cancelConnecting = undefined;
        return true;
      };
      const fail = (error: unknown): void => {
        if (!finish()) return;
        session?.destroy();
        reject(error);
      };
      let cancelTimer = (): void => undefined;
      const open = (): void => {
        try {
          session = connect(this.config.server, this.#options());
        } catch (error) {
          return fail(error);
        }
        const opened = session;
        const late = `no connection to ${this.config.server} within ${this.times.connectMs} ms`;
        cancelTimer = this.clock.after(this.times.connectMs, () => fail(new KubeError(0, "Timeout", late)));
        opened.once("connect", () => {
          // The event is queued; the connection may have broken since.
          if (opened.destroyed) return fail(new Error("the connection was closed while it was opened"));
          if (this.config.server.startsWith("https:") && opened.alpnProtocol !== "h2") {
            return fail(new Error(`${this.config.server} does not speak HTTP/2`));
          }
          opened.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
          if (!finish()) return;
          this.#adopt(opened);
          resolve(opened);
        });
        opened.on("error", fail);
        opened.once("close", () => fail(new Error("the connection was closed while it was opened")));
      };
      this.#cancelConnecting = fail;
      if (delayMs > 0) cancelTimer = this.clock.after(delayMs, open);
      else open();
    });
  }

  #options(): SecureClientSessionOptions {
    const { hostname } = new URL(this.config.server);
    const bare = hostname.replace(/^\[|\]$/g, "");
    return {
      ca: this.#caText(),
      cert: this.config.clientCertificate,
      key: this.config.clientKey,
      rejectUnauthorized: this.config.insecureSkipTlsVerify !== true,
      // TLS forbids an IP address as server name; the certificate is checked against the host all the same.
      servername: isIP(bare) === 0 ? bare : "",
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
      maxSessionMemory: SESSION_MEMORY_MB,
    };
  }

  #caText(): string | undefined {
    this.#ca?.reread();
    return this.#ca?.get();
  }

  #adopt(session: ClientHttp2Session): void {
    this.#session = session;
    const stopWatching = this.#watchForSilence(session);
    this.#open.set(session, stopWatching);
    session.once("close", () => {
      if (this.#session === session) this.#session = undefined;
      stopWatching();
      this.#open.delete(session);
    });
  }

  /**
   * A PING every `pingEveryMs`, busy or not: asking only after silence would have to notice every byte to keep the bound.
   * Any byte that comes after it counts as an answer, so that a long list on a slow line is no dead peer.
   */
  #watchForSilence(session: ClientHttp2Session): () => void {
    const { pingEveryMs, pingTimeoutMs } = this.times;
    let cancel = (): void => undefined;
    const ask = (): void => {
      if (session.destroyed) return;
      const bytesBefore = session.socket.bytesRead;
      const askedAt = this.clock.now();
      let answered = false;
      // Refused when too many are unanswered, which then is for the verdict to say.
      session.ping((error) => (answered ||= error === null));
      const verdict = (): void => {
        if (session.destroyed) return;
        if (answered || session.socket.bytesRead !== bytesBefore) {
          cancel = this.clock.after(pingEveryMs - (this.clock.now() - askedAt), ask);
          return;
        }
        const text = `${this.config.server} did not answer a PING within ${pingTimeoutMs} ms`;
        session.destroy(new KubeError(0, "ConnectionLost", text), constants.NGHTTP2_CANCEL);
      };
      // If this very process was stopped for a while, the answer lies unread in the socket: let it be read first.
      cancel = this.clock.after(pingTimeoutMs, () => setImmediate(() => setImmediate(verdict)));
    };
    cancel = this.clock.after(pingEveryMs, ask);
    return () => cancel();
  }
}
