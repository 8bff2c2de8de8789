// When a node takes itself for cut off: in the virtual cluster, where what it does hear is cut one by one.
import { IsolationDetector } from "../../controller-image/src/liveness/isolation";
import { CONTROLLER, Cluster, nodeAddress, nodeName } from "./cluster";

const HERE = 2;
const OTHERS = [0, 1, 3].map(nodeAddress);

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
    return (other === CONTROLLER && cuts.controller === true) || (OTHERS.includes(other ?? "") && cuts.peers === true);
  };
  cluster.agents[HERE]!.api = cuts.api !== true;
  cluster.agents[HERE]!.carrier = cuts.carrier !== true;
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

test("while the controller is away and nodes answer, they are asked five times a second and the API server never", () => {
  const detector = new IsolationDetector();
  let [now, probes] = [0, 0];
  detector.tick(now, true);
  const peers = ["a", "b"].map((name, index) => ({ name, address: `10.0.0.${index}` }));
  detector.controllerHeard(now, { intervalMs: 40, peers, neighbour: false });
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
