// What holds after any calls in any order, also while operations overlap: the objects agree with each other, and every address
// has at most one rule and goes at most one way, the one that the objects say.
import fc from "fast-check";

import { object, objects, text, texts, type JsonObject } from "../../../lab/cloud/json";
import { A, API, B, R, group, leader, linkTo, populated, rule, service, type World } from "./support";

// Sixty runs are a second of work; how long that is depends on the machine.
jest.setTimeout(300_000);

const IPS = ["203.0.113.7", "203.0.113.8"];
const VMS = [
  [A, "alpha"],
  [A, "gamma"],
  [B, "beta"],
] as const;
const NAMES = ["x", "y"];

interface Step {
  /** What a counterexample shows. */
  readonly title: string;
  readonly take: (world: World) => Promise<unknown>;
}

const name = fc.constantFrom(...NAMES);
const vm = fc.constantFrom(...VMS);
const zone = fc.constantFrom(A, B);

const call = (method: string, path: string, body?: object): Step => ({
  title: `${method} ${path} ${JSON.stringify(body)}`,
  take: ({ call: go }) => go(method, path, body),
});
const patched = (named: string, change: object): Step => ({
  title: `PATCH ${named} ${JSON.stringify(change)}`,
  async take({ call: go }) {
    const { body } = await go("GET", `${R}/backendServices/${named}`);
    return go("PATCH", `${R}/backendServices/${named}`, { fingerprint: body["fingerprint"], ...change });
  },
});

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(name, zone).map(([n, z]) => call("POST", `${z}/networkEndpointGroups`, group(n))),
  fc.tuple(name, zone).map(([n, z]) => call("DELETE", `${z}/networkEndpointGroups/${n}`)),
  fc
    .tuple(name, vm, fc.constantFrom("attach", "detach"))
    .map(([n, [z, instance], way]) =>
      call("POST", `${z}/networkEndpointGroups/${n}/${way}NetworkEndpoints`, { networkEndpoints: [{ instance }] }),
    ),
  fc
    .tuple(name, fc.subarray([A, B]), fc.option(vm, { nil: undefined }))
    .map(([n, zones, led]) =>
      call("POST", `${R}/backendServices`, service(zones, led && leader(led[0], led[1], n), n)),
    ),
  fc.tuple(name, vm).map(([n, led]) => patched(n, { haPolicy: { leader: leader(led[0], led[1], n) } })),
  fc
    .tuple(name, fc.subarray([A, B]))
    .map(([n, zones]) => patched(n, { backends: service(zones, undefined, n)["backends"] })),
  name.map((n) => patched(n, { haPolicy: { leader: null } })),
  name.map((n) => call("DELETE", `${R}/backendServices/${n}`)),
  fc
    .tuple(fc.constantFrom("r1", "r2", "r3"), fc.constantFrom(...IPS), name)
    .map(([r, IPAddress, n]) =>
      call("POST", `${R}/forwardingRules`, rule(r, { IPAddress, backendService: linkTo(`${R}/backendServices/${n}`) })),
    ),
  fc
    .tuple(fc.constantFrom("r1", "r2", "r3"), fc.constantFrom(...IPS), vm)
    .map(([r, IPAddress, [z, n]]) =>
      call(
        "POST",
        `${R}/forwardingRules`,
        rule(r, { IPAddress, backendService: undefined, target: linkTo(`${z}/targetInstances/ti-${n}`) }),
      ),
    ),
  fc
    .tuple(fc.constantFrom("r1", "r2", "r3"), vm)
    .map(([r, [z, n]]) =>
      call("POST", `${R}/forwardingRules/${r}/setTarget`, { target: linkTo(`${z}/targetInstances/ti-${n}`) }),
    ),
  fc.constantFrom("r1", "r2", "r3").map((r) => call("DELETE", `${R}/forwardingRules/${r}`)),
  vm.map(([z, n]) =>
    call("POST", `${z}/targetInstances`, { name: `ti-${n}`, instance: linkTo(`${z}/instances/${n}`) }),
  ),
  vm.map(([z, n]) => call("DELETE", `${z}/targetInstances/ti-${n}`)),
  fc.tuple(vm, fc.constantFrom("stop", "start")).map(([[z, n], way]) => call("POST", `${z}/instances/${n}/${way}`)),
  vm.map(([z, n]) => call("DELETE", `${z}/instances/${n}`)),
  vm.map(([z, n]) => call("POST", `${z}/instances`, { name: n, networkInterfaces: [{}] })),
  fc.integer({ min: 1, max: 2000 }).map((ms): Step => ({ title: `${ms} ms`, take: ({ clock }) => clock.run(ms) })),
);

