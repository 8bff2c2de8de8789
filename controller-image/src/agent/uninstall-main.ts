// `podpin agent --uninstall` as a command: its settings, what it refuses, and what it says.
import { existsSync } from "node:fs";

import { isIPv4 } from "../../../lib/model/address";
import { Problems } from "../../../lib/model/problems";
import { AGENT, AGENT_HEALTH_PORT, Flag, POD_NAMESPACES_FOLDER } from "../../../lib/model/runtime";
import { commands, type Commands } from "../fabric/commands";
import type { Log } from "../kube/api";
import { jsonLog, systemClock } from "../kube/index";
import { linuxKernel } from "./kernel";
import { uninstall, type Uninstalled } from "./uninstall";
import { INTERFACE_NAME, uplinkOf } from "./uplink";

/** Where `kubectl debug node/…` has the node's own files. */
const NODE_FILES = "/host";

/**
 * @param defaultInterface the interface of the node's default route
 * @throws Error that lists every mistake
 */
export function uninstallUplink(
  args: readonly string[],
  nodeIp: string | undefined,
  interfaceOf: (nodeIp: string) => string | undefined,
  defaultInterface: string | undefined,
): string {
  const problems = new Problems();
  let uplink: string | undefined;
  for (const arg of args) {
    const value = arg.slice(Flag.Uplink.length + 1);
    if (arg === Flag.Uninstall) continue;
    if (!arg.startsWith(`${Flag.Uplink}=`)) {
      problems.add("arguments", arg, `with ${Flag.Uninstall} the only flag is ${Flag.Uplink}=INTERFACE`);
    } else if (!INTERFACE_NAME.test(value)) {
      problems.add(Flag.Uplink, value, "use the name of an interface, for example eth0");
    } else uplink = value;
  }
  uplink ??= (nodeIp !== undefined && isIPv4(nodeIp) ? interfaceOf(nodeIp) : undefined) ?? defaultInterface;
  if (uplink === undefined && problems.lines.length === 0) {
    problems.add(
      Flag.Uplink,
      undefined,
      "the node has no default route; name the interface that the addresses arrived on",
    );
  }
  const message = problems.message(`podpin agent ${Flag.Uninstall}`);
  if (message !== undefined) throw new Error(message);
  return uplink ?? "";
}

export async function uninstallMain(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const log = jsonLog({});
  const here = commands();
  const uplink = uninstallUplink(args, env.NODE_IP, uplinkOf, await defaultInterface(here));
  if (await answers(AGENT_HEALTH_PORT)) {
    throw new Error(
      `podpin agent ${Flag.Uninstall}: an agent runs on this node and would put everything back; delete the DaemonSet ${AGENT} first`,
    );
  }
  const namespaces = [POD_NAMESPACES_FOLDER, `${NODE_FILES}/run/netns`].find((folder) => existsSync(folder));
  const kernel = linuxKernel({ uplink, commands: here, clock: systemClock, log, namespaces });
  tell(await uninstall(kernel, here, uplink), log);
}

/** @throws Error when something is left */
export function tell({ removed, failed, inPods }: Uninstalled, log: Log): void {
  for (const line of removed) log("info", "removed", { line });
  for (const [address, why] of failed) log("error", "not removed", { address, why });
  if (inPods.length > 0) {
    const what =
      "these addresses stay on interfaces of Pods until the Pods go, because Pods cannot be entered from here";
    log("warn", what, { addresses: inPods });
  }
  if (failed.size > 0) {
    throw new Error(
      `podpin agent ${Flag.Uninstall}: something is left of ${[...failed.keys()].join(", ")}; see the lines above, and run it again`,
    );
  }
  log(
    "info",
    removed.length === 0 ? "this node had nothing of podpin's" : "this node has nothing of podpin's any more",
  );
}

async function defaultInterface(here: Commands): Promise<string | undefined> {
  const { code, stdout } = await here.run(["ip", "-j", "route", "show", "default"]);
  const routes = code === 0 && stdout.trim() !== "" ? (JSON.parse(stdout) as { readonly dev?: string }[]) : [];
  return routes.find(({ dev }) => dev !== undefined)?.dev;
}

/** Whether an agent is there: it answers, whatever it says. */
async function answers(port: number): Promise<boolean> {
  try {
    await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  }
}
