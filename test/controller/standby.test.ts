// Who is named as next, so that its node is ready: in the same write as a move, and hardly ever in one of its own.
import fc from "fast-check";
import { typedAddress } from "../../lib/model/address";
import type { AddressBinding, BindingStandby } from "../../lib/model/binding";
import { RESOURCES, type Pod } from "../../lib/model/kubernetes";
import { A, aBinding, aPod, aRoute, B, type PodFields } from "../support/objects";
import { acked, decided, NODES, p, spec, withNode } from "./decided";
import { aNode, newRoute, World } from "./world";

const OLD = "2026-01-01T00:00:10Z";
const OLDER = "2026-01-01T00:00:05Z";
const q = (fields: PodFields = {}): Pod => aPod("q", { node: "node2", ip: "10.244.2.7", created: OLD, ...fields });
const r = (fields: PodFields = {}): Pod => aPod("r", { node: "node3", ip: "10.244.3.9", created: OLDER, ...fields });
const Q: BindingStandby = { nodeName: "node2", podName: "q", podUid: "q-uid", podIp: "10.244.2.7" };
const R: BindingStandby = { nodeName: "node3", podName: "r", podUid: "r-uid", podIp: "10.244.3.9" };
const P: BindingStandby = { nodeName: "node1", podName: "p", podUid: "p-uid", podIp: "10.244.1.5" };
const served = (standby?: BindingStandby): AddressBinding => aBinding({ standby }, [acked("Announced")]);

describe("who is next", () => {
  test.each<[string, readonly Pod[], BindingStandby | undefined]>([
    ["nobody else: nobody", [p()], undefined],
    ["the newest of the others", [p(), q(), r()], Q],
    ["none on the owner's node", [p(), aPod("s", { created: OLD, ip: "10.244.1.8" }), r()], R],
    ["none that is not Ready", [p(), q({ ready: false }), r()], R],
    ["none that is going away", [p(), q({ terminating: true }), r()], R],
    ["none without an address", [p(), q({ ip: undefined }), r()], R],
    ["none that does not match", [p(), q({ labels: { component: "other" } }), r()], R],
    ["none on a node that is gone", [p(), q({ node: "node9" }), r()], R],
  ])("%s", (_, pods, standby) => {
    expect(spec(decided({ pods }))).toMatchObject({ nodeName: "node1", epoch: 1 });
    expect(spec(decided({ pods }))?.standby).toEqual(standby);
  });

  test.each([["lost"], ["cordoned"]])("none on a node that is %s", (state) => {
    const node = withNode("node2", { [state]: true });
    expect(spec(decided({ pods: [p(), q(), r()], node }))?.standby).toEqual(R);
  });

  test("by the route's own mode: where existing is enough, a Pod that is not Ready could take over", () => {
    const route = aRoute({ reactionMode: "Exists" });
    expect(spec(decided({ route, pods: [p(), q({ ready: false }), r()] }))?.standby).toEqual(Q);
  });
});

