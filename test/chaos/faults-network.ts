// What happens to the wires. Everything that passes a node's uplink is met before the rest of the node's rules, ARP too.
import { API_SERVER_ADDRESS, API_SERVER_PORT, CLIENT_ADDRESS, macOf, portOf } from "../../lab/cluster/plan";
import type { LabHost } from "../../lab/cluster/host";
import type { LabNode } from "../../lab/cluster/node";
import { HEARTBEAT_PORT } from "../../lib/model/runtime";
import { atNode, type Draw, type Fault, inside } from "./fault";
import { otherMacOf } from "./machine";
import { lowered } from "./lowered";
import { ALL_ADDRESSES, NAMESPACE, POD_NAMES, type Setting } from "./setting";

type Change = Required<Pick<Fault, "begin" | "end">>;

const UPLINK = "eth0";

const dropping = (table: string, rule: string): string =>
  ["output", "input", "forward"]
    .map((hook) => `table ip ${table} { chain ${hook} { type filter hook ${hook} priority -200; ${rule}; }; }`)
    .join("\n");

function cut(node: LabNode, table: string, ...rules: string[]): Change {
  const text = rules.map((rule) => dropping(table, rule)).join("\n");
  return { begin: () => inside(node, "nft", text), end: () => inside(node, "nft", `delete table ip ${table}`) };
}

interface WireRules {
  /** What comes in. */
  readonly ingress?: readonly string[];
  readonly egress?: readonly string[];
}

/** Rules at a device, in a table of their own. */
function atDevice(host: LabHost, device: string, table: string, rules: WireRules): Change {
  const chains = Object.entries(rules).map(([hook, lines]: [string, readonly string[]]) => {
    const text = lines.map((line) => `${line}; `).join("");
    return `chain ${hook} { type filter hook ${hook} device ${device} priority -400; ${text}}`;
  });
  return {
    begin: () => inside(host, "nft", `table netdev ${table} { ${chains.join("; ")}; }`),
    end: () => inside(host, "nft", `delete table netdev ${table}`),
  };
}

const sometimes = (percent: number): string => `numgen random mod 100 < ${percent}`;
const TO_API = `ip daddr ${API_SERVER_ADDRESS} tcp dport ${API_SERVER_PORT}`;
const FROM_API = `ip saddr ${API_SERVER_ADDRESS} tcp sport ${API_SERVER_PORT}`;

const apiCut = atNode((node) => ({
  // Also for Pods, which call a Service: kube-proxy has then written the server's own address into the packet.
  what: `${node.name} is cut off from the API server`,
  longestSeconds: 25,
  ...cut(node, "chaos", `${TO_API} drop`, `${FROM_API} drop`),
}));

const apiLossy = atNode((node, _setting, random) => {
  const percent = random.pick([10, 30, 60]);
  return {
    what: `${node.name} loses ${percent} % of what it says to the API server and hears from it`,
    on: `${node.name} wire`,
    longestSeconds: 25,
    ...cut(node, "chaos_lossy", `${TO_API} ${sometimes(percent)} drop`, `${FROM_API} ${sometimes(percent)} drop`),
  };
});

const peersCut = atNode((node) => ({
  what: `${node.name} is cut off from its peers' heartbeats`,
  heavy: true,
  ...cut(
    node,
    "chaos",
    ...["udp", "tcp"].flatMap((protocol) => [
      `${protocol} dport ${HEARTBEAT_PORT} drop`,
      `${protocol} sport ${HEARTBEAT_PORT} drop`,
    ]),
  ),
}));

/** What does not authenticate is not answered. */
const heartbeatsGarbled = atNode((node, _setting, random) => {
  const percent = random.pick([10, 50]);
  const rule = `udp dport ${HEARTBEAT_PORT} ${sometimes(percent)} @th,96,32 set 0x12345678`;
  const chain = `chain prerouting { type filter hook prerouting priority -400; ${rule}; }`;
  return {
    what: `${percent} % of the heartbeats that reach ${node.name} are garbled`,
    on: `${node.name} heartbeats`,
    begin: () => inside(node, "nft", `table ip chaos_garbled { ${chain}; }`),
    end: () => inside(node, "nft", "delete table ip chaos_garbled"),
  };
});

