// How many writes the controller needs. Acknowledgements are the agents' own, and are not counted here.
import { typedAddress } from "../../lib/model/address";
import { RESOURCES } from "../../lib/model/kubernetes";
import { A, B } from "../support/objects";
import { World } from "./world";

const { pods } = RESOURCES;

let world: World;
beforeEach(() => {
  world = new World();
});
afterEach(() => world.stop());

const written = (): string[] =>
  world.kube.writes
    .filter(({ resource }) => resource.kind !== "Event")
    .map(({ verb, resource, subresource }) =>
      [verb, resource.kind, ...(subresource === undefined ? [] : [subresource])].join(" "),
    );
const servedOn = (name: string) => (): boolean =>
  world.binding()?.spec.nodeName === name && world.ready() === "True ProgrammingComplete";

async function served(addresses = [A]): Promise<ReturnType<World["start"]>> {
  const controller = await world.served({ addresses: addresses.map(typedAddress) });
  await world.clock.run(60_000);
  world.kube.calls.length = 0;
  return controller;
}

const standby = (): void => world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:30:00Z" });

const STATUS = "mergePatch GKEIPRoute status";
const BINDING = "replace AddressBinding";

test("a planned move takes four: not Ready, the new owner, the old node has let go, Ready", async () => {
  await served();
  standby();
  await world.until(servedOn("node2"));
  await world.clock.run(60_000);
  expect(written()).toEqual([STATUS, BINDING, BINDING, STATUS]);
});

test("two addresses of one route move with two writes each, and the route is written twice for both", async () => {
  await served([A, B]);
  standby();
  await world.until(servedOn("node2"));
  await world.clock.run(60_000);
  expect(written().sort()).toEqual([STATUS, STATUS, BINDING, BINDING, BINDING, BINDING].sort());
});

test("a Pod that dies is followed by another one with four, a node that is lost with three", async () => {
  world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
  const controller = await served();
  world.server.delete(pods, { namespace: "edge", name: "p" });
  await world.until(servedOn("node2"));
  await world.clock.run(60_000);
  expect(written()).toEqual([STATUS, BINDING, STATUS, BINDING]);
  world.pod("r", { ip: "10.244.1.7", created: "2026-01-01T00:00:20Z" });
  await world.clock.run(60_000);
  world.kube.calls.length = 0;
  world.agents.delete("node2");
  controller.setLost("node2", true);
  await world.until(servedOn("node1"));
  await world.clock.run(60_000);
  expect(written()).toEqual([STATUS, BINDING, STATUS]);
});

test("a move that gets stuck is told, at the latest half a second after it began", async () => {
  await served();
  world.agents.delete("node2");
  standby();
  await world.until(() => world.ready() === "False Mutated");
  await world.clock.run(600);
  world.agents.add("node2");
  world.agents.delete("node1");
  world.answer();
  await world.clock.run(510);
  const message = world.route()?.status?.conditions?.find(({ type }) => type === "Ready")?.message;
  expect(message).toBe(`GCPReady: ${A} waits for node node1 to let go`);
});

test("a Pod that no route selects costs no write", async () => {
  await served();
  world.pod("x", { labels: { component: "other" }, created: "2026-01-01T00:30:00Z" });
  await world.clock.run(60_000);
  expect(written()).toEqual([]);
});
