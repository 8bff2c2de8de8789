// What a fault is, and what all kinds of them are made with.
import { PODPIN_NAMESPACE } from "../../lib/model/runtime";
import type { KubeObject } from "../../lib/model/kubernetes";
import type { LabHost } from "../../lab/cluster/host";
import type { LabNode } from "../../lab/cluster/node";
import type { Random } from "../sim/random";
import { PATIENCE, type Setting } from "./setting";

export interface Fault {
  readonly what: string;
  /** No two faults with the same one at once. */
  readonly on: string;
  /** It takes a machine away: a cluster of three can bear one of these. */
  readonly heavy?: boolean;
  /** The kernels of these nodes may meanwhile answer as the agent has left them (docs/moves.md, "From node to node"). */
  readonly agentAway?: readonly string[];
  /** They are other processes when it is over, and not those of before. */
  readonly agentAnew?: boolean;
  /** Somebody who is not podpin answers ARP meanwhile: this node for whatever address, or whatever node for this address. */
  readonly stranger?: string;
  readonly begin: () => Promise<unknown>;
  /** Without it the fault is over at once, and what was changed must be put right by podpin. */
  readonly end?: () => Promise<unknown>;
  /** @default 8 */
  readonly longestSeconds?: number;
}

export type Draw = (setting: Setting, random: Random) => Fault;

type FaultAtNode = Omit<Fault, "on"> & Partial<Pick<Fault, "on">>;

/** At a node that is drawn; two at one node are not under way at once unless a fault says otherwise. */
export const atNode =
  (fault: (node: LabNode, setting: Setting, random: Random) => FaultAtNode): Draw =>
  (setting, random) => {
    const node = random.pick(setting.lab.nodes);
    return { on: node.name, ...fault(node, setting, random) };
  };

export const kubectl = ({ cluster }: Setting, ...args: string[]): Promise<string> => cluster.kubectl(...args, PATIENCE);

/** Runs a command in a machine's network namespace; answers with its output. */
export async function inside(host: LabHost, ...command: string[]): Promise<string> {
  const { code, stdout, stderr } = await host.exec(command);
  if (code !== 0) throw new Error(stderr.trim());
  return stdout;
}

/** Programs of the nodes, as their command lines say. */
export const Program = {
  Agent: "podpin.js agent",
  Controller: "podpin.js controller",
  Application: "server.js",
  KubeProxy: "kube-proxy --config",
  Containerd: "containerd -c",
} as const;
export type Program = (typeof Program)[keyof typeof Program];

export const everywhere = ({ lab }: Setting): readonly string[] => lab.nodes.map(({ name }) => name);

/** For `pgrep -f`: in brackets, so that the shell which asks does not find itself. */
export const asPattern = (text: string): string => `[${text[0] ?? ""}]${text.slice(1)}`;

/** The node's processes whose command line says this. */
export async function pidsOf(node: LabNode, program: Program): Promise<string[]> {
  const { stdout } = await node.execInside(["pgrep", "-f", asPattern(program)]);
  const pids = stdout.split("\n").filter((line) => line !== "");
  if (pids.length === 0) throw new Error(`${node.name} runs no ${program}`);
  return pids;
}

/** The agents' processes on these nodes; none where no agent runs, or the node is off. */
export async function agentsOn({ lab }: Setting, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const asked = lab.nodes.filter(({ name }) => names.includes(name));
  const found = asked.map(async (node) => {
    const pids = await pidsOf(node, Program.Agent).catch(() => []);
    return [node.name, pids.join()] as const;
  });
  return new Map(await Promise.all(found));
}

export async function signal(node: LabNode, name: string, program: Program): Promise<void> {
  await node.execInside(["kill", `-${name}`, ...(await pidsOf(node, program))]);
}

export const paused = (node: LabNode, program: Program): Required<Pick<Fault, "begin" | "end">> => ({
  begin: () => signal(node, "STOP", program),
  end: () => signal(node, "CONT", program),
});

export async function firstPod(
  setting: Setting,
  labels: string,
  accepts: (pod: KubeObject) => boolean,
): Promise<string> {
  const pods = await setting.cluster.list<KubeObject>("pods", "-n", PODPIN_NAMESPACE, PATIENCE, "-l", labels);
  const found = pods.find(accepts);
  if (found === undefined) throw new Error(`no such Pod: ${labels}`);
  return found.metadata.name;
}
