// What a killed engine leaves of its state file.
import { copyFile, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/**
 * An engine that is killed while it writes leaves a file that is cut off, and every later command fails with "failed to load
 * checkpoint". The one before lies beside it, and lacks no more than the last step.
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
  const text = await readFile(file, "utf8").catch(() => undefined);
  if (text === undefined || isJson(text)) return false;
  await copyFile(`${file}.bak`, file);
  return true;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
