// `npm run bench` measures everything, `npm run bench -- P8` one bench. A table on the screen, `.bench/results.json` for
// machines, and the single samples beside it.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, totalmem } from "node:os";
import path from "node:path";
import { progressOn } from "../lab/progress";
import { type Bench, type Figure, table } from "./figure";
import { cloud } from "./cloud";
import { consumers } from "./consumers";
import { handOver } from "./hand-over";
import { nodeLoss } from "./node-loss";
import { plannedMove } from "./planned-move";
import { scale } from "./scale";
import { throughput } from "./throughput";
import { undisturbed } from "./undisturbed";

const FOLDER = path.resolve(__dirname, "../.bench");
const RESULTS = path.join(FOLDER, "results.json");

const BENCHES: readonly Bench[] = [plannedMove, nodeLoss, handOver, undisturbed, throughput, scale, cloud, consumers];

async function main(args: readonly string[]): Promise<number> {
  const known = BENCHES.map(({ id }) => id);
  const unknown = args.filter((id) => !known.includes(id));
  if (unknown.length > 0) {
    process.stderr.write(`bench: got ${unknown.join(" ")}; use ${known.join(", ")}, or none for all\n`);
    return 2;
  }
  mkdirSync(FOLDER, { recursive: true });
  const progress = progressOn();
  const measured: Figure[] = [];
  for (const bench of BENCHES.filter(({ id }) => args.length === 0 || args.includes(id))) {
    const { figures, raw } = await progress.step(bench.id, bench.title, (update) => bench.measure(update));
    const machine = { cores: cpus().length, memoryBytes: totalmem(), node: process.version };
    const taken = { id: bench.id, time: new Date().toISOString(), machine, samples: raw };
    writeFileSync(path.join(FOLDER, `${bench.id}.json`), `${JSON.stringify(taken, null, 2)}\n`);
    measured.push(...figures);
  }
  const others = earlier().filter(({ id }) => !measured.some((figure) => figure.id === id));
  writeFileSync(RESULTS, `${JSON.stringify([...others, ...measured], null, 2)}\n`);
  process.stdout.write(`${table(measured)}\n`);
  return measured.every(({ ok }) => ok) ? 0 : 1;
}

/** What other benches found when they last ran. */
function earlier(): readonly Figure[] {
  try {
    return JSON.parse(readFileSync(RESULTS, "utf8")) as Figure[];
  } catch {
    return [];
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`The bench could not run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
