import type { Kernel } from "../../controller-image/src/agent/kernel";
import { Delivery, Fabric } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { forArp } from "../agent/world";
import { type AgentVariant, Cluster } from "./agents";
import { eventually } from "./eventually";
import type { Peer } from "./peer";
import {
  CLIENT,
  NODE_IPS,
  type NodeName,
  type Probe,
  type ProbeReport,
  type Responder,
  Segment,
  type TestPod,
} from "./segment";

// What a client loses while an address changes hands, counted by a probe that sends every millisecond: each order of
// steps that the agents follow, and beside it what happens where a step is missing, so that a loss would be seen. How
// long it takes is the benchmark's business.
jest.setTimeout(300_000);

/** What is under way in the instant in which the route under it changes. */
const LOST_AT_MOST = 1;
const PIPS: Readonly<Record<Delivery, string>> = { app: "10.90.0.201", interface: "10.90.0.202", nat: "10.90.0.203" };
const { app: APP, nat: NAT } = PIPS;
const PODS = ["poda", "podb", "podc"];
const ENDS = ["cl", "ext", ...PODS];
/** An agent whose announcements are lost, every one. */
const UNHEARD: AgentVariant = {
  announcers: forArp({
    getReady: () => undefined,
    announce: () => Promise.resolve(),
    silence: () => undefined,
    close: () => undefined,
  }),
};

let segment: Segment;
let cluster: Cluster;
let overflowsBefore: number;
let arrivedBefore: number;
let a: TestPod;
/** Of Pod `a`. */
let first: Responder | undefined;
let b: TestPod;
let c: TestPod;

beforeAll(async () => {
  segment = new Segment();
  segment.addOutside();
  a = segment.addPod("n1", "poda", "10.244.1.11");
  b = segment.addPod("n1", "podb", "10.244.1.12");
  c = segment.addPod("n2", "podc", "10.244.2.11");
  for (const { name } of [a, b, c]) {
    // So that programs have the address before the agent puts it there.
    segment.sh(name, [`ip addr add ${APP}/32 dev lo`, "echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind"]);
  }
  [first] = await Promise.all([a, b, c].map(({ name, ip }) => segment.respond(name, [ip, PIPS.app, PIPS.interface])));
});

beforeEach(() => {
  cluster = new Cluster(segment);
  overflowsBefore = segment.overflows(ENDS);
});

afterEach(async () => {
  try {
    for (const { metadata } of cluster.server.list(RESOURCES.addressBindings)) {
      await cluster.server.delete(RESOURCES.addressBindings, { name: metadata.name });
    }
    for (const node of ["n1", "n2"] as const) {
      await eventually(() => expect(segment.snapshot(node)).not.toContain("table ip pip_agent"));
    }
  } finally {
    await cluster.close();
    segment.sh("cl", ["ip neigh flush dev up0"]);
  }
});

afterAll(() => segment?.close());

const start = (node: NodeName, variant: AgentVariant = {}) =>
  cluster.agent(node, { interfaceDelivery: true, ...variant });

/** Lost on the way there or back, without what a starved program at an end could not take in time. */
const lostBy = ({ lost }: ProbeReport): number => lost - (segment.overflows(ENDS) - overflowsBefore);

/**
 * Lost on the way there: what a Pod that holds the address says with it after the move is fenced off on purpose, and a
 * starved program answers late.
 */
const undelivered = ({ sent }: ProbeReport): number => sent - (segment.arrived(PODS) - arrivedBefore);

const lostOf = (delivery: Delivery, report: ProbeReport): number =>
  delivery === Delivery.Nat ? lostBy(report) : undelivered(report);

/** Gives an address to Pod `a`, with a probe from then on. */
async function given(delivery: Delivery, from = "cl", fabric: Fabric = Fabric.L2): Promise<Probe> {
  const pip = PIPS[delivery];
  cluster.give(pip, a, 1, { delivery, fabric });
  await cluster.acked(pip, "n1", { state: "Announced", epoch: 1 });
  arrivedBefore = segment.arrived(PODS);
  const probe = segment.probe(from, pip);
  await probe.answers(a.name, 150);
  return probe;
}

