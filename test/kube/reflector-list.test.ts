// What a reflector lists, and when it does so again.
import { RESOURCES } from "../../lib/model/kubernetes";
import { status } from "../support/fake-api-server";
import { type Named, object, ReflectorBench } from "./reflector-bench";

// Real connections: the machine may have other things to do.
jest.setTimeout(60_000);

let bench: ReflectorBench;

beforeEach(async () => {
  bench = await ReflectorBench.start();
});
afterEach(() => bench.stop());

test("asks for pages of 500 without a version, puts them together, and only then tells", async () => {
  const reflector = bench.reflect({
    namespace: "edge",
    labelSelector: "app=db",
    fieldSelector: "spec.nodeName=node-a",
  });
  const first = await bench.server.nextList();
  expect(first.headers["authorization"]).toBe("Bearer test-token");
  expect(first.url.pathname).toBe("/api/v1/namespaces/edge/configmaps");
  expect(Object.fromEntries(first.url.searchParams)).toEqual({
    limit: "500",
    labelSelector: "app=db",
    fieldSelector: "spec.nodeName=node-a",
  });
  first.list("10", [object("a", "5")], { continue: "page-2" });
  const second = await bench.server.nextList();
  expect([bench.seen, reflector.synced, [...reflector.values()]]).toEqual([[], false, []]);
  expect(second.parameter("continue")).toBe("page-2");
  second.list("10", [object("b", "6")]);
  const watch = await bench.server.nextWatch();
  expect(bench.seen).toEqual(["set edge/a@5", "set edge/b@6", "synced"]);
  expect(Object.fromEntries(watch.url.searchParams)).toMatchObject({
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: "10",
    labelSelector: "app=db",
    fieldSelector: "spec.nodeName=node-a",
  });
  const seconds = Number(watch.parameter("timeoutSeconds"));
  expect(seconds).toBeGreaterThanOrEqual(300);
  expect(seconds).toBeLessThanOrEqual(600);
  expect([reflector.synced, reflector.get("edge/b")?.metadata.resourceVersion]).toEqual([true, "6"]);
});

test("starts over when the continue token has expired, and keeps nothing of the first attempt", async () => {
  const reflector = bench.reflect();
  (await bench.server.nextList()).list("10", [object("gone", "5")], { continue: "page-2" });
  (await bench.server.nextList()).refuse(410, "Expired");
  const again = await bench.server.nextList();
  expect(again.parameter("continue")).toBeNull();
  again.list("20", [object("a", "15")]);
  await bench.server.nextWatch();
  expect([bench.seen, reflector.lastError]).toEqual([["set edge/a@15", "synced"], undefined]);
});

test("asks for smaller pages when a page is larger than it can take", async () => {
  bench.reflect();
  const huge = Buffer.alloc(8 << 20, " ").toString();
  const first = await bench.server.nextList();
  first.open();
  for (let part = 0; part < 9; part++) first.write(huge);
  const second = await bench.server.nextList();
  expect([second.parameter("limit"), second.parameter("continue")]).toEqual(["62", null]);
  second.list("10", [object("a", "5")]);
  await bench.saw("set edge/a@5", "synced");
});

test("waits as long as Retry-After says, however short its own backoff is", async () => {
  const reflector = bench.reflect();
  (await bench.server.nextList()).refuse(429, "TooManyRequests", { "retry-after": "7" });
  expect(await bench.skipWait(7_000)).toBe(7_000);
  expect(reflector.lastError).toBe("GET /api/v1/configmaps?limit=500: refused as TooManyRequests (429)");
  (await bench.server.nextList()).list("10", []);
  await bench.saw("synced");
  expect(reflector.lastError).toBeUndefined();
});

test("asks a server that has just started again within a second, though it says 5, and never more than 5 s later", async () => {
  bench.reflect();
  for (let attempt = 0; attempt < 8; attempt++) {
    (await bench.server.nextList()).breakOff();
    await bench.skipWait(30_000);
  }
  for (let attempt = 0; attempt < 8; attempt++) {
    (await bench.server.nextList()).refuse(503, "ServiceUnavailable", { "retry-after": "5" });
    expect(await bench.skipWait(5_000)).toBeLessThanOrEqual(Math.min(5_000, 800 * 2 ** attempt));
  }
  (await bench.server.nextList()).list("10", []);
  await bench.saw("synced");
});

test("names a kind that is not served, and asks again within 5 s, for ever", async () => {
  const reflector = bench.reflect({ resource: RESOURCES.addressBindings });
  for (let attempt = 0; attempt < 12; attempt++) {
    (await bench.server.nextList()).answer(404, "404 page not found\n");
    expect(await bench.skipWait(5_000)).toBeLessThanOrEqual(5_000);
  }
  expect([reflector.synced, reflector.lastError]).toEqual([
    false,
    "AddressBinding (podpin.dev/v1alpha1) is not served by the API server",
  ]);
  (await bench.server.nextList()).list("10", []);
  await bench.saw("synced");
});

test("waits longer after each failure, but never more than 30 s", async () => {
  bench.reflect();
  for (let attempt = 0; attempt < 12; attempt++) {
    (await bench.server.nextList()).refuse(500, "InternalError");
    expect(await bench.skipWait(30_000)).toBeLessThanOrEqual(Math.min(30_000, 800 * 2 ** attempt));
  }
});

test("leaves out an object without a name, and one that `project` throws on, and keeps the others", async () => {
  const project = (raw: Named): Named => {
    if (raw.metadata.name === "odd") throw new Error("odd one");
    return { metadata: raw.metadata, data: "projected" };
  };
  const reflector = bench.reflect({ project });
  (await bench.server.nextList()).list("10", [object("odd", "4"), { kind: "nonsense" }, null, object("a", "5")]);
  await bench.saw("set edge/a@5", "synced");
  expect(reflector.get("edge/a")?.data).toBe("projected");
  expect(bench.logged.filter(([level]) => level === "error").map(([, , fields]) => fields?.["key"])).toEqual([
    "edge/odd",
  ]);
});

test("keeps what it has of an object that can no longer be read", async () => {
  const project = (raw: Named): Named => {
    if (raw.data === "odd") throw new Error("odd one");
    return raw;
  };
  const { reflector, watch } = await bench.watching([object("a", "5"), object("b", "6")], { project });
  watch.send("MODIFIED", { ...object("a", "11"), data: "odd" });
  watch.send("ERROR", status(410, "Expired"));
  (await bench.server.nextList()).list("20", [{ ...object("a", "11"), data: "odd" }, object("b", "12")]);
  await bench.saw("set edge/b@12");
  expect(reflector.get("edge/a")?.metadata.resourceVersion).toBe("5");
});

test("drops managedFields before anything is kept", async () => {
  const reflector = bench.reflect();
  (await bench.server.nextList()).list("10", [object("a", "5", { managedFields: [{ manager: "somebody" }] })]);
  await bench.saw("set edge/a@5", "synced");
  expect(reflector.get("edge/a")?.metadata).toEqual(object("a", "5").metadata);
});
