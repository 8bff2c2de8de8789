import { WatchReflector } from "../../controller-image/src/kube/reflector";
import { Transport } from "../../controller-image/src/kube/transport";
import type { Change, LogLevel, ReflectorOptions } from "../../controller-image/src/kube/api";
import { RESOURCES, type KubeObject } from "../../lib/model/kubernetes";
import { Cable, FakeApiServer, status, until } from "../support/fake-api-server";
import { settle, VirtualClock } from "../support/virtual-clock";

// Real connections: the machine may have other things to do.
jest.setTimeout(60_000);

// Sockets are real, time is not: nothing happens because time passed, unless the test lets it pass.

type Named = KubeObject & { readonly data?: string };

const object = (name: string, resourceVersion: string, more: object = {}): Named => ({
  metadata: { namespace: "edge", name, resourceVersion, uid: `uid-${name}`, ...more },
});

let server: FakeApiServer;
let clock: VirtualClock;
let seen: string[];
let changes: Change<Named>[];
let logged: [LogLevel, string, Readonly<Record<string, unknown>> | undefined][];
let stops: (() => Promise<void> | void)[];

beforeEach(async () => {
  server = await FakeApiServer.start();
  clock = new VirtualClock();
  seen = [];
  changes = [];
  logged = [];
  stops = [() => server.stop()];
});
afterEach(async () => {
  for (const stop of stops.reverse()) await stop();
});

const NEVER_PING = { pingEveryMs: 1e9, pingTimeoutMs: 1e9 };

function reflect(options: Partial<ReflectorOptions<Named>> = {}, url = server.url, times: object = NEVER_PING) {
  const config = { server: url, token: "test-token" };
  const transport = new Transport({ config, clock, userAgent: "podpin-test/0", times });
  const reflector = new WatchReflector<Named>(
    {
      resource: RESOURCES.configMaps,
      onChange: (change) => {
        changes.push(change);
        const { resourceVersion } = change.type === "set" ? change.object.metadata : change.old.metadata;
        seen.push(`${change.type} ${change.key}@${resourceVersion}`);
      },
      onSynced: () => seen.push("synced"),
      ...options,
    },
    { transport, clock, log: (...line) => logged.push([line[0], line[1], line[2]]) },
  );
  stops.push(() => {
    reflector.stop();
    transport.close();
  });
  return reflector;
}

/** Waits until the reflector waits at most that long, moves time to the end of the wait, and answers how long it was. */
async function skipWait(longestMs = 3_200): Promise<number> {
  // 15 s and 60 s are the time that a watch and a list have to answer.
  const isAsking = (): boolean => clock.waits.some((ms) => ms === 15_000 || ms === 60_000);
  await until("a wait", () => !isAsking() && clock.waits.some((ms) => ms <= longestMs));
  const [ms = 0] = clock.waits;
  clock.advance(ms);
  return ms;
}

/** A watch may take 15 s to begin; that it has begun shows in that nothing waits for it any more. */
const isOpen = (): Promise<void> => until("the watch is open", () => !clock.waits.includes(15_000));

/** Starts a reflector that has listed `items` at version 10 and watches. */
async function watching(
  items: readonly unknown[] = [object("a", "5")],
  options: Partial<ReflectorOptions<Named>> = {},
) {
  const reflector = reflect(options);
  (await server.nextList()).list("10", items);
  const watch = (await server.nextWatch()).open();
  await isOpen();
  seen.splice(0);
  return { reflector, watch };
}

const saw = (...expected: string[]): Promise<void> =>
  until(expected.join(", "), () => seen.length >= expected.length).then(() => {
    expect(seen).toEqual(expected);
    seen.splice(0);
  });

