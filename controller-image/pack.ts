// What an image is built from, for those who have only the npm package: a folder with the Dockerfile and the bundle.
import { copyFileSync } from "node:fs";
import { join } from "node:path";

import { bundle } from "./build";

/** Writes the folder. Its one input besides these two files is the base image. */
export async function packContext(folder: string): Promise<void> {
  await bundle(join(folder, "podpin.js"));
  copyFileSync(join(__dirname, "Dockerfile"), join(folder, "Dockerfile"));
}

if (require.main === module) {
  packContext(join(__dirname, "..", "dist", "controller-image")).catch((error: unknown) => {
    process.stderr.write(`The context of the image could not be written: ${String(error)}\n`);
    process.exit(1);
  });
}
