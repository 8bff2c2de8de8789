// What the kernel reports of nftables, in a network namespace of its own.
import { deletionsOfOurs, NFT_MONITOR } from "../../controller-image/src/agent/nft-events";
import { type Child, commands } from "../../controller-image/src/fabric/commands";
import { command } from "../../lab/parts/command";
import { eventually } from "./eventually";

const NAMESPACE = `pp-events-${process.pid}`;
const here = commands(["ip", "netns", "exec", NAMESPACE]);
const nft = async (...lines: string[]): Promise<void> => {
  expect(await here.run(["nft", "-f", "-"], `${lines.join("\n")}\n`)).toMatchObject({ code: 0, stderr: "" });
};
const chains = (table: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => [
    `add chain ip ${table} c${index}`,
    `add rule ip ${table} c${index} counter`,
  ]).flat();

let monitor: Child;
let bytes: number;
let told: number;
let ended: string | undefined;

function listen(argv: readonly string[]): void {
  [bytes, told, ended] = [0, 0, undefined];
  const concerns = deletionsOfOurs();
  const started = here.start(argv);
  monitor = started;
  started.onExit((why) => {
    if (monitor === started) ended = why;
  });
  monitor.stdout.on("data", (piece: Buffer) => {
    bytes += piece.length;
    if (concerns(piece)) told++;
  });
}

/** A program that was just started does not say when it listens. */
const listening = (): Promise<void> =>
  eventually(async () => {
    await nft("add table ip probe", "delete table ip probe");
    expect(bytes).toBeGreaterThan(0);
  });

beforeAll(() => command(["ip", "netns", "add", NAMESPACE]));
afterEach(() => monitor.kill());
afterAll(() => command(["ip", "netns", "delete", NAMESPACE]));

test("what goes from our tables and from FORWARD is told, and nothing of a large table that others write anew", async () => {
  listen(NFT_MONITOR);
  await listening();
  const before = bytes;
  await nft("add table ip kube-proxy", ...chains("kube-proxy", 5000));
  await nft("delete table ip kube-proxy");
  await nft("add table ip pip_agent", "add set ip pip_agent pips { type ipv4_addr; }");
  await nft("add element ip pip_agent pips { 192.0.2.7 }", "add table ip filter", "add chain ip filter FORWARD");
  await nft("add rule ip filter FORWARD counter");
  await nft("add table ip last");
  await eventually(() => expect(bytes - before).toBeGreaterThan(1_000_000));
  expect(told).toBe(0);
  for (const line of [
    "delete element ip pip_agent pips { 192.0.2.7 }",
    "flush chain ip filter FORWARD",
    "delete table ip pip_agent",
  ]) {
    const known = told;
    await nft(line);
    await eventually(() => expect(told).toBeGreaterThan(known));
  }
  expect(ended).toBeUndefined();
});

test("the program ends when there was no room for what the kernel said", async () => {
  listen(NFT_MONITOR.map((arg) => arg.replace(/setsockopt-listen=.*$/, "rcvbuf=4096")));
  await listening();
  await nft("add table ip zz", ...chains("zz", 1000));
  await eventually(() => expect(ended).toMatch(/exit code/));
});