describe("list", () => {
  test("asks for pages of 500 without a version, puts them together, and only then tells", async () => {
    const reflector = reflect({ namespace: "edge", labelSelector: "app=db", fieldSelector: "spec.nodeName=node-a" });
    const first = await server.nextList();
    expect(first.headers["authorization"]).toBe("Bearer test-token");
    expect(first.url.pathname).toBe("/api/v1/namespaces/edge/configmaps");
    expect(Object.fromEntries(first.url.searchParams)).toEqual({
      limit: "500",
      labelSelector: "app=db",
      fieldSelector: "spec.nodeName=node-a",
    });
    first.list("10", [object("a", "5")], { continue: "page-2" });
    const second = await server.nextList();
    expect([seen, reflector.synced, [...reflector.values()]]).toEqual([[], false, []]);
    expect(second.parameter("continue")).toBe("page-2");
    second.list("10", [object("b", "6")]);
    const watch = await server.nextWatch();
    expect(seen).toEqual(["set edge/a@5", "set edge/b@6", "synced"]);
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
    const reflector = reflect();
    (await server.nextList()).list("10", [object("gone", "5")], { continue: "page-2" });
    (await server.nextList()).refuse(410, "Expired");
    const again = await server.nextList();
    expect(again.parameter("continue")).toBeNull();
    again.list("20", [object("a", "15")]);
    await server.nextWatch();
    expect([seen, reflector.lastError]).toEqual([["set edge/a@15", "synced"], undefined]);
  });

  test("asks for smaller pages when a page is larger than it can take", async () => {
    reflect();
    const huge = Buffer.alloc(8 << 20, " ").toString();
    const first = await server.nextList();
    first.open();
    for (let part = 0; part < 9; part++) first.write(huge);
    const second = await server.nextList();
    expect([second.parameter("limit"), second.parameter("continue")]).toEqual(["62", null]);
    second.list("10", [object("a", "5")]);
    await saw("set edge/a@5", "synced");
  });

  test("waits as long as Retry-After says, however short its own backoff is", async () => {
    const reflector = reflect();
    (await server.nextList()).refuse(429, "TooManyRequests", { "retry-after": "7" });
    expect(await skipWait(7_000)).toBe(7_000);
    expect(reflector.lastError).toBe("GET /api/v1/configmaps?limit=500: refused as TooManyRequests (429)");
    (await server.nextList()).list("10", []);
    await saw("synced");
    expect(reflector.lastError).toBeUndefined();
  });

  test("names a kind that is not served, and asks again within 5 s, for ever", async () => {
    const reflector = reflect({ resource: RESOURCES.addressBindings });
    for (let attempt = 0; attempt < 12; attempt++) {
      (await server.nextList()).answer(404, "404 page not found\n");
      expect(await skipWait(5_000)).toBeLessThanOrEqual(5_000);
    }
    expect([reflector.synced, reflector.lastError]).toEqual([
      false,
      "AddressBinding (podpin.dev/v1alpha1) is not served by the API server",
    ]);
    (await server.nextList()).list("10", []);
    await saw("synced");
  });

  test("waits longer after each failure, but never more than 30 s", async () => {
    reflect();
    for (let attempt = 0; attempt < 12; attempt++) {
      (await server.nextList()).refuse(500, "InternalError");
      expect(await skipWait(30_000)).toBeLessThanOrEqual(Math.min(30_000, 800 * 2 ** attempt));
    }
  });

  test("leaves out an object without a name, and one that `project` throws on, and keeps the others", async () => {
    const project = (raw: Named): Named => {
      if (raw.metadata.name === "odd") throw new Error("odd one");
      return { metadata: raw.metadata, data: "projected" };
    };
    const reflector = reflect({ project });
    (await server.nextList()).list("10", [object("odd", "4"), { kind: "nonsense" }, null, object("a", "5")]);
    await saw("set edge/a@5", "synced");
    expect(reflector.get("edge/a")?.data).toBe("projected");
    expect(logged.filter(([level]) => level === "error").map(([, , fields]) => fields?.["key"])).toEqual(["edge/odd"]);
  });

  test("keeps what it has of an object that can no longer be read", async () => {
    const project = (raw: Named): Named => {
      if (raw.data === "odd") throw new Error("odd one");
      return raw;
    };
    const { reflector, watch } = await watching([object("a", "5"), object("b", "6")], { project });
    watch.send("MODIFIED", { ...object("a", "11"), data: "odd" });
    watch.send("ERROR", status(410, "Expired"));
    (await server.nextList()).list("20", [{ ...object("a", "11"), data: "odd" }, object("b", "12")]);
    await saw("set edge/b@12");
    expect(reflector.get("edge/a")?.metadata.resourceVersion).toBe("5");
  });

  test("drops managedFields before anything is kept", async () => {
    const reflector = reflect();
    (await server.nextList()).list("10", [object("a", "5", { managedFields: [{ manager: "somebody" }] })]);
    await saw("set edge/a@5", "synced");
    expect(reflector.get("edge/a")?.metadata).toEqual(object("a", "5").metadata);
  });
});

