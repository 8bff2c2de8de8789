import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { bundled } from "../../controller-image/build";
import { AckState } from "../../lib/model/binding";
import { Cluster, type RunningAgent } from "./agents";
import { BASE_V1 } from "./base-v1";
import { eventually } from "./eventually";
import { CLIENT, NODE_IPS, Segment, type TestPod, UPLINK } from "./segment";

// What the kernel holds is repaired, replaced and taken away while packets flow.
jest.setTimeout(300_000);

const NAT = "10.90.0.201";
const APP = "10.90.0.202";

let segment: Segment;
let cluster: Cluster;
let agent: RunningAgent;
let pod: TestPod;
let holder: TestPod;
let untouched: string;
const measured: Record<string, unknown> = {};

beforeAll(async () => {
  segment = new Segment();
  pod = segment.addPod("n1", "poda", "10.244.1.11");
  holder = segment.addPod("n1", "podb", "10.244.1.12");
  segment.sh(holder.name, [`ip addr add ${APP}/32 dev lo`]);
  // As on a node whose administrator has closed FORWARD but for Pods, by iptables on nftables.
  segment.sh("n1", [
    `nft -f - <<'END'
table ip filter {
  chain FORWARD {
    type filter hook forward priority 0; policy drop;
    ip saddr 10.244.0.0/16 counter accept
    ip daddr 10.244.0.0/16 counter accept
  }
}
END`,
  ]);
  await Promise.all([segment.respond(pod.name, [pod.ip]), segment.respond(holder.name, [APP])]);
  untouched = segment.snapshot("n1");
});

beforeEach(async () => {
  cluster = new Cluster(segment);
  agent = cluster.agent("n1");
  cluster.give(NAT, pod, 1);
  cluster.give(APP, holder, 1, { delivery: "app" });
  await cluster.acked(NAT, "n1", { state: AckState.Announced });
  await cluster.acked(APP, "n1", { state: AckState.Announced });
});

afterEach(() => cluster.close());

afterAll(() => {
  segment.close();
  if (process.env.PODPIN_SHOW_MEASURED === "1") process.stdout.write(`${JSON.stringify(measured, undefined, 2)}\n`);
});

/** Looks like packets do: counters run. */
const withoutCounters = (text: string): string => text.replace(/packets \d+ bytes \d+/g, "packets");
const snapshot = (): string => withoutCounters(segment.snapshot("n1"));

test("a FORWARD chain that drops by default lets the packets of addresses through, and goes on dropping others", () => {
  expect(segment.sh("n1", ["nft list chain ip filter FORWARD"])).toContain('accept comment "podpin"');
  expect(segment.ask("cl", "udp", APP)?.name).toBe(holder.name);
  const policy = (word: string): string => segment.sh("n1", [`nft 'chain ip filter FORWARD { policy ${word}; }'`]);
  const other = "198.51.100.9";
  segment.sh("cl", [`ip route add ${other} via ${NODE_IPS.n1}`]);
  segment.sh(holder.name, [`ip addr add ${other}/32 dev lo`]);
  segment.sh("n1", [`ip route add ${other} via ${holder.ip} dev ${holder.veth} onlink`]);
  expect(segment.pings("cl", other)).toBe(false);
  policy("accept");
  expect(segment.pings("cl", other)).toBe(true);
  policy("drop");
  segment.sh("n1", [`ip route del ${other}`]);
});

test("a FORWARD chain whose last rule rejects lets the packets of addresses through as well", async () => {
  const chain = (): string => segment.sh("n1", ["nft -a list chain ip filter FORWARD"]);
  segment.sh("n1", ["nft 'chain ip filter FORWARD { policy accept; }'"]);
  agent.poke();
  await eventually(() => expect(chain()).not.toContain("podpin"));
  segment.sh("n1", ["nft add rule ip filter FORWARD counter reject with icmp type admin-prohibited"]);
  agent.poke();
  await eventually(() => expect(chain()).toContain("podpin"));
  expect(segment.ask("cl", "udp", APP)?.name).toBe(holder.name);
  const [, handle] = /reject .*# handle (\d+)/.exec(chain()) ?? [];
  segment.sh("n1", [
    "nft 'chain ip filter FORWARD { policy drop; }'",
    `nft delete rule ip filter FORWARD handle ${handle}`,
  ]);
});

/** Of the agent on the node. */
function monitors(program: string): number[] {
  const pids = segment
    .sh("n1", [`ip netns pids ${segment.prefix("n1").at(-1)}`])
    .split("\n")
    .filter(Boolean)
    .map(Number);
  const argv = (pid: number): string => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8");
    } catch {
      return "";
    }
  };
  return pids.filter((pid) => argv(pid).startsWith(`${program}\0`) && /\0(monitor\0|SOCKET-RECV:)/.test(argv(pid)));
}

