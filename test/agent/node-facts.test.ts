import { checkNode, neighboursIn, otherForwardChains, rulesBefore } from "../../controller-image/src/agent/node-facts";
import { nodeVerdict } from "../../controller-image/src/agent/node-problems";
import { commands } from "../../controller-image/src/fabric/commands";

describe("of what programs say", () => {
  test("of all chains only those of others that see forwarded packets and drop count", () => {
    const chains = [
      { family: "ip", table: "filter", name: "FORWARD", hook: "forward", policy: "drop" },
      { family: "inet", table: "filter", name: "forward", hook: "forward", policy: "drop" },
      { family: "inet", table: "filter", name: "input", hook: "input", policy: "drop" },
      { family: "inet", table: "other", name: "forward", hook: "forward", policy: "accept" },
      { family: "ip", table: "pip_agent", name: "fwd_mark", hook: "forward", policy: "drop" },
      { family: "inet", table: "other", name: "plain" },
    ];
    const json = JSON.stringify({ nftables: [{ metainfo: {} }, ...chains.map((chain) => ({ chain }))] });
    expect(otherForwardChains(json)).toEqual([
      { chain: "inet filter forward", drops: true },
      { chain: "inet other forward", drops: false },
    ]);
  });

  const KERNELS = { priority: 0, src: "all", table: "255", protocol: "2" };
  const OURS = { priority: 700, src: "all", table: "7421", protocol: "153" };
  const toMain = (priority: number, more: object = {}) => ({
    priority,
    src: "all",
    table: "254",
    protocol: "4",
    ...more,
  });
  test.each<[string, readonly object[], readonly string[]]>([
    ["a rule for everything", [KERNELS, toMain(5), OURS, toMain(32766)], ["5: from all lookup main"]],
    ["one of the same preference that is older", [toMain(700), OURS], ["700: from all lookup main"]],
    ["one that is newer", [OURS, toMain(700)], []],
    ["ours is not there", [toMain(699), toMain(32766)], ["699: from all lookup main"]],
    ["marked packets", [toMain(5, { fwmark: "0x80" }), OURS], []],
    ["some destinations", [toMain(5, { dst: "10.0.0.0", dstlen: 8 }), OURS], []],
    ["without the default route", [toMain(5, { suppress_prefixlen: 0 }), OURS], []],
    ["another table", [{ ...toMain(5), table: "99" }, OURS], []],
  ])("of rules that come first: %s", (_title, rules, found) => {
    expect(rulesBefore(JSON.stringify(rules))).toEqual(found);
  });
});

test("the kernel's count of neighbours is read", () => {
  expect(neighboursIn("entries  allocs   destroys\n0000039a 00000010 00000000\n0000039a 00000000 00000000\n")).toBe(
    922,
  );
  expect(neighboursIn("")).toBeUndefined();
});

test("every fact of the machine that runs this is found", async () => {
  const facts = await checkNode(commands(), "lo");
  expect(facts.kernel).toMatch(/^\d+\.\d+/);
  expect(Object.keys(facts.programs)).toEqual(["ip", "nft", "conntrack", "socat"]);
  expect(facts.sysctls).toMatchObject({ "ipv4.conf.lo.rp_filter": expect.stringMatching(/^[012]$/) as string });
  expect(facts.sysctls["ipv4.ip_forward"]).toMatch(/^[01]$/);
  expect(facts.neighbours).toBeGreaterThanOrEqual(0);
});

test("programs that are not there are facts, not errors", async () => {
  const nothing = { ...commands(), run: () => Promise.reject(new Error("cannot run nft: spawn nft ENOENT")) };
  const facts = await checkNode(nothing, "eth0");
  expect(facts.programs.nft).toBe("cannot run nft: spawn nft ENOENT");
  expect(nodeVerdict(facts).unfit.size).toBe(3);
});

test.each([
  ["does not answer", "nft --check -f -: no answer within 10000 ms"],
  ["cannot be started now", "cannot run nft: spawn nft EAGAIN"],
])("a program that %s is no fact", async (_title, why) => {
  const here = commands();
  const run: typeof here.run = (argv, input) =>
    argv[1] === "--check" ? Promise.reject(new Error(why)) : here.run(argv, input);
  await expect(checkNode({ ...here, run }, "lo")).rejects.toThrow(why);
});
