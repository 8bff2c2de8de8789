// Watches that are refused, end, break, lie, stutter or say things twice.
import { labelSelectorOf } from "../../../controller-image/src/controller/pod-scope";
import { RESOURCES } from "../../../lib/model/kubernetes";
import { until } from "../../support/fake-api-server";
import { statusBody, type Treatment } from "../../support/fault-proxy";
import { type Bench, configMap, type Followed, type Map } from "./bench";

const { configMaps } = RESOURCES;

/** Of the events of a watch that tell of this object: what comes out for each. */
const events =
  (name: string, out: (line: string) => readonly string[] | undefined) =>
  (line: string): readonly string[] | undefined =>
    line.includes(`"name":"${name}"`) ? out(line) : [line];

const error = (code: number, reason: string, details?: object): string =>
  JSON.stringify({ type: "ERROR", object: { ...(JSON.parse(statusBody(code, reason)) as object), details } });

export function watchScenarios(bench: Bench): void {
  /** Follows a namespace with one object through a proxy that treats its watches. */
  async function following(treat: (nth: number) => Treatment | undefined) {
    const namespace = await bench.spaceWith("before");
    let watches = 0;
    const client = await bench.behindProxy(({ isWatch }) => (isWatch ? treat(++watches) : undefined));
    const followed = await bench.follow<Map>(client.kube, { resource: configMaps, namespace });
    const create = (name: string): Promise<unknown> => bench.admin.create(configMaps, configMap(namespace, name));
    return { ...client, ...followed, namespace, create };
  }

  const has = ({ reflector }: Pick<Followed<Map>, "reflector">, ...names: readonly string[]): Promise<void> =>
    until(
      `exactly ${names.join()}`,
      () => {
        const known = [...reflector.values()].map(({ metadata }) => metadata.name).sort();
        return known.join() === [...names].sort().join();
      },
      10_000,
    );

  test.each<readonly [string, Treatment, number]>([
    ["throttled with Retry-After", { refuse: { status: 429, headers: { "retry-after": "1" } } }, 1],
    ["refused with 500", { refuse: { status: 500 } }, 1],
    ["refused with 503", { refuse: { status: 503, body: "" } }, 1],
    ["refused with 504", { refuse: { status: 504 } }, 1],
    ["not allowed for a moment", { refuse: { status: 403, body: statusBody(403, "Forbidden") } }, 1],
    ["answered with 404 for a moment", { refuse: { status: 404, body: statusBody(404, "NotFound") } }, 1],
    ["refused with 410", { refuse: { status: 410, body: statusBody(410, "Expired") } }, 2],
    ["reset before it opens", { kill: "stream" }, 1],
    ["torn with its connection before it opens", { kill: "connection" }, 1],
    ["ended as soon as it is open", { refuse: { status: 200, body: "" } }, 1],
  ])("a watch that is %s misses nothing, and lists only where history is gone", async (_what, treatment, lists) => {
    const works = 3;
    const world = await following((nth) => (nth < works ? treatment : undefined));
    await world.create("after");
    await has(world, "after", "before");
    await until("the watch that works", () => world.proxy.watches.length >= works, 10_000);
    // 410 twice means to list twice more.
    expect(world.proxy.lists.length).toBe(lists === 2 ? 3 : 1);
  });

  test.each<readonly [string, string, number]>([
    ["410", error(410, "Expired"), 1],
    ["500", error(500, "InternalError"), 0],
    ["429", error(429, "TooManyRequests", { retryAfterSeconds: 1 }), 0],
    ["504, too large resource version", error(504, "Timeout", { causes: [{ reason: "ResourceVersionTooLarge" }] }), 0],
  ])("an ERROR event of %s is followed by a list only where it must be", async (_what, event, lists) => {
    const world = await following((nth) => (nth === 1 ? { line: events("after", () => [event]) } : undefined));
    await world.create("after");
    await has(world, "after", "before");
    expect(world.proxy.lists.length - 1).toBe(lists);
  });

  test("a server that stays behind the version for long, as one restored from a backup, is listed anew", async () => {
    const tooNew = error(504, "Timeout", { causes: [{ reason: "ResourceVersionTooLarge" }] });
    const world = await following((nth) => (nth <= 3 ? { refuse: { status: 200, body: `${tooNew}\n` } } : undefined));
    await world.create("after");
    await has(world, "after", "before");
    expect(world.proxy.lists).toHaveLength(2);
  });

  test("a watch that opens late misses nothing", async () => {
    const world = await following(() => ({ delayMs: 500 }));
    await world.create("after");
    await has(world, "after", "before");
    expect([world.proxy.lists.length, world.proxy.watches.length]).toEqual([1, 1]);
  });

  test("frames that are cut at every byte say the same", async () => {
    const world = await following(() => ({ pieces: 1 }));
    for (const name of ["a", "b", "c"]) await world.create(name);
    await has(world, "a", "b", "before", "c");
    expect(world.seen).toEqual(["before", "a", "b", "c"].map((name) => `set ${world.namespace}/${name}`));
  });

  test("an event that breaks off in its middle is told once, after the watch goes on", async () => {
    const world = await following((nth) => (nth === 1 ? { line: events("after", () => undefined) } : undefined));
    await world.create("after");
    await has(world, "after", "before");
    expect(world.seen.filter((text) => text.endsWith("/after"))).toHaveLength(1);
    expect(world.proxy.lists).toHaveLength(1);
  });

  test("an event that comes twice is told once", async () => {
    const world = await following(() => ({ line: (line) => [line, line] }));
    await world.create("after");
    await world.create("last");
    await has(world, "after", "before", "last");
    expect(world.seen).toHaveLength(3);
  });

  test.each<readonly [string, string]>([
    ["that is no JSON", '{"type":"ADDED","obj'],
    ["of a type that nobody knows", '{"type":"RENAMED","object":{}}'],
    ["about an object without a name", '{"type":"ADDED","object":{"metadata":{}}}'],
    ["that is nothing", "null"],
    ["with a bookmark that has no version", '{"type":"BOOKMARK","object":{}}'],
  ])("an event %s in another's place is put right by a list", async (_what, garbage) => {
    const world = await following((nth) =>
      nth === 1 ? { line: events("garbled", () => [garbage]), endAfter: 3 } : undefined,
    );
    for (const name of ["first", "garbled", "last"]) await world.create(name);
    await has(world, "before", "first", "garbled", "last");
    expect(world.proxy.lists).toHaveLength(2);
  });

  test("a deletion that no event told is told after history expired", async () => {
    const world = await following((nth) =>
      nth === 1
        ? { line: events("before", () => []), endAfter: 2 }
        : nth === 2
          ? { refuse: { status: 410 } }
          : undefined,
    );
    await bench.admin.delete(configMaps, { namespace: world.namespace, name: "before" });
    await world.create("after");
    await has(world, "after");
    expect(world.seen).toContain(`delete ${world.namespace}/before`);
  });

  test("an object that was made again under its name meanwhile is deleted and set, with nothing of the old one", async () => {
    const world = await following((nth) =>
      nth === 1 ? { line: () => undefined } : nth === 2 ? { delayMs: 300 } : undefined,
    );
    const { namespace } = world;
    const uid = world.reflector.get(`${namespace}/before`)?.metadata.uid;
    await world.create("trigger");
    await bench.admin.delete(configMaps, { namespace, name: "before" });
    await world.create("before");
    await until("the new one", () => {
      const now = world.reflector.get(`${namespace}/before`);
      return now !== undefined && now.metadata.uid !== uid;
    });
    const told = world.changes.filter(({ key }) => key.endsWith("/before"));
    expect(told.map(({ type }) => type)).toEqual(["set", "delete", "set"]);
    expect(told[2]).not.toHaveProperty("old.metadata");
  });

  test("a server that drains its connections loses no event, and the next request goes elsewhere", async () => {
    const world = await following(() => undefined);
    world.proxy.goAway();
    await world.create("after");
    await has(world, "after", "before");
    expect(world.proxy.lists).toHaveLength(1);
  });

  test("connections that break again and again cost no event", async () => {
    const world = await following(() => undefined);
    for (const name of ["a", "b", "c", "d"]) {
      await world.create(name);
      world.proxy.breakAll();
    }
    await has(world, "a", "b", "before", "c", "d");
    expect(world.seen).toHaveLength(5);
    expect(world.proxy.lists).toHaveLength(1);
  });

  test("a watch that the server ends in due time goes on from where it was, without a list", async () => {
    const world = await following(() => ({ ask: (url) => url.searchParams.set("timeoutSeconds", "1") }));
    await world.create("during");
    await until("a second watch", () => world.proxy.watches.length > 1, 5_000);
    await world.create("after");
    await has(world, "after", "before", "during");
    expect(world.proxy.lists).toHaveLength(1);
  });

  test("a bookmark moves the version on from which the next watch begins", async () => {
    let version = "";
    const asBookmark = (line: string): readonly string[] => {
      version = (JSON.parse(line) as { object: { metadata: { resourceVersion: string } } }).object.metadata
        .resourceVersion;
      return [JSON.stringify({ type: "BOOKMARK", object: { metadata: { resourceVersion: version } } })];
    };
    // The real server sends one now and then; here one stands in the place of an event, which therefore never comes.
    const world = await following((nth) =>
      nth === 1 ? { line: events("passed", asBookmark), endAfter: 2 } : undefined,
    );
    for (const name of ["first", "passed", "last"]) await world.create(name);
    await has(world, "before", "first", "last");
    expect(world.proxy.watches[1]?.url.searchParams.get("resourceVersion")).toBe(version);
    expect(world.proxy.lists).toHaveLength(1);
  });

  test("every watch asks for bookmarks and for an end in five to ten minutes", async () => {
    const { proxy } = await following(() => undefined);
    await until("the watch", () => proxy.watches.length > 0);
    const { searchParams } = proxy.watches[0]!.url;
    expect(searchParams.get("allowWatchBookmarks")).toBe("true");
    expect(Number(searchParams.get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
    expect(Number(searchParams.get("timeoutSeconds"))).toBeLessThanOrEqual(600);
  });

  test.each([
    "team=a",
    // As the controller asks for Pods.
    labelSelectorOf({ key: "team", values: new Set(["a", "c"]) }),
    labelSelectorOf({ key: "example.com/of-a", values: "any" }),
  ])("an object that enters and leaves the label selector %s is set and deleted", async (labelSelector) => {
    const namespace = await bench.spaceWith("one");
    const { kube } = await bench.behindProxy();
    const { seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace, labelSelector });
    const label = (team: string | null): Promise<unknown> =>
      bench.admin.mergePatch(
        configMaps,
        { namespace, name: "one" },
        { metadata: { labels: { team, "example.com/of-a": team === "a" ? "" : null } } },
      );
    await label("a");
    await until("it enters", () => seen.length === 1);
    await label("b");
    await until("it leaves", () => seen.length === 2);
    expect(seen).toEqual([`set ${namespace}/one`, `delete ${namespace}/one`]);
  });

  test("a hundred changes of one object while the watch is broken are told as one, the last", async () => {
    const world = await following((nth) =>
      nth === 1 ? { line: () => undefined } : nth === 2 ? { refuse: { status: 410 } } : undefined,
    );
    const { namespace } = world;
    for (let n = 1; n <= 100; n++) {
      await bench.admin.mergePatch(configMaps, { namespace, name: "before" }, { data: { text: `${n}` } });
    }
    await until("the last", () => world.reflector.get(`${namespace}/before`)?.data?.["text"] === "100", 10_000);
    expect(world.seen.length).toBeLessThan(100);
  });
}
