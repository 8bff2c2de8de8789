import type { Progress } from "../progress";
import { type CacheEntry, throughCache } from "./cache";

export interface CachedStep {
  readonly name: string;
  readonly doing: string;
  /** What its version is called, for people. */
  readonly what: string;
  readonly entry: CacheEntry;
}

/** A cache entry that is not there yet, made as a step that people watch; by another run, if that came first. */
export function cachedStep(
  report: Progress,
  step: CachedStep,
  make: (folder: string, update: (doing: string) => void) => Promise<void>,
): Promise<string> {
  return report.step(step.name, step.doing, async (update) => {
    let built = false;
    const path = await throughCache(
      step.entry,
      async (folder) => {
        built = true;
        update(step.doing);
        await make(folder, update);
      },
      (holder) => update(`another run (process ${holder}) is building it`),
    );
    update(`${built ? "built" : "built by another run"}, ${step.what}`);
    return path;
  });
}
