// Has the kernel forget connections. What an acknowledgement promises is waited for a moment; all else is done beside the passes, since
// each question to the kernel goes through every connection that it knows, and other addresses move meanwhile.
import type { Clock, Log } from "../kube/api";
import { Backoff, ceilingMs } from "../kube/backoff";
import { errorText } from "../kube/log";
import type { Forgotten } from "./conntrack";
import { forgetting, type Pending, type Stale } from "./forgetting";
import type { Step } from "./plan";

export interface FlushingOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly forgetConnections: (stale: readonly Stale[]) => Promise<Forgotten>;
  /** What {@link Flushing.promised} has answered last is not true any more. */
  readonly onChange: () => void;
}

export interface Flushing {
  /** Remembers what a step, carried out, has made stale. */
  note(step: Step): void;
  /** What the next acknowledgements promise, as far as it is known within a moment; answers what was refused, by address. */
  promised(): Promise<ReadonlyMap<string, string>>;
  /** Whether that is not known yet of the address. */
  isPending(address: string): boolean;
  /** The rest, when it is due, until the kernel has done it. */
  begin(): void;
  /** Why the kernel cannot be asked at present: it gave no answer when it was asked last. */
  unanswered(): string | undefined;
  /** All of it, due or not. */
  stop(): Promise<void>;
}

/** Longer than it takes with 100,000 connections. */
const PATIENCE_MS = 1000;
/** Between one question and the next while there is no answer. Each may leave a process behind that cannot even be ended. */
const TRIALS = { firstMs: 1000, maxMs: 60_000 };

export function flushing({ clock, log, forgetConnections, onChange }: FlushingOptions): Flushing {
  const stale = forgetting();
  const backoff = new Backoff(clock, { firstMs: 500, maxMs: 5_000 });
  /** What keeps the next acknowledgements from being promised. */
  let refused: ReadonlyMap<string, string> = new Map();
  let promising: Promise<void> | undefined;
  let pending: ReadonlySet<string> = new Set();
  let running: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let notBefore = -Infinity;
  let unanswered: { readonly why: string; readonly trials: number } | undefined;
  let stopped = false;

  async function forget(due: readonly Pending[]): Promise<ReadonlyMap<string, string>> {
    const asked = due.map((each) => each.stale);
    const found = await forgetConnections(asked).catch((error: unknown): Forgotten => {
      const noAnswer = errorText(error);
      return { refused: new Map(asked.map(({ address }) => [address, noAnswer])), noAnswer };
    });
    for (const each of due) if (!found.refused.has(each.stale.address)) stale.done(each);
    heard(found);
    return found.refused;
  }

  function heard({ refused: why, noAnswer }: Forgotten): void {
    if (noAnswer === undefined) {
      if (unanswered !== undefined) log("info", "the kernel can be asked to forget connections again");
      unanswered = undefined;
      return;
    }
    if (unanswered === undefined) {
      log("error", "the kernel cannot be asked to forget connections; it is tried beside everything else", {
        addresses: [...why.keys()],
        message: noAnswer,
      });
    }
    const trials = (unanswered?.trials ?? 0) + 1;
    unanswered = { why: noAnswer, trials };
    notBefore = clock.now() + ceilingMs(TRIALS, trials - 1);
  }

  async function promised(): Promise<ReadonlyMap<string, string>> {
    const due = stale.due("before", clock.now());
    if (due.length > 0 && promising === undefined && unanswered === undefined) await atFirst(due);
    const open = stale.due("before", clock.now()).map((each) => each.stale.address);
    const known = open.flatMap((address): [string, string][] => {
      const why = refused.get(address) ?? unanswered?.why;
      return why === undefined ? [] : [[address, why]];
    });
    const failed = new Map(known);
    pending = new Set(open.filter((address) => !failed.has(address)));
    return failed;
  }

  /** Waits for a moment; who does not wait any more is told. */
  async function atFirst(due: readonly Pending[]): Promise<void> {
    let isLate = false;
    refused = new Map();
    promising = forget(due).then((found) => {
      refused = found;
      promising = undefined;
      if (isLate) onChange();
    });
    await new Promise<void>((resolve) => {
      const giveUp = clock.after(PATIENCE_MS, () => {
        isLate = true;
        resolve();
      });
      void promising?.then(() => {
        giveUp();
        resolve();
      });
    });
  }

  /** One question, for all that wait for an answer. */
  async function tryAgain(): Promise<void> {
    const now = clock.now();
    const [one] = [...stale.due("before", now), ...stale.due("after", now)];
    if (one === undefined) unanswered = undefined;
    else await forget([one]);
    if (unanswered !== undefined) return;
    refused = new Map();
    onChange();
  }

  async function run(): Promise<void> {
    if (unanswered !== undefined) return tryAgain();
    const due = stale.due("after", clock.now());
    const why = due.length === 0 ? new Map<string, string>() : await forget(due);
    for (const [address, message] of why) {
      log("warn", "old connections are still known; it is tried again", { address, message });
    }
    if (why.size === 0) backoff.reset();
    else if (unanswered === undefined) notBefore = clock.now() + backoff.nextMs();
  }

  function begin(): void {
    const nextAt = unanswered === undefined ? stale.nextAt() : notBefore;
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
    promised,
    isPending: (address) => pending.has(address),
    begin,
    unanswered: () => unanswered?.why,
    stop: async () => {
      stopped = true;
      cancel?.();
      await Promise.all([promising, running]);
      const rest = (["before", "after"] as const).flatMap((when) => stale.due(when, Infinity));
      if (rest.length > 0) await forget(rest);
    },
  };
}
