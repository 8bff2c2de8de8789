// Names in Google Kubernetes Engine.
import type { Problems } from "./problems";

const GKE_NAME = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
/** The name in a path or a self link of Compute Engine. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Of clusters and node pools (Kubernetes Engine API, read 2026-11). */
const MAX_GKE_NAME = 40;

/**
 * Checks the name of a cluster or a node pool.
 *
 * @param longestSuffix what is appended to it, so that the longest name fits as well
 */
export function checkGkeName(what: string, got: string, problems: Problems, longestSuffix = ""): void {
  if (isGkeName(got + longestSuffix)) return;
  const meant = String(got).toLowerCase().replaceAll("_", "-");
  problems.add(
    what,
    got,
    isGkeName(meant + longestSuffix)
      ? `use ${JSON.stringify(meant)}`
      : `a name in GKE has 1 to ${MAX_GKE_NAME - longestSuffix.length} lower-case letters, digits and "-", starts with a letter and does not end with "-"`,
  );
}

const isGkeName = (text: string): boolean => text.length <= MAX_GKE_NAME && GKE_NAME.test(text);
