// The calls of the client: what is sent, what counts as done, and that nothing is done twice.
import {
  ComputeError,
  type BackendService,
  type NetworkEndpoint,
} from "../../../controller-image/src/fabric/gce/compute";
import { problemOf } from "../../../controller-image/src/fabric/gce/explain";
import { DONE, failedOperation, ok, passing, refused, scripted, type Answer, type Seen } from "./scripted";

const UUID_V4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const SERVICE: BackendService = {
  name: "s",
  loadBalancingScheme: "EXTERNAL",
  protocol: "UNSPECIFIED",
  haPolicy: { fastIPMove: "DISABLED" },
  backends: [{ group: "https://www.googleapis.com/compute/v1/projects/p/zones/z1/networkEndpointGroups/g" }],
  description: "ours",
};

test.each([
  ["insert", "POST regions/r1/backendServices", SERVICE],
  ["patch", "PATCH regions/r1/backendServices/s", { fingerprint: "f" }],
  ["delete", "DELETE regions/r1/backendServices/s", undefined],
  [
    "attachEndpoints",
    "POST zones/z1/networkEndpointGroups/g/attachNetworkEndpoints",
    { networkEndpoints: [{ instance: "i" }] },
  ],
  [
    "detachEndpoints",
    "POST zones/z1/networkEndpointGroups/g/detachNetworkEndpoints",
    { networkEndpoints: [{ instance: "i" }] },
  ],
  ["setTarget", "POST regions/r1/forwardingRules/f/setTarget", { target: "t" }],
] as const)("%s is one call with one requestId, and none of the others' words", async (method, call, body) => {
  const { compute, clock, seen } = scripted([DONE], { uuid: undefined });
  const calls = {
    insert: () => compute.insert("regions/r1", "backendServices", SERVICE),
    patch: () => compute.patch("regions/r1", "backendServices", "s", { fingerprint: "f" }),
    delete: () => compute.delete("regions/r1", "backendServices", "s"),
    attachEndpoints: () => compute.attachEndpoints("z1", "g", [{ instance: "i" }]),
    detachEndpoints: () => compute.detachEndpoints("z1", "g", [{ instance: "i" }]),
    setTarget: () => compute.setTarget("r1", "f", "t"),
  };
  expect(await passing(clock, calls[method]())).toBeUndefined();
  expect(seen).toEqual([{ call, query: { requestId: expect.stringMatching(UUID_V4) }, body, at: 0 }]);
});

test("two intents have two requestIds; who gives one decides", async () => {
  const { compute, clock, seen } = scripted([DONE]);
  await passing(clock, compute.delete("global", "firewalls", "a"));
  await passing(clock, compute.delete("global", "firewalls", "b"));
  await passing(clock, compute.delete("global", "firewalls", "c", { requestId: "mine" }));
  expect(seen.map(({ query }) => query.requestId)).toEqual([
    "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
    "mine",
  ]);
});

/** A cloud that does each call once for each requestId, and whose answers get lost on the way. */
function forgetful(losses: number) {
  const done = new Map<string, number>();
  let left = losses;
  return {
    done,
    answer: ({ call, query: { requestId } }: Seen): Answer => {
      if (call.endsWith("/wait")) return DONE;
      const name = `${call} ${requestId ?? ""}`;
      if (!done.has(name)) done.set(name, done.size + 1);
      if (left-- > 0) return left % 2 === 0 ? new Error("read ECONNRESET") : refused(503, "backendError");
      return ok({ name: `operation-${done.get(name) ?? 0}`, status: "RUNNING" });
    },
  };
}

test.each([1, 2, 3, 4])("%d lost answers lead to the same operation, not to a second one", async (losses) => {
  const cloud = forgetful(losses);
  const { compute, clock, calls } = scripted(cloud.answer);
  expect(await passing(clock, compute.insert("regions/r1", "backendServices", SERVICE))).toBeUndefined();
  expect(cloud.done.size).toBe(1);
  expect(calls().filter((call) => call === "POST regions/r1/backendServices")).toHaveLength(losses + 1);
});

