// What happens on a node: power, programs, and what somebody else does to its kernel.
import { POD_RANGE, PERSISTENT_RANGE } from "../../lab/cluster/plan";
import { CNI_RESULTS_FOLDER } from "../../lib/model/runtime";
import { atNode, inside, paused, pidsOf, Program, signal } from "./fault";
import { ALL_ADDRESSES } from "./setting";

const powerOff = atNode((node) => ({
  what: `${node.name} loses power`,
  heavy: true,
  begin: () => node.powerOff(),
  end: () => node.powerOn(),
}));

const kubeletStands = atNode((node) => ({
  what: `the kubelet of ${node.name} stands still`,
  longestSeconds: 30,
  begin: async () => node.signalKubelet("SIGSTOP"),
  end: async () => node.signalKubelet("SIGCONT"),
}));

const kubeletKilled = atNode((node) => ({
  what: `the kubelet of ${node.name} is killed`,
  begin: async () => node.signalKubelet("SIGKILL"),
}));

const serviceKilled = atNode((node, _setting, random) => {
  const program = random.pick([Program.KubeProxy, Program.Containerd]);
  return {
    what: `somebody on ${node.name} kills ${program.split(" ")[0]}`,
    on: `${node.name} service`,
    begin: () => signal(node, "KILL", program),
  };
});

/** They answer late what they were asked while they had the address. */
const applicationsPaused = atNode((node) => ({
  what: `the applications on ${node.name} stand still`,
  on: `${node.name} applications`,
  ...paused(node, Program.Application),
}));

/** In between it runs too shortly to do much. */
const stutters = atNode((node, _setting, random) => {
  const [whose, program] = random.pick([
    ["the agent of", Program.Agent],
    ["controllers on", Program.Controller],
  ] as const);
  const [stop, go] = random.pick([
    [50, 50],
    [180, 20],
  ] as const);
  const times = Math.ceil((1_000 * random.between(1, 6)) / (stop + go));
  return {
    what: `${whose} ${node.name} stutter: ${go} ms in every ${stop + go} ms`,
    begin: async () => {
      const pids = (await pidsOf(node, program)).join(" ");
      const once = `kill -STOP ${pids}; sleep ${stop / 1_000}; kill -CONT ${pids}; sleep ${go / 1_000}`;
      await node.execInside(["sh", "-c", `for i in $(seq ${times}); do ${once}; done`]);
    },
  };
});

/** The agent's: those that it asks and that tell it of changes. */
const childrenKilled = atNode((node) => ({
  what: `the programs that the agent of ${node.name} has started are killed`,
  begin: async () => {
    for (const pid of await pidsOf(node, Program.Agent)) await node.execInside(["pkill", "-KILL", "-P", pid]);
  },
}));

const FOREIGN: readonly (readonly string[])[] = [
  ["nft", "delete table ip pip_agent"],
  ["nft", "flush table ip pip_agent"],
  ["nft", "add table ip pip_agent { flags dormant; }"],
  ["nft", "delete table netdev pip_agent"],
  ["ip", "route", "flush", "table", "7421"],
  ["ip", "rule", "del", "pref", "700"],
  ["sh", "-c", "ip neigh show proxy | while read a rest; do ip neigh del proxy $a dev eth0; done"],
  ["sh", "-c", "for i in $(seq 50); do conntrack -F; sleep 0.02; done"],
  ["conntrack", "-F"],
  ["ip", "neigh", "flush", "dev", "eth0"],
  ["ip", "route", "flush", "cache"],
];

const foreignChange = atNode((node, _setting, random) => {
  const command = random.pick(FOREIGN);
  return {
    what: `somebody on ${node.name} runs ${command.join(" ")}`,
    on: `${node.name} foreign`,
    begin: () => inside(node, ...command),
  };
});

/** kube-proxy writes its rules anew when it starts; the lab's own are put back by hand. */
const rulesetFlushed = atNode((node) => {
  const table = "ip lab_masquerade";
  let own = "";
  return {
    what: `somebody on ${node.name} flushes all of nftables`,
    on: `${node.name} foreign`,
    longestSeconds: 4,
    begin: async () => {
      own = await inside(node, "nft", "list", "table", ...table.split(" "));
      await inside(node, "nft", "flush", "ruleset");
    },
    end: async () => {
      await inside(node, "nft", `add table ${table}; delete table ${table}; ${own}`);
      await signal(node, "KILL", Program.KubeProxy);
    },
  };
});

