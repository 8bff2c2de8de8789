import { createHash } from "node:crypto";

/** `name-1a2b3c4d`; the seed comes from the engine, so a retried deployment finds the same name. */
export function uniqueName(name: string, seed: Uint8Array, digits: number): string {
  return `${name}-${createHash("sha256").update(seed).update(name).digest("hex").slice(0, digits)}`;
}
