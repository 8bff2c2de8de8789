import { checkNode } from "../../controller-image/src/agent/node-facts";
import { nodeProblems } from "../../controller-image/src/agent/node-problems";
import { commands } from "../../controller-image/src/fabric/commands";
import { AckState } from "../../lib/model/binding";
import { Cluster } from "./agents";
import { NODE_IPS, Segment, type TestPod, UPLINK } from "./segment";

// What a node's uplink can be besides a plain interface: addresses are announced, answered for, delivered, handed over to another
// node and back, and leave nothing behind. VLANs and bonds themselves are not proved, as not every kernel that runs this has them: a
// VLAN is an interface upon another with a dot in its name, a bond one that has others below it, and so are these.
jest.setTimeout(300_000);

let segment: Segment;
let cluster: Cluster;
let pod: TestPod;
let other: TestPod;

beforeEach(async () => {
  segment = new Segment();
  pod = segment.addPod("n1", "poda", "10.244.1.11");
  other = segment.addPod("n2", "podc", "10.244.2.11");
  await Promise.all([pod, other].map(({ name, ip }) => segment.respond(name, [ip])));
  cluster = new Cluster(segment);
});

afterEach(async () => {
  await cluster.close();
  segment.close();
});

interface Uplink {
  readonly name: string;
  /** Makes it at a place that has this address. */
  readonly make: (ip: string) => readonly string[];
  /** Where everybody has such an interface. */
  readonly subnet?: string;
}

const bridge = (ip: string): string[] => [
  "ip link add lan0 type bridge",
  `ip addr del ${ip}/24 dev ${UPLINK}`,
  `ip link set ${UPLINK} master lan0`,
  "ip link set lan0 up",
  `ip addr add ${ip}/24 dev lan0`,
];

test.each<[string, Uplink]>([
  [
    "an interface upon another, with a dot in its name",
    {
      name: `${UPLINK}.100`,
      subnet: "10.91.0",
      make: (ip) => [
        `ip link add link ${UPLINK} name ${UPLINK}.100 type macvlan mode bridge`,
        `ip link set ${UPLINK}.100 up`,
        `ip addr add ${ip}/24 dev ${UPLINK}.100`,
      ],
    },
  ],
  ["a bridge that has the network card as its port", { name: "lan0", make: bridge }],
])("%s", async (_title, { name, make, subnet }) => {
  const ipOf = (node: "n1" | "n2"): string =>
    subnet === undefined ? NODE_IPS[node] : NODE_IPS[node].replace("10.90.0", subnet);
  segment.sh("n1", make(ipOf("n1")));
  if (subnet !== undefined) {
    segment.sh("n2", make(ipOf("n2")));
    segment.sh("cl", make(`${subnet}.100`));
  }
  const address = `${subnet ?? "10.90.0"}.201`;
  const forget = `ip neigh flush dev ${subnet === undefined ? UPLINK : name}`;
  const ask = (): string | undefined => {
    segment.sh("cl", [forget]);
    return segment.ask("cl", "udp", address)?.name;
  };
  cluster.agent("n1", { uplink: name, nodeIp: ipOf("n1") });
  cluster.agent("n2", { uplink: subnet === undefined ? UPLINK : name, nodeIp: ipOf("n2") });

  const heard = await segment.capture("cl", `arp host ${address}`);
  cluster.give(address, pod, 1);
  await cluster.acked(address, "n1", { state: AckState.Announced });
  expect(await heard.first).toContain(address);
  expect(ask()).toBe(pod.name);

  const moved = (from: "n1" | "n2", to: "n1" | "n2", epoch: number) => ({
    releasing: { nodeName: from, epoch: epoch - 1, forwardTo: ipOf(to), wait: true },
  });
  cluster.give(address, other, 2, moved("n1", "n2", 2));
  await cluster.acked(address, "n2", { state: AckState.Announced, epoch: 2 });
  await cluster.acked(address, "n1", { state: AckState.Released });
  expect(segment.ask("cl", "udp", address)?.name).toBe(other.name);
  expect(ask()).toBe(other.name);
  cluster.give(address, pod, 3, moved("n2", "n1", 3));
  await cluster.acked(address, "n1", { state: AckState.Announced, epoch: 3 });
  expect(ask()).toBe(pod.name);
  await cluster.takeBack(address);
  expect(segment.sh("n1", [`ip neigh show proxy dev ${name}`])).toBe("");
  expect(segment.sh("n1", ["nft list tables"])).not.toContain("pip_agent");
});

test("a port of a bridge: nobody who asks there is answered, and the look at the node says so", async () => {
  segment.sh("n1", bridge(NODE_IPS.n1));
  const said = async (uplink: string): Promise<readonly string[]> => {
    const found = nodeProblems(await checkNode(commands(segment.prefix("n1")), uplink));
    return found.flatMap(({ id, text }) => (id === "uplink_port" ? [text] : []));
  };
  expect(await said("lan0")).toEqual([]);
  expect(await said(UPLINK)).toEqual([
    'the uplink: got "up0", which is a port of lan0 (bridge): what arrives there is for that, and nobody who asks for an address is answered; set uplink: "lan0" on PersistentIpController, or leave it out',
  ]);
  cluster.agent("n1", { uplink: UPLINK });
  cluster.give("10.90.0.201", pod, 1);
  await cluster.acked("10.90.0.201", "n1", { state: AckState.Announced });
  segment.sh("cl", [`ip neigh flush dev ${UPLINK}`]);
  expect(segment.stranger("cl", "udp", "10.90.0.201")).toBeUndefined();
});
