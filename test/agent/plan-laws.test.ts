import fc from "fast-check";
import { type AddressMemory } from "../../controller-image/src/agent/outcome";
import { isNoChange, plan, type PlanInput, remember } from "../../controller-image/src/agent/plan";
import { type AddressBinding, type BindingAck, mayAnnounce } from "../../lib/model/binding";
import { binding, ME, movedAway, MY_IP, OTHER, OTHER_IP } from "./bindings";
import { MemoryKernel, podHop, segmentHop, UPLINK } from "./memory-kernel";

// Laws of the plan, whatever the bindings say and whatever the kernel holds.

const ADDRESSES = ["198.51.100.1", "198.51.100.2", "198.51.100.3", "198.51.100.10"];
const PODS = ["10.244.1.11", "10.244.1.12", "10.244.2.11"];

const acks = fc.array(
  fc.record<BindingAck>({
    nodeName: fc.constantFrom(ME, OTHER),
    epoch: fc.integer({ min: 1, max: 4 }),
    podUid: fc.constantFrom("uid-0", "uid-1", "uid-2", ""),
    state: fc.constantFrom("Programmed", "Announced", "Released", "Failed"),
  }),
  { maxLength: 2 },
);

const sound = (address: string): fc.Arbitrary<AddressBinding> =>
  fc
    .record({
      epoch: fc.integer({ min: 1, max: 4 }),
      nodeName: fc.constantFrom(ME, OTHER),
      pod: fc.nat(PODS.length - 1),
      releasing: fc.option(
        fc.record({
          nodeName: fc.constantFrom(ME, OTHER),
          epoch: fc.integer({ min: 0, max: 3 }),
          forwardTo: fc.constantFrom(MY_IP, OTHER_IP, ""),
          wait: fc.boolean(),
        }),
        { nil: undefined },
      ),
      delivery: fc.constantFrom("nat" as const, "app" as const, "interface" as const),
      fabric: fc.constantFrom("l2" as const, "none" as const, "gce" as const),
      led: fc.option(fc.record({ nodeName: fc.constantFrom(ME, OTHER), epoch: fc.integer({ min: 1, max: 4 }) }), {
        nil: undefined,
      }),
      acks,
    })
    .map(({ pod, ...rest }) => {
      const owner = { podName: `pod-${pod}`, podUid: `uid-${pod}`, podIp: PODS[pod]! };
      return binding(address, { ...rest, owner });
    });

/** One version of each of some addresses. */
const bindings = fc
  .uniqueArray(fc.constantFrom(...ADDRESSES), { maxLength: ADDRESSES.length })
  .chain((addresses) => fc.tuple(...addresses.map(sound)));

/** Whatever could stand in the API if no schema held: wrong types, missing parts, hostile texts. */
const garbage = fc.oneof(
  fc.anything(),
  fc.record({
    metadata: fc.record({ name: fc.oneof(fc.constantFrom(...ADDRESSES), fc.string()) }),
    spec: fc.anything(),
  }),
  fc.record({
    metadata: fc.record({ name: fc.constantFrom("203.0.113.1", "203.0.113.2") }),
    spec: fc.record(
      {
        address: fc.oneof(fc.constantFrom("203.0.113.1", "203.0.113.2", "1.1.1.1; flush ruleset"), fc.anything()),
        epoch: fc.anything(),
        nodeName: fc.anything(),
        owner: fc.anything(),
        releasing: fc.anything(),
        delivery: fc.anything(),
        fabric: fc.anything(),
      },
      { requiredKeys: [] },
    ),
  }),
) as fc.Arbitrary<AddressBinding>;

class World {
  readonly kernel = new MemoryKernel();
  memory: ReadonlyMap<string, AddressMemory> = new Map();

  constructor() {
    this.kernel.hops.set(PODS[0]!, podHop("veth1", 11));
    this.kernel.hops.set(PODS[1]!, podHop("veth2", 12));
    this.kernel.insides = new Map(PODS.slice(0, 2).map((pod) => [pod, new Map()]));
    this.kernel.hops.set(PODS[2]!, { ...segmentHop, gateway: OTHER_IP });
    this.kernel.hops.set(MY_IP, { dev: "lo", ifindex: 1, kind: "", local: true });
    this.kernel.hops.set(OTHER_IP, segmentHop);
  }

  /** As the two reflectors would split them. */
  input(all: readonly AddressBinding[], more: Partial<PlanInput> = {}): PlanInput {
    return {
      nodeName: ME,
      nodeIp: MY_IP,
      uplink: UPLINK,
      delivering: all.filter((b) => b?.spec?.nodeName === ME),
      releasing: all.filter((b) => b?.spec?.releasing?.nodeName === ME),
      evidence: new Map(),
      synced: true,
      clusterCidrs: ["10.244.0.0/16"],
      kernel: this.kernel.state(),
      memory: this.memory,
      isolated: false,
      now: 0,
      ...more,
    };
  }

