// How a reflector follows what it has listed: watches that end, break and lag, connections that die, and its own end.
import type { ReflectorOptions } from "../../controller-image/src/kube/api";
import { Cable, status, until } from "../support/fake-api-server";
import { settle } from "../support/virtual-clock";
import { type Named, object, ReflectorBench } from "./reflector-bench";

// Real connections: the machine may have other things to do.
jest.setTimeout(60_000);

let bench: ReflectorBench;

beforeEach(async () => {
  bench = await ReflectorBench.start();
});
afterEach(() => bench.stop());

describe("watch", () => {
  test("applies events in order and says what was there before", async () => {
    const { watch } = await bench.watching();
    watch.send("ADDED", object("b", "11"));
    watch.send("MODIFIED", object("a", "12"));
    watch.send("DELETED", object("b", "13"));
    await bench.saw("set edge/b@11", "set edge/a@12", "delete edge/b@11");
    expect(bench.changes.map(({ old }) => old?.metadata.resourceVersion)).toEqual([undefined, undefined, "5", "11"]);
  });

  test("goes on from the last event, or the last bookmark, after the server has ended the watch in due time", async () => {
    const { reflector, watch } = await bench.watching();
    watch.send("MODIFIED", object("a", "12"));
    watch.end();
    const second = (await bench.server.nextWatch()).open();
    expect(second.parameter("resourceVersion")).toBe("12");
    second.send("BOOKMARK", { metadata: { resourceVersion: "40" } });
    second.end();
    const third = await bench.server.nextWatch();
    expect([third.parameter("resourceVersion"), reflector.lastError]).toEqual(["40", undefined]);
  });

  test("goes on from the last event after the connection broke, without a list", async () => {
    const { watch } = await bench.watching();
    watch.send("MODIFIED", object("a", "12"));
    await bench.saw("set edge/a@12");
    watch.breakOff();
    expect(await bench.skipWait(800)).toBeLessThanOrEqual(800);
    expect((await bench.server.nextWatch()).parameter("resourceVersion")).toBe("12");
  });

  test("lists again after a 410 answer and tells only real differences, a lost deletion among them", async () => {
    const { reflector, watch } = await bench.watching([object("a", "5"), object("b", "6"), object("c", "7")]);
    watch.end();
    await bench.skipWait();
    (await bench.server.nextWatch()).refuse(410, "Expired");
    const list = await bench.server.nextList();
    expect([...reflector.values()].length).toBe(3);
    list.list("30", [object("a", "5"), object("b", "26"), object("d", "27")]);
    await bench.saw("delete edge/c@7", "set edge/b@26", "set edge/d@27");
    expect((await bench.server.nextWatch()).parameter("resourceVersion")).toBe("30");
  });

  test("lists again after an ERROR event with code 410", async () => {
    const { watch } = await bench.watching();
    watch.send("ERROR", status(410, "Expired"));
    (await bench.server.nextList()).list("30", [object("a", "5")]);
    expect((await bench.server.nextWatch()).parameter("resourceVersion")).toBe("30");
    expect(bench.seen).toEqual([]);
  });

  test("does not list in a tight loop when every version is called expired", async () => {
    const { watch } = await bench.watching();
    watch.send("ERROR", status(410, "Expired"));
    (await bench.server.nextList()).list("30", []);
    (await bench.server.nextWatch()).refuse(410, "Expired");
    expect(await bench.skipWait(800)).toBeGreaterThan(0);
    (await bench.server.nextList()).list("31", []);
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
    const { reflector, watch } = await bench.watching();
    act(watch);
    await until("an error", () => reflector.lastError !== undefined);
    await bench.skipWait(800);
    const again = (await bench.server.nextWatch()).open();
    expect(again.parameter("resourceVersion")).toBe("10");
    await until("no error", () => reflector.lastError === undefined);
    expect([...reflector.values()].length).toBe(1);
  });

  test("honours Retry-After of a refused watch and keeps its version", async () => {
    const { reflector, watch } = await bench.watching();
    watch.end();
    await bench.skipWait();
    (await bench.server.nextWatch()).refuse(429, "TooManyRequests", { "retry-after": "3" });
    await until("an error", () => reflector.lastError !== undefined);
    expect(await bench.skipWait(3_000)).toBe(3_000);
    expect((await bench.server.nextWatch()).parameter("resourceVersion")).toBe("10");
  });

  test("gives a replica that lags behind three chances before it lists", async () => {
    const { watch } = await bench.watching();
    const tooNew = status(504, "Timeout", { details: { causes: [{ reason: "ResourceVersionTooLarge" }] } });
    watch.send("ERROR", tooNew);
    for (let attempt = 0; attempt < 2; attempt++) {
      await bench.skipWait();
      (await bench.server.nextWatch()).answer(504, tooNew);
    }
    await bench.skipWait();
    (await bench.server.nextList()).list("3", [object("a", "2")]);
    await bench.saw("set edge/a@2");
  });

  test("keeps a quiet watch: an hour without an event changes nothing but what the server ends itself", async () => {
    const { watch } = await bench.watching();
    bench.clock.advance(Number(watch.parameter("timeoutSeconds")) * 1000);
    for (let turn = 0; turn < 20; turn++) await settle();
    expect([watch.closed, bench.server.requests.length]).toEqual([false, 2]);
  });

  test("ends a watch itself 30 s after the server should have, and goes on", async () => {
    const { reflector, watch } = await bench.watching();
    bench.clock.advance(Number(watch.parameter("timeoutSeconds")) * 1000 + 30_000);
    expect((await bench.server.nextWatch()).parameter("resourceVersion")).toBe("10");
    expect(reflector.lastError).toBeUndefined();
  });

  test("does not ask again at once when the server ends each watch at once", async () => {
    const { watch } = await bench.watching();
    watch.end();
    expect(await bench.skipWait(800)).toBeGreaterThan(0);
    (await bench.server.nextWatch()).open().end();
    expect(await bench.skipWait(1_600)).toBeGreaterThan(0);
    await bench.server.nextWatch();
  });

  test("forgets its failures once an event has come", async () => {
    const { reflector, watch } = await bench.watching();
    watch.breakOff();
    for (let failure = 0; failure < 8; failure++) {
      await bench.skipWait(30_000);
      (await bench.server.nextWatch()).refuse(500, "InternalError");
    }
    await bench.skipWait(30_000);
    const again = (await bench.server.nextWatch()).open();
    again.send("MODIFIED", object("a", "12"));
    await bench.saw("set edge/a@12");
    // The wait after nine failures would be 15 s in the mean; chance is the clock's, and the same in every run.
    again.breakOff();
    await until("the end of the watch", () => reflector.lastError !== undefined);
    expect(await bench.skipWait(30_000)).toBeLessThanOrEqual(800);
  });

  describe("after a watch that broke off", () => {
    /** The next watch is open for long enough; answers the question that the server is then asked. */
    async function asked(options: Partial<ReflectorOptions<Named>> = {}) {
      const { watch } = await bench.watching([object("a", "5"), object("b", "7")], options);
      watch.breakOff();
      await bench.skipWait(800);
      const next = (await bench.server.nextWatch()).open();
      await bench.isOpen();
      bench.clock.advance(10_000);
      const question = await bench.server.nextList();
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
      if (found !== undefined) (await bench.server.nextList()).answer("metadata" in found ? 200 : 404, found);
      const list = await bench.server.nextList();
      expect([list.parameter("limit"), rewound]).toEqual(["500", 0]);
      list.list("9", [object("a", "5")]);
      // The version is the same as before, which says nothing.
      await bench.saw("delete edge/b@7", "set edge/a@5");
      expect(rewound).toBe(1);
    });

    test.each<[string, number, object]>([
      ["still has what it told last", 200, object("b", "7")],
      ["does not let it be read", 403, {}],
    ])("a server that %s is not listed anew", async (_what, status, found) => {
      const { question, watch } = await asked();
      question.list("10", []);
      (await bench.server.nextList()).answer(status, found);
      await until("the answer", () => !bench.clock.waits.includes(60_000));
      watch.send("MODIFIED", object("a", "12"));
      await bench.saw("set edge/a@12");
    });
  });

  test("reads events that drip in byte by byte, with characters of several bytes", async () => {
    const { watch } = await bench.watching();
    const line = Buffer.from(
      `${JSON.stringify({ type: "ADDED", object: { ...object("b", "11"), data: "Grüße 🌍" } })}\n`,
    );
    for (const byte of line) {
      watch.write(Buffer.from([byte]));
      await settle();
    }
    await bench.saw("set edge/b@11");
    expect(bench.changes.at(-1)).toMatchObject({ object: { data: "Grüße 🌍" } });
  });

  test("ignores half a line at the end of a broken stream, and gets the event by going on", async () => {
    const { watch } = await bench.watching();
    watch.send("MODIFIED", object("a", "11"));
    watch.write('{"type":"MODIFIED","object":{"metadata":{"name":"a","resourceVer');
    await bench.saw("set edge/a@11");
    watch.breakOff();
    await bench.skipWait(800);
    const again = (await bench.server.nextWatch()).open();
    expect(again.parameter("resourceVersion")).toBe("11");
    again.send("MODIFIED", object("a", "12"));
    await bench.saw("set edge/a@12");
  });

  test("a line of garbage costs only itself; the next watch starts with a list, in case it mattered", async () => {
    const { reflector, watch } = await bench.watching();
    watch.write("no json\n");
    watch.send("ADDED", null);
    watch.send("SURPRISE", object("x", "11"));
    watch.send("MODIFIED", object("a", "12"));
    await bench.saw("set edge/a@12");
    expect(bench.logged.map(([level]) => level)).toEqual(["warn", "warn", "warn"]);
    watch.end();
    (await bench.server.nextList()).list("20", [object("a", "12"), object("b", "11")]);
    await bench.saw("set edge/b@11");
    expect(reflector.lastError).toBeUndefined();
  });

  test("a consumer that throws is logged and misses nothing that follows", async () => {
    const { watch } = await bench.watching([object("a", "5")], {
      onChange: (change) => {
        bench.seen.push(change.key);
        throw new Error("consumer");
      },
    });
    watch.send("ADDED", object("b", "11"));
    watch.send("ADDED", object("c", "12"));
    await bench.saw("edge/b", "edge/c");
    expect(bench.logged.every(([level, text]) => level === "error" && text === "onChange failed")).toBe(true);
  });

  test("an object that came back under its name with another UID is deleted first", async () => {
    const { watch } = await bench.watching();
    watch.send("ADDED", object("a", "11", { uid: "second" }));
    await bench.saw("delete edge/a@5", "set edge/a@11");
    watch.send("ERROR", status(410, "Expired"));
    (await bench.server.nextList()).list("30", [object("a", "25", { uid: "third" })]);
    await bench.saw("delete edge/a@11", "set edge/a@25");
    expect(bench.changes.at(-1)).not.toHaveProperty("old.metadata");
  });

  test("goes to a new connection after the server has said GOAWAY, and lets the old watch end in peace", async () => {
    const { watch } = await bench.watching();
    const [session] = bench.server.sessions;
    session?.goaway();
    watch.send("MODIFIED", object("a", "12"));
    await bench.saw("set edge/a@12");
    watch.end();
    const again = await bench.server.nextWatch();
    expect([again.parameter("resourceVersion"), again.stream.session === session]).toEqual(["12", false]);
  });
});

