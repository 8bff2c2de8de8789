import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";

import { concernsRouting, monitorKernel } from "../../controller-image/src/agent/monitor";
import { deletionsOfOurs } from "../../controller-image/src/agent/nft-events";
import { number16, number32 } from "../../controller-image/src/agent/rtnetlink";
import type { Child, Commands } from "../../controller-image/src/fabric/commands";
import { settle, VirtualClock } from "../support/virtual-clock";

describe("what is worth a look", () => {
  test.each([
    ["[LINK]9: veth1: <BROADCAST,UP> mtu 1500", true],
    ["[RULE]Deleted 700: from all lookup 7421", true],
    ["[ROUTE]Deleted 192.0.2.7 via 10.244.1.11 dev veth1 table 7421 proto 153", true],
    ["[ROUTE]10.244.1.11 dev veth1 scope link", true],
    ["[ROUTE]10.244.1.110 dev veth2 scope link", false],
    ["[ROUTE]203.0.113.0/24 dev eth0", false],
    ["[ROUTE]2 192.0.2.7 dev lo table 255 proto 2 scope 254 src 192.0.2.7 ", true],
    ["[ROUTE]Deleted 2 192.0.2.7 dev lo table 255 proto 2 scope 254 src 192.0.2.7 ", true],
    ["[ROUTE]3 192.0.2.255 dev eth0 table 255 proto 2 scope 253 src 192.0.2.7 ", false],
    ["[ROUTE]2 fe80::1 dev veth1 table 255 proto 2 metric 0 pref medium", false],
    ["[NETCONF]inet eth0 forwarding off ", true],
    ["[NETCONF]inet veth1 forwarding on rp_filter off ", false],
    ["[NETCONF]inet6 eth0 forwarding off ", false],
  ])("ip: %s", (line, concerns) => {
    expect(concernsRouting(line, { uplink: "eth0", watched: () => ["10.244.1.11"] })).toBe(concerns);
  });

  // NFT_MSG_…, as linux/netfilter/nf_tables.h numbers them.
  const [NEW_ELEMENT, DELETED_TABLE, DELETED_CHAIN, DELETED_RULE, DELETED_ELEMENT] = [12, 2, 5, 8, 14] as const;
  test.each([
    ["an element of our table goes", DELETED_ELEMENT, 2, ["pip_agent", "pips"], true],
    ["our table goes", DELETED_TABLE, 2, ["pip_agent"], true],
    ["our table of fences goes", DELETED_TABLE, 5, ["pip_agent"], true],
    ["an element of our table comes", NEW_ELEMENT, 2, ["pip_agent", "pips"], false],
    ["a rule of FORWARD goes", DELETED_RULE, 2, ["filter", "FORWARD"], true],
    ["the chain FORWARD goes", DELETED_CHAIN, 2, ["filter", "", "FORWARD"], true],
    ["FORWARD of another family goes", DELETED_RULE, 10, ["filter", "FORWARD"], false],
    ["another chain of that table goes", DELETED_RULE, 2, ["filter", "INPUT"], false],
    ["a rule of kube-proxy goes", DELETED_RULE, 2, ["kube-proxy", "services"], false],
    ["a table whose name begins as ours goes", DELETED_TABLE, 2, ["pip_agent2"], false],
  ])("nft: %s", (_what, type, family, names, concerns) => {
    expect(deletionsOfOurs()(message(type, family, names))).toBe(concerns);
  });

  test("nft: what is no message at all may have been anything", () => {
    const concerns = deletionsOfOurs();
    expect(concerns(Buffer.alloc(64))).toBe(true);
    expect(concerns(message(DELETED_RULE, 2, ["kube-proxy"]))).toBe(false);
  });
});

