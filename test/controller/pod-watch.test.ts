import fc from "fast-check";
import type { Change } from "../../controller-image/src/kube/api";
import { PodWatch } from "../../controller-image/src/controller/pod-watch";
import type { GKEIPRoute } from "../../lib/model/gke-api";
import { keyOf, RESOURCES, type LabelSelector, type Pod } from "../../lib/model/kubernetes";
import { selects } from "../../lib/model/selection";
import { MemoryKube, MemoryServer } from "../support/memory-kube";
import { aRoute } from "../support/objects";
import { VirtualClock } from "../support/virtual-clock";

const { pods } = RESOURCES;
const selecting = (podSelector: LabelSelector): GKEIPRoute => aRoute({ podSelector });
const by = (...labels: readonly (readonly [string, string])[]): GKEIPRoute =>
  selecting({ matchLabels: Object.fromEntries(labels) });
const EVERY = selecting({ matchExpressions: [{ key: "app", operator: "DoesNotExist" }] });

function watching(...routes: readonly GKEIPRoute[]) {
  const clock = new VirtualClock();
  const server = new MemoryServer({ clock });
  const kube = new MemoryKube(server, { clock, delivery: "manual" });
  const selectors: (string | undefined)[] = [];
  /** What has been told, as whoever listens knows it. */
  const told = new Map<string, Pod>();
  const wrong: string[] = [];
  let synced = 0;
  const onChange = (change: Change<Pod>): void => {
    const { key, old } = change;
    if (old?.metadata.resourceVersion !== told.get(key)?.metadata.resourceVersion)
      wrong.push(`${key}: another old one`);
    if (change.type === "delete") return void told.delete(key);
    const [before, now] = [told.get(key), change.object].map((pod) => Number(pod?.metadata.resourceVersion ?? "0"));
    if ((now ?? 0) < (before ?? 0)) wrong.push(`${key}: back from ${before} to ${now}`);
    told.set(key, change.object);
  };
  const watch = new PodWatch({
    kube: {
      reflect: (options) => {
        selectors.push(options.labelSelector);
        return kube.reflect(options);
      },
    },
    onChange,
    onSynced: () => synced++,
    onCovered: () => undefined,
  });
  for (const route of routes) watch.need(route);
  watch.begin();
  const pod = (name: string, labels: Readonly<Record<string, string>>): void =>
    void server.create<Pod>(pods, { metadata: { namespace: "edge", name, labels } });
  const relabel = (name: string, labels: Readonly<Record<string, string>>): void => {
    const now = server.get<Pod>(pods, { namespace: "edge", name });
    if (now !== undefined) server.replace<Pod>(pods, { ...now, metadata: { ...now.metadata, labels } });
  };
  const names = (): string[] => [...told.keys()].map((key) => key.slice("edge/".length)).sort();
  return { server, kube, watch, selectors, told, wrong, pod, relabel, names, syncs: () => synced };
}

test("asks for the Pods of its routes alone, and is complete when it has them", () => {
  const { watch, kube, pod, names, selectors, syncs } = watching(
    by(["app", "amf"]),
    by(["app", "upf"]),
    by(["role", "nat"]),
  );
  pod("amf", { app: "amf" });
  pod("nat", { role: "nat" });
  pod("web", { app: "web" });
  expect(selectors).toEqual(["app in (amf,upf)", "role in (nat)"]);
  kube.deliver(1);
  expect([watch.synced, syncs()]).toEqual([false, 0]);
  kube.deliver();
  expect([watch.synced, syncs(), names()]).toEqual([true, 1, ["amf", "nat"]]);
});

test("is complete at once where there is no route, and asks for nothing", () => {
  const { watch, selectors, syncs } = watching();
  expect([watch.synced, syncs(), selectors, watch.heardAt, watch.lastError]).toEqual([
    true,
    1,
    [],
    undefined,
    undefined,
  ]);
});

