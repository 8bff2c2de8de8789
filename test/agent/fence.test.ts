import fc from "fast-check";

import { type FenceState, parseFences } from "../../controller-image/src/agent/fence";
import type { AddressMemory } from "../../controller-image/src/agent/outcome";
import { isNoChange, plan, type PlanInput, remember } from "../../controller-image/src/agent/plan";
import type { AddressBinding } from "../../lib/model/binding";
import { binding, type BindingOptions, ME, movedAway, MY_IP, OTHER, OTHER_IP, takenBack } from "./bindings";
import { MemoryKernel, podHop, segmentHop, UPLINK } from "./memory-kernel";

const A = "198.51.100.7";
const B = "198.51.100.8";
const PODS = [
  { podName: "pod-1", podUid: "uid-1", podIp: "10.244.1.11" },
  { podName: "pod-2", podUid: "uid-2", podIp: "10.244.1.12" },
] as const;
const INDEX = [11, 12] as const;

class Node {
  readonly kernel = new MemoryKernel();
  memory: ReadonlyMap<string, AddressMemory> = new Map();
  now = 0;

  constructor() {
    PODS.forEach(({ podIp }, i) => this.kernel.hops.set(podIp, podHop(`veth${i + 1}`, INDEX[i]!)));
    this.kernel.hops.set(OTHER_IP, segmentHop);
  }

  pass(...bindings: readonly AddressBinding[]) {
    const input: PlanInput = {
      nodeName: ME,
      nodeIp: MY_IP,
      uplink: UPLINK,
      delivering: bindings.filter(({ spec }) => spec.nodeName === ME),
      releasing: bindings.filter(({ spec }) => spec.releasing?.nodeName === ME),
      evidence: new Map(),
      synced: true,
      clusterCidrs: ["10.244.0.0/16"],
      kernel: this.kernel.state(),
      memory: this.memory,
      isolated: false,
      now: this.now,
    };
    const made = plan(input);
    this.memory = remember(input, made, this.kernel.carryOut(made.changes));
    return made;
  }

  /** The Pod that is not, and the Pod that is stopped when it sends with the address. */
  stopped(address = A): boolean[] {
    return INDEX.map((ifindex) => this.kernel.fences.stops(ifindex, address));
  }
}

const app = (options: BindingOptions = {}): AddressBinding => binding(A, { delivery: "app", ...options });
const gone = (options: BindingOptions = {}): AddressBinding =>
  movedAway(A, { delivery: "app", wait: false, ...options });

test("a Pod that held the address itself is fenced off from it in the same step in which the node lets go", () => {
  const node = new Node();
  node.pass(app());
  expect(node.kernel.fences.empty).toBe(true);
  node.kernel.lines.length = 0;
  node.pass(gone());
  expect(node.kernel.lines.filter((line) => line.includes("netdev"))).toEqual([
    "add table netdev pip_agent",
    "add set netdev pip_agent on_11 { type ipv4_addr; }",
    'add chain netdev pip_agent dev_11 { type filter hook ingress device "veth1" priority -500; policy accept; }',
    "flush chain netdev pip_agent dev_11",
    "add rule netdev pip_agent dev_11 ip saddr @on_11 drop",
    `add element netdev pip_agent on_11 { ${A} }`,
  ]);
  expect(node.stopped()).toEqual([true, false]);
});

test("delivery nat needs none: the Pod does not have the address", () => {
  const node = new Node();
  node.pass(binding(A));
  node.pass(movedAway(A, { wait: false }));
  expect(node.kernel.fences.empty).toBe(true);
});

test("it holds for as long as the interface does, whatever becomes of the address, and then nothing is left", () => {
  const node = new Node();
  node.pass(app());
  node.pass(takenBack(A));
  node.memory = new Map();
  expect(isNoChange(node.pass().changes)).toBe(true);
  expect(node.stopped()).toEqual([true, false]);
  node.kernel.dropInterface("veth1");
  node.pass();
  expect(node.kernel.untouched).toBe(true);
});

test("the next Pod's interface is not fenced, though it has the same name", () => {
  const node = new Node();
  node.pass(app());
  node.pass(gone());
  node.kernel.dropInterface("veth1");
  node.kernel.hops.set(PODS[0].podIp, podHop("veth1", 99));
  node.pass(app({ epoch: 3, owner: { ...PODS[0], podUid: "uid-9" } }));
  expect(node.kernel.fences.empty).toBe(true);
  expect(node.kernel.paths.get(A)?.dev).toBe("veth1");
});

test("a Pod that is replaced on the same node is fenced, its successor is not, and it may send again when it has the address again", () => {
  const node = new Node();
  node.pass(app());
  node.pass(app({ epoch: 2, owner: PODS[1] }));
  expect(node.stopped()).toEqual([true, false]);
  node.pass(app({ epoch: 3, owner: PODS[0] }));
  expect(node.stopped()).toEqual([false, true]);
});

