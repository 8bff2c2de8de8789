// docs/errors.md has every text that the library can say about a mistake, and none that it no longer says.
import { readFileSync } from "node:fs";
import path from "node:path";
import { messagesOf, REPOSITORY } from "./messages";

const { found, lost } = messagesOf("lib");
const page = readFileSync(path.join(REPOSITORY, "docs/errors.md"), "utf8");

/** An entry is a list item that begins with the message as code; what to do follows on the next lines. */
const entries = [...page.matchAll(/^- (`+)(.+?)\1\n((?: {2}.+\n?)*)/gm)].map(([, , message = "", wayOut = ""]) => ({
  message,
  wayOut: wayOut.trim(),
}));
const documented = entries.map(({ message }) => message);

test("the search follows every message to its words", () => {
  expect(lost).toEqual([]);
  expect(found.length).toBeGreaterThan(40);
});

test("docs/errors.md has every message of the library", () => {
  const missing = found.filter(({ text }) => !documented.includes(text));
  expect(missing.map(({ place, text }) => `${place}: ${text}`)).toEqual([]);
});

test("docs/errors.md has no message that the library does not say, and none twice", () => {
  const said = new Set(found.map(({ text }) => text));
  expect(documented.filter((message) => !said.has(message))).toEqual([]);
  expect(documented.filter((message, index) => documented.indexOf(message) !== index)).toEqual([]);
});

test("every entry of docs/errors.md says what to do", () => {
  expect(entries.filter(({ wayOut }) => wayOut.length < 20).map(({ message }) => message)).toEqual([]);
});
