import { conditionType, routeCondition } from "../../lib/model/gke-api";

test.each([
  ["GCPReady", "GCPReady"],
  ["IPRouteGCPReady", "GCPReady"],
  ["DPv2Ready", "DPV2Ready"],
  ["DPV2Ready", "DPV2Ready"],
  ["Ready", "Ready"],
  ["DPv2Removed", "DPv2Removed"],
])("a condition %s is read as %s", (type, name) => {
  expect(conditionType(type)).toBe(name);
});

test("a route's condition is found under each of its names", () => {
  const condition = { type: "IPRouteGCPReady", status: "True", reason: "Ok", message: "" } as const;
  expect(routeCondition([condition], "GCPReady")).toBe(condition);
  expect(routeCondition([condition], "Ready")).toBeUndefined();
  expect(routeCondition(undefined, "Ready")).toBeUndefined();
});
