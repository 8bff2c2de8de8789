// Removal on real processes and folders. Namespaces and cgroups need a whole lab: its own last check looks at those.
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { leftovers } from "../../lab/cluster/leftovers";
import { Ledger, isOrphan, makesNamespaceFolder, newRecord, readRecords } from "../../lab/cluster/ledger";
import { namespaceOf, newLabId, tagOf } from "../../lab/cluster/plan";
import { NAMESPACE_MARK, type ProcessId, identify, isAlive, selfAndAncestors } from "../../lab/cluster/proc";
import { Daemon, run, until } from "../../lab/cluster/process";
import { remove, removeSync, sweep } from "../../lab/cluster/removal";

/** Dead for sure: no process starts before the machine does. */
const NOBODY = { pid: 1, startTime: "-1" };

let id: string;
let folder: string;
let child: ChildProcess;
let started: ProcessId;

beforeEach(() => {
  id = newLabId();
  folder = mkdtempSync(join(tmpdir(), `${tagOf(id)}-`));
  writeFileSync(join(folder, "file"), "content");
  child = spawn("sleep", ["600"], { stdio: "ignore" });
  const identity = child.pid === undefined ? undefined : identify(child.pid);
  if (!identity) throw new Error("sleep was not started");
  started = identity;
});

afterEach(() => {
  child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

test("leftovers names each thing that is left", () => {
  const record = newRecord(id, { folders: [folder], processes: [started] });
  expect(leftovers(id, record)).toEqual([
    `process ${started.pid} was started by the lab: sleep 600`,
    `folder ${folder}`,
  ]);
});

test("leftovers finds a process by the lab's name in its command line, without any record", () => {
  const named = spawn("sh", ["-c", "sleep 600; true", tagOf(id)], { stdio: "ignore" });
  try {
    const found = leftovers(id).filter((line) => line.startsWith(`process ${named.pid} names the lab`));
    expect(found).toHaveLength(1);
  } finally {
    named.kill("SIGKILL");
  }
});

test.each([
  ["with the event loop", remove],
  ["without it", removeSync],
])("removal %s ends processes, removes folders, and then the record", async (_, removal) => {
  const { record } = new Ledger(newRecord(id, { folders: [folder], processes: [started] }));
  await removal(record);
  expect(leftovers(id, record)).toEqual([]);
  expect(readRecords().map((each) => each.id)).not.toContain(id);
});

test("a process that runs in a namespace of the lab is found after the namespace has lost its name", async () => {
  const namespace = namespaceOf(id, "client");
  const env = { ...process.env, [NAMESPACE_MARK]: namespace };
  const marked = spawn("sleep", ["600"], { stdio: "ignore", env });
  const record = newRecord(id, { namespaces: [namespace] });
  expect(leftovers(id, record)).toEqual([`process ${marked.pid} is in a namespace of the lab: sleep 600`]);
  await remove(new Ledger(record).record);
  expect(leftovers(id, record)).toEqual([]);
});

test("removal spares a process that got the number of one of ours", async () => {
  const { record } = new Ledger(newRecord(id, { processes: [{ ...started, startTime: "1" }] }));
  await remove(record);
  expect(identify(started.pid)).toEqual(started);
});

test("sweep removes what a dead owner left, and nothing of a living one", async () => {
  const dead = newRecord(id, { folders: [folder], processes: [started] });
  const { record } = new Ledger({ ...dead, owner: { ...dead.owner, ...NOBODY } });
  const living = new Ledger(newRecord(newLabId()));
  try {
    expect(await sweep()).toContain(id);
    expect(leftovers(id, record)).toEqual([]);
    expect(readRecords().map((each) => each.id)).toContain(living.record.id);
  } finally {
    await remove(living.record);
  }
});

test("an owner in another PID namespace is never taken for dead", () => {
  const record = newRecord(id);
  expect(isOrphan(record)).toBe(false);
  expect(isOrphan({ ...record, owner: { ...record.owner, ...NOBODY } })).toBe(true);
  expect(isOrphan({ ...record, owner: { ...NOBODY, pidNamespace: "pid:[1]" } })).toBe(false);
});

test("a note is on disk at once", () => {
  const records = join(folder, "records");
  const ledger = new Ledger(newRecord(id), records);
  ledger.note(({ processes }) => ({ processes: [...processes, started] }));
  expect(readRecords(records)).toEqual([ledger.record]);
  expect(existsSync(join(records, `${id}.json`))).toBe(true);
});

test("the last of the labs that made /run/netns takes it back", () => {
  const mounted = [{ mountPoint: "/run/netns", root: "/", type: "tmpfs", superOptions: [] }];
  expect(makesNamespaceFolder([], [])).toBe(true);
  expect(makesNamespaceFolder(mounted, [])).toBe(false);
  expect(makesNamespaceFolder(mounted, [newRecord("aaaaaa", { madeNamespaceFolder: true })])).toBe(true);
});

test("waiting ends when a daemon that it needs has ended, and shows its log", async () => {
  const logFile = join(folder, "brief.log");
  const daemon = new Daemon({ name: "brief", command: ["sh", "-c", "echo no such luck; exit 3"], logFile });
  const waiting = until("the thing", async () => false, { timeoutMs: 10_000, daemons: [daemon] });
  await expect(waiting).rejects.toThrow("the thing: brief ended with code 3\nbrief.log ends with:\n    no such luck");
});

test("waiting ends with its time, and keeps the last reason as cause", async () => {
  const reason = new Error("not yet");
  const waiting = until("the thing", () => Promise.reject(reason), { timeoutMs: 20, everyMs: 5 });
  await expect(waiting).rejects.toMatchObject({ message: "the thing: not within 0.02 s", cause: reason });
});

test("a command that takes too long ends with code 124", async () => {
  expect(await run(["sleep", "60"], { timeoutMs: 50 })).toEqual({ code: 124, stdout: "", stderr: "" });
});

test("a process is no longer itself when its number was given to another", () => {
  const self = identify(process.pid);
  expect(self && isAlive(self)).toBe(true);
  expect(self && isAlive({ ...self, startTime: "1" })).toBe(false);
});

test("removal spares the process that runs it and those that started it", () => {
  expect([...selfAndAncestors()]).toEqual(expect.arrayContaining([process.pid, process.ppid]));
});
