import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { readOutcome } from "../../lab/pulumi/events";
import { installPlugin } from "../../lab/pulumi/plugins";
import { runSession } from "../../lab/pulumi/session";
import { stageExample } from "../../lab/pulumi/stage";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "podpin-engine-"))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NAME = "pulumi-resource-kubernetes";

function executable(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, "#!/bin/sh\n");
  chmodSync(path, 0o755);
  return path;
}

describe("the kubernetes plugin", () => {
  const bin = (): string => {
    mkdirSync(join(folder, "bin"));
    return join(folder, "bin");
  };

  test("is the real one of PATH before one in the plugin folder", async () => {
    const onPath = executable(join(folder, "path", NAME));
    executable(join(folder, "pulumi/plugins/resource-kubernetes-v4.30.0", NAME));
    const env = { PATH: `/absent:${dirname(onPath)}`, PULUMI_HOME: join(folder, "pulumi") };
    const into = bin();
    expect(await installPlugin("kubernetes", into, process.execPath, env)).toEqual({ kind: "real", where: onPath });
    expect(realpathSync(join(into, NAME))).toBe(realpathSync(onPath));
  });

  test("is the newest of the plugin folder, in the home folder where PULUMI_HOME is not set", async () => {
    for (const version of ["4.9.0", "4.30.1", "4.30.0"]) {
      executable(join(folder, `.pulumi/plugins/resource-kubernetes-v${version}`, NAME));
    }
    executable(join(folder, ".pulumi/plugins/resource-gcp-v9.0.0", "pulumi-resource-gcp"));
    const { kind, where } = await installPlugin("kubernetes", bin(), process.execPath, { PATH: "", HOME: folder });
    expect([kind, where]).toEqual(["real", join(folder, ".pulumi/plugins/resource-kubernetes-v4.30.1", NAME)]);
  });

  test("is found in the same way for another cloud", async () => {
    const real = executable(join(folder, ".pulumi/plugins/resource-gcp-v9.0.0", "pulumi-resource-gcp"));
    const into = bin();
    const found = await installPlugin("gcp", into, process.execPath, { PATH: "", HOME: folder });
    expect(found).toEqual({ kind: "real", where: real });
    expect(realpathSync(join(into, "pulumi-resource-gcp"))).toBe(realpathSync(real));
  });

  test("is the stand-in where there is none, or only one that cannot be run", async () => {
    mkdirSync(join(folder, "path"));
    writeFileSync(join(folder, "path", NAME), "not a program", { mode: 0o644 });
    const into = bin();
    const env = { PATH: join(folder, "path"), HOME: folder };
    expect(await installPlugin("kubernetes", into, process.execPath, env)).toEqual({
      kind: "stand-in",
      where: join(into, NAME),
    });
    const abort = new AbortController();
    const { stdout } = await runSession([join(into, NAME), "127.0.0.1:1"], {
      cwd: folder,
      env: process.env,
      signal: abort.signal,
      onLine: () => abort.abort(),
    });
    expect(stdout).toMatch(/^\d+\n$/);
  });
});

describe("a session", () => {
  /** Processes that have these words in their command line. */
  const running = (words: string): string[] =>
    readdirSync("/proc").filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").includes(words);
      } catch {
        return false;
      }
    });
  // A child in the shell's group and one in a group of its own, as the engine's plugins are.
  const family = (mark: string): string => `sleep ${mark} & set -m; sleep ${mark} & set +m; echo started; wait`;

  test.each([
    ["is asked to end when it takes too long", "", 124, false],
    ["is killed when it does not end then", "trap '' INT; ", 124, true],
  ])("%s, and nothing of it stays", async (_what, trap, code, killed) => {
    const mark = `98${process.pid}${killed ? 1 : 2}`;
    const lines: string[] = [];
    const result = await runSession(["bash", "-c", trap + family(mark)], {
      cwd: folder,
      env: process.env,
      timeoutMs: 300,
      graceMs: killed ? 100 : 10_000,
      onLine: (line) => lines.push(line),
    });
    expect(result).toMatchObject({ code, killed });
    expect(lines).toEqual(["started"]);
    expect(running(`sleep ${mark}`)).toEqual([]);
  });

  test("ends when its user gives up, and tells its own code when nobody does", async () => {
    const abort = new AbortController();
    const mark = `97${process.pid}`;
    const options = { cwd: folder, env: process.env };
    const pending = runSession(["bash", "-c", family(mark)], {
      ...options,
      signal: abort.signal,
      onLine: () => abort.abort(),
    });
    expect(await pending).toMatchObject({ code: 130 });
    expect(running(`sleep ${mark}`)).toEqual([]);
    expect(await runSession(["sh", "-c", "echo a; echo b >&2; exit 3"], options)).toEqual({
      code: 3,
      stdout: "a\n",
      stderr: "b\n",
      killed: false,
    });
  });
});

test("the event log tells steps, messages and counts, up to where it is cut off", () => {
  const urn = "urn:pulumi:dev::p::kubernetes:networking.gke.io/v1:GKEIPRoute::r";
  const detailedDiff = { "spec.network": { diffKind: "update-replace", inputDiff: false } };
  const metadata = { op: "replace", urn, type: "t", keys: ["spec.network"], detailedDiff };
  const events = [
    { resourcePreEvent: { metadata } },
    { diagnosticEvent: { severity: "error", urn, message: "it failed\n" } },
    { diagnosticEvent: { severity: "info", urn, message: "still waiting", ephemeral: true } },
    { diagnosticEvent: { severity: "debug", message: "detail" } },
    { diagnosticEvent: { severity: "warning", message: "using pulumi-resource-kubernetes from $PATH at /x" } },
    { summaryEvent: { resourceChanges: { same: 2, replace: 1 } } },
  ];
  expect(readOutcome(`${events.map((event) => JSON.stringify(event)).join("\n")}\n{"cut`)).toEqual({
    steps: [{ op: "replace", urn, type: "t", diff: { "spec.network": "update-replace" }, replaces: ["spec.network"] }],
    diagnostics: [{ severity: "error", urn, message: "it failed" }],
    changes: { create: 0, update: 0, replace: 1, delete: 0, same: 2 },
  });
});

describe("a staged program", () => {
  const program = (dependencies: Record<string, string>): string => {
    const source = join(folder, "program");
    mkdirSync(join(source, "node_modules"), { recursive: true });
    writeFileSync(join(source, "package.json"), JSON.stringify({ dependencies }));
    writeFileSync(join(source, "Pulumi.yaml"), "name: p\n");
    writeFileSync(join(source, "Pulumi.dev.yaml"), "config: {}\n");
    return source;
  };

  test("has its files and the packages that it declares, and nobody's settings", async () => {
    const target = join(folder, "target");
    await stageExample(program({ "@pulumi/pulumi": "^3.0.0" }), target);
    expect(readdirSync(target).sort()).toEqual(["Pulumi.yaml", "node_modules", "package.json"]);
    expect(readdirSync(join(target, "node_modules"))).toEqual(["@pulumi"]);
    expect(existsSync(join(target, "node_modules/@pulumi/pulumi/index.js"))).toBe(true);
  });

  test("may not declare what the repository does not have", async () => {
    await expect(stageExample(program({ absent: "1.0.0" }), join(folder, "target"))).rejects.toThrow(
      'package.json: got the dependency "absent", which this repository does not have; add it to the repository\'s ' +
        "devDependencies or take it out of the program",
    );
  });
});