test("knows the Pods of one more route once their list is complete, and says of no Pod that it is gone meanwhile", () => {
  const { watch, kube, pod, names, selectors, wrong, syncs } = watching(by(["app", "amf"]));
  pod("amf", { app: "amf" });
  pod("upf", { app: "upf" });
  kube.deliver();
  const more = by(["app", "upf"]);
  watch.need(more);
  expect([watch.covers(by(["app", "amf"])), watch.covers(more), watch.synced]).toEqual([true, false, true]);
  kube.deliver();
  expect([watch.covers(more), names(), selectors]).toEqual([
    true,
    ["amf", "upf"],
    ["app in (amf)", "app in (amf,upf)"],
  ]);
  watch.need(more);
  expect([selectors.length, wrong, syncs()]).toEqual([2, [], 1]);
});

test("asks once more for all that was wanted while it waited for a list", () => {
  const { watch, kube, selectors } = watching();
  for (const value of ["a", "b", "c"]) watch.need(by(["app", value]));
  kube.deliver();
  expect(selectors).toEqual(["app in (a)", "app in (a,b,c)"]);
  expect(["a", "b", "c"].map((value) => watch.covers(by(["app", value])))).toEqual([true, true, true]);
});

test("watches every Pod, and that once, when a route may select any or the labels are too many", () => {
  const any = watching(by(["app", "amf"]));
  any.pod("web", { app: "web" });
  any.pod("amf", { app: "amf" });
  any.kube.deliver();
  any.watch.need(EVERY);
  any.kube.deliver();
  any.watch.need(by(["role", "nat"]));
  expect([any.selectors, any.names(), any.watch.seesEveryPod]).toEqual([
    ["app in (amf)", undefined],
    ["amf", "web"],
    true,
  ]);
  expect([any.watch.covers(EVERY), any.watch.covers(by(["role", "nat"])), any.wrong]).toEqual([true, true, []]);

  const labels = Array.from({ length: 17 }, (_, index) => by([`team-${index}`, "a"]));
  const crowd = watching(...labels);
  crowd.kube.deliver();
  expect(crowd.selectors.at(-1)).toBeUndefined();
  expect([crowd.watch.synced, ...labels.map((route) => crowd.watch.covers(route))]).not.toContain(false);
});

test("a selector that no Pod can meet, or that is none, asks for nothing and is waited for by nobody", () => {
  const odd = [
    by(["not a key", "a"]),
    selecting({}),
    selecting({ matchExpressions: [{ key: "app", operator: "Near" }] }),
  ];
  const { watch, selectors } = watching(...odd);
  expect([selectors, watch.synced, ...odd.map((route) => watch.covers(route))]).toEqual([[], true, true, true, true]);
});

const BOTH = { app: "amf", role: "nat" };

/** One watch has lost the Pod at its last change; the other one has not even seen the two before. */
function apart() {
  const all = watching(by(["app", "amf"]), by(["role", "nat"]));
  all.pod("p", BOTH);
  all.kube.deliver();
  const backup = all.server.backup();
  all.relabel("p", { ...BOTH, step: "1" });
  all.relabel("p", { ...BOTH, step: "2" });
  all.relabel("p", { role: "nat", step: "3" });
  for (let event = 0; event < 3; event++) all.kube.deliverOf(0);
  const step = (): string | undefined => all.told.get("edge/p")?.metadata.labels?.["step"];
  return { ...all, backup, step };
}

test("a Pod that one watch has lost stays as it was told last until the other one has caught up", () => {
  const { kube, watch, step, wrong, server } = apart();
  expect([step(), watch.get("edge/p")?.metadata.labels?.["step"]]).toEqual(["2", "2"]);
  for (const known of ["2", "2", "3"]) {
    kube.deliverOf(1);
    expect(step()).toBe(known);
  }
  expect(wrong).toEqual([]);
  server.delete(pods, { namespace: "edge", name: "p" });
  kube.deliver();
  expect([step(), watch.get("edge/p"), wrong]).toEqual([undefined, undefined, []]);
});

test("a Pod that both watches have lost is gone, also when one of them had not seen its last change", () => {
  const { kube, watch, relabel, names, wrong } = apart();
  relabel("p", {});
  kube.deliverOf(1);
  kube.deliver();
  expect([names(), watch.get("edge/p"), wrong]).toEqual([[], undefined, []]);
});

