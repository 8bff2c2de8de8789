// Programs of a bench that run inside a namespace of the lab. They say one line of JSON for each thing that they measure;
// times are of the clock that all processes of a machine share.
import { createInterface } from "node:readline";
import type { LabHost } from "../../lab/cluster/host";

/** Milliseconds on a clock that all processes of the machine share. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export const say = (line: unknown): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

export interface RunningChild<T> {
  /** Waits for the next line. */
  next(): Promise<T>;
  /** Says something to it. */
  tell(line: unknown): void;
  stop(): void;
}

/** Starts a program of this folder, with its settings as its only argument. */
export function startChild<T>(host: LabHost, program: string, settings: unknown): RunningChild<T> {
  const child = host.spawn([process.execPath, "--import", require.resolve("tsx"), program, JSON.stringify(settings)]);
  const lines: T[] = [];
  const waiting: { resolve: (line: T) => void; reject: (error: Error) => void }[] = [];
  let errors = "";
  let ended = false;
  if (child.stdout === null || child.stdin === null) throw new Error(`${program}: has no pipes`);
  const { stdin } = child;
  createInterface({ input: child.stdout }).on("line", (text) => {
    const line = JSON.parse(text) as T;
    const first = waiting.shift();
    if (first === undefined) lines.push(line);
    else first.resolve(line);
  });
  child.stderr?.on("data", (chunk: Buffer) => (errors = (errors + chunk.toString()).slice(-4000)));
  child.on("close", (code) => {
    ended = true;
    waiting.splice(0).forEach(({ reject }) => reject(new Error(`${program} ended with ${code}: ${errors}`)));
  });
  return {
    next: () =>
      new Promise((resolve, reject) => {
        const line = lines.shift();
        if (line !== undefined) resolve(line);
        else if (ended) reject(new Error(`${program} has ended: ${errors}`));
        else waiting.push({ resolve, reject });
      }),
    tell: (line) => void stdin.write(`${JSON.stringify(line)}\n`),
    stop: () => void child.kill(),
  };
}

/** What the bench says to this program, line by line. */
export async function* heard<T>(): AsyncGenerator<T> {
  for await (const line of createInterface({ input: process.stdin })) yield JSON.parse(line) as T;
}

/** Waits for what watches bring: `look` is to be called with each event. */
export function untilSeen(): { readonly look: () => void; readonly until: (holds: () => boolean) => Promise<void> } {
  const checks = new Set<() => void>();
  return {
    look: () => checks.forEach((check) => check()),
    until: (holds) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!holds()) return;
          checks.delete(check);
          resolve();
        };
        checks.add(check);
        check();
      }),
  };
}
