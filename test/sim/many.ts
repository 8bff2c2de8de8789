// Very many schedules on every core, or the mutants: each process works off a few seeds at a time.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Fabric } from "../../lib/model/binding";
import { loadSimulator, type Simulator } from "./load";
import { type Mutant, MUTANTS } from "./mutants";
import { inParallel, serve } from "./pool";
import type { Verdict } from "./run";

export interface Options {
  readonly count: number;
  readonly from: number;
  readonly seconds: number;
  readonly failures: number;
  /** Go on where the last run was ended. */
  readonly resume: boolean;
}

/** Where a run that was ended can be taken up again. */
const STATE = join(__dirname, "..", "..", ".lab", "simulator.json");
const SCRIPT = join(__dirname, "main.ts");
const SEEDS_AT_ONCE = 25;
const PROGRESS_MS = 5_000;

type Task =
  | { readonly kind: "seeds"; readonly from: number; readonly count: number }
  | { readonly kind: "mutant"; readonly name: string; readonly limit: number };

interface Sums {
  readonly done: number;
  readonly steps: number;
  readonly strays: number;
  readonly cpuMs: number;
}

type Result = Sums & { readonly failures: readonly string[]; readonly line?: string };

/** What is done, as it is kept between runs: every seed from `from` to before `next`. */
interface State extends Sums {
  readonly from: number;
  readonly next: number;
}

export async function many(options: Options): Promise<number> {
  const started = performance.now();
  const begun = options.resume ? readState() : undefined;
  const from = begun?.from ?? options.from;
  let sums: Sums = begun ?? { done: 0, steps: 0, strays: 0, cpuMs: 0 };
  let next = begun?.next ?? from;
  const end = from + options.count;
  /** First seeds of what is being worked on. */
  const pending = new Set<number>();
  let failures = 0;
  let told = started;
  const seconds = (): number => (performance.now() - started) / 1000;
  const report = (): string => {
    const { done, steps, strays, cpuMs } = sums;
    const rate = (done / Math.max(0.001, cpuMs / 1000)).toFixed(0);
    return `${done} schedules, ${steps} steps, ${failures} failures, ${strays} strays in ${seconds().toFixed(0)} s; ${rate} schedules per CPU second`;
  };
  await inParallel<Task, Result>({
    script: SCRIPT,
    next: () => {
      if (next >= end || failures >= options.failures || seconds() >= options.seconds) return undefined;
      const task = { kind: "seeds", from: next, count: Math.min(SEEDS_AT_ONCE, end - next) } as const;
      next += task.count;
      pending.add(task.from);
      return task;
    },
    onResult: (task, result) => {
      sums = added(sums, result);
      if (task.kind === "seeds") pending.delete(task.from);
      for (const text of result.failures) process.stdout.write(`${text}\n`);
      failures += result.failures.length;
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      process.stderr.write(`${report()}\n`);
      // What another process has not finished yet is done again.
      if (failures === 0) writeState({ ...sums, from, next: Math.min(next, ...pending) });
    },
  });
  if (failures === 0) writeState({ ...sums, from, next });
  process.stdout.write(`${report()}\n`);
  return failures === 0 ? 0 : 1;
}

function added(sums: Sums, more: Sums): Sums {
  return {
    done: sums.done + more.done,
    steps: sums.steps + more.steps,
    strays: sums.strays + more.strays,
    cpuMs: sums.cpuMs + more.cpuMs,
  };
}

function readState(): State | undefined {
  return existsSync(STATE) ? (JSON.parse(readFileSync(STATE, "utf8")) as State) : undefined;
}

function writeState(state: State): void {
  mkdirSync(dirname(STATE), { recursive: true });
  writeFileSync(STATE, JSON.stringify(state));
}

/** Answers 1 when one survives. */
export async function mutants(chosen: readonly Mutant[], limit: number): Promise<number> {
  const left = [...chosen];
  let survivors = 0;
  await inParallel<Task, Result>({
    script: SCRIPT,
    next: () => {
      const mutant = left.shift();
      return mutant && { kind: "mutant", name: mutant.name, limit };
    },
    onResult: (_task, { line = "", failures }) => {
      survivors += failures.length;
      process.stdout.write(`${line}\n`);
    },
  });
  process.stdout.write(`${survivors} of ${chosen.length} mutants survive\n`);
  return survivors === 0 ? 0 : 1;
}

/** One of the processes. */
export function work(): void {
  let simulator: Promise<Simulator> | undefined;
  serve<Task, Result>(async (task) => {
    if (task.kind === "mutant") return tryMutant(task.name, task.limit);
    return seeds(await (simulator ??= loadSimulator()), task.from, task.count);
  });
}

async function seeds({ runSeed, shrink, scheduleOf }: Simulator, from: number, count: number): Promise<Result> {
  const cpu = process.cpuUsage();
  const failures: string[] = [];
  let steps = 0;
  let strays = 0;
  for (let seed = from; seed < from + count; seed++) {
    const verdict = await runSeed(seed);
    steps += verdict.steps;
    strays += verdict.strays;
    if (verdict.violation === undefined) continue;
    const small = await shrink(verdict);
    failures.push(
      `${summary(verdict)}\nshrunk to ${small.events.length} events; ${summary(small)}\n${replay(small, scheduleOf(seed))}`,
    );
  }
  const { user, system } = process.cpuUsage(cpu);
  return { done: count, steps, strays, cpuMs: (user + system) / 1000, failures };
}

async function tryMutant(name: string, limit: number): Promise<Result> {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`no mutant is called "${name}"`);
  const { REGRESSIONS, runSchedule, runSeed } = await loadSimulator(mutant);
  let caught: Verdict | undefined;
  let tried = 0;
  while (caught === undefined && tried < limit) {
    // The bugs of the past first: what broke once is where the next mistake is likely.
    const past = REGRESSIONS[tried++];
    const fabric = past?.fabric ?? mutant.fabric ?? Fabric.L2;
    const next = past ? runSchedule(past.seed, past.events, { fabric }) : runSeed(tried - REGRESSIONS.length, fabric);
    const verdict = await next;
    if (verdict.violation !== undefined && mutant.breaks.includes(verdict.violation.invariant)) caught = verdict;
  }
  const { invariant, text } = caught?.violation ?? {};
  const result =
    caught === undefined
      ? `SURVIVES ${limit} schedules`
      : `caught by schedule ${tried}, invariant ${invariant}: ${text?.slice(0, 160)}`;
  const nothing = { done: tried, steps: 0, strays: 0, cpuMs: 0 };
  return { ...nothing, failures: caught === undefined ? [name] : [], line: `${name}: ${result}` };
}

export function summary({ seed, fabric, events, violation }: Verdict): string {
  const list = events.map(({ at, kind, which, how, ms }) => `  ${at} ms: ${kind} (${which}, ${how}, ${ms} ms)`);
  const result =
    violation === undefined
      ? "holds"
      : `breaks invariant ${violation.invariant} at ${violation.at} ms: ${violation.text}`;
  return [`seed ${seed}, fabric ${fabric}, ${result}`, ...list].join("\n");
}

function replay({ seed, events }: Verdict, all: Verdict["events"]): string {
  const kept = events.map((event) =>
    all.findIndex(({ at, kind, which }) => at === event.at && kind === event.kind && which === event.which),
  );
  return `again: npm run sim -- --seed ${seed} --keep ${kept.join()}`;
}
