// The `agent` command: options from flags and environment, the real parts, and an orderly end.
import { isIPv4 } from "../../../lib/model/address";
import { CLUSTER_RANGES_CONFIG_MAP } from "../../../lib/model/binding";
import { RESOURCES } from "../../../lib/model/kubernetes";
import { Problems } from "../../../lib/model/problems";
import {
  AGENT,
  AGENT_HEALTH_PORT,
  CNI_RESULTS_FOLDER,
  Flag,
  HEARTBEAT_KEYS_PATH,
  HEARTBEAT_PORT,
  PODPIN_NAMESPACE,
  POD_NAMESPACES_FOLDER,
} from "../../../lib/model/runtime";
import { announcersOf } from "../fabric/announcers";
import { commands } from "../fabric/commands";
import { withSessions } from "../fabric/sessions";
import {
  createKube,
  inClusterConfig,
  jsonLog,
  type Kube,
  KubeError,
  Metrics,
  startHealth,
  systemClock,
} from "../kube/index";
import { carrierOf } from "../liveness/carrier";
import { keyFiles } from "../liveness/key-files";
import { beat } from "../liveness/node-heart";
import { randomNonce, udpWire } from "../liveness/wire";
import { runAgent } from "./agent";
import { linuxKernel } from "./kernel";
import { agentMetrics } from "./metrics";
import { checkNode } from "./node-facts";
import type { NodeFacts } from "./node-problems";
import { watchNode } from "./node-watch";
import { uninstallMain } from "./uninstall-main";
import { INTERFACE_NAME, movedTo, uplinkOf } from "./uplink";

type Environment = Readonly<Record<string, string | undefined>>;

export interface AgentSettings {
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly namespace: string;
  readonly uplink: string;
  /** Whether Pods may be entered. */
  readonly interfaceDelivery: boolean;
}

/**
 * @param interfaceOf the interface that has an address
 * @throws Error that lists every mistake
 */
export function agentSettings(
  args: readonly string[],
  env: Environment,
  interfaceOf: (nodeIp: string) => string | undefined,
): AgentSettings {
  const problems = new Problems();
  const { NODE_NAME: nodeName = "", NODE_IP: nodeIps = "", POD_NAMESPACE: namespace = PODPIN_NAMESPACE } = env;
  // One of each family, in the cluster's order.
  const nodeIp = nodeIps.split(",").find(isIPv4) ?? "";
  if (nodeName === "") problems.add("NODE_NAME", nodeName, "set it to spec.nodeName of the Pod");
  if (nodeIp === "")
    problems.add("NODE_IP", nodeIps, "set it to status.hostIPs of the Pod; one must be an IPv4 address");
  let uplink: string | undefined;
  let interfaceDelivery = false;
  for (const arg of args) {
    const [flag = "", ...rest] = arg.split("=");
    const value = rest.join("=");
    if (arg === Flag.InterfaceDelivery) interfaceDelivery = true;
    else if (flag !== Flag.Uplink) {
      problems.add(
        "arguments",
        arg,
        `the flags are ${Flag.Uplink}=INTERFACE, ${Flag.InterfaceDelivery} and ${Flag.Uninstall}`,
      );
    } else if (!INTERFACE_NAME.test(value))
      problems.add(Flag.Uplink, value, "use the name of an interface, for example eth0");
    else uplink = value;
  }
  if (nodeIp !== "") uplink ??= interfaceOf(nodeIp);
  if (nodeIp !== "" && uplink === undefined && problems.lines.length === 0) {
    problems.add(Flag.Uplink, undefined, `no interface has ${nodeIp}; name the one that the addresses arrive on`);
  }
  const message = problems.message("podpin agent");
  if (message !== undefined) throw new Error(message);
  return { nodeName, nodeIp, namespace, uplink: uplink ?? "", interfaceDelivery };
}

/** Runs until SIGTERM or SIGINT. */
export async function agentMain(args: readonly string[], env: Environment = process.env): Promise<void> {
  if (args.includes(Flag.Uninstall)) return uninstallMain(args, env);
  const settings = agentSettings(args, env, uplinkOf);
  const log = jsonLog({ fields: { node: settings.nodeName } });
  const here = withSessions(commands());
  const parts = { uplink: settings.uplink, commands: here, clock: systemClock, log };
  const metrics = new Metrics();
  const requests = metrics.counter("podpin_api_requests_total", "Requests to the API server; status 0: no answer.");
  const kube = createKube({
    config: inClusterConfig(env),
    clock: systemClock,
    log,
    userAgent: AGENT,
    onRequest: ({ lane, method, status }) => requests.add({ lane, method, status: String(status) }),
  });
  const uplinkNamed = args.some((arg) => arg.startsWith(`${Flag.Uplink}=`));
  let leave = (_uplink: string): void => undefined;
  // A bridge or a bond that somebody makes over the uplink takes its address along, and what is said on the old one nobody hears.
  const left = new Promise<string>((resolve) => (leave = resolve));
  let unanswered = (): string | undefined => undefined;
  const check = async (): Promise<NodeFacts> => {
    const uplink = uplinkNamed ? undefined : movedTo(settings.nodeIp, settings.uplink);
    if (uplink !== undefined) leave(uplink);
    return { ...(await checkNode(here, settings.uplink)), unanswered: unanswered() };
  };
  const node = await watchNode({
    check,
    clock: systemClock,
    log,
    metrics,
    onChange: () => agent.poke(),
  });
  log("info", "the agent starts", { ...settings, ...node.facts });
  const keys = keyFiles(HEARTBEAT_KEYS_PATH, systemClock, log);
  const heart = beat({
    clock: systemClock,
    log,
    wire: udpWire({ clock: systemClock, log, local: { address: settings.nodeIp, port: HEARTBEAT_PORT } }),
    keys: () => keys.keys(),
    nodeName: settings.nodeName,
    nonce: randomNonce,
    carrier: carrierOf(settings.uplink),
    askApi: () => answered(kube, settings.namespace),
    metrics,
  });
  const agent = runAgent({
    ...settings,
    kube,
    isolation: heart,
    node: node.verdict,
    kernel: linuxKernel({
      ...parts,
      cniResults: CNI_RESULTS_FOLDER,
      namespaces: settings.interfaceDelivery ? POD_NAMESPACES_FOLDER : undefined,
    }),
    announcers: announcersOf(parts),
    clock: systemClock,
    log,
    onPass: agentMetrics(metrics),
  });
  unanswered = agent.unanswered;
  const health = await startHealth({
    host: "127.0.0.1",
    port: AGENT_HEALTH_PORT,
    log,
    notReady: () => [agent.unready() ?? []].flat(),
    metrics: () => metrics.text(),
  });
  const why = await Promise.race([
    firstSignal().then((signal) => ({ signal })),
    left.then((uplink) => ({
      reason: `the node's address is on ${uplink} now; the next agent takes that for the uplink`,
    })),
  ]);
  log("info", "the agent stops; what it has put into the kernel stays and goes on working", why);
  node.stop();
  heart.stop();
  keys.stop();
  await agent.stop();
  here.close();
  kube.close();
  await health.close();
}

/** Succeeds when the API server says anything at all. */
async function answered(kube: Kube, namespace: string): Promise<void> {
  try {
    await kube.get(RESOURCES.configMaps, { namespace, name: CLUSTER_RANGES_CONFIG_MAP });
  } catch (error) {
    if (!(error instanceof KubeError) || error.status === 0) throw error;
  }
}

function firstSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"]) process.once(signal, () => resolve(signal));
  });
}
