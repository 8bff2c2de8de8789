// What the API server itself has said of addresses that the kernel holds and no cache explains. Only its own answer may make
// something go.
import type { AddressBinding } from "../../../lib/model/binding";
import type { Clock, Log } from "../kube/api";
import type { Plan } from "./plan";

export interface EvidenceOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Reads a binding past all caches. */
  readonly read: (address: string) => Promise<AddressBinding | undefined>;
  /** Whether a cache explains the address by now. */
  readonly isCached: (address: string) => boolean;
  readonly onAnswer: () => void;
  /** There was no answer. */
  readonly onFailure: () => void;
}

export interface Evidence {
  readonly answers: ReadonlyMap<string, AddressBinding | "absent">;
  /** What the caches say now is newer than what was asked before. */
  outdated(address: string): void;
  /** Nothing of the address is left. */
  forget(address: string): void;
  ask(address: string): void;
  /** The same on somebody else's word, who may say it again and again. */
  hint(address: string): void;
  /**
   * Asks what is due; answers when the next question is.
   *
   * @param used the answers that the plan was made with
   */
  inquire(made: Pick<Plan, "inquire" | "outcomes">, used: ReadonlyMap<string, AddressBinding | "absent">): number;
  stop(): void;
}

/** An answer that did not settle what becomes of an address is asked for again after this time, or with the next event. */
const ASK_AGAIN_MS = 500;
/** What leaves one watch of this node often enters another, which says all that an answer could. */
const OTHER_WATCH_MS = 20;
/** What somebody says again within this time may be from before the last answer. */
const HINT_EVERY_MS = 2_000;

export function evidence({ clock, log, read, isCached, onAnswer, onFailure }: EvidenceOptions): Evidence {
  const answers = new Map<string, AddressBinding | "absent">();
  /** With what keeps a question from being asked. */
  const asking = new Map<string, () => void>();
  /** Per address, or two that wait would have each other asked again with every answer. */
  const askAgainAt = new Map<string, number>();
  /** When somebody's word last had an address asked for. */
  const hintedAt = new Map<string, number>();
  let stopped = false;

  function ask(address: string): void {
    if (asking.has(address) || stopped) return;
    asking.set(
      address,
      clock.after(OTHER_WATCH_MS, () => void askNow(address)),
    );
  }

  async function askNow(address: string): Promise<void> {
    try {
      if (isCached(address)) return;
      const found = await read(address);
      if (!isCached(address)) {
        answers.set(address, found ?? "absent");
        onAnswer();
      }
    } catch (error) {
      log("warn", "a binding could not be read; what the kernel has for it stays", { address, error });
      onFailure();
    } finally {
      asking.delete(address);
    }
  }

  return {
    answers,
    outdated: (address) => {
      answers.delete(address);
      askAgainAt.delete(address);
    },
    forget: (address) => void answers.delete(address),
    ask,
    hint: (address) => {
      const now = clock.now();
      for (const [other, at] of hintedAt) if (now - at >= HINT_EVERY_MS) hintedAt.delete(other);
      if (hintedAt.has(address) || isCached(address)) return;
      hintedAt.set(address, now);
      ask(address);
    },
    inquire: ({ inquire, outcomes }, used) => {
      for (const address of askAgainAt.keys()) if (!inquire.includes(address)) askAgainAt.delete(address);
      for (const address of inquire) {
        const at = askAgainAt.get(address);
        const answer = answers.get(address);
        if (answer !== undefined) {
          // One that came meanwhile has not been acted on yet; a pass about it is on its way.
          if (answer !== used.get(address)) continue;
          answers.delete(address);
          askAgainAt.set(address, outcomes.get(address)?.wakeAt ?? clock.now() + ASK_AGAIN_MS);
        } else if (at === undefined || at <= clock.now() + 1) {
          askAgainAt.delete(address);
          ask(address);
        }
      }
      return Math.min(Infinity, ...askAgainAt.values());
    },
    stop: () => {
      stopped = true;
      for (const cancel of asking.values()) cancel();
    },
  };
}
