// What the kernel does not report is asked for: proxy neighbours that somebody takes away, with a clock of our own.
import type { CommandResult, Commands } from "../../controller-image/src/fabric/commands";
import { watchProxies } from "../../controller-image/src/agent/proxies";
import type { KernelState } from "../../controller-image/src/agent/state";
import { settle, VirtualClock } from "../support/virtual-clock";

const entry = (dst: string, protocol = "153"): object => ({ dst, dev: "eth0", proxy: null, protocol });
const OURS = new Map([["198.51.100.7", "ours"]]) as KernelState["proxies"];

function watched(answer: () => Promise<CommandResult>, remembered: () => KernelState["proxies"] | undefined) {
  const clock = new VirtualClock();
  const asked: string[] = [];
  let changes = 0;
  const commands: Commands = {
    run: (_argv, input = "") => {
      asked.push(input.toString());
      return answer();
    },
    start: () => {
      throw new Error("nothing is started here");
    },
  };
  const stop = watchProxies({ clock, commands, uplink: "eth0" }, remembered, () => changes++);
  const pass = async (): Promise<number> => {
    await clock.run(2000);
    await settle();
    return changes;
  };
  return { asked, pass, stop, clock };
}

const says = (entries: readonly object[]): (() => Promise<CommandResult>) => {
  const stdout = `${JSON.stringify(entries)}\n`;
  return () => Promise.resolve({ code: 0, stdout, stderr: "" });
};

test.each([
  ["it is as it was", [entry("198.51.100.7")], 0],
  ["it is gone", [], 1],
  ["it is somebody else's", [entry("198.51.100.7", "4")], 1],
  ["there is another one", [entry("198.51.100.7"), entry("198.51.100.8")], 1],
])("%s", async (_, entries, changes) => {
  const { asked, pass } = watched(says(entries), () => OURS);
  expect(await pass()).toBe(changes);
  expect(asked).toEqual(["neigh show proxy\n"]);
  expect(await pass()).toBe(2 * changes);
});

test("nothing is asked while nothing is remembered, or nothing is there", async () => {
  for (const remembered of [undefined, new Map() as KernelState["proxies"]]) {
    const { asked, pass } = watched(says([]), () => remembered);
    expect([await pass(), asked]).toEqual([0, []]);
  }
});

test("an answer that fails or comes too late is no change, and the next one counts", async () => {
  let remembered: KernelState["proxies"] = OURS;
  const answers = [
    () => Promise.reject(new Error("ip is away")),
    () => {
      remembered = new Map(OURS);
      return says([])();
    },
    says([]),
  ];
  const { pass, stop, clock } = watched(
    () => answers.shift()!(),
    () => remembered,
  );
  expect([await pass(), await pass(), await pass()]).toEqual([0, 0, 1]);
  stop();
  expect(clock.pending).toBe(0);
});
