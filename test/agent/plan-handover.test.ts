import { isNoChange } from "../../controller-image/src/agent/plan";
import { ack, binding, ME, movedAway, MY_IP, OTHER, OTHER_IP, takenBack } from "./bindings";
import { segmentHop } from "./memory-kernel";
import { A, acknowledged, Node, POD } from "./planned-node";

// How the plan hands an address from node to node.

const delivering = (options = {}): Node => {
  const node = new Node();
  node.pass({ delivering: [binding(A, options)] });
  node.kernel.lines.length = 0;
  return node;
};

test("the new node programs, but stays silent until the old one has let go", () => {
  const node = new Node();
  const releasing = { nodeName: OTHER, epoch: 1, forwardTo: MY_IP, wait: true };
  const waiting = node.pass({ delivering: [binding(A, { epoch: 2, releasing })] });
  expect(acknowledged(waiting)).toEqual(ack(ME, 2, "Programmed", "uid-1"));
  expect(node.kernel.proxies.size).toBe(0);
  expect([...waiting.announce]).toEqual([]);
  const acks = [ack(OTHER, 1, "Released", "")];
  const made = node.pass({ delivering: [binding(A, { epoch: 2, releasing, acks })] });
  expect(acknowledged(made)).toEqual(ack(ME, 2, "Announced", "uid-1"));
  expect([...made.announce]).toEqual([[A, "arp"]]);
  expect(made.changes.steps.map(({ proxies, routes }) => [...routes, ...proxies])).toEqual([
    [`neigh replace proxy ${A} dev eth0 protocol 153`],
  ]);
});

test("the old node keeps delivering until the new one is ready", () => {
  const node = delivering();
  const made = node.pass({ releasing: [movedAway(A)] });
  expect(isNoChange(made.changes)).toBe(true);
  expect(acknowledged(made)).toBeUndefined();
  expect(made.silence).toEqual([]);
});

test("then it turns the route first and lets packets pass untracked", () => {
  const node = delivering();
  const made = node.pass({ releasing: [movedAway(A, { acks: [ack(OTHER, 2, "Programmed", "uid-2")] })] });
  expect(node.kernel.lines).toEqual([
    `neigh del proxy ${A} dev eth0`,
    `route replace ${A}/32 via ${OTHER_IP} dev eth0 onlink table 7421 proto 153`,
    `route del blackhole ${A}/32 table 7421 metric 4096 proto 153`,
    `delete element ip pip_agent nat_pips { ${A} }`,
    `delete element ip pip_agent pip_to_pod { ${A} : ${POD} }`,
    `delete element ip pip_agent pip_zone { ${A} : 267 }`,
    `delete element ip pip_agent pod_to_pip { ${POD} : ${A} }`,
    `delete element ip pip_agent hairpin { ${POD} . ${POD} : ${A} }`,
    `add element ip pip_agent pip_forward { ${A} }`,
  ]);
  expect(acknowledged(made)).toEqual(ack(ME, 1, "Released", ""));
  expect(made.silence).toEqual([A]);
});

test.each(["Programmed", "Announced"] as const)(
  "an acknowledgement %s of an older epoch counts for nothing",
  (state) => {
    const node = delivering();
    expect(
      isNoChange(node.pass({ releasing: [movedAway(A, { acks: [ack(OTHER, 1, state, "uid-2")] })] }).changes),
    ).toBe(true);
  },
);

test("it does not wait where nothing answers any more", () => {
  const node = delivering();
  const made = node.pass({ releasing: [movedAway(A, { wait: false })] });
  expect(acknowledged(made)?.state).toBe("Released");
  expect(node.kernel.paths.get(A)).toEqual({ via: OTHER_IP, dev: "eth0" });
});

