// Two routes that claim one address: the older has it, the younger says whose it is, and gets it when that one lets go.
import { typedAddress } from "../../lib/model/address";
import type { AddressBinding } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { A, B } from "../support/objects";
import { newRoute, World } from "./world";

const { gkeIpRoutes, namespaces } = RESOURCES;
const SERVED = "True ProgrammingComplete";

let world: World;
/** The routes that have had the address, in order. */
let holders: string[];
beforeEach(() => {
  world = new World();
  holders = [];
  world.server.onCommit(({ resource, after }) => {
    const binding = after as AddressBinding | undefined;
    if (resource.kind !== "AddressBinding" || binding?.spec.address !== A || binding.spec.owner === undefined) return;
    const { namespace, name } = binding.spec.route;
    if (holders.at(-1) !== `${namespace}/${name}`) holders.push(`${namespace}/${name}`);
  });
  world.pod("p");
});
afterEach(() => world.stop());

const make = (name: string, spec: Parameters<typeof newRoute>[0] = {}, namespace = "edge"): unknown =>
  world.server.create(gkeIpRoutes, newRoute(spec, { name, namespace }));
const edit = (name: string, spec: object): unknown => {
  const route = world.route(name)!;
  return world.server.replace(gkeIpRoutes, { ...route, spec: { ...route.spec, ...spec } });
};
const accepted = (name: string, namespace = "edge"): string | undefined => {
  const route = world.server.get<ReturnType<typeof newRoute>>(gkeIpRoutes, { namespace, name });
  const { reason, message } = route?.status?.conditions?.find(({ type }) => type === "Accepted") ?? {};
  return reason && `${reason}: ${message}`;
};
const BELONGS = `InvalidAddresses: ${A}/32 belongs to GKEIPRoute`;
const REST = "; the older route keeps it, this one gets it when that one lets go";

async function twoRoutes(): Promise<void> {
  make("older");
  await world.clock.run(2_000);
  make("younger", { addresses: [typedAddress(A), typedAddress(B)] });
  world.start();
  await world.until(() => world.ready("older") === SERVED && accepted("younger")?.startsWith(BELONGS) === true);
}

test("the younger serves its other addresses meanwhile", async () => {
  await twoRoutes();
  expect(accepted("younger")).toBe(`${BELONGS} edge/older${REST}`);
  await world.until(() => world.binding(B)?.spec.route.name === "younger");
});

test("an older route of another namespace wins as well", async () => {
  world.server.create(namespaces, { metadata: { name: "aside" } });
  make("older", {}, "aside");
  await world.clock.run(2_000);
  make("younger");
  world.start();
  await world.until(() => accepted("younger") === `${BELONGS} aside/older${REST}`);
  expect(holders).toEqual([]);
});

test("of two of the same age the one that sorts first by namespace and name has it", async () => {
  make("b");
  make("a");
  world.start();
  await world.until(() => world.ready("a") === SERVED && accepted("b") === `${BELONGS} edge/a${REST}`);
  expect(holders).toEqual(["edge/a"]);
});

test.each([
  ["is deleted", () => world.server.delete(gkeIpRoutes, { namespace: "edge", name: "older" })],
  ["no longer lists it", () => edit("older", { addresses: [typedAddress(B)] })],
])("the younger takes over when the older %s, and it changes hands once", async (_, act) => {
  await twoRoutes();
  act();
  await world.until(() => world.binding()?.spec.route.name === "younger");
  await world.until(() => accepted("younger")?.startsWith(`${BELONGS}`) !== true);
  expect(holders).toEqual(["edge/older", "edge/younger"]);
});

test("the older keeps it when it merely has no Pod, or makes a mistake while its Pod lives", async () => {
  await twoRoutes();
  edit("older", { podSelector: { matchLabels: { component: "nobody" } } });
  await world.clock.run(30_000);
  expect(world.binding()?.spec.route.name).toBe("older");
  edit("older", { podSelector: { matchLabels: { component: "proxy" } } });
  await world.until(() => world.ready("older") === SERVED);
  edit("older", { podSelector: { matchExpressions: [{ key: "component", operator: "Near" }] } });
  await world.clock.run(30_000);
  expect(accepted("older")).toMatch(/^InvalidLabels/);
  expect(world.binding()?.spec).toMatchObject({ route: { name: "older" }, owner: { podName: "p" } });
  expect(holders).toEqual(["edge/older"]);
});

test("a claim that comes, changes and goes does not touch the one that has it", async () => {
  await twoRoutes();
  const epoch = world.binding()?.spec.epoch;
  make("third");
  await world.clock.run(1_000);
  edit("third", { podSelector: { matchLabels: { component: "other" } } });
  await world.clock.run(1_000);
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "younger" });
  world.server.delete(gkeIpRoutes, { namespace: "edge", name: "third" });
  await world.clock.run(30_000);
  expect([world.ready("older"), world.binding()?.spec.epoch, holders]).toEqual([SERVED, epoch, ["edge/older"]]);
});
