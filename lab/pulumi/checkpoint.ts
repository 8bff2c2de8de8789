// What a killed engine leaves of its state file.
import { copyFile, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";

/**
 * An engine that is killed while it writes leaves a file that is cut off, and every later command fails with "failed to load
 * checkpoint". The one before lies beside it, and lacks no more than the last step. The same is said where the file of attributes
 * beside a state is cut off, "EOF"; without any the state is read as it is.
 *
 * @param folder of the backend
 * @returns whether there was something to mend
 */
export async function mendCheckpoint(folder: string, stack: string): Promise<boolean> {
  const stacks = join(folder, ".pulumi", "stacks");
  const projects = await readdir(stacks).catch(() => []);
  const mended = await Promise.all(projects.map((project) => mend(join(stacks, project, `${stack}.json`))));
  return mended.includes(true);
}

async function mend(file: string): Promise<boolean> {
  const mended = await Promise.all([
    whereCut(file, () => copyFile(`${file}.bak`, file)),
    ...[`${file}.attrs`, `${file}.bak.attrs`].map((each) => whereCut(each, () => rm(each))),
  ]);
  return mended.includes(true);
}

async function whereCut(file: string, mending: () => Promise<void>): Promise<boolean> {
  const is = await isCut(file);
  if (is) await mending();
  return is;
}

/** Whether the file is there, and not whole. */
async function isCut(file: string): Promise<boolean> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  try {
    if (text !== undefined) JSON.parse(text);
    return false;
  } catch {
    return true;
  }
}
