// Runs one program to its end. Whatever happens to us, the program and its children do not stay behind.
import { spawn } from "node:child_process";

import { orUndo } from "./undo";

export interface CommandOptions {
  /** What errors call it. @default - the command line */
  readonly name?: string;
  readonly cwd?: string;
  /** The whole environment of the program. @default - that of this process */
  readonly env?: NodeJS.ProcessEnv;
  /** Killed after this time. @default - no limit */
  readonly timeoutMs?: number;
  /** Each line of standard error as it comes. */
  readonly onLine?: (line: string) => void;
}

/** How much of a failed program's output goes into the error. */
const TAIL_LINES = 15;

/** Standard output of a program that ended well. Throws with the end of what it printed otherwise. */
export async function command(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const [program = "", ...args] = argv;
  const name = options.name ?? argv.join(" ");
  // A group of its own, so that one signal reaches the program's children too.
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const kill = (): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended already.
    }
  };
  return orUndo(kill, async () => {
    let out = "";
    let err = "";
    let timedOut = false;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
      const lines = text.split("\n").filter((line) => line.trim() !== "");
      for (const line of lines) options.onLine?.(line);
    });
    const limit =
      options.timeoutMs === undefined ? undefined : setTimeout(() => ((timedOut = true), kill()), options.timeoutMs);
    try {
      const ended = await new Promise<string>((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (code, signal) => resolve(code === 0 ? "" : `exit ${code ?? signal}`));
      });
      if (timedOut) throw new Error(`${name}: no end within ${options.timeoutMs} ms`);
      if (ended !== "") throw new Error([`${name}: ${ended}`, ...tail(`${out}\n${err}`)].join("\n"));
      return out;
    } finally {
      clearTimeout(limit);
    }
  });
}

function tail(text: string): string[] {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-TAIL_LINES).map((line) => `  ${line}`);
}
