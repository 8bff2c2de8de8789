import fc from "fast-check";

import { type ProbeRecords, summarize } from "../../lab/cluster/probe";

/** One probe per millisecond; `answers` lists [sequence number, time, index of the answerer]. */
const records = (sent: number, answers: [number, number, number][]): ProbeRecords => ({
  sentAt: Array.from({ length: sent }, (_, i) => i),
  answers: answers.map(([seq, at, who]) => [seq, at, who, 0]),
  answerers: ["web-1", "web-2"],
  clients: ["172.30.0.100"],
  errors: {},
});

test("a steady answerer loses nothing", () => {
  const answers = Array.from({ length: 5 }, (_, i): [number, number, number] => [i, i + 0.2, 0]);
  expect(summarize(records(5, answers))).toEqual({
    sent: 5,
    received: 5,
    lost: 0,
    duplicates: 0,
    longestGapMs: 1,
    longestLoss: 0,
    answerers: [{ hostname: "web-1", firstSeq: 0, lastSeq: 4, firstAtMs: 0.2, lastAtMs: 4.2, count: 5 }],
    clientsSeen: ["172.30.0.100"],
    errors: {},
  });
});

test("a move shows who answered which probes, what was lost between, and for how long", () => {
  const result = summarize(records(8, [[0, 0.5, 0], [1, 1.5, 0], [5, 5.5, 1], [6, 6.5, 1], [7, 7.5, 1]])); // prettier-ignore
  expect(result).toMatchObject({ received: 5, lost: 3, longestLoss: 3, longestGapMs: 4 });
  expect(result.answerers.map(({ hostname, firstSeq, lastSeq }) => [hostname, firstSeq, lastSeq])).toEqual([
    ["web-1", 0, 1],
    ["web-2", 5, 7],
  ]);
});

test("silence at the end counts as a gap, and so does silence at the beginning", () => {
  expect(summarize(records(10, [[0, 0, 0]])).longestGapMs).toBe(9);
  expect(summarize(records(10, [[8, 8, 0], [9, 9, 0]])).longestGapMs).toBe(8); // prettier-ignore
});

test("packets that were held back and not lost are a gap without loss", () => {
  const late = Array.from({ length: 4 }, (_, i): [number, number, number] => [i, 50 + i, 0]);
  expect(summarize(records(4, late))).toMatchObject({ lost: 0, longestLoss: 0, longestGapMs: 50 });
});

test("a second answer to a probe is a duplicate and hides no loss", () => {
  const result = summarize(records(2, [[0, 0.1, 0], [0, 0.2, 1]])); // prettier-ignore
  expect(result).toMatchObject({ received: 1, lost: 1, duplicates: 1 });
  expect(result.answerers.map(({ hostname }) => hostname)).toEqual(["web-1"]);
});

test("nothing sent is nothing lost", () => {
  expect(summarize(records(0, []))).toMatchObject({ sent: 0, lost: 0, longestGapMs: 0, answerers: [] });
});

test("every probe is either received or lost, and every received one has its answerer", () => {
  const answer = fc.tuple(fc.nat(49), fc.nat(1000), fc.nat(1));
  fc.assert(
    fc.property(fc.integer({ min: 50, max: 80 }), fc.array(answer), (sent, answers) => {
      const sorted = answers.sort((a, b) => a[1] - b[1]);
      const result = summarize(records(sent, sorted));
      expect(result.received + result.lost).toBe(sent);
      expect(result.received + result.duplicates).toBe(answers.length);
      expect(result.answerers.reduce((sum, { count }) => sum + count, 0)).toBe(result.received);
      expect(result.longestLoss).toBeLessThanOrEqual(result.lost);
    }),
  );
});
