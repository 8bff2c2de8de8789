// P7: what Google Cloud is asked, and how much time that takes: the shipped fabric and its client against the stand-in of
// Compute. Calls and the loss of a zone are counted in virtual time; what the controller adds to a move is measured over HTTP.
import { createCompute } from "../controller-image/src/fabric/gce/client";
import { createGceFabric } from "../controller-image/src/fabric/gce/fabric";
import { haPolicy } from "../controller-image/src/fabric/gce/ha-policy";
import { createTransport } from "../controller-image/src/fabric/gce/transport";
import { systemClock } from "../controller-image/src/kube/clock";
import { ComputeCloud, MetadataServer, serveCompute, transportTo } from "../lab/cloud";
import {
  allLed,
  CLUSTER,
  CloudWorld,
  intentFor,
  isLed,
  REGION,
  type Replica,
} from "../test/controller/gce/cloud-world";
import { type Bench, type Figure, median, quantile } from "./figure";

const ID = "P7";
const ROUTES = 1_000;
const MOVES = 200;
const OPERATION_MS = 500;
const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const CANDIDATES = ["node1", "node2"];
/** No waiting for a quota: what is left is the cloud's own time, and the places for operations under way. */
const NO_RATE = { perSecond: 1e6, burst: 1e6 };
const UNPACED = { ordinary: NO_RATE, urgent: NO_RATE, operations: { ordinary: 8, urgent: 128 } };

interface Calls {
  readonly changes: number;
  readonly all: number;
}

export const cloud: Bench = {
  id: ID,
  title: "what is asked of Google Cloud",
  async measure(report) {
    report("one route");
    const one = await oneRoute();
    report(`${ROUTES} routes`);
    const many = await manyRoutes(report);
    report(`${MOVES} moves over HTTP`);
    const added = await addedToMoves();
    const figure = (metric: string, value: number, unit: string, goal: number | null): Figure => {
      return { id: ID, metric, value, unit, floor: null, goal, ok: goal === null || value <= goal };
    };
    return {
      figures: [
        figure("a route with 1 address and 1 node is made, changing calls", one.create.changes, "calls", null),
        figure("another address for it, changing calls", one.grow.changes, "calls", 1),
        figure("16 addresses move to a prepared node, changing calls", one.move.changes, "calls", 1),
        figure("the same, all calls", one.move.all, "calls", null),
        figure(`${ROUTES} routes for an hour, changing calls`, many.steady.changes, "calls", 0),
        figure("the same, all calls", many.steady.all, "calls", null),
        figure(`a controller starts with ${ROUTES} routes, changing calls`, many.start.changes, "calls", 0),
        figure("the same, all calls", many.start.all, "calls", null),
        figure(`a zone with ${ROUTES} leaders is lost, all moved, without quotas`, many.unpacedMs, "ms", 5_000),
        figure("the same, within Compute's 1,500 calls a minute", many.pacedMs, "ms", null),
        figure("a move over HTTP, added to the cloud's own operation, p50", median(added), "ms", null),
        figure(`the same, p99 of ${MOVES}`, quantile(added, 0.99), "ms", 200),
      ],
      raw: { one, many, added },
    };
  },
};

/** What happens until it is led, and for a while after. */
async function callsOf(world: CloudWorld, act: () => void, done: () => boolean, afterMs = MINUTE_MS): Promise<Calls> {
  world.cloud.calls.clear();
  act();
  await world.until(done);
  await world.clock.run(afterMs);
  return { changes: world.changes.length, all: world.cloud.calls.log.length };
}

async function oneRoute(): Promise<Readonly<Record<"create" | "grow" | "move", Calls>>> {
  const world = new CloudWorld();
  const addresses = Array.from({ length: 16 }, (_, index) => `203.0.113.${index + 10}`);
  for (const address of addresses) world.reserve(address);
  const replica = world.replica();
  const { fabric } = replica;
  fabric.start();
  const calls = (intent: ReturnType<typeof intentFor>, afterMs?: number): Promise<Calls> =>
    callsOf(
      world,
      () => fabric.want(intent),
      () => isLed(replica, intent),
      afterMs,
    );
  const create = await calls(intentFor({ addresses: addresses.slice(0, 1), leader: "node1" }));
  const grow = await calls(intentFor({ addresses: addresses.slice(0, 2), leader: "node1" }));
  await calls(intentFor({ addresses, leader: "node1", candidates: CANDIDATES }));
  // Until the next look at everything, which has nothing to do with the move.
  const move = await calls(intentFor({ addresses, leader: "node2", candidates: CANDIDATES, epoch: 2 }), 0);
  await fabric.stop();
  return { create, grow, move };
}

