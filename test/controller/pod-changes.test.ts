import { routesConcerned } from "../../controller-image/src/controller/pod-changes";
import type { Pod } from "../../lib/model/kubernetes";
import type { Change } from "../../controller-image/src/kube/api";

const pod = (labels: Record<string, string>, more: Partial<Pod["status"]> = {}, resourceVersion = "1"): Pod => ({
  metadata: { namespace: "shop", name: "web-0", uid: "uid-1", resourceVersion, labels },
  spec: { nodeName: "node1" },
  status: { podIP: "10.244.1.11", ...more },
});
/** A route for each label. */
const candidates = ({ metadata }: Pod): string[] => Object.keys(metadata.labels ?? {}).map((name) => `shop/${name}`);
const set = (object: Pod, old?: Pod): Change<Pod> => ({ type: "set", key: "shop/web-0", object, old });

test.each<[string, Change<Pod>, string[]]>([
  ["a new Pod: all that select it", set(pod({ a: "1", b: "1" })), ["shop/a", "shop/b"]],
  ["a Pod that is gone", { type: "delete", key: "shop/web-0", old: pod({ a: "1" }) }, ["shop/a"]],
  [
    "one label more: that route first",
    set(pod({ a: "1", b: "1", c: "1" }), pod({ a: "1", b: "1" })),
    "cab".split("").map((c) => `shop/${c}`),
  ],
  [
    "one label less: that route first",
    set(pod({ a: "1", c: "1" }), pod({ a: "1", b: "1", c: "1" })),
    "bac".split("").map((c) => `shop/${c}`),
  ],
  [
    "another address: all of them",
    set(pod({ a: "1", b: "1" }, { podIP: "10.244.1.12" }), pod({ a: "1", b: "1" })),
    ["shop/a", "shop/b"],
  ],
  ["nothing that anybody here reads: none", set(pod({ a: "1" }, {}, "2"), pod({ a: "1" }, {}, "1")), []],
])("%s", (_what, change, expected) => {
  expect(routesConcerned(change, candidates)).toEqual(expected);
});
