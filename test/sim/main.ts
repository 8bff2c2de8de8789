// `npm run sim`: schedules without end, one schedule again, or the mutants.
import { parseArgs } from "node:util";
import { Fabric } from "../../lib/model/binding";
import { loadSimulator, type Simulator } from "./load";
import { many, mutants, summary, work } from "./many";
import { MUTANTS } from "./mutants";
import { WORKER } from "./pool";

const HELP = `npm run sim -- [options]
  --seed N [--steps M]   one schedule again, with everything that happened; --steps: only its first M events
  --keep I,J,...         with --seed: only these events (from 0), as a shrunk failure names them
  --count N              so many schedules, on every core [1000000]
  --resume               go on where the last run was ended; --count counts from where that one began
  --from N               first seed [1]
  --seconds N            stop after this time
  --failures N           stop after so many failures [1]
  --mutants              break the code on purpose, once for each mutant; every one must be noticed
  --regressions          the shortest schedules of all bugs that were found before
  --kill-points          one move, and each process killed at each of its moments
  --only TEXT            with --mutants: those whose name contains the text
  --limit N              with --mutants: schedules for each [3000]
`;
async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: "string" },
      steps: { type: "string" },
      keep: { type: "string" },
      count: { type: "string", default: "1000000" },
      from: { type: "string", default: "1" },
      resume: { type: "boolean", default: false },
      seconds: { type: "string", default: "Infinity" },
      failures: { type: "string", default: "1" },
      mutants: { type: "boolean", default: false },
      regressions: { type: "boolean", default: false },
      "kill-points": { type: "boolean", default: false },
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
    const chosen = MUTANTS.filter(({ name }) => name.includes(values.only));
    return mutants(chosen, whole("--limit", values.limit));
  }
  if (values["kill-points"]) return everyKillPoint(await loadSimulator());
  if (values.regressions) return regressions(await loadSimulator());
  if (values.seed !== undefined) {
    const steps = values.steps === undefined ? undefined : whole("--steps", values.steps);
    const keep = values.keep?.split(",").map((index) => whole("--keep", index));
    return again(await loadSimulator(), whole("--seed", values.seed), steps, keep);
  }
  return many({
    resume: values.resume,
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
  const verdict = await runSchedule(seed, keep === undefined ? all : all.filter((_, i) => keep.includes(i)), {
    trace: true,
  });
  process.stdout.write(`${(verdict.trace ?? []).join("\n")}\n\n${summary(verdict)}\n`);
  return verdict.violation === undefined ? 0 : 1;
}

/** Answers 1 when one of them breaks an invariant. */
async function everyKillPoint({ killPoints, runSchedule }: Simulator): Promise<number> {
  const all = killPoints();
  let broken = 0;
  for (const events of all) {
    const verdict = await runSchedule(1, events, { fabric: Fabric.L2 });
    if (verdict.violation === undefined) continue;
    broken++;
    process.stdout.write(`${summary(verdict)}\n`);
  }
  process.stdout.write(`${broken} of ${all.length} kill points\n`);
  return broken === 0 ? 0 : 1;
}

async function regressions({ REGRESSIONS, runSchedule }: Simulator): Promise<number> {
  let broken = 0;
  for (const { name, seed, events, fabric = Fabric.L2 } of REGRESSIONS) {
    const verdict = await runSchedule(seed, events, { fabric });
    if (verdict.violation !== undefined) broken++;
    process.stdout.write(`${name}: ${verdict.violation === undefined ? "holds" : summary(verdict)}\n`);
  }
  process.stdout.write(`${broken} of ${REGRESSIONS.length} regressions\n`);
  return broken === 0 ? 0 : 1;
}

if (process.argv.includes(WORKER)) work();
else {
  main(process.argv.slice(2)).then(
    (code) => {
      // Not at once: what was written may still be on its way into a pipe.
      process.exitCode = code;
    },
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 2;
    },
  );
}
