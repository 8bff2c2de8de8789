// When a node takes itself for cut off: in the virtual cluster, where what it does hear is cut one by one.
import { IsolationDetector } from "../../controller-image/src/liveness/isolation";
import { CONTROLLER, Cluster, STANDBY, nodeAddress, nodeName } from "./cluster";

const HERE = 2;
/** With the verdict the new owner is still to be written, and to hear of it. */
const ANNOUNCED_AFTER_MS = 20;
const CONTROLLERS = [CONTROLLER, STANDBY];

interface Cuts {
  readonly controller?: boolean;
  readonly peers?: boolean;
  readonly api?: boolean;
  readonly carrier?: boolean;
}

function cutOff(cluster: Cluster, cuts: Cuts): void {
  const here = nodeAddress(HERE);
  cluster.network.cut = (from, to) => {
    const other = from === here ? to : to === here ? from : undefined;
    return other !== undefined && (CONTROLLERS.includes(other) ? cuts.controller : cuts.peers) === true;
  };
  cluster.agents[HERE]!.api = cuts.api !== true;
  cluster.agents[HERE]!.carrier = cuts.carrier !== true;
}

/** What the node says does not arrive; it hears everything. */
function muteTo(cluster: Cluster, cuts: Cuts): void {
  cutOff(cluster, cuts);
  const { cut } = cluster.network;
  cluster.network.cut = (from, to) => from === nodeAddress(HERE) && cut(from, to);
}

test.each<[string, Cuts, "silence" | "carrier" | undefined]>([
  ["nothing", {}, undefined],
  ["the controller", { controller: true }, undefined],
  ["the API server", { api: true }, undefined],
  ["the other nodes", { peers: true }, undefined],
  ["controller and API server", { controller: true, api: true }, undefined],
  ["controller and nodes", { controller: true, peers: true }, undefined],
  ["nodes and API server", { peers: true, api: true }, undefined],
  ["everybody", { controller: true, peers: true, api: true }, "silence"],
  ["the carrier", { carrier: true }, "carrier"],
  ["everybody and the carrier", { controller: true, peers: true, api: true, carrier: true }, "carrier"],
])("a node that has lost %s", (_, cuts, cause) => {
  const cluster = new Cluster({ nodes: 4, seed: 3, loss: 0.01 }).settle();
  const { detector } = cluster.agents[HERE]!;
  cutOff(cluster, cuts);
  cluster.network.run(20_000);
  expect(detector.cause).toBe(cause);
  cutOff(cluster, {});
  cluster.network.run(500);
  expect(detector.cause).toBeUndefined();
  cluster.network.run(20_000);
  expect(cluster.agents.map(({ isolations }) => isolations)).toEqual([0, 0, cause === undefined ? 0 : 1, 0]);
});

test("a node that is cut off is silent before its addresses are given to others, and later than a pause of others lasts", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const cluster = new Cluster({ nodes: 4, seed, loss: 0.01 }).settle();
    const { network } = cluster;
    network.run(1_000 * network.random());
    const began = network.now;
    cutOff(cluster, { controller: true, peers: true, api: true });
    const silent = network.runUntil(() => cluster.agents[HERE]!.detector.cause !== undefined, 5_000);
    const lost = network.runUntil(() => cluster.lost.includes(nodeName(HERE)), 5_000);
    expect(silent! - began).toBeGreaterThan(450);
    // Both count from what they have heard last; the verdict is not yet the packet that takes the address away.
    expect(silent! - lost!).toBeLessThanOrEqual(25);
  }
});

test.each<[string, Cuts, "silence" | undefined]>([
  ["the controller", { controller: true }, undefined],
  ["the other nodes", { peers: true }, undefined],
  ["controller and API server", { controller: true, api: true }, undefined],
  ["controller and nodes", { controller: true, peers: true }, undefined],
  ["everybody", { controller: true, peers: true, api: true }, "silence"],
])("a node that hears all, and is not heard by %s", (_, cuts, cause) => {
  for (const standby of [false, true]) {
    const cluster = new Cluster({ nodes: 4, seed: 3, loss: 0.01, standby }).settle();
    const { detector } = cluster.agents[HERE]!;
    muteTo(cluster, cuts);
    cluster.network.run(20_000);
    expect(detector.cause).toBe(cause);
    muteTo(cluster, {});
    cluster.network.run(500);
    expect(detector.cause).toBeUndefined();
    cluster.network.run(20_000);
    expect(cluster.agents.map(({ isolations }) => isolations)).toEqual([0, 0, cause === undefined ? 0 : 1, 0]);
  }
});

