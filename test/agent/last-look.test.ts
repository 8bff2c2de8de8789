import { EventEmitter } from "node:events";
import { PassThrough } from "node:stream";

import { LastLook } from "../../controller-image/src/agent/last-look";
import { linuxKernel } from "../../controller-image/src/agent/kernel";
import type { Child, CommandResult, Commands } from "../../controller-image/src/fabric/commands";
import { settle, VirtualClock } from "../support/virtual-clock";
import { UPLINK } from "./memory-kernel";

describe("what is remembered of the last look", () => {
  const setup = () => {
    const clock = new VirtualClock();
    const state = { told: true };
    return { clock, state, last: new LastLook<string>({ clock, isTold: () => state.told }) };
  };

  test("counts until something changes", async () => {
    const { last } = setup();
    expect(await last.look(() => Promise.resolve("seen"))).toBe("seen");
    expect(last.get()).toBe("seen");
    last.forget();
    expect(last.get()).toBeUndefined();
  });

  test("does not count if something changed while it was taken", async () => {
    const { last } = setup();
    await last.look(() => {
      last.forget();
      return Promise.resolve("half of it");
    });
    expect(last.get()).toBeUndefined();
  });

  test("does not count while nobody would tell of a change", async () => {
    const { last, state } = setup();
    await last.look(() => Promise.resolve("seen"));
    state.told = false;
    expect(last.get()).toBeUndefined();
  });

  test("grows old, also when more is put into it", async () => {
    const { last, clock } = setup();
    await last.look(() => Promise.resolve("seen"));
    await clock.run(30_000);
    last.extend("more");
    expect(last.get()).toBe("more");
    await clock.run(30_000);
    expect(last.get()).toBeUndefined();
  });
});

/** A node's kernel as `ip` and `nft` show it: two Pods, and programs that tell of changes. */
class Node implements Commands {
  readonly asked: string[] = [];
  readonly ways = new Map([
    ["10.244.1.11", "veth1"],
    ["10.244.1.12", "veth2"],
  ]);
  readonly numbers = new Map([
    [UPLINK, 2],
    ["veth1", 11],
    ["veth2", 12],
  ]);
  readonly monitors = new Map<string, { readonly stdout: PassThrough; readonly events: EventEmitter }>();

  run([program = "", ...args]: readonly string[], input: string | Buffer = ""): Promise<CommandResult> {
    const lines = input.toString().split("\n").slice(0, -1);
    this.asked.push(...(program === "ip" ? lines : [[program, ...args].join(" ")]));
    if (program !== "ip") return Promise.resolve({ code: 0, stdout: '{"nftables":[]}\n', stderr: "" });
    const answers = lines.map((line) => this.#answer(line));
    const refused = answers.flatMap((answer, index) =>
      answer === undefined ? [`RTNETLINK answers: No route\nCommand failed -:${index + 1}\n`] : [],
    );
    const stdout = answers.flatMap((answer) => (answer === undefined ? [] : `${JSON.stringify(answer)}\n`)).join("");
    return Promise.resolve({ code: refused.length, stdout, stderr: refused.join("") });
  }

  start([program = ""]: readonly string[]): Child {
    const events = new EventEmitter();
    const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
    this.monitors.set(program, { stdout, events });
    return { stdin, stdout, stderr, onExit: (tell) => void events.once("exit", tell), kill: () => undefined };
  }

  #answer(line: string): object[] | undefined {
    const [what = "", verb = "", last = ""] = line.split(/ (?:dev )?/);
    if (what === "link") return this.#links(verb === "show" ? last : "");
    const dev = this.ways.get(last);
    if (verb === "get") return dev === undefined ? undefined : [{ dst: last, dev, type: "1" }];
    return [];
  }

  #links(name: string): object[] {
    const all = [...this.numbers].map(([ifname, ifindex]) => ({
      ifname,
      ifindex,
      address: "02:00:00:00:00:01",
      linkinfo: { info_kind: ifname.startsWith("veth") ? "veth" : undefined },
    }));
    return name === "" ? all : all.filter(({ ifname }) => ifname === name);
  }
}

