// Which nodes are prepared ahead: all while they are few, else those that are the likeliest by the rule that chooses a Pod.
import fc from "fast-check";
import { candidatesOf, MOST_PREPARED } from "../../controller-image/src/controller/cloud-candidates";
import { healthOf } from "../../controller-image/src/controller/choice";
import type { NodeView } from "../../controller-image/src/controller/handover";
import type { Pod } from "../../lib/model/kubernetes";
import { choosePod } from "../../lib/model/selection";
import { aPod, aRoute } from "../support/objects";

const OWNER = aPod("owner", { node: "node-0", uid: "owner-uid" });
const route = aRoute();
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString().replace(".000", "");
const HEALTHY: NodeView = {
  address: "192.0.2.1",
  ready: true,
  unreadyMs: 0,
  lost: false,
  heard: true,
  cordoned: false,
};
const LOST = { ...HEALTHY, lost: true };
const CORDONED = { ...HEALTHY, cordoned: true };
const prepared = (pods: readonly Pod[], node: (name: string) => NodeView = () => HEALTHY): readonly string[] =>
  candidatesOf({ route, pods, node, serving: ["node-0"], owners: ["owner-uid"] });

/** One on a node of its own for each minute; the last is the newest. */
const one = (minute: number, fields: Parameters<typeof aPod>[1] = {}): Pod =>
  aPod(`p-${minute}`, { node: `node-${minute}`, created: at(minute), ...fields });
const many = (count: number): Pod[] => Array.from({ length: count }, (_, i) => one(i + 1));
const nodes = (first: number, last: number): string[] =>
  Array.from({ length: last - first + 1 }, (_, i) => `node-${first + i}`);

test("are all of them while there are few, and then that of the address and of the newest Pods", () => {
  expect(prepared([OWNER, ...many(15)])).toEqual(["node-0", ...nodes(1, 15)].sort());
  expect(prepared([OWNER, ...many(16)])).toEqual(["node-0", ...nodes(2, 16)].sort());
  expect(prepared([OWNER, ...many(500)])).toEqual(["node-0", ...nodes(486, 500)].sort());
});

test("count by node, not by Pod", () => {
  const together = many(40).map((pod, i) => ({ ...pod, spec: { nodeName: `node-${(i % 10) + 1}` } }));
  expect(prepared([OWNER, ...together])).toEqual(["node-0", ...nodes(1, 10)].sort());
});

test.each<[string, Pod, boolean]>([
  ["the Pod that would be chosen now, be it the oldest", one(1), true],
  ["an older Pod that is not Ready either", one(1, { ready: false }), false],
])("with many newer Pods that are not Ready: %s", (_what, oldest, isPrepared) => {
  const newer = many(40).slice(1);
  const unready = newer.map((pod) => ({ ...pod, status: { ...pod.status, conditions: [] } }));
  expect(prepared([OWNER, oldest, ...unready]).includes("node-1")).toBe(isPrepared);
});

test.each<[string, Pod, NodeView]>([
  ["a Pod that is being deleted", one(41, { terminating: true }), HEALTHY],
  ["a Pod of a cordoned node", one(41), CORDONED],
  ["a Pod of a lost node", one(41), LOST],
])("a place goes to %s only where one is left", (_what, pod, state) => {
  const node = (name: string): NodeView => (name === "node-41" ? state : HEALTHY);
  expect(prepared([OWNER, ...many(20), pod], node)).not.toContain("node-41");
  expect(prepared([OWNER, ...many(14), pod], node)).toContain("node-41");
});

test("a Pod that has just been bound is prepared before it has an address", () => {
  expect(prepared([OWNER, ...many(20), one(41, { ip: undefined, ready: false })])).toContain("node-41");
});

test("whatever Pods there are: few, those of the addresses among them, and whoever is chosen next", () => {
  const pod = fc.record({
    minute: fc.integer({ min: 1, max: 50 }),
    place: fc.integer({ min: 1, max: 40 }),
    ready: fc.boolean(),
    terminating: fc.boolean(),
    ip: fc.constantFrom("10.244.1.5", undefined),
  });
  const states = fc.array(fc.constantFrom(HEALTHY, LOST, CORDONED), {
    minLength: 41,
    maxLength: 41,
  });
  fc.assert(
    fc.property(fc.array(pod, { maxLength: 60 }), states, (drawn, health) => {
      const node = (name: string): NodeView | undefined => health[Number(name.split("-")[1])];
      const pods = drawn.map(({ minute, place, ...fields }, i) =>
        aPod(`p-${i}`, { node: `node-${place}`, created: at(minute), ...fields }),
      );
      const candidates = candidatesOf({
        route,
        pods: [OWNER, ...pods],
        node,
        serving: ["node-0"],
        owners: ["owner-uid"],
      });
      const all = new Set(["node-0", ...pods.map(({ spec }) => spec?.nodeName ?? "")]);
      expect(candidates).toHaveLength(Math.min(all.size, MOST_PREPARED));
      expect(candidates).toContain("node-0");
      expect([...candidates].sort()).toEqual(candidates);
      const rules = {
        reactionMode: "ReadyCondition",
        network: "default",
        nodeHealth: (name: string) => healthOf(node(name)),
      };
      const next = choosePod(pods, rules)?.spec?.nodeName;
      if (next !== undefined) expect(candidates).toContain(next);
    }),
  );
});