describe("a node that hears all and that nobody hears is silent before its addresses are announced elsewhere", () => {
  const everybody: Cuts = { controller: true, peers: true, api: true };

  /** How long after the cut, and how long after the verdict on it. */
  function silenced(cluster: Cluster, cut: () => void): readonly [afterMs: number, afterVerdictMs: number] {
    const { network } = cluster;
    network.run(3_000 * network.random());
    const began = network.now;
    let silent: number | undefined;
    cut();
    const lost = network.runUntil(() => {
      if (cluster.agents[HERE]!.detector.cause !== undefined) silent ??= network.now;
      return cluster.lost.includes(nodeName(HERE));
    }, 5_000);
    silent ??= network.runUntil(() => cluster.agents[HERE]!.detector.cause !== undefined, 5_000);
    expect(cluster.lost).toEqual([nodeName(HERE)]);
    return [silent! - began, silent! - lost!];
  }

  test.each([
    { nodes: 4, owners: 4, standby: false, seeds: 20 },
    { nodes: 4, owners: 4, standby: true, seeds: 20 },
    // Each is asked every 1.75 seconds.
    { nodes: 700, owners: 0, standby: true, seeds: 2 },
  ])("$nodes nodes, $owners with addresses, a second controller: $standby", ({ seeds, ...options }) => {
    for (let seed = 1; seed <= seeds; seed++) {
      const cluster = new Cluster({ ...options, seed, loss: 0.01 }).settle();
      const [afterMs, afterVerdictMs] = silenced(cluster, () => muteTo(cluster, everybody));
      expect(afterMs).toBeGreaterThan(500);
      expect(afterVerdictMs).toBeLessThan(ANNOUNCED_AFTER_MS);
      muteTo(cluster, {});
      cluster.network.run(500);
      expect(cluster.agents.filter(({ detector }) => detector.cause !== undefined)).toEqual([]);
      expect(cluster.agents.filter(({ isolations }) => isolations > 0)).toHaveLength(1);
    }
  });

  test("also where it soon hears nobody either", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const cluster = new Cluster({ nodes: 4, seed, loss: 0.01 }).settle();
      const { network } = cluster;
      const [, afterVerdictMs] = silenced(cluster, () => {
        muteTo(cluster, everybody);
        network.at(network.now + 70 + 400 * network.random(), () => cutOff(cluster, everybody));
      });
      expect(afterVerdictMs).toBeLessThan(ANNOUNCED_AFTER_MS);
    }
  });
});

test("a controller on the node itself is no contact with the world", () => {
  const cluster = new Cluster({ nodes: 4, seed: 3, loss: 0.01 }).settle();
  const { network } = cluster;
  const here = new Set([CONTROLLER, nodeAddress(0)]);
  const { detector } = cluster.agents[0]!;
  network.run(60_000);
  expect(detector.cause).toBeUndefined();
  cluster.agents[0]!.api = false;
  network.cut = (from, to) => here.has(from) !== here.has(to);
  network.run(1_500);
  expect(detector.cause).toBe("silence");
  network.cut = () => false;
  network.run(300);
  expect(detector.cause).toBeUndefined();
  expect(cluster.agents.map(({ isolations }) => isolations)).toEqual([1, 0, 0, 0]);
});

