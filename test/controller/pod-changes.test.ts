import { isNoNews, routesConcerned } from "../../controller-image/src/controller/pod-changes";
import { keptOfPod } from "../../controller-image/src/controller/projections";
import { podPacking } from "../../controller-image/src/controller/pod-record";
import { ANNOTATION_POD_IPS } from "../../lib/model/gke-api";
import type { Pod } from "../../lib/model/kubernetes";
import type { Change } from "../../controller-image/src/kube/api";

const pod = (labels: Record<string, string>, more: Partial<Pod["status"]> = {}, resourceVersion = "1"): Pod => ({
  metadata: { namespace: "shop", name: "web-0", uid: "uid-1", resourceVersion, labels },
  spec: { nodeName: "node1" },
  status: { podIP: "10.244.1.11", ...more },
});
/** A route for each label. */
const selecting = ({ metadata }: Pod): string[] => Object.keys(metadata.labels ?? {}).map((name) => `shop/${name}`);
const set = (object: Pod, old?: Pod): Change<Pod> => ({ type: "set", key: "shop/web-0", object, old });

test.each<[string, Change<Pod>, string[]]>([
  ["a new Pod: all that select it", set(pod({ a: "1", b: "1" })), ["shop/a", "shop/b"]],
  ["a Pod that is gone", { type: "delete", key: "shop/web-0", old: pod({ a: "1" }) }, ["shop/a"]],
  ["one label more: that route alone", set(pod({ a: "1", b: "1", c: "1" }), pod({ a: "1", b: "1" })), ["shop/c"]],
  ["one label less: that route alone", set(pod({ a: "1", c: "1" }), pod({ a: "1", b: "1", c: "1" })), ["shop/b"]],
  [
    "one label more and another address: all of them, that route first",
    set(pod({ a: "1", b: "1", c: "1" }, { podIP: "10.244.1.12" }), pod({ a: "1", b: "1" })),
    "cab".split("").map((c) => `shop/${c}`),
  ],
  [
    "another address: all of them",
    set(pod({ a: "1", b: "1" }, { podIP: "10.244.1.12" }), pod({ a: "1", b: "1" })),
    ["shop/a", "shop/b"],
  ],
])("%s", (_what, change, expected) => {
  expect(routesConcerned(change, selecting)).toEqual(expected);
});

describe("whether a change is news", () => {
  const whole: Pod = keptOfPod({
    metadata: {
      namespace: "shop",
      name: "web-0",
      uid: "uid-1",
      resourceVersion: "1",
      creationTimestamp: "2026-01-01T00:00:00Z",
      deletionTimestamp: "2026-01-01T00:00:01Z",
      labels: { app: "web" },
      annotations: { [ANNOTATION_POD_IPS]: "[]" },
    },
    spec: { nodeName: "node1", hostNetwork: false },
    status: { phase: "Running", podIP: "10.244.1.11", conditions: [{ type: "Ready", status: "True" }] },
  });

  test("another version alone is none, also of a Pod that was packed meanwhile", () => {
    const packing = podPacking();
    const old = packing.unpack("shop/web-0", packing.pack(whole));
    const object = { ...whole, metadata: { ...whole.metadata, resourceVersion: "2" } };
    expect(isNoNews(set(object, old))).toBe(true);
  });

  test("every other field that is kept of a Pod is", () => {
    const paths = leavesOf(whole).filter(
      (path) => !["metadata/name", "metadata/namespace", "metadata/resourceVersion"].includes(path.join("/")),
    );
    expect(paths.length).toBeGreaterThan(9);
    const missed = paths.filter((path) => isNoNews(set(changedAt(whole, path) as Pod, whole)));
    expect(missed).toEqual([]);
  });
});

function leavesOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (value === undefined) return [];
  if (typeof value !== "object" || value === null) return [path];
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, [...path, name]));
}

function changedAt(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (name === undefined) return `${String(value)} changed`;
  const whole = value as Record<string, unknown>;
  if (Array.isArray(value))
    return value.map((inner: unknown, index) => (String(index) === name ? changedAt(inner, rest) : inner));
  return { ...whole, [name]: changedAt(whole[name], rest) };
}
