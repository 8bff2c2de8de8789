// Gives the images that the lab's nodes run, inside a containerd root that is ready to be cloned. Two generations of
// cache: what rarely changes (Debian, Node.js, the sample server), and on top of it the packaged controller.
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { bundled } from "../../controller-image/build";
import { type CacheEntry, fromCache, withLock } from "../parts/cache";
import { cachedStep } from "../parts/cached-step";
import { command } from "../parts/command";
import { findCommand } from "../parts/locate";
import type { Progress } from "../progress";
import { buildImage, exportImage, pullBase } from "./buildah";
import { cloneContainerdRoot, importImages } from "./containerd-root";
import { aptSourceFiles, baseDistribution, distributionSources } from "./distribution";
import { OciLayout } from "./oci";

export { cloneContainerdRoot } from "./containerd-root";

export interface Images {
  /** The packaged controller and agent; its tag changes with its content. */
  readonly podpinImage: string;
  /** The image name of GKE's own how-to, served by a small server of ours. */
  readonly helloAppImage: string;
  readonly pauseImage: string;
  /** Debian with Node.js, `ip`, `nft`, `conntrack` and `socat`, below all the others. */
  readonly baseImage: string;
  /** A containerd root with all of them imported; nodes get clones ({@link cloneContainerdRoot}). */
  readonly containerdRoot: string;
}

const HELLO_APP = "us-docker.pkg.dev/google-samples/containers/gke/hello-app:1.0";
const PAUSE = "podpin.lab/pause:1";
const BASE = "podpin.lab/base:1";
/** Brings what all generations of the podpin image share. */
const FIRST = "podpin.lab/podpin:first";
const PACKAGES = ["nftables", "iproute2", "conntrack", "socat", "libstdc++6"];
const ENV = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"];
const KEEP_GENERATIONS = 3;
/** Changes when this file makes something else of the same inputs. */
const RECIPE = 2;

const REPOSITORY = join(__dirname, "../..");
const DOCKERFILE = join(REPOSITORY, "controller-image/Dockerfile");
const HELLO_APP_SERVER = join(__dirname, "hello-app/server.js");

/** @param podpin the bundle that the image runs. @default - made from `controller-image/src` */
export async function ensureImages(report: Progress, podpin?: Uint8Array): Promise<Images> {
  const bundle = podpin ?? (await bundled());
  const base = baseEntry();
  const set: CacheEntry = {
    folder: "images/sets",
    key: hashOf(base.key, bundle),
    keep: KEEP_GENERATIONS,
  };
  const podpinImage = `podpin.lab/podpin:${set.key}`;
  let folder = fromCache(set);
  if (folder === undefined) {
    const below = await ensureBase(report);
    folder = await cachedStep(
      report,
      { name: "podpin image", doing: "building", what: podpinImage, entry: set },
      (making, update) => makeSet(making, below, bundle, podpinImage, update),
    );
  }
  return {
    podpinImage,
    helloAppImage: HELLO_APP,
    pauseImage: PAUSE,
    baseImage: BASE,
    containerdRoot: join(folder, "containerd"),
  };
}

/**
 * Builds the image alone, in a folder of the caller's, and gives where it is, in the form of buildah's `dir:` transport.
 *
 * @param fresh whether nothing of an earlier build is used again
 */
export async function buildPodpinImage(
  report: Progress,
  bundle: Uint8Array,
  folder: string,
  fresh: boolean,
): Promise<string> {
  const base = await ensureBase(report);
  await locked(base, () => buildPodpin(join(base, "storage"), bundle, "podpin.lab/podpin:alone", folder, fresh));
  return join(folder, "image");
}

/** Writes the base image to a folder of the caller's, in the form of buildah's `dir:` transport, and gives its place there. */
export async function exportBaseImage(report: Progress, folder: string): Promise<string> {
  const base = await ensureBase(report);
  const out = join(folder, "image");
  mkdirSync(folder, { recursive: true });
  await locked(base, () => exportImage(join(base, "storage"), BASE, out, folder));
  return out;
}

async function ensureBase(report: Progress): Promise<string> {
  const entry = baseEntry();
  const step = { name: "base image", doing: "preparing", what: baseDistribution().name, entry };
  return fromCache(entry) ?? cachedStep(report, step, makeBase);
}

/** The storage below the base is shared by all that is built on it. */
function locked(base: string, build: () => Promise<void>, onWait: () => void = () => undefined): Promise<void> {
  return withLock(join(base, "storage.lock"), onWait, build);
}

function baseEntry(): CacheEntry {
  const distribution = baseDistribution();
  const inputs = [RECIPE, distribution.id, distribution.codename, process.arch, PACKAGES, ENV, nodePackage().version];
  const key = hashOf(JSON.stringify(inputs), readFileSync(HELLO_APP_SERVER), readFileSync(DOCKERFILE));
  return { folder: "images/base", key, keep: KEEP_GENERATIONS };
}

/** The Node.js of the images: the one that the package `node`, a development dependency, brings. */
function nodePackage(): { version: string; binary: string } {
  const manifest = require.resolve("node/package.json", { paths: [REPOSITORY] });
  const { version } = JSON.parse(readFileSync(manifest, "utf8")) as { version: string };
  return { version, binary: realpathSync(join(dirname(manifest), "bin/node")) };
}

