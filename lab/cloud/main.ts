// The stand-in as a process of its own: `tsx lab/cloud/main.ts --port 8080 --vm us-central1-a/node-1`. It says where it is on
// its first line, and ends with SIGTERM or SIGINT.
import { parseArgs } from "node:util";

import { systemClock } from "../../controller-image/src/kube/clock";
import { ComputeCloud } from "./cloud";
import { serveCompute } from "./server";

const { values } = parseArgs({
  options: {
    host: { type: "string", default: "127.0.0.1" },
    port: { type: "string", default: "0" },
    project: { type: "string", default: "demo" },
    "operation-ms": { type: "string", default: "1000" },
    vm: { type: "string", multiple: true, default: [] },
  },
});

async function main(): Promise<void> {
  const { host, port, project, vm } = values;
  const operation = Number(values["operation-ms"]);
  const cloud = new ComputeCloud({ clock: systemClock, projects: [project], operation });
  for (const place of vm) {
    const [zone = "", name = ""] = place.split("/");
    cloud.make(`zones/${zone}`, "instances", { name, networkInterfaces: [{}] });
  }
  const server = await serveCompute(cloud, { host, port: Number(port) });
  process.stdout.write(`${server.url}\n`);
  const end = (): void => void server.close().then(() => process.exit(0));
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
}

main().catch((error: unknown) => {
  process.stderr.write(`${String(error)}\n`);
  process.exitCode = 1;
});