/** Moves the address to Pod `c`, as the controller does. */
async function moveToC(delivery: Delivery, fabric: Fabric = Fabric.L2): Promise<void> {
  const pip = PIPS[delivery];
  const releasing = { nodeName: "n1", epoch: 1, forwardTo: NODE_IPS.n2, wait: true };
  cluster.give(pip, c, 2, { delivery, fabric, releasing });
  await cluster.acked(pip, "n1", { state: "Released", epoch: 1 });
  await cluster.acked(pip, "n2", { state: "Announced", epoch: 2 });
}

describe("to another node: program the new, the old forwards to it, announce the new, clean the old", () => {
  test.each([Delivery.App, Delivery.Interface])("loses nothing with delivery %s", async (delivery) => {
    start("n1");
    start("n2");
    const probe = await given(delivery);
    await moveToC(delivery);
    await probe.answers(c.name, 150);
    const report = await probe.end();
    expect(lostOf(delivery, report)).toBeLessThanOrEqual(LOST_AT_MOST);
    expect(Object.keys(report.answers)).toEqual([a.name, c.name]);
  });

  test.each([Delivery.App, Delivery.Nat])(
    "loses nothing with delivery %s when no announcement arrives",
    async (delivery) => {
      start("n1");
      start("n2", UNHEARD);
      const probe = await given(delivery);
      await moveToC(delivery);
      await probe.answers(c.name, 150);
      expect(lostOf(delivery, await probe.end())).toBeLessThanOrEqual(LOST_AT_MOST);
      // The client still sends to the old node, and that passes on new connections, too.
      expect(segment.sh("cl", [`ip neigh show ${PIPS[delivery]}`])).toContain(mac("n1"));
      expect(segment.ask("cl", "tcp", PIPS[delivery])).toEqual({ name: c.name, peer: CLIENT });
    },
  );

  test("loses nothing where a router is told instead of the segment", async () => {
    start("n1");
    start("n2");
    segment.sh("gw", [`ip route add ${NAT}/32 via ${NODE_IPS.n1}`]);
    const probe = await given(Delivery.Nat, "ext", Fabric.None);
    await moveToC(Delivery.Nat, Fabric.None);
    segment.sh("gw", [`ip route replace ${NAT}/32 via ${NODE_IPS.n2}`]);
    await probe.answers(c.name, 150);
    expect(lostBy(await probe.end())).toBeLessThanOrEqual(LOST_AT_MOST);
    segment.sh("gw", [`ip route del ${NAT}/32`]);
  });

  test.each([Delivery.App, Delivery.Nat])("resets open connections at once with delivery %s", async (delivery) => {
    start("n1");
    start("n2");
    await (await given(delivery)).end();
    const ends = ["cl", a.name, c.name].map((place) => segment.peer(place));
    const [client, ...servers] = ends as [Peer, ...Peer[]];
    try {
      await Promise.all(servers.map((server) => server.ask({ task: "echo" })));
      expect(await client.ask({ task: "hold", to: PIPS[delivery] })).toBe("hello");
      expect(await client.ask({ task: "resume" })).toBe("again");
      await moveToC(delivery);
      expect(await client.ask({ task: "resume" })).toBe("ECONNRESET");
    } finally {
      await Promise.all(ends.map((end) => end.end()));
    }
  });

  test("leaves no connection behind that is translated to the old Pod", async () => {
    start("n1");
    start("n2");
    const probe = await given(Delivery.Nat);
    await moveToC(Delivery.Nat);
    await probe.answers(c.name, 50);
    await probe.end();
    const known = (): string => segment.sh("n1", [`conntrack -L -d ${NAT} 2>/dev/null`]);
    await eventually(() => expect(known()).not.toContain(a.ip));
  });
});