async function manyRoutes(report: (doing: string) => void) {
  const world = new CloudWorld({ externalRange: "203.0.0.0/16", operation: OPERATION_MS });
  const addresses = Array.from({ length: ROUTES }, (_, i) => `203.0.${1 + Math.floor(i / 250)}.${1 + (i % 250)}`);
  for (const address of addresses) world.reserve(address);
  const led = (leader: string, epoch: number, urgent = false) =>
    addresses.map((address, i) =>
      intentFor({ uid: `route-uid-${i}`, addresses: [address], leader, candidates: CANDIDATES, epoch, urgent }),
    );
  const begin = async (replica: Replica, leader: string, epoch: number): Promise<Calls> => {
    const intents = led(leader, epoch);
    const tell = (): void => {
      replica.fabric.start();
      for (const intent of intents) replica.fabric.want(intent);
      replica.fabric.settled();
    };
    return callsOf(world, tell, allLed(replica, intents));
  };
  const maker = world.replica({ compute: world.directly() });
  await begin(maker, "node1", 1);
  await world.clock.run(10 * MINUTE_MS);
  await maker.fabric.stop();

  const shipped = world.replica();
  const start = await begin(shipped, "node1", 1);
  report(`${ROUTES} routes, an hour`);
  const steady = await callsOf(world, () => undefined, allLed(shipped, []), HOUR_MS);
  report(`${ROUTES} routes, a zone is lost`);
  const moved = async (replica: Replica, leader: string, epoch: number): Promise<number> => {
    const intents = led(leader, epoch, true);
    const began = world.clock.now();
    for (const intent of intents) replica.fabric.want(intent);
    await world.until(allLed(replica, intents));
    return world.clock.now() - began;
  };
  world.cloud.conditions.loseZone(world.zoneOf("node1"));
  world.cloud.conditions.setRates({ perMinute: 1_500 });
  const pacedMs = await moved(shipped, "node2", 2);
  world.cloud.conditions.restoreZone(world.zoneOf("node1"));
  world.cloud.conditions.setRates();
  await shipped.fabric.stop();

  const transport = transportTo(world.cloud);
  const { clock } = world;
  const compute = createCompute({ project: "demo", transport, clock, log: () => undefined, limits: UNPACED });
  const unpaced = world.replica({ compute });
  await begin(unpaced, "node2", 2);
  world.cloud.conditions.loseZone(world.zoneOf("node2"));
  const unpacedMs = await moved(unpaced, "node1", 4);
  await unpaced.fabric.stop();
  return { start, steady, pacedMs, unpacedMs };
}

/** Milliseconds that a move took longer than its operation: the controller, its client, HTTP and the look at the result. */
async function addedToMoves(): Promise<readonly number[]> {
  const stand = new ComputeCloud({ clock: systemClock, operation: OPERATION_MS / 5 });
  const server = await serveCompute(stand, { metadata: new MetadataServer(stand, systemClock) });
  const before = process.env.GCE_METADATA_HOST;
  process.env.GCE_METADATA_HOST = new URL(server.url).host;
  for (const [index, name] of CANDIDATES.entries()) {
    stand.make(`zones/${REGION}-${"ab"[index] ?? "a"}`, "instances", { name, networkInterfaces: [{}] });
  }
  stand.make(`regions/${REGION}`, "addresses", { name: "a", address: "203.0.113.10" });
  const log = (): void => undefined;
  const transport = createTransport({ project: "demo", endpoint: `${server.url}compute/v1/`, userAgent: "bench", log });
  const compute = createCompute({ project: "demo", transport, clock: systemClock, log });
  let look = (): void => undefined;
  const fabric = createGceFabric({
    compute,
    around: {
      clusterUid: () => CLUSTER,
      region: () => REGION,
      node: (name) => ({ project: "demo", zone: `${REGION}-${name === "node1" ? "a" : "b"}`, instance: name }),
      isActing: () => true,
      nodeOn: ({ instance }) => instance,
      network: () => undefined,
      changed: () => look(),
    },
    region: REGION,
    driver: haPolicy,
    clock: systemClock,
    log,
  });
  const led = (leader: string, epoch: number): Promise<number> => {
    const began = performance.now();
    return new Promise((resolve) => {
      look = () => {
        if (fabric.view("route-uid-1").leads.get("203.0.113.10") === leader) resolve(performance.now() - began);
      };
      fabric.want(intentFor({ leader, candidates: CANDIDATES, epoch }));
    });
  };
  const added: number[] = [];
  try {
    fabric.start();
    await led("node1", 1);
    // What is prepared ahead is prepared by then.
    await led("node2", 2);
    for (let move = 1; move <= MOVES; move++) {
      // At the pace of moves that are planned, so that none waits for the turn of another.
      await new Promise((resolve) => setTimeout(resolve, 500));
      added.push((await led(move % 2 === 1 ? "node1" : "node2", move + 2)) - OPERATION_MS / 5);
    }
  } finally {
    await fabric.stop();
    await server.close();
    if (before === undefined) delete process.env.GCE_METADATA_HOST;
    else process.env.GCE_METADATA_HOST = before;
  }
  return added;
}
