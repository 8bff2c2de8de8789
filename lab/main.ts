// `npm run lab`: from nothing to a persistent address that follows its Pod, with real parts, shown step by step.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./cluster/lab";
import { prepare } from "./prepare";
import { progressOn, type Progress } from "./progress";
import { preparePulumi, stack, type PulumiEnv, type Stack } from "./pulumi/engine";
import { stageExample } from "./pulumi/stage";
import { table, writeReport, type StepResult } from "./report";
import { onLab } from "./start";
import { Cluster } from "./steps/cluster";
import { destroy } from "./steps/destroy";
import { ADDRESSES, exampleSteps, NAMESPACE } from "./steps/example";
import { howTo, malformed } from "./steps/howto";
import { result, type Step, type StepContext } from "./steps/step";

const REPOSITORY = join(__dirname, "..");
const STEPS: readonly Step[] = [...exampleSteps, howTo, malformed, destroy];

async function main(): Promise<boolean> {
  const startedAt = new Date().toISOString();
  const started = performance.now();
  const progress = progressOn();
  const prepared = await prepare("lab", progress);
  const { parts, images } = prepared;
  return onLab(prepared, progress, async (lab) => {
    const { env, stack: example } = await prepareStack(lab, parts, images.podpinImage, progress);
    const steps = await runSteps({ cluster: new Cluster(lab), images, stack: example }, progress);

    const standIns = env.kubernetesPlugin.kind === "stand-in" ? ["pulumi-resource-kubernetes"] : [];
    const ok = steps.length === STEPS.length && steps.every((step) => step.ok);
    const ms = Math.round(performance.now() - started);
    const file = writeReport(join(REPOSITORY, ".lab"), { ok, startedAt, ms, standIns, steps });
    process.stdout.write(`\n${table(steps)}\n\n`);
    for (const { id, error } of steps) if (error !== undefined) process.stdout.write(`step ${id} failed: ${error}\n\n`);
    process.stdout.write(`${ok ? "All steps hold" : "Not all steps hold"}; the report is in ${file}\n`);
    return ok;
  });
}

/** The stack of `examples/proxy-ss`, with the packed library and the lab's images. */
async function prepareStack(
  lab: Lab,
  parts: { readonly pulumi: string; readonly "pulumi-language-nodejs": string },
  podpinImage: string,
  progress: Progress,
): Promise<{ env: PulumiEnv; stack: Stack }> {
  return progress.step("pulumi", "packing the library, preparing the program", async () => {
    const dir = mkdtempSync(join(lab.dir, "pulumi-"));
    const env = await preparePulumi({
      parts: { pulumi: parts.pulumi, pulumiLanguageNodejs: parts["pulumi-language-nodejs"] },
      dir,
    });
    const program = join(dir, "program");
    await stageExample(join(REPOSITORY, "examples/proxy-ss"), program);
    const prepared = await stack({
      env,
      program,
      name: "lab",
      kubeconfig: lab.kubeconfig,
      namespace: lab.control.namespace,
      config: { podpinImage, namespace: NAMESPACE, addresses: JSON.stringify(ADDRESSES) },
    });
    return { env, stack: prepared };
  });
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

main().then(
  (ok) => process.exit(ok ? 0 : 1),
  (error: unknown) => {
    process.stderr.write(`\nThe lab could not run: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