/** Some hundred datagrams of random bytes. */
const strangersKnock = atNode((node, { lab }, random) => {
  const host = random.pick([lab.client, ...lab.nodes.filter((other) => other !== node)]);
  const once = `head -c $((RANDOM % 300 + 1)) /dev/urandom >/dev/udp/${node.address}/${HEARTBEAT_PORT}`;
  return {
    what: `somebody sends garbage to the heartbeats of ${node.name}`,
    on: `${node.name} knocks`,
    begin: () => inside(host, "bash", "-c", `for i in $(seq 400); do ${once}; done`),
  };
});

const switchCut = atNode((node) => ({
  what: `the switch drops every frame of ${node.name}`,
  heavy: true,
  begin: () => node.cut(),
  end: () => node.heal(),
}));

const oneWayCut = atNode((node, _setting, random) => {
  const [what, hook] = random.pick([
    ["says nothing any more, and hears others", "egress"],
    ["hears nothing any more, and speaks", "ingress"],
  ] as const);
  return {
    what: `${node.name} ${what}`,
    heavy: true,
    longestSeconds: random.pick([2, 8]),
    ...atDevice(node, UPLINK, "chaos", { [hook]: ["drop"] }),
  };
});

/** The rest of the segment reaches both. */
const pairCut = atNode((node, { lab }, random) => {
  const other = random.pick(lab.nodes.filter((each) => each !== node));
  const addresses = `{ ${other.address}, ${other.podCidr} }`;
  return {
    what: `${node.name} and ${other.name} do not reach each other`,
    on: `${node.name} wire`,
    ...atDevice(node, UPLINK, "chaos_pair", {
      ingress: [`ip saddr ${addresses} drop`, `arp saddr ip ${other.address} drop`],
      egress: [`ip daddr ${addresses} drop`, `arp daddr ip ${other.address} drop`],
    }),
  };
});

const clientCut = atNode((node) => ({
  what: `${node.name} and the client do not reach each other`,
  on: `${node.name} wire`,
  ...atDevice(node, UPLINK, "chaos_client", {
    ingress: [`ip saddr ${CLIENT_ADDRESS} drop`, `arp saddr ip ${CLIENT_ADDRESS} drop`],
    egress: [`ip daddr ${CLIENT_ADDRESS} drop`, `arp daddr ip ${CLIENT_ADDRESS} drop`],
  }),
}));

const uplinkLossy = atNode((node, _setting, random) => {
  const percent = random.pick([5, 20, 40]);
  const rules = [`${sometimes(percent)} drop`];
  return {
    what: `the uplink of ${node.name} loses ${percent} %`,
    on: `${node.name} wire`,
    longestSeconds: 15,
    ...atDevice(node, UPLINK, "chaos_lossy", { ingress: rules, egress: rules }),
  };
});

const uplinkDoubles = atNode((node, { lab }, random) => {
  const percent = random.pick([20, 99]);
  const index = lab.nodes.indexOf(node) + 1;
  const doubling = (host: LabHost, device: string): Change =>
    atDevice(host, device, `chaos_${node.name}`, { egress: [`${sometimes(percent)} dup to "${device}"`] });
  const both = [doubling(node, UPLINK), doubling(lab.control, portOf(lab.id, index))];
  return {
    what: `${percent} % of the frames from and to ${node.name} come more than once`,
    on: `${node.name} doubles`,
    begin: () => Promise.all(both.map(({ begin }) => begin())),
    end: () => Promise.all(both.map(({ end }) => end())),
  };
});

/**
 * What a slow line holds up at most. ARP passes at once: its answers do not say which question they answer, so that late ones would
 * look like two nodes that answer one.
 */
