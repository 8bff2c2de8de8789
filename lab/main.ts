// `npm run lab`: from nothing to a persistent address that follows its Pod, with real parts, shown step by step. With
// `-- --fabric gce` the addresses are those of a cloud, and the cluster is that of a Pulumi program.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { prepare } from "./prepare";
import { progressOn, type Progress } from "./progress";
import type { PulumiEnv } from "./pulumi/engine";
import { table, writeReport, type StepResult } from "./report";
import { labStack } from "./stack";
import { onLab } from "./start";
import { Cluster } from "./steps/cluster";
import { destroy } from "./steps/destroy";
import { exampleSteps } from "./steps/example";
import { howTo, malformed } from "./steps/howto";
import { gceSetting, l2Setting, LabFabric } from "./steps/setting";
import { result, type Step, type StepContext } from "./steps/step";
import { startCloud, type LabCloud } from "./vpc/start";

const REPOSITORY = join(__dirname, "..");
const STEPS: readonly Step[] = [...exampleSteps, howTo, malformed, destroy];

async function main(fabric: LabFabric): Promise<boolean> {
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const progress = progressOn();
  const prepared = await prepare("lab", progress);
  const { parts, images } = prepared;
  return onLab(prepared, progress, async (lab) => {
    const cloud = fabric === LabFabric.Gce ? await startCloud(lab) : undefined;
    const setting = cloud === undefined ? l2Setting(images.podpinImage) : gceSetting(images.podpinImage, cloud);
    const { env, stack } = await progress.step("pulumi", "packing the library, preparing the program", () =>
      labStack(lab, parts, setting, cloud),
    );
    const steps = await runSteps({ cluster: new Cluster(lab), images, setting, stack, cloud }, progress);

    const ok = steps.length === STEPS.length && steps.every((step) => step.ok);
    const ms = Math.round(performance.now() - started);
    const standIns = standInsOf(env, cloud);
    const file = writeReport(join(REPOSITORY, ".lab"), { fabric, ok, startedAt, ms, standIns, steps });
    process.stdout.write(`\n${table(steps)}\n\n`);
    for (const { id, error } of steps) if (error !== undefined) process.stdout.write(`step ${id} failed: ${error}\n\n`);
    process.stdout.write(`${ok ? "All steps hold" : "Not all steps hold"}; the report is in ${file}\n`);
    return ok;
  });
}

function standInsOf(env: PulumiEnv, cloud: LabCloud | undefined): readonly string[] {
  const kubernetes = env.kubernetesPlugin.kind === "stand-in" ? ["pulumi-resource-kubernetes"] : [];
  return cloud === undefined
    ? kubernetes
    : [...kubernetes, "pulumi-resource-gcp", "gke-gcloud-auth-plugin", "Compute Engine", "metadata server"];
}

/** Ends the process with code 2 when there is no such fabric, or no such option. */
function fabricOf(args: readonly string[]): LabFabric {
  const fabrics = Object.values(LabFabric);
  const wrong = (what: string): never => {
    process.stderr.write(`${what}; use --fabric ${fabrics.join(" or --fabric ")}, or nothing for ${LabFabric.L2}\n`);
    process.exit(2);
  };
  try {
    const { values } = parseArgs({ args: [...args], options: { fabric: { type: "string", default: LabFabric.L2 } } });
    return fabrics.find((fabric) => fabric === values.fabric) ?? wrong(`--fabric: got "${values.fabric}"`);
  } catch (error) {
    return wrong(error instanceof Error ? error.message : String(error));
  }
}

/** Runs the steps in order; after a failure the rest would only repeat it, so they are left out. */
async function runSteps(context: StepContext, progress: Progress): Promise<StepResult[]> {
  const results: StepResult[] = [];
  for (const step of STEPS) {
    const outcome = await progress.step(`step ${step.id}`, step.title, async (update) => {
      const found = await result(step, context);
      if (!found.ok) update(`FAILED: ${step.title}`);
      return found;
    });
    for (const line of outcome.seen) progress.note(`    ${line}`);
    results.push(outcome);
    if (!outcome.ok) break;
  }
  return results;
}

main(fabricOf(process.argv.slice(2))).then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`\nThe lab could not run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
