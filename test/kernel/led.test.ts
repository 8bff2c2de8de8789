import { type AddressBindingSpec, Delivery, Fabric } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { Cluster } from "./agents";
import { eventually } from "./eventually";
import {
  NODE_IPS,
  type NodeName,
  OUTSIDE,
  type Probe,
  type ProbeReport,
  Segment,
  type TestPod,
  UPLINK,
} from "./segment";

// Fabric gce with real packets. A router stands in for the VPC: like it, it takes what is sent to an address to one node, and takes
// it there again when it comes back. The test plays the controller, which moves the packets and says so, and Google's guest agent.
jest.setTimeout(300_000);

/** What is under way in the instant in which the route under it changes. */
const LOST_AT_MOST = 1;
const PIPS: Readonly<Record<Delivery, string>> = {
  app: "198.51.100.201",
  interface: "198.51.100.202",
  nat: "198.51.100.203",
};
const DELIVERIES = Object.values(Delivery);
const PODS = ["poda", "podb", "podc"];
const HERE = { nodeName: "n1", epoch: 1 };
const THERE = { nodeName: "n2", epoch: 2 };

let segment: Segment;
let cluster: Cluster;
let a: TestPod;
let b: TestPod;
let c: TestPod;
let arrivedBefore: number;

beforeAll(async () => {
  segment = new Segment();
  segment.addOutside();
  a = segment.addPod("n1", "poda", "10.244.1.11");
  b = segment.addPod("n1", "podb", "10.244.1.12");
  c = segment.addPod("n2", "podc", "10.244.2.11");
  for (const { name } of [a, b, c]) {
    segment.sh(name, [`ip addr add ${PIPS.app}/32 dev lo`, "echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind"]);
  }
  const watched = "type filter hook forward priority 0; udp dport 7000 counter;";
  segment.sh("gw", [`nft 'table ip watched { chain forwarded { ${watched} }; }'`]);
  await Promise.all([
    ...[a, c].map(({ name, ip }) => segment.respond(name, [ip, PIPS.app, PIPS.interface])),
    segment.respond("ext", [OUTSIDE]),
  ]);
});

beforeEach(() => {
  cluster = new Cluster(segment);
  for (const node of ["n1", "n2"] as const) cluster.agent(node, { interfaceDelivery: true });
});

afterEach(async () => {
  try {
    for (const { metadata } of cluster.server.list(RESOURCES.addressBindings)) {
      await cluster.server.delete(RESOURCES.addressBindings, { name: metadata.name });
    }
    for (const node of ["n1", "n2"] as const) {
      await eventually(() => expect(segment.snapshot(node)).not.toMatch(/table ip pip_agent|proto 153/));
      guestAgent(node, []);
    }
  } finally {
    await cluster.close();
    segment.sh(
      "gw",
      Object.values(PIPS).map((pip) => `ip route flush ${pip}/32`),
    );
  }
});

afterAll(() => segment?.close());

/** The cloud takes the packets of the address to the node from now on; the machines' guest agents hear of it. */
function lead(pip: string, node: NodeName): void {
  segment.sh("gw", [`ip route replace ${pip}/32 via ${NODE_IPS[node]}`]);
  for (const one of ["n1", "n2"] as const) guestAgent(one, one === node ? [pip] : []);
}

/** Google's guest agent looks for what it has set, and sets or removes the rest, with the commands of its source. */
function guestAgent(node: NodeName, wanted: readonly string[]): void {
  const set = Object.values(PIPS).filter((pip) => claimed(node, pip));
  segment.sh(node, [
    ...set.filter((pip) => !wanted.includes(pip)).map((pip) => `${claim("delete", pip)} || true`),
    // It says what failed to its log, and goes on.
    ...wanted.filter((pip) => !set.includes(pip)).map((pip) => `${claim("add", pip)} 2>/dev/null || true`),
  ]);
}

const claim = (verb: "add" | "delete" | "replace", pip: string): string =>
  `ip route ${verb} to local ${pip}/32 scope host dev ${UPLINK} proto 66`;

const claimed = (node: NodeName, pip: string): boolean =>
  segment.sh(node, [`ip route list table local type local scope host dev ${UPLINK} proto 66`]).includes(`${pip} `);

const thrown = (node: NodeName): string => segment.sh(node, ["ip route show table local type throw"]);