  pass(input: PlanInput) {
    const made = plan(input);
    const failed = this.kernel.carryOut(made.changes);
    this.memory = remember(input, made, failed);
    return made;
  }
}

const history = fc.array(bindings, { minLength: 1, maxLength: 4 });

test("it answers for anything that could stand in the API, and never puts foreign text into a command", () => {
  fc.assert(
    fc.property(fc.array(garbage, { maxLength: 5 }), bindings, (bad, good) => {
      const world = new World();
      const made = plan(world.input([], { delivering: [...bad, ...good], releasing: bad }));
      const lines = made.changes.steps.flatMap(({ routes, elements, proxies }) => [
        ...routes,
        ...elements.add,
        ...proxies,
      ]);
      for (const line of lines) expect(line).toMatch(/^[a-z][a-z0-9 ./:{}_-]*$/);
    }),
    { numRuns: 1000 },
  );
});

test("carried out, it leaves nothing to do: a second plan is empty", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      for (const all of steps) {
        world.pass(world.input(all));
        expect(isNoChange(plan(world.input(all)).changes)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test("a restarted agent changes nothing of what it adopts", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      // Epochs that only grow, and no acknowledgement of another life.
      const clean = steps.map((all, index) =>
        all.map((b) => binding(b.spec.address, { ...b.spec, epoch: index + 1, acks: [] })),
      );
      for (const all of clean) world.pass(world.input(all));
      const last = clean.at(-1)!;
      const forwarded = new Set(
        [...world.memory].filter(([, { lettingGoSince }]) => lettingGoSince !== undefined).map(([a]) => a),
      );
      world.memory = new Map();
      const again = plan(world.input(last));
      const touched = again.changes.steps.filter(({ address }) => !forwarded.has(address));
      expect(touched).toEqual([]);
    }),
    { numRuns: 500 },
  );
});

test("the order of the bindings makes no difference", () => {
  fc.assert(
    fc.property(bindings, fc.integer({ min: 0, max: 23 }), (all, rotation) => {
      const world = new World();
      const input = world.input(all);
      const turn = <T>(list: readonly T[]): T[] =>
        [...list.slice(rotation % (list.length || 1)), ...list.slice(0, rotation % (list.length || 1))].reverse();
      const turned = { ...input, delivering: turn(input.delivering), releasing: turn(input.releasing) };
      expect(plan(turned)).toEqual(plan(input));
    }),
    { numRuns: 500 },
  );
});

test("a bad binding changes nothing for the others", () => {
  fc.assert(
    fc.property(bindings, garbage, (all, bad) => {
      const name = (bad as { metadata?: { name?: unknown } } | undefined | null)?.metadata?.name;
      fc.pre(!ADDRESSES.includes(String(name)));
      const world = new World();
      const alone = plan(world.input(all));
      const together = plan(world.input(all, { delivering: [...world.input(all).delivering, bad] }));
      expect(together.changes).toEqual(alone.changes);
      for (const [address, outcome] of alone.outcomes) expect(together.outcomes.get(address)).toEqual(outcome);
    }),
    { numRuns: 500 },
  );
});

test("it never speaks for an address before it may: neither by gratuitous ARP nor by a proxy neighbour", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      for (const all of steps) {
        const input = world.input(all);
        const made = world.pass(input);
        for (const b of input.delivering) {
          const silent = !mayAnnounce(b) && b.spec.releasing?.nodeName !== ME;
          const followed = made.outcomes.get(b.spec.address)?.ack?.epoch === b.spec.epoch;
          if (!silent || !followed) continue;
          expect(made.announce.has(b.spec.address)).toBe(false);
          expect(world.kernel.proxies.has(b.spec.address)).toBe(false);
        }
      }
    }),
    { numRuns: 500 },
  );
});

