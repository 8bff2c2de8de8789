import { RouteReason } from "../../lib/model/gke-api";
import { adviceFor, awaitedConditions, waitForExpression } from "../../lib/model/waiting";

test.each([
  ["podpin's controller", "podpin", {}, ["Accepted", "GCPReady", "DPV2Ready", "Ready"]],
  ["GKE's own, whose fabric condition has two names", "gke", {}, ["Accepted", "Ready"]],
  ["load balancing, of whose Ready nothing is published", "gke", { healthCheckName: "probe" }, ["Accepted"]],
] as const)("awaits the conditions of %s, in the order in which they come true", (_, provider, fields, conditions) => {
  expect(awaitedConditions({ fields }, provider)).toEqual(conditions);
});

test("writes conditions as Pulumi reads them", () => {
  expect(waitForExpression(["Accepted", "Ready"])).toBe('["condition=Accepted","condition=Ready"]');
});

test("has advice for every reason of GKE's, and for no other", () => {
  const said = Object.values(RouteReason).map(adviceFor);
  expect(said.filter((text) => text === undefined || text === "")).toEqual([]);
  expect(new Set(said).size).toBe(said.length);
  expect([adviceFor("Unheard"), adviceFor("toString")]).toEqual([undefined, undefined]);
});
