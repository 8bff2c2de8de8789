// The watcher among agents on a virtual network. What it costs to be sure, and that nobody is blamed who is not gone.
import { CONTROLLER, Cluster, type ClusterOptions, nodeAddress, nodeName } from "./cluster";

const settled = (options: Partial<ClusterOptions> & { nodes: number }): Cluster =>
  new Cluster({ seed: 1, ...options }).settle();

/** Times from power-off to the verdict, ascending. */
function detections(options: Omit<ClusterOptions, "seed">, kills: number): number[] {
  const times = Array.from({ length: kills }, (_, kill) => {
    const cluster = settled({ ...options, seed: 100 + kill });
    const { network } = cluster;
    network.run(network.random() * 2_000);
    const victim = 1 + Math.floor(network.random() * (options.nodes - 1));
    const at = network.now;
    cluster.powerOff(victim);
    const found = network.runUntil(() => cluster.lost.includes(nodeName(victim)), 10_000);
    network.run(1_000);
    expect(cluster.lost).toEqual([nodeName(victim)]);
    return (found ?? Infinity) - at;
  });
  return times.sort((left, right) => left - right);
}

const at = (times: readonly number[], share: number): number => times[Math.floor(share * (times.length - 1))]!;

test.each([
  { nodes: 3, loss: 0, kills: 40, median: 560, worst: 570 },
  { nodes: 3, loss: 0.01, kills: 40, median: 560, worst: 600 },
  { nodes: 50, loss: 0.01, kills: 6, median: 560, worst: 600 },
])(
  "a node of $nodes that loses power is lost within $worst ms, half of them within $median ms, at a loss of $loss",
  ({ nodes, loss, kills, median, worst }) => {
    const times = detections({ nodes, loss, detectors: false }, kills);
    expect(at(times, 0.5)).toBeLessThanOrEqual(median);
    expect(at(times, 1)).toBeLessThanOrEqual(worst);
    // No sooner than the pause that must not cost a node its addresses.
    expect(at(times, 0)).toBeGreaterThan(500);
  },
);

test("a node of 5,000 that all have addresses is lost within 2.3 s, at 3,000 questions a second", () => {
  const cluster = settled({ nodes: 5_000, detectors: false });
  const { network } = cluster;
  const [from, sent] = [network.now, network.sent];
  network.run(1_000);
  expect((network.sent - sent) / (network.now - from)).toBeLessThanOrEqual(6.5);
  for (const victim of [17, 4_711]) {
    const began = network.now;
    cluster.powerOff(victim);
    expect(network.runUntil(() => cluster.lost.includes(nodeName(victim)), 2_300)).toBeLessThanOrEqual(began + 2_300);
  }
  expect(cluster.lost).toHaveLength(2);
});

test("few nodes with addresses among many are asked as often as in a small cluster", () => {
  const cluster = settled({ nodes: 400, owners: 5, detectors: false });
  const began = cluster.network.now;
  cluster.powerOff(3);
  const found = cluster.network.runUntil(() => cluster.lost.length > 0, 10_000);
  expect(found! - began).toBeLessThanOrEqual(620);
  expect(cluster.lost).toEqual([nodeName(3)]);
});

test("what others heard of a node before it last answered itself delays no verdict", () => {
  const cluster = settled({ nodes: 4 });
  const { network } = cluster;
  cluster.agents[2]!.host.pause(400);
  network.run(390);
  expect(cluster.watcher.counts["agent silent"]).toBe(1);
  network.run(60);
  expect(cluster.watcher.counts.answering).toBe(4);
  const began = network.now;
  cluster.powerOff(2);
  expect(network.runUntil(() => cluster.lost.length > 0, 5_000)! - began).toBeLessThanOrEqual(620);
});