/** What somebody might do by hand. Neither agent nor test waits for a poll, which comes every 30 s. */
const OUR_RULE = "nft -a list chain ip filter FORWARD | sed -n 's/.*podpin.*handle //p'";
test.each<[string, () => string]>([
  ["a set is flushed", () => "nft flush set ip pip_agent pips"],
  ["the table is deleted", () => "nft delete table ip pip_agent"],
  ["a chain is flushed", () => "nft flush chain ip pip_agent snat_post"],
  ["our rule in FORWARD is deleted", () => `nft delete rule ip filter FORWARD handle $(${OUR_RULE})`],
  ["a route is deleted", () => `ip route del ${APP}/32 via ${holder.ip} dev ${holder.veth} table 7421`],
  ["the rule is deleted", () => "ip rule del pref 700"],
  ["a proxy neighbour is deleted, which the kernel does not report", () => `ip neigh del proxy ${NAT} dev ${UPLINK}`],
])("%s: it is repaired at once", async (title, command) => {
  await eventually(() => expect([...monitors("ip"), ...monitors("socat")]).toHaveLength(2));
  const wanted = snapshot();
  const probes = [segment.probe("cl", NAT), segment.probe("cl", APP)];
  await Promise.all([probes[0]!.answers(pod.name, 100), probes[1]!.answers(holder.name, 100)]);
  segment.sh("n1", [command()]);
  await Promise.all([probes[0]!.answers(pod.name, 200), probes[1]!.answers(holder.name, 200)]);
  const reports = await Promise.all(probes.map((probe) => probe.end()));
  measured[title] = reports.map(({ lost, longestGapMs }) => ({ lost, longestGapMs }));
  await eventually(() => expect(snapshot()).toBe(wanted));
});

test("the uplink stops to pass packets on: the node says so at once, leaves all in place, and says when it does again", async () => {
  const wanted = snapshot();
  const forwarding = (value: 0 | 1): string =>
    segment.sh("n1", [`echo ${value} > /proc/sys/net/ipv4/conf/${UPLINK}/forwarding`]);
  forwarding(0);
  const { message } = await cluster.acked(APP, "n1", { state: AckState.Failed, reason: "NodeNotSupported" });
  expect(message).toContain(`net.ipv4.conf.${UPLINK}.forwarding: got 0`);
  expect(snapshot()).toBe(wanted);
  forwarding(1);
  await Promise.all([APP, NAT].map((address) => cluster.acked(address, "n1", { state: AckState.Announced })));
  expect(segment.ask("cl", "udp", APP)?.name).toBe(holder.name);
});

test("the node itself gets an address: that one is refused at once, and served again when the node has it no more", async () => {
  segment.sh("n1", [`ip addr add ${APP}/32 dev lo`]);
  const { message } = await cluster.acked(APP, "n1", { state: AckState.Failed, reason: "AddressNotAllowed" });
  expect(message).toContain(`an interface of the node has ${APP}`);
  expect(segment.ask("cl", "udp", NAT)?.name).toBe(pod.name);
  segment.sh("n1", [`ip addr del ${APP}/32 dev lo`]);
  await cluster.acked(APP, "n1", { state: AckState.Announced });
  expect(segment.ask("cl", "udp", APP)?.name).toBe(holder.name);
});

test("the Pod's interface on the node is renamed: the Pod keeps its address", async () => {
  const rename = async (from: string, to: string): Promise<void> => {
    const before = agent.passes.length;
    segment.sh("n1", [`ip link set ${from} name ${to}`]);
    await eventually(() => expect(agent.passes.length).toBeGreaterThan(before));
    agent.poke();
    await eventually(() => expect(agent.passes.length).toBeGreaterThan(before + 1));
  };
  const said = cluster.said.length;
  await rename(holder.veth, "other0");
  expect(segment.sh("n1", ["ip route show table 7421"])).toContain(`via ${holder.ip} dev other0`);
  await rename("other0", holder.veth);
  expect(cluster.said.slice(said).filter((line) => line.includes("Failed"))).toEqual([]);
  expect(segment.ask("cl", "udp", APP)?.name).toBe(holder.name);
});