const CONFLICT = refused(409, "alreadyExists", "The resource 's' already exists");
const asRead = {
  ...SERVICE,
  id: "1",
  kind: "compute#backendService",
  selfLink: "https://…",
  fingerprint: "x",
  port: 80,
};

test.each([
  ["as refusal of the call", CONFLICT],
  ["as error of the operation", failedOperation(409, "RESOURCE_ALREADY_EXISTS", "already exists")],
])("what exists already is what was wanted when it is the same: %s", async (_name, conflict) => {
  const { compute, clock, calls } = scripted([conflict, ok(asRead)]);
  expect(await passing(clock, compute.insert("regions/r1", "backendServices", SERVICE))).toBeUndefined();
  expect(calls()).toEqual(["POST regions/r1/backendServices", "GET regions/r1/backendServices/s"]);
});

test("the same resource may be named by another URL, and what is off may be left out", async () => {
  const there = {
    ...asRead,
    backends: [
      { group: "https://compute.googleapis.com/compute/v1/projects/p/zones/z1/networkEndpointGroups/g", weight: 1 },
    ],
  };
  const { compute, clock } = scripted([CONFLICT, ok(there)]);
  const wanted = { ...SERVICE, network: undefined };
  expect(await passing(clock, compute.insert("regions/r1", "backendServices", wanted))).toBeUndefined();
  const rule = { name: "f", allowGlobalAccess: false, allPorts: true };
  const rules = scripted([CONFLICT, ok({ name: "f", allPorts: true })]);
  expect(await passing(rules.clock, rules.compute.insert("regions/r1", "forwardingRules", rule))).toBeUndefined();
});

test("a rule that was made with the URL of its address is found again by the address", async () => {
  const url = "https://www.googleapis.com/compute/v1/projects/p/regions/r1/addresses/a";
  const rule = { name: "f", IPAddress: url };
  for (const [address, same] of [
    ["192.0.2.1", true],
    ["192.0.2.2", false],
  ] as const) {
    const { compute, clock, calls } = scripted([
      CONFLICT,
      ok({ name: "f", IPAddress: "192.0.2.1" }),
      ok({ name: "a", address }),
    ]);
    const answer = await passing(clock, compute.insert("regions/r1", "forwardingRules", rule));
    expect(answer === undefined).toBe(same);
    expect(calls().at(-1)).toBe("GET regions/r1/addresses/a");
  }
});

test("what exists already and is another one is an error that names what differs", async () => {
  const there = { ...asRead, description: "somebody else's", backends: [] };
  const { compute, clock } = scripted([CONFLICT, ok(there)]);
  expect(await passing(clock, compute.insert("regions/r1", "backendServices", SERVICE))).toMatchObject({
    message: "s exists already and is another one: backends, description differ (POST regions/r1/backendServices)",
    status: 409,
    reason: "alreadyExists",
  });
});

test("what is said to exist and is not there when it is looked at is still being made, or being deleted", async () => {
  const { compute, clock } = scripted([CONFLICT, refused(404, "notFound")]);
  const answer = await passing(clock, compute.insert("regions/r1", "backendServices", SERVICE));
  expect(answer).toMatchObject({ status: 409, reason: "notThereYet" });
  expect(problemOf(answer)).toEqual({
    reason: "CloudSlow",
    message:
      "s is said to exist and cannot be read (POST regions/r1/backendServices); podpin tries again until the cloud has finished with it.",
  });
});

test.each([
  ["there was nothing", refused(404, "notFound")],
  ["it was gone before the operation", failedOperation(404, "RESOURCE_NOT_FOUND", "The resource 's' was not found")],
])("deleting is done when %s", async (_name, answer) => {
  const { compute, clock } = scripted([answer]);
  expect(await passing(clock, compute.delete("regions/r1", "backendServices", "s"))).toBeUndefined();
});

