// Regions and zones of Google Cloud, by their shape: `us-central1` and `us-central1-a`.
import { regionOf } from "./cluster-facts";
import type { Problems } from "./problems";

/** Checks the name of a region. */
export function checkRegion(what: string, got: string, problems: Problems): void {
  const region = typeof got === "string" ? regionOf(got) : undefined;
  if (region === got) return;
  problems.add(
    what,
    got,
    region === undefined ? 'use a region, for example "us-central1"' : `that is a zone, use its region "${region}"`,
  );
}
