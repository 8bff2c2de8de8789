// When everything in the cloud is read: until it could be read once, then every few minutes, and sooner what is in doubt.
import type { Clock, Log } from "../../kube/api";
import { Backoff, pause } from "../../kube/backoff";
import { DOUBTED_MS } from "./mirror";
import type { Survey } from "./survey";

/** From one survey to the next. */
const SURVEY_EVERY_MS = 5 * 60_000;
/**
 * How long after the first one the next ones are. A controller before this one may change something late, and a deletion nothing
 * refuses, whatever it was decided on; most such calls take seconds. By the last one all of them have been done or refused: so
 * long an answer was awaited, and its operation.
 */
export const LATE_LOOKS_MS: readonly number[] = [10_000, 30_000, 90_000];
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
  const early = LATE_LOOKS_MS.map((ms, n) => ms - (LATE_LOOKS_MS[n - 1] ?? 0));
  while (!signal.aborted) {
    let waitMs: number;
    try {
      const found = await read();
      if (signal.aborted) return;
      backoff.reset();
      onRead(found);
      waitMs = early.shift() ?? SURVEY_EVERY_MS;
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
