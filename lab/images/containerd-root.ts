// A containerd root with the images imported and unpacked once, to be cloned for every node in a moment.
import { cpSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { command } from "../parts/command";
import { isolated } from "./isolate";

/** Everything but images: nothing is run, and the optional plugins would make folders on the host. */
const DISABLED = [
  "io.containerd.grpc.v1.cri",
  // What containerd 2 makes of it.
  "io.containerd.cri.v1.images",
  "io.containerd.cri.v1.runtime",
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.restart",
];

const IMPORT = `
containerd --config "$1" >"$2" 2>&1 & daemon=$!
tries=0
until ctr version >/dev/null 2>&1; do
  tries=$((tries + 1))
  if [ $tries -gt 600 ] || ! kill -0 $daemon; then cat "$2" >&2; exit 1; fi
  sleep 0.05
done
ctr --namespace k8s.io images import --snapshotter overlayfs "$3" && code=0 || code=$?
kill $daemon
wait $daemon || true
exit $code
`;

/**
 * Imports the images of an OCI layout into the containerd root at `root`.
 *
 * @param work a scratch folder that the caller removes
 */
export async function importImages(root: string, layout: string, work: string): Promise<void> {
  const archive = join(work, "layout.tar");
  const config = join(work, "containerd.toml");
  mkdirSync(root, { recursive: true });
  await command(["tar", "--create", "--file", archive, "--directory", layout, "oci-layout", "index.json", "blobs"]);
  writeFileSync(
    config,
    [
      "version = 2",
      `root = ${JSON.stringify(root)}`,
      'state = "/run/containerd"',
      `disabled_plugins = ${JSON.stringify(DISABLED)}`,
      "[grpc]",
      '  address = "/run/containerd/containerd.sock"',
      "",
    ].join("\n"),
  );
  const script = ["sh", "-c", IMPORT, "sh", config, join(work, "containerd.log"), archive];
  await command(isolated(script, commonFolder(root, work)), { name: "import into containerd", timeoutMs: 300_000 });
  rmSync(archive);
}

/**
 * Makes a containerd root for one node: hard links where `to` is on the same file system, copies otherwise. The
 * databases are real copies, since each node writes its own.
 */
export async function cloneContainerdRoot(from: string, to: string): Promise<void> {
  mkdirSync(dirname(to), { recursive: true });
  const linked = statSync(from).dev === statSync(dirname(to)).dev;
  // --no-target-directory: with an existing `to`, cp would put the root into it.
  await command(["cp", "--no-target-directory", ...(linked ? ["-al"] : ["-a", "--reflink=auto"]), from, to]);
  if (!linked) return;
  for (const name of databases(from)) {
    rmSync(join(to, name));
    cpSync(join(from, name), join(to, name));
  }
}

/** The bolt files: containerd's metadata and each snapshotter's; never deeper than a plugin's own folder. */
function databases(root: string): string[] {
  return readdirSync(root, { withFileTypes: true })
    .filter((plugin) => plugin.isDirectory())
    .flatMap((plugin) =>
      readdirSync(join(root, plugin.name))
        .filter((name) => name.endsWith(".db"))
        .map((name) => join(plugin.name, name)),
    );
}

function commonFolder(a: string, b: string): string {
  let folder = a;
  while (!b.startsWith(`${folder}/`) && folder !== "/") folder = dirname(folder);
  return folder;
}