test("deleting what is in use is an error, and so is deleting in a project that does not exist", async () => {
  const used = scripted([refused(400, "resourceInUseByAnotherResource")]);
  const deleted = used.compute.delete("regions/r1", "backendServices", "s");
  expect(await passing(used.clock, deleted)).toMatchObject({ reason: "resourceInUseByAnotherResource" });
  const nowhere = scripted([refused(404, "notFound", "The resource 'projects/p' was not found")]);
  const lost = nowhere.compute.delete("regions/r1", "backendServices", "s");
  expect(await passing(nowhere.clock, lost)).toMatchObject({ status: 404 });
});

const INSTANCE = "https://www.googleapis.com/compute/v1/projects/p/zones/z1/instances/vm-1";
const listed = (...endpoints: NetworkEndpoint[]): Answer =>
  ok({ items: endpoints.map((networkEndpoint) => ({ networkEndpoint })) });

test.each([
  ["detachEndpoints", refused(404, "notFound"), undefined, true],
  ["detachEndpoints", refused(400, "invalid", "not attached"), listed(), true],
  [
    "detachEndpoints",
    refused(400, "invalid", "not attached"),
    listed({ instance: "vm-2", ipAddress: "10.0.0.3" }),
    true,
  ],
  [
    "detachEndpoints",
    refused(400, "resourceInUseByAnotherResource"),
    listed({ instance: INSTANCE, ipAddress: "10.0.0.2" }),
    false,
  ],
  [
    "attachEndpoints",
    refused(400, "invalid", "attached already"),
    listed({ instance: INSTANCE, ipAddress: "10.0.0.2" }),
    true,
  ],
  ["attachEndpoints", refused(409, "alreadyExists"), listed({ instance: INSTANCE }), true],
  ["attachEndpoints", refused(400, "invalid"), listed({ instance: "vm-2" }), false],
  ["attachEndpoints", refused(404, "notFound"), undefined, false],
] as const)("%s: what the list of endpoints says counts (%#)", async (method, refusal, list, isDone) => {
  const { compute, clock, calls } = scripted(list === undefined ? [refusal] : [refusal, list]);
  const answer = await passing(clock, compute[method]("z1", "g", [{ instance: "zones/z1/instances/vm-1" }]));
  expect(answer instanceof ComputeError).toBe(!isDone);
  if (!isDone)
    expect(answer).toMatchObject({
      reason: (refusal.body as { error: { errors: { reason: string }[] } }).error.errors[0]!.reason,
    });
  expect(calls()).toHaveLength(list === undefined ? 1 : 2);
});

test("a list is every page of it", async () => {
  const { compute, clock, seen } = scripted([
    ok({ items: [{ name: "a" }, { name: "b" }], nextPageToken: "t 1&2" }),
    ok({ nextPageToken: "t2" }),
    ok({ items: [{ name: "c" }] }),
  ]);
  const all = await passing(clock, compute.list("regions/r1", "forwardingRules", 'name eq "ipr-.*"'));
  expect(all).toEqual([{ name: "a" }, { name: "b" }, { name: "c" }]);
  expect(seen.map(({ call }) => call)).toEqual(Array(3).fill("GET regions/r1/forwardingRules"));
  expect(seen.map(({ query }) => query)).toEqual([
    { filter: 'name eq "ipr-.*"', maxResults: "500" },
    { filter: 'name eq "ipr-.*"', maxResults: "500", pageToken: "t 1&2" },
    { filter: 'name eq "ipr-.*"', maxResults: "500", pageToken: "t2" },
  ]);
});

test("a list of which a page cannot be read is none: the token of the next page has expired, or it comes without JSON", async () => {
  const first = ok({ items: [{ name: "a" }], nextPageToken: "t1" });
  const expired = refused(400, "invalid", "Invalid value for field 'pageToken': 't1'. Page token has expired.");
  const { compute, clock, calls } = scripted([first, expired]);
  const answer = await passing(clock, compute.list("regions/r1", "forwardingRules"));
  expect(answer).toMatchObject({ status: 400, message: expect.stringContaining("Page token has expired") });
  expect(calls()).toHaveLength(2);
  const cut = scripted([first, { status: 200 }]);
  expect(await passing(cut.clock, cut.compute.list("regions/r1", "forwardingRules"))).toMatchObject({
    status: 0,
    reason: "noAnswer",
    message: "the answer with status 200 is not the API's JSON (GET regions/r1/forwardingRules)",
  });
});

