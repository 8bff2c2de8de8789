import { existsSync } from "node:fs";
import { join } from "node:path";

import { compareVersions, neededGo } from "../../lab/parts/ensure";
import { PART_NAMES, RECIPES, judge, moduleFolder, pinOf, requiredGo, requiredVersion } from "../../lab/parts/recipes";

describe("a program found on the machine", () => {
  test.each([
    ["kube-apiserver", "Kubernetes v1.35.4", { version: "v1.35.4" }],
    ["kube-apiserver", "Kubernetes v1.35.0-rc.1", { version: "v1.35.0-rc.1" }],
    ["kube-apiserver", "Kubernetes v1.34.9", { version: "v1.34.9", problem: "1.35 is needed" }],
    ["kubelet", "Kubernetes v1.36.0", { version: "v1.36.0", problem: "1.35 is needed" }],
    ["kubectl", "Client Version: v1.34.1\nKustomize Version: v5.7.1", { version: "v1.34.1" }],
    ["kubectl", "Client Version: v1.36.2+vendor.1", { version: "v1.36.2+vendor.1" }],
    ["kubectl", "Client Version: v1.33.0", { version: "v1.33.0", problem: "1.34 to 1.36 is needed" }],
    [
      "kubectl",
      "Client Version: v1.35.0-dispatcher",
      { version: "v1.35.0-dispatcher", problem: "a dispatcher starts other versions" },
    ],
    ["etcd", "etcd Version: 3.5.21\nGit SHA: abc", { version: "v3.5.21" }],
    ["etcd", "etcd Version: 3.6.5", { version: "v3.6.5" }],
    ["etcd", "etcd Version: 3.4.30", { version: "v3.4.30", problem: "3.5 or 3.6 is needed" }],
    ["pulumi", "v3.142.0", { version: "v3.142.0" }],
    ["pulumi", "3.255.0", { version: "v3.255.0" }],
    ["pulumi", "v3.141.9", { version: "v3.141.9", problem: "3.142 or a later 3.x is needed" }],
    ["pulumi", "v4.0.0", { version: "v4.0.0", problem: "3.142 or a later 3.x is needed" }],
    ["buildkitd", "buildkitd github.com/moby/buildkit v1.35.9 abcdef", { version: "v1.35.9" }],
    ["buildkitd", "buildkitd github.com/moby/buildkit v1.34.0", { version: "v1.34.0", problem: "1.35 is needed" }],
    ["etcd", "usage: etcd [flags]", { version: "unknown", problem: "it does not tell its version" }],
  ] as const)("%s that says %j is judged by its version", (part, output, judgement) => {
    expect(judge(part, output, "v1.35.4")).toEqual(judgement);
  });
});

describe("the pinned versions", () => {
  const goMod = "module x\n\ngo 1.25.3\n\nrequire a.dev/one v1.2.3\n\nrequire (\n\tb.dev/two v0.1.0 // indirect\n)\n";

  test.each([
    ["a.dev/one", "v1.2.3"],
    ["b.dev/two", "v0.1.0"],
  ])("the version of %s is read from go.mod", (module, version) => {
    expect(requiredVersion(goMod, module)).toBe(version);
  });

  test("a module that go.mod does not require is an error that says what to do", () => {
    expect(() => requiredVersion(goMod, "c.dev/three")).toThrow(
      'go.mod requires no c.dev/three; add it to lab/parts and run "go mod tidy" there',
    );
  });

  test("the least Go is read from go.mod", () => {
    expect(requiredGo(goMod)).toBe("1.25.3");
  });

  test("the Go that is needed is the newest that any part asks for", () => {
    const newest = PART_NAMES.map((name) => neededGo([name]))
      .sort(compareVersions)
      .at(-1);
    expect(neededGo(PART_NAMES)).toBe(newest);
  });

  test.each([
    ["1.25.0", "1.25", 0],
    ["1.9.9", "1.25.0", -1],
    ["1.26.8", "1.25.11", 1],
  ])("%s compared with %s gives %d", (a, b, sign) => {
    expect(Math.sign(compareVersions(a, b))).toBe(sign);
  });

  test.each(PART_NAMES)("%s is pinned by a module of this project, complete with its sums", (name) => {
    const pin = pinOf(RECIPES[name]);
    expect(pin.version).toMatch(/^v\d+\.\d+\.\d+$/);
    expect(pin.key).toMatch(new RegExp(`^${pin.version.replaceAll(".", "\\.")}-[0-9a-f]{12}$`));
    expect(existsSync(join(moduleFolder(RECIPES[name]), "go.sum"))).toBe(true);
  });

  test("Pulumi's provider for images is the one that the npm package asks for", () => {
    const { version } = jest.requireActual<{ version: string }>("@pulumi/docker-build/package.json");
    expect(pinOf(RECIPES["pulumi-resource-docker-build"]).version).toBe(`v${version}`);
  });

  test("the Kubernetes programs are told their version, or they call themselves v0.0.0", () => {
    const { version, ldflags } = pinOf(RECIPES["kube-apiserver"]);
    expect(ldflags).toContain(`-X k8s.io/component-base/version.gitVersion=${version}`);
    expect(ldflags).toContain("-X k8s.io/component-base/version.gitMajor=1 ");
  });
});
