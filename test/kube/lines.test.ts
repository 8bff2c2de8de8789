import fc from "fast-check";

import { LineSplitter } from "../../controller-image/src/kube/lines";

function split(chunks: readonly Buffer[], maxBytes?: number): { lines: string[]; dropped: number } {
  const lines: string[] = [];
  let dropped = 0;
  const splitter = new LineSplitter(
    (line) => lines.push(line),
    () => dropped++,
    maxBytes,
  );
  chunks.forEach((chunk) => splitter.push(chunk));
  return { lines, dropped };
}

/** Cuts the bytes at the given places, wherever in a character those are. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end));
}

const line = fc.string({ unit: "binary", minLength: 1 }).filter((text) => text.trim() !== "" && !text.includes("\n"));

test("gives the same lines however the bytes are cut into chunks", () => {
  fc.assert(
    fc.property(fc.array(line), fc.array(fc.nat()), (lines, places) => {
      const bytes = Buffer.from(lines.map((text) => `${text}\n`).join(""), "utf8");
      expect(split(cut(bytes, places)).lines).toEqual(lines.map((text) => Buffer.from(text).toString()));
    }),
    { numRuns: 500 },
  );
});

test("drops each line that is too long, wherever it is cut, and keeps its neighbours", () => {
  const max = 20;
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 60 })), fc.array(fc.nat()), (lengths, places) => {
      const lines = lengths.map((length) => "x".repeat(length));
      const result = split(cut(Buffer.from(lines.map((text) => `${text}\n`).join("")), places), max);
      expect(result.lines).toEqual(lines.filter((text) => text.length <= max));
      expect(result.dropped).toBe(lines.filter((text) => text.length > max).length);
    }),
  );
});

test("keeps back a line whose end has not come, and leaves out empty lines", () => {
  expect(split([Buffer.from('\n\r\n{"a":1}\r\n\n{"b"')]).lines).toEqual(['{"a":1}\r']);
});