describe("what is written", () => {
  test("one write without a new epoch where another is next, and nothing else changes", () => {
    const before = served();
    const { changes } = decided({ pods: [p(), q()], bindings: [before] });
    expect(changes).toEqual([{ verb: "replace", binding: { ...before, spec: { ...before.spec, standby: Q } } }]);
    expect(decided({ pods: [p(), q()], bindings: [changes[0]!.binding] }).changes).toEqual([]);
  });

  test("the better one, after it has been that for 3 s", () => {
    const input = { pods: [p(), q(), r()], bindings: [served(R)] };
    expect(decided(input)).toMatchObject({ changes: [], aspirant: "q-uid", againAfterMs: 3000 });
    const aspirant = { podUid: "q-uid", forMs: 2999, since: OLD };
    expect(decided({ ...input, aspirant })).toMatchObject({ changes: [], aspirant: "q-uid", againAfterMs: 1 });
    const [change, ...more] = decided({ ...input, aspirant: { ...aspirant, forMs: 3000 } }).changes;
    expect([change?.binding.spec, more]).toEqual([served(Q).spec, []]);
    const after = decided({ ...input, bindings: [served(Q)], aspirant: { ...aspirant, forMs: 3000 } });
    expect([after.changes, after.aspirant, after.againAfterMs]).toEqual([[], undefined, undefined]);
  });

  test("not for another one that was the better before, and not twice while the write waits for something else", () => {
    const forLong = (podUid: string) => ({ podUid, forMs: 60_000, since: OLD });
    const input = { pods: [p(), q(), r()], bindings: [served(R)] };
    expect(decided({ ...input, aspirant: forLong("s-uid") })).toMatchObject({ changes: [], againAfterMs: 3000 });
    const releasing = { nodeName: "node3", epoch: 1, forwardTo: "192.0.2.11", wait: true };
    const moving = aBinding({ standby: R, epoch: 2, releasing }, [acked("Programmed", 2)]);
    const waiting = decided({ ...input, bindings: [moving], aspirant: forLong("q-uid") });
    expect([waiting.changes, waiting.againAfterMs]).toEqual([[], 1000]);
  });

  test.each<[string, readonly Pod[]]>([
    ["while it could take over, though a newer one could too, at first", [p(), q(), r()]],
    ["while nobody else could: it is not Ready", [p(), q({ ready: false }), r({ ready: false })]],
    ["while nobody else could: it is going away", [p(), q({ terminating: true })]],
    ["while nobody else could: it has no address any more", [p(), q({ ip: undefined })]],
    [
      "while nobody on another node could",
      [p(), q({ ready: false }), aPod("s", { node: "node2", ip: "10.244.2.8", created: OLDER })],
    ],
  ])("nothing %s", (_, pods) => {
    expect(decided({ pods, bindings: [served(Q)] }).changes).toEqual([]);
    expect(decided({ pods: [...pods].reverse(), bindings: [served(Q)] }).changes).toEqual([]);
  });

  test.each([["lost"], ["cordoned"]])("nothing while its node is %s and nobody else could", (state) => {
    expect(
      decided({ pods: [p(), q()], bindings: [served(Q)], node: withNode("node2", { [state]: true }) }).changes,
    ).toEqual([]);
  });

  test.each<[string, readonly Pod[], BindingStandby | undefined]>([
    ["it is not Ready and another one is", [p(), q({ ready: false }), r()], R],
    ["it is gone", [p(), r()], R],
    ["it is gone, and nobody else could", [p()], undefined],
    ["it does not match any more", [p(), q({ labels: { component: "other" } })], undefined],
    ["its Pod was made again", [p(), q({ uid: "q-uid-2" })], { ...Q, podUid: "q-uid-2" }],
    ["its address is another", [p(), q({ ip: "10.244.2.99" })], { ...Q, podIp: "10.244.2.99" }],
  ])("another one when %s", (_, pods, standby) => {
    const { changes } = decided({ pods, bindings: [served(Q)] });
    expect(changes).toHaveLength(1);
    expect(changes[0]?.binding.spec).toEqual({ ...served(standby).spec, standby });
    expect(changes[0]?.binding.status).toEqual(served().status);
  });

  test("a route that is Ready stays so", () => {
    const ready = decided({ pods: [p()], bindings: [served()] }).status!;
    expect(
      decided({ route: { ...aRoute(), status: ready }, pods: [p(), q()], bindings: [served()] }).status,
    ).toBeUndefined();
  });
});

describe("together with", () => {
  const newer = q({ created: "2026-01-01T00:05:00Z" });

  test("a move: the Pod that had the address is next, while it is well", () => {
    expect(spec(decided({ pods: [p(), newer], bindings: [served(Q)] }))).toMatchObject({
      epoch: 2,
      nodeName: "node2",
      standby: P,
    });
    expect(spec(decided({ pods: [p({ terminating: true }), newer], bindings: [served(Q)] }))?.standby).toBeUndefined();
  });

  test("a lost node: whoever is next by the rules of now", () => {
    const decision = decided({ pods: [p(), q(), r()], bindings: [served(Q)], node: withNode("node1", { lost: true }) });
    expect(decision.changes).toHaveLength(1);
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "node2", standby: R });
  });

  test("nobody at all: nobody is next either", () => {
    expect(spec(decided({ pods: [p({ ready: false })], bindings: [served(Q)] }))).toMatchObject({
      epoch: 2,
      nodeName: "",
    });
    expect(spec(decided({ pods: [], bindings: [served(Q)] }))?.standby).toBeUndefined();
  });

  test("an address that is taken out, and a route that is deleted: nobody is next", () => {
    const deleting = aRoute({}, { deletionTimestamp: "2026-01-01T00:10:00Z" });
    for (const route of [aRoute({ addresses: [typedAddress(B)] }), deleting]) {
      const { changes } = decided({ route, pods: [p(), q()], bindings: [served(Q)] });
      const given = changes.find(({ binding }) => binding.spec.address === A)?.binding.spec;
      expect(given).toMatchObject({ epoch: 2, nodeName: "" });
      expect(given && "standby" in given).toBe(false);
    }
  });

  test("a hand-over that is waited for: the write that ends it", () => {
    const owner = { podName: "q", podUid: "q-uid", podIp: "10.244.2.7" };
    const releasing = { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.12", wait: true };
    const moving = { epoch: 2, nodeName: "node2", owner, releasing };
    const pods = [p(), newer, r()];
    expect(decided({ pods, bindings: [aBinding(moving)] }).changes).toEqual([]);
    const over = decided({ pods, bindings: [aBinding(moving, [acked("Released", 1, "", "node1")])] });
    expect(spec(over)).toMatchObject({ epoch: 2, standby: P });
    expect(spec(over)?.releasing).toBeUndefined();
    // A node that is gone for long is not waited for, and neither is this.
    const lost = aBinding({ ...moving, releasing: { ...releasing, wait: false } });
    expect(spec(decided({ pods, bindings: [lost], node: withNode("node1", { lost: true }) }))).toMatchObject({
      releasing: { nodeName: "node1" },
      standby: R,
    });
  });
});

