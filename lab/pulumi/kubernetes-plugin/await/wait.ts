// Waiting: look at an object again and again until it is as wanted, it cannot become so, or time is up.
import { ApiError, ConnectionError, isNotFound } from "../client";
import type { JsonObject } from "../values";
import type { Readiness } from "./readiness";

/** Set by the engine's Cancel call, looked at by every wait. */
export class Cancellation {
  readonly #controller = new AbortController();

  cancel(): void {
    this.#controller.abort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  throwIfCancelled(): void {
    if (this.#controller.signal.aborted) throw new CancelledError();
  }
}

class CancelledError extends Error {
  constructor() {
    super("the deployment was cancelled");
    this.name = "CancelledError";
  }
}

/** The object exists, but is not as wanted: the engine keeps it in the state and the deployment fails. */
export class NotReadyError extends Error {
  readonly object: JsonObject;
  readonly reasons: readonly string[];

  constructor(message: string, object: JsonObject, reasons: readonly string[]) {
    super(message);
    this.name = "NotReadyError";
    this.object = object;
    this.reasons = reasons;
  }
}

export interface WaitOptions {
  readonly seconds: number;
  readonly cancellation: Cancellation;
  /** Told what is missing, whenever that changes. */
  readonly onProgress: (reasons: readonly string[]) => void;
}

const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 500;

/**
 * The object once `judge` calls it ready. A missing object and a broken connection are waited out, since an API server may restart.
 * @param read the object now, or undefined if there is none
 */
export async function untilReady(
  read: () => Promise<JsonObject | undefined>,
  judge: (object: JsonObject) => Readiness | Promise<Readiness>,
  first: JsonObject,
  options: WaitOptions,
): Promise<JsonObject> {
  let last = first;
  let told = "";
  const deadline = Date.now() + options.seconds * 1000;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 1.5, LONGEST_PAUSE_MS)) {
    const { object, result } = await look(read, judge);
    last = object ?? last;
    if (result.ready) return last;
    const said = result.reasons.join("; ");
    if (said !== told) options.onProgress(result.reasons);
    told = said;
    if (result.failed === true) throw new NotReadyError(said, last, result.reasons);
    if (options.cancellation.signal.aborted) {
      throw new NotReadyError("the deployment was cancelled while it waited", last, result.reasons);
    }
    if (Date.now() >= deadline) {
      // The first words are the real plugin's, and client-go's; what is missing, it does not tell.
      const timeUp = `timed out waiting for the condition after ${options.seconds} s`;
      throw new NotReadyError(`${timeUp}: ${said}`, last, result.reasons);
    }
    await sleep(Math.min(pause, Math.max(1, deadline - Date.now())), options.cancellation);
  }
}

async function look(
  read: () => Promise<JsonObject | undefined>,
  judge: (object: JsonObject) => Readiness | Promise<Readiness>,
): Promise<{ object?: JsonObject; result: Readiness }> {
  try {
    const object = await read();
    if (object === undefined) return { result: { ready: false, reasons: ["it was deleted meanwhile"] } };
    return { object, result: await judge(object) };
  } catch (error) {
    const passing = error instanceof ConnectionError || (error instanceof ApiError && isPassing(error.code));
    if (passing) return { result: { ready: false, reasons: [error.message] } };
    throw error;
  }
}

/** Too many requests, or a server that is on its way up or down. */
function isPassing(code: number): boolean {
  return code === 429 || code >= 500;
}

/** Until `read` finds nothing, or an object of the same name with another UID. */
export async function untilGone(
  read: () => Promise<JsonObject | undefined>,
  isSame: (object: JsonObject) => boolean,
  describe: (object: JsonObject) => readonly string[],
  first: JsonObject,
  options: WaitOptions,
): Promise<void> {
  let gone = false;
  await untilReady(
    async () => {
      const object = await read().catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      gone = object === undefined || !isSame(object);
      return object ?? first;
    },
    (object) => (gone ? { ready: true, reasons: [] } : { ready: false, reasons: describe(object) }),
    first,
    options,
  );
}

/** Resolves early when the deployment is cancelled; the caller looks at the flag. */
export async function sleep(ms: number, cancellation: Cancellation): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      cancellation.signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    cancellation.signal.addEventListener("abort", done);
    if (cancellation.signal.aborted) done();
  });
}
