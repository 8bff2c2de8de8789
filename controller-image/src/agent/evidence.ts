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
  ask(address: string): Promise<void>;
  /** Asks what is due; answers when the next question is. */
  inquire(made: Plan): number;
  stop(): void;
}

/** An answer that did not settle what becomes of an address is asked for again after this time, or with the next event. */
const ASK_AGAIN_MS = 500;

export function evidence({ clock, log, read, isCached, onAnswer, onFailure }: EvidenceOptions): Evidence {
  const answers = new Map<string, AddressBinding | "absent">();
  const asking = new Set<string>();
  /** Per address, or two that wait would have each other asked again with every answer. */
  const askAgainAt = new Map<string, number>();
  let stopped = false;

  async function ask(address: string): Promise<void> {
    if (asking.has(address) || stopped) return;
    asking.add(address);
    try {
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
    inquire: ({ inquire, outcomes }) => {
      for (const address of askAgainAt.keys()) if (!inquire.includes(address)) askAgainAt.delete(address);
      for (const address of inquire) {
        const at = askAgainAt.get(address);
        if (answers.delete(address)) {
          askAgainAt.set(address, outcomes.get(address)?.wakeAt ?? clock.now() + ASK_AGAIN_MS);
        } else if (at === undefined || at <= clock.now() + 1) {
          askAgainAt.delete(address);
          void ask(address);
        }
      }
      return Math.min(Infinity, ...askAgainAt.values());
    },
    stop: () => (stopped = true),
  };
}
