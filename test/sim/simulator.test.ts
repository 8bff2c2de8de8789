// The simulator in processes of its own, where nothing slows it down: schedules, the bugs of the past, and the mutants.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { mutated } from "./load";
import { MUTANTS } from "./mutants";
import { scheduleOf } from "./schedule";

const ROOT = join(__dirname, "..", "..");

function simulate(...args: string[]): { readonly code: number | null; readonly text: string } {
  const command = ["--import", "tsx", join(__dirname, "main.ts"), ...args];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd: ROOT, encoding: "utf8" });
  return { code: status, text: `${stdout}${status === 0 ? "" : stderr}` };
}

test("every invariant holds in ten thousand schedules", () => {
  const { code, text } = simulate("--count", "10000");
  expect({ code, text }).toEqual({ code: 0, text: expect.stringMatching(/^10000 schedules, \d{7} steps, 0 failures/) });
}, 900_000);

test("a process may die at any moment of a move", () => {
  const { code, text } = simulate("--kill-points");
  expect({ code, text }).toEqual({ code: 0, text: expect.stringMatching(/^0 of 680 kill points\n$/) });
}, 900_000);

test("no bug that a schedule has shown comes back", () => {
  const { code, text } = simulate("--regressions");
  expect({ code, text }).toEqual({ code: 0, text: expect.stringMatching(/\n0 of \d+ regressions\n$/) });
}, 300_000);

test("code that breaks an invariant is noticed", () => {
  const { code, text } = simulate("--mutants", "--limit", "3000");
  expect({ code, text }).toEqual({ code: 0, text: expect.stringMatching(/\n0 of \d+ mutants survive\n$/) });
}, 900_000);

test("each mutant's expression is in its file exactly once", () => {
  for (const mutant of MUTANTS) {
    const source = readFileSync(join(ROOT, mutant.file), "utf8");
    expect(mutated(source, mutant)).not.toBe(source);
  }
  expect(MUTANTS.length).toBeGreaterThanOrEqual(15);
});

test("a seed names one schedule, and its first steps begin it", () => {
  expect(scheduleOf(7)).toEqual(scheduleOf(7));
  expect(scheduleOf(8)).not.toEqual(scheduleOf(7));
  expect(scheduleOf(7).slice(0, 2)).toEqual(scheduleOf(7, 2));
});
