import fc from "fast-check";
import { PodIndex } from "../../controller-image/src/controller/pod-index";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { keyOf, type Pod } from "../../lib/model/kubernetes";
import { selects } from "../../lib/model/selection";

const namespaces = fc.constantFrom("edge", "core");
const labels = fc.dictionary(fc.constantFrom("app", "tier", "pod-name"), fc.constantFrom("a", "b", "c"), {
  maxKeys: 3,
});
const pod = (namespace: string, name: string, its: Record<string, string>): Pod => ({
  metadata: { namespace, name, labels: its },
});
const route = (namespace: string, matchLabels: Record<string, string>): GKEIPRoute =>
  ({ metadata: { namespace, name: "r" }, spec: { podSelector: { matchLabels } } }) as unknown as GKEIPRoute;

type Step =
  | { readonly does: "pod"; readonly pod: Pod }
  | { readonly does: "delete"; readonly key: string }
  | { readonly does: "route"; readonly route: GKEIPRoute }
  | { readonly does: "drop"; readonly nth: number };

const names = fc.constantFrom("p-0", "p-1", "p-2", "p-3");
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    fc.record({
      does: fc.constant("pod" as const),
      pod: fc.tuple(namespaces, names, labels).map((all) => pod(...all)),
    }),
    fc.record({
      does: fc.constant("delete" as const),
      key: fc.tuple(namespaces, names).map(([ns, name]) => `${ns}/${name}`),
    }),
    fc.record({ does: fc.constant("route" as const), route: fc.tuple(namespaces, labels).map((all) => route(...all)) }),
    fc.record({ does: fc.constant("drop" as const), nth: fc.nat(8) }),
  ),
  { maxLength: 40 },
);

describe("the index of Pods", () => {
  it("names every Pod that a route's selector matches, whatever came first, and none of another namespace", () => {
    fc.assert(
      fc.property(steps, (given) => {
        const pods = new Map<string, Pod>();
        const routes: GKEIPRoute[] = [];
        const index = new PodIndex((key) => pods.get(key));
        for (const step of given) {
          if (step.does === "pod") {
            const key = keyOf(step.pod);
            const old = pods.get(key);
            pods.set(key, step.pod);
            if (old !== undefined) index.remove(old, key);
            index.add(step.pod, key);
          } else if (step.does === "delete") {
            const old = pods.get(step.key);
            pods.delete(step.key);
            if (old !== undefined) index.remove(old, step.key);
          } else if (step.does === "route") {
            routes.push(step.route);
            index.addRoute(step.route);
          } else {
            const [dropped] = routes.splice(step.nth, 1);
            if (dropped !== undefined) index.removeRoute(dropped);
          }
          for (const one of routes) {
            const { namespace } = one.metadata;
            const found = index.candidates(one);
            const matching = [...pods.values()].filter(
              ({ metadata }) =>
                metadata.namespace === namespace && selects(one.spec.podSelector ?? {}, metadata.labels),
            );
            expect(found).toEqual(expect.arrayContaining(matching.map(keyOf)));
            expect(found.every((key) => key.startsWith(`${namespace}/`) && pods.has(key))).toBe(true);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it("names only the Pods with the label that the route is indexed under", () => {
    const all = [
      pod("edge", "p-0", { app: "a", "pod-name": "p-0" }),
      pod("edge", "p-1", { app: "a", "pod-name": "p-1" }),
    ];
    const index = new PodIndex((key) => all.find((one) => keyOf(one) === key));
    const one = route("edge", { app: "a", "pod-name": "p-1" });
    index.addRoute(one);
    for (const each of all) index.add(each, keyOf(each));
    expect(index.candidates(one)).toEqual(["edge/p-1"]);
  });
});