describe("watch", () => {
  test("applies events in order and says what was there before", async () => {
    const { watch } = await watching();
    watch.send("ADDED", object("b", "11"));
    watch.send("MODIFIED", object("a", "12"));
    watch.send("DELETED", object("b", "13"));
    await saw("set edge/b@11", "set edge/a@12", "delete edge/b@11");
    expect(changes.map(({ old }) => old?.metadata.resourceVersion)).toEqual([undefined, undefined, "5", "11"]);
  });

  test("goes on from the last event, or the last bookmark, after the server has ended the watch in due time", async () => {
    const { reflector, watch } = await watching();
    watch.send("MODIFIED", object("a", "12"));
    watch.end();
    const second = (await server.nextWatch()).open();
    expect(second.parameter("resourceVersion")).toBe("12");
    second.send("BOOKMARK", { metadata: { resourceVersion: "40" } });
    second.end();
    const third = await server.nextWatch();
    expect([third.parameter("resourceVersion"), reflector.lastError]).toEqual(["40", undefined]);
  });

  test("goes on from the last event after the connection broke, without a list", async () => {
    const { watch } = await watching();
    watch.send("MODIFIED", object("a", "12"));
    await saw("set edge/a@12");
    watch.breakOff();
    expect(await skipWait(800)).toBeLessThanOrEqual(800);
    expect((await server.nextWatch()).parameter("resourceVersion")).toBe("12");
  });

  test("lists again after a 410 answer and tells only real differences, a lost deletion among them", async () => {
    const { reflector, watch } = await watching([object("a", "5"), object("b", "6"), object("c", "7")]);
    watch.end();
    await skipWait();
    (await server.nextWatch()).refuse(410, "Expired");
    const list = await server.nextList();
    expect([...reflector.values()].length).toBe(3);
    list.list("30", [object("a", "5"), object("b", "26"), object("d", "27")]);
    await saw("delete edge/c@7", "set edge/b@26", "set edge/d@27");
    expect((await server.nextWatch()).parameter("resourceVersion")).toBe("30");
  });

  test("lists again after an ERROR event with code 410", async () => {
    const { watch } = await watching();
    watch.send("ERROR", status(410, "Expired"));
    (await server.nextList()).list("30", [object("a", "5")]);
    expect((await server.nextWatch()).parameter("resourceVersion")).toBe("30");
    expect(seen).toEqual([]);
  });

  test("does not list in a tight loop when every version is called expired", async () => {
    const { watch } = await watching();
    watch.send("ERROR", status(410, "Expired"));
    (await server.nextList()).list("30", []);
    (await server.nextWatch()).refuse(410, "Expired");
    expect(await skipWait(800)).toBeGreaterThan(0);
    (await server.nextList()).list("31", []);
  });

  test.each([
    [
      "an ERROR event",
      (watch: { send(type: string, o: object): void }) => watch.send("ERROR", status(500, "InternalError")),
    ],
    [
      "an ERROR event that says time-out",
      (watch: { send(type: string, o: object): void }) => watch.send("ERROR", status(504, "Timeout")),
    ],
  ])("goes on without a list after %s", async (_title, act) => {
    const { reflector, watch } = await watching();
    act(watch);
    await until("an error", () => reflector.lastError !== undefined);
    await skipWait(800);
    const again = (await server.nextWatch()).open();
    expect(again.parameter("resourceVersion")).toBe("10");
    await until("no error", () => reflector.lastError === undefined);
    expect([...reflector.values()].length).toBe(1);
  });

  test("honours Retry-After of a refused watch and keeps its version", async () => {
    const { reflector, watch } = await watching();
    watch.end();
    await skipWait();
    (await server.nextWatch()).refuse(429, "TooManyRequests", { "retry-after": "3" });
    await until("an error", () => reflector.lastError !== undefined);
    expect(await skipWait(3_000)).toBe(3_000);
    expect((await server.nextWatch()).parameter("resourceVersion")).toBe("10");
  });

  test("gives a replica that lags behind three chances before it lists", async () => {
    const { watch } = await watching();
    const tooNew = status(504, "Timeout", { details: { causes: [{ reason: "ResourceVersionTooLarge" }] } });
    watch.send("ERROR", tooNew);
    for (let attempt = 0; attempt < 2; attempt++) {
      await skipWait();
      (await server.nextWatch()).answer(504, tooNew);
    }
    await skipWait();
    (await server.nextList()).list("3", [object("a", "2")]);
    await saw("set edge/a@2");
  });

  test("keeps a quiet watch: an hour without an event changes nothing but what the server ends itself", async () => {
    const { watch } = await watching();
    clock.advance(Number(watch.parameter("timeoutSeconds")) * 1000);
    for (let turn = 0; turn < 20; turn++) await settle();
    expect([watch.closed, server.requests.length]).toEqual([false, 2]);
  });

  test("ends a watch itself 30 s after the server should have, and goes on", async () => {
    const { reflector, watch } = await watching();
    clock.advance(Number(watch.parameter("timeoutSeconds")) * 1000 + 30_000);
    expect((await server.nextWatch()).parameter("resourceVersion")).toBe("10");
    expect(reflector.lastError).toBeUndefined();
  });

  test("does not ask again at once when the server ends each watch at once", async () => {
    const { watch } = await watching();
    watch.end();
    expect(await skipWait(800)).toBeGreaterThan(0);
    (await server.nextWatch()).open().end();
    expect(await skipWait(1_600)).toBeGreaterThan(0);
    await server.nextWatch();
  });

  test("forgets its failures once an event has come", async () => {
    const { reflector, watch } = await watching();
    watch.breakOff();
    for (let failure = 0; failure < 8; failure++) {
      await skipWait(30_000);
      (await server.nextWatch()).refuse(500, "InternalError");
    }
    await skipWait(30_000);
    const again = (await server.nextWatch()).open();
    again.send("MODIFIED", object("a", "12"));
    await saw("set edge/a@12");
    // The wait after nine failures would be 15 s in the mean; chance is the clock's, and the same in every run.
    again.breakOff();
    await until("the end of the watch", () => reflector.lastError !== undefined);
    expect(await skipWait(30_000)).toBeLessThanOrEqual(800);
  });

  describe("after a watch that broke off", () => {
    /** The next watch is open for long enough; answers the question that the server is then asked. */
    async function asked(options: Partial<ReflectorOptions<Named>> = {}) {
      const { watch } = await watching([object("a", "5"), object("b", "7")], options);
      watch.breakOff();
      await skipWait(800);
      const next = (await server.nextWatch()).open();
      await isOpen();
      clock.advance(10_000);
      const question = await server.nextList();
      expect(question.parameter("limit")).toBe("1");
      return { question, watch: next };
    }

    test.each<[string, string, object | undefined]>([
      ["whose history ends before what it told", "9", undefined],
      ["that has gone on, and shows an older version of what it told last", "11", object("b", "6")],
      ["that has gone on, and no longer has what it told last", "11", {}],
    ])("a server %s was restored: all is listed anew, and told again", async (_what, version, found) => {
      let rewound = 0;
      (await asked({ onRewound: () => rewound++ })).question.list(version, []);
      if (found !== undefined) (await server.nextList()).answer("metadata" in found ? 200 : 404, found);
      const list = await server.nextList();
      expect([list.parameter("limit"), rewound]).toEqual(["500", 0]);
      list.list("9", [object("a", "5")]);
      // The version is the same as before, which says nothing.
      await saw("delete edge/b@7", "set edge/a@5");
      expect(rewound).toBe(1);
    });

    test.each<[string, number, object]>([
      ["still has what it told last", 200, object("b", "7")],
      ["does not let it be read", 403, {}],
    ])("a server that %s is not listed anew", async (_what, status, found) => {
      const { question, watch } = await asked();
      question.list("10", []);
      (await server.nextList()).answer(status, found);
      await until("the answer", () => !clock.waits.includes(60_000));
      watch.send("MODIFIED", object("a", "12"));
      await saw("set edge/a@12");
    });
  });

  test("reads events that drip in byte by byte, with characters of several bytes", async () => {
    const { watch } = await watching();
    const line = Buffer.from(
      `${JSON.stringify({ type: "ADDED", object: { ...object("b", "11"), data: "Grüße 🌍" } })}\n`,
    );
    for (const byte of line) {
      watch.write(Buffer.from([byte]));
      await settle();
    }
    await saw("set edge/b@11");
    expect(changes.at(-1)).toMatchObject({ object: { data: "Grüße 🌍" } });
  });

  test("ignores half a line at the end of a broken stream, and gets the event by going on", async () => {
    const { watch } = await watching();
    watch.send("MODIFIED", object("a", "11"));
    watch.write('{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVer');
    await saw("set edge/a@11");
    watch.breakOff();
    await skipWait(800);
    const again = (await server.nextWatch()).open();
    expect(again.parameter("resourceVersion")).toBe("11");
    again.send("MODIFIED", object("a", "12"));
    await saw("set edge/a@12");
  });

  test("a line of garbage costs only itself; the next watch starts with a list, in case it mattered", async () => {
    const { reflector, watch } = await watching();
    watch.write("no json\n");
    watch.send("ADDED", null);
    watch.send("SURPRISE", object("x", "11"));
    watch.send("MODIFIED", object("a", "12"));
    await saw("set edge/a@12");
    expect(logged.map(([level]) => level)).toEqual(["warn", "warn", "warn"]);
    watch.end();
    (await server.nextList()).list("20", [object("a", "12"), object("b", "11")]);
    await saw("set edge/b@11");
    expect(reflector.lastError).toBeUndefined();
  });

  test("a consumer that throws is logged and misses nothing that follows", async () => {
    const { watch } = await watching([object("a", "5")], {
      onChange: (change) => {
        seen.push(change.key);
        throw new Error("consumer");
      },
    });
    watch.send("ADDED", object("b", "11"));
    watch.send("ADDED", object("c", "12"));
    await saw("edge/b", "edge/c");
    expect(logged.every(([level, text]) => level === "error" && text === "onChange failed")).toBe(true);
  });

  test("an object that came back under its name with another UID is deleted first", async () => {
    const { watch } = await watching();
    watch.send("ADDED", object("a", "11", { uid: "second" }));
    await saw("delete edge/a@5", "set edge/a@11");
    watch.send("ERROR", status(410, "Expired"));
    (await server.nextList()).list("30", [object("a", "25", { uid: "third" })]);
    await saw("delete edge/a@11", "set edge/a@25");
    expect(changes.at(-1)).not.toHaveProperty("old.metadata");
  });

  test("goes to a new connection after the server has said GOAWAY, and lets the old watch end in peace", async () => {
    const { watch } = await watching();
    const [session] = server.sessions;
    session?.goaway();
    watch.send("MODIFIED", object("a", "12"));
    await saw("set edge/a@12");
    watch.end();
    const again = await server.nextWatch();
    expect([again.parameter("resourceVersion"), again.stream.session === session]).toEqual(["12", false]);
  });
});

