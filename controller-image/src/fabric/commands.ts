// Programs that the agent runs. A prefix puts all of them somewhere else, for example into a network namespace.
import { spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that stays. */
export interface Child {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Called once, with why it ended. */
  onExit(callback: (why: string) => void): void;
  kill(): void;
}

export interface Commands {
  /** Answers whatever the exit code is; fails only when the program cannot be run or takes longer than 10 s. */
  run(argv: readonly string[], input?: string | Buffer): Promise<CommandResult>;
  start(argv: readonly string[]): Child;
  /** What was learnt of the machine before does not count any more: programs that are kept open begin anew. */
  renew?(): void;
}

/** A batch of questions; answers in JSON, one line for each. */
export const IP_QUESTIONS = ["ip", "-d", "-N", "-j", "-force", "-batch", "-"];
/** A batch of changes, which goes on behind one that is refused. */
export const IP_CHANGES = ["ip", "-force", "-batch", "-"];
/** One transaction. */
export const NFT_SCRIPT = ["nft", "-f", "-"];

/** As programs read commands and print answers: one a line. */
export const asLines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join("");

export function mustSucceed(result: CommandResult, what: string): CommandResult {
  if (result.code === 0) return result;
  throw new Error(`${what}: ${result.stderr.trim() || `exit code ${result.code}`}`);
}

const TIMEOUT_MS = 10_000;

export function commands(prefix: readonly string[] = []): Commands {
  const open = (argv: readonly string[]) => {
    const [program = "", ...args] = [...prefix, ...argv];
    return spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  };
  return {
    run: (argv, input = "") =>
      new Promise((resolve, reject) => {
        const child = open(argv);
        const stdout: Buffer[] = [];
        const stderr: Buffer[] = [];
        const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
        child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
        child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
        child.on("error", (cause) => {
          clearTimeout(timer);
          reject(new Error(`cannot run ${argv[0]}: ${cause.message}`, { cause }));
        });
        child.on("close", (code, signal) => {
          clearTimeout(timer);
          if (code === null)
            return reject(new Error(`${argv.join(" ")} was ended by ${signal} (limit ${TIMEOUT_MS} ms)`));
          resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
        });
        // A program that ends without reading is judged by its exit code.
        child.stdin.on("error", () => undefined);
        child.stdin.end(input);
      }),
    start: (argv) => {
      const child = open(argv);
      child.stdin.on("error", () => undefined);
      return {
        stdin: child.stdin,
        stdout: child.stdout,
        stderr: child.stderr,
        onExit: (callback) => {
          let told = false;
          const once = (why: string): void => {
            if (!told) callback(why);
            told = true;
          };
          child.on("error", (error) => once(error.message));
          child.on("exit", (code, signal) => once(signal === null ? `exit code ${code}` : `signal ${signal}`));
        },
        kill: () => void child.kill("SIGTERM"),
      };
    },
  };
}
