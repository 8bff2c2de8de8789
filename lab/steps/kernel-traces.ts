// What podpin has left in a node's kernel; asked with the node's own tools, not with podpin's code.
import type { LabHost } from "../cluster/host";

/** One line per trace: rules, routes of the private table, nft tables, proxy neighbours of our protocol. */
export async function kernelTraces(node: LabHost): Promise<string[]> {
  const ask = async (...command: string[]): Promise<string[]> => {
    const { stdout } = await node.exec(command);
    return stdout.split("\n").filter((line) => line.trim() !== "");
  };
  const rules = (await ask("ip", "rule", "show")).filter((line) => line.startsWith("700:") || line.includes("7421"));
  const routes = await ask("ip", "route", "show", "table", "7421");
  const tables = (await ask("nft", "list", "tables")).filter((line) => line.includes("pip_agent"));
  const proxies = (await ask("ip", "neigh", "show", "proxy")).filter((line) => /proto(col)? 153/.test(line));
  return [...rules, ...routes, ...tables, ...proxies];
}
