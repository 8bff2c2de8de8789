// The cluster that everything here runs on: three nodes, and the Gateway API's definitions.
import { installGatewayApi, startLab, type Lab, type LabOptions } from "./cluster/lab";
import type { Images } from "./images/ensure";
import type { Parts } from "./parts/ensure";
import { labPartsOf } from "./parts/lab-parts";
import type { Progress } from "./progress";

export interface Prepared {
  readonly parts: Parts;
  readonly images: Images;
}

/** Runs something on a lab of its own, which is stopped whatever happens. */
export async function onLab<T>(
  { parts, images }: Prepared,
  progress: Progress,
  run: (lab: Lab) => Promise<T>,
  options: Partial<Pick<LabOptions, "cni" | "masquerade">> = {},
): Promise<T> {
  const labParts = labPartsOf(parts);
  const { containerdRoot, pauseImage } = images;
  let lab: Lab | undefined;
  try {
    const started = await progress.step("lab", "control plane and three nodes", async (update) => {
      lab = await startLab({ ...options, parts: labParts, nodes: 3, containerdRoot, pauseImage, report: update });
      await installGatewayApi(lab, labParts);
      return lab;
    });
    return await run(started);
  } finally {
    await lab?.stop();
  }
}
