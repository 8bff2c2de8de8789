import { haPolicy } from "../../../controller-image/src/fabric/gce/ha-policy";
import type { Driver } from "../../../controller-image/src/fabric/gce/plan";
import type { CloudIntent } from "../../../controller-image/src/fabric/cloud";
import { isMutating } from "../../../lab/cloud/calls";
import { CloudWorld, DRIVERS, intentFor, isLed, type Replica } from "./cloud-world";

// Virtual hours are real seconds; how many depends on the machine.
jest.setTimeout(300_000);

const ADDRESSES = ["203.0.113.10", "203.0.113.11"];
const UID = "route-uid-1";
const FIRST = intentFor({ addresses: ADDRESSES, leader: "node1", candidates: ["node1", "node2"] });
const SECOND = intentFor({ addresses: ADDRESSES, leader: "node2", candidates: ["node1", "node2"], epoch: 2 });
/** node4 is new in a zone that the route is in, node3 in one that it is not. */
const THIRD = intentFor({ addresses: ADDRESSES, leader: "node3", candidates: ["node3", "node4"], epoch: 3 });

/** What a replica is told, and when that is done. */
interface Deed {
  readonly name: string;
  readonly before: readonly CloudIntent[];
  tell(replica: Replica): void;
  isDone(replica: Replica): boolean;
}

const wanting = (intent: CloudIntent): Pick<Deed, "tell" | "isDone"> => ({
  tell: ({ fabric }) => fabric.want(intent),
  isDone: (replica) => isLed(replica, intent),
});
const DEEDS: readonly Deed[] = [
  { name: "a creation", before: [], ...wanting(FIRST) },
  { name: "a move", before: [FIRST], ...wanting(SECOND) },
  { name: "a move to a zone that is new", before: [FIRST], ...wanting(THIRD) },
  {
    name: "a deletion",
    before: [FIRST],
    tell: ({ fabric }) => fabric.remove(UID),
    isDone: ({ fabric }) => fabric.view(UID).empty,
  },
];

async function prepared(driver: Driver, { before }: Deed): Promise<CloudWorld> {
  const world = new CloudWorld({ nodes: 4 });
  for (const address of ADDRESSES) world.reserve(address);
  for (const intent of before) {
    const replica = world.replica({ driver });
    replica.fabric.start();
    replica.fabric.want(intent);
    await world.until(() => isLed(replica, intent));
    await world.clock.run(30_000);
    await replica.fabric.stop();
  }
  world.cloud.calls.clear();
  world.delivered.clear();
  return world;
}

/** Different at every write, or for every resource that is made. */
const STAMPS = ["fingerprint", "labelFingerprint", "id", "creationTimestamp"];

/** Everything as it has to be in the end: what is in the cloud, by path. */
function outcome(world: CloudWorld): Record<string, unknown> {
  return Object.fromEntries(
    world.made.map((path) => {
      const { body } = world.cloud.state.get(`projects/demo/${path}`) ?? { body: {} };
      return [path, Object.fromEntries(Object.entries(body).filter(([field]) => !STAMPS.includes(field)))];
    }),
  );
}

async function finished(world: CloudWorld, driver: Driver, deed: Deed): Promise<Replica> {
  const replica = world.replica({ driver });
  replica.fabric.start();
  deed.tell(replica);
  replica.fabric.settled();
  await world.until(() => deed.isDone(replica));
  // Long enough for everything that nobody wants any more to go: endpoints after minutes, shared target instances after two sightings.
  await world.clock.run((driver === haPolicy ? 12 : 25) * 60_000);
  return replica;
}

describe.each(DRIVERS)("driver $name", ({ driver }) => {
  test.each(DEEDS)("$name ends the same wherever the controller was killed and another one went on", async (deed) => {
    const undisturbed = await prepared(driver, deed);
    await (await finished(undisturbed, driver, deed)).fabric.stop();
    const expected = outcome(undisturbed);
    const calls = undisturbed.cloud.calls.log.filter(isMutating).length;
    expect(calls).toBeGreaterThan(0);
    for (const when of ["sent", "answered"] as const) {
      for (let n = 1; n <= calls; n++) {
        const world = await prepared(driver, deed);
        const killed = world.replica({ driver });
        const isReached = (): boolean => {
          const changes = world.cloud.calls.mutating;
          return changes.length >= n && (when === "sent" || changes[n - 1]?.status !== undefined);
        };
        killed.fabric.start();
        deed.tell(killed);
        killed.fabric.settled();
        await world.until(() => isReached() || deed.isDone(killed));
        killed.kill();
        const next = await finished(world, driver, deed);
        expect({ when, n, outcome: outcome(world) }).toEqual({ when, n, outcome: expected });
        const led = [...world.delivered.values()].flat().filter((node) => node !== "");
        expect(led.every((node) => ["node1", "node2", "node3"].includes(node))).toBe(true);
        await next.fabric.stop();
      }
    }
  });
});