describe("dead connections", () => {
  const PING = { pingEveryMs: 5_000, pingTimeoutMs: 3_000 };

  test("a half-open connection is found within 8 s, and the watch goes on over a new one", async () => {
    const cable = await Cable.to(bench.server.port);
    bench.stops.push(() => cable.stop());
    const reflector = bench.reflect({}, cable.url, PING);
    (await bench.server.nextList()).list("10", [object("a", "5")]);
    const watch = (await bench.server.nextWatch()).open();
    await bench.isOpen();
    cable.cut = true;
    watch.send("MODIFIED", object("a", "11"));
    bench.clock.advance(8_000);
    await until("the error", () => reflector.lastError !== undefined);
    expect(reflector.lastError).toMatch(/did not answer a PING within 3000 ms$/);
    expect(reflector.get("edge/a")?.metadata.resourceVersion).toBe("5");
    cable.cut = false;
    await bench.skipWait(800);
    const again = (await bench.server.nextWatch()).open();
    expect(again.parameter("resourceVersion")).toBe("10");
    again.send("MODIFIED", object("a", "11"));
    await bench.saw("set edge/a@5", "synced", "set edge/a@11");
  });

  test("a living server answers, and the connection stays", async () => {
    const reflector = bench.reflect({}, bench.server.url, PING);
    (await bench.server.nextList()).list("10", []);
    const watch = (await bench.server.nextWatch()).open();
    await bench.isOpen();
    const [session] = bench.server.sessions;
    for (let round = 11; round < 15; round++) {
      // The answer to the PING precedes the event on the wire.
      const pinged = new Promise<void>((resolve) => session?.once("ping", () => resolve()));
      bench.clock.advance(round === 11 ? 5_000 : 2_000);
      await pinged;
      watch.send("ADDED", object("a", String(round)));
      await until("the event", () => reflector.get("edge/a")?.metadata.resourceVersion === String(round));
      bench.clock.advance(3_000);
      for (let turn = 0; turn < 5; turn++) await settle();
    }
    expect([watch.closed, reflector.lastError, bench.server.sessions.size]).toEqual([false, undefined, 1]);
  });
});

