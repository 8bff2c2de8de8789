// How often the addresses of a route may change hands without need. A Pod that can serve is left for a better one at once
// as long as that happens rarely, later and later when it happens often. Leaving a Pod that cannot serve is never delayed.

/** Moves that are older count no more. */
export const MOVE_WINDOW_MS = 600_000;
/** The least time between a move and the next one that is not needed. */
export const DWELL_MS = 3_000;
/** So many moves in the window, and the dwell time is all that counts. */
const FREE_MOVES = 3;
/** The longest that a better Pod waits, if it stays eligible all that time. */
const MAX_HOLD_MS = 60_000;
/** With so many moves in the window it waits that long; with one fewer half as long, and so on. */
const MOST_MOVES = 7;

/** An address got another Pod. */
export interface PastMove {
  readonly agoMs: number;
  /** UID of the Pod that it had before. */
  readonly fromUid: string;
  /** That Pod's node did not answer. */
  readonly lost: boolean;
  /** That Pod could not serve any more, as far as is known. */
  readonly failed?: boolean;
}

/** Why a Pod that can serve should give its addresses to another one. */
export type Motive =
  /** The other one is newer. */
  | "newer"
  /** Its own node is being drained. */
  | "leaving";

/** Who wants the addresses. */
export interface Challenger {
  readonly uid: string;
  /** For how long it has been the better one without a break. */
  readonly forMs: number;
}

/** How long a challenger has to be the better one without a break; 0 where that does not matter. */
export function steadyMs(moves: readonly PastMove[], motive: Motive, challengerUid: string): number {
  const often = moves.length > FREE_MOVES ? MAX_HOLD_MS / 2 ** Math.max(0, MOST_MOVES - moves.length) : 0;
  if (isUnsteady(moves, challengerUid)) return MAX_HOLD_MS;
  // A Pod whose node has just come back may lose it again.
  const returned = motive === "newer" && moves.some(({ lost, fromUid }) => lost && fromUid === challengerUid);
  return returned ? MAX_HOLD_MS : often;
}

/** How much longer the challenger has to wait; 0 when it may have the addresses now. */
export function holdMs(moves: readonly PastMove[], motive: Motive, challenger: Challenger): number {
  const recent = moves.filter(({ agoMs }) => agoMs < MOVE_WINDOW_MS);
  const steady = steadyMs(recent, motive, challenger.uid) - challenger.forMs;
  const dwell = motive === "newer" ? DWELL_MS - Math.min(...recent.map(({ agoMs }) => agoMs)) : 0;
  return Math.max(0, steady, dwell);
}

/** Whether a Pod has failed an address that moves often: others, which have not, are tried before it. */
export function isUnsteady(moves: readonly PastMove[], podUid: string): boolean {
  const recent = moves.filter(({ agoMs }) => agoMs < MOVE_WINDOW_MS);
  return recent.length > FREE_MOVES && recent.some(({ failed, fromUid }) => failed === true && fromUid === podUid);
}