const uplinkSlow = atNode((node, _setting, random) => {
  const [which, rule] = random.pick([
    ["Everything", "meta protocol ip"],
    ["A third of what", `meta protocol ip ${sometimes(33)}`],
    ["Whatever to the API server", TO_API],
  ] as const);
  const toApi = rule === TO_API;
  const [rate, bytes] = toApi ? ["50kbit", 20_000] : ["200kbit", 6_000];
  const marked = atDevice(node, UPLINK, "chaos_slow", { egress: [`${rule} meta priority set 0x00010010`] });
  const line = [
    `tc qdisc add dev ${UPLINK} root handle 1: htb`,
    `tc class add dev ${UPLINK} parent 1: classid 1:10 htb rate ${rate} ceil ${rate} quantum 1514`,
    `tc qdisc add dev ${UPLINK} parent 1:10 bfifo limit ${bytes}`,
  ];
  return {
    what: `${which} ${node.name} sends goes over a slow line`,
    on: `${node.name} wire`,
    longestSeconds: 15,
    begin: async () => {
      await inside(node, "sh", "-ec", line.join("\n"));
      await marked.begin();
    },
    end: async () => {
      await marked.end();
      await inside(node, "tc", "qdisc", "del", "dev", UPLINK, "root");
    },
  };
});

const uplinkDown = atNode((node, _setting, random) => {
  const shortly = random.chance(0.5);
  const address = `${node.address}/24 dev ${UPLINK}`;
  const [what, how] = random.pick([
    ["is down", {}],
    ["has no address", { away: `address del ${address}`, back: `address add ${address}` }],
  ] as const);
  return {
    what: `the uplink of ${node.name} ${what}${shortly ? " for a moment" : ""}`,
    heavy: true,
    longestSeconds: shortly ? 0.1 : 8,
    ...lowered(() => Promise.resolve({ node, device: UPLINK, ...how })),
  };
});

/** As when a virtual machine is moved or a bond takes its other port; nobody is told of the node's own address but by ARP. */
const hardwareAddressChanged = atNode((node) => {
  const set = (mac: string) => () => inside(node, "ip", "link", "set", UPLINK, "address", mac);
  return {
    what: `the uplink of ${node.name} has another hardware address`,
    heavy: true,
    begin: set(otherMacOf(node.address)),
    end: set(macOf(node.address)),
  };
});

/** Where a Pod's interface ends on its node. */
async function endOf({ cluster }: Setting, name: string): Promise<{ node: LabNode; device: string }> {
  const pod = await cluster.pod(NAMESPACE, name);
  const { nodeName = "" } = pod?.spec ?? {};
  const node = cluster.node(nodeName);
  const way = await inside(node, "ip", "-o", "route", "get", pod?.status?.podIP ?? "");
  const device = / dev (\S+)/.exec(way)?.[1];
  if (device === undefined || device === UPLINK) throw new Error(`${name} has no interface`);
  return { node, device };
}

const podCut: Draw = (setting, random) => {
  const name = random.pick(POD_NAMES);
  return {
    what: `the interface of Pod ${name} is down`,
    on: `${name} interface`,
    ...lowered(() => endOf(setting, name)),
  };
};

const clientForgets: Draw = ({ lab }) => ({
  what: "the client forgets all its neighbours",
  on: "client",
  begin: () => inside(lab.client, "ip", "neigh", "flush", "all"),
});

/** Each opens a connection to each address and leaves it open. */
const clientConnects: Draw = ({ lab }, random) => {
  const address = random.pick(ALL_ADDRESSES);
  const once = `exec {fd}<>/dev/tcp/${address}/8080`;
  return {
    what: `the client opens some hundred connections to ${address}`,
    on: "client",
    begin: () => lab.client.exec(["timeout", "5", "bash", "-c", `for i in $(seq 300); do ${once}; done; sleep 1`]),
  };
};

export const NETWORK_FAULTS = {
  apiCut,
  apiLossy,
  peersCut,
  heartbeatsGarbled,
  strangersKnock,
  switchCut,
  oneWayCut,
  pairCut,
  clientCut,
  uplinkLossy,
  uplinkDoubles,
  uplinkSlow,
  uplinkDown,
  hardwareAddressChanged,
  podCut,
  clientForgets,
  clientConnects,
};
