// One call, sent until there is an answer that stands: what is tried again, when, and for how long.
import type { Clock, Log } from "../../kube/api";
import { Backoff, pause } from "../../kube/backoff";
import { errorText } from "../../kube/log";
import { refusal } from "./answers";
import { ComputeError, type ComputeRequest, type ComputeTransport } from "./compute";
import { closed, type Limiter } from "./limiter";

/** What is tried again in every case; network errors are as well. */
const PASSING: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);
const RATE_LIMITS: ReadonlySet<string> = new Set(["rateLimitExceeded", "userRateLimitExceeded"]);
/** Full jitter below 0.2 s first, below 10 s at last. */
const BACKOFF = { firstMs: 200, maxMs: 10_000 };
/** No attempt begins later than this after the first one. */
const TOTAL_MS = 60_000;
const MINUTE_MS = 60_000;
/** So that not everybody who was told to wait for the minute comes back in its first millisecond. */
const MINUTE_SPREAD_MS = 1_000;
const ANSWER_MS = 30_000;

export interface Call {
  /** Methods that share a quota: `backendServices.patch`. */
  readonly group: string;
  readonly method: ComputeRequest["method"];
  readonly path: string;
  readonly body?: object;
  readonly urgent?: boolean;
  /** It changes something: it is sent only while that is in order. */
  readonly changes?: boolean;
}

/** One exchange; status 0: no answer. */
export interface CallRecord {
  readonly group: string;
  readonly status: number;
  /** Google's word for a refusal. */
  readonly reason?: string;
  readonly milliseconds: number;
  readonly urgent: boolean;
}

export interface ExchangeOptions {
  readonly transport: ComputeTransport;
  readonly clock: Clock;
  readonly log: Log;
  readonly limiter: Limiter;
  readonly signal: AbortSignal;
  readonly onCall?: (record: CallRecord) => void;
  /** Asked before each attempt at a call that changes something. @default always */
  readonly mayChange?: () => boolean;
}

/** What `held` answers for an exchange that was ended because it took too long. */
export const EARLY = Symbol("no answer yet");

export class Exchange {
  constructor(private readonly options: ExchangeOptions) {}

  /** The body of the answer. Everything else is a {@link ComputeError}. */
  call(call: Call): Promise<unknown> {
    return this.#attempts(call, ANSWER_MS, false);
  }

  /** As `call`, for one whose answer the cloud holds back until there is news: {@link EARLY} after `milliseconds`. */
  held(call: Call, milliseconds: number): Promise<unknown> {
    return this.#attempts(call, milliseconds, true);
  }

  async #attempts(call: Call, answerMs: number, held: boolean): Promise<unknown> {
    const { clock, limiter, signal, log, mayChange } = this.options;
    const backoff = new Backoff(clock, BACKOFF);
    const { group, urgent = false } = call;
    let end: number | undefined;
    for (;;) {
      await limiter.turn(group, urgent);
      if (call.changes === true && mayChange?.() === false) throw notActing(nameOf(call));
      end ??= clock.now() + TOTAL_MS;
      const outcome = await this.#once(call, answerMs);
      const late = outcome === EARLY && !held;
      const error = late ? lost(call, `no answer within ${answerMs / 1000} s`) : outcome;
      if (!(error instanceof ComputeError)) return error;
      const leftMs = end - clock.now();
      const waitMs = this.#waitMs(error, group, backoff, leftMs);
      if (waitMs === undefined || waitMs > leftMs) throw error;
      log("debug", "a call to the cloud is tried again", { call: error.call, error: error.message, inMs: waitMs });
      await pause(clock, waitMs, signal);
      if (signal.aborted) throw closed(nameOf(call));
    }
  }

  /** Undefined when trying again is of no use. */
  #waitMs(error: ComputeError, group: string, backoff: Backoff, leftMs: number): number | undefined {
    const { clock, limiter } = this.options;
    if (RATE_LIMITS.has(error.reason) && (error.status === 403 || error.status === 429)) {
      const markMs = Math.ceil(MINUTE_MS - (clock.wallTime() % MINUTE_MS));
      const waitMs = Math.max(markMs, Math.min(leftMs, markMs + clock.random() * MINUTE_SPREAD_MS));
      limiter.close(group, waitMs);
      return waitMs;
    }
    const passing = error.status === 0 ? error.reason === LOST : PASSING.has(error.status);
    return passing ? backoff.nextMs() : undefined;
  }

  /** The body, {@link EARLY}, or what was refused; never rejects. */
  async #once(call: Call, answerMs: number): Promise<unknown> {
    const { clock, signal, onCall } = this.options;
    const ending = new AbortController();
    const started = clock.now();
    let cancel = (): void => undefined;
    let left = (): void => undefined;
    const ended = new Promise<unknown>((resolve) => {
      cancel = clock.after(answerMs, () => resolve(EARLY));
      left = () => resolve(closed(nameOf(call)));
    });
    signal.addEventListener("abort", left);
    if (signal.aborted) left();
    const outcome = await Promise.race([this.#answer(call, ending.signal), ended]);
    cancel();
    signal.removeEventListener("abort", left);
    // Only what is still under way: each abort makes an error with a stack.
    if (outcome === EARLY || signal.aborted) ending.abort();
    const { group, urgent = false } = call;
    const { status, reason } = outcome instanceof ComputeError ? outcome : answeredAs(outcome);
    onCall?.({ group, status, reason, milliseconds: clock.now() - started, urgent });
    return outcome;
  }

  async #answer(call: Call, signal: AbortSignal): Promise<unknown> {
    const { method, path, body } = call;
    try {
      const answer = await this.options.transport({ method, path, body, signal });
      if (answer.status >= 300) return refusal(answer.status, answer.body, nameOf(call));
      // What stands on the way may answer in the API's place, and an empty list would be believed.
      const { body: said } = answer;
      if (typeof said === "object" && said !== null && !Array.isArray(said)) return said;
      return lost(call, `the answer with status ${answer.status} is not the API's JSON`);
    } catch (error) {
      // What the transport knows the reason of, such as missing credentials, is said as it is.
      return error instanceof ComputeError ? error : lost(call, errorText(error), error);
    }
  }
}

/** Reason of a call that was not sent, because another controller may be acting by now. */
const NOT_ACTING = "notActing";

function notActing(name: string): ComputeError {
  return new ComputeError("this replica acts no more, so it changes nothing", 0, NOT_ACTING, name);
}

function answeredAs(outcome: unknown): { readonly status: number; readonly reason?: string } {
  return outcome === EARLY ? { status: 0, reason: "early" } : { status: 200 };
}

/** Reason of a call that got no answer, so that nobody knows whether it was done. */
export const LOST = "noAnswer";

function lost(call: Call, why: string, cause?: unknown): ComputeError {
  const name = nameOf(call);
  return new ComputeError(`${why} (${name})`, 0, LOST, name, { cause });
}

/** Method and path, without what changes from one attempt to the next. */
function nameOf({ method, path }: Call): string {
  return `${method} ${path.replace(/\?.*$/, "")}`;
}
