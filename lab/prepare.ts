// Everything that the lab and the tests of real parts need on this machine, before the first cluster starts.
import { type Images, ensureImages } from "./images/ensure";
import { partsFor } from "./machine-facts";
import { type Parts, ensureParts } from "./parts/ensure";
import { ensurePackages } from "./parts/packages";
import { type Purpose, preflight } from "./preflight";
import type { Progress } from "./progress";

export interface Prepared {
  readonly parts: Parts;
  readonly images: Images;
}

/** Ends the process with code 2, within two seconds, where this machine cannot run them. */
export async function prepare(purpose: Purpose, report: Progress): Promise<Prepared> {
  await preflight(purpose);
  await ensurePackages(report);
  const parts = await ensureParts(report, partsFor(purpose));
  const images = await ensureImages(report);
  return { parts, images };
}