describe("stop", () => {
  test("is immediate: no timer, no request, no further change", async () => {
    const { reflector, watch } = await bench.watching();
    watch.send("MODIFIED", object("a", "11"));
    reflector.stop();
    await until("the watch is closed", () => watch.closed);
    expect(bench.clock.waits.filter((ms) => ms < 1e9)).toEqual([]);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect([bench.seen, bench.server.requests.length]).toEqual([[], 2]);
  });

  test("from within onChange ends the telling at once", async () => {
    const reflector = bench.reflect({
      onChange: ({ key }) => {
        bench.seen.push(key);
        reflector.stop();
      },
    });
    (await bench.server.nextList()).list("10", [object("a", "5"), object("b", "6")]);
    await until("the first change", () => bench.seen.length > 0);
    for (let turn = 0; turn < 5; turn++) await settle();
    expect([bench.seen, reflector.synced, bench.server.requests.length]).toEqual([["edge/a"], false, 1]);
  });

  test("ends a wait between attempts and a list that hangs", async () => {
    const waiting = bench.reflect();
    (await bench.server.nextList()).refuse(500, "InternalError");
    await until("a wait", () => bench.clock.waits.some((ms) => ms <= 800));
    waiting.stop();
    const hanging = bench.reflect();
    const list = await bench.server.nextList();
    hanging.stop();
    await until("the list is given up", () => list.closed);
    expect(bench.clock.waits.filter((ms) => ms < 1e9)).toEqual([]);
  });
});
