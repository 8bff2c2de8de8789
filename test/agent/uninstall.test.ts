import { tell, uninstallUplink } from "../../controller-image/src/agent/uninstall-main";
import { uninstall } from "../../controller-image/src/agent/uninstall";
import type { Commands } from "../../controller-image/src/fabric/commands";
import { binding, movedAway, OTHER_IP } from "./bindings";
import { segmentHop, UPLINK } from "./memory-kernel";
import { A, B, World } from "./world";

const NO_PROXIES: Commands = {
  run: () => Promise.resolve({ code: 0, stdout: "[]", stderr: "" }),
  start: () => {
    throw new Error("nothing stays");
  },
};

const LED = "198.51.100.20";

/** A node with all that an agent can have left: addresses of each delivery, one that moved on, a fence, a rule. */
async function used(): Promise<World> {
  const world = new World();
  world.kernel.forwardDrops = true;
  world.kernel.hops.set(OTHER_IP, segmentHop);
  const agent = world.agent();
  world.write(binding(A));
  world.write(binding(B, { delivery: "app" }));
  await world.rest();
  world.write(movedAway(B, { delivery: "app", wait: false }));
  world.write(binding(LED, { fabric: "gce" }));
  await world.rest();
  await agent.stop();
  return world;
}

test("everything of podpin's goes, though Pods and bindings are still there, and a second time there is nothing to do", async () => {
  const { kernel } = await used();
  kernel.proxies.set("203.0.113.9", "foreign");
  kernel.claimed.add(LED);
  const first = await uninstall(kernel, NO_PROXIES, UPLINK);
  expect(kernel.untouched).toBe(true);
  expect(kernel.proxies).toEqual(new Map([["203.0.113.9", "foreign"]]));
  expect([first.failed.size, first.inPods]).toEqual([0, []]);
  for (const part of [
    "rule del pref 700",
    "delete table ip pip_agent",
    "delete table netdev pip_agent",
    "delete rule ip filter FORWARD",
    "proxy_delay 800",
    `neigh del proxy ${A}`,
    `route del ${B}/32`,
    `route del throw ${LED}/32 table 255`,
  ]) {
    expect(first.removed.join("\n")).toContain(part);
  }
  expect(kernel.forgotten).toContainEqual({ address: A, pod: "10.244.1.11", whose: "clients" });
  expect(await uninstall(kernel, NO_PROXIES, UPLINK)).toEqual({ removed: [], failed: new Map(), inPods: [] });
});

test("proxy neighbours on an interface that was the uplink once go as well, those of others stay", async () => {
  const world = new World();
  const batches: string[] = [];
  const commands: Commands = {
    ...NO_PROXIES,
    run: (argv, input = "") => {
      if (argv.includes("-batch")) batches.push(String(input));
      const proxies = [
        { dst: A, dev: "eth9", proxy: null, protocol: "153" },
        { dst: B, dev: "eth9", proxy: null },
      ];
      return Promise.resolve({ code: 0, stdout: JSON.stringify(proxies), stderr: "" });
    },
  };
  const { removed } = await uninstall(world.kernel, commands, UPLINK);
  expect([removed, batches]).toEqual([[`neigh del proxy ${A} dev eth9`], [`neigh del proxy ${A} dev eth9\n`]]);
});

test("what the kernel refuses is named, and tried again", async () => {
  const { kernel } = await used();
  kernel.refuse = (line) => (line.startsWith(`route del ${A}/32`) ? "Device or resource busy" : undefined);
  const { failed } = await uninstall(kernel, NO_PROXIES, UPLINK);
  expect(failed.get(A)).toBe("Device or resource busy");
});

describe("what it says", () => {
  const said: string[] = [];
  const log = (level: string, message: string): void => void said.push(`${level}: ${message}`);

  test.each<[string, Parameters<typeof tell>[0], string[]]>([
    ["nothing", { removed: [], failed: new Map(), inPods: [] }, ["info: this node had nothing of podpin's"]],
    [
      "each line",
      { removed: ["rule del pref 700"], failed: new Map(), inPods: [] },
      ["info: removed", "info: this node has nothing of podpin's any more"],
    ],
    [
      "what stays in Pods",
      { removed: ["x"], failed: new Map(), inPods: [A] },
      [
        "info: removed",
        "warn: these addresses stay on interfaces of Pods until the Pods go, because Pods cannot be entered from here",
        "info: this node has nothing of podpin's any more",
      ],
    ],
  ])("%s", (_title, result, lines) => {
    said.length = 0;
    tell(result, log);
    expect(said).toEqual(lines);
  });

  test("and fails when something is left", () => {
    expect(() => tell({ removed: [], failed: new Map([[A, "busy"]]), inPods: [] }, log)).toThrow(
      `podpin agent --uninstall: something is left of ${A}; see the lines above, and run it again`,
    );
  });
});

describe("the interface that addresses arrived on", () => {
  const interfaceOf = (ip: string): string | undefined => (ip === "10.0.0.11" ? "eth1" : undefined);

  test.each<[string, string[], string | undefined, string | undefined, string]>([
    ["the flag", ["--uninstall", "--uplink=bond0"], "10.0.0.11", "eth0", "bond0"],
    ["the node's address", ["--uninstall"], "10.0.0.11", "eth0", "eth1"],
    ["the default route", ["--uninstall"], undefined, "eth0", "eth0"],
  ])("is that of %s", (_title, args, nodeIp, byDefault, uplink) => {
    expect(uninstallUplink(args, nodeIp, interfaceOf, byDefault)).toBe(uplink);
  });

  test("names every mistake in one error", () => {
    expect(() => uninstallUplink(["--uplink=a b", "--all"], undefined, interfaceOf, undefined)).toThrow(
      [
        "podpin agent --uninstall is not valid:",
        '  - --uplink: got "a b"; use the name of an interface, for example eth0',
        '  - arguments: got "--all"; with --uninstall the only flag is --uplink=INTERFACE',
      ].join("\n"),
    );
    expect(() => uninstallUplink(["--uninstall"], undefined, interfaceOf, undefined)).toThrow(
      "podpin agent --uninstall is not valid:\n  - --uplink: got nothing; the node has no default route; name the interface that the addresses arrived on",
    );
  });
});
