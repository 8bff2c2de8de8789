import { RouteReason } from "../../lib/model/gke-api";
import type { Condition } from "../../lib/model/kubernetes";
import { adviceFor, awaitedConditions, unreadyRoute, waitForExpression } from "../../lib/model/waiting";

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

const EXPLAIN = "npx podpin explain amf-0 --namespace edge";
const condition = (type: string, status: Condition["status"], reason: string, message = ""): Condition => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 2,
});
const told = (live: Parameters<typeof unreadyRoute>[0]["live"], awaited: readonly string[] = ["Accepted", "Ready"]) =>
  unreadyRoute({ namespace: "edge", name: "amf-0", provider: "gke", awaited, seconds: 300, live }).split("\n");

test("tells the conditions of a route that is not ready in the order in which they come true, each advice once", () => {
  const conditions = [
    condition("Ready", "False", "GCPFailed", "address in use"),
    condition("VendorCheck", "False", "Odd"),
    condition("IPRouteGCPReady", "False", "GCPFailed", "address in use"),
    condition("Accepted", "True", "Accepted"),
  ];
  expect(told({ generation: 2, conditions })).toEqual([
    "GKEIPRoute edge/amf-0 was not Ready after 300 s:",
    "  IPRouteGCPReady: False, GCPFailed: address in use",
    `    what to do: ${adviceFor("GCPFailed")}`,
    "  Ready: False, GCPFailed: address in use",
    "  VendorCheck: False, Odd",
    `  all that is known: ${EXPLAIN}`,
  ]);
});

test.each([
  [
    "conditions about an older generation",
    { generation: 3, conditions: [condition("Ready", "True", "ProgrammingComplete")] },
    "  its conditions are about generation 2, and it is at generation 3: the controller has not seen the last change",
    "    what to do: read the log of the controller",
  ],
  [
    "a condition that nobody wrote",
    { generation: 2, conditions: [condition("Accepted", "True", "Accepted")] },
    "  Ready: not told by the controller",
  ],
  [
    "a route that has become Ready meanwhile",
    { generation: 2, conditions: [condition("Accepted", "True", "Accepted"), condition("Ready", "True", "Mutated")] },
    "  every condition is True by now",
    "    what to do: run pulumi up again",
  ],
] as const)("tells of %s", (_, live, ...lines) => {
  const subject = "GKEIPRoute edge/amf-0 was not Ready after 300 s:";
  expect(told(live)).toEqual([subject, ...lines, `  all that is known: ${EXPLAIN}`]);
});

test("tells that nobody serves the route, and where to look when it cannot be read", () => {
  const served = { namespace: "edge", name: "amf-0", provider: "podpin", awaited: ["Accepted"], seconds: 5 } as const;
  expect(unreadyRoute({ ...served, live: {} }).split("\n")).toEqual([
    "GKEIPRoute edge/amf-0 was not Accepted after 5 s:",
    "  it has no conditions: no controller has looked at it",
    "    what to do: declare a PersistentIpController, or see whether its Pods run: kubectl get pods -A -l app.kubernetes.io/name=podpin",
    `  all that is known: ${EXPLAIN}`,
  ]);
  expect(unreadyRoute(served)).toBe(
    `GKEIPRoute edge/amf-0 was not Accepted after 5 s, and could not be read to say why:\n  what to do: ${EXPLAIN}`,
  );
});