test("others that all pause for 500 ms at once isolate nobody, with and without a controller that is heard", () => {
  for (const silent of [false, true]) {
    const cluster = new Cluster({ nodes: 4, seed: 5, loss: 0.01 }).settle();
    const { network } = cluster;
    for (const agent of cluster.agents) agent.api = false;
    network.cut = (from, to) => silent && [from, to].includes(CONTROLLER);
    for (let round = 0; round < 60; round++) {
      const except = Math.floor(4 * network.random());
      for (const { host } of cluster.agents.filter((_, index) => index !== except)) host.pause(500, round % 2 === 0);
      cluster.controller.pause(500, round % 2 === 0);
      network.run(1_500 + 200 * network.random());
    }
    expect(cluster.agents.map(({ isolations }) => isolations)).toEqual([0, 0, 0, 0]);
  }
});

test("a controller that alone is heard, and pauses for 500 ms, isolates nobody: what it asks first shows nothing new", () => {
  const cluster = new Cluster({ nodes: 4, seed: 5, loss: 0.01 }).settle();
  const { network } = cluster;
  for (const agent of cluster.agents) agent.api = false;
  network.cut = (from, to) => ![from, to].includes(CONTROLLER);
  for (let round = 0; round < 200; round++) {
    cluster.controller.pause(500, round % 2 === 0);
    network.run(1_500 + 200 * network.random());
  }
  // Node 0 is the controller's own, which counts for nothing.
  expect(cluster.agents.slice(1).map(({ isolations }) => isolations)).toEqual([0, 0, 0]);
});

test("a carrier that is lost isolates at once, and its return does not end that before somebody is heard", () => {
  const cluster = new Cluster({ nodes: 4, seed: 3 }).settle();
  const { detector } = cluster.agents[HERE]!;
  cutOff(cluster, { controller: true, peers: true, api: true, carrier: true });
  cluster.network.run(150);
  expect(detector.cause).toBe("carrier");
  cutOff(cluster, { controller: true, peers: true, api: true });
  cluster.network.run(5_000);
  expect(detector.cause).toBe("carrier");
  cutOff(cluster, { controller: true, peers: true });
  cluster.network.run(500);
  expect(detector.cause).toBeUndefined();
});

test("what comes over another interface does not make up for the carrier of the one with the addresses", () => {
  const cluster = new Cluster({ nodes: 4, seed: 3 }).settle();
  cutOff(cluster, { carrier: true });
  cluster.network.run(10_000);
  expect(cluster.agents[HERE]!.detector.cause).toBe("carrier");
  expect(cluster.agents[HERE]!.isolations).toBe(1);
});

test("in a cluster of two nodes neither is ever isolated by silence: nothing is taken from them either", () => {
  const cluster = new Cluster({ nodes: 2, seed: 3 }).settle();
  cluster.network.cut = () => true;
  for (const agent of cluster.agents) agent.api = false;
  cluster.network.run(30_000);
  expect(cluster.agents.map(({ detector }) => detector.cause)).toEqual([undefined, undefined]);
});

test("an agent whose own process pauses does not take the silence for isolation", () => {
  const cluster = new Cluster({ nodes: 4, seed: 3 }).settle();
  const agent = cluster.agents[HERE]!;
  agent.api = false;
  for (let round = 0; round < 20; round++) {
    agent.host.pause(5_000, true);
    cluster.network.run(5_000 + 300 * cluster.network.random());
  }
  expect(agent.isolations).toBe(0);
});

test("an agent that no controller has asked yet knows nobody, and is not isolated", () => {
  const detector = new IsolationDetector();
  for (let now = 0; now < 60_000; now += 50) {
    expect(detector.tick(now, undefined)).toMatchObject({ probe: [], askApi: false });
  }
  expect(detector.cause).toBeUndefined();
});

