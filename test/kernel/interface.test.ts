import { RESOURCES } from "../../lib/model/kubernetes";
import { Cluster, type RunningAgent } from "./agents";
import { CniStyle } from "./cni";
import { eventually } from "./eventually";
import { CLIENT, NODE_IPS, Segment, type TestPod } from "./segment";

// Delivery `interface`: what the agent does inside Pods, with three capabilities and no more.
jest.setTimeout(300_000);

const PIP = "10.90.0.201";
const SECOND = "10.90.0.202";

let segment: Segment;
let cluster: Cluster;
let agents: { n1: RunningAgent; n2: RunningAgent };
/** On each CNI style one; `wide` is on a second network as well. */
let a: TestPod;
let b: TestPod;
let bridged: TestPod;
let wide: TestPod;
let c: TestPod;

beforeAll(async () => {
  segment = new Segment();
  // A node answers ARP by proxy only for what it has a route to.
  segment.addOutside();
  a = segment.addPod("n1", "poda", "10.244.1.11");
  b = segment.addPod("n1", "podb", "10.244.1.12", CniStyle.ProxyArp);
  bridged = segment.addPod("n1", "podbr", "10.244.1.140", CniStyle.Bridge);
  c = segment.addPod("n2", "podc", "10.244.2.11");
  const first = segment.addPod("n1", "wide", "10.244.1.13");
  wide = segment.addInterface(first, "10.244.1.60", CniStyle.ProxyArp, "eth1");
  await segment.respond("cl", [CLIENT]);
  cluster = new Cluster(segment);
  agents = { n1: enabled("n1"), n2: enabled("n2") };
});

afterEach(async () => {
  for (const { metadata } of cluster.server.list(RESOURCES.addressBindings)) await cluster.takeBack(metadata.name);
  for (const node of ["n1", "n2"] as const) {
    await eventually(() => expect(segment.snapshot(node)).not.toContain("table ip pip_agent"));
  }
});

afterAll(async () => {
  await cluster?.close();
  segment?.close();
});

const enabled = (node: "n1" | "n2"): RunningAgent => cluster.agent(node, { interfaceDelivery: true });

/** Everything that could be changed inside a Pod, as text. */
const inside = (pod: TestPod): string =>
  segment.sh(pod.name, ["ip -4 -o addr | sed 's/ *valid_lft.*//'", "ip rule", "ip -4 route show table all | sort"]);

async function deliver(pip: string, pod: TestPod, epoch = 1): Promise<void> {
  cluster.give(pip, pod, epoch, { delivery: "interface" });
  await cluster.acked(pip, pod.node, { state: "Announced", epoch });
}

test.each([
  ["gateway", () => a],
  ["proxy ARP", () => b],
  ["bridge", () => bridged],
])("adds the address to the Pod's interface and takes it away again: %s", async (_style, podOf) => {
  const pod = podOf();
  const before = inside(pod);
  await deliver(PIP, pod);
  expect(segment.sh(pod.name, ["ip -4 -o addr show dev eth0"])).toContain(`inet ${PIP}/32 scope global eth0:podpin`);
  expect(segment.ask(pod.name, "tcp", CLIENT, PIP)).toEqual({ name: "cl", peer: PIP });
  await cluster.takeBack(PIP);
  expect(inside(pod)).toBe(before);
});

test("a program without any privilege binds the address", async () => {
  await deliver(PIP, a);
  const nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups --bounding-set=-all --inh-caps=-all";
  const listen = `require("net").createServer().listen(80 * 100, "${PIP}", () => process.exit(0)).on("error", () => process.exit(1))`;
  segment.sh(a.name, [`${nobody} ${process.execPath} -e '${listen}'`]);
});

test("the Pod never asks for its neighbours in the name of the address", async () => {
  const setting = (): string => segment.sh(b.name, ["cat /proc/sys/net/ipv4/conf/eth0/arp_announce"]).trim();
  await deliver(PIP, b);
  expect(setting()).toBe("2");
  segment.sh(b.name, ["ip neigh flush dev eth0"]);
  const { first } = await segment.capture(b.name, "arp and arp[6:2] = 1");
  expect(segment.pings(b.name, CLIENT, PIP)).toBe(true);
  expect(await first).toContain(`who-has 169.254.1.1 tell ${b.ip}`);
});

test("is repaired when somebody takes the address away inside the Pod", async () => {
  await deliver(PIP, a);
  const wanted = inside(a);
  segment.sh(a.name, [`ip addr del ${PIP}/32 dev eth0`]);
  agents.n1.poke();
  await eventually(() => expect(inside(a)).toBe(wanted));
});

test("leaves an address that the Pod has by itself where it is", async () => {
  segment.sh(a.name, [`ip addr add ${PIP}/32 dev eth0`]);
  const before = inside(a);
  await deliver(PIP, a);
  expect(segment.ask(a.name, "tcp", CLIENT, PIP)).toEqual({ name: "cl", peer: PIP });
  await cluster.takeBack(PIP);
  expect(inside(a)).toBe(before);
  segment.sh(a.name, [`ip addr del ${PIP}/32 dev eth0`]);
});

