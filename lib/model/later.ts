/** Stands for a value that the program learns only during deployment. Checks pass over it; they run again once it is known. */
export const LATER: unique symbol = Symbol("known after deployment");

/** A value, or the promise of one. */
export type MaybeLater<T> = T | typeof LATER;

/** Whether the value is here already. */
export function isKnown<T>(value: MaybeLater<T>): value is T {
  return value !== LATER;
}

/** Whether all that is in plain data is here already. */
export function isAllKnown(data: unknown): boolean {
  if (typeof data !== "object" || data === null) return data !== LATER;
  return Object.values(data).every(isAllKnown);
}
