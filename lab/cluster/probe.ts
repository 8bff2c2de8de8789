// Watches an address from a machine of the lab: a probe every millisecond, so that a lost packet or a gap shows.
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { createInterface } from "node:readline";

import type { LabHost } from "./host";

export interface ProbeOptions {
  readonly address: string;
  /** @default 8080 */
  readonly port?: number;
  /** `tcp` makes a connection and an HTTP request for each probe. @default "udp" */
  readonly protocol?: "udp" | "tcp";
  /** @default 1 */
  readonly intervalMs?: number;
  /** Ends by itself after this time; `stop` ends it before. @default 60 */
  readonly maxSeconds?: number;
  /** How long an answer may take. @default 1000 */
  readonly graceMs?: number;
}

/** Who answered, and for which probes. */
export interface Answerer {
  /** Hostname in the answer: the Pod's name. */
  readonly hostname: string;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Milliseconds after the first probe. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly count: number;
}

export interface ProbeResult {
  readonly sent: number;
  /** Probes that were answered; a second answer to the same probe counts under `duplicates`. */
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Longest time between two answers that follow each other, counted from the first probe and to the last. */
  readonly longestGapMs: number;
  /** Most probes in a row that were lost. */
  readonly longestLoss: number;
  /** In the order of their first answer. */
  readonly answerers: readonly Answerer[];
  /** Client addresses that the answerers saw, in the order of their appearance. */
  readonly clientsSeen: readonly string[];
  /** Socket errors by code, such as ECONNREFUSED. */
  readonly errors: Readonly<Record<string, number>>;
}

/** What probe-child.js prints. */
export interface ProbeRecords {
  /** Milliseconds, by sequence number. */
  readonly sentAt: readonly number[];
  /** Sequence number, time of the answer, index of the answerer, index of the client address; in order of time. */
  readonly answers: readonly (readonly [number, number, number, number])[];
  readonly answerers: readonly string[];
  readonly clients: readonly string[];
  readonly errors: Readonly<Record<string, number>>;
}

export interface Probe {
  /** What was seen, after `maxSeconds` or {@link stop}. */
  readonly result: Promise<ProbeResult>;
  /** Ends the probing, waits for late answers, and tells what was seen. */
  stop(): Promise<ProbeResult>;
}

/** Resolves when the first probe is on its way. */
export async function startProbe(host: LabHost, options: ProbeOptions): Promise<Probe> {
  const settings = {
    protocol: options.protocol ?? "udp",
    address: options.address,
    port: options.port ?? 8080,
    intervalMs: options.intervalMs ?? 1,
    maxSeconds: options.maxSeconds ?? 60,
    graceMs: options.graceMs ?? 1000,
    // A late answer to an earlier probing must not count.
    run: randomBytes(4).toString("hex"),
  };
  const child = host.spawn([process.execPath, join(__dirname, "probe-child.js"), JSON.stringify(settings)]);
  const lines = await readyLines(child, `probe of ${options.address}`);
  const result = lines.next().then((line) => {
    if (line === undefined) throw new Error(`probe of ${options.address}: ended without a result`);
    return summarize(JSON.parse(line) as ProbeRecords);
  });
  result.catch(() => undefined); // reported to whoever asks for it
  return {
    result,
    stop() {
      child.stdin?.on("error", () => undefined).end();
      return result;
    },
  };
}

export function summarize(records: ProbeRecords): ProbeResult {
  const { sentAt } = records;
  const answered = new Set<number>();
  const answerers = new Map<string, Answerer>();
  const start = sentAt[0] ?? 0;
  let [duplicates, longestGapMs, last] = [0, 0, start];
  for (const [seq, at, who] of records.answers) {
    if (answered.has(seq)) {
      duplicates++;
      continue;
    }
    answered.add(seq);
    longestGapMs = Math.max(longestGapMs, at - last);
    last = at;
    const hostname = records.answerers[who] ?? "";
    const before = answerers.get(hostname);
    answerers.set(hostname, {
      hostname,
      firstSeq: Math.min(before?.firstSeq ?? seq, seq),
      lastSeq: Math.max(before?.lastSeq ?? seq, seq),
      firstAtMs: before?.firstAtMs ?? round(at - start),
      lastAtMs: round(at - start),
      count: (before?.count ?? 0) + 1,
    });
  }
  longestGapMs = Math.max(longestGapMs, (sentAt.at(-1) ?? start) - last);
  return {
    sent: sentAt.length,
    received: answered.size,
    lost: sentAt.length - answered.size,
    duplicates,
    longestGapMs: round(longestGapMs),
    longestLoss: longestRun(sentAt.length, (seq) => !answered.has(seq)),
    answerers: [...answerers.values()],
    clientsSeen: records.clients,
    errors: records.errors,
  };
}

function longestRun(length: number, holds: (index: number) => boolean): number {
  let [longest, current] = [0, 0];
  for (let i = 0; i < length; i++) {
    current = holds(i) ? current + 1 : 0;
    longest = Math.max(longest, current);
  }
  return longest;
}

const round = (ms: number): number => Math.round(ms * 1000) / 1000;

/** Something that reached a listener. */
export interface Heard {
  readonly protocol: "tcp" | "udp";
  /** Source address as it arrived. */
  readonly address: string;
  readonly port: number;
  readonly payload: string;
}

export interface Listener {
  readonly heard: readonly Heard[];
  stop(): Promise<void>;
}

/** Answers on TCP and UDP, with the peer's address, and keeps who called. */
export async function startListener(host: LabHost, port: number): Promise<Listener> {
  const child = host.spawn([process.execPath, join(__dirname, "listener-child.js"), host.address, String(port)]);
  const lines = await readyLines(child, `listener on ${host.address}:${port}`);
  const heard: Heard[] = [];
  const reading = (async () => {
    for (let line = await lines.next(); line !== undefined; line = await lines.next()) {
      heard.push(JSON.parse(line) as Heard);
    }
  })();
  return {
    heard,
    async stop() {
      child.stdin?.on("error", () => undefined).end();
      await reading;
    },
  };
}

/** The lines after the first, which has to be `ready`. */
async function readyLines(child: ChildProcess, what: string): Promise<{ next(): Promise<string | undefined> }> {
  let stderr = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.on("error", (error) => (stderr += error.message));
  if (!child.stdout) throw new Error(`${what}: was started without a pipe`);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string | undefined> => {
    const { value, done } = await lines.next();
    return done ? undefined : value;
  };
  const first = await next();
  if (first !== "ready") throw new Error(`${what}: ${stderr.trim() || "ended at once"}`);
  return { next };
}
