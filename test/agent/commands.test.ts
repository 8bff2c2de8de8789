// Programs that hang or cannot be started, with real processes.
import { ChildProcess, execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";

import { forgetConnections } from "../../controller-image/src/agent/conntrack";
import { type Child, type Commands, commands } from "../../controller-image/src/fabric/commands";
import { withSessions } from "../../controller-image/src/fabric/sessions";

const LIMIT_MS = 50;
const HANGS = ["sleep", "3600"];

const ended = (child: Child): Promise<string> => new Promise((resolve) => child.onExit(resolve));

describe("a program that waits inside the kernel, where no signal reaches it", () => {
  const wedged = new Set<ChildProcess>();
  let mock: jest.SpyInstance;

  beforeEach(() => {
    mock = jest.spyOn(ChildProcess.prototype, "kill").mockImplementation(function (this: ChildProcess) {
      wedged.add(this);
      return true;
    });
  });
  afterEach(async () => {
    mock.mockRestore();
    const gone = [...wedged]
      .filter(({ signalCode }) => signalCode === null)
      .map((child) => new Promise((resolve) => child.once("exit", resolve)));
    for (const child of wedged) child.kill("SIGKILL");
    await Promise.all(gone);
    wedged.clear();
  });

  test("is waited for no longer than the limit", async () => {
    const here = commands([], LIMIT_MS);
    await expect(here.run(HANGS)).rejects.toThrow("sleep 3600: no answer within 50 ms");
  });

  test("gets no more beside it than a few, until one of them has ended", async () => {
    const here = commands([], LIMIT_MS);
    const all = await Promise.allSettled(Array.from({ length: 8 }, () => here.run(HANGS)));
    expect(all.every(({ status }) => status === "rejected")).toBe(true);
    const why =
      "cannot run sleep: 8 processes of it that were killed have not ended; they wait in the node's kernel, whose log says for what";
    await expect(here.run(HANGS)).rejects.toThrow(why);
    expect(await ended(here.start(HANGS))).toBe(why);
    // What hangs in one part of the kernel keeps nobody from the others.
    expect((await here.run(["ip", "-V"])).code).toBe(0);
    expect(await ended(here.start(["true"]))).toBe("exit code 0");
    mock.mockRestore();
    const [first] = wedged;
    const gone = new Promise((resolve) => first?.once("exit", resolve));
    first?.kill("SIGKILL");
    await gone;
    await expect(here.run(HANGS)).rejects.toThrow("no answer within 50 ms");
  });

  test("and is kept open is told so as if it had ended", async () => {
    const here = commands(["sh", "-c", "exec sleep 3600", "sh"], LIMIT_MS);
    const children = Array.from({ length: 8 }, () => here.start(["ip", "-batch", "-"]));
    for (const child of children) child.kill();
    await expect(withSessions(here).run(["ip", "-force", "-batch", "-"], "link show\n")).rejects.toThrow(
      "cannot run ip: 8 processes of it",
    );
  });
});

test("a program that is kept open and takes no heed of a polite end is ended", async () => {
  const child = commands().start(["sh", "-c", "trap '' TERM; echo ready; read -r line"]);
  await new Promise((resolve) => child.stdout.once("data", resolve));
  const end = ended(child);
  child.kill();
  expect(await end).toBe("signal SIGKILL");
});

test("without a file descriptor to spare a program is not run, and the agent lives on", async () => {
  const limit = (value: string): void =>
    void execFileSync("prlimit", ["--pid", String(process.pid), `--nofile=${value}:`]);
  const before = execFileSync("prlimit", ["--pid", String(process.pid), "--nofile", "-o", "SOFT", "--noheadings"]);
  const taken: number[] = [];
  const here = commands();
  limit("300");
  try {
    for (;;) taken.push(openSync("/dev/null", "r"));
  } catch {
    // All of them.
  }
  const run = here.run(["true"]);
  const child = here.start(["true"]);
  for (const each of taken) closeSync(each);
  limit(before.toString().trim());
  const why = "cannot run true: spawn true EMFILE";
  await expect(run).rejects.toThrow(why);
  expect(await ended(child)).toBe(why);
  await expect(
    new Promise((resolve, reject) => child.stdin.write("x", (error) => (error ? reject(error) : resolve(0)))),
  ).rejects.toThrow(why);
  expect((await here.run(["true"])).code).toBe(0);
});

describe("conntrack that does not answer", () => {
  const of = (address: string) => ({ address, pod: "10.244.1.11", whose: "clients" }) as const;
  const hanging = (isHanging: (argv: readonly string[]) => boolean): Commands & { asked: number } => ({
    ...commands(),
    asked: 0,
    run(argv) {
      this.asked++;
      const answer = { code: 1, stdout: "", stderr: "0 flow entries have been deleted" };
      return isHanging(argv) ? Promise.reject(new Error("no answer")) : Promise.resolve(answer);
    },
  });

  test("fails the address that it was asked about, and not those before it", async () => {
    const here = hanging((argv) => argv.includes("198.51.100.9"));
    const all = ["198.51.100.7", "198.51.100.8", "198.51.100.9"].map(of);
    expect(await forgetConnections(here, all)).toEqual({
      refused: new Map([["198.51.100.9", "no answer"]]),
      noAnswer: "no answer",
    });
  });

  test("is not waited for again and again", async () => {
    const here = hanging(() => true);
    const all = Array.from({ length: 100 }, (_, index) => of(`198.51.100.${index}`));
    expect((await forgetConnections(here, all)).refused.size).toBe(100);
    expect(here.asked).toBe(4);
  });
});