async function makeBase(making: string, update: (doing: string) => void): Promise<void> {
  const work = join(making, "work");
  mkdirSync(work);
  const distribution = baseDistribution();
  update(`packages of ${distribution.name}`);
  const rootfs = join(work, "rootfs.tar");
  await bootstrap(rootfs, work);

  update("importing");
  const layout = new OciLayout(join(making, "layout"));
  const system = await layout.addLayer(rootfs);
  const app = join(work, "hello-app");
  mkdirSync(join(app, "app"), { recursive: true });
  copyFileSync(HELLO_APP_SERVER, join(app, "app/server.js"));
  const owner = ["--owner=0", "--group=0", "--numeric-owner", "--mtime=@0", "--sort=name", "--mode=go-w"];
  const appTar = join(work, "hello-app.tar");
  await command(["tar", "--create", "--file", appTar, ...owner, "--directory", app, "app"]);
  const hello = await layout.addLayer(appTar);
  layout.addImage(BASE, [system], { entrypoint: ["node"], env: ENV });
  layout.addImage(HELLO_APP, [system, hello], { entrypoint: ["node", "/app/server.js"], env: ENV });
  // It only holds a Pod's namespaces open; containerd ends it with SIGKILL.
  layout.addImage(PAUSE, [system], { entrypoint: ["sleep", "infinity"], env: ENV });
  layout.writeIndex();
  await importImages(join(making, "containerd"), layout.folder, work);
  const storage = join(making, "storage");
  await pullBase(storage, layout.folder, BASE, work);
  rmSync(layout.folder, { recursive: true });

  update("the podpin image without its bundle");
  const first = new OciLayout(join(work, "first"));
  await buildPodpin(storage, new Uint8Array(), FIRST, join(work, "build"));
  const layers = first.addFromDir(FIRST, join(work, "build/image"), new Set());
  first.writeIndex();
  await importImages(join(making, "containerd"), first.folder, work);
  // containerd and buildah have their own copies now; what stays is which layers they share.
  writeFileSync(join(making, "layers"), layers.map(({ digest }) => digest).join("\n"));
  rmSync(work, { recursive: true });
}

async function bootstrap(tar: string, work: string): Promise<void> {
  const distribution = baseDistribution();
  const sources = distributionSources(aptSourceFiles(), distribution);
  const list = join(work, "sources.list");
  writeFileSync(list, `${sources.join("\n")}\n`);
  const left = ["doc", "man", "locale", "zoneinfo"].map((name) => `--dpkgopt=path-exclude=/usr/share/${name}/*`);
  const licences = "--dpkgopt=path-include=/usr/share/doc/*/copyright";
  const node = nodePackage().binary;
  const argv = [
    "mmdebstrap",
    "--variant=essential",
    `--include=${PACKAGES.join(",")}`,
    ...left,
    licences,
    ...(await aptOptions()),
    // Hooks run outside, with the new system's folder as $1.
    `--customize-hook=install --mode=755 -D '${node.replaceAll("'", `'\\''`)}' "$1/usr/local/bin/node"`,
    distribution.codename,
    tar,
    // Without sources of its own that it could read, mmdebstrap knows the distribution's.
    ...(sources.length > 0 ? [list] : []),
  ];
  // Its mounts are made where nobody else sees them, and its processes end with it. /run stays: it may hold resolv.conf.
  const namespaces = ["--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"];
  await command(["unshare", ...namespaces, ...argv], {
    name: "mmdebstrap",
    env: { ...process.env, TMPDIR: work, LC_ALL: "C.UTF-8" },
  });
}

/** How this machine's apt reaches its mirrors: mmdebstrap reads none of its settings. */
async function aptOptions(): Promise<string[]> {
  if (findCommand("apt-config") === undefined) return [];
  const format = ["--no-empty", "--format", '%F "%v";%n'];
  const dump = await command(["apt-config", "dump", ...format, "Acquire::http", "Acquire::https", "Acquire::Retries"]);
  return dump.split("\n").flatMap((line) => (line.includes("::") ? [`--aptopt=${line.replace(/;$/, "")}`] : []));
}

async function makeSet(
  making: string,
  base: string,
  bundle: Uint8Array,
  image: string,
  update: (doing: string) => void,
): Promise<void> {
  const work = join(making, "work");
  mkdirSync(work);
  await locked(
    base,
    () => buildPodpin(join(base, "storage"), bundle, image, join(work, "build")),
    () => update("waiting for another build on the same base"),
  );

  update("importing");
  const layout = new OciLayout(join(work, "layout"));
  const present = readFileSync(join(base, "layers"), "utf8").split("\n");
  layout.addFromDir(image, join(work, "build/image"), new Set(present));
  layout.writeIndex();
  await cloneContainerdRoot(join(base, "containerd"), join(making, "containerd"));
  await importImages(join(making, "containerd"), layout.folder, work);
  rmSync(work, { recursive: true });
}

/**
 * The image that users build, from the same two files, on the lab's base. Leaves it in the folder `image` of `work`.
 *
 * Other bytes than a user's are only those of the base: Debian as this machine has it and Node.js from the package `node`.
 */
async function buildPodpin(
  storage: string,
  bundle: Uint8Array,
  image: string,
  work: string,
  fresh = false,
): Promise<void> {
  const context = join(work, "context");
  mkdirSync(context, { recursive: true });
  copyFileSync(DOCKERFILE, join(context, "Dockerfile"));
  writeFileSync(join(context, "podpin.js"), bundle);
  await buildImage(storage, context, BASE, image, join(work, "image"), work, fresh);
}

function hashOf(...inputs: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  // Lengths keep the inputs apart.
  for (const input of inputs) hash.update(`${input.length}:`).update(input);
  return hash.digest("hex").slice(0, 16);
}
