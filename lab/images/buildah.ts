// Builds the packaged image as a user would, from its Dockerfile, with a storage of our own and without a network.
import { mkdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { command } from "../parts/command";
import { isolated } from "./isolate";

/** Puts the base image of an OCI layout into the storage. */
export async function pullBase(storage: string, layout: string, name: string, work: string): Promise<void> {
  const buildah = tool(storage, work);
  // buildah makes a name of the path, and refuses what a name may not have; so the path is a short one.
  const pulled = await buildah("pull", [`oci:${basename(layout)}:${name}`], dirname(layout));
  const id = pulled.trim().split("\n").at(-1) ?? "";
  await buildah("tag", [id, name]);
}

/** Writes an image of the storage to the folder `out`, as {@link buildImage} does it. */
export async function exportImage(storage: string, image: string, out: string, work: string): Promise<void> {
  await tool(storage, work)("push", ["--disable-compression", image, `dir:${out}`]);
}

/**
 * Builds the image from `context` and writes it to the folder `out`, in the form of buildah's `dir:` transport.
 *
 * @param fresh whether nothing of an earlier build is used again
 */
export async function buildImage(
  storage: string,
  context: string,
  base: string,
  image: string,
  out: string,
  work: string,
  fresh = false,
): Promise<void> {
  const buildah = tool(storage, work);
  // Left over from a build that was killed.
  await buildah("rm", ["--all"]);
  await buildah("build", [
    // Layers: what is gathered from the base is kept, and only the bundle is new the next time.
    ...["--isolation", "chroot", "--pull-never", "--format", "oci", "--timestamp", "0", "--layers"],
    ...(fresh ? ["--no-cache"] : []),
    ...["--build-arg", `BASE=${base}`, "--tag", image, context],
  ]);
  await buildah("push", ["--disable-compression", image, `dir:${out}`]);
  await buildah("rmi", [image]);
}

type Buildah = (verb: string, args: readonly string[], folder?: string) => Promise<string>;

function tool(storage: string, work: string): Buildah {
  mkdirSync(storage, { recursive: true });
  const policy = join(work, "policy.json");
  const settings = join(work, "storage.conf");
  const registries = join(work, "registries.conf");
  writeFileSync(policy, JSON.stringify({ default: [{ type: "insecureAcceptAnything" }] }));
  writeFileSync(settings, '[storage]\ndriver = "overlay"\n');
  writeFileSync(registries, "");
  const env = {
    ...process.env,
    TMPDIR: work,
    CONTAINERS_STORAGE_CONF: settings,
    CONTAINERS_REGISTRIES_CONF: registries,
    CONTAINERS_CONF: registries,
  };
  const options = ["--root", storage, "--runroot", "/run/buildah", "--storage-driver", "overlay"];
  // Folders of the cache: the storage and the scratch folder are below the same root.
  const keep = dirname(dirname(dirname(storage)));
  return (verb, args, folder = "/") => {
    const signed = verb === "pull" || verb === "build" || verb === "push" ? ["--signature-policy", policy] : [];
    const argv = ["env", `--chdir=${folder}`, "buildah", verb, ...options, ...signed, ...args];
    return command(isolated(argv, keep), { name: `buildah ${verb}`, env, timeoutMs: 300_000 });
  };
}
