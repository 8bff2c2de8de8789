// The peers in other versions than this repository's own, as npm installs them.
import { createHash } from "node:crypto";
import { cp, mkdir, readdir, readFile, symlink } from "node:fs/promises";
import path from "node:path";
import { throughCache } from "../../lab/parts/cache";
import { command } from "../../lab/parts/command";
import { packedLibrary } from "./packed";

/** `floor` has the lowest version of each range in package.json, `newest` the highest that was there when it was locked. */
export type PeerSet = "floor" | "newest";

const NPM_CI = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"];
/** Of each set the present generation, and one of another clone. */
const KEPT = 4;

/** The folder with the `package.json` and the lock of a set. */
export const peerSet = (set: PeerSet): string => path.join(__dirname, "peers", set);

/** The `node_modules` of a set; installed once for each lock, from the registry or from npm's own cache. */
async function installedPeers(set: PeerSet): Promise<string> {
  const lock = await readFile(path.join(peerSet(set), "package-lock.json"));
  const key = `${set}-${createHash("sha256").update(lock).digest("hex").slice(0, 16)}`;
  const folder = await throughCache({ folder: "peers", key, keep: KEPT }, async (made) => {
    await cp(peerSet(set), made, { recursive: true });
    await command(NPM_CI, { name: `npm ci of ${path.relative(process.cwd(), peerSet(set))}`, cwd: made });
  });
  return path.join(folder, "node_modules");
}

/** A program of `consumers` with the packed library and a set of peers, and with nothing of this repository. */
export async function consumerWith(set: PeerSet, name: string, folder: string): Promise<string> {
  const target = path.join(folder, `${name}-${set}`);
  await cp(path.join(__dirname, "consumers", name), target, { recursive: true });
  const modules = path.join(target, "node_modules");
  await linkPackages(await installedPeers(set), modules);
  // A copy, not a link: what a link leads to would look for its peers where it lies.
  await cp(await packedLibrary(), path.join(modules, "podpin"), { recursive: true });
  return target;
}

async function linkPackages(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  for (const name of await readdir(from)) {
    if (name.startsWith(".")) continue;
    // What stands in a scope besides ours is linked with it.
    await symlink(path.join(from, name), path.join(to, name));
  }
}
