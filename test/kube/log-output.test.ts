// The log goes where the container runtime wants it: onto a disk that may be full, or into a pipe that nobody may read.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Readable, Writable } from "node:stream";

import { jsonLog, lossyLines } from "../../controller-image/src/kube/log";

const LOG = join(__dirname, "../../controller-image/src/kube/log");

/** Logs so many lines for each that it reads, and says on standard error how much waits; goes when there is nothing to read. */
const PROGRAM = `
  const { jsonLog } = require(${JSON.stringify(LOG)});
  const log = jsonLog({ wallTime: () => 0 });
  require("node:readline").createInterface(process.stdin)
    .on("line", (count) => {
      for (let i = 0; i < Number(count); i++) log("info", "x".repeat(1000));
      setTimeout(() => process.stderr.write(process.stdout.writableLength + "\\n"), 1);
    })
    .on("close", () => process.exit(0));`;

class Program {
  readonly #child: ChildProcess;
  #said = "";

  constructor(stdout: "pipe" | number) {
    this.#child = spawn(process.execPath, ["--import", "tsx", "-e", PROGRAM], { stdio: ["pipe", stdout, "pipe"] });
    this.#child.stderr?.on("data", (chunk: Buffer) => (this.#said += chunk.toString()));
  }

  get stdout(): Readable {
    return this.#child.stdout as Readable;
  }

  /** Answers how many bytes of standard output wait then. */
  async log(lines: number): Promise<number> {
    this.#said = "";
    this.#child.stdin?.write(`${lines}\n`);
    const ended = once(this.#child, "close");
    while (!this.#said.includes("\n")) {
      const over = await Promise.race([ended.then(() => true), once(this.#child.stderr as Readable, "data")]);
      if (over === true) throw new Error(`the process has ended: ${this.#said}`);
    }
    return Number(this.#said);
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }
}

describe("a process whose log cannot be written goes on", () => {
  let program: Program | undefined;
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "podpin-log-"))));
  afterEach(async () => {
    await program?.end();
    rmSync(folder, { recursive: true });
  });

  test("while the disk is full", async () => {
    const full = openSync("/dev/full", "w");
    program = new Program(full);
    closeSync(full);
    for (let turn = 0; turn < 3; turn++) expect(await program.log(2)).toBe(0);
  });

  test("while nobody reads the pipe: it does not wait for it, and keeps only so much", async () => {
    program = new Program("pipe");
    program.stdout.pause();
    let kept = 0;
    for (let turn = 0; turn < 8; turn++) kept = await program.log(500);
    expect(kept).toBeGreaterThan(900_000);
    expect(kept).toBeLessThan(1_100_000);
  });

  test("while nobody is at the other end of the pipe, and says afterwards how much is lost", async () => {
    const fifo = join(folder, "log");
    execFileSync("mkfifo", [fifo]);
    const open = (): number => openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    let reader = open();
    const writer = openSync(fifo, constants.O_WRONLY);
    program = new Program(writer);
    closeSync(writer);
    const messages = (): unknown[] => {
      const there = Buffer.alloc(65_536);
      const lines = there.toString("utf8", 0, readSync(reader, there)).trimEnd().split("\n");
      return lines.map((line) => (JSON.parse(line) as { lines?: number }).lines ?? "a line");
    };
    try {
      await program.log(2);
      expect(messages()).toEqual(["a line", "a line"]);
      closeSync(reader);
      for (let turn = 0; turn < 3; turn++) await program.log(2);
      reader = open();
      await program.log(2);
      expect(messages()).toEqual([6, "a line", "a line"]);
    } finally {
      closeSync(reader);
    }
  });
});

test("the line that says how much is lost has the fields of the log", async () => {
  const taken: string[] = [];
  let goOn = (): void => undefined;
  const stream = new Writable({
    decodeStrings: false,
    write: (chunk: string, _encoding, done) => {
      taken.push(chunk);
      goOn = done;
    },
  });
  const log = jsonLog({ write: lossyLines(stream, 100), wallTime: () => 0, fields: { node: "node-a" } });
  for (let i = 0; i < 10; i++) log("info", "a line");
  while (stream.writableLength > 0) {
    goOn();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const lines = 10 - taken.length;
  taken.length = 0;
  log("info", "afterwards");
  expect(JSON.parse(taken[0] ?? "")).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    level: "warn",
    message: "lines of the log are lost: the disk that it is written to is full, or it is read too slowly",
    node: "node-a",
    lines,
  });
});
