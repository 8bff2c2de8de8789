// The stack of an example on a lab: the packed library, the lab's images, and the lab's cloud where there is one.
import { mkdtempSync } from "node:fs";
import { join } from "node:path";

import type { Lab } from "./cluster/lab";
import { preparePulumi, stack, type PulumiEnv, type Stack, type StandInControlPlane } from "./pulumi/engine";
import { REPOSITORY } from "./pulumi/package";
import { stageExample } from "./pulumi/stage";
import type { Setting } from "./steps/setting";
import { labMachines, type LabCloud } from "./vpc/start";

export interface LabStack {
  readonly env: PulumiEnv;
  readonly stack: Stack;
}

export async function labStack(
  lab: Lab,
  parts: { readonly pulumi: string; readonly "pulumi-language-nodejs": string },
  setting: Setting,
  cloud: LabCloud | undefined,
): Promise<LabStack> {
  const dir = mkdtempSync(join(lab.dir, "pulumi-"));
  const env = await preparePulumi({
    parts: { pulumi: parts.pulumi, pulumiLanguageNodejs: parts["pulumi-language-nodejs"] },
    dir,
    // A lab never reaches, or pays for, somebody's cloud.
    ...(cloud === undefined ? {} : { standIns: ["gcp"], controlPlane: controlPlaneOf(lab), compute: cloud.compute }),
  });
  const program = join(dir, "program");
  await stageExample(join(REPOSITORY, "examples", setting.example), program);
  const prepared = await stack({
    env,
    program,
    name: "lab",
    kubeconfig: lab.kubeconfig,
    namespace: lab.control.namespace,
    config: setting.config,
  });
  return { env, stack: prepared };
}

/** What the clusters of the lab's cloud lead to. */
export function controlPlaneOf(lab: Lab): StandInControlPlane {
  const { ca, token, server } = lab.controlPlane;
  return { endpoint: new URL(server).host, ca, token, ...labMachines(lab.nodes.length) };
}