test("it forwards for a minute and then leaves nothing, whether or not the binding still says so", () => {
  for (const still of [true, false]) {
    const node = delivering();
    const gone = movedAway(A, { acks: [ack(OTHER, 2, "Announced", "uid-2")] });
    const made = node.pass({ releasing: [gone] });
    expect(made.wakeAt).toBe(60_000);
    const settled = binding(A, { ...gone.spec, releasing: undefined, acks: [ack(ME, 1, "Released", "")] });
    const later = still ? { releasing: [gone] } : { evidence: new Map([[A, settled]]) };
    node.now = 59_999;
    expect(isNoChange(node.pass(later).changes)).toBe(true);
    node.now = 60_000;
    const last = node.pass(later);
    expect(node.kernel.untouched).toBe(true);
    expect(last.outcomes.get(A)?.withdrawAck ?? false).toBe(!still);
  }
});

test("while it forwards it asks every five seconds, and stops at once when the address has no owner any more", () => {
  const node = delivering();
  const gone = movedAway(A, { acks: [ack(OTHER, 2, "Announced", "uid-2")] });
  node.pass({ releasing: [gone] });
  const settled = binding(A, { ...gone.spec, releasing: undefined, acks: [ack(ME, 1, "Released", "")] });
  node.now = 1_000;
  const asked = node.pass({ evidence: new Map([[A, settled]]) });
  expect([asked.wakeAt, asked.inquire, isNoChange(asked.changes)]).toEqual([6_000, [A], true]);
  // Between the question and its answer nothing is forgotten, least of all when the forwarding began.
  expect(isNoChange(node.pass({}).changes)).toBe(true);
  const free = { ...settled, spec: { ...settled.spec, epoch: 3, nodeName: "", owner: undefined } };
  node.now = 6_000;
  expect(node.pass({ evidence: new Map([[A, free]]) }).outcomes.get(A)?.withdrawAck).toBe(true);
  expect(node.kernel.untouched).toBe(true);
});

test("it only withdraws when the new node cannot be reached over the uplink", () => {
  const node = delivering();
  node.kernel.hops.set(OTHER_IP, { ...segmentHop, gateway: "10.0.0.1" });
  const made = node.pass({ releasing: [movedAway(A, { wait: false })] });
  expect(acknowledged(made)?.state).toBe("Released");
  expect(node.kernel.untouched).toBe(true);
});

test("an address that comes back while it is forwarded is silent until it may speak", () => {
  const node = delivering();
  node.pass({ releasing: [movedAway(A, { wait: false })] });
  node.kernel.lines.length = 0;
  const releasing = { nodeName: OTHER, epoch: 2, forwardTo: MY_IP, wait: true };
  node.pass({ delivering: [binding(A, { epoch: 3, releasing })] });
  expect(node.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth1" });
  expect(node.kernel.proxies.size).toBe(0);
  expect(node.kernel.state().nft.forward.size).toBe(0);
});

test("with no new owner everything goes, the connections are forgotten, and the node says so", () => {
  const node = delivering();
  const made = node.pass({ releasing: [takenBack(A)] });
  expect(acknowledged(made)).toEqual(ack(ME, 1, "Released", ""));
  expect(made.changes.steps.map(({ flush }) => flush)).toEqual([{ pod: "10.244.1.11", cut: true, away: false }]);
  expect(node.kernel.untouched).toBe(true);
});

test("a node that has nothing left says so at once", () => {
  const made = new Node().plan({ releasing: [takenBack(A)] });
  expect(acknowledged(made)?.state).toBe("Released");
  expect(isNoChange(made.changes)).toBe(true);
});

test("a Pod that is replaced on the same node is announced without waiting for oneself", () => {
  const node = delivering();
  const owner = { podName: "pod-3", podUid: "uid-3", podIp: "10.244.1.12" };
  const releasing = { nodeName: ME, epoch: 1, forwardTo: MY_IP, wait: true };
  const next = binding(A, { epoch: 2, owner, releasing });
  const made = node.pass({ delivering: [next], releasing: [next] });
  expect(acknowledged(made)).toEqual(ack(ME, 2, "Announced", "uid-3"));
  expect(node.kernel.paths.get(A)).toEqual({ via: "10.244.1.12", dev: "veth2" });
});
