// GKE's definitions are there while podpin's own is: the controller makes those that a cluster lacks, and makes them again.
import { type CustomResourceDefinition, gkeApi } from "../../lib/crds";
import { type KubeObject, RESOURCES } from "../../lib/model/kubernetes";
import type { Controller } from "../../controller-image/src/controller/controller";
import { KubeError } from "../../controller-image/src/kube/api";
import { World } from "./world";

const { addressBindings, customResourceDefinitions, gkeIpRoutes } = RESOURCES;
const OWN = "addressbindings.podpin.dev";
const [ROUTES = "", NETWORKS = ""] = gkeApi.map(({ metadata }) => metadata.name);

let world: World;
let controller: Controller;
let lines: string[];
beforeEach(() => {
  world = new World();
  lines = [];
});
afterEach(() => world.stop());

const make = (name: string, more: Partial<KubeObject["metadata"]> = {}) =>
  world.server.create(customResourceDefinitions, { metadata: { name, ...more } });
const drop = (name: string) => world.server.delete(customResourceDefinitions, { name });
const there = () => world.server.list<CustomResourceDefinition & KubeObject>(customResourceDefinitions);
const names = () => there().map(({ metadata }) => metadata.name);
const ownersOf = (name: string) =>
  there()
    .find(({ metadata }) => metadata.name === name)
    ?.metadata.ownerReferences?.map((owner) => owner.uid);
const problem = () => controller.problems().find((text) => text.includes("definitions"));
const start = (): void => {
  const log = (_level: string, message: string): void => void lines.push(message);
  controller = world.start({ definitions: gkeApi, log });
};

test("what is missing is made and goes with podpin's own definition; what is there stays as it is", async () => {
  const own = make(OWN);
  make(NETWORKS, { labels: { whose: "Google's" } });
  start();
  await world.clock.run(0);
  expect(names().sort()).toEqual([OWN, ...gkeApi.map(({ metadata }) => metadata.name)].sort());
  expect([ownersOf(ROUTES), ownersOf(NETWORKS)]).toEqual([[own.metadata.uid], undefined]);
  expect(problem()).toBeUndefined();
});

test("without podpin's own definition none is made, as nothing would remove it; it is tried again", async () => {
  start();
  await world.clock.run(60_000);
  expect(names()).toEqual([]);
  expect(problem()).toBe(
    `GKE's definitions are not installed yet: ${ROUTES} waits for the definition ${OWN}: apply the objects of PersistentIpController`,
  );
  expect(lines.filter((line) => line.includes("definitions"))).toEqual(["definitions could not be installed yet"]);
  make(OWN);
  await world.clock.run(5_000);
  expect([names().length, problem()]).toEqual([1 + gkeApi.length, undefined]);
});

test("nor while that one is being deleted", async () => {
  make(OWN, { finalizers: ["customresourcecleanup.apiextensions.k8s.io"] });
  drop(OWN);
  start();
  await world.clock.run(60_000);
  expect(names()).toEqual([OWN]);
});

describe("when they have been there", () => {
  beforeEach(async () => {
    make(OWN);
    start();
    await world.clock.run(10_000);
    world.kube.calls.length = 0;
  });
  const asked = () => world.kube.calls.filter(({ resource }) => resource === customResourceDefinitions).length;

  test("nothing is asked any more", async () => {
    await world.clock.run(3_600_000);
    expect(asked()).toBe(0);
  });

  test("one that somebody deletes is made again", async () => {
    drop(ROUTES);
    world.server.serve(gkeIpRoutes, false);
    await world.clock.run(5_000);
    expect(names()).toContain(ROUTES);
    world.server.serve(gkeIpRoutes, true);
    world.kube.calls.length = 0;
    await world.clock.run(60_000);
    expect(asked()).toBe(0);
  });

  test("those that went with podpin's own are made again, and are its own, when that one has been put back", async () => {
    for (const name of names()) drop(name);
    for (const kind of [addressBindings, gkeIpRoutes]) world.server.serve(kind, false);
    await world.clock.run(60_000);
    expect(names()).toEqual([]);
    const own = make(OWN);
    await world.clock.run(5_000);
    expect(ownersOf(ROUTES)).toEqual([own.metadata.uid]);
    expect(problem()).toBeUndefined();
  });

  test("an API server that answers nothing is told of by who follows objects, and not as if they were missing", async () => {
    world.kube.fault = () => new KubeError(503, "ServiceUnavailable", "etcd is away");
    world.server.serve(gkeIpRoutes, false);
    await world.clock.run(60_000);
    expect(asked()).toBeGreaterThan(5);
    expect(problem()).toBeUndefined();
  });
});
