// Connections that are known as they were translated before a move, and when they are to be forgotten. Those by which nothing
// arrives any more may wait: the Pod that had the address answers meanwhile what it has got already.
import type { Step } from "./plan";

/** Connections of an address. */
export interface Stale {
  readonly address: string;
  /** That lead to this Pod, or come from it; all of them where there was none before. */
  readonly pod?: string;
  readonly whose: "clients" | "pod";
}

/** How long a Pod may go on answering what it got before the address moved. */
export const LATE_ANSWERS_MS = 500;

/** What became stale at one time. */
export interface Pending {
  readonly stale: Stale;
  readonly at: number;
  /** An acknowledgement says that they are gone. */
  readonly promised: boolean;
}

export interface Forgetting {
  /** Remembers what a step, carried out, has made stale. */
  note(step: Step, now: number): void;
  /** What is due: before an acknowledgement says that it is gone, or after it. */
  due(when: "before" | "after", now: number): Pending[];
  /** They are gone. What has become stale anew meanwhile is not. */
  done(pending: Pending): void;
  /** When the next is due that no acknowledgement promises; nothing while there is none. */
  nextAt(): number | undefined;
}

export function forgetting(): Forgetting {
  const pending = new Map<string, Pending>();
  const keyOf = ({ address, pod, whose }: Stale): string => `${whose} ${address} ${pod ?? ""}`;
  return {
    note: ({ address, flush }, now) => {
      if (flush === undefined) return;
      const { pod, to, cut, away } = flush;
      for (const whose of ["clients", "pod"] as const) {
        // The Pod has it again, and with it what it is known by.
        pending.delete(keyOf({ address, pod: to, whose }));
        // What was never translated is found by none that is.
        if (pod === undefined && cut) continue;
        const stale: Stale = { address, pod, whose };
        const late = cut && whose === "clients";
        const gone = away && whose === "pod";
        pending.set(keyOf(stale), {
          stale,
          at: now + (late ? LATE_ANSWERS_MS : 0),
          promised: pod !== undefined && !late && !gone,
        });
      }
    },
    due: (when, now) =>
      [...pending.values()].filter(({ at, promised }) => at <= now && promised === (when === "before")),
    done: (each) => {
      const key = keyOf(each.stale);
      if (pending.get(key) === each) pending.delete(key);
    },
    nextAt: () => {
      const late = [...pending.values()].filter(({ promised }) => !promised);
      return late.length === 0 ? undefined : Math.min(...late.map(({ at }) => at));
    },
  };
}