test("a rack of 30 nodes of 200 is lost at once, and nobody else", () => {
  const cluster = settled({ nodes: 200, loss: 0.01, detectors: false });
  for (let index = 20; index < 50; index++) cluster.powerOff(index);
  const began = cluster.network.now;
  const found = cluster.network.runUntil(() => cluster.lost.length === 30, 10_000);
  expect(found! - began).toBeLessThanOrEqual(1_000);
  cluster.network.run(2_000);
  expect(cluster.lost).toHaveLength(30);
});

describe("a node is heard", () => {
  test("while it answers, is asked again, or its kernel answers; and not one that never did", () => {
    const cluster = settled({ nodes: 4 });
    expect([1, 7].map((index) => cluster.watcher.hears(nodeName(index)))).toEqual([true, undefined]);
    cluster.agents[1]!.host.pause(5_000);
    for (let at = 0; at < 4_500; at += 20) {
      cluster.network.run(20);
      expect(cluster.watcher.hears(nodeName(1))).toBe(true);
    }
  });

  test("while the controller alone does not reach it", () => {
    const cluster = settled({ nodes: 4 });
    cluster.network.cut = (from, to) => [from, to].includes(CONTROLLER) && [from, to].includes(nodeAddress(2));
    cluster.network.run(60_000);
    expect(cluster.watcher.hears(nodeName(2))).toBe(true);
  });

  test("no longer once it is lost", () => {
    const cluster = settled({ nodes: 4 });
    cluster.powerOff(2);
    cluster.network.runUntil(() => cluster.lost.length > 0, 2_000);
    expect(cluster.watcher.hears(nodeName(2))).toBe(false);
  });

  test("for two seconds more where nobody can confirm that it is lost", () => {
    const cluster = settled({ nodes: 2 });
    cluster.powerOff(1);
    cluster.network.run(1_500);
    expect(cluster.watcher.hears(nodeName(1))).toBe(true);
    cluster.network.run(1_500);
    expect(cluster.watcher.hears(nodeName(1))).toBe(false);
    expect(cluster.lost).toEqual([]);
  });
});