/** As the kernel says it; the names are its first attributes, but for those that are empty. */
function message(type: number, family: number, names: readonly string[]): Buffer {
  const attributes = names.flatMap((name, index) => {
    if (name === "") return [];
    const bytes = Buffer.from(`${name}\0`);
    return [number16(4 + bytes.length), number16(index + 1), bytes, Buffer.alloc(-bytes.length & 3)];
  });
  const body = Buffer.concat([Buffer.of(family, 0, 0, 0), ...attributes]);
  const header = [number32(16 + body.length), number16((10 << 8) | type), number16(0), number32(0), number32(0)];
  return Buffer.concat([...header, body]);
}

/** Programs that say and do what the test wants. */
class Programs implements Commands {
  readonly running: { readonly argv: readonly string[]; readonly child: Child; readonly events: EventEmitter }[] = [];

  run(): never {
    throw new Error("nothing is run here");
  }

  start(argv: readonly string[]): Child {
    const events = new EventEmitter();
    const child: Child = {
      stdin: new PassThrough(),
      stdout: new PassThrough(),
      stderr: new PassThrough(),
      onExit: (callback) => void events.once("exit", callback),
      kill: () => void events.emit("killed"),
    };
    this.running.push({ argv, child, events });
    return child;
  }

  says(program: string, text: string | Buffer, where: "stdout" | "stderr" = "stdout"): void {
    (this.running.findLast(({ argv }) => argv[0] === program)!.child[where] as PassThrough).write(text);
  }
}

describe("the monitor", () => {
  const setup = () => {
    const commands = new Programs();
    const clock = new VirtualClock();
    let events = 0;
    const monitor = monitorKernel({
      commands,
      clock,
      log: () => undefined,
      uplink: "eth0",
      watched: () => ["10.244.1.11"],
      onEvent: () => events++,
    });
    return { commands, clock, monitor, events: () => events };
  };

  test("has one program for routing and one for tables, and looks once more when both surely listen", async () => {
    const { commands, clock, events } = setup();
    expect(commands.running.map(({ argv }) => argv.join(" "))).toEqual([
      "ip -rcvbuf 16777216 -N -o monitor link route rule netconf label",
      "socat -u -b 131072 SOCKET-RECV:16:3:12:x00000000000040000000,setsockopt-listen=1:33:x00000001 STDOUT",
    ]);
    await clock.run(1000);
    expect(events()).toBe(2);
  });

  test.each([
    ["ip", Buffer.from("[ROUTE]203.0.113.0/24 dev eth0 \n[ROUTE]Deleted 192.0.2.7 dev veth1 table 7421 \n")],
    ["socat", Buffer.concat([message(8, 2, ["kube-proxy", "c"]), message(14, 2, ["pip_agent", "pips"])])],
  ])("joins what %s says in pieces, and ignores what is not ours", async (program, said) => {
    const { commands, events } = setup();
    for (const byte of said.subarray(0, -1)) commands.says(program, Buffer.of(byte));
    await settle();
    expect(events()).toBe(0);
    commands.says(program, said.subarray(-1));
    await settle();
    expect(events()).toBe(1);
  });

  test("takes an error for a lost event", async () => {
    const { commands, events } = setup();
    commands.says("ip", "netlink receive error No buffer space available (105)\n", "stderr");
    await settle();
    expect(events()).toBe(1);
  });

  test.each(["ip", "socat"])("starts %s again after it has ended, and looks at once and again", async (program) => {
    const { commands, clock, events } = setup();
    await clock.run(1000);
    const before = events();
    commands.running.find(({ argv }) => argv[0] === program)!.events.emit("exit", "exit code 1");
    expect(commands.running).toHaveLength(2);
    await clock.run(1000);
    expect(commands.running.map(({ argv }) => argv[0]).at(-1)).toBe(program);
    expect(events()).toBe(before + 1);
    await clock.run(1000);
    expect(events()).toBe(before + 2);
  });

  test("leaves neither a program nor a timer behind", () => {
    const { commands, clock, monitor } = setup();
    let killed = 0;
    for (const { events } of commands.running) events.once("killed", () => killed++);
    monitor.stop();
    for (const { events } of commands.running) events.emit("exit", "signal SIGTERM");
    expect([killed, clock.pending]).toEqual([2, 0]);
  });
});
