// The client against the stand-in of Compute, which checks every field: a route's way from nothing to a move and back to
// nothing, with each answer lost, and with everything that the cloud may refuse.
import { createCompute } from "../../../controller-image/src/fabric/gce/client";
import type { BackendService, Compute } from "../../../controller-image/src/fabric/gce/compute";
import { problemOf } from "../../../controller-image/src/fabric/gce/explain";
import { ComputeCloud } from "../../../lab/cloud/cloud";
import { transportTo } from "../../../lab/cloud/transport";
import { A, B, group, leader, linkTo, R, rule, service } from "../../lab/cloud/support";
import { VirtualClock } from "../../support/virtual-clock";
import { passing } from "./scripted";

// Google's schema is 12 MB of text.
jest.setTimeout(300_000);

const [REGION, ZONE_A, ZONE_B] = ["us-central1", "us-central1-a", "us-central1-b"];

interface World {
  readonly clock: VirtualClock;
  readonly cloud: ComputeCloud;
  readonly compute: Compute;
}

function world(): World {
  const clock = new VirtualClock({ epoch: Date.UTC(2026, 0, 1, 12, 0, 20) });
  const cloud = new ComputeCloud({ clock, latency: 50, operation: 1_000 });
  cloud.make(A, "instances", { name: "alpha", networkInterfaces: [{}] });
  cloud.make(B, "instances", { name: "beta", networkInterfaces: [{}] });
  cloud.make(R, "addresses", { name: "web", address: "203.0.113.7" });
  const compute = createCompute({ project: "demo", transport: transportTo(cloud), clock, log: () => undefined });
  return { clock, cloud, compute };
}

const at = (name: string): string => `${linkTo(R)}/${name}`;

/** Every call that changes something, in order; each is one operation. */
const STEPS: readonly (readonly [id: string, call: (compute: Compute) => Promise<void>])[] = [
  [
    "networkEndpointGroups.insert",
    (compute) => compute.insert(A, "networkEndpointGroups", group() as { name: string }),
  ],
  [
    "networkEndpointGroups.insert",
    (compute) => compute.insert(B, "networkEndpointGroups", group() as { name: string }),
  ],
  [
    "networkEndpointGroups.attachNetworkEndpoints",
    (compute) => compute.attachEndpoints(ZONE_A, "ipr-x", [{ instance: "alpha" }]),
  ],
  [
    "networkEndpointGroups.attachNetworkEndpoints",
    (compute) => compute.attachEndpoints(ZONE_B, "ipr-x", [{ instance: "beta" }]),
  ],
  [
    "regionBackendServices.insert",
    (compute) => compute.insert(R, "backendServices", service([A, B], leader(A, "alpha")) as unknown as BackendService),
  ],
  ["forwardingRules.insert", (compute) => compute.insert(R, "forwardingRules", rule() as { name: string })],
  ["regionBackendServices.patch", (compute) => move(compute, B, "beta")],
  ["forwardingRules.delete", (compute) => compute.delete(R, "forwardingRules", ruleName)],
  ["regionBackendServices.delete", (compute) => compute.delete(R, "backendServices", "ipr-x")],
  [
    "networkEndpointGroups.detachNetworkEndpoints",
    (compute) => compute.detachEndpoints(ZONE_A, "ipr-x", [{ instance: "alpha" }]),
  ],
  ["networkEndpointGroups.delete", (compute) => compute.delete(A, "networkEndpointGroups", "ipr-x")],
  ["networkEndpointGroups.delete", (compute) => compute.delete(B, "networkEndpointGroups", "ipr-x")],
];
const ruleName = (rule() as { name: string }).name;
/** Steps until there is something to move. */
const BROUGHT = 6;

async function move(compute: Compute, zone: string, instance: string): Promise<void> {
  const { fingerprint } = (await compute.get(R, "backendServices", "ipr-x", { urgent: true })) ?? {};
  const haPolicy = { leader: leader(zone, instance) } as BackendService["haPolicy"];
  await compute.patch(R, "backendServices", "ipr-x", { fingerprint, haPolicy }, { urgent: true });
}

