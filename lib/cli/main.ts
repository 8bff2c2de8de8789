#!/usr/bin/env node
// `podpin`, also found by kubectl as `kubectl podpin`.
import { parseArgs } from "node:util";
import { kubectl, snapshot } from "./cluster";
import { explanation } from "./explain";
import { statusTable } from "./status";

const USAGE = `podpin: who has which persistent address, and why

  podpin status                which Pod has which address
  podpin explain ROUTE         why this GKEIPRoute has the Pod that it has

  -n, --namespace NAME         status: only this one; explain: the route's (default: default)
      --context NAME           of the kubeconfig
      --kubeconfig FILE
  -h, --help
`;

async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      namespace: { type: "string", short: "n" },
      context: { type: "string" },
      kubeconfig: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  });
  const [command, name, ...rest] = positionals;
  if (values.help === true) return say(USAGE);
  const flags = (["context", "kubeconfig"] as const).flatMap((flag) => {
    const value = values[flag];
    return value === undefined ? [] : [`--${flag}=${value}`];
  });
  if (command === "status" && name === undefined) {
    return say(statusTable(await snapshot(kubectl(flags)), values.namespace));
  }
  if (command === "explain" && name !== undefined && rest.length === 0) {
    const namespace = values.namespace ?? "default";
    const text = explanation(await snapshot(kubectl(flags)), namespace, name);
    if (text !== undefined) return say(text);
    throw new Error(`GKEIPRoute ${namespace}/${name} does not exist; kubectl get gkeiproutes -A lists them`);
  }
  process.stderr.write(USAGE);
  return 2;
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    process.stderr.write(`podpin: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
