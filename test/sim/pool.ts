// Processes that work through a list together, one for each core: what they say comes back as it is done.
import { type ChildProcess, fork } from "node:child_process";
import { availableParallelism } from "node:os";

/** Tells a process that it is one of many. */
export const WORKER = "--worker";

export interface PoolOptions<Task, Result> {
  /** What each process runs; it calls {@link serve} where it finds {@link WORKER} among its arguments. */
  readonly script: string;
  /** The next thing to do; undefined when there is nothing left. */
  readonly next: () => Task | undefined;
  readonly onResult: (task: Task, result: Result) => void;
  /** @default one for each core */
  readonly workers?: number;
}

/** Resolves when everything is done; rejects when a process ends on its own. */
export async function inParallel<Task, Result>(options: PoolOptions<Task, Result>): Promise<void> {
  const count = options.workers ?? availableParallelism();
  const children = Array.from({ length: count }, () => fork(options.script, [WORKER]));
  try {
    await Promise.all(children.map((child) => keepBusy(child, options)));
  } finally {
    for (const child of children) child.kill();
  }
}

function keepBusy<Task, Result>(child: ChildProcess, { next, onResult }: PoolOptions<Task, Result>): Promise<void> {
  return new Promise((resolve, reject) => {
    let task: Task | undefined;
    const give = (): void => {
      task = next();
      if (task === undefined) resolve();
      else child.send(task as object);
    };
    child.on("message", (result: Result) => {
      try {
        if (task !== undefined) onResult(task, result);
        give();
      } catch (error) {
        reject(error as Error);
      }
    });
    child.once("error", reject);
    child.once("exit", (code, signal) => {
      if (task !== undefined) reject(new Error(`a process ended (${signal ?? `code ${code}`})`));
    });
    give();
  });
}

/** The other end: does one thing after the other until the parent ends it. */
export function serve<Task, Result>(act: (task: Task) => Promise<Result>): void {
  process.on("message", (task: Task) => {
    act(task).then(
      (result) => process.send?.(result),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
        process.exit(3);
      },
    );
  });
  process.on("disconnect", () => process.exit(0));
}
