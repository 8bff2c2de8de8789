import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { carrierOf } from "../../controller-image/src/liveness/carrier";

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "podpin-carrier-"));
  mkdirSync(join(folder, "eth0"));
  file = join(folder, "eth0", "carrier");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** What a process that has no file descriptor left is told is another error than these; what counts is that it says nothing. */
function unreadable(): void {
  rmSync(file, { force: true });
  symlinkSync("carrier", file);
}

test("it is there, and it is not", () => {
  const up = carrierOf("eth0", folder);
  writeFileSync(file, "1\n");
  expect(up()).toBe(true);
  writeFileSync(file, "0\n");
  expect(up()).toBe(false);
});

test("an interface that goes takes it along; one that never was there says nothing", () => {
  const up = carrierOf("eth0", folder);
  writeFileSync(file, "1\n");
  up();
  rmSync(file);
  expect(up()).toBe(false);
  expect(carrierOf("eth0", folder)()).toBeUndefined();
});

test.each([
  [true, "1\n"],
  [false, "0\n"],
])("what cannot be read is as it was: %s", (known, text) => {
  const up = carrierOf("eth0", folder);
  writeFileSync(file, text);
  up();
  unreadable();
  expect(up()).toBe(known);
  expect(carrierOf("eth0", folder)()).toBeUndefined();
});