describe("nobody is lost", () => {
  test("in an hour of 1 % loss in which every node and the controller pause for 500 ms every 10 s", () => {
    const cluster = settled({ nodes: 3, loss: 0.01, seed: 7 });
    const { network } = cluster;
    let pauses = 0;
    for (const host of [...cluster.agents.map((agent) => agent.host), cluster.controller]) {
      const next = (): void =>
        network.at(network.now + 1_500 + network.random() * 17_000, () => {
          // Of the process alone, or of the whole machine, which then loses what is sent to it.
          host.pause(500, network.random() < 0.5);
          pauses++;
          next();
        });
      next();
    }
    network.run(3_600_000);
    expect(pauses).toBeGreaterThan(1_300);
    expect(cluster.verdicts).toEqual([]);
    expect(cluster.agents.map(({ isolations }) => isolations)).toEqual([0, 0, 0]);
  });

  test("when the controller alone does not reach a node, however long", () => {
    const cluster = settled({ nodes: 4, loss: 0.01 });
    cluster.network.cut = (from, to) => [from, to].includes(CONTROLLER) && [from, to].includes(nodeAddress(2));
    cluster.network.run(120_000);
    expect(cluster.verdicts).toEqual([]);
    expect(cluster.watcher.counts["agent silent"]).toBe(1);
    // And once it really is gone, it is found.
    cluster.powerOff(2);
    const began = cluster.network.now;
    expect(cluster.network.runUntil(() => cluster.lost.length > 0, 2_000)! - began).toBeLessThanOrEqual(1_500);
  });

  test.each([3, 10])("when the controller of %d nodes has lost its own network", (nodes) => {
    const cluster = settled({ nodes });
    cluster.network.cut = (from, to) => from === CONTROLLER || to === CONTROLLER;
    cluster.network.run(20_000);
    expect(cluster.verdicts).toEqual([]);
  });

  test.each([3, 10])("when the controller of %d nodes reaches its own node alone", (nodes) => {
    const cluster = settled({ nodes });
    const here = new Set([CONTROLLER, nodeAddress(0)]);
    cluster.network.cut = (from, to) => here.has(from) !== here.has(to);
    cluster.network.run(20_000);
    expect(cluster.verdicts).toEqual([]);
  });

  test.each([
    [4, 2],
    [5, 3],
    [40, 20],
    [200, 110],
  ])("when of %d nodes %d are gone at once", (nodes, gone) => {
    const cluster = settled({ nodes, detectors: false });
    for (let index = nodes - gone; index < nodes; index++) cluster.powerOff(index);
    cluster.network.run(4_000);
    expect(cluster.verdicts).toEqual([]);
  });

  test("in a cluster of two nodes: nobody can confirm what one of them says", () => {
    const cluster = settled({ nodes: 2 });
    cluster.powerOff(1);
    cluster.network.run(60_000);
    expect(cluster.verdicts).toEqual([]);
  });

  test("when an agent ends, or hangs: its node goes on serving", () => {
    const cluster = settled({ nodes: 3 });
    cluster.agents[2]!.host.dead = true;
    cluster.agents[1]!.host.pause(60_000);
    cluster.network.run(50_000);
    expect(cluster.verdicts).toEqual([]);
    expect(cluster.watcher.counts).toMatchObject({ answering: 1, "agent silent": 2 });
  });

  test("when the controller's process pauses, however often", () => {
    const cluster = settled({ nodes: 3 });
    for (let round = 0; round < 50; round++) {
      cluster.controller.pause(3_000, round % 2 === 0);
      cluster.network.run(3_000 + 100 * cluster.network.random());
    }
    expect(cluster.verdicts).toEqual([]);
  });

  test("when nodes cannot hear each other at all: then none of them can say that another is silent", () => {
    const cluster = settled({ nodes: 5, detectors: false });
    cluster.network.cut = (from, to) => ![from, to].includes(CONTROLLER) || [from, to].includes(nodeAddress(2));
    cluster.network.run(20_000);
    expect(cluster.verdicts).toEqual([]);
  });

  test.each([
    [3, "none but the controller's own node has"],
    [4, "but one of two that could have"],
  ])("when of %d nodes %s asked it too", (nodes) => {
    const cluster = settled({ nodes });
    const { host } = cluster.agents[1]!;
    const { receive } = host;
    host.receive = (message, from) => {
      if (message.type !== "probe" || message.list !== "asks") receive(message, from);
    };
    cluster.powerOff(nodes - 1);
    cluster.network.run(20_000);
    expect(cluster.verdicts).toEqual([]);
    // Once that node does its part, it is certain.
    host.receive = receive;
    cluster.network.run(1_000);
    expect(cluster.lost).toEqual([nodeName(nodes - 1)]);
  });

  test("that was never heard", () => {
    const cluster = new Cluster({ nodes: 4, seed: 1 });
    cluster.powerOff(3);
    cluster.network.run(60_000);
    expect(cluster.verdicts).toEqual([]);
    expect(cluster.watcher.counts).toMatchObject({ answering: 3, unheard: 1 });
  });
});

