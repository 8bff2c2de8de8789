// The cluster that everything here runs on: three nodes, and the Gateway API's definitions.
import { installGatewayApi, startLab, type Lab, type LabOptions } from "./cluster/lab";
import { labPartsOf } from "./parts/lab-parts";
import type { Prepared } from "./prepare";
import type { Progress } from "./progress";

/** What a lab of these parts and images is started with. */
export function labOptions({ parts, images: { containerdRoot, pauseImage } }: Prepared, nodes = 3): LabOptions {
  return { parts: labPartsOf(parts), nodes, containerdRoot, pauseImage };
}

/** Runs something on a lab of its own, which is stopped whatever happens. */
export async function onLab<T>(
  prepared: Prepared,
  progress: Progress,
  run: (lab: Lab) => Promise<T>,
  options: Partial<Pick<LabOptions, "cni" | "masquerade">> = {},
): Promise<T> {
  const all = { ...labOptions(prepared), ...options };
  let lab: Lab | undefined;
  try {
    const started = await progress.step("lab", "control plane and three nodes", async (update) => {
      lab = await startLab({ ...all, report: update });
      await installGatewayApi(lab, all.parts);
      return lab;
    });
    return await run(started);
  } finally {
    await lab?.stop();
  }
}