test("the uplink is renamed: the node says so, what works goes on working, and other changes are still carried out", async () => {
  segment.sh("n1", [`ip link set ${UPLINK} name other0`]);
  const { message } = await cluster.acked(NAT, "n1", { state: AckState.Failed });
  expect(message).toContain(UPLINK);
  expect(segment.ask("cl", "udp", NAT)?.name).toBe(pod.name);
  segment.sh("n1", [`ip link set other0 name ${UPLINK}`]);
  await Promise.all([APP, NAT].map((address) => cluster.acked(address, "n1", { state: AckState.Announced })));
  expect(segment.ask("cl", "udp", APP)?.name).toBe(holder.name);
});

test("a proxy neighbour that is deleted, of which the kernel says nothing, is there again after the next look", async () => {
  const wanted = snapshot();
  segment.sh("n1", [`ip neigh del proxy ${NAT} dev ${UPLINK}`]);
  agent.poke();
  await eventually(() => expect(snapshot()).toBe(wanted));
});

test("a monitor that was killed is started again, and what happened meanwhile is repaired", async () => {
  const wanted = snapshot();
  await eventually(() => expect(monitors("socat")).toHaveLength(1));
  const [old] = monitors("socat");
  process.kill(old!);
  await eventually(() => expect(monitors("socat")).toHaveLength(0));
  segment.sh("n1", ["nft flush set ip pip_agent pips"]);
  await eventually(() => expect(snapshot()).toBe(wanted));
  await eventually(() => expect(monitors("socat").filter((pid) => pid !== old)).toHaveLength(1));
});

describe("an older base", () => {
  test("is replaced in one step: no packet is lost, and every element is there", async () => {
    const wanted = snapshot();
    await agent.stop();
    const script = [
      ...BASE_V1,
      `add element ip pip_agent pips { ${APP} }`,
      `add element ip pip_agent nat_pips { ${NAT} }`,
      `add element ip pip_agent pip_to_pod { ${NAT} : ${pod.ip} }`,
      `add element ip pip_agent pod_to_pip { ${pod.ip} : ${NAT} }`,
      `add element ip pip_agent hairpin { ${pod.ip} . ${pod.ip} : ${NAT} }`,
      "add set ip pip_agent uplink_delay_800 { type ipv4_addr; }",
    ];
    segment.sh("n1", [`nft -f - <<'END'\n${script.join("\n")}\nEND`]);
    const probes = [segment.probe("cl", NAT), segment.probe("cl", APP)];
    await Promise.all([probes[0]!.answers(pod.name, 200), probes[1]!.answers(holder.name, 200)]);
    const overflows = segment.overflows(["cl", "poda", "podb"]);
    agent = cluster.agent("n1");
    await eventually(() => expect(snapshot()).toBe(wanted));
    await Promise.all([probes[0]!.answers(pod.name, 300), probes[1]!.answers(holder.name, 300)]);
    const reports = await Promise.all(probes.map((probe) => probe.end()));
    const starved = segment.overflows(["cl", "poda", "podb"]) - overflows;
    expect(reports.reduce((sum, { lost }) => sum + lost, 0) - starved).toBeLessThanOrEqual(0);
    expect(segment.ask("cl", "tcp", NAT)).toEqual({ name: pod.name, peer: CLIENT });
  });
});

test("uninstalling removes exactly what is ours beside what is others', and a second time nothing", async () => {
  segment.sh("n1", ["ip route add 198.51.100.77/32 dev lo table 7421", `ip neigh add proxy 10.90.0.251 dev ${UPLINK}`]);
  await agent.stop();
  const program = join(mkdtempSync(join(tmpdir(), "podpin-uninstall-")), "podpin.js");
  writeFileSync(program, await bundled());
  const run = (): { code: number | null; said: string[] } => {
    const [ip = "", ...rest] = [...segment.prefix("n1"), process.execPath, program, "agent", "--uninstall"];
    const { status, stdout } = spawnSync(ip, [...rest, `--uplink=${UPLINK}`], { encoding: "utf8" });
    const lines = stdout.split("\n").filter(Boolean);
    return { code: status, said: lines.map((line) => (JSON.parse(line) as { message: string }).message) };
  };
  const { code, said } = run();
  expect([code, said.length > 10, said.at(-1)]).toEqual([0, true, "this node has nothing of podpin's any more"]);
  expect(segment.sh("n1", ["ip route show table 7421"])).toContain("198.51.100.77");
  expect(segment.sh("n1", ["ip neigh show proxy"])).toContain("10.90.0.251");
  segment.sh("n1", ["ip route del 198.51.100.77/32 dev lo table 7421", `ip neigh del proxy 10.90.0.251 dev ${UPLINK}`]);
  expect(snapshot()).toBe(withoutCounters(untouched));
  expect(run()).toEqual({ code: 0, said: ["this node had nothing of podpin's"] });
  rmSync(dirname(program), { recursive: true });
});
