// Programs that the agent runs. A prefix puts all of them somewhere else, for example into a network namespace.
import { type ChildProcess, spawn } from "node:child_process";
import { Readable, Writable } from "node:stream";
import { errorText } from "../kube/log";

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
  /** Answers whatever the exit code is; fails only when the program cannot be run or has not ended within the limit. */
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

/** Far longer than any of them takes. */
export const COMMAND_LIMIT_MS = 10_000;
/** Of one program: more would only wait beside them, until the node has no process left for anybody. */
const MOST_WEDGED = 8;

export function commands(prefix: readonly string[] = [], limitMs = COMMAND_LIMIT_MS): Commands {
  /** Killed, and not ended yet; by what was run. */
  const killed = new Map<ChildProcess, string | undefined>();
  const open = (argv: readonly string[]) => {
    const wedged = [...killed.values()].filter((name) => name === argv[0]).length;
    if (wedged >= MOST_WEDGED) {
      const why = `${wedged} processes of it that were killed have not ended; they wait in the node's kernel, whose log says for what`;
      throw new Error(`cannot run ${argv[0]}: ${why}`);
    }
    const [program = "", ...args] = [...prefix, ...argv];
    const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
    // A process that was not made has no pipes, and says so only later.
    if (child.pid === undefined) child.on("error", () => undefined);
    if ((child.stdin as Writable | undefined) === undefined)
      throw new Error(`cannot run ${argv[0]}: spawn ${program} EMFILE`);
    child.on("exit", () => killed.delete(child));
    // A program that ends without reading is judged by its exit code.
    child.stdin.on("error", () => undefined);
    return child;
  };
  /** One that waits inside the kernel does not end even so, and nobody may wait for it. */
  const kill = (child: ReturnType<typeof open>, name: string | undefined): void => {
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) killed.set(child, name);
    child.kill("SIGKILL");
    for (const pipe of child.stdio) pipe?.destroy();
  };
  return {
    run: (argv, input = "") =>
      new Promise((resolve, reject) => {
        const child = open(argv);
        const stdout: Buffer[] = [];
        const stderr: Buffer[] = [];
        const timer = setTimeout(() => {
          reject(new Error(`${argv.join(" ")}: no answer within ${limitMs} ms`));
          kill(child, argv[0]);
        }, limitMs);
        child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
        child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
        child.on("error", (cause) => {
          clearTimeout(timer);
          reject(new Error(`cannot run ${argv[0]}: ${cause.message}`, { cause }));
        });
        child.on("close", (code, signal) => {
          clearTimeout(timer);
          if (code === null) return reject(new Error(`${argv.join(" ")} was ended by ${signal}`));
          resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
        });
        child.stdin.end(input);
      }),
    start: (argv) => {
      let child: ReturnType<typeof open>;
      try {
        child = open(argv);
      } catch (error) {
        return notStarted(errorText(error));
      }
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
          child.on("exit", (code, signal) => {
            // What it said last may be read only in the next turn of the event loop.
            const tell = (): void => once(signal === null ? `exit code ${code}` : `signal ${signal}`);
            setImmediate(() => setImmediate(tell));
          });
        },
        kill: () => kill(child, argv[0]),
      };
    },
  };
}

/** What there is instead of a program that could not be started: whoever uses it hears so as if it had ended at once. */
function notStarted(why: string): Child {
  const stdin = new Writable({ write: (_chunk, _encoding, done) => done(new Error(why)) });
  stdin.on("error", () => undefined);
  return {
    stdin,
    stdout: Readable.from([]),
    stderr: Readable.from([]),
    onExit: (callback) => void setImmediate(callback, why),
    kill: () => undefined,
  };
}
