import { ensureParts, type PartName } from "../../lab/parts/ensure";
import { progressOn } from "../../lab/progress";

const asked = new Map<PartName, Promise<string>>();

/** Paths of real programs, found or built as the lab does it; each is looked for once in a test process. */
export async function parts<Name extends PartName>(...names: readonly Name[]): Promise<Readonly<Record<Name, string>>> {
  const missing = names.filter((name) => !asked.has(name));
  if (missing.length > 0) {
    const found = ensureParts(progressOn(), missing);
    for (const name of missing)
      asked.set(
        name,
        found.then((paths) => paths[name]),
      );
  }
  const paths = await Promise.all(names.map(async (name) => [name, await asked.get(name)] as const));
  return Object.fromEntries(paths) as Record<Name, string>;
}