describe("a lost node", () => {
  const withLost = (): Cluster => {
    const cluster = settled({ nodes: 4 });
    cluster.powerOff(2);
    cluster.network.run(1_000);
    expect(cluster.lost).toEqual([nodeName(2)]);
    return cluster;
  };

  test("is lost no more as soon as it answers, with the agent that it had", () => {
    const cluster = withLost();
    cluster.network.run(10_000);
    cluster.agents[2]!.host.off = false;
    cluster.network.run(300);
    expect(cluster.lost).toEqual([]);
    expect(cluster.verdicts.at(-1)).toMatchObject({ name: nodeName(2), lost: false, because: "same agent" });
  });

  test("is lost no more as soon as it answers, with a new agent", () => {
    const cluster = withLost();
    cluster.agents[2] = cluster.startAgent(2);
    cluster.network.run(300);
    expect(cluster.verdicts.at(-1)).toMatchObject({ name: nodeName(2), lost: false, because: "new agent" });
  });

  test("is lost no more when it is removed from the cluster", () => {
    const cluster = withLost();
    cluster.watcher.watch([0, 1, 3].map((n) => ({ name: nodeName(n), address: nodeAddress(n), owns: true })));
    cluster.network.run(100);
    expect(cluster.verdicts.at(-1)).toMatchObject({ name: nodeName(2), lost: false, because: "removed" });
  });

  test("still counts among those that do not answer", () => {
    const cluster = withLost();
    cluster.powerOff(3);
    cluster.network.run(30_000);
    expect(cluster.lost).toEqual([nodeName(2)]);
  });

  test("is lost again when it goes again", () => {
    const cluster = withLost();
    cluster.agents[2]!.host.off = false;
    cluster.agents[2] = cluster.startAgent(2);
    cluster.network.run(5_000);
    cluster.powerOff(2);
    cluster.network.run(1_000);
    expect(cluster.lost).toEqual([nodeName(2)]);
  });
});

test("an answer counts once, and only to a probe of this watcher that is open", () => {
  const cluster = settled({ nodes: 3 });
  const { watcher, network } = cluster;
  const [sent] = watcher.tick(network.now + 1_000).send;
  const { node, nonce } = sent!.probe;
  const answer = { type: "answer" as const, node, boot: 1, nonce: 5, echo: nonce, reports: [] };
  expect(watcher.heard({ ...answer, echo: nonce + 1 })).toBe(false);
  expect(watcher.heard({ ...answer, node: "node-9" })).toBe(false);
  expect(watcher.heard({ ...answer, node: node === "node-1" ? "node-2" : "node-1" })).toBe(false);
  expect(watcher.heard(answer)).toBe(true);
  expect(watcher.heard(answer)).toBe(false);
});

test("a replica that stands by asks less than a quarter as often, and knows just as surely", () => {
  const cluster = settled({ nodes: 3, detectors: false });
  cluster.watcher.lead(false);
  cluster.network.run(1_000);
  const sent = cluster.network.sent;
  cluster.network.run(10_000);
  expect((cluster.network.sent - sent) / 10 / 3 / 2).toBeLessThanOrEqual(11);
  cluster.powerOff(1);
  cluster.network.run(1_000);
  expect(cluster.lost).toEqual([nodeName(1)]);
});

test("a replica that stands by asks the node of the one that leads as often as that one asks all", () => {
  const cluster = settled({ nodes: 3, detectors: false });
  cluster.watcher.lead(false);
  const nodes = [0, 1, 2].map((n) => ({ name: nodeName(n), address: nodeAddress(n), owns: true, leads: n === 1 }));
  cluster.watcher.watch(nodes);
  cluster.network.run(1_000);
  const sent = cluster.network.sent;
  cluster.network.run(10_000);
  // Each question has an answer.
  const asked = (cluster.network.sent - sent) / 10 / 2;
  expect(asked).toBeGreaterThanOrEqual(50 + 2 * 9);
  expect(asked).toBeLessThanOrEqual(55 + 2 * 11);
});

test("a node is told of all its addresses that have moved, a few at a time, and no other node is", () => {
  const moved = Array.from({ length: 10 }, (_, index) => ({ name: nodeName(2), address: `198.51.100.${index}` }));
  const cluster = new Cluster({ nodes: 4, seed: 1, moved: (name) => (name === nodeName(1) ? moved : []) }).settle();
  cluster.network.run(1_000);
  expect(new Set(cluster.agents[1]!.moved)).toEqual(new Set(moved.map(({ address }) => address)));
  expect([0, 2, 3].flatMap((index) => cluster.agents[index]!.moved)).toEqual([]);
});
