// Records what the program of upgrade-program.ts declares, before a release: npx tsx test/pulumi/record-version.ts 0.2.0
import { writeFileSync } from "node:fs";
import path from "node:path";

import { useMocks } from "./graph";
import { identities } from "./upgrade-program";

useMocks({ preview: false });

async function main(version: string): Promise<void> {
  const file = path.join(__dirname, "recorded", `${version}.json`);
  writeFileSync(file, `${JSON.stringify(await identities(), undefined, 2)}\n`);
}

void main(process.argv[2] ?? "unreleased");
