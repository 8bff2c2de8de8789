import { explanation } from "../../lib/cli/explain";
import { statusTable } from "../../lib/cli/status";
import { snapshot, type Snapshot } from "../../lib/cli/cluster";
import { typedAddress } from "../../lib/model/address";
import { adviceFor } from "../../lib/model/waiting";
import { A, aBinding, aClass, aGateway, aPod, aRoute, B } from "../support/objects";

const ready = { type: "Ready", status: "True", reason: "ProgrammingComplete", message: "" } as const;
const served: Snapshot = {
  routes: [
    { ...aRoute({ addresses: [typedAddress(A), typedAddress(B)] }), status: { pods: ["p"], conditions: [ready] } },
    aRoute({ addresses: [typedAddress(B)] }, { name: "younger", creationTimestamp: "2026-01-02T00:00:00Z" }),
  ],
  gateways: [aGateway()],
  classes: [aClass()],
  networks: [],
  namespaces: [{ metadata: { name: "edge" } }],
  bindings: [
    aBinding({ epoch: 4 }, [{ nodeName: "node1", epoch: 4, podUid: "p-uid", state: "Announced" }]),
    aBinding({ address: B, epoch: 2, releasing: { nodeName: "node2", epoch: 1, forwardTo: "", wait: true } }),
  ],
  pods: [aPod("p"), aPod("q", { ready: false, created: "2026-01-01T00:02:00Z", node: "node2", ip: "10.244.2.4" })],
};

test("status has a line for each address of each route", () => {
  expect(statusTable(served)).toBe(
    [
      "ADDRESS        ROUTE         POD  NODE   EPOCH  READY    REASON",
      "198.51.100.10  edge/route    p    node1  4      True     ProgrammingComplete",
      "198.51.100.11  edge/route    p    node1  2      True     ProgrammingComplete",
      "198.51.100.11  edge/younger  -    -      -      Unknown  no controller has looked at it yet",
      "",
    ].join("\n"),
  );
  expect(statusTable(served, "elsewhere")).toBe("No GKEIPRoute asks for an address.\n");
});

test.each([
  [undefined, "; the cloud leads it nowhere yet"],
  [{ nodeName: "node2", epoch: 3 }, "; the cloud still leads it to node2"],
  [{ nodeName: "node1", epoch: 4 }, ""],
])("explain says where the cloud leads an address, unless that is where it belongs: %j", (led, text) => {
  const bindings = served.bindings.map((one) => ({ ...one, spec: { ...one.spec, fabric: "gce" as const, led } }));
  expect(explanation({ ...served, bindings }, "edge", "route")).toContain(
    `198.51.100.10, epoch 4: given to Pod p on node1, whose agent says: Announced${text}\n`,
  );
});

test("explain says who gets an address if its node is lost", () => {
  const standby = { nodeName: "node2", podName: "q", podUid: "q-uid", podIp: "10.244.2.4" };
  const bindings = served.bindings.map((one) => ({ ...one, spec: { ...one.spec, standby } }));
  const text = explanation({ ...served, bindings }, "edge", "route");
  expect(text).toContain("Announced; next if node1 is lost: Pod q on node2\n");
  expect(text).toContain("node node2 has yet to let go; next if node1 is lost: Pod q on node2\n");
});

test("explain says who matched, who was chosen, and what the nodes say", () => {
  expect(explanation(served, "edge", "route")).toBe(
    [
      "GKEIPRoute edge/route",
      "Accepted: yes",
      "Pods that match podSelector: 2; the newest eligible one (ReadyCondition) has the addresses",
      "* p: eligible, created 2026-01-01T00:01:00Z, on node1, 10.244.1.5",
      "  q: not eligible, created 2026-01-01T00:02:00Z, on node2, 10.244.2.4",
      "198.51.100.10, epoch 4: given to Pod p on node1, whose agent says: Announced",
      "198.51.100.11, epoch 2: given to Pod p on node1, whose agent says: nothing yet; node node2 has yet to let go",
      "",
    ].join("\n"),
  );
  expect(explanation(served, "edge", "younger")).toContain(
    "  198.51.100.11 is also claimed by the older GKEIPRoute edge/route",
  );
  expect(explanation(served, "edge", "nothing")).toBeUndefined();
});

