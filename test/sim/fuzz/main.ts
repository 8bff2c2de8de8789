// `npm run fuzz`: very many object sets against the laws of `decide` and `plan`, on every core; or one of them again.
import { parseArgs } from "node:util";
import { inParallel, serve, WORKER } from "../pool";
import { checkSet } from "./laws";
import { objectSet } from "./objects";

const HELP = `npm run fuzz -- [options]
  --count N   so many object sets [10000000]
  --from N    number of the first one [1]
  --seed N    one object set again, and what it breaks
`;
const AT_ONCE = 2_000;
const PROGRESS_MS = 5_000;
const MOST_FAILURES = 5;

interface Task {
  readonly from: number;
  readonly count: number;
}

interface Result {
  readonly failures: readonly string[];
}

/** What the object set breaks; undefined when every law holds. */
function complaint(seed: number): string | undefined {
  try {
    checkSet(seed);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      count: { type: "string", default: "10000000" },
      from: { type: "string", default: "1" },
      seed: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  if (values.seed !== undefined) {
    const seed = whole("--seed", values.seed);
    const broken = complaint(seed);
    process.stdout.write(`${JSON.stringify(objectSet(seed), undefined, 2)}\n\n${broken ?? "every law holds"}\n`);
    return broken === undefined ? 0 : 1;
  }
  return many(whole("--from", values.from), whole("--count", values.count));
}

function whole(flag: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new Error(`${flag}: got "${text}"; it must be a whole number from 0`);
  }
  return value;
}

async function many(from: number, count: number): Promise<number> {
  const started = performance.now();
  const end = from + count;
  let next = from;
  let done = 0;
  let failures = 0;
  let told = started;
  const report = (): string =>
    `${done} object sets, ${failures} failures in ${((performance.now() - started) / 1000).toFixed(0)} s`;
  await inParallel<Task, Result>({
    script: __filename,
    next: () => {
      if (next >= end || failures >= MOST_FAILURES) return undefined;
      const task = { from: next, count: Math.min(AT_ONCE, end - next) };
      next += task.count;
      return task;
    },
    onResult: (task, result) => {
      done += task.count;
      failures += result.failures.length;
      for (const text of result.failures) process.stdout.write(`${text}\n`);
      if (performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      process.stderr.write(`${report()}\n`);
    },
  });
  process.stdout.write(`${report()}\n`);
  return failures === 0 ? 0 : 1;
}

function work(): void {
  serve<Task, Result>(({ from, count }) => {
    const failures: string[] = [];
    for (let seed = from; seed < from + count && failures.length < MOST_FAILURES; seed++) {
      const broken = complaint(seed);
      if (broken !== undefined) failures.push(`npm run fuzz -- --seed ${seed}\n${broken}`);
    }
    return Promise.resolve({ failures });
  });
}

if (process.argv.includes(WORKER)) work();
else {
  main(process.argv.slice(2)).then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exitCode = 2;
    },
  );
}
