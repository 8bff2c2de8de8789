import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ensureParts } from "../../lab/parts/ensure";
import { findCommand, searchPart } from "../../lab/parts/locate";
import { RECIPES, pinOf } from "../../lab/parts/recipes";
import { silent } from "../../lab/progress";

const saved = { ...process.env };
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "podpin-parts-"));
  for (const name of ["assets", "path", "cache"]) mkdirSync(join(folder, name));
  delete process.env["KUBEBUILDER_ASSETS"];
  process.env["PATH"] = `${join(folder, "path")}:/usr/bin:/bin`;
  process.env["XDG_CACHE_HOME"] = join(folder, "cache");
});
afterEach(() => {
  process.env = { ...saved };
  rmSync(folder, { recursive: true, force: true });
});

function program(where: "assets" | "path", name: string, ...script: string[]): string {
  const path = join(folder, where, name);
  writeFileSync(path, ["#!/bin/sh", ...script, ""].join("\n"));
  chmodSync(path, 0o755);
  return path;
}

const KUBERNETES = pinOf(RECIPES["kube-apiserver"]).version;

describe("a part that the machine has", () => {
  test("is taken from PATH when its version fits", async () => {
    const path = program("path", "etcd", "echo etcd Version: 3.5.9");
    expect(await searchPart("etcd")).toEqual({ found: { path, from: "from PATH, v3.5.9" }, passedOver: [] });
  });

  test("is taken from KUBEBUILDER_ASSETS before PATH", async () => {
    process.env["KUBEBUILDER_ASSETS"] = join(folder, "assets");
    const path = program("assets", "kube-apiserver", `echo Kubernetes ${KUBERNETES}`);
    program("path", "kube-apiserver", `echo Kubernetes ${KUBERNETES}`);
    expect((await searchPart("kube-apiserver")).found).toEqual({
      path,
      from: `from KUBEBUILDER_ASSETS, ${KUBERNETES}`,
    });
  });

  test("is passed over, saying why, when its version does not fit", async () => {
    program("path", "kubectl", "echo Client Version: v1.32.4-dispatcher");
    expect(await searchPart("kubectl")).toEqual({
      found: undefined,
      passedOver: ["kubectl in PATH is v1.32.4-dispatcher: a dispatcher starts other versions"],
    });
  });

  test("is passed over when it does not answer in time, and does not stay behind", async () => {
    program("path", "kubectl", `echo $$ > ${folder}/pid`, "sleep 1000");
    expect((await searchPart("kubectl", 300)).passedOver).toEqual([
      "kubectl in PATH is unknown: it does not tell its version",
    ]);
    const pid = Number(readFileSync(join(folder, "pid"), "utf8"));
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
  });

  test("asked for its version, Pulumi writes nothing into the user's folders", async () => {
    program("path", "pulumi", 'mkdir "$PULUMI_HOME/logs" && echo v3.200.0');
    process.env["PULUMI_HOME"] = join(folder, "home");
    expect((await searchPart("pulumi")).found?.from).toBe("from PATH, v3.200.0");
    expect(readdirSync(folder).sort()).toEqual(["assets", "cache", "path"]);
  });

  test("is not even started where it cannot tell its version", async () => {
    program("path", "pulumi-resource-docker-build", `echo $$ > ${folder}/pid`);
    expect(await searchPart("pulumi-resource-docker-build")).toEqual({ found: undefined, passedOver: [] });
    expect(readdirSync(folder)).not.toContain("pid");
  });

  test.each([
    ["beside a Pulumi that fits is taken", "v3.200.0", "from PATH, v3.200.0", []],
    [
      "beside a Pulumi that does not fit is passed over",
      "v3.99.0",
      undefined,
      ["pulumi-language-nodejs in PATH is v3.99.0: 3.142 or a later 3.x is needed"],
    ],
    [
      "alone is passed over",
      undefined,
      undefined,
      ["pulumi-language-nodejs in PATH is unknown: no pulumi is beside it"],
    ],
  ])("the language host %s", async (_title, engine, from, passedOver) => {
    program("path", "pulumi-language-nodejs", "exit 1");
    if (engine !== undefined) program("path", "pulumi", `echo ${engine}`);
    const search = await searchPart("pulumi-language-nodejs");
    expect([search.found?.from, search.passedOver]).toEqual([from, passedOver]);
  });

  test("is not looked for among the helpers of npm packages", () => {
    mkdirSync(join(folder, ".bin"));
    writeFileSync(join(folder, ".bin/only-here"), "#!/bin/sh\n", { mode: 0o755 });
    expect(findCommand("only-here", join(folder, ".bin"))).toBeUndefined();
  });
});

describe("a part that the machine lacks", () => {
  // Plays Go: writes what it was asked and a program where -o says.
  const go = (): void => {
    program(
      "path",
      "go",
      'case "$1" in version) echo go version go1.99.0 linux/amd64; exit;; esac',
      `echo "$CGO_ENABLED $GOFLAGS [$GOOS] $*" >> ${folder}/asked`,
      'while [ "$1" != -o ]; do shift; done',
      'echo built > "$2/server"',
    );
  };

  test("is built once, under its own name, whatever the user's Go settings are", async () => {
    go();
    process.env["GOFLAGS"] = "-mod=vendor";
    process.env["GOOS"] = "darwin";
    const first = await ensureParts(silent, ["etcd"]);
    const second = await ensureParts(silent, ["etcd"]);
    expect(second).toEqual(first);
    expect(first.etcd).toBe(join(folder, "cache/podpin/parts/etcd", pinOf(RECIPES.etcd).key, "etcd"));
    const asked: string[] = readFileSync(join(folder, "asked"), "utf8").trim().split("\n");
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatch(
      /^0 -buildvcs=false \[\] build -v -mod=readonly -trimpath -ldflags -s -w -o \S+ go\.etcd\.io\/etcd\/server\/v3$/,
    );
    expect(readdirSync(join(first.etcd, ".."))).toEqual(["etcd"]);
  });

  test("gives the compiler's own words when it cannot be built, and leaves nothing", async () => {
    program(
      "path",
      "go",
      'case "$1" in version) echo go version go1.99.0; exit;; esac',
      "echo undefined: thing >&2",
      "exit 1",
    );
    await expect(ensureParts(silent, ["etcd"])).rejects.toThrow(/^go build .*: exit 1\n {2}undefined: thing$/);
    expect(readdirSync(join(folder, "cache/podpin/parts/etcd"))).toEqual([".lock"]);
  });

  test.each([
    ["there is no Go", undefined],
    ["Go 1.19.8 is too old", "go version go1.19.8 linux/amd64"],
  ])("is named when %s", async (problem, version) => {
    if (version === undefined) process.env["PATH"] = join(folder, "path");
    else program("path", "go", `echo ${version}`);
    await expect(ensureParts(silent, ["etcd"])).rejects.toThrow(
      `etcd: must be built, and ${problem}; install Go 1.25.0 or later from https://go.dev/dl/`,
    );
  });
});
