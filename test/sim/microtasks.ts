// Promises settle when nobody runs: a turn of the event loop costs a microsecond, sixteen times as much as telling the
// engine to settle them now, and a schedule needs a thousand. Only a callback of the event loop may tell it so.
import { setFlagsFromString } from "node:v8";

/** Lets every promise settle that can settle without time. */
export const settleNow = ((): (() => void) => {
  setFlagsFromString("--allow-natives-syntax");
  const settle = new Function("%PerformMicrotaskCheckpoint()") as () => void;
  // Functions are read when they are called first; the flag need not stay on for anybody else.
  settle();
  setFlagsFromString("--no-allow-natives-syntax");
  return settle;
})();

/** Runs something that may call {@link settleNow}. */
export function inOwnTurn<R>(act: () => R): Promise<R> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        resolve(act());
      } catch (error) {
        reject(error as Error);
      }
    });
  });
}

/** Fails where the engine does not do it, because then every schedule would stand still and nothing would be checked. */
export function checkSettling(): void {
  let settled = 0;
  void (async () => {
    await null;
    settled++;
    await null;
    settled++;
  })();
  settleNow();
  if (settled !== 2) throw new Error("this version of Node.js does not settle promises on demand; use the pinned one");
}