test("an address that the Pod had by itself, and took away without a word, is added when the Pod gets it again", async () => {
  segment.sh(a.name, [`ip addr add ${PIP}/32 dev eth0`]);
  await deliver(PIP, a);
  await cluster.takeBack(PIP);
  segment.sh(a.name, [`ip addr del ${PIP}/32 dev eth0`]);
  await deliver(PIP, a);
  expect(segment.pings("cl", PIP)).toBe(true);
  await cluster.takeBack(PIP);
});

test("a restarted agent adopts what is there, and takes away what was let go meanwhile", async () => {
  const before = inside(a);
  await deliver(PIP, a);
  await agents.n1.stop();
  agents.n1 = enabled("n1");
  await eventually(() => expect(agents.n1.passes.length).toBeGreaterThan(0));
  expect(agents.n1.changes()).toBe(0);
  await agents.n1.stop();
  await cluster.server.delete(RESOURCES.addressBindings, { name: PIP });
  agents.n1 = enabled("n1");
  await eventually(() => expect(inside(a)).toBe(before));
});

test("another delivery for the same Pod takes the address out of it", async () => {
  const before = inside(a);
  await segment.respond(a.name, [a.ip]);
  await deliver(PIP, a);
  cluster.give(PIP, a, 2, { delivery: "nat" });
  await cluster.acked(PIP, "n1", { state: "Announced", epoch: 2 });
  expect(inside(a)).toBe(before);
  expect(segment.ask("cl", "tcp", PIP)).toEqual({ name: a.name, peer: CLIENT });
  await deliver(PIP, a, 3);
  expect(segment.ask(a.name, "tcp", CLIENT, PIP)).toEqual({ name: "cl", peer: PIP });
});

test("a move takes the address from the old Pod and gives it to the new one", async () => {
  const before = [inside(a), inside(c)];
  await deliver(PIP, a);
  const releasing = { nodeName: "n1", epoch: 1, forwardTo: NODE_IPS.n2, wait: true };
  cluster.give(PIP, c, 2, { delivery: "interface", releasing });
  await cluster.acked(PIP, "n1", { state: "Released", epoch: 1 });
  await cluster.acked(PIP, "n2", { state: "Announced", epoch: 2 });
  expect(inside(a)).toBe(before[0]);
  expect(segment.ask(c.name, "tcp", CLIENT, PIP)).toEqual({ name: "cl", peer: PIP });
  await cluster.takeBack(PIP);
  expect(inside(c)).toBe(before[1]);
});

test("a replacement on the same node moves the address from Pod to Pod", async () => {
  const before = inside(a);
  await deliver(PIP, a);
  await deliver(PIP, b, 2);
  expect(inside(a)).toBe(before);
  expect(segment.ask(b.name, "udp", CLIENT, PIP)).toEqual({ name: "cl", peer: PIP });
});

describe("a Pod on a second network", () => {
  test("gets the address on the interface of that network, and answers by it", async () => {
    const before = inside(wide);
    await segment.respond(wide.name, [wide.ip]);
    await deliver(PIP, wide);
    expect(segment.sh(wide.name, ["ip -4 -o addr show dev eth1"])).toContain(`inet ${PIP}/32`);
    const { first } = await segment.capture(wide.name, `icmp[icmptype] == icmp-echoreply`);
    // Strict reverse path filtering on the node would drop an answer that leaves by eth0.
    expect(segment.pings("cl", PIP)).toBe(true);
    expect(await first).toMatch(new RegExp(`^eth1 +Out IP ${PIP} > ${CLIENT}`));
    expect(segment.ask(wide.name, "tcp", CLIENT, PIP)).toEqual({ name: "cl", peer: PIP });
    await cluster.takeBack(PIP);
    expect(inside(wide)).toBe(before);
  });

  test("has several addresses there, and each goes by itself", async () => {
    const before = inside(wide);
    await Promise.all([deliver(PIP, wide), deliver(SECOND, wide)]);
    expect([PIP, SECOND].map((pip) => segment.pings("cl", pip))).toEqual([true, true]);
    await cluster.takeBack(PIP);
    expect(segment.pings("cl", SECOND)).toBe(true);
    await cluster.takeBack(SECOND);
    expect(inside(wide)).toBe(before);
  });
});

test("an agent that may not enter Pods refuses, and says what to do", async () => {
  await agents.n1.stop();
  agents.n1 = cluster.agent("n1");
  cluster.give(PIP, a, 1, { delivery: "interface" });
  const ack = await cluster.acked(PIP, "n1", { state: "Failed", reason: "DeliveryNotSupported" });
  expect(ack.message).toContain("set interfaceDelivery: true on PersistentIpController");
  await cluster.takeBack(PIP);
  await agents.n1.stop();
  agents.n1 = enabled("n1");
});