describe("dead connections", () => {
  const PING = { pingEveryMs: 5_000, pingTimeoutMs: 3_000 };

  test("a half-open connection is found within 8 s, and the watch goes on over a new one", async () => {
    const cable = await Cable.to(server.port);
    stops.push(() => cable.stop());
    const reflector = reflect({}, cable.url, PING);
    (await server.nextList()).list("10", [object("a", "5")]);
    const watch = (await server.nextWatch()).open();
    await isOpen();
    cable.cut = true;
    watch.send("MODIFIED", object("a", "11"));
    clock.advance(8_000);
    await until("the error", () => reflector.lastError !== undefined);
    expect(reflector.lastError).toMatch(/did not answer a PING within 3000 ms$/);
    expect(reflector.get("edge/a")?.metadata.resourceVersion).toBe("5");
    cable.cut = false;
    await skipWait(800);
    const again = (await server.nextWatch()).open();
    expect(again.parameter("resourceVersion")).toBe("10");
    again.send("MODIFIED", object("a", "11"));
    await saw("set edge/a@5", "synced", "set edge/a@11");
  });

  test("a living server answers, and the connection stays", async () => {
    const reflector = reflect({}, server.url, PING);
    (await server.nextList()).list("10", []);
    const watch = (await server.nextWatch()).open();
    await isOpen();
    const [session] = server.sessions;
    for (let round = 11; round < 15; round++) {
      // The answer to the PING precedes the event on the wire.
      const pinged = new Promise<void>((resolve) => session?.once("ping", () => resolve()));
      clock.advance(round === 11 ? 5_000 : 2_000);
      await pinged;
      watch.send("ADDED", object("a", String(round)));
      await until("the event", () => reflector.get("edge/a")?.metadata.resourceVersion === String(round));
      clock.advance(3_000);
      for (let turn = 0; turn < 5; turn++) await settle();
    }
    expect([watch.closed, reflector.lastError, server.sessions.size]).toEqual([false, undefined, 1]);
  });
});

