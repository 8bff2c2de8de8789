// A node that hears nobody (no controller, no API server, no other node) must expect that its addresses were given to
// others. While it is cut off it does not speak for them on the segment; afterwards, for each of them, only once the API
// server has said anew that this node has it.
import type { AddressBinding } from "../../../lib/model/binding";
import type { Clock, Log } from "../kube/api";
import { Backoff } from "../kube/backoff";
import { versionOf } from "./reading";

/** Who knows whether this node hears anybody. */
export interface Isolation {
  isolated(): boolean;
  /** Calls back after each change; the answer ends it. */
  onChange(callback: () => void): () => void;
  /** Calls back with addresses that the controller says are another node's by now; the answer ends it. */
  onMoved?(callback: (addresses: readonly string[]) => void): () => void;
}

/** What a cache says so long after the node came back can be no more than what had been under way to it before. */
const DOUBT_MS = 60_000;
/**
 * Who found this node lost just before it came back hears within this time that it has, and gives away no more of its addresses
 * without waiting for it. What was given away before that, the answer says.
 */
const KNOWN_BACK_MS = 300;
/** A cache that lags behind an answer is compared again after this time, or with its next event. */
const LAG_MS = 500;
const QUESTIONS_AT_ONCE = 8;
/** What is said of an address again so soon after it was read may be from before that. */
const SAID_AGAIN_MS = 2_000;

export interface DoubtsOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly nodeName: string;
  /** Asks the API server itself. */
  readonly read: (address: string) => Promise<AddressBinding | undefined>;
  /** What the cache of this node's bindings holds. */
  readonly cached: (address: string) => AddressBinding | undefined;
  /** Something is certain that was not. */
  readonly onAnswer: () => void;
}

export interface Doubts {
  /** The node is no longer cut off: from now on nothing counts that was read before. */
  begin(addresses: Iterable<string>): void;
  /**
   * Somebody says that the address is another node's: until the API server has said anew whose it is, it is not spoken for.
   *
   * @param isHeld whether the node may have something of it, though its caches do not say so
   * @returns false when there is nothing to doubt, or it is asked already, or was just now
   */
  doubt(address: string, isHeld: boolean): boolean;
  /** The cache has changed. */
  onCached(address: string): void;
  /** Addresses that must not be spoken for yet. */
  readonly addresses: ReadonlySet<string>;
  /** Answers of the API server that the caches do not hold yet. */
  readonly ahead: ReadonlyMap<string, AddressBinding | "absent">;
  stop(): void;
}

export function doubts({ clock, log, nodeName, read, cached, onAnswer }: DoubtsOptions): Doubts {
  const unsure = new Set<string>();
  const certain = new Set<string>();
  const ahead = new Map<string, AddressBinding | "absent">();
  const asking = new Set<string>();
  /** The version that the API server answered last: what a cache says of a later one is no older than the answer. */
  const answered = new Map<string, number>();
  /** When somebody last said of an address that it is another node's, and when that was last taken for news. */
  const said = new Map<string, { readonly at: number; readonly takenAt: number }>();
  const backoff = new Backoff(clock, { firstMs: 200, maxMs: 5_000 });
  let until = -Infinity;
  let round = 0;
  let cancel: (() => void) | undefined;

  const askAll = async (): Promise<void> => {
    const mine = round;
    const queue = [...unsure].filter((address) => !asking.has(address));
    const failures: unknown[] = [];
    const worker = async (): Promise<void> => {
      for (let next = queue.shift(); next !== undefined && mine === round; next = queue.shift()) {
        asking.add(next);
        try {
          settle(next, await read(next), mine);
        } catch (error) {
          failures.push(error);
        } finally {
          asking.delete(next);
        }
      }
    };
    await Promise.all(Array.from({ length: QUESTIONS_AT_ONCE }, worker));
    if (mine !== round || unsure.size === 0) return;
    if (failures.length === 0) backoff.reset();
    else log("warn", "bindings could not be read again; their addresses stay silent", { error: failures[0] });
    askLater(failures.length === 0 ? LAG_MS : backoff.nextMs());
  };

  const askLater = (ms: number): void => {
    cancel?.();
    cancel = clock.after(ms, () => void askAll());
  };

  const isAsNew = (known: AddressBinding, found: AddressBinding | "absent" | undefined): boolean =>
    typeof found === "object" && known.metadata.uid === found.metadata.uid && known.spec.epoch >= found.spec.epoch;

  const beSure = (address: string): void => {
    unsure.delete(address);
    ahead.delete(address);
    if (cached(address) !== undefined) certain.add(address);
  };

  const settle = (address: string, found: AddressBinding | undefined, asked: number): void => {
    // An answer to a question from before the node was cut off once more says nothing.
    if (asked !== round || !unsure.has(address)) return;
    const known = cached(address);
    if (found !== undefined) answered.set(address, versionOf(found));
    if (known === undefined || isAsNew(known, found)) beSure(address);
    else {
      ahead.set(address, found ?? "absent");
      // The newest there is; the cache may take its time.
      if (found?.spec.nodeName === nodeName) {
        unsure.delete(address);
        certain.add(address);
      }
    }
    onAnswer();
  };

  return {
    begin: (addresses) => {
      round++;
      until = clock.now() + DOUBT_MS;
      for (const each of [unsure, certain, ahead, asking, answered]) each.clear();
      for (const address of addresses) unsure.add(address);
      if (unsure.size > 0) askLater(KNOWN_BACK_MS);
    },
    doubt: (address, isHeld) => {
      const now = clock.now();
      for (const [other, { at }] of said) {
        if (now - at <= DOUBT_MS) continue;
        said.delete(other);
        answered.delete(other);
      }
      const { takenAt = -Infinity } = said.get(address) ?? {};
      if (cached(address) === undefined && !isHeld) {
        // A watch that was cut off may still tell that the node had it in between.
        said.set(address, { at: now, takenAt });
        return false;
      }
      const isNews = !unsure.has(address) && now - takenAt >= SAID_AGAIN_MS;
      said.set(address, { at: now, takenAt: isNews ? now : takenAt });
      if (!isNews) return false;
      certain.delete(address);
      answered.delete(address);
      unsure.add(address);
      askLater(0);
      return true;
    },
    onCached: (address) => {
      const known = cached(address);
      const isLater = known !== undefined && versionOf(known) > (answered.get(address) ?? Infinity);
      if (known === undefined || isLater || isAsNew(known, ahead.get(address))) return beSure(address);
      // A watch that goes on where it was may tell of epochs that have ended since, one after the other.
      const end = Math.max(until, (said.get(address)?.at ?? -Infinity) + DOUBT_MS);
      if (certain.has(address) || unsure.has(address) || clock.now() >= end) return;
      unsure.add(address);
      askLater(0);
    },
    addresses: unsure,
    ahead,
    stop: () => {
      round++;
      cancel?.();
    },
  };
}
