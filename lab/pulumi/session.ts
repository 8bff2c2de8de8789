// One command and everything that it starts. The engine puts its plugins into process groups of their own, so the unit
// that can be ended as a whole is the session.
import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

import { guard, release } from "../cluster/guard";
import { tied } from "../cluster/process";

export interface SessionOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  readonly onLine?: (line: string) => void;
  /** Ends the command early: politely first, so that it can save what it knows. */
  readonly signal?: AbortSignal;
  /** Kills it with everything that it has started: nobody saves anything. */
  readonly kill?: AbortSignal;
  readonly timeoutMs?: number;
  /** How long the command may take to save its state once it is asked to end. @default 10000 */
  readonly graceMs?: number;
}

export interface SessionResult {
  /** The command's exit code; 124 after a time-out, 130 after an abort. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** True if it had to be killed, and may have left a lock. */
  readonly killed: boolean;
}

/** How long plugins may outlive the engine. */
const LINGER_MS = 500;
/** How long killed processes may take to go. */
const GONE_WITHIN_MS = 5_000;

export async function runSession(command: readonly string[], options: SessionOptions): Promise<SessionResult> {
  const [file = "", ...args] = tied(command);
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    // setsid: makes the new process the leader of a session, whose number is its own.
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = collect(child, "stdout", options.onLine);
  const stderr = collect(child, "stderr", options.onLine);
  let early: number | undefined;
  let killed = false;
  let grace: NodeJS.Timeout | undefined;
  const end = (code: number): void => {
    if (early !== undefined) return;
    early = code;
    child.kill("SIGINT");
    grace = setTimeout(() => {
      killed = true;
      killSession(child.pid);
    }, options.graceMs ?? 10_000);
  };
  const onAbort = (): void => end(130);
  const onKill = (): void => {
    early ??= 137;
    killed = true;
    killSession(child.pid);
  };
  const timer = options.timeoutMs === undefined ? undefined : setTimeout(() => end(124), options.timeoutMs);
  const guarded = {
    stop: async (): Promise<void> => {
      onAbort();
      await closed;
    },
    stopSync: (): void => killSession(child.pid),
  };
  const closed = new Promise<number>((resolve, reject) => {
    child.once("error", (cause) => reject(new Error(`${command[0]}: cannot be started`, { cause })));
    // "exit" and not "close": a plugin that outlives the engine for a moment holds the pipes open.
    child.once("exit", (code) => resolve(code ?? 137));
  });
  guard(guarded);
  options.signal?.addEventListener("abort", onAbort);
  if (options.signal?.aborted === true) onAbort();
  options.kill?.addEventListener("abort", onKill);
  if (options.kill?.aborted === true) onKill();
  try {
    const code = await closed;
    // What was written is in the pipes, and they end with the last process that holds them.
    const read = Promise.all([stdout.ended, stderr.ended]);
    await within(LINGER_MS, read);
    await endSession(child.pid);
    await within(GONE_WITHIN_MS, read);
    return { code: early ?? code, stdout: stdout.text(), stderr: stderr.text(), killed };
  } finally {
    clearTimeout(timer);
    clearTimeout(grace);
    options.signal?.removeEventListener("abort", onAbort);
    options.kill?.removeEventListener("abort", onKill);
    await endSession(child.pid);
    release(guarded);
  }
}

function collect(
  child: ChildProcess,
  name: "stdout" | "stderr",
  onLine: ((line: string) => void) | undefined,
): { text: () => string; ended: Promise<void> } {
  let text = "";
  let partial = "";
  const stream = child[name];
  stream?.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    const lines = (partial + chunk).split("\n");
    partial = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine?.(line);
  });
  const ended = new Promise<void>((resolve) => stream?.once("close", () => resolve()));
  return { text: () => text, ended };
}

async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise((done) => (timer = setTimeout(done, ms)))]);
  clearTimeout(timer);
}

/** Kills every process of a session, by its id. */
function killSession(session: number | undefined): void {
  for (const pid of membersOf(session)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It ended by itself.
    }
  }
}

/** The same, and waits until they are gone: a killed process goes on existing until it is next scheduled. */
async function endSession(session: number | undefined): Promise<void> {
  const end = performance.now() + GONE_WITHIN_MS;
  while (membersOf(session).length > 0 && performance.now() < end) {
    killSession(session);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** The living processes of a session; one that has ended and waits for its parent to ask is none. */
function membersOf(session: number | undefined): number[] {
  if (session === undefined) return [];
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => {
      const [state, , , itsSession] = Number.isInteger(pid) ? statusOf(pid) : [];
      return state !== undefined && state !== "Z" && state !== "X" && Number(itsSession) === session;
    });
}

/** Fields 3 and on of /proc/PID/stat; the command's name, field 2, may hold anything up to the last parenthesis. */
function statusOf(pid: number): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return [];
  }
}