const give = (delivery: Delivery, pod: TestPod, epoch: number, more: Partial<AddressBindingSpec> = {}): void =>
  cluster.give(PIPS[delivery], pod, epoch, { delivery, fabric: Fabric.Gce, ...more });

/** Pod `a` has the address, and the packets go there. */
async function given(delivery: Delivery): Promise<void> {
  give(delivery, a, 1);
  await cluster.acked(PIPS[delivery], "n1", { state: "Announced", epoch: 1 });
  lead(PIPS[delivery], "n1");
  give(delivery, a, 1, { led: HERE });
}

const releasing = (wait: boolean) => ({ nodeName: "n1", epoch: 1, forwardTo: NODE_IPS.n2, wait });

async function probing(delivery: Delivery): Promise<Probe> {
  arrivedBefore = segment.arrived(PODS);
  const probe = segment.probe("ext", PIPS[delivery]);
  await probe.answers(a.name, 150);
  return probe;
}

/** Lost on the way to a Pod: what one says with the address after it has lost it is fenced off, and a starved program answers late. */
const lostOf = ({ sent }: ProbeReport): number => sent - (segment.arrived(PODS) - arrivedBefore);

/** Datagrams for responders that the router has passed on. */
const passedOn = (): number => Number(/packets (\d+)/.exec(segment.sh("gw", ["nft list table ip watched"]))?.[1]);

describe("what the guest agent makes the node's own", () => {
  test.each(DELIVERIES)(
    "reaches the Pod with delivery %s, whoever comes first and whatever goes and comes again",
    async (way) => {
      const pip = PIPS[way];
      const answered = (): void => expect(segment.ask("ext", "udp", pip)).toEqual({ name: a.name, peer: OUTSIDE });
      lead(pip, "n1");
      expect(claimed("n1", pip)).toBe(true);
      give(way, a, 1, { led: HERE });
      await cluster.acked(pip, "n1", { state: "Announced" });
      answered();
      // The Pod's own packets are not those of a stranger who uses an address of the node.
      const from = way === Delivery.Nat ? "" : pip;
      expect(segment.ask(a.name, "tcp", OUTSIDE, from)).toEqual({ name: "ext", peer: pip });

      guestAgent("n1", []);
      answered();
      guestAgent("n1", [pip]);
      expect(claimed("n1", pip)).toBe(false);
      segment.sh("n1", [claim("replace", pip)]);
      await eventually(() => expect(thrown("n1")).toContain(pip));
      expect(claimed("n1", pip)).toBe(true);
      answered();
      expect(segment.sh("n1", ["ip rule show pref 0"])).toContain("lookup local");
    },
  );

  test.each([Delivery.App, Delivery.Nat])(
    "would be answered for by the node without the throw, with delivery %s",
    async (way) => {
      await given(way);
      await cluster.close();
      segment.sh("n1", [`ip route del throw ${PIPS[way]}/32 table local`, claim("add", PIPS[way])]);
      expect(segment.stranger("ext", "udp", PIPS[way])).toBeUndefined();
      cluster.agent("n1", { interfaceDelivery: true });
      cluster.agent("n2", { interfaceDelivery: true });
      await eventually(() => expect(thrown("n1")).toContain(PIPS[way]));
      expect(segment.ask("ext", "udp", PIPS[way])?.name).toBe(a.name);
    },
  );
});