async function steps({ clock, compute }: World, upTo = STEPS.length): Promise<void> {
  for (const [id, call] of STEPS.slice(0, upTo)) {
    const answer = await passing(clock, call(compute));
    if (answer instanceof Error) throw new Error(`${id}: ${answer.message}`, { cause: answer });
  }
}

/** What there is, without what the cloud makes up. */
const things = ({ cloud }: World): string[] =>
  [...cloud.state.everything.keys()].map((key) => key.replace("projects/demo/", "")).sort();

test("a route's way, with one operation for each step", async () => {
  const here = world();
  const before = things(here);
  await steps(here, BROUGHT);
  expect(here.cloud.delivery.deliver("203.0.113.7")).toMatchObject({ instance: "alpha" });
  here.cloud.calls.clear();
  expect(await passing(here.clock, move(here.compute, B, "beta"))).toBeUndefined();
  expect(here.cloud.calls.log.map(({ id }) => id)).toEqual([
    "regionBackendServices.get",
    "regionBackendServices.patch",
    "regionOperations.wait",
  ]);
  expect(here.cloud.delivery.deliver("203.0.113.7")).toMatchObject({ instance: "beta" });
  const clean = world();
  await steps(clean);
  expect(clean.cloud.calls.mutating.map(({ id }) => id)).toEqual(STEPS.map(([id]) => id));
  expect(things(clean)).toEqual(before);
});

test.each(STEPS.map(([id], index) => [index + 1, id] as const))(
  "step %d, %s, is done once although its answer is lost, three times over",
  async (step, id) => {
    const here = world();
    await steps(here, step - 1);
    here.cloud.calls.clear();
    here.cloud.faults.add({ calls: id, times: 2, reset: "after" });
    here.cloud.faults.add({ calls: id, after: 2, times: 1, reset: "before" });
    here.cloud.faults.add({ calls: /\/wait$/, times: 1, reset: "after" });
    expect(await passing(here.clock, STEPS[step - 1]![1](here.compute))).toBeUndefined();
    const mutating = here.cloud.calls.mutating;
    expect(mutating.map((call) => call.id)).toEqual([id, id, id, id]);
    const clean = world();
    await steps(clean, step);
    expect(things(here)).toEqual(things(clean));
    here.cloud.faults.clear();
    expect(here.cloud.underWay).toBe(0);
  },
);

/** What a person reads of a call that does not go through. */
async function problem({ clock }: World, call: Promise<unknown>): Promise<string> {
  const answer = await passing(clock, call);
  if (!(answer instanceof Error)) throw new Error("the call went through");
  const { reason, message } = problemOf(answer);
  return `${reason}: ${message}`;
}

test("a permission that is missing is named, and when it is given back the call goes through", async () => {
  const here = world();
  await steps(here, BROUGHT);
  here.cloud.conditions.revoke("compute.regionBackendServices.update");
  expect(await problem(here, move(here.compute, B, "beta"))).toBe(
    "PermissionDenied: The controller's service account lacks compute.regionBackendServices.update on projects/demo/regions/us-central1/backendServices/ipr-x; grant it, for example with the role that PersistentIpController declares.",
  );
  here.cloud.conditions.giveBack("compute.regionBackendServices.update");
  expect(await passing(here.clock, move(here.compute, B, "beta"))).toBeUndefined();
});

test("a quota that is used up is named with its limit", async () => {
  const here = world();
  await steps(here, BROUGHT);
  here.cloud.conditions.setQuota("EXTERNAL_NETWORK_LB_FORWARDING_RULES", 1);
  here.cloud.make(R, "addresses", { name: "second", address: "203.0.113.8" });
  const second = { ...rule(), name: "second", IPAddress: at("addresses/second") };
  expect(await problem(here, here.compute.insert(R, "forwardingRules", second))).toBe(
    "QuotaExceeded: The quota EXTERNAL_NETWORK_LB_FORWARDING_RULES of region us-central1 is used up (limit 1); ask for a higher one, or give up something that counts in it.",
  );
});

