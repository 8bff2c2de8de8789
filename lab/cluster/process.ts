// Starting, watching and waiting for the processes of a lab.
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { basename } from "node:path";

import { namespacePath } from "./plan";
import { NAMESPACE_MARK } from "./proc";

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Surroundings {
  /** @default - this process's */
  readonly env?: NodeJS.ProcessEnv;
  /** @default - this process's */
  readonly cwd?: string;
}

export interface RunOptions extends Surroundings {
  readonly input?: string;
  /** @default 30000 */
  readonly timeoutMs?: number;
}

/**
 * The command as it is run inside a network namespace; the files it sees are the machine's. It and what it starts carry
 * the namespace's name, because the namespace itself cannot be recognised any more once its name is gone.
 */
export function inNamespace(namespace: string | undefined, command: readonly string[]): string[] {
  if (namespace === undefined) return [...command];
  const marked = ["env", `${NAMESPACE_MARK}=${namespace}`, ...command];
  return ["nsenter", `--net=${namespacePath(namespace)}`, "--", ...marked];
}

/** The command tied to this process: the kernel ends it when this process is killed and cannot do it itself. */
export function tied(command: readonly string[]): string[] {
  return ["setpriv", "--pdeathsig", "KILL", "--", ...command];
}

export function start(command: readonly string[], options: SpawnOptions): ChildProcess {
  const [file, ...args] = command;
  if (file === undefined) throw new Error("nothing to run");
  return spawn(file, args, options);
}

/** Runs a command to its end. A code other than 0 is an answer, not an error; a time-out gives code 124. */
export function run(command: readonly string[], options: RunOptions = {}): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = start(command, { stdio: ["pipe", "pipe", "pipe"], env: options.env, cwd: options.cwd });
    const output = { stdout: "", stderr: "" };
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
      // A grandchild may hold the pipes open.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, options.timeoutMs ?? 30_000);
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream]?.setEncoding("utf8").on("data", (text: string) => (output[stream] += text));
    }
    child.stdin?.on("error", () => undefined).end(options.input ?? "");
    child.once("error", (cause) => {
      clearTimeout(timer);
      reject(new Error(`${command[0]}: cannot be started; is it installed and on PATH?`, { cause }));
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      resolve({ code: late ? 124 : (code ?? 137), ...output });
    });
  });
}

/** Runs a command that has to succeed; answers with its output. */
export async function must(command: readonly string[], options: RunOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code === 0) return stdout;
  const why = code === 124 ? `took longer than ${(options.timeoutMs ?? 30_000) / 1000} s` : `ended with code ${code}`;
  throw new Error(`${command.join(" ")}: ${why}\n${indent(stderr.trim() || stdout.trim())}`);
}

export interface DaemonOptions {
  readonly name: string;
  readonly command: readonly string[];
  readonly logFile: string;
  readonly namespace?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** A process that has to stay up, with its output in a file. */
export class Daemon {
  readonly name: string;
  readonly exited: Promise<void>;
  private readonly child: ChildProcess;
  private end: string | undefined;

  constructor(private readonly options: DaemonOptions) {
    this.name = options.name;
    const log = openSync(options.logFile, "a", 0o600);
    // A group of its own: Ctrl-C must reach the lab's owner first, which stops things in order.
    this.child = start(tied(inNamespace(options.namespace, options.command)), {
      detached: true,
      stdio: ["ignore", log, log],
      env: options.env ?? process.env,
    });
    closeSync(log);
    this.exited = new Promise((resolve) => {
      const over = (how: string): void => {
        this.end ??= how;
        resolve();
      };
      this.child.once("error", (error) => over(`could not be started: ${error.message}`));
      this.child.once("exit", (code, signal) => over(signal ? `was ended by ${signal}` : `ended with code ${code}`));
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** How it ended; undefined while it runs. */
  get ended(): string | undefined {
    return this.end;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.end === undefined) this.child.kill(signal);
  }

  async kill(): Promise<void> {
    this.signal("SIGKILL");
    await this.exited;
  }

  /** The end of its log, for errors. */
  tail(): string {
    return tailOf(this.options.logFile);
  }
}

function tailOf(file: string, lines = 15): string {
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch {
    // nothing was written
  }
  const cut = (line: string): string => (line.length > 300 ? `${line.slice(0, 300)}…` : line);
  const last = text.trimEnd().split("\n").slice(-lines).map(cut).join("\n");
  return `${basename(file)} ends with:\n${indent(last || "(nothing)")}`;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  /** @default 50 */
  readonly everyMs?: number;
  /** Waiting is pointless once one of these has ended. */
  readonly daemons?: readonly Daemon[];
  /** More logs to show when it fails. */
  readonly logs?: readonly string[];
}

/** Asks again and again until the answer is neither undefined nor false. A throw counts as "not yet". */
export async function until<T>(
  what: string,
  check: () => Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let lastError: unknown;
  for (;;) {
    try {
      const answer = await check();
      if (answer !== undefined && answer !== false) return answer;
      lastError = undefined;
    } catch (error) {
      lastError = error;
    }
    const dead = options.daemons?.filter((daemon) => daemon.ended !== undefined) ?? [];
    const late = performance.now() > deadline;
    if (dead.length > 0 || late) {
      const why = dead.map((daemon) => `${daemon.name} ${daemon.ended}`);
      if (late) why.push(`not within ${options.timeoutMs / 1000} s`);
      const shown = dead.length > 0 ? dead : (options.daemons ?? []);
      const tails = [...shown.map((daemon) => daemon.tail()), ...(options.logs ?? []).map((file) => tailOf(file))];
      throw new Error([`${what}: ${why.join(", ")}`, ...tails].join("\n"), { cause: lastError });
    }
    await new Promise((resolve) => setTimeout(resolve, options.everyMs ?? 50));
  }
}

const indent = (text: string): string => text.replace(/^/gm, "    ");
