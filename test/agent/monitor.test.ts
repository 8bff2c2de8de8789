import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";

import { concernsRouting, concernsTables, monitorKernel } from "../../controller-image/src/agent/monitor";
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

  test.each([
    ["delete element ip pip_agent pips { 192.0.2.7 }", true],
    ["delete table ip pip_agent", true],
    ["delete table netdev pip_agent", true],
    ["# ERROR: We lost some netlink events!", true],
    ["delete rule ip kube-proxy services handle 7", false],
  ])("nft: %s", (line, concerns) => {
    expect(concernsTables(line)).toBe(concerns);
  });
});

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

  says(program: string, text: string, where: "stdout" | "stderr" = "stdout"): void {
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
      "nft -n monitor destroy",
    ]);
    await clock.run(1000);
    expect(events()).toBe(2);
  });

  test("joins lines that come in pieces, and ignores what is not ours", async () => {
    const { commands, events } = setup();
    commands.says("nft", "delete element ip other x { 1.1.1.1 }\ndelete element ip pip_");
    await settle();
    expect(events()).toBe(0);
    commands.says("nft", "agent pips { 192.0.2.7 }\n");
    await settle();
    expect(events()).toBe(1);
  });

  test("takes an error for a lost event", async () => {
    const { commands, events } = setup();
    commands.says("ip", "netlink receive error No buffer space available (105)\n", "stderr");
    await settle();
    expect(events()).toBe(1);
  });

  test.each(["ip", "nft"])("starts %s again after it has ended, and looks at once and again", async (program) => {
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
