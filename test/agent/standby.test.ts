// A node that may have to take an address over has all that the first address needs, and nothing of the address.
import fc from "fast-check";
import { isNoChange } from "../../controller-image/src/agent/plan";
import { addressesIn } from "../../controller-image/src/agent/state";
import { type AddressBinding, type AddressBindingSpec, AnnouncerKind, Fabric } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { ack, binding, ME, movedAway, OTHER } from "./bindings";
import { A, B, Node, POD } from "./planned-node";
import { World } from "./world";

const STANDBY = { nodeName: ME, podName: "pod-1", podUid: "uid-1", podIp: POD };
/** Another node's address, which this node's Pod is next for. */
const next = (address: string, spec: Partial<AddressBindingSpec> = {}): AddressBinding =>
  binding(address, {
    nodeName: OTHER,
    owner: { podName: "pod-2", podUid: "uid-2", podIp: "10.244.2.11" },
    standby: STANDBY,
    ...spec,
  });
/** The same address when this node has taken it over. */
const taken = (address: string): AddressBinding =>
  binding(address, {
    epoch: 2,
    releasing: { nodeName: OTHER, epoch: 1, forwardTo: "10.0.0.11", wait: false },
  });

describe("the plan", () => {
  test("makes the rule and the table, and nothing of the address", () => {
    const node = new Node();
    const made = node.pass({ standby: [next(A)] });
    expect(node.kernel.lines).toEqual([
      "rule add pref 700 lookup 7421 protocol 153",
      "(table)",
      "flush set ip pip_agent cluster",
      "add element ip pip_agent cluster { 10.0.0.11-10.0.0.12, 10.96.0.0-10.96.255.255, 10.244.0.0-10.244.255.255, 169.254.0.0-169.254.255.255, 224.0.0.0-239.255.255.255 }",
    ]);
    expect([...addressesIn(node.kernel.state())]).toEqual([]);
    expect([made.standbys, [...made.outcomes], [...made.announce], made.inquire]).toEqual([[A], [], [], []]);
    expect(isNoChange(node.pass({ standby: [next(A)] }).changes)).toBe(true);
  });

  test("has the announcer get ready, where the fabric has one", () => {
    const node = new Node();
    const ready = (...standby: AddressBinding[]) => node.pass({ standby }).ready;
    expect(ready(next(A), next(B))).toEqual([AnnouncerKind.Arp]);
    expect(ready(next(A, { fabric: Fabric.Gce }))).toEqual([]);
    expect(ready(next(A, { standby: { ...STANDBY, nodeName: OTHER } }))).toEqual([]);
  });

  test.each(["nat", "app", "interface"] as const)("a take-over by %s makes no base any more", (delivery) => {
    const node = new Node();
    node.kernel.insides = new Map([[POD, new Map()]]);
    node.pass({ standby: [next(A, { delivery })] });
    const { changes, announce } = node.pass({ delivering: [{ ...taken(A), spec: { ...taken(A).spec, delivery } }] });
    expect(changes.setup).toEqual([]);
    expect(changes.base).toEqual(["add set ip pip_agent uplink_delay_800 { type ipv4_addr; }"]);
    expect(changes.finish).toEqual(["ntable change name arp_cache dev eth0 proxy_delay 0"]);
    expect([...announce.keys()]).toEqual([A]);
  });

  test("with the last standby the base goes without a trace, but not while it is not known whether there is one", () => {
    const node = new Node();
    node.pass({ standby: [next(A), next(B)] });
    expect(isNoChange(node.pass({ standby: [next(B)] }).changes)).toBe(true);
    expect(isNoChange(node.pass({ standby: "unknown" }).changes)).toBe(true);
    node.pass({ standby: [] });
    expect(node.kernel.untouched).toBe(true);
  });

  test("nothing is made while it is not known whether there is one", () => {
    const node = new Node();
    node.pass({ standby: "unknown" });
    expect(node.kernel.untouched).toBe(true);
  });

  test.each<[string, AddressBinding]>([
    ["of another node", next(A, { standby: { ...STANDBY, nodeName: OTHER } })],
    ["without an address", next(A, { standby: { ...STANDBY, podIp: "" } })],
    ["in a binding that cannot be read", next(A, { epoch: -1 })],
    ["in a binding that is no object", null as never],
  ])("a standby %s is none", (_, given) => {
    const node = new Node();
    expect(node.pass({ standby: [given] }).standbys).toEqual([]);
    expect(node.kernel.untouched).toBe(true);
  });

  test("whatever the standbys, addresses fare as without them", () => {
    const own = fc.subarray([binding(A), binding(B), movedAway("198.51.100.9")]);
    const standby = fc.oneof(
      fc.constant("unknown" as const),
      fc.subarray([next("198.51.100.1"), next(A), next("198.51.100.2", { epoch: -1 }), null as never]),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(own, standby), { maxLength: 4 }), (steps) => {
        const [node, twin] = [new Node(), new Node()];
        for (const [all, nexts] of steps) {
          const split = {
            delivering: all.filter(({ spec }) => spec.nodeName === ME),
            releasing: all.filter(({ spec }) => spec.nodeName !== ME),
          };
          const made = node.pass({ ...split, standby: nexts });
          const alone = twin.pass(split);
          expect(made.outcomes).toEqual(alone.outcomes);
          expect([made.announce, made.silence, made.inquire]).toEqual([alone.announce, alone.silence, alone.inquire]);
          expect(addressesIn(node.kernel.state())).toEqual(addressesIn(twin.kernel.state()));
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe("the agent", () => {
  const asStandby = async (): Promise<{ world: World; agent: ReturnType<World["agent"]> }> => {
    const world = new World();
    const agent = world.agent();
    await world.rest();
    world.write(next(A));
    await world.clock.run(100);
    await world.rest();
    return { world, agent };
  };

  test("gets ready, says nothing, and looks at the way to the Pod", async () => {
    const { world, agent } = await asStandby();
    expect([world.kernel.rule, world.kernel.table !== undefined]).toEqual([true, true]);
    expect([...addressesIn(world.kernel.state())]).toEqual([]);
    expect([new Set(world.announcer.said), world.ack()]).toEqual([new Set(["ready"]), undefined]);
    expect(agent.passes.at(-1)?.standbys).toEqual([A]);
    expect(agent.kube.writes).toEqual([]);
  });

  test("takes over with what it has got ready", async () => {
    const { world, agent } = await asStandby();
    const before = agent.passes.length;
    world.write(taken(A));
    await world.rest();
    expect(world.ack()).toEqual(ack(ME, 2, "Announced", "uid-1"));
    const rebuilt = agent.passes
      .slice(before)
      .filter(({ changes }) => [...changes.base, ...changes.teardown.nft].some((line) => / table |^table /.test(line)));
    expect(rebuilt).toEqual([]);
  });

  test("keeps what it has got ready for a moment, and then nothing is left", async () => {
    const { world, agent } = await asStandby();
    await world.clock.run(6_000);
    const before = agent.passes.length;
    world.write(next(A, { standby: undefined }));
    await world.clock.run(9_000);
    expect(world.kernel.table).toBeDefined();
    // Nor is it in the way of the look for an address that the node may have got.
    expect(agent.passes).toHaveLength(before);
    await world.clock.run(2_000);
    expect(world.kernel.untouched).toBe(true);
  });

  test("an agent that is stopped within that moment leaves nothing of it, but what it had got ready otherwise", async () => {
    for (const stays of [false, true]) {
      const { world, agent } = await asStandby();
      if (stays) world.write(next(B));
      await world.clock.run(1_000);
      world.write(next(A, { standby: undefined }));
      await world.clock.run(1_000);
      expect(world.kernel.table).toBeDefined();
      await agent.stop();
      expect(world.kernel.untouched).toBe(!stays);
    }
  });

  test("acknowledgements of the owner are no news to it", async () => {
    const { world, agent } = await asStandby();
    const before = agent.passes.length;
    world.otherSays(A, ack(OTHER, 1, "Announced", "uid-2"));
    await world.rest();
    expect(agent.passes).toHaveLength(before);
  });

  test("started anew it undoes nothing before it knows", async () => {
    const { world, agent } = await asStandby();
    await agent.stop();
    const { lines } = world.kernel;
    const count = lines.length;
    const second = world.agent();
    await world.rest();
    await world.clock.run(61_000);
    expect(second.passes.length).toBeGreaterThan(0);
    expect(lines).toHaveLength(count);
  });

  test("works where the API server does not know the field, and leaves nothing behind there either", async () => {
    const { world, agent } = await asStandby();
    await agent.stop();
    const blind = world.agent({ isBlind: true });
    world.write(binding(B));
    await world.rest();
    expect(blind.unready()).toBeUndefined();
    expect(world.ack(B)?.state).toBe("Announced");
    world.server.delete(RESOURCES.addressBindings, { name: B });
    await world.clock.run(30_000);
    expect(world.kernel.table).toBeDefined();
    await world.clock.run(61_000);
    expect(world.kernel.untouched).toBe(true);
  });
});
