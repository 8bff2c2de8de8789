// Waiting until an operation is DONE: that is when the cloud has done what it was told.
import type { Clock } from "../../kube/api";
import { Backoff, pause } from "../../kube/backoff";
import { json, operationError, text, type Json } from "./answers";
import { ComputeError, type Scope } from "./compute";
import { EARLY, type Exchange } from "./exchange";
import { closed } from "./limiter";

/** The cloud holds `wait` for up to two minutes; proxies on the way cut off sooner. */
const HELD_MS = 25_000;
/** After this nobody waits any more. What the operation does is seen by whoever reads the resource. */
const OPERATION_MS = 60_000;
/** A `wait` that comes back sooner has held nothing: the next one is sent a little later. */
const QUICK_MS = 1_000;
const POLL = { firstMs: 200, maxMs: 2_000 };

export interface Waiting {
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Resolves when the operation is DONE without an error. @param call what began it, for errors */
export async function done(
  { exchange, clock, signal }: Waiting,
  begun: unknown,
  scope: Scope,
  call: string,
  urgent: boolean,
): Promise<void> {
  const end = clock.now() + OPERATION_MS;
  const polls = new Backoff(clock, POLL);
  let operation: Json = json(begun);
  const name = text(operation.name);
  if (name === undefined) throw new ComputeError(`the answer is not an operation (${call})`, 0, "invalidAnswer", call);
  const path = `${scope}/operations/${encodeURIComponent(name)}`;
  const wait = { group: "operations.wait", method: "POST", path: `${path}/wait`, urgent } as const;
  const get = { group: "operations.get", method: "GET", path, urgent } as const;
  let waitable = true;
  while (operation.status !== "DONE") {
    const leftMs = end - clock.now();
    if (leftMs <= 0) throw unfinished(name, call);
    const asked = clock.now();
    const answer = await tried(waitable ? exchange.held(wait, Math.min(HELD_MS, leftMs)) : exchange.call(get));
    if (!waitable && answer instanceof ComputeError) throw answer.status === 404 ? vanished(name, call) : answer;
    // Whatever keeps `wait` from answering, `get` has its own try.
    if (answer instanceof ComputeError) waitable = false;
    else if (answer !== EARLY) operation = json(answer);
    if (answer instanceof ComputeError || operation.status === "DONE") continue;
    if (!waitable || clock.now() - asked < QUICK_MS) await pause(clock, polls.nextMs(), signal);
    if (signal.aborted) throw closed(call);
  }
  const error = operationError(operation, call);
  if (error !== undefined) throw error;
}

async function tried(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ComputeError && error.reason !== "closed") return error;
    throw error;
  }
}

/** Reason of an operation that the cloud knows no more, so that nobody knows how it ended. */
export const VANISHED = "operationVanished";

/** No 404: that would say of what was to be deleted that it is gone. */
function vanished(name: string, call: string): ComputeError {
  return new ComputeError(`operation ${name} is not there any more (${call})`, 0, VANISHED, call);
}

function unfinished(name: string, call: string): ComputeError {
  const why = `operation ${name} has not ended after ${OPERATION_MS / 1000} s`;
  return new ComputeError(`${why} (${call})`, 0, "operationUnfinished", call);
}