describe("the kernel of a node", () => {
  const FIRST = "10.244.1.11";
  const SECOND = "10.244.1.12";
  const NOTHING = { pods: [], fresh: false };

  async function looked() {
    const node = new Node();
    const clock = new VirtualClock();
    const kernel = linuxKernel({ uplink: UPLINK, commands: node, clock, log: () => undefined });
    let events = 0;
    const end = kernel.watch(() => events++);
    await clock.run(1000);
    await kernel.observe([FIRST], NOTHING);
    node.asked.length = 0;
    return { node, clock, kernel, end };
  }

  test("is not asked again while it reports nothing", async () => {
    const { node, kernel } = await looked();
    const { remembered, hops } = await kernel.observe([FIRST], NOTHING);
    expect([remembered, hops.get(FIRST), node.asked]).toEqual([
      true,
      { dev: "veth1", ifindex: 11, kind: "veth", gateway: undefined, local: false },
      [],
    ]);
  });

  test("is asked again at once when it reports something, when that is wanted, and after a change of ours", async () => {
    const { node, clock, kernel } = await looked();
    const isAsked = async (fresh = false): Promise<boolean> => {
      node.asked.length = 0;
      const { remembered } = await kernel.observe([FIRST], { pods: [], fresh });
      expect(remembered === true).toBe(node.asked.length === 0);
      return node.asked.length > 0;
    };
    node.monitors.get("ip")!.stdout.write("[LINK]12: veth2: <BROADCAST>\n");
    await settle();
    expect(await isAsked()).toBe(true);
    expect(await isAsked()).toBe(false);
    expect(await isAsked(true)).toBe(true);
    const nothing = { setup: [], base: [], steps: [], finish: [], cleanup: [], teardown: { ip: [], nft: [] } };
    await kernel.apply(nothing);
    expect(await isAsked()).toBe(true);
    node.monitors.get("socat")!.events.emit("exit", "exit code 1");
    expect(await isAsked()).toBe(true);
    expect(await isAsked()).toBe(true);
    await clock.run(2000);
    expect([await isAsked(), await isAsked()]).toEqual([true, false]);
  });

  test("is asked for the next hop of a new Pod alone", async () => {
    const { node, kernel } = await looked();
    const { remembered, hops } = await kernel.observe([FIRST, SECOND], NOTHING);
    expect([remembered, hops.get(SECOND)]).toEqual([
      true,
      { dev: "veth2", ifindex: 12, kind: "veth", gateway: undefined, local: false },
    ]);
    expect(node.asked).toEqual([`route get ${SECOND}`, "link show dev veth2"]);
    node.asked.length = 0;
    await kernel.observe([FIRST, SECOND], NOTHING);
    expect(node.asked).toEqual([]);
  });

  test("is asked for what will be evidence, and for everything if it differs from what is remembered", async () => {
    const { node, kernel } = await looked();
    const evidence = { ...NOTHING, evidence: [FIRST] };
    expect((await kernel.observe([FIRST], evidence)).remembered).toBe(true);
    expect(node.asked).toEqual([`route get ${FIRST}`, "link show dev veth1"]);
    node.numbers.set("veth1", 13);
    const { remembered, hops } = await kernel.observe([FIRST], evidence);
    expect([remembered, hops.get(FIRST)]).toEqual([undefined, expect.objectContaining({ dev: "veth1", ifindex: 13 })]);
    node.ways.set(FIRST, "veth2");
    expect((await kernel.observe([FIRST], evidence)).hops.get(FIRST)).toMatchObject({ dev: "veth2", ifindex: 12 });
    node.ways.delete(FIRST);
    expect((await kernel.observe([FIRST], evidence)).hops.get(FIRST)).toBe("unreachable");
  });

  test("is asked each time where nobody listens", async () => {
    const { node, kernel, end } = await looked();
    end();
    expect((await kernel.observe([FIRST], NOTHING)).remembered).toBeUndefined();
    expect(node.asked).not.toEqual([]);
  });
});
