// The program in the image: `podpin controller …` or `podpin agent …`.
import { setFlagsFromString } from "node:v8";
import { Command } from "../../lib/model/runtime";
import { agentMain } from "./agent/main";
import { controllerMain } from "./controller/main";
import { errorText, jsonLog } from "./kube/index";
import { version } from "../package.json";

/**
 * How far the heap may grow beyond what is alive in it before garbage is collected, in percent. Left to itself it keeps the garbage of
 * the first lists: with 45,000 Pods and 3,000 routes 280 MiB were resident after them, with this and the nursery of the image 157.
 */
const HEAP_GROWTH = 30;

/**
 * For the agent, which is on every node and mostly at rest: the heap gives back what it does not need, 4 MiB of 67 at rest and 5 of 82
 * after 100 moves.
 */
const SMALL_HEAP = "--optimize-for-size";

setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH}`);

async function main([command, ...args]: readonly string[]): Promise<void> {
  switch (command) {
    case Command.Controller:
      return controllerMain(args, process.env, version);
    case Command.Agent:
      setFlagsFromString(SMALL_HEAP);
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