test("a Pod that one watch has lost is as the server has it after a backup was restored", () => {
  const { kube, server, backup, watch, step } = apart();
  server.restore(backup);
  kube.relist();
  kube.deliver();
  expect([watch.get("edge/p")?.metadata.labels, step()]).toEqual([BOTH, undefined]);
});

test("after a restored backup a Pod is as the server has it, also one that went back while two watches differed", () => {
  const { server, kube, watch, pod, relabel, told } = watching(by(["app", "amf"]), by(["role", "nat"]));
  pod("p", { app: "amf", role: "nat" });
  kube.deliver();
  const backup = server.backup();
  relabel("p", { role: "nat" });
  kube.deliver(1);
  server.restore(backup);
  kube.relist();
  kube.deliver();
  expect(watch.get("edge/p")?.metadata.labels).toEqual({ app: "amf", role: "nat" });
  expect(told.get("edge/p")?.metadata.labels).toEqual({ app: "amf", role: "nat" });
});

type Step =
  | { readonly do: "set"; readonly name: string; readonly labels: Readonly<Record<string, string>> }
  | { readonly do: "delete"; readonly name: string }
  | { readonly do: "route"; readonly route: GKEIPRoute }
  | { readonly do: "deliver"; readonly watch: number }
  | { readonly do: "relist" };

/** Most Pods have what two watches ask for. */
const LABELS = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ app: "a", role: "a" }) },
  { weight: 2, arbitrary: fc.dictionary(fc.constantFrom("app", "role"), fc.constantFrom("a", "b")) },
);
const ROUTES = [by(["app", "a"]), by(["app", "b"]), by(["role", "a"]), by(["app", "a"], ["role", "b"]), EVERY];
const NAMES = fc.constantFrom("p", "p", "p", "q");
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("set" as const), name: NAMES, labels: LABELS }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("delete" as const), name: NAMES }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("route" as const), route: fc.constantFrom(...ROUTES) }) },
    { weight: 6, arbitrary: fc.record({ do: fc.constant("deliver" as const), watch: fc.constantFrom(0, 0, 1, 2) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("relist" as const) }) },
  ),
  { maxLength: 40 },
);

test("however the watches overtake each other, no Pod goes back in time, and in the end all is as it is", () => {
  fc.assert(
    fc.property(fc.subarray(ROUTES.slice(0, 4)), steps, (first, done) => {
      const { server, kube, watch, pod, relabel, told, wrong } = watching(...first);
      const wanted = [...first];
      for (const step of done) {
        if (step.do === "set") {
          const { name, labels } = step;
          if (server.get(pods, { namespace: "edge", name }) === undefined) pod(name, labels);
          else relabel(name, labels);
        } else if (step.do === "delete") {
          if (server.get(pods, { namespace: "edge", name: step.name }) !== undefined)
            server.delete(pods, { namespace: "edge", name: step.name });
        } else if (step.do === "route") {
          watch.need(step.route);
          wanted.push(step.route);
        } else if (step.do === "deliver") kube.deliverOf(step.watch);
        else kube.relist();
      }
      kube.deliver();
      const there = server.list<Pod>(pods);
      const versionOf = (pod: Pod | undefined): string | undefined => pod?.metadata.resourceVersion;
      for (const pod of there) {
        const selected = wanted.some(({ spec }) => selects(spec.podSelector ?? {}, pod.metadata.labels));
        if (selected || told.has(keyOf(pod))) expect(versionOf(told.get(keyOf(pod)))).toBe(versionOf(pod));
      }
      for (const key of told.keys()) {
        expect(there.map(keyOf)).toContain(key);
        expect(versionOf(watch.get(key))).toBe(versionOf(told.get(key)));
      }
      expect([wrong, wanted.filter((route) => !watch.covers(route)), watch.synced]).toEqual([[], [], true]);
    }),
    { numRuns: 2_000 },
  );
});
