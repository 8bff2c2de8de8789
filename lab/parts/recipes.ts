// Which real programs the lab runs, which pinned Go module each is built from, and which versions found elsewhere will do.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Of every cluster and every `pulumi up`. */
export const LAB_PART_NAMES = [
  "kube-apiserver",
  "etcd",
  "kube-controller-manager",
  "kube-scheduler",
  "kubectl",
  "kubelet",
  "kube-proxy",
  "pulumi-language-nodejs",
  "pulumi",
  "gateway-api-crds",
] as const;
export type LabPartName = (typeof LAB_PART_NAMES)[number];

/** Of the tests alone, beside those: Pulumi's own provider that builds images, and the daemon that builds for it. */
export const PART_NAMES = [...LAB_PART_NAMES, "pulumi-resource-docker-build", "buildkitd"] as const;
export type PartName = (typeof PART_NAMES)[number];

/** A program built from a Go module of ours that pins it. */
export interface Recipe {
  readonly name: PartName;
  /** Folder below `lab/parts` that holds the module. */
  readonly module: string;
  /** The required module whose version is the part's version. */
  readonly versionOf: string;
  /** Package to build; undefined for a part that is a folder of the module itself. */
  readonly package?: string;
  /** Folder of the module that is the part. */
  readonly folder?: string;
  readonly ldflags: (version: string) => readonly string[];
  /** What is asked of a candidate found on the machine, to learn its version. */
  readonly versionArgs?: readonly string[];
  /** Never the machine's own: it has no way to tell its version, and must be the one that is pinned. */
  readonly alwaysBuilt?: true;
}

// Without these the servers call themselves v0.0.0, and clients judge features by that.
const kubernetesVersion = (version: string): readonly string[] => {
  const [major = "", minor = ""] = version.replace(/^v/, "").split(".");
  const at = "k8s.io/component-base/version";
  return [`-X ${at}.gitVersion=${version}`, `-X ${at}.gitMajor=${major}`, `-X ${at}.gitMinor=${minor}`];
};

const kubernetes = (name: PartName, versionArgs: readonly string[] = ["--version"]): Recipe => ({
  name,
  module: "kubernetes",
  versionOf: "k8s.io/kubernetes",
  package: `k8s.io/kubernetes/cmd/${name}`,
  ldflags: kubernetesVersion,
  versionArgs,
});

export const RECIPES: Readonly<Record<PartName, Recipe>> = {
  "kube-apiserver": kubernetes("kube-apiserver"),
  etcd: {
    name: "etcd",
    module: "kubernetes",
    versionOf: "go.etcd.io/etcd/server/v3",
    package: "go.etcd.io/etcd/server/v3",
    ldflags: () => [],
    versionArgs: ["--version"],
  },
  "kube-controller-manager": kubernetes("kube-controller-manager"),
  "kube-scheduler": kubernetes("kube-scheduler"),
  kubectl: kubernetes("kubectl", ["version", "--client"]),
  kubelet: kubernetes("kubelet"),
  "kube-proxy": kubernetes("kube-proxy"),
  "pulumi-language-nodejs": {
    name: "pulumi-language-nodejs",
    module: "pulumi-language-nodejs",
    versionOf: "github.com/pulumi/pulumi/sdk/v3",
    package: "github.com/pulumi/pulumi/sdk/v3/nodejs/cmd/pulumi-language-nodejs",
    ldflags: () => [],
  },
  pulumi: {
    name: "pulumi",
    module: "pulumi-engine",
    versionOf: "github.com/pulumi/pulumi/pkg/v3",
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ldflags: (version) => [`-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version.replace(/^v/, "")}`],
    versionArgs: ["version"],
  },
  "gateway-api-crds": {
    name: "gateway-api-crds",
    module: "kubernetes",
    versionOf: "sigs.k8s.io/gateway-api",
    folder: "config/crd/standard",
    ldflags: () => [],
  },
  "pulumi-resource-docker-build": {
    name: "pulumi-resource-docker-build",
    module: "pulumi-docker-build",
    versionOf: "github.com/pulumi/pulumi-docker-build",
    package: "github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build",
    ldflags: (version) => [`-X github.com/pulumi/pulumi-docker-build/provider.Version=${version.replace(/^v/, "")}`],
    alwaysBuilt: true,
  },
  buildkitd: {
    name: "buildkitd",
    module: "pulumi-docker-build",
    versionOf: "github.com/moby/buildkit",
    package: "github.com/moby/buildkit/cmd/buildkitd",
    ldflags: (version) => [`-X github.com/moby/buildkit/version.Version=${version}`],
    versionArgs: ["--version"],
  },
};

