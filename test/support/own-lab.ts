// What a suite needs that starts a lab of its own. Where nobody has built the parts yet, that takes longer than any test.
import { ensureImages } from "../../lab/images/ensure";
import { ensureParts } from "../../lab/parts/ensure";
import type { Prepared } from "../../lab/prepare";
import { progressOn } from "../../lab/progress";

export async function preparedLab(): Promise<Prepared> {
  const progress = progressOn();
  const parts = await ensureParts(progress);
  return { parts, images: await ensureImages(progress) };
}
