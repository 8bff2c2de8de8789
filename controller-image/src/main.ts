// The program in the image: `podpin controller …` or `podpin agent …`.
import { Command } from "../../lib/model/runtime";
import { agentMain } from "./agent/main";
import { controllerMain } from "./controller/main";
import { errorText, jsonLog } from "./kube/index";
import { version } from "../package.json";

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
