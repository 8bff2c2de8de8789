// Runs on the segment as a machine that remembers no neighbour: asks by broadcast who has each address, and says who answers.
import { spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { createInterface } from "node:readline";
import { now, say } from "../../bench/lab/child";

export interface ArpAsking {
  readonly addresses: readonly string[];
  readonly device: string;
  /** Of the device. */
  readonly mac: string;
  readonly intervalMs: number;
}

export interface ArpAnswer {
  readonly address: string;
  /** Which of this program's questions for the address it answers. */
  readonly question: number;
  readonly mac: string;
  readonly at: number;
}

const { addresses, device, mac: own, intervalMs } = JSON.parse(process.argv[2] ?? "{}") as ArpAsking;
const questions = new Map<string, number>();
const run = (command: string, args: readonly string[]) =>
  spawn("setpriv", ["--pdeathsig", "KILL", "--", command, ...args]);

// Announcements are for everybody: here only what answers this machine counts.
const filter = `arp and (ether src ${own} or ether dst ${own})`;
const capture = run("tcpdump", ["-i", device, "-p", "-l", "-n", "--immediate-mode", filter]);
createInterface({ input: capture.stdout }).on("line", (line) => {
  const asked = /who-has (\S+) tell/.exec(line)?.[1];
  if (asked !== undefined && line.includes("Request")) questions.set(asked, (questions.get(asked) ?? 0) + 1);
  const [, address, mac] = /Reply (\S+) is-at (\S+),/.exec(line) ?? [];
  const question = questions.get(address ?? "");
  if (address === undefined || mac === undefined || question === undefined) return;
  say({ address, question, mac, at: now() } satisfies ArpAnswer);
});

const socket = createSocket("udp4");
socket.on("error", () => undefined);
const forget = run("ip", ["-batch", "-", "-force"]);
const tick = (): void => {
  forget.stdin.write(`neigh flush dev ${device} to 198.51.100.0/24\n`);
  setTimeout(() => addresses.forEach((address) => socket.send("", 9, address, () => undefined)), intervalMs / 2);
};
run("ip", ["route", "replace", "198.51.100.0/24", "dev", device]).once("close", () => setInterval(tick, intervalMs));