test("endpoints are every page, by POST, with what each is", async () => {
  const page = (instance: string, nextPageToken?: string): Answer =>
    ok({ items: [{ networkEndpoint: { instance }, healths: [] }], nextPageToken });
  const { compute, clock, seen } = scripted([page("vm-1", "t1"), page("vm-2")]);
  expect(await passing(clock, compute.listEndpoints("z1", "g"))).toEqual([{ instance: "vm-1" }, { instance: "vm-2" }]);
  expect(seen.map(({ call, query }) => [call, query.pageToken])).toEqual([
    ["POST zones/z1/networkEndpointGroups/g/listNetworkEndpoints", undefined],
    ["POST zones/z1/networkEndpointGroups/g/listNetworkEndpoints", "t1"],
  ]);
});

const EVERYWHERE = [
  ok({
    items: {
      "zones/z1": { networkEndpointGroups: [{ name: "a" }] },
      "zones/z2": { warning: { code: "NO_RESULTS_ON_PAGE", message: "none" } },
    },
    nextPageToken: "t1",
  }),
  ok({
    items: { "zones/z3": { networkEndpointGroups: [{ name: "b" }] }, "zones/z4": { warning: { code: "UNREACHABLE" } } },
    unreachables: ["https://www.googleapis.com/compute/v1/projects/p/zones/z5"],
  }),
];

test("a list of every zone is every page, and says which zones could not be asked", async () => {
  const unreachable: string[] = [];
  const { compute, clock, seen } = scripted(EVERYWHERE);
  const onUnreachable = (scope: string): void => void unreachable.push(scope);
  const all = await passing(clock, compute.listEverywhere("networkEndpointGroups", undefined, { onUnreachable }));
  expect(all).toEqual([{ name: "a" }, { name: "b" }]);
  expect(unreachable.sort()).toEqual(["zones/z4", "zones/z5"]);
  expect(seen.map(({ call, query }) => [call, query.returnPartialSuccess])).toEqual(
    Array(2).fill(["GET aggregated/networkEndpointGroups", "true"]),
  );
});

test("to who does not ask which zones could not be asked, an incomplete list is an error", async () => {
  const { compute, clock, seen } = scripted(EVERYWHERE);
  expect(await passing(clock, compute.listEverywhere("networkEndpointGroups"))).toMatchObject({
    message: "zones/z5 could not be asked (GET aggregated/networkEndpointGroups)",
    reason: "unreachable",
  });
  expect(seen[0]!.query).toEqual({ maxResults: "500" });
});

test("an urgent move goes ahead of everything else that waits, with each of its calls", async () => {
  const { compute, clock, seen } = scripted(({ call }) =>
    call.startsWith("PATCH") ? ok({ name: "operation-1", status: "RUNNING" }) : DONE,
  );
  const housekeeping = Array.from({ length: 200 }, (_, index) => compute.get("regions/r1", "addresses", `a${index}`));
  const ordinary = Array.from({ length: 20 }, (_, index) => compute.delete("global", "firewalls", `f${index}`));
  await clock.run(50);
  const move = compute.patch("regions/r1", "backendServices", "s", { fingerprint: "f" }, { urgent: true });
  await passing(clock, move);
  expect(clock.now()).toBe(50);
  expect(seen.at(-1)!.call).toBe("POST regions/r1/operations/operation-1/wait");
  await passing(clock, Promise.all([...housekeeping, ...ordinary]));
});

test("names cannot leave their place in the path", async () => {
  const { compute, clock, calls } = scripted([refused(404, "notFound")]);
  await passing(clock, compute.get("regions/r1", "addresses", "../../x?y#z"));
  expect(calls()).toEqual(["GET regions/r1/addresses/..%2F..%2Fx%3Fy%23z"]);
});
