import { existsSync } from "node:fs";
import { Delivery } from "../../lib/model/binding";
import { Cluster, type RunningAgent } from "./agents";
import { BRIDGE, CniStyle, OVERLAY } from "./cni";
import { eventually } from "./eventually";
import { type Answer, NARROW_ROWS, OVERLAY_ROWS, type Row, ROWS, type Target } from "./matrix";
import type { Peer } from "./peer";
import { CLIENT, NODE_IPS, OUTSIDE, Segment, type TestPod } from "./segment";

// Every way to and from an address, with each style of CNI plugin and each delivery, through the real kernel, asked by
// real programs. The shipped agent programs the node.
jest.setTimeout(300_000);

interface Owner {
  readonly pod: TestPod;
  readonly pip: string;
  readonly style: CniStyle;
  readonly delivery: Delivery;
}

const LOCAL_SERVICE = "10.96.0.10";
const REMOTE_SERVICE = "10.96.0.11";
const STYLES = Object.values(CniStyle);
const DELIVERIES = Object.values(Delivery);

let segment: Segment;
let cluster: Cluster;
let agent: RunningAgent;
const owners: Owner[] = [];
const peers = new Map<string, Peer>();
/** Names of addresses that questions may be answered with. */
const names = new Map<string, Answer>([
  [CLIENT, "client"],
  [OUTSIDE, "outside"],
  ...["10.90.0.11", "10.244.1.1", "10.244.1.129", "10.244.1.0"].map((ip): [string, Answer] => [ip, "node"]),
  ...["10.90.0.12", "10.244.2.1", "10.244.2.0"].map((ip): [string, Answer] => [ip, "other node"]),
]);

beforeAll(async () => {
  segment = new Segment();
  segment.addOutside();
  const sibling = segment.addPod("n1", "sibling", "10.244.1.50");
  const bridgeSibling = segment.addPod("n1", "bsibling", "10.244.1.150", CniStyle.Bridge);
  const remote = segment.addPod("n2", "remote", "10.244.2.50");
  names.set(sibling.ip, "sibling").set(bridgeSibling.ip, "bridge sibling").set(remote.ip, "remote");
  segment.addServices("n1", { [LOCAL_SERVICE]: sibling.ip, [REMOTE_SERVICE]: remote.ip });
  STYLES.forEach((style, row) => {
    DELIVERIES.forEach((delivery, column) => {
      const number = 10 + row * 3 + column;
      const ip = `10.244.1.${style === CniStyle.Bridge ? 130 + number : number}`;
      const pod = segment.addPod("n1", `o${number}`, ip, style);
      owners.push({ pod, style, delivery, pip: `10.90.0.${200 + number}` });
    });
  });
  segment.sh(
    "gw",
    owners.map(({ pip }) => `ip route add ${pip}/32 via ${NODE_IPS.n1}`),
  );
  cluster = new Cluster(segment);
  agent = cluster.agent("n1", { interfaceDelivery: true });
  for (const { pod, pip, delivery } of owners) {
    if (delivery === Delivery.App) segment.sh(pod.name, [`ip addr add ${pip}/32 dev lo`]);
    cluster.give(pip, pod, 1, { delivery });
  }
  await Promise.all(owners.map(({ pip }) => cluster.acked(pip, "n1", { state: "Announced" })));
  const ends: [string, string, string[]][] = [
    ["client", "cl", [CLIENT]],
    ["outside", "ext", [OUTSIDE]],
    ["node", "n1", []],
    ["other node", "n2", []],
    ["remote", remote.name, [remote.ip]],
    ["sibling", sibling.name, [sibling.ip]],
    ["bridge sibling", bridgeSibling.name, [bridgeSibling.ip]],
    ...owners.map(({ pod, pip, delivery }): [string, string, string[]] => {
      return [pip, pod.name, delivery === Delivery.Nat ? [pod.ip] : [pod.ip, pip]];
    }),
  ];
  const serving = ends.map(([key, place, addresses]) => {
    const peer = segment.peer(place);
    peers.set(key, peer);
    return peer.ask({ task: "serve", addresses });
  });
  await Promise.all(serving);
});

afterAll(async () => {
  await cluster?.close();
  segment?.close();
});

/** Asks every owner's question of every row; one line per owner and row. */
async function answers(rows: readonly Row[]): Promise<string[]> {
  const asked = owners.flatMap((owner) => rows.map((row) => ask(row, owner)));
  return Promise.all(asked);
}

