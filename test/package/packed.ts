// The library as it is published, and programs that use it as strangers would.
import { spawn } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { packedLibrary, REPOSITORY } from "../../lab/pulumi/package";
import { stageExample } from "../../lab/pulumi/stage";

export interface Outcome {
  readonly status: number | null;
  /** What the program printed, both streams. */
  readonly output: string;
}

/** Makes a folder that is gone after the suite. */
export function temporaryFolder(): Promise<string> {
  const made = mkdtemp(path.join(tmpdir(), "podpin-consumer-"));
  afterAll(async () => rm(await made, { recursive: true, force: true }));
  return made;
}

/** A program of `consumers` in a folder of its own, with the packed library and the peers that it declares. */
export async function consumer(name: string, folder: string): Promise<string> {
  const target = path.join(folder, name);
  await stageExample(path.join(__dirname, "consumers", name), target);
  return target;
}

/** The file that `npm publish` would upload. */
export async function tarball(folder: string): Promise<string> {
  const content = path.join(folder, "content");
  await cp(await packedLibrary(), content, { recursive: true });
  const { status, output } = await run(["npm", "pack", "--ignore-scripts", "--pack-destination", folder], content);
  if (status !== 0) throw new Error(output);
  return path.join(folder, output.trim().split("\n").at(-1) ?? "");
}

/** Runs a program to its end. */
export function run(argv: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<Outcome> {
  const [program = "", ...args] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (data: Buffer) => (output += data.toString()));
    child.stderr.on("data", (data: Buffer) => (output += data.toString()));
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, output }));
  });
}

/** Runs a script of Node.js that stands in a file of the folder. */
export async function runScript(folder: string, file: string, text: string): Promise<Outcome> {
  await writeFile(path.join(folder, file), text);
  return run([process.execPath, file], folder);
}

export { packedLibrary, REPOSITORY };
