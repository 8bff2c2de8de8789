import type { Writable } from "node:stream";
import { types } from "node:util";

import type { Log, LogLevel } from "./api";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Takes one line without its newline, and what makes the line that says how many were lost before it. */
export type WriteLine = (line: string, loss: (lines: number) => string) => void;

export interface LogOptions {
  /** Lines below it are left out. @default "info" */
  readonly level?: LogLevel;
  /** @default standard output, by {@link lossyLines} */
  readonly write?: WriteLine;
  /** Milliseconds since 1970. @default the machine's */
  readonly wallTime?: () => number;
  /** Put on every line. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** One JSON object per line: `time`, `level`, `message`, then the fields. */
export function jsonLog(options: LogOptions = {}): Log {
  const { level: lowest = "info", wallTime = Date.now } = options;
  const write = options.write ?? (standardOutput ??= lossyLines(process.stdout));
  const line: (...said: Parameters<Log>) => string = (level, message, fields) =>
    lineOf({ time: new Date(wallTime()).toISOString(), level, message, ...options.fields, ...fields });
  const loss = (lines: number): string => line("warn", LOST, { lines });
  return (level, message, fields) => {
    if (RANK[level] >= RANK[lowest]) write(line(level, message, fields), loss);
  };
}

let standardOutput: WriteLine | undefined;

const LOST = "lines of the log are lost: the disk that it is written to is full, or it is read too slowly";
/** Bytes that wait for whoever reads them. */
const MOST_WAITING = 1_000_000;

/**
 * A log may be lost, the service may not: an error of the stream ends nothing, and nobody waits for the stream. Node keeps what a
 * pipe cannot take, without a bound of its own; files and terminals it waits for.
 */
export function lossyLines(stream: Writable, mostWaiting = MOST_WAITING): WriteLine {
  let lost = 0;
  const send = (line: string, lines: number): void => {
    stream.write(`${line}\n`, (error) => {
      if (error) lost += lines;
    });
  };
  // What became of each line its own callback says.
  stream.on("error", () => undefined);
  return (line, loss) => {
    if (stream.writableLength >= mostWaiting) {
      lost++;
      return;
    }
    const before = lost;
    lost = 0;
    if (before > 0) send(loss(before), before);
    send(line, 1);
  };
}

/** An error as text: its message and those of its causes, which is where a refused connection says why. */
export function errorText(error: unknown): string {
  if (!types.isNativeError(error)) return String(error);
  const cause = error.cause === undefined ? "" : errorText(error.cause);
  return cause === "" || error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}

function lineOf(record: Readonly<Record<string, unknown>>): string {
  const plain = (_name: string, value: unknown): unknown => {
    if (types.isNativeError(value)) return errorText(value);
    return typeof value === "bigint" ? String(value) : value;
  };
  try {
    return JSON.stringify(record, plain);
  } catch (error) {
    // A cycle or a throwing getter: the line is worth more than its fields.
    const { time, level, message } = record;
    return JSON.stringify({ time, level, message, unprintable: errorText(error) });
  }
}