/** A part as the files of this project pin it. */
export interface Pin {
  readonly version: string;
  readonly ldflags: string;
  /** Names the build by everything that goes into it. */
  readonly key: string;
}

export function moduleFolder(recipe: Recipe): string {
  return join(__dirname, recipe.module);
}

export function pinOf(recipe: Recipe): Pin {
  const goMod = readFileSync(join(moduleFolder(recipe), "go.mod"), "utf8");
  const goSum = readFileSync(join(moduleFolder(recipe), "go.sum"), "utf8");
  const version = requiredVersion(goMod, recipe.versionOf);
  const ldflags = ["-s -w", ...recipe.ldflags(version)].join(" ");
  const inputs = [goMod, goSum, ldflags, recipe.package, recipe.folder, process.arch];
  const hash = createHash("sha256").update(JSON.stringify(inputs)).digest("hex");
  return { version, ldflags, key: `${version}-${hash.slice(0, 12)}` };
}

/** The version that a go.mod requires of a module. */
export function requiredVersion(goMod: string, module: string): string {
  for (const line of goMod.split("\n")) {
    const [name, version] = line.replace(/^\s*(require\s+)?/, "").split(/\s+/);
    if (name === module && version?.startsWith("v")) return version;
  }
  throw new Error(`go.mod requires no ${module}; add it to lab/parts and run "go mod tidy" there`);
}

/** The least Go that a go.mod asks for, for example `1.25.0`. */
export function requiredGo(goMod: string): string {
  return /^go (\d+\.\d+(?:\.\d+)?)$/m.exec(goMod)?.[1] ?? "1.25.0";
}

/** What a candidate found on the machine says of itself, and why it does not serve, if it does not. */
export interface Judgement {
  readonly version: string;
  readonly problem?: string;
}

/** @param pinned the version that would be built, for example `v1.35.4` */
export function judge(part: PartName, output: string, pinned: string): Judgement {
  const match = /\bv?(\d+)\.(\d+)\.(\d+)([-+][0-9A-Za-z.+-]+)?/.exec(output);
  if (match === null) return { version: "unknown", problem: "it does not tell its version" };
  const [, major, minor, patch, suffix = ""] = match;
  const version = `v${major}.${minor}.${patch}${suffix}`;
  const want = numbers(pinned);
  const has = { major: Number(major), minor: Number(minor) };

  if (part === "etcd") {
    return has.major === 3 && (has.minor === 5 || has.minor === 6)
      ? { version }
      : { version, problem: "3.5 or 3.6 is needed" };
  }
  if (part === "pulumi") {
    return has.major === 3 && has.minor >= 142 ? { version } : { version, problem: "3.142 or a later 3.x is needed" };
  }
  if (part === "kubectl") {
    // A vendor's dispatcher starts another kubectl by the server's version; that one may be any, or absent.
    if (suffix.includes("dispatcher")) return { version, problem: "a dispatcher starts other versions" };
    const near = has.major === want.major && Math.abs(has.minor - want.minor) <= 1;
    return near
      ? { version }
      : { version, problem: `${want.major}.${want.minor - 1} to ${want.major}.${want.minor + 1} is needed` };
  }
  const same = has.major === want.major && has.minor === want.minor;
  return same ? { version } : { version, problem: `${want.major}.${want.minor} is needed` };
}

function numbers(version: string): { major: number; minor: number } {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  return { major, minor };
}