/** What does not agree, read as a client reads it: bodies and links alone. */
function disagreements({ cloud }: World): string[] {
  const found: string[] = [];
  const bodies = (collection: string): JsonObject[] =>
    cloud.state.everywhere("demo", collection).map(({ body }) => body);
  const linked = (link: string): JsonObject | undefined => cloud.state.get(link.replace(API, ""))?.body;
  const [rules, services, groups] = [
    bodies("forwardingRules"),
    bodies("backendServices"),
    bodies("networkEndpointGroups"),
  ];

  for (const address of bodies("addresses")) {
    const users = rules.filter((r) => r["IPAddress"] === address["address"]).map((r) => text(r, "selfLink"));
    if (users.length > 1) found.push(`${text(address, "name")} has ${users.length} rules`);
    if (JSON.stringify(texts(address, "users")) !== JSON.stringify(users.sort()))
      found.push(`users of ${text(address, "name")}`);
    if (address["status"] !== (users.length > 0 ? "IN_USE" : "RESERVED"))
      found.push(`status of ${text(address, "name")}`);
  }
  for (const r of rules) {
    const target = linked(text(r, "backendService") || text(r, "target"));
    if (target === undefined) found.push(`${text(r, "name")} leads to nothing`);
    const delivered = cloud.delivery.deliver(text(r, "IPAddress"));
    const expected = target === undefined ? undefined : expectedOf(target, cloud);
    if (delivered?.instance !== expected)
      found.push(`${text(r, "name")}: ${String(delivered?.instance)}, not ${String(expected)}`);
  }
  for (const address of cloud.delivery.all.keys()) {
    if (!rules.some((r) => r["IPAddress"] === address)) found.push(`${address} goes somewhere without a rule`);
  }
  for (const s of services) {
    const links = objects(s, "backends").map((backend) => text(backend, "group"));
    if (links.some((link) => linked(link) === undefined))
      found.push(`${text(s, "name")} has a group that is not there`);
    const led = object(object(s, "haPolicy"), "leader");
    if (led !== undefined && !links.includes(text(led, "backendGroup")))
      found.push(`${text(s, "name")} is led from outside`);
    const named = text(object(led, "networkEndpoint") ?? {}, "instance");
    const [key, isAttached] = inGroup(text(led ?? {}, "backendGroup").replace(API, ""), named, cloud);
    if (led !== undefined && !isAttached && !wasDeleted(key, cloud)) {
      found.push(`${text(s, "name")} is led by ${named}, which is not attached`);
    }
  }
  for (const g of groups) {
    const { endpoints = [] } = cloud.state.get(text(g, "selfLink").replace(API, "")) ?? {};
    if (g["size"] !== endpoints.length) found.push(`size of ${text(g, "name")}`);
    if (endpoints.some(({ instance }) => cloud.state.get(instance) === undefined))
      found.push(`${text(g, "name")} has a VM that is gone`);
  }
  return found;
}

/** Name of the VM that a target leads to, by what it says. */
function expectedOf(target: JsonObject, cloud: World["cloud"]): string | undefined {
  const led = object(object(target, "haPolicy"), "leader");
  const groupKey = text(led ?? {}, "backendGroup").replace(API, "");
  const named = led === undefined ? text(target, "instance") : text(object(led, "networkEndpoint") ?? {}, "instance");
  const [key, isAttached] = groupKey === "" ? [named.replace(API, ""), true] : inGroup(groupKey, named, cloud);
  return isAttached && cloud.state.get(key)?.body["status"] === "RUNNING" ? key.split("/").pop() : undefined;
}

/** Key of a VM in a group's zone, and whether it is attached there. */
function inGroup(groupKey: string, named: string, cloud: World["cloud"]): [key: string, isAttached: boolean] {
  const key = `${groupKey.split("/").slice(0, 4).join("/")}/instances/${named}`;
  const { endpoints = [] } = cloud.state.get(groupKey) ?? {};
  return [key, endpoints.some(({ instance }) => instance === key)];
}

/** A VM may be gone, or there again, that a service still names. */
const wasDeleted = (key: string, { calls }: World["cloud"]): boolean =>
  calls.log.some(({ method, path, status }) => method === "DELETE" && path.endsWith(key) && status === 200);

test("whatever is called, the objects agree and an address goes where they say, and nowhere else", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), fc.boolean(), async (steps, overlap) => {
      const world = populated({ operation: overlap ? { from: 0, to: 3000 } : 0 });
      const { cloud, clock } = world;
      cloud.make(A, "instances", { name: "gamma", networkInterfaces: [{}] });
      cloud.make(R, "addresses", { name: "web2", address: IPS[1] });
      for (const [z, n] of VMS) {
        await world.call("POST", `${z}/networkEndpointGroups`, group("x"));
        await world.call("POST", `${z}/targetInstances`, { name: `ti-${n}`, instance: linkTo(`${z}/instances/${n}`) });
        await clock.run(3000);
        const attached = { networkEndpoints: [{ instance: n }] };
        await world.call("POST", `${z}/networkEndpointGroups/x/attachNetworkEndpoints`, attached);
        await clock.run(3000);
      }
      await world.done("POST", `${R}/backendServices`, service([A, B], leader(A, "alpha", "x"), "x"));
      await world.done(
        "POST",
        `${R}/forwardingRules`,
        rule("r1", { backendService: linkTo(`${R}/backendServices/x`) }),
      );
      expect(cloud.delivery.deliver(IPS[0]!)?.instance).toBe("alpha");
      for (const { take } of steps) {
        await take(world);
        if (!overlap) await clock.run(0);
        expect(disagreements(world)).toEqual([]);
      }
      await clock.run(10_000);
      expect(cloud.underWay).toBe(0);
      expect(disagreements(world)).toEqual([]);
    }),
    { numRuns: 60, seed: 7 },
  );
});
