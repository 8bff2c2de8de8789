// `npm run sim`: schedules without end, one schedule again, or the mutants.
import { parseArgs } from "node:util";
import { loadSimulator, type Simulator } from "./load";
import { type Mutant, MUTANTS } from "./mutants";
import type { Verdict } from "./run";

const HELP = `npm run sim -- [options]
  --seed N [--steps M]   one schedule again, with everything that happened; --steps: only its first M events
  --keep I,J,...         with --seed: only these events (from 0), as a shrunk failure names them
  --count N              so many schedules [1000000]
  --from N               first seed [1]
  --seconds N            stop after this time
  --failures N           stop after so many failures [1]
  --mutants              break the code on purpose, once for each mutant; every one must be noticed
  --regressions          the shortest schedules of all bugs that were found before
  --usual                with --mutants: without those that take long to show
  --only TEXT            with --mutants: those whose name contains the text
  --limit N              with --mutants: schedules for each [3000]
`;
const PROGRESS_MS = 5_000;

interface Options {
  readonly count: number;
  readonly from: number;
  readonly seconds: number;
  readonly failures: number;
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: "string" },
      steps: { type: "string" },
      keep: { type: "string" },
      count: { type: "string", default: "1000000" },
      from: { type: "string", default: "1" },
      seconds: { type: "string", default: "Infinity" },
      failures: { type: "string", default: "1" },
      mutants: { type: "boolean", default: false },
      regressions: { type: "boolean", default: false },
      usual: { type: "boolean", default: false },
      only: { type: "string", default: "" },
      limit: { type: "string", default: "3000" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.mutants) {
    const chosen = MUTANTS.filter(({ name, rare }) => name.includes(values.only) && !(values.usual && rare === true));
    return mutants(chosen, whole("--limit", values.limit));
  }
  const simulator = await loadSimulator();
  if (values.regressions) return regressions(simulator);
  if (values.seed !== undefined) {
    const steps = values.steps === undefined ? undefined : whole("--steps", values.steps);
    const keep = values.keep?.split(",").map((index) => whole("--keep", index));
    return again(simulator, whole("--seed", values.seed), steps, keep);
  }
  return many(simulator, {
    count: whole("--count", values.count),
    from: whole("--from", values.from),
    seconds: values.seconds === "Infinity" ? Infinity : whole("--seconds", values.seconds),
    failures: whole("--failures", values.failures),
  });
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`${flag}: got "${text}"; it must be a whole number from 0`);
  }
  return value;
}

async function again({ runSchedule, scheduleOf }: Simulator, seed: number, steps?: number, keep?: readonly number[]) {
  const all = scheduleOf(seed, steps);
  const verdict = await runSchedule(seed, keep === undefined ? all : all.filter((_, i) => keep.includes(i)), true);
  process.stdout.write(`${(verdict.trace ?? []).join("\n")}\n\n${summary(verdict)}\n`);
  return verdict.violation === undefined ? 0 : 1;
}

async function regressions({ REGRESSIONS, runSchedule }: Simulator): Promise<number> {
  let broken = 0;
  for (const { name, seed, events } of REGRESSIONS) {
    const verdict = await runSchedule(seed, events);
    if (verdict.violation !== undefined) broken++;
    process.stdout.write(`${name}: ${verdict.violation === undefined ? "holds" : summary(verdict)}\n`);
  }
  process.stdout.write(`${broken} of ${REGRESSIONS.length} regressions\n`);
  return broken === 0 ? 0 : 1;
}

async function many({ runSeed, shrink, scheduleOf }: Simulator, options: Options): Promise<number> {
  const started = performance.now();
  const cpu = process.cpuUsage();
  let done = 0;
  let failures = 0;
  let steps = 0;
  let strays = 0;
  let told = started;
  const report = (): string => {
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const rate = (done / Math.max(0.001, (user + system) / 1e6)).toFixed(0);
    return `${done} schedules, ${steps} steps, ${failures} failures, ${strays} strays in ${seconds.toFixed(0)} s; ${rate} schedules per CPU second`;
  };
  for (let seed = options.from; seed < options.from + options.count; seed++) {
    if ((performance.now() - started) / 1000 >= options.seconds) break;
    const verdict = await runSeed(seed);
    done++;
    steps += verdict.steps;
    strays += verdict.strays;
    if (verdict.violation !== undefined) {
      failures++;
      process.stdout.write(`${summary(verdict)}\n`);
      const small = await shrink(verdict);
      process.stdout.write(
        `shrunk to ${small.events.length} events; ${summary(small)}\n${replay(small, scheduleOf(seed))}\n`,
      );
      if (failures >= options.failures) break;
    }
    if (performance.now() - told > PROGRESS_MS) {
      told = performance.now();
      process.stderr.write(`${report()}\n`);
    }
  }
  process.stdout.write(`${report()}\n`);
  return failures === 0 ? 0 : 1;
}

function summary({ seed, events, violation }: Verdict): string {
  const list = events.map(({ at, kind, which, how, ms }) => `  ${at} ms: ${kind} (${which}, ${how}, ${ms} ms)`);
  const result =
    violation === undefined
      ? "holds"
      : `breaks invariant ${violation.invariant} at ${violation.at} ms: ${violation.text}`;
  return [`seed ${seed} ${result}`, ...list].join("\n");
}

function replay({ seed, events }: Verdict, all: Verdict["events"]): string {
  const kept = events.map((event) =>
    all.findIndex(({ at, kind, which }) => at === event.at && kind === event.kind && which === event.which),
  );
  return `again: npm run sim -- --seed ${seed} --keep ${kept.join()}`;
}

/** Answers 1 when one survives. */
async function mutants(chosen: readonly Mutant[], limit: number): Promise<number> {
  let survivors = 0;
  for (const mutant of chosen) {
    const { REGRESSIONS, runSchedule, runSeed } = await loadSimulator(mutant);
    let caught: Verdict | undefined;
    let tried = 0;
    while (caught === undefined && tried < limit) {
      // The bugs of the past first: what broke once is where the next mistake is likely.
      const past = REGRESSIONS[tried++];
      const next = past ? runSchedule(past.seed, past.events) : runSeed(tried - REGRESSIONS.length);
      const verdict = await next;
      if (verdict.violation !== undefined && mutant.breaks.includes(verdict.violation.invariant)) caught = verdict;
    }
    if (caught === undefined) survivors++;
    const { invariant, text } = caught?.violation ?? {};
    const result =
      caught === undefined
        ? `SURVIVES ${limit} schedules`
        : `caught by schedule ${tried}, invariant ${invariant}: ${text?.slice(0, 160)}`;
    process.stdout.write(`${mutant.name}: ${result}\n`);
  }
  process.stdout.write(`${survivors} of ${chosen.length} mutants survive\n`);
  return survivors === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(2);
  },
);
