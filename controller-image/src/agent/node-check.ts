// What the agent finds on its node when it starts, for the log: most reports of "it does not work" end here.
import { readFile } from "node:fs/promises";
import { networkInterfaces, release } from "node:os";
import { errorText } from "../kube/log";
import type { Commands } from "../fabric/commands";

export interface NodeFacts {
  readonly kernel: string;
  /** First line that each program says of its version, or why it cannot be run. */
  readonly programs: Readonly<Record<string, string>>;
  /** Whether the node forwards packets; without it no address works. */
  readonly ipForward: string;
  /**
   * Addresses that Google's guest agent has made the node's own (protocol 66): the node answers for them itself, before
   * any Pod can.
   */
  readonly guestAgentAddresses: readonly string[];
}

const VERSION_OF: Readonly<Record<string, readonly string[]>> = {
  ip: ["ip", "-V"],
  nft: ["nft", "-v"],
  conntrack: ["conntrack", "-V"],
  socat: ["socat", "-V"],
};

export async function checkNode(commands: Commands): Promise<NodeFacts> {
  const programs = Object.entries(VERSION_OF).map(async ([name, argv]): Promise<[string, string]> => {
    try {
      const { stdout, stderr } = await commands.run(argv);
      return [name, (stdout || stderr).split("\n").slice(0, 2).join(" ").trim()];
    } catch (error) {
      return [name, errorText(error)];
    }
  });
  return {
    kernel: release(),
    programs: Object.fromEntries(await Promise.all(programs)),
    ipForward: await readFile("/proc/sys/net/ipv4/ip_forward", "utf8").then((text) => text.trim(), errorText),
    guestAgentAddresses: await guestAgentAddresses(commands),
  };
}

async function guestAgentAddresses(commands: Commands): Promise<string[]> {
  const { code, stdout } = await commands.run(["ip", "-j", "route", "show", "table", "local", "proto", "66"]);
  if (code !== 0) return [];
  const routes: unknown = JSON.parse(stdout || "[]");
  return Array.isArray(routes) ? routes.map((route: { dst?: unknown }) => String(route.dst)) : [];
}

/** What is wrong with the node, one sentence each, with what to do. */
export function nodeProblems(facts: NodeFacts): string[] {
  const problems: string[] = [];
  for (const [name, answer] of Object.entries(facts.programs)) {
    if (answer.startsWith("cannot run")) problems.push(`${name}: ${answer}; use the packaged image, which has it`);
  }
  if (facts.ipForward !== "1") {
    problems.push(`net.ipv4.ip_forward: got ${facts.ipForward}; set it to 1 on the node, or no packet reaches a Pod`);
  }
  if (facts.guestAgentAddresses.length > 0) {
    const list = facts.guestAgentAddresses.join(", ");
    problems.push(
      `the guest agent has made ${list} the node's own, so delivery "app" cannot work for them; set ip_forwarding = false in its configuration, or use delivery "nat"`,
    );
  }
  return problems;
}

/** What interface names Linux accepts, less what would have a meaning in a command. */
export const INTERFACE_NAME = /^[A-Za-z0-9_.@-]{1,15}$/;

/** The interface that has the node's address. */
export function uplinkOf(nodeIp: string, interfaces = networkInterfaces()): string | undefined {
  const found = Object.entries(interfaces).find(([, addresses]) =>
    addresses?.some(({ address }) => address === nodeIp),
  );
  return found?.[0];
}