async function ask(row: Row, { pip, pod, style, delivery }: Owner): Promise<string> {
  const target: Target = {
    pip,
    source: delivery === Delivery.Nat ? undefined : pip,
    client: CLIENT,
    outside: OUTSIDE,
    localService: LOCAL_SERVICE,
    remoteService: REMOTE_SERVICE,
  };
  const peer = peers.get(row.place === "owner" ? pip : row.place);
  const answer = (await peer?.ask(row.question(target))) ?? "nobody to ask";
  const seen = answer === pip ? "pip" : answer === pod.ip ? "owner" : (names.get(answer) ?? answer);
  return line(row, style, delivery, seen);
}

const line = (row: Row, style: CniStyle, delivery: Delivery, seen: string): string =>
  `${style}, ${delivery}: ${row.title}: ${seen}`;

const expected = (rows: readonly Row[]): string[] =>
  owners.flatMap(({ style, delivery }) => rows.map((row) => line(row, style, delivery, row.expected[delivery])));

/** Whether netfilter sees what bridges carry; the file is absent where the kernel's module is not loaded. */
const BRIDGE_FILTER = "/proc/sys/net/bridge/bridge-nf-call-iptables";
const canFilter = existsSync(BRIDGE_FILTER);

async function filterBridges(on: boolean): Promise<void> {
  if (!canFilter) return;
  segment.sh("n1", [`echo ${on ? 1 : 0} > ${BRIDGE_FILTER}`]);
  agent.poke();
  await eventually(() => {
    expect(segment.sh("n1", ["nft list set ip pip_agent bridges"]).includes(BRIDGE)).toBe(!on);
  });
}

/** Neighbours on one bridge are seen as the node where netfilter does not see their answers. */
function unseen(rows: readonly Row[]): string[] {
  return owners.flatMap(({ style, delivery }) =>
    rows.map((row) => {
      const near = row.place === "bridge sibling" && style === CniStyle.Bridge;
      return line(row, style, delivery, near ? "node" : row.expected[delivery]);
    }),
  );
}

test("every way to and from an address works with every style of CNI plugin", async () => {
  expect(await answers(ROWS)).toEqual(canFilter ? expected(ROWS) : unseen(ROWS));
});

test("where netfilter does not see what a bridge carries, neighbours still reach each other", async () => {
  await filterBridges(false);
  try {
    const rows = ROWS.filter(({ place }) => place === "bridge sibling" || place === "client" || place === "sibling");
    expect(await answers(rows)).toEqual(unseen(rows));
  } finally {
    await filterBridges(true);
  }
});

test("where the node forwards only what its FORWARD chain names, as container runtimes and firewalls have it", async () => {
  const chain = (): string => segment.sh("n1", ["nft list chain ip filter FORWARD"]);
  segment.sh("n1", [
    `nft -f - <<'END'
table ip filter {
  chain FORWARD {
    type filter hook forward priority 0; policy drop;
    ct state related,established accept
    ip saddr 10.244.0.0/16 accept
    ip daddr 10.244.0.0/16 accept
  }
}
END`,
  ]);
  const before = chain();
  agent.poke();
  try {
    await eventually(() => expect(chain()).not.toBe(before));
    const rows = ROWS.filter(({ place }) => place !== "bridge sibling" || canFilter);
    expect(await answers(rows)).toEqual(expected(rows));
  } finally {
    segment.sh("n1", ["nft delete table ip filter"]);
  }
});

test("what is too big for the Pod's interface is said to the sender, and TCP copes", async () => {
  const setMtu = (mtu: number): void => {
    const lines = owners.map(({ pod }) => `ip link set ${pod.veth} mtu ${mtu}`);
    segment.sh("n1", lines);
    for (const { pod } of owners) segment.sh(pod.name, [`ip link set eth0 mtu ${mtu}`]);
  };
  setMtu(1400);
  try {
    expect(await answers(NARROW_ROWS)).toEqual(expected(NARROW_ROWS));
  } finally {
    setMtu(1500);
  }
});

test("with a tunnel between the nodes", async () => {
  segment.addOverlay();
  try {
    await eventually(() => expect(segment.sh("n1", ["nft list set ip pip_agent tunnels"])).toContain(OVERLAY));
    expect(await answers(OVERLAY_ROWS)).toEqual(expected(OVERLAY_ROWS));
  } finally {
    segment.removeOverlay();
  }
});
