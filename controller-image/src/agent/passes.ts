// When the agent makes a pass: as soon as something asks for one, but one at a time, and each only when it may follow the one before.
// Whatever asks while one is under way is served by one more.
import type { Clock } from "../kube/api";
import { Pace } from "./pace";

export interface PassesOptions {
  readonly clock: Clock;
  readonly pass: () => Promise<void>;
  readonly onFailure: (error: unknown) => void;
}

export interface Passes {
  readonly stopped: boolean;
  /** Something has happened. */
  trigger(): void;
  /** Something has happened that is often followed by more of its kind. */
  triggerSoon(): void;
  /** Something may have happened that nobody reports, such as inside a Pod. */
  triggerAnew(): void;
  /** As {@link trigger}, then; in place of what was said before. */
  triggerAt(time: number): void;
  /** As {@link triggerAnew}, then; in place of what was said before. */
  triggerAnewAt(time: number): void;
  /** Whether what nobody reports is to be looked at in this pass; whoever asks does so. */
  takeAnew(): boolean;
  /** One more after the one under way, whether it may follow that already or not; resolves when it has ended. */
  last(): Promise<void>;
  /** Begins no other, and resolves when the one under way has ended. */
  stop(): Promise<void>;
}

/** Kernel events come in bursts; one look serves them all. */
const DEBOUNCE_MS = 10;

export function runPasses({ clock, pass, onFailure }: PassesOptions): Passes {
  const pace = new Pace(clock);
  let stopped = false;
  let running: Promise<void> | undefined;
  let again = false;
  let anew = true;
  let cancelSoon: (() => void) | undefined;
  let cancelNext: (() => void) | undefined;
  let cancelAt: (() => void) | undefined;
  let cancelAnewAt: (() => void) | undefined;

  function trigger(): void {
    if (stopped) return;
    cancelSoon?.();
    cancelSoon = undefined;
    if (cancelNext !== undefined) return;
    if (running !== undefined) {
      again = true;
      return;
    }
    const waitMs = pace.waitMs();
    if (waitMs > 0) cancelNext = clock.after(waitMs, next);
    else next();
  }

  function next(): void {
    cancelNext?.();
    cancelNext = undefined;
    const began = clock.now();
    // In a microtask, so that a burst of events of one list makes one pass.
    running = Promise.resolve()
      .then(pass)
      .catch(onFailure)
      .finally(() => {
        running = undefined;
        pace.took(clock.now() - began);
        if (again) {
          again = false;
          trigger();
        }
      });
  }

  function triggerAnew(): void {
    anew = true;
    trigger();
  }

  const at = (time: number, call: () => void): (() => void) | undefined =>
    stopped || time === Infinity ? undefined : clock.after(Math.max(0, time - clock.now()), call);

  return {
    get stopped() {
      return stopped;
    },
    trigger,
    triggerSoon: () => void (cancelSoon ??= clock.after(DEBOUNCE_MS, trigger)),
    triggerAnew,
    triggerAt: (time) => {
      cancelAt?.();
      cancelAt = at(time, trigger);
    },
    triggerAnewAt: (time) => {
      cancelAnewAt?.();
      cancelAnewAt = at(time, triggerAnew);
    },
    takeAnew: () => {
      const taken = anew;
      anew = false;
      return taken;
    },
    last: async () => {
      // The one under way may be followed by another.
      while (running !== undefined) await running;
      if (stopped) return;
      next();
      await running;
    },
    stop: async () => {
      stopped = true;
      for (const cancel of [cancelSoon, cancelNext, cancelAt, cancelAnewAt]) cancel?.();
      await running;
    },
  };
}