describe("what a controller shows that it has heard", () => {
  const peers = ["a", "b"].map((name, index) => ({ name, address: `10.0.0.${index}` }));
  let detector: IsolationDetector;
  let now: number;
  let tickAt: number;
  beforeEach(() => {
    detector = new IsolationDetector();
    [now, tickAt] = [0, 0];
  });

  /** Time passes, and this process is awake. */
  function pass(ms: number): void {
    for (const end = now + ms; now < end;) {
      now = Math.min(end, Math.max(now, tickAt));
      if (now >= tickAt) tickAt = now + detector.tick(now, true).waitMs;
    }
  }

  const probe = (provenAt: number, from = 1, intervalMs = 40): void =>
    detector.controllerHeard(now, { from, provenAt, intervalMs, peers, neighbour: false });

  /** Asked every 40 ms by one that hears each answer. */
  function heard(times: number): void {
    for (let time = 0; time < times; time++) {
      pass(40);
      probe(now - 40);
    }
  }

  /** Asked every 10 ms by one that has heard nothing since. */
  function unheard(ms: number, provenAt: number): void {
    for (const end = now + ms; now < end;) {
      pass(10);
      probe(provenAt);
    }
  }

  test("isolates 510 ms after the first answer that it has not heard, however often it asks", () => {
    heard(5);
    const first = now;
    unheard(500, first - 40);
    pass(9);
    expect(detector.cause).toBeUndefined();
    pass(1);
    expect(detector.cause).toBe("silence");
  });

  test("isolates as soon where it has asked before its promised time", () => {
    for (let time = 0; time < 5; time++) {
      pass(40);
      probe(now - 40, 1, 1_600);
    }
    const first = now;
    for (let ms = 0; ms < 510; ms += 10) {
      pass(10);
      probe(first - 40, 1, 1_600);
    }
    expect(detector.cause).toBe("silence");
  });

  test("is the newest that is known, where a node has answered before", () => {
    heard(5);
    detector.peerHeard(now);
    heard(1);
    pass(540);
    expect(detector.cause).toBeUndefined();
    pass(30);
    expect(detector.cause).toBe("silence");
  });

  test("ends an isolation once it is something that was said since, and not before", () => {
    heard(5);
    const last = now;
    unheard(600, last - 40);
    probe(last);
    expect(detector.cause).toBe("silence");
    const since = now;
    pass(40);
    probe(since);
    expect(detector.cause).toBeUndefined();
  });

  test("says nothing by a few probes that are of no news: answers get lost, and one that slept asks before it reads", () => {
    heard(5);
    const first = now;
    pass(500);
    probe(first - 40);
    probe(first - 40);
    pass(10);
    probe(first - 40);
    pass(500);
    expect(detector.cause).toBeUndefined();
  });

  test("counts when any of several controllers shows it", () => {
    for (let round = 0; round < 100; round++) {
      heard(1);
      probe(0, 2);
      pass(10);
      probe(0, 2);
    }
    expect(detector.cause).toBeUndefined();
  });

  test("is not late because this process has slept", () => {
    heard(5);
    const first = now;
    for (let time = 0; time < 3; time++) {
      now += 600;
      probe(first - 40);
      pass(40);
    }
    expect(detector.cause).toBeUndefined();
  });

  test("leaves time to ask others, whenever the next probe was promised for", () => {
    const rare = (provenAt: number): void => probe(provenAt, 1, 1_600);
    pass(1_600);
    rare(0);
    pass(1_600);
    rare(now - 1_600);
    const first = now;
    let asked = 0;
    while (now < first + 500) {
      now += 10;
      rare(first - 1_600);
      if (now < tickAt) continue;
      const { probe: questions, waitMs } = detector.tick(now, true);
      if (questions.length > 0) asked++;
      tickAt = now + waitMs;
    }
    expect(asked).toBeGreaterThan(8);
    expect(detector.cause).toBeUndefined();
    unheard(20, first - 1_600);
    expect(detector.cause).toBe("silence");
  });
});

test("while the controller is away and nodes answer, they are asked five times a second and the API server never", () => {
  const detector = new IsolationDetector();
  let [now, probes] = [0, 0];
  detector.tick(now, true);
  const peers = ["a", "b"].map((name, index) => ({ name, address: `10.0.0.${index}` }));
  detector.controllerHeard(now, { from: 1, provenAt: 0, intervalMs: 40, peers, neighbour: false });
  for (const end = 60_000; now < end;) {
    const { probe, askApi, waitMs } = detector.tick(now, true);
    expect(askApi).toBe(false);
    if (probe.length > 0) {
      probes++;
      detector.peerHeard(now);
    }
    now += waitMs;
  }
  expect(probes / 60).toBeGreaterThan(3);
  expect(probes / 60).toBeLessThanOrEqual(5.1);
});