describe("laws", () => {
  const anyPod = fc
    .record({
      name: fc.constantFrom("p", "q", "r", "s"),
      node: fc.constantFrom("node1", "node2", "node3", "node9"),
      ip: fc.constantFrom("10.244.1.5", "10.244.2.7", "10.244.3.9", undefined),
      ready: fc.boolean(),
      terminating: fc.boolean(),
      created: fc.constantFrom(OLD, OLDER),
    })
    .map(({ name, ...fields }) => aPod(name, fields));
  const anyInput = fc.record({
    pods: fc.uniqueArray(anyPod, { selector: ({ metadata }) => metadata.name }),
    owner: fc.constantFrom("p", "q", "r", "s", ""),
    standby: fc.option(fc.constantFrom(P, Q, R), { nil: undefined }),
    bad: fc.constantFrom(undefined, { lost: true }, { cordoned: true }),
  });

  test("it is never on the owner's node, and never without an owner; a second look says the same", () => {
    fc.assert(
      fc.property(anyInput, ({ pods, owner, standby, bad }) => {
        const has = pods.find(({ metadata }) => metadata.name === owner);
        const given = has && { podName: owner, podUid: `${owner}-uid`, podIp: has.status?.podIP ?? "10.244.1.5" };
        const binding = aBinding({ nodeName: has?.spec?.nodeName ?? "", owner: given, standby: has && standby });
        const node = bad === undefined ? (name: string) => NODES[name] : withNode("node2", bad);
        const first = decided({ pods, bindings: [binding], node });
        const [change] = first.changes;
        if (change === undefined) return;
        const { spec: next } = change.binding;
        if (next.standby !== undefined) {
          expect(next.owner).toBeDefined();
          expect(next.standby.nodeName).not.toBe(next.nodeName);
          expect(pods.map(({ metadata }) => metadata.uid)).toContain(next.standby.podUid);
        }
        const acks = next.owner && [acked("Announced", next.epoch, next.owner.podUid, next.nodeName)];
        const second = decided({ pods, bindings: [{ ...change.binding, status: { acks } }], node });
        // It may still be settled that a node which is gone is not waited for.
        for (const { binding: again } of second.changes) expect(again.spec.standby).toEqual(next.standby);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("the controller", () => {
  const { gkeIpRoutes, pods } = RESOURCES;
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.stop());
  const written = (): number => world.kube.writes.filter(({ resource }) => resource.kind !== "Event").length;
  const setReady = (name: string, ready: boolean): void => {
    const pod = world.server.get<Pod>(pods, { namespace: "edge", name })!;
    const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
    world.server.replace<Pod>(pods, { ...pod, status: { ...pod.status, conditions } } as Pod, "status");
  };

  test("writes nothing for a standby whose readiness flaps, and once when it is gone", async () => {
    world.pod("p");
    world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
    world.server.create(gkeIpRoutes, newRoute());
    world.start();
    await world.until(() => world.ready() === "True ProgrammingComplete");
    await world.clock.run(60_000);
    expect(world.binding()?.spec.standby?.podName).toBe("q");
    world.kube.calls.length = 0;
    for (let time = 0; time < 40; time++) {
      setReady("q", time % 2 === 1);
      await world.clock.run(500);
    }
    expect(written()).toBe(0);
    world.server.delete(pods, { namespace: "edge", name: "q" });
    await world.clock.run(60_000);
    expect([written(), world.binding()?.spec.standby]).toEqual([1, undefined]);
  });

  test("writes once for a better standby that stays, and nothing for one that comes and goes", async () => {
    world.put(RESOURCES.nodes, aNode("node3", "172.30.0.13"));
    world.pod("p");
    world.pod("r", { node: "node3", ip: "10.244.3.9", created: "2026-01-01T00:00:20Z" });
    world.server.create(gkeIpRoutes, newRoute());
    world.start();
    await world.until(() => world.ready() === "True ProgrammingComplete");
    world.pod("q", { node: "node2", ip: "10.244.2.9", created: "2026-01-01T00:00:30Z" });
    world.kube.calls.length = 0;
    for (let time = 0; time < 20; time++) {
      setReady("q", time % 2 === 1);
      await world.clock.run(2_000);
    }
    expect([written(), world.binding()?.spec.standby?.podName]).toEqual([0, "r"]);
    await world.clock.run(60_000);
    expect([written(), world.binding()?.spec.standby?.podName]).toEqual([1, "q"]);
  });
});
