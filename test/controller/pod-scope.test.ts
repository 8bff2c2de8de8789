import fc from "fast-check";
import type { LabelSelector } from "../../lib/model/kubernetes";
import { selectorProblem, selects } from "../../lib/model/selection";
import { includes, labelSelectorOf, MOST_VALUES, needOf, union } from "../../controller-image/src/controller/pod-scope";

const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `v${index}`);
const asked = (selector: LabelSelector): string => {
  const need = needOf(selector);
  return need === undefined ? "no Pod" : (labelSelectorOf(need) ?? "every Pod");
};

test.each<[string, LabelSelector, string]>([
  ["one label", { matchLabels: { app: "amf" } }, "app in (amf)"],
  [
    "the Pods of a StatefulSet by their names, whatever else they have",
    { matchLabels: { app: "amf", "statefulset.kubernetes.io/pod-name": "amf-0" } },
    "statefulset.kubernetes.io/pod-name in (amf-0)",
  ],
  [
    "one of some values",
    { matchExpressions: [{ key: "app", operator: "In", values: ["upf", "amf"] }] },
    "app in (amf,upf)",
  ],
  ["any value", { matchExpressions: [{ key: "pinned", operator: "Exists" }] }, "pinned"],
  ["an empty value", { matchLabels: { pinned: "" } }, "pinned"],
  ["too many values", { matchExpressions: [{ key: "app", operator: "In", values: many(MOST_VALUES + 1) }] }, "app"],
  ["what Pods must not have", { matchExpressions: [{ key: "app", operator: "NotIn", values: ["web"] }] }, "every Pod"],
  ["a label that no Pod can have", { matchLabels: { "not a key": "amf" } }, "no Pod"],
  ["a value that no Pod can have", { matchLabels: { app: "not a value" } }, "no Pod"],
  [
    "values of which one is possible",
    { matchExpressions: [{ key: "app", operator: "In", values: ["not a value", "amf"] }] },
    "app in (amf)",
  ],
  [
    "values of which none is possible",
    { matchExpressions: [{ key: "app", operator: "In", values: ["not a value"] }] },
    "no Pod",
  ],
  ["a key that no Pod can have", { matchExpressions: [{ key: "-", operator: "Exists" }] }, "no Pod"],
  ["nothing", {}, "no Pod"],
  ["an operator that is none", { matchExpressions: [{ key: "app", operator: "Near" }] }, "no Pod"],
])("a route that selects by %s", (_, selector, expected) => expect(asked(selector)).toBe(expected));

const KEYS = ["app", "example.com/role", "not a key"];
const VALUES = ["", "a", "b", "not a value"];
const key = fc.constantFrom(...KEYS);
const labels = fc.dictionary(fc.constantFrom("app", "example.com/role"), fc.constantFrom("", "a", "b"));
const selectors: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: fc.dictionary(key, fc.constantFrom(...VALUES), { maxKeys: 2 }),
  matchExpressions: fc.array(
    fc.record({
      key,
      operator: fc.constantFrom("In", "NotIn", "Exists", "DoesNotExist", "Near"),
      values: fc.array(fc.constantFrom(...VALUES), { maxLength: 3 }),
    }),
    { maxLength: 2 },
  ),
});

test("every Pod that a usable selector selects is one of those that are asked for", () => {
  fc.assert(
    fc.property(selectors, labels, (selector, has) => {
      fc.pre(selectorProblem(selector) === undefined && selects(selector, has));
      const need = needOf(selector);
      if (need === undefined) return false;
      return need.key === "" || (Object.hasOwn(has, need.key) && includes(need.values, new Set([has[need.key] ?? ""])));
    }),
    { numRuns: 5_000 },
  );
});

test("two kinds of values are both in their union, which stays short", () => {
  const [a, b] = [new Set(many(MOST_VALUES)), new Set(["w"])];
  expect(union(b, new Set(["x"]))).toEqual(new Set(["w", "x"]));
  expect([union(a, b), union(a, "any"), union("any", b)]).toEqual(["any", "any", "any"]);
  expect([includes(a, new Set(["v1", "w"])), includes(a, "any"), includes("any", a)]).toEqual([false, false, true]);
});
