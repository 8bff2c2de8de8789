// Has the kernel forget connections. What an acknowledgement promises is waited for; all else is done beside the passes, since each
// question to the kernel goes through every connection that it knows, and other addresses move meanwhile.
import type { Clock, Log } from "../kube/api";
import { Backoff } from "../kube/backoff";
import { errorText } from "../kube/log";
import { forgetting, type Stale } from "./forgetting";
import type { Step } from "./plan";

export interface FlushingOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Answers what was refused, by address. */
  readonly forgetConnections: (stale: readonly Stale[]) => Promise<ReadonlyMap<string, string>>;
}

export interface Flushing {
  /** Remembers what a step, carried out, has made stale. */
  note(step: Step): void;
  /** What the next acknowledgements promise; answers what was refused, by address. */
  promised(): Promise<ReadonlyMap<string, string>>;
  /** The rest, when it is due, until the kernel has done it. */
  begin(): void;
  /** All of it, due or not. */
  stop(): Promise<void>;
}

export function flushing({ clock, log, forgetConnections }: FlushingOptions): Flushing {
  const stale = forgetting();
  const backoff = new Backoff(clock, { firstMs: 500, maxMs: 5_000 });
  let running: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let notBefore = -Infinity;
  let stopped = false;

  async function forget(when: "before" | "after", now = clock.now()): Promise<ReadonlyMap<string, string>> {
    const due = stale.due(when, now);
    if (due.length === 0) return new Map();
    const refused = await forgetConnections(due);
    for (const each of due) if (!refused.has(each.address)) stale.done(each);
    return refused;
  }

  async function run(): Promise<void> {
    const refused = await forget("after").catch((error: unknown) => new Map([["all", errorText(error)]]));
    for (const [address, message] of refused) {
      log("warn", "old connections are still known; it is tried again", { address, message });
    }
    if (refused.size === 0) backoff.reset();
    else notBefore = clock.now() + backoff.nextMs();
  }

  function begin(): void {
    const nextAt = stale.nextAt();
    if (stopped || running !== undefined || nextAt === undefined) return;
    cancel?.();
    const waitMs = Math.max(nextAt, notBefore) - clock.now();
    if (waitMs > 0) {
      cancel = clock.after(waitMs, begin);
      return;
    }
    running = run().finally(() => {
      running = undefined;
      begin();
    });
  }

  return {
    note: (step) => stale.note(step, clock.now()),
    promised: () => forget("before"),
    begin,
    stop: async () => {
      stopped = true;
      cancel?.();
      await running;
      for (const when of ["before", "after"] as const) await forget(when, Infinity).catch(() => undefined);
    },
  };
}
