// When everything in the cloud is read: until it could be read once, then every few minutes, and sooner what is in doubt.
import type { Clock, Log } from "../../kube/api";
import { Backoff, pause } from "../../kube/backoff";
import { DOUBTED_MS } from "./mirror";
import type { Survey } from "./survey";

/** From one survey to the next. */
const SURVEY_EVERY_MS = 5 * 60_000;
/** What was sent before this term began has been done or refused by now: its answer was awaited so long, and its operation. */
export const LATE_CALLS_MS = 90_000;
const SURVEY_BACKOFF = { firstMs: 1_000, maxMs: 30_000 };

export interface SurveysOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly read: () => Promise<Survey>;
  readonly isInDoubt: () => boolean;
  readonly onRead: (found: Survey) => void;
  readonly onFailure: (error: unknown) => void;
}

export async function surveys(options: SurveysOptions): Promise<void> {
  const { clock, log, signal, read, isInDoubt, onRead, onFailure } = options;
  const backoff = new Backoff(clock, SURVEY_BACKOFF);
  let isFirst = true;
  while (!signal.aborted) {
    // Looked at early: a controller before this one may have changed it late, and a deletion nothing refuses, whatever it was decided on.
    let waitMs = isFirst ? LATE_CALLS_MS : SURVEY_EVERY_MS;
    try {
      const found = await read();
      if (signal.aborted) return;
      backoff.reset();
      isFirst = false;
      onRead(found);
    } catch (error) {
      if (signal.aborted) return;
      waitMs = backoff.nextMs();
      log("warn", "the cloud could not be read, will be tried again", { error, retryMs: Math.round(waitMs) });
      onFailure(error);
    }
    // What became of a change that had no answer is seen as soon as it can be.
    for (let ms = 0; ms < waitMs && !signal.aborted && (ms === 0 || !isInDoubt()); ms += DOUBTED_MS) {
      await pause(clock, Math.min(DOUBTED_MS, waitMs - ms), signal);
    }
  }
}
