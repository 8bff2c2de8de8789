import { types } from "node:util";

import type { Log, LogLevel } from "./api";

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

export interface LogOptions {
  /** Lines below it are left out. @default "info" */
  readonly level?: LogLevel;
  /** Takes one line without its newline. @default standard output */
  readonly write?: (line: string) => void;
  /** Milliseconds since 1970. @default the machine's */
  readonly wallTime?: () => number;
  /** Put on every line. */
  readonly fields?: Readonly<Record<string, unknown>>;
}

/** One JSON object per line: `time`, `level`, `message`, then the fields. */
export function jsonLog(options: LogOptions = {}): Log {
  const { level: lowest = "info", wallTime = Date.now } = options;
  const write = options.write ?? ((line: string) => void process.stdout.write(`${line}\n`));
  return (level, message, fields) => {
    if (RANK[level] < RANK[lowest]) return;
    const head = { time: new Date(wallTime()).toISOString(), level, message };
    write(lineOf({ ...head, ...options.fields, ...fields }));
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