test("a Pod behind a bridge is fenced at its port; a port that is not known fences nobody", () => {
  const bridge = { dev: "cni0", ifindex: 5, kind: "bridge", local: false };
  for (const port of ["veth7", undefined]) {
    const node = new Node();
    node.kernel.hops.set("10.244.1.50", podHop("veth7", 77));
    node.kernel.hops.set(PODS[0].podIp, { ...bridge, port });
    node.kernel.routePorts.set(A, port);
    node.pass(app());
    node.pass(gone());
    expect(node.kernel.fences.stops(77, A)).toBe(port !== undefined);
    expect(node.kernel.fences.stops(5, A)).toBe(false);
  }
});

test("a filter that somebody deletes is put back", () => {
  const node = new Node();
  node.pass(app());
  node.pass(gone());
  node.kernel.fences.dropFilter(11);
  expect(node.stopped()).toEqual([false, false]);
  node.pass(gone());
  expect(node.stopped()).toEqual([true, false]);
});

test("a fence is put back after the whole ruleset was flushed, though no binding speaks of the address any more", () => {
  const node = new Node();
  node.pass(app());
  node.pass(gone());
  node.pass(takenBack(A));
  for (let hour = 0; hour < 3; hour++) {
    node.now += 3_600_000;
    node.pass();
    expect(node.stopped()).toEqual([true, false]);
    node.kernel.flushRuleset();
    expect(node.stopped()).toEqual([false, false]);
  }
  node.pass();
  expect(isNoChange(node.pass().changes)).toBe(true);
  node.kernel.dropInterface("veth1");
  node.pass();
  expect(node.kernel.untouched).toBe(true);
});

test("of two addresses that a Pod is fenced off from it may send with the one that it gets back, at once", () => {
  const node = new Node();
  const both = (epoch: number, pod: 0 | 1): AddressBinding[] =>
    [A, B].map((address) => binding(address, { delivery: "app", epoch, owner: PODS[pod] }));
  node.pass(...both(1, 0));
  node.pass(...both(2, 1));
  node.pass(app({ epoch: 3, owner: PODS[0] }), both(2, 1)[1]!);
  expect([node.stopped(A), node.stopped(B)]).toEqual([
    [false, true],
    [true, false],
  ]);
});

test("whatever happens, every Pod that held an address and lives is fenced off from it exactly while another or nobody has it", () => {
  const step = fc.record({
    owner: fc.constantFrom(0 as const, 1 as const, "other" as const, "nobody" as const),
    restarts: fc.boolean(),
    flushed: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 8 }), (steps) => {
      const node = new Node();
      const held = new Set<number>();
      steps.forEach(({ owner, restarts, flushed }, index) => {
        if (restarts) node.memory = new Map();
        const releasing = { nodeName: ME, epoch: index + 1, forwardTo: OTHER_IP, wait: false };
        const bound = {
          0: () => app({ epoch: index + 2, owner: PODS[0] }),
          1: () => app({ epoch: index + 2, owner: PODS[1] }),
          other: () => gone({ epoch: index + 2, nodeName: OTHER, releasing }),
          nobody: () =>
            app({ epoch: index + 2, nodeName: "", owner: undefined, releasing: { ...releasing, forwardTo: "" } }),
        }[owner]();
        node.pass(bound);
        if (flushed) {
          node.kernel.flushRuleset();
          node.pass(bound);
        }
        expect(isNoChange(node.pass(bound).changes)).toBe(true);
        if (typeof owner === "number") held.add(owner);
        expect(node.stopped()).toEqual([0, 1].map((pod) => held.has(pod) && pod !== owner));
      });
      for (const dev of ["veth1", "veth2"]) node.kernel.dropInterface(dev);
      node.pass(takenBack(A));
      node.pass();
      expect(node.kernel.fences.empty).toBe(true);
    }),
    { numRuns: 300 },
  );
});

describe("what nft prints", () => {
  const none: FenceState = { table: false, fenced: new Map(), filtered: new Set() };
  const table = { family: "netdev", name: "pip_agent", handle: 1 };
  const chain = { family: "netdev", table: "pip_agent", name: "dev_11", dev: "veth1", type: "filter", hook: "ingress" };
  const set = { family: "netdev", table: "pip_agent", name: "on_11", type: "ipv4_addr", elem: [A] };
  const rule = { family: "netdev", table: "pip_agent", chain: "dev_11", expr: [] };

  test.each<[string, readonly object[], ReturnType<typeof parseFences>]>([
    ["nothing", [], none],
    [
      "a fence",
      [{ table }, { chain }, { set }, { rule }],
      { table: true, fenced: new Map([[11, new Set([A])]]), filtered: new Set([11]) },
    ],
    [
      "a chain without its rule",
      [{ table }, { chain }, { set }],
      { table: true, fenced: new Map([[11, new Set([A])]]), filtered: new Set() },
    ],
    [
      "a set whose interface is gone",
      [{ table }, { set: { ...set, elem: undefined } }],
      { table: true, fenced: new Map([[11, new Set()]]), filtered: new Set() },
    ],
    ["a table of somebody else", [{ table: { ...table, name: "mine" } }, { set: { ...set, table: "mine" } }], none],
  ])("%s", (_title, nftables, state) => {
    expect(parseFences(JSON.stringify({ nftables: [{ metainfo: {} }, ...nftables] }))).toEqual(state);
  });

  test("no output at all is no fence", () => {
    expect(parseFences("")).toEqual(none);
  });
});
