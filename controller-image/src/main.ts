// The program in the image: `podpin controller …` or `podpin agent …`.
import { setFlagsFromString } from "node:v8";
import { Command } from "../../lib/model/runtime";
import { agentMain } from "./agent/main";
import { controllerMain } from "./controller/main";
import { errorText, jsonLog } from "./kube/index";
import { version } from "../package.json";

/**
 * How far the heap may grow beyond what is alive in it before garbage is collected, in percent. V8's own measure for servers is
 * several hundred; the first lists of a large cluster would be garbage that no Pod gives back.
 */
const HEAP_GROWTH = 30;

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);

async function main([command, ...args]: readonly string[]): Promise<void> {
  switch (command) {
    case Command.Controller:
      return controllerMain(args, process.env, version);
    case Command.Agent:
      return agentMain(args, process.env);
    default:
      throw new Error(`command: got ${JSON.stringify(command)}; use ${Command.Controller} or ${Command.Agent}`);
  }
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    jsonLog()("error", "podpin cannot go on", { error: errorText(error) });
    process.exit(1);
  },
);