test("explain goes by the health of the nodes, as far as their objects tell it, and does without them", () => {
  const pods = [aPod("p"), aPod("q", { created: "2026-01-01T00:00:30Z", node: "node2", ip: "10.244.2.4" })];
  const lines = (nodes: Snapshot["nodes"]): string[] =>
    explanation({ ...served, pods, nodes }, "edge", "route")!
      .split("\n")
      .slice(3, 5);
  const [P, Q] = [
    "p: eligible, created 2026-01-01T00:01:00Z, on node1",
    "q: eligible, created 2026-01-01T00:00:30Z, on node2",
  ];
  expect(lines(undefined)).toEqual([`* ${P}, 10.244.1.5`, `  ${Q}, 10.244.2.4`]);
  const cordoned = { metadata: { name: "node1" }, spec: { unschedulable: true } };
  expect(lines([cordoned, { metadata: { name: "node2" } }])).toEqual([
    `  ${P} (cordoned: Pods elsewhere come first), 10.244.1.5`,
    `* ${Q}, 10.244.2.4`,
  ]);
  expect(lines([cordoned])).toEqual([
    `* ${P} (cordoned: Pods elsewhere come first), 10.244.1.5`,
    `  ${Q} (gone: Pods elsewhere come first), 10.244.2.4`,
  ]);
});

test("explain has what a route that is Ready says besides", () => {
  const message = "the addresses reach Pod p; moves are damped (4 moves in the last 10 minutes): …";
  const route = { ...served.routes[0]!, status: { conditions: [{ ...ready, message }] } };
  expect(explanation({ ...served, routes: [route] }, "edge", "route")).toContain(
    `\nAccepted: yes\nReady: ${message}\n`,
  );
});

test("explain says what to do about each condition that does not hold", () => {
  const waiting = {
    ...served.routes[0]!,
    status: {
      conditions: [
        { type: "Accepted", status: "True", reason: "Accepted", message: "" },
        { type: "GCPReady", status: "Unknown", reason: "NoPodsFound", message: "no eligible Pod" },
        { type: "Ready", status: "False", reason: "Unheard", message: "" },
      ],
    },
  } as const;
  expect(
    explanation({ ...served, routes: [waiting] }, "edge", "route")
      ?.split("\n")
      .slice(1, 5),
  ).toEqual([
    "Accepted: yes",
    "GCPReady: Unknown, NoPodsFound: no eligible Pod",
    "  what to do: check that a Pod in the namespace of the route has the labels of podSelector, has a node, and with ReadyCondition is Ready: kubectl get pods --show-labels",
    "Ready: False, Unheard",
  ]);
  const lost = { ...served, gateways: [] };
  expect(explanation(lost, "edge", "route")).toContain(
    "\n  what to do: create the Gateway of the pool, or correct spec.parentRefs[0].name and .namespace\n",
  );
});

test("a cluster without podpin's definition has no bindings, who may not see nodes has none; another error is told", async () => {
  const answer =
    (fail?: string, kind = "addressbindings.podpin.dev") =>
    (args: readonly string[]) =>
      fail !== undefined && args[1] === kind ? Promise.reject(new Error(fail)) : Promise.resolve('{"items":[]}');
  const missing = `error: the server doesn't have a resource type "addressbindings"`;
  expect((await snapshot(answer(missing))).bindings).toEqual([]);
  expect((await snapshot(answer("Error from server (Forbidden): nodes is forbidden", "nodes"))).nodes).toBeUndefined();
  await expect(snapshot(answer("Forbidden"))).rejects.toThrow("Forbidden");
});

test.each([
  [undefined, ["Accepted: networking.gke.io/persistent-ip-controller has not looked at it yet"]],
  [
    { status: "True", reason: "Accepted", message: "" },
    ["Accepted: yes, by networking.gke.io/persistent-ip-controller"],
  ],
  [
    { status: "False", reason: "GatewayNotFound", message: "no such Gateway" },
    [
      "Accepted: no, GatewayNotFound: no such Gateway, by networking.gke.io/persistent-ip-controller",
      "  what to do: " + String(adviceFor("GatewayNotFound")),
    ],
  ],
] as const)("explain passes on what another controller says of its own routes: %j", (said, lines) => {
  const controllerName = "networking.gke.io/persistent-ip-controller";
  const conditions = said === undefined ? [] : [{ type: "Accepted", ...said }];
  const routes = [{ ...aRoute(), status: { pods: ["p"], conditions } }];
  const classes = [{ ...aClass(), spec: { controllerName } }];
  const text = explanation({ ...served, routes, classes, bindings: [] }, "edge", "route");
  expect(text?.split("\n").slice(1, 1 + lines.length)).toEqual(lines);
  expect(text).toContain("* p: eligible");
});
