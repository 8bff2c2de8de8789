// `npm test`: every suite. The real parts are prepared first and one cluster is shared by all suites that need one.
// What cannot run here fails; only PODPIN_TEST_ONLY=unit leaves the real parts out, and says so.
import { spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { prepare } from "../lab/prepare";
import { progressOn } from "../lab/progress";
import { onLab } from "../lab/start";
import { SHARED_LAB, shareLab } from "./support/shared-lab";

const REPOSITORY = join(__dirname, "..");
const RESULTS = join(REPOSITORY, ".lab");

async function main(args: readonly string[]): Promise<number> {
  const only = process.env["PODPIN_TEST_ONLY"];
  if (only !== undefined && only !== "" && only !== "unit") {
    process.stderr.write(`PODPIN_TEST_ONLY: got "${only}"; the only value is unit, or leave it out\n`);
    return 2;
  }
  mkdirSync(RESULTS, { recursive: true });
  if (only === "unit") {
    const code = await jest("unit", ["unit", "package"], [], args);
    process.stdout.write(
      "Only the unit tests ran (PODPIN_TEST_ONLY=unit): no real cluster, kernel or engine was tested.\n",
    );
    return code;
  }
  const progress = progressOn();
  const prepared = await prepare("test", progress);
  const unit = await jest("unit", ["unit", "package"], [], args);
  const real = await onLab(prepared, progress, (lab) => {
    const shared = shareLab(lab, prepared.images, prepared.parts.kubectl);
    return jest("real", ["cluster", "engine"], [], args, { [SHARED_LAB]: shared });
  });
  // Alone and one at a time: these count packets by the millisecond.
  const kernel = await jest("kernel", ["kernel"], ["--runInBand"], args);
  return [unit, real, kernel].find((code) => code !== 0) ?? 0;
}

function jest(
  name: string,
  projects: readonly string[],
  options: readonly string[],
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<number> {
  const command = [
    require.resolve("jest/bin/jest"),
    "--selectProjects",
    ...projects,
    ...options,
    "--json",
    `--outputFile=${join(RESULTS, `test-${name}.json`)}`,
    // Every core: much of the time goes to waiting for programs, and jest alone would leave one of two cores idle.
    ...(options.includes("--runInBand") ? [] : ["--maxWorkers=100%"]),
    "--reporters=default",
    ...(args.length > 0 ? ["--passWithNoTests", ...args] : []),
  ];
  const child = spawn(process.execPath, command, {
    cwd: REPOSITORY,
    // jest --json prints the result on standard output too; it is in the file.
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...env },
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve(code ?? 1));
  });
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`The tests could not run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
