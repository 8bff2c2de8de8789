// Lists that are refused, late, torn, or change under the reader.
import { RESOURCES } from "../../../lib/model/kubernetes";
import { until } from "../../support/fake-api-server";
import { statusBody, type Treatment } from "../../support/fault-proxy";
import { type Bench, configMap, type Map } from "./bench";

const { configMaps } = RESOURCES;
const NAMES = ["one", "three", "two"];

/** Treats the first so many of them. */
function first<T>(count: number, treatment: T): () => T | undefined {
  let left = count;
  return () => (left-- > 0 ? treatment : undefined);
}

const BROKEN: readonly (readonly [what: string, treatment: Treatment])[] = [
  ["is throttled with Retry-After", { refuse: { status: 429, headers: { "retry-after": "1" } } }],
  ["is throttled without Retry-After", { refuse: { status: 429 } }],
  ["fails with 500", { refuse: { status: 500 } }],
  ["fails with 502 and a page of a gateway", { refuse: { status: 502, body: "<html>Bad Gateway</html>" } }],
  ["fails with 503 and nothing else", { refuse: { status: 503, body: "" } }],
  ["fails with 504", { refuse: { status: 504, body: statusBody(504, "Timeout") } }],
  ["is not allowed for a moment", { refuse: { status: 403, body: statusBody(403, "Forbidden") } }],
  ["is answered with what is no JSON", { refuse: { status: 200, body: "{" } }],
  ["is answered with what is no list", { refuse: { status: 200, body: '{"kind":"Pod","metadata":{}}' } }],
  ["is answered with a list that has no version", { refuse: { status: 200, body: '{"items":[],"metadata":{}}' } }],
  ["loses its stream before the answer", { kill: "stream" }],
  ["loses its connection before the answer", { kill: "connection" }],
  ["is cut off in the middle of the answer", { cutAfter: 400 }],
];

export function listScenarios(bench: Bench): void {
  test.each(BROKEN)("a list that %s is asked for again, and is whole", async (_what, treatment) => {
    const namespace = await bench.spaceWith(...NAMES);
    const broken = first(2, treatment);
    const { kube, proxy } = await bench.behindProxy(({ isList }) => (isList ? broken() : undefined));
    const { reflector, seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
    expect([...seen].sort()).toEqual(NAMES.map((name) => `set ${namespace}/${name}`));
    expect([proxy.lists.length, reflector.lastError]).toEqual([3, undefined]);
  });

  test("a list whose bytes come one by one is whole", async () => {
    const namespace = await bench.spaceWith(...NAMES);
    const { kube } = await bench.behindProxy(({ isList }) => (isList ? { pieces: 1 } : undefined));
    const { seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
    expect(seen).toHaveLength(3);
  });

  test("a list that takes two seconds is waited for, and asked for once", async () => {
    const namespace = await bench.spaceWith(...NAMES);
    const { kube, proxy } = await bench.behindProxy(({ isList }) => (isList ? { delayMs: 2_000 } : undefined));
    const { seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
    expect([seen.length, proxy.lists.length]).toEqual([3, 1]);
  });

  describe("in pages of one object", () => {
    const small = (url: URL): void => url.searchParams.set("limit", "1");
    const isRest = (url: URL): boolean => url.searchParams.has("continue");

    test("every object comes once", async () => {
      const namespace = await bench.spaceWith(...NAMES);
      const { kube, proxy } = await bench.behindProxy(({ isList }) => (isList ? { ask: small } : undefined));
      const { seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
      expect([seen.length, proxy.lists.length]).toEqual([3, 3]);
    });

    test.each([
      ["the continue token has expired", { refuse: { status: 410, body: statusBody(410, "Expired") } }],
      ["the server fails", { refuse: { status: 500 } }],
      ["the connection breaks", { kill: "connection" as const }],
      ["the answer is cut off", { cutAfter: 200 }],
    ])("the list begins anew when %s between pages", async (_what, treatment: Treatment) => {
      const namespace = await bench.spaceWith(...NAMES);
      const broken = first(1, treatment);
      const { kube, proxy } = await bench.behindProxy(({ isList, url }) => {
        if (!isList) return undefined;
        return { ask: small, ...(isRest(url) ? broken() : undefined) };
      });
      const { seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
      expect(seen).toHaveLength(3);
      expect(proxy.lists.filter(({ url }) => !isRest(url))).toHaveLength(2);
    });

    test("what changes between pages is right at the end", async () => {
      const namespace = await bench.spaceWith(...NAMES);
      let changed: Promise<unknown> | undefined;
      const { kube } = await bench.behindProxy(({ isList, url }) => {
        if (!isList) return undefined;
        if (!isRest(url) || changed !== undefined) return { ask: small };
        changed = Promise.all([
          bench.admin.delete(configMaps, { namespace, name: "two" }),
          bench.admin.create(configMaps, configMap(namespace, "another")),
        ]);
        return { ask: small, delayMs: 300 };
      });
      const { reflector } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
      const names = (): string =>
        [...reflector.values()]
          .map(({ metadata }) => metadata.name)
          .sort()
          .join();
      await until("the changes", () => names() === "another,one,three");
      await changed;
    });
  });

  test("an object that one watch cannot carry in one frame, of nearly a megabyte and in any script, comes whole", async () => {
    const namespace = await bench.freshNamespace();
    const { kube } = await bench.behindProxy();
    const { reflector, seen } = await bench.follow<Map>(kube, { resource: configMaps, namespace });
    const text = "Straße 道路 🛣️ ".repeat(40_000).slice(0, 400_000);
    await bench.admin.create(configMaps, configMap(namespace, "large", text));
    await until("the object", () => seen.length === 1, 10_000);
    expect(reflector.get(`${namespace}/large`)?.data?.["text"]).toBe(text);
    const again = await bench.follow<Map>(kube, { resource: configMaps, namespace });
    expect(again.reflector.get(`${namespace}/large`)?.data?.["text"]).toBe(text);
  });
}