describe("stop", () => {
  test("is immediate: no timer, no request, no further change", async () => {
    const { reflector, watch } = await watching();
    watch.send("MODIFIED", object("a", "11"));
    reflector.stop();
    await until("the watch is closed", () => watch.closed);
    expect(clock.waits.filter((ms) => ms < 1e9)).toEqual([]);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect([seen, server.requests.length]).toEqual([[], 2]);
  });

  test("from within onChange ends the telling at once", async () => {
    const reflector = reflect({
      onChange: ({ key }) => {
        seen.push(key);
        reflector.stop();
      },
    });
    (await server.nextList()).list("10", [object("a", "5"), object("b", "6")]);
    await until("the first change", () => seen.length > 0);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect([seen, reflector.synced, server.requests.length]).toEqual([["edge/a"], false, 1]);
  });

  test("ends a wait between attempts and a list that hangs", async () => {
    const waiting = reflect();
    (await server.nextList()).refuse(500, "InternalError");
    await until("a wait", () => clock.waits.some((ms) => ms <= 800));
    waiting.stop();
    const hanging = reflect();
    const list = await server.nextList();
    hanging.stop();
    await until("the list is given up", () => list.closed);
    expect(clock.waits.filter((ms) => ms < 1e9)).toEqual([]);
  });
});
