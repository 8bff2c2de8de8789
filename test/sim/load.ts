// Puts the simulator and the code that ships into one script, as it is or with one expression replaced on the way in.
import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { join } from "node:path";
import { build } from "esbuild";
import type { Mutant } from "./mutants";
import type * as Run from "./run";

const ROOT = join(__dirname, "..", "..");

export type Simulator = Pick<
  typeof Run,
  "REGRESSIONS" | "killPoints" | "runSeed" | "runSchedule" | "scheduleOf" | "shrink"
>;

export async function loadSimulator(mutant?: Mutant): Promise<Simulator> {
  const wanted = mutant && join(ROOT, mutant.file);
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "test", "sim", "run.ts")],
    bundle: true,
    write: false,
    platform: "node",
    target: "node22",
    logLevel: "error",
    plugins: [
      {
        name: "mutant",
        setup: (hooks) =>
          hooks.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            if (mutant === undefined || path !== wanted) return undefined;
            return { contents: mutated(readFileSync(path, "utf8"), mutant), loader: "ts" };
          }),
      },
    ],
  });
  const module = new Module(mutant?.name ?? "simulator") as Module & { _compile(code: string, name: string): void };
  const filename = join(ROOT, "test", "sim", "run.bundle.js");
  module.require = createRequire(filename);
  module._compile(outputFiles[0]?.text ?? "", filename);
  return module.exports as Simulator;
}

/** The text with the expression replaced; it must be there exactly once, whatever its line breaks. */
export function mutated(source: string, { name, file, from, to }: Mutant): string {
  const words = from.split(/\s+/).map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const found = [...source.matchAll(new RegExp(words.join("\\s+"), "g"))];
  const [only] = found;
  if (only === undefined || found.length > 1) {
    throw new Error(
      `mutant "${name}": ${file} has its expression ${found.length} times; it must be there once: ${from}`,
    );
  }
  return source.slice(0, only.index) + to + source.slice(only.index + only[0].length);
}
