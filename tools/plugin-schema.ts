// Writes the schema by which languages other than TypeScript see the components, as the Pulumi SDK's analyzer infers it
// from the built declarations; with `--check` it only says whether the file is what it would write.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { stageExample } from "../lab/pulumi/stage";
import { inferredSchema } from "./component-analyzer";

const PLUGIN = path.resolve(__dirname, "../examples/pulumi-yaml-plugin");
const SCHEMA = path.join(PLUGIN, "schema.json");

/** The text of the schema as it follows from the packed library. */
export async function pluginSchema(): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "podpin-plugin-"));
  try {
    const staged = path.join(folder, "plugin");
    await stageExample(PLUGIN, staged);
    return `${JSON.stringify(inferredSchema(staged), null, 2)}\n`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The text of the schema that the plugin has. */
export const presentSchema = (): Promise<string> => readFile(SCHEMA, "utf8").catch(() => "");

async function main(args: readonly string[]): Promise<number> {
  const now = await pluginSchema();
  if (!args.includes("--check")) {
    await writeFile(SCHEMA, now);
    process.stdout.write(`${path.relative(process.cwd(), SCHEMA)}: ${now.split("\n").length} lines\n`);
    return 0;
  }
  if ((await presentSchema()) === now) return 0;
  process.stderr.write(`${path.relative(process.cwd(), SCHEMA)} differs from the components; run: npm run docs\n`);
  return 1;
}

if (require.main === module) {
  main(process.argv.slice(2)).then(
    (code) => process.exit(code),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    },
  );
}