describe("program the new, lead the packets there, let the old go", () => {
  test.each(DELIVERIES)("loses nothing with delivery %s", async (way) => {
    await given(way);
    const probe = await probing(way);
    give(way, c, 2, { led: HERE, releasing: releasing(true) });
    await cluster.acked(PIPS[way], "n2", { state: "Programmed", epoch: 2 });
    // However long the cloud takes, the old Pod is served.
    await probe.answers(a.name, 300);
    lead(PIPS[way], "n2");
    await probe.answers(c.name, 50);
    give(way, c, 2, { led: THERE, releasing: releasing(true) });
    await cluster.acked(PIPS[way], "n1", { state: "Released", epoch: 1 });
    await cluster.acked(PIPS[way], "n2", { state: "Announced", epoch: 2 });
    await probe.answers(c.name, 100);
    const report = await probe.end();
    expect(lostOf(report)).toBeLessThanOrEqual(LOST_AT_MOST);
    expect(Object.keys(report.answers)).toEqual([a.name, c.name]);
  });

  test("loses nothing when the old node's agent is started anew meanwhile", async () => {
    await given(Delivery.Nat);
    const probe = await probing(Delivery.Nat);
    give(Delivery.Nat, c, 2, { led: HERE, releasing: releasing(true) });
    await cluster.acked(PIPS.nat, "n2", { state: "Programmed", epoch: 2 });
    await cluster.close();
    const agents = (["n1", "n2"] as const).map((node) => cluster.agent(node, { interfaceDelivery: true }));
    await eventually(() => expect(agents.map((agent) => agent.passes.length > 0)).toEqual([true, true]));
    await probe.answers(a.name, 100);
    lead(PIPS.nat, "n2");
    await probe.answers(c.name, 100);
    expect(lostOf(await probe.end())).toBeLessThanOrEqual(LOST_AT_MOST);
    expect(agents.map((agent) => agent.changes())).toEqual([0, 0]);
  });

  test("in the wrong order everything is lost until the packets go elsewhere, and nothing reaches a Pod that has not the address", async () => {
    await given(Delivery.App);
    const probe = await probing(Delivery.App);
    give(Delivery.App, c, 2, { led: HERE, releasing: releasing(false) });
    await cluster.acked(PIPS.app, "n1", { state: "Released", epoch: 1 });
    await cluster.acked(PIPS.app, "n2", { state: "Announced", epoch: 2 });
    expect(segment.stranger("ext", "udp", PIPS.app)).toBeUndefined();
    lead(PIPS.app, "n2");
    await probe.answers(c.name, 50);
    const report = await probe.end();
    expect(lostOf(report)).toBeGreaterThan(LOST_AT_MOST);
    expect(Object.keys(report.answers)).toEqual([a.name, c.name]);
  });
});

describe("what still arrives at a node that has let go", () => {
  test.each([Delivery.App, Delivery.Nat])("does not go back to where it came from, with delivery %s", async (way) => {
    await given(way);
    give(way, c, 2, { led: HERE, releasing: releasing(false) });
    await cluster.acked(PIPS[way], "n1", { state: "Released", epoch: 1 });
    const circles = (): number => {
      const before = passedOn();
      expect(segment.stranger("ext", "udp", PIPS[way])).toBeUndefined();
      return passedOn() - before;
    };
    expect(circles()).toBe(1);
    await cluster.close();
    segment.sh("n1", ["nft flush set ip pip_agent strays"]);
    expect(circles()).toBeGreaterThan(1);
    cluster.agent("n1", { interfaceDelivery: true });
    cluster.agent("n2", { interfaceDelivery: true });
  });

  test("is all that is dropped: a Pod of that node reaches the new owner as soon as the packets go there", async () => {
    await given(Delivery.Nat);
    give(Delivery.Nat, c, 2, { led: HERE, releasing: releasing(false) });
    await cluster.acked(PIPS.nat, "n1", { state: "Released", epoch: 1 });
    await cluster.acked(PIPS.nat, "n2", { state: "Announced", epoch: 2 });
    expect(segment.stranger(b.name, "udp", PIPS.nat)).toBeUndefined();
    lead(PIPS.nat, "n2");
    expect(segment.ask(b.name, "tcp", PIPS.nat)?.name).toBe(c.name);
    expect(segment.sh("n1", ["nft list set ip pip_agent strays"])).toContain(PIPS.nat);
  });

  test.each([Delivery.App, Delivery.Nat])(
    "reaches nobody when the Pod dies and its Pod address is given to the next one, with delivery %s",
    async (way) => {
      const ip = "10.244.1.40";
      const old = segment.addPod("n1", `old${way}`, ip);
      give(way, old, 1, { led: HERE });
      await cluster.acked(PIPS[way], "n1", { state: "Announced", epoch: 1 });
      lead(PIPS[way], "n1");
      give(way, c, 2, { led: HERE, releasing: releasing(true) });
      await cluster.acked(PIPS[way], "n2", { state: "Programmed", epoch: 2 });
      segment.removePod(old);
      const next = segment.addPod("n1", `next${way}`, ip);
      segment.sh(next.name, [`ip addr add ${PIPS.app}/32 dev lo`]);
      await segment.respond(next.name, [ip, PIPS.app]);
      expect(segment.ask("n1", "udp", ip)?.name).toBe(next.name);
      await cluster.acked(PIPS[way], "n1", { state: "Released", epoch: 1 });
      expect(segment.stranger("ext", "udp", PIPS[way])).toBeUndefined();
      segment.removePod(next);
    },
  );
});
