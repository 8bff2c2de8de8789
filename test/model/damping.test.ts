import fc from "fast-check";
import { holdMs, isUnsteady, type PastMove, steadyMs } from "../../lib/model/damping";

const moves = (...agoSeconds: number[]): PastMove[] =>
  agoSeconds.map((ago) => ({ agoMs: ago * 1000, fromUid: "someone", lost: false }));
const newer = (past: readonly PastMove[], forMs = 0): number => holdMs(past, "newer", { uid: "q", forMs });

test.each([
  [moves(), 0],
  [moves(1), 2_000],
  [moves(3), 0],
  [moves(30, 20, 10), 0],
  [moves(30, 20, 1), 2_000],
  [moves(40, 30, 20, 10), 7_500],
  [moves(50, 40, 30, 20, 10), 15_000],
  [moves(60, 50, 40, 30, 20, 10), 30_000],
  [moves(70, 60, 50, 40, 30, 20, 10), 60_000],
  [moves(...Array.from({ length: 16 }, (_, i) => 16 - i)), 60_000],
  [moves(700, 650, 600, 600, 10), 0],
])("after moves %j a newer Pod waits %i ms", (past, wait) => {
  expect(newer(past)).toBe(wait);
});

test("the wait is over when the Pod has been the better one for so long without a break", () => {
  const past = moves(50, 40, 30, 20, 10);
  expect(newer(past, 14_999)).toBe(1);
  expect(newer(past, 15_000)).toBe(0);
});

test("a Pod on a healthy node waits less for one whose node is drained, and not at all when moves are rare", () => {
  const leaving = (past: readonly PastMove[]): number => holdMs(past, "leaving", { uid: "q", forMs: 0 });
  expect(leaving(moves(0.1))).toBe(0);
  expect(leaving(moves(3, 2, 1))).toBe(0);
  expect(leaving(moves(4, 3, 2, 1))).toBe(7_500);
});

test("a Pod whose node was lost is given its addresses back after a minute, not before; others do not wait for that", () => {
  const past = [{ agoMs: 20_000, fromUid: "q", lost: true }];
  expect(newer(past)).toBe(60_000);
  expect(newer(past, 60_000)).toBe(0);
  expect(holdMs(past, "newer", { uid: "r", forMs: 0 })).toBe(0);
  expect(holdMs(past, "leaving", { uid: "q", forMs: 0 })).toBe(0);
});

test("a Pod that has failed an address which moves often waits a minute, and others are tried before it", () => {
  const failedBy = (uid: string, ...ago: number[]): PastMove[] =>
    ago.map((seconds) => ({ agoMs: seconds * 1000, fromUid: uid, lost: false, failed: true }));
  expect(newer(failedBy("q", 30, 20, 10))).toBe(0);
  expect(newer([...moves(40, 30, 20), ...failedBy("q", 10)])).toBe(60_000);
  expect(newer([...moves(40, 30, 20), ...failedBy("r", 10)])).toBe(7_500);
  expect(isUnsteady([...moves(40, 30, 20), ...failedBy("q", 10)], "q")).toBe(true);
  expect(isUnsteady([...moves(700, 30, 20), ...failedBy("q", 10)], "q")).toBe(false);
});

test("nobody who is the better one for a minute waits any longer, whatever happened before", () => {
  const anyMove = fc.record({
    agoMs: fc.integer({ min: 0, max: 700_000 }),
    fromUid: fc.constantFrom("q", "r"),
    lost: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(anyMove, { maxLength: 20 }), fc.constantFrom("newer", "leaving"), (past, motive) => {
      const dwell = holdMs(past, motive, { uid: "q", forMs: 60_000 });
      expect(dwell).toBeLessThanOrEqual(3_000);
      expect(steadyMs(past, motive, "q")).toBeLessThanOrEqual(60_000);
      const later = past.map((move) => ({ ...move, agoMs: move.agoMs + 3_000 }));
      expect(holdMs(later, motive, { uid: "q", forMs: 60_000 })).toBe(0);
    }),
  );
});
