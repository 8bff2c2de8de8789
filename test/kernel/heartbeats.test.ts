// Heartbeats between real processes over real cables: what a kernel still says when its agent says nothing, and what a cable
// that is pulled looks like from both ends.
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { HeartbeatArgs, HeartbeatLine } from "./programs/heartbeats";

jest.setTimeout(300_000);

const PROGRAM = join(__dirname, "programs", "heartbeats.ts");
const UPLINK = "up0";
const NODES = ["n1", "n2", "n3", "n4"] as const;
type NodeName = (typeof NODES)[number];
const addressOf = (node: NodeName): string => `10.91.0.${NODES.indexOf(node) + 11}`;

const prefix = `ph${process.pid.toString(36)}`;
const place = (name: string): string => `${prefix}-${name}`;

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync(args[0]!, args.slice(1), { encoding: "utf8" });
  if (status !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
}
const inSwitch = (...args: readonly string[]): void => ip("ip", "netns", "exec", place("sw"), ...args);

class Program {
  readonly lines: HeartbeatLine[] = [];
  readonly child: ChildProcess;
  #heard = (): void => undefined;

  constructor(node: NodeName, args: HeartbeatArgs) {
    const command = ["netns", "exec", place(node), process.execPath, "--import", "tsx", PROGRAM, JSON.stringify(args)];
    this.child = spawn("ip", command, { stdio: ["ignore", "pipe", "inherit"], cwd: join(__dirname, "../..") });
    createInterface({ input: this.child.stdout! }).on("line", (line) => {
      this.lines.push(JSON.parse(line) as HeartbeatLine);
      this.#heard();
    });
  }

  /** The first line from `from` on that is wanted; whoever waits in vain is ended by the test's own limit. */
  async line(wanted: (line: HeartbeatLine) => boolean, from = 0): Promise<HeartbeatLine> {
    for (let at = from; ; at++) {
      while (at >= this.lines.length) await new Promise<void>((resolve) => (this.#heard = resolve));
      const line = this.lines[at]!;
      if (wanted(line)) return line;
    }
  }

  /** So many reports in a row with this many nodes in the state. */
  async holds(state: string, count: number, reports: number): Promise<void> {
    let held = 0;
    await this.line((line) => {
      if (!("counts" in line)) return false;
      held = line.counts[state] === count ? held + 1 : 0;
      return held >= reports;
    }, this.lines.length);
  }

  get verdicts(): HeartbeatLine[] {
    return this.lines.filter((line) => "verdict" in line);
  }
}

const agents = new Map<NodeName, Program>();
let controller: Program;

function startAgent(node: NodeName): Program {
  const agent = new Program(node, { role: "agent", node, address: addressOf(node), uplink: UPLINK });
  agents.set(node, agent);
  return agent;
}

beforeAll(async () => {
  ip("ip", "netns", "add", place("sw"));
  inSwitch("ip", "link", "add", "br0", "type", "bridge");
  inSwitch("ip", "link", "set", "br0", "up");
  for (const node of NODES) {
    ip("ip", "netns", "add", place(node));
    inSwitch("ip", "link", "add", `to-${node}`, "type", "veth", "peer", "name", UPLINK, "netns", place(node));
    inSwitch("ip", "link", "set", `to-${node}`, "master", "br0", "up");
    const here = ["ip", "-n", place(node)];
    ip(...here, "addr", "add", `${addressOf(node)}/24`, "dev", UPLINK);
    for (const link of ["lo", UPLINK]) ip(...here, "link", "set", link, "up");
  }
  await Promise.all(NODES.map((node) => startAgent(node).line(() => true)));
  const nodes = NODES.map((name) => ({ name, address: addressOf(name), owns: true }));
  controller = new Program("n1", { role: "controller", node: "n1", nodes });
  await controller.holds("answering", NODES.length, 20);
});

afterAll(() => {
  for (const program of [...agents.values(), controller]) program?.child.kill("SIGKILL");
  for (const name of ["sw", ...NODES]) spawnSync("ip", ["netns", "del", place(name)]);
});

test("a node whose agent hangs, or is gone, is not lost: its kernel goes on serving, and says so", async () => {
  const agent = agents.get("n3")!;
  agent.child.kill("SIGSTOP");
  await controller.holds("agent_silent", 1, 40);
  agent.child.kill("SIGCONT");
  await controller.holds("answering", NODES.length, 5);
  agent.child.kill("SIGKILL");
  await controller.holds("agent_silent", 1, 40);
  startAgent("n3");
  await controller.holds("answering", NODES.length, 20);
  expect(controller.verdicts).toEqual([]);
});

test("a node whose frames the switch drops is lost and knows that it is cut off, until they pass again", async () => {
  const agent = agents.get("n2")!;
  const from = controller.lines.length;
  inSwitch("bridge", "link", "set", "dev", "to-n2", "state", "disabled");
  expect(await controller.line((line) => "verdict" in line, from)).toEqual({ verdict: "n2", lost: true });
  await agent.line((line) => "isolated" in line && line.isolated);
  const back = controller.lines.length;
  inSwitch("bridge", "link", "set", "dev", "to-n2", "state", "forwarding");
  expect(await controller.line((line) => "verdict" in line, back)).toEqual({
    verdict: "n2",
    lost: false,
    because: "same agent",
  });
  await controller.holds("answering", NODES.length, 5);
  expect(agent.lines.map((line) => "isolated" in line && line.isolated)).toEqual([false, true, false]);
});

test("a node whose cable is pulled knows at once", async () => {
  const agent = agents.get("n4")!;
  const from = controller.lines.length;
  inSwitch("ip", "link", "set", "to-n4", "down");
  await agent.line((line) => "isolated" in line && line.isolated);
  expect(await controller.line((line) => "verdict" in line, from)).toEqual({ verdict: "n4", lost: true });
  inSwitch("ip", "link", "set", "to-n4", "up");
  await controller.holds("answering", NODES.length, 5);
  expect(agent.lines.map((line) => "isolated" in line && line.isolated)).toEqual([false, true, false]);
});
