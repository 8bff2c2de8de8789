import { isNoChange } from "../../controller-image/src/agent/plan";
import { ack, binding, ME, movedAway, OTHER, OTHER_IP } from "./bindings";
import { Node, A, POD } from "./planned-node";
import { World } from "./world";

// What somebody else does to a node while it serves addresses.

const serving = (): Node => {
  const node = new Node();
  node.pass({ delivering: [binding(A)] });
  return node;
};

test("the whole ruleset is flushed while the node passes packets on: it goes on doing so, whether a binding says so or not", () => {
  const gone = movedAway(A, { acks: [ack(OTHER, 2, "Announced", "uid-2")] });
  const settled = binding(A, { ...gone.spec, releasing: undefined, acks: [ack(ME, 1, "Released", "")] });
  for (const said of [{ releasing: [gone] }, { evidence: new Map([[A, settled]]) }]) {
    const input = { ...said, proxyDelayBefore: 800 };
    const node = serving();
    node.pass({ releasing: [gone] });
    node.now = 1000;
    node.kernel.flushRuleset();
    node.pass(input);
    expect(node.kernel.paths.get(A)).toEqual({ via: OTHER_IP, dev: "eth0" });
    expect(node.kernel.state().nft.forward).toEqual(new Set([A]));
    expect(isNoChange(node.pass(input).changes)).toBe(true);
    node.now = 60_000;
    node.pass(input);
    expect(node.kernel.untouched).toBe(true);
  }
});

test("the uplink passes nothing on any more: it is said, nothing is taken away, and nobody is called there", () => {
  const node = serving();
  node.kernel.uplinkForwards = false;
  const made = node.pass({ delivering: [binding(A)] });
  expect(made.outcomes.get(A)?.ack).toEqual({
    ...ack(ME, 1, "Failed", "uid-1"),
    reason: "NodeNotSupported",
    message:
      "net.ipv4.conf.eth0.forwarding: got 0; set it, or net.ipv4.ip_forward, to 1 on the node, or no packet that arrives there reaches a Pod",
  });
  expect([isNoChange(made.changes), made.silence]).toEqual([true, []]);
  const next = node.pass({ delivering: [binding(A, { epoch: 2 })] });
  expect([[...next.announce.keys()], next.outcomes.get(A)?.ack?.state]).toEqual([[], "Failed"]);
  node.kernel.uplinkForwards = true;
  const last = node.pass({ delivering: [binding(A, { epoch: 2 })] });
  expect([[...last.announce.keys()], last.outcomes.get(A)?.ack?.state]).toEqual([[A], "Announced"]);
});

test("an interface of the node gets the address: it is refused as soon as the kernel says so, and served again when it is gone", async () => {
  const world = new World();
  world.agent();
  world.write(binding(A));
  await world.rest();
  world.kernel.own.add(A);
  await world.hears();
  expect(world.ack()).toMatchObject({
    state: "Failed",
    reason: "AddressNotAllowed",
    message: `an interface of the node has ${A}; take it away from there, or reserve another one`,
  });
  world.kernel.own.clear();
  await world.hears();
  expect([world.ack()?.state, world.kernel.paths.get(A)?.via]).toEqual(["Announced", POD]);
});

test("proxy neighbours of ours on an interface that is not the uplink any more go, and the others stay", () => {
  const node = serving();
  node.kernel.astray.set("eth1", A);
  node.pass({ delivering: [binding(A)] });
  expect(node.kernel.astray.size).toBe(0);
  expect(node.kernel.proxies.get(A)).toBe("ours");
  node.kernel.astray.set("eth1", A);
  node.pass({});
  node.pass({ evidence: new Map([[A, "absent"]]) });
  expect(node.kernel.untouched).toBe(true);
});