test("an isolated node speaks for no address, a doubted address is not spoken for, and everything else is as ever", () => {
  const quiet = fc.record({
    isolated: fc.boolean(),
    doubted: fc.uniqueArray(fc.constantFrom(...ADDRESSES)).map((addresses) => new Set(addresses)),
  });
  fc.assert(
    fc.property(fc.array(fc.tuple(bindings, quiet), { minLength: 1, maxLength: 4 }), (steps) => {
      const world = new World();
      const twin = new World();
      const silent = ({ isolated, doubted }: (typeof steps)[number][1], address: string): boolean =>
        isolated || doubted.has(address);
      for (const [all, state] of steps) {
        const made = world.pass(world.input(all, state));
        const told = twin.pass(twin.input(all));
        expect([...made.announce.keys()].filter((address) => silent(state, address))).toEqual([]);
        for (const address of ADDRESSES) {
          const speaks = world.kernel.proxies.has(address);
          if (silent(state, address))
            expect([speaks, world.memory.get(address)?.announced]).toEqual([false, undefined]);
          else if (told.outcomes.get(address)?.announce !== undefined) expect(speaks).toBe(true);
          else expect(speaks && !twin.kernel.proxies.has(address)).toBe(false);
          const [said, meant] = [made, told].map(({ outcomes }) => outcomes.get(address)?.ack);
          const unsaid = silent(state, address) && told.outcomes.get(address)?.announce !== undefined;
          expect(said).toEqual(unsaid && meant?.state === "Announced" ? { ...meant, state: "Programmed" } : meant);
        }
        expect({ ...world.kernel.state(), proxies: 0, uplink: 0 }).toEqual({
          ...twin.kernel.state(),
          proxies: 0,
          uplink: 0,
          nft: { ...twin.kernel.state().nft, proxyDelayBefore: world.kernel.state().nft.proxyDelayBefore },
        });
      }
    }),
    { numRuns: 250 },
  );
});

test("epochs never fall: what was programmed for one is never replaced by what a lower one says", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      const highest = new Map<string, number>();
      for (const all of steps) {
        const input = world.input(all);
        const made = world.pass(input);
        const mine = new Set(input.delivering.map(({ spec }) => spec.address));
        for (const [address, { programmed }] of made.outcomes) {
          if (programmed !== undefined && mine.has(address))
            expect(programmed.epoch).toBeGreaterThanOrEqual(highest.get(address) ?? 0);
        }
        for (const { spec } of all) {
          const concerns = spec.nodeName === ME || spec.releasing?.nodeName === ME;
          if (concerns) highest.set(spec.address, Math.max(highest.get(spec.address) ?? 0, spec.epoch));
        }
        // A binding that is gone without a trace may begin anew.
        for (const address of highest.keys()) if (!world.memory.has(address)) highest.delete(address);
      }
    }),
    { numRuns: 500 },
  );
});

test("on a fabric that is led the old Pod has the packets until they go elsewhere, then nobody here has", () => {
  const moves = fc.record({
    delivery: fc.constantFrom("nat" as const, "app" as const, "interface" as const),
    next: fc.constantFrom("nat" as const, "app" as const, "interface" as const),
    led: fc.constantFrom(
      undefined,
      { nodeName: ME, epoch: 1 },
      { nodeName: OTHER, epoch: 1 },
      { nodeName: OTHER, epoch: 2 },
    ),
    wait: fc.boolean(),
    restarted: fc.boolean(),
    reused: fc.boolean(),
  });
  fc.assert(
    fc.property(moves, ({ delivery, next, led, wait, restarted, reused }) => {
      const world = new World();
      const given = binding(ADDRESSES[0]!, { fabric: "gce", delivery });
      const said: BindingAck = { nodeName: ME, epoch: 1, podUid: "uid-1", state: "Announced" };
      world.pass(world.input([given]));
      const before = world.kernel.paths.get(ADDRESSES[0]!);
      if (restarted) world.memory = new Map();
      if (reused) {
        world.kernel.dropInterface("veth1");
        world.kernel.hops.set(PODS[0]!, podHop("veth9", 19));
      }
      const moved = movedAway(ADDRESSES[0]!, { fabric: "gce", delivery: next, led, wait, acks: [said] });
      const made = world.pass(world.input([moved]));
      const serves = wait && !reused && !(led?.nodeName === OTHER && led.epoch === 2);
      expect(world.kernel.paths.get(ADDRESSES[0]!)).toEqual(serves ? before : undefined);
      expect(made.outcomes.get(ADDRESSES[0]!)?.ack?.state).toBe(serves ? undefined : "Released");
      const { nft } = world.kernel.state();
      expect([nft.stray.has(ADDRESSES[0]!), nft.podOf.has(ADDRESSES[0]!)]).toEqual([
        !serves,
        serves && delivery === "nat",
      ]);
    }),
    { numRuns: 300 },
  );
});

test("nothing is removed without a binding or the API server's word", () => {
  fc.assert(
    fc.property(history, fc.boolean(), (steps, synced) => {
      const world = new World();
      for (const all of steps) world.pass(world.input(all));
      expect(plan(world.input([], { synced })).changes.steps).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test("when every binding is gone by the API server's word, nothing is left", () => {
  fc.assert(
    fc.property(history, (steps) => {
      const world = new World();
      for (const all of steps) world.pass(world.input(all));
      world.pass(world.input([], { evidence: new Map(ADDRESSES.map((address) => [address, "absent"])) }));
      // Fences stay for as long as the Pods do that held the addresses themselves.
      for (const dev of ["veth1", "veth2"]) world.kernel.dropInterface(dev);
      world.pass(world.input([]));
      expect(world.kernel.untouched).toBe(true);
    }),
    { numRuns: 300 },
  );
});