/** As iptables would have it where Docker runs. */
const forwardDrops = atNode((node) => ({
  what: `${node.name} forwards only what Pods send and get`,
  on: `${node.name} forward`,
  longestSeconds: 45,
  begin: () =>
    inside(
      node,
      "nft",
      "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; " +
        `ip saddr ${POD_RANGE} accept; ip daddr ${POD_RANGE} accept; }; }`,
    ),
  end: () => inside(node, "nft", "delete table ip filter"),
}));

/** Before podpin's own rule, so that packets of its addresses go by the main table. */
const ruleBefore = atNode((node) => ({
  what: `a rule on ${node.name} sends ${PERSISTENT_RANGE} to the main table first`,
  on: `${node.name} rule`,
  begin: () => inside(node, "ip", "rule", "add", "to", PERSISTENT_RANGE, "lookup", "main", "pref", "600"),
  end: () => inside(node, "ip", "rule", "del", "pref", "600"),
}));

interface Sysctl {
  readonly name: string;
  readonly value: number;
  readonly usual: number;
  /** It makes the kernel answer ARP otherwise than podpin has set it. */
  readonly speaks?: boolean;
}

const SYSCTLS: readonly Sysctl[] = [
  { name: "net.ipv4.ip_forward", value: 0, usual: 1 },
  { name: "net.ipv4.conf.eth0.forwarding", value: 0, usual: 1 },
  { name: "net.ipv4.conf.all.rp_filter", value: 0, usual: 1 },
  { name: "net.ipv4.conf.all.rp_filter", value: 2, usual: 1 },
  { name: "net.ipv4.conf.eth0.proxy_arp", value: 1, usual: 0, speaks: true },
  { name: "net.ipv4.neigh.eth0.proxy_delay", value: 80, usual: 0, speaks: true },
  { name: "net.ipv4.conf.eth0.arp_ignore", value: 1, usual: 0 },
  { name: "net.ipv4.conf.eth0.arp_filter", value: 1, usual: 0 },
  { name: "net.ipv4.conf.all.accept_local", value: 1, usual: 0 },
  { name: "net.ipv4.conf.all.drop_gratuitous_arp", value: 1, usual: 0 },
  { name: "net.netfilter.nf_conntrack_tcp_loose", value: 0, usual: 1 },
];

const sysctlChanged = atNode((node, _setting, random) => {
  const { name, value, usual, speaks } = random.pick(SYSCTLS);
  const set = (to: number) => () => inside(node, "sysctl", "-qw", `${name}=${to}`);
  return {
    what: `on ${node.name} ${name} is ${value}`,
    on: `${node.name} sysctl`,
    stranger: speaks === true ? node.name : undefined,
    begin: set(value),
    end: set(usual),
  };
});

/** The kernel answers ARP for it then, and takes the packets, whoever the binding names; and neighbours believe it for a while. */
const addressTaken = atNode((node, _setting, random) => {
  const address = random.pick(ALL_ADDRESSES);
  const device = random.pick(["lo", "eth0"]);
  const change = (verb: string) => () => inside(node, "ip", "address", verb, `${address}/32`, "dev", device);
  return {
    what: `somebody on ${node.name} gives ${address} to ${device}`,
    on: `${address} taken`,
    stranger: address,
    begin: change("add"),
    end: change("del"),
  };
});

/** As a crash in the middle of writing leaves it. */
const cniResultBroken = atNode((node) => {
  const file = `${CNI_RESULTS_FOLDER}/lab-chaos-eth0`;
  return {
    what: `a file of CNI results on ${node.name} is half written`,
    on: `${node.name} results`,
    longestSeconds: 20,
    begin: () => node.execInside(["sh", "-c", `printf '{"kind": "cniCacheV1", "contai' > ${file}`]),
    end: () => node.execInside(["rm", "-f", file]),
  };
});

export const NODE_FAULTS = {
  powerOff,
  kubeletStands,
  kubeletKilled,
  serviceKilled,
  applicationsPaused,
  stutters,
  childrenKilled,
  foreignChange,
  rulesetFlushed,
  forwardDrops,
  ruleBefore,
  sysctlChanged,
  addressTaken,
  cniResultBroken,
};
