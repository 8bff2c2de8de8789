import { ACCEPT_MARKED, type ForwardState, NO_FORWARD, parseForward } from "../../controller-image/src/agent/forward";
import { binding, movedAway, OTHER_IP, takenBack } from "./bindings";
import { segmentHop } from "./memory-kernel";
import { A, B, World } from "./world";

const chain = (policy: string) => ({ chain: { table: "filter", name: "FORWARD", hook: "forward", policy } });
const MARKED = { match: { op: "==", left: { "&": [{ meta: { key: "mark" } }, 0x2000] }, right: 0x2000 } };
const COUNTER = { counter: { packets: 0, bytes: 0 } };
const rule = (handle: number, expr: readonly object[], comment?: string) => ({
  rule: { table: "filter", chain: "FORWARD", handle, comment, expr },
});

describe("the FORWARD chain, as nft prints it", () => {
  const xt = { xt: { type: "match", name: "comment" } };
  const ofOthers = { match: { op: "==", left: { "&": [{ meta: { key: "mark" } }, 0x4000] }, right: 0x4000 } };

  test.each<[string, readonly object[], ForwardState]>([
    ["accepts by default", [chain("accept")], NO_FORWARD],
    ["drops by default", [chain("drop")], { drops: true, accepted: false, ours: [] }],
    [
      "with our rule",
      [chain("drop"), rule(5, [MARKED, COUNTER, { accept: null }], "podpin")],
      { drops: true, accepted: true, ours: [5] },
    ],
    [
      "after iptables-save and -restore",
      [chain("drop"), rule(5, [MARKED, xt, COUNTER, { accept: null }])],
      { drops: true, accepted: true, ours: [5] },
    ],
    [
      "with the same rule made by hand",
      [chain("drop"), rule(5, [MARKED, COUNTER, { accept: null }])],
      { drops: true, accepted: true, ours: [] },
    ],
    [
      "with rules that do something else",
      [
        chain("drop"),
        rule(5, [ofOthers, { accept: null }], "podpin"),
        rule(6, [MARKED, { drop: null }]),
        rule(7, [{ accept: null }]),
      ],
      { drops: true, accepted: false, ours: [] },
    ],
    ...[
      { drop: null },
      { reject: { type: "icmpx", expr: "admin-prohibited" } },
      { xt: { type: "target", name: "REJECT" } },
    ].map((refusal): [string, readonly object[], ForwardState] => [
      `refuses with its last rule: ${JSON.stringify(refusal)}`,
      [chain("accept"), rule(5, [ofOthers, { accept: null }]), rule(6, [xt, COUNTER, { log: null }, refusal])],
      { drops: true, accepted: false, ours: [] },
    ]),
    ["refuses some with its last rule", [chain("accept"), rule(5, [ofOthers, COUNTER, { drop: null }])], NO_FORWARD],
    [
      "refuses some as iptables says it",
      [chain("accept"), rule(5, [{ xt: { type: "match", name: "set" } }, { drop: null }])],
      NO_FORWARD,
    ],
    [
      "refuses, but not with its last rule",
      [chain("accept"), rule(5, [{ drop: null }]), rule(6, [{ accept: null }])],
      NO_FORWARD,
    ],
  ])("%s", (_title, nftables, state) => {
    expect(parseForward(JSON.stringify({ nftables: [{ metainfo: {} }, ...nftables] }))).toEqual(state);
  });
});

describe("a node that drops what nobody accepts", () => {
  const world = (): World => {
    const made = new World();
    made.kernel.forwardDrops = true;
    made.kernel.hops.set(OTHER_IP, segmentHop);
    made.agent();
    return made;
  };

  test("gets one rule with the first address that a Pod holds itself, and loses it with the last", async () => {
    const node = world();
    const { kernel } = node;
    for (const address of [A, B]) node.write(binding(address, { delivery: "app" }));
    await node.rest();
    expect(kernel.lines.filter((line) => line === ACCEPT_MARKED)).toHaveLength(1);
    expect(node.ack()?.state).toBe("Announced");
    node.write(takenBack(A));
    await node.rest();
    expect(kernel.state().forward.accepted).toBe(true);
    node.write(takenBack(B));
    await node.rest();
    expect(kernel.state().forward.accepted).toBe(false);
  });

  test("has it while it passes packets on to the next node as well", async () => {
    const node = world();
    node.write(binding(A));
    await node.rest();
    expect(node.kernel.state().forward.accepted).toBe(false);
    node.write(movedAway(A, { wait: false }));
    await node.rest();
    expect(node.kernel.state().forward.accepted).toBe(true);
  });

  test("does not need it for nat, whose packets have the Pod's address there", async () => {
    const node = world();
    node.write(binding(A));
    await node.rest();
    expect(node.kernel.lines).not.toContain(ACCEPT_MARKED);
  });
});

test("a node that accepts gets none, and loses ours when it comes to accept", async () => {
  const world = new World();
  world.agent();
  world.write(binding(A, { delivery: "app" }));
  await world.rest();
  expect(world.kernel.lines).not.toContain(ACCEPT_MARKED);
  world.kernel.forwardDrops = true;
  await world.hears();
  expect(world.kernel.state().forward.accepted).toBe(true);
  world.kernel.forwardDrops = false;
  await world.hears();
  expect(world.kernel.state().forward.accepted).toBe(false);
});