test("what is in use, what is not there and what has changed meanwhile are said by name", async () => {
  const here = world();
  await steps(here, BROUGHT);
  expect(await problem(here, here.compute.delete(R, "backendServices", "ipr-x"))).toBe(
    `ResourceInUse: projects/demo/regions/us-central1/backendServices/ipr-x is still used by projects/demo/regions/us-central1/forwardingRules/${ruleName}; podpin tries again until it is not. If nobody needs that, delete it.`,
  );
  const stale = here.compute.patch(R, "backendServices", "ipr-x", { fingerprint: "b2xk" });
  expect(await problem(here, stale)).toBe(
    "ChangedMeanwhile: Somebody else has changed the same resource (PATCH regions/us-central1/backendServices/ipr-x); podpin reads it and tries again.",
  );
  expect(await problem(here, here.compute.setTarget(REGION, "none", at("backendServices/ipr-x")))).toBe(
    "ResourceNotFound: projects/demo/regions/us-central1/forwardingRules/none does not exist; make it, or correct what refers to it.",
  );
  const other = here.compute.insert(R, "forwardingRules", { ...rule(), name: "second" });
  expect(await problem(here, other)).toBe(
    `AddressInUse: projects/demo/regions/us-central1/addresses/web is in use by projects/demo/regions/us-central1/forwardingRules/${ruleName}; release it there, or take it off the route.`,
  );
});

test("a second insert of the same is done, of another one is not, by the address's URL as well as by its value", async () => {
  const here = world();
  await steps(here, BROUGHT);
  const again = { ...rule(), IPAddress: at("addresses/web") } as { name: string; IPAddress: string };
  expect(await passing(here.clock, here.compute.insert(R, "forwardingRules", again))).toBeUndefined();
  const other = { ...again, description: "somebody else's" };
  expect(await problem(here, here.compute.insert(R, "forwardingRules", other))).toBe(
    `ResourceExists: ${ruleName} exists already and is another one: description differ (POST regions/us-central1/forwardingRules); podpin leaves it alone. Delete it, if nobody needs it.`,
  );
});

test("a zone that cannot be reached is named, and the others are listed", async () => {
  const here = world();
  await steps(here, BROUGHT);
  here.cloud.conditions.loseZone(ZONE_A!);
  const unreachable: string[] = [];
  const listed = here.compute.listEverywhere("networkEndpointGroups", undefined, {
    onUnreachable: (scope) => unreachable.push(scope),
  });
  expect(await passing(here.clock, listed)).toMatchObject([{ name: "ipr-x", zone: linkTo(B) }]);
  expect(unreachable).toEqual([A]);
  expect(await problem(here, here.compute.listEndpoints(ZONE_A!, "ipr-x"))).toMatch(
    /^ZoneUnreachable: Zone us-central1-a does not answer \(503: .*\); what is there is not changed until it does\.$/,
  );
});

test("what a refused answer leaves attached is not attached twice", async () => {
  const here = world();
  await steps(here, 4);
  const attach = (): Promise<void> => here.compute.attachEndpoints(ZONE_A!, "ipr-x", [{ instance: "alpha" }]);
  expect(await passing(here.clock, attach())).toBeUndefined();
  expect(await passing(here.clock, here.compute.listEndpoints(ZONE_A!, "ipr-x"))).toHaveLength(1);
  const detach = (): Promise<void> => here.compute.detachEndpoints(ZONE_A!, "ipr-x", [{ instance: "alpha" }]);
  expect(await passing(here.clock, detach())).toBeUndefined();
  expect(await passing(here.clock, detach())).toBeUndefined();
  expect(await passing(here.clock, here.compute.listEndpoints(ZONE_A!, "ipr-x"))).toEqual([]);
});

test("a quota of calls that is small delays housekeeping from minute to minute, and fails none of it", async () => {
  const here = world();
  here.cloud.conditions.setRates({ perMinute: 30, group: "read" });
  const reads = Array.from({ length: 70 }, () => here.compute.get(R, "addresses", "web"));
  const answers = await passing(here.clock, Promise.all(reads));
  expect(answers).toHaveLength(70);
  const refused = here.cloud.calls.log.filter(({ reason }) => reason === "rateLimitExceeded").length;
  // What was on its way when the first was refused; never everything that waits.
  expect(refused).toBeLessThanOrEqual(20);
  expect(here.cloud.calls.log).toHaveLength(70 + refused);
});