describe("from a node that is dead", () => {
  const cut = (dead: boolean): string => segment.sh("sw", [`ip link set p-n1 ${dead ? "nomaster" : "master br0"}`]);

  afterEach(() => void cut(false));

  /** The controller's word that nobody there answers any more. */
  async function takeOver(): Promise<void> {
    const releasing = { nodeName: "n1", epoch: 1, forwardTo: NODE_IPS.n2, wait: false };
    cluster.give(NAT, c, 2, { releasing });
    await cluster.acked(NAT, "n2", { state: "Announced", epoch: 2 });
  }

  test("a client that knew the old node is served as soon as the new one has announced", async () => {
    start("n1");
    start("n2");
    const probe = await given(Delivery.Nat);
    cut(true);
    await takeOver();
    await probe.answers(c.name, 50);
    expect((await probe.end()).lost).toBeGreaterThan(0);
    const after = segment.probe("cl", NAT);
    await after.answers(c.name, 150);
    expect(lostBy(await after.end())).toBeLessThanOrEqual(LOST_AT_MOST);
  });

  test("a client that the announcement did not reach goes on sending to the dead node", async () => {
    start("n1");
    start("n2", UNHEARD);
    await (await given(Delivery.Nat)).end();
    cut(true);
    await takeOver();
    expect(segment.stranger("cl", "udp", NAT)).toBeUndefined();
  });
});

describe("to another Pod of the same node", () => {
  test.each([Delivery.App, Delivery.Interface])("loses nothing with delivery %s while both run", async (delivery) => {
    start("n1");
    const probe = await given(delivery);
    cluster.give(PIPS[delivery], b, 2, { delivery });
    await cluster.acked(PIPS[delivery], "n1", { state: "Announced", epoch: 2, podUid: b.uid });
    await probe.answers(b.name, 150);
    expect(lostOf(delivery, await probe.end())).toBeLessThanOrEqual(LOST_AT_MOST);
  });

  test("with delivery nat a client that keeps its port follows at once, and what the old Pod has got it still answers", async () => {
    start("n1", { kernelOf: withoutForgetting });
    const probe = await given(Delivery.Nat);
    first?.pause();
    try {
      cluster.give(NAT, b, 2);
      await cluster.acked(NAT, "n1", { state: "Announced", epoch: 2, podUid: b.uid });
      await probe.answers(b.name, 50);
    } finally {
      first?.resume();
    }
    await probe.answers(a.name, 1);
    expect(lostBy(await probe.end())).toBeLessThanOrEqual(LOST_AT_MOST);
    expect(segment.ask("cl", "udp", NAT)?.name).toBe(b.name);
  });

  test("with delivery nat what was known of the old Pod is forgotten, and what is known of the new one is not", async () => {
    start("n1");
    const probe = await given(Delivery.Nat);
    cluster.give(NAT, b, 2);
    await probe.answers(b.name, 50);
    const known = (): string => segment.sh("n1", [`conntrack -L -d ${NAT} 2>/dev/null`]);
    await eventually(() => expect(known()).not.toContain(a.ip));
    expect(known()).toContain(b.ip);
    expect(lostBy(await probe.end())).toBeLessThanOrEqual(LOST_AT_MOST);
  });

  test("a kernel without zones has the client follow only because connections are forgotten", async () => {
    const verdict = { unfit: new Map(), addresses: new Set<string>(), fences: true, zones: false };
    start("n1", { kernelOf: withoutForgetting, node: () => verdict });
    const probe = await given(Delivery.Nat);
    cluster.give(NAT, b, 2);
    await cluster.acked(NAT, "n1", { state: "Announced", epoch: 2, podUid: b.uid });
    await probe.answers(a.name, 300);
    segment.sh("n1", [`conntrack -D -d ${NAT} 2>/dev/null`]);
    await probe.answers(b.name, 50);
    await probe.end();
  });
});

function withoutForgetting(shipped: Kernel): Kernel {
  return { ...shipped, forgetConnections: () => Promise.resolve({ refused: new Map() }) };
}

function mac(node: NodeName): string {
  return segment.sh(node, ["cat /sys/class/net/up0/address"]).trim();
}
