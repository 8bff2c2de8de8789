// A fabric in which the controller leads the packets: the kernel of the new node first, then the cloud, then the old node lets go.
import { acceptRoute } from "../../lib/model/acceptance";
import { typedAddress } from "../../lib/model/address";
import { isLed, type AddressBinding, type AddressBindingSpec, type BindingAck } from "../../lib/model/binding";
import { ROUTE_FINALIZER } from "../../lib/model/gke-api";
import { A, aBinding, aClass, aPod, aRoute, aView, B } from "../support/objects";
import { acked, conditions, decided, NOW, p, spec, withNode } from "./decided";
import { binding, CLASS, intent, led, moving, newAck, oldAck, on1, onCloud, q, r, said, served, UNREAD } from "./led";

describe("the first Pod", () => {
  test("is only a candidate until the kernel of its node delivers", () => {
    const fresh = led({ pods: [p()] });
    expect(intent(fresh)).toEqual({
      route: { namespace: "edge", name: "route", uid: "route-uid" },
      network: "default",
      addressType: "EXTERNAL",
      allowGlobalAccess: false,
      addresses: [A],
      epochs: new Map([[A, 1]]),
      leader: undefined,
      candidates: ["node1"],
      urgent: false,
    });
    const programmed = led({ pods: [p()], bindings: [binding({}, [acked("Programmed")])] });
    expect(intent(programmed)).toMatchObject({ leader: "node1", candidates: ["node1"], urgent: false });
    expect(programmed.changes).toEqual([]);
    expect(said(programmed)).toBe(`False GCPNotReady: ${A} is not yet led to node node1`);
  });

  test("is written down as led when the cloud was read to do so, and Ready waits for its node to have seen it", () => {
    const decision = led({
      pods: [p()],
      bindings: [binding({}, [acked("Programmed")])],
      cloud: onCloud({ [A]: "node1" }),
    });
    expect(spec(decision)).toMatchObject({ epoch: 1, led: on1 });
    expect(conditions(decision).Ready).toBe("False Mutated");
    const done = led({ pods: [p()], bindings: [served], cloud: onCloud({ [A]: "node1" }) });
    expect([done.changes, conditions(done).GCPReady, conditions(done).Ready]).toEqual([
      [],
      "True GCPReady",
      "True ProgrammingComplete",
    ]);
  });

  test("every address is delivered before one is led, but one that the node cannot deliver keeps none of the others back", () => {
    const route = aRoute({ addresses: [typedAddress(B), typedAddress(A)] });
    const other = (acks: BindingAck[], fields: Partial<AddressBindingSpec> = {}) =>
      binding({ address: B, ...fields }, acks);
    const first = binding({}, [acked("Programmed")]);
    const leader = (second: AddressBinding) => intent(led({ route, pods: [p()], bindings: [first, second] }))?.leader;
    expect(leader(other([]))).toBeUndefined();
    expect(leader(other([acked("Programmed")]))).toBe("node1");
    expect(leader(other([acked("Failed")]))).toBe("node1");
    const waits = { nodeName: "node2", epoch: 1, forwardTo: "172.30.0.11", wait: true };
    expect(leader(other([acked("Failed", 2)], { epoch: 2, releasing: waits }))).toBeUndefined();
    expect(intent(led({ route, pods: [p()], bindings: [first] }))).toMatchObject({
      addresses: [A, B],
      leader: undefined,
    });
  });

  test.each([
    ["a Pod that is not Ready yet", { ready: false }, ["node1", "node2"]],
    ["a Pod that has no address yet", { ip: undefined }, ["node1", "node2"]],
    ["a Pod that no node has", { node: "" }, ["node1"]],
    ["a Pod of a node that does not exist", { node: "node9" }, ["node1"]],
    ["a Pod that the selector does not match", { labels: { component: "other" } }, ["node1"]],
    ["a Pod of another namespace", { namespace: "other" }, ["node1"]],
  ])("the nodes are prepared for %s: %j gives %j", (_what, fields, candidates) => {
    const next = aPod("q", { node: "node2", ...fields });
    expect(intent(led({ pods: [p(), next], bindings: [served] }))?.candidates).toEqual(candidates);
  });
});

describe("a planned move", () => {
  const atOld = onCloud({ [A]: "node1" });
  const atNew = onCloud({ [A]: "node2" });

  test("begins with the new owner, while the cloud and the old node stay as they are", () => {
    const decision = led({ pods: [p(), q], bindings: [served], cloud: atOld });
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "node2", led: on1, releasing: { wait: true } });
    expect(intent(decision)).toMatchObject({ leader: undefined, candidates: ["node1", "node2"], urgent: false });
    expect(conditions(decision)).toMatchObject({ GCPReady: "False GCPNotReady", Ready: "False Mutated" });
  });

  test("asks for the lead when the new node's kernel delivers, which loses nothing and so is not urgent", () => {
    const decision = led({ pods: [p(), q], bindings: [moving([oldAck, newAck])], cloud: atOld });
    expect(intent(decision)).toMatchObject({ leader: "node2", urgent: false, epochs: new Map([[A, 2]]) });
    expect(decision.changes).toEqual([]);
  });

  test("tells the old node to let go by writing down where the packets go now", () => {
    const decision = led({ pods: [p(), q], bindings: [moving([oldAck, newAck])], cloud: atNew });
    expect(spec(decision)).toMatchObject({
      epoch: 2,
      led: { nodeName: "node2", epoch: 2 },
      releasing: { nodeName: "node1", wait: true },
    });
  });

  const there = { nodeName: "node2", epoch: 2 };
  test.each([
    ["while the cloud has not moved, however long that takes", on1, 3_600_000, atOld, undefined],
    ["while nothing is known of the cloud", on1, 3_600_000, UNREAD, undefined],
    ["for five seconds from when the packets go elsewhere", there, 4_999, atNew, undefined],
    ["and no longer", there, 5_000, atNew, false],
  ])("waits for the old node %s", (_when, at, waitedMs, cloud, wait) => {
    const bindings = [moving([oldAck, newAck], { led: at })];
    const decision = led({ pods: [p(), q], bindings, cloud, waitedMs: () => waitedMs });
    expect(spec(decision)?.releasing?.wait).toBe(wait);
    // Nothing but time can end the one wait, and only the cloud the other.
    expect(decision.againAfterMs).toBe(at === there && wait === undefined ? 1000 : undefined);
  });

  test("ends when the old node has let go", () => {
    const acks = [acked("Released", 1, "", "node1"), newAck];
    const decision = led({ pods: [p(), q], bindings: [moving(acks, { led: there })], cloud: atNew });
    expect(spec(decision)?.releasing).toBeUndefined();
    expect(spec(decision)?.led).toEqual(there);
  });

  test("is not Ready by an acknowledgement of a node that the packets do not reach", () => {
    const acks = [acked("Announced", 2, "q-uid", "node2")];
    const stray = moving(acks, { led: there, releasing: undefined });
    expect(conditions(led({ pods: [q], bindings: [stray], cloud: atNew })).Ready).toBe("True ProgrammingComplete");
    expect(conditions(led({ pods: [q], bindings: [stray], cloud: UNREAD })).Ready).toBe("True ProgrammingComplete");
    for (const cloud of [atOld, onCloud()]) {
      const decision = led({ pods: [q], bindings: [stray], cloud });
      expect(conditions(decision)).toMatchObject({ GCPReady: "False GCPNotReady", Ready: "False Mutated" });
      expect(isLed(decision.changes[0]!.binding)).toBe(false);
    }
  });

  test("a Pod of the same node changes nothing in the cloud, and is led by the very write that makes it the owner", () => {
    const next = aPod("n", { ip: "10.244.1.9", created: "2026-01-01T00:07:00Z" });
    const decision = led({ pods: [p(), next], bindings: [served], cloud: atOld });
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "node1", led: { nodeName: "node1", epoch: 2 } });
    expect(spec(decision)?.releasing).toBeUndefined();
  });

  test("a third Pod waits until the cloud has been asked and has answered", () => {
    const asked = led({ pods: [p(), q, r], bindings: [moving([oldAck, newAck])], cloud: atOld });
    expect([asked.changes, asked.status?.pods, intent(asked)?.leader]).toEqual([[], ["q"], "node2"]);
    const both = aRoute({ addresses: [typedAddress(A), typedAddress(B)] });
    const added = led({ route: both, pods: [p(), q, r], bindings: [moving([oldAck, newAck])], cloud: atOld });
    expect(added.changes.map(({ binding: { spec: s } }) => [s.address, s.nodeName])).toEqual([[B, "node2"]]);
  });

  test.each([
    ["nothing has been asked of the cloud yet", [oldAck], [p(), q, r]],
    ["the Pod that the packets were to go to is gone", [oldAck, newAck], [p(), r]],
    ["it cannot serve", [oldAck, newAck], [p(), aPod("q", { node: "node2", ip: "10.244.2.7", ready: false }), r]],
  ])("a third Pod goes on from where the packets still are, if %s", (_when, acks, pods) => {
    const decision = led({ pods, bindings: [moving(acks)], cloud: atOld });
    expect(spec(decision)).toMatchObject({
      epoch: 3,
      nodeName: "node3",
      led: on1,
      releasing: { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.13", wait: true },
    });
  });

  test("back to where the packets still are: the node there goes on, and the other one lets go", () => {
    const again = aPod("p", { created: "2026-01-01T00:09:00Z" });
    const decision = led({ pods: [again, q], bindings: [moving([oldAck])], cloud: atOld });
    expect(spec(decision)).toMatchObject({
      epoch: 3,
      nodeName: "node1",
      led: { nodeName: "node1", epoch: 3 },
      releasing: { nodeName: "node2", epoch: 2 },
    });
  });
});

describe("when packets are being lost", () => {
  const atOld = onCloud({ [A]: "node1" });

  test.each([
    ["its Pod is gone", undefined],
    ["its node does not answer", withNode("node1", { lost: true })],
  ])("nothing waits for the old node when %s, and the cloud is asked urgently", (_why, node) => {
    const pods = node === undefined ? [q] : [p(), q];
    const first = led({ pods, bindings: [served], cloud: atOld, ...(node && { node }) });
    expect(spec(first)?.releasing).toMatchObject({ nodeName: "node1", wait: false });
    const next = { ...first.changes[0]!.binding, status: { acks: [oldAck, newAck] } };
    const second = led({ pods, bindings: [next], cloud: atOld, ...(node && { node }) });
    expect(intent(second)).toMatchObject({ leader: "node2", urgent: true });
    const third = led({ pods, bindings: [next], cloud: onCloud({ [A]: "node2" }), ...(node && { node }) });
    expect(intent(third)?.urgent).toBe(false);
  });

  test.each([
    ["at once, where podpin hears nothing of it either", { heard: false }, 0],
    ["within 5 s, where podpin hears it", { heard: true }, 5_000],
  ])(
    "a node that Kubernetes calls not Ready serves until the packets go elsewhere, then is let go %s",
    (_, heard, waitedMs) => {
      const node = withNode("node1", { ready: false, unreadyMs: 40_000, ...heard });
      expect(spec(led({ pods: [p(), q], bindings: [served], cloud: atOld, node }))?.releasing?.wait).toBe(true);
      const still = moving([oldAck, newAck]);
      expect(led({ pods: [p(), q], bindings: [still], cloud: atOld, node }).changes).toEqual([]);
      const gone = moving([oldAck, newAck], { led: { nodeName: "node2", epoch: 2 } });
      const later = (ms: number) =>
        led({ pods: [p(), q], bindings: [gone], cloud: onCloud({ [A]: "node2" }), node, waitedMs: () => ms });
      if (waitedMs > 0) expect(later(waitedMs - 1).changes).toEqual([]);
      expect(spec(later(waitedMs))?.releasing?.wait).toBe(false);
    },
  );

  test("the Pod that still had them dies in the middle of the move", () => {
    const bindings = [moving([oldAck, newAck])];
    expect(intent(led({ pods: [q], bindings, cloud: atOld }))).toMatchObject({ leader: "node2", urgent: true });
    expect(intent(led({ pods: [p(), q], bindings, cloud: atOld }))?.urgent).toBe(false);
  });

  test("without any Pod the cloud stays as it is", () => {
    const decision = led({ pods: [], bindings: [served], cloud: atOld });
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "", led: on1 });
    expect(intent(decision)).toMatchObject({ addresses: [A], leader: undefined, candidates: [] });
  });

  test("a node that is gone is never asked to lead", () => {
    const node = withNode("node2", undefined);
    const decision = led({ pods: [q], bindings: [moving([newAck])], cloud: atOld, node });
    expect(intent(decision)).toMatchObject({ leader: undefined, candidates: [] });
  });
});

test.each(["PermissionDenied", "QuotaExceeded"])("what the cloud says, %s, stands in GKE's words", (reason) => {
  const cloud = onCloud({ [A]: "node1" }, { problem: { reason, message: "grant compute.instances.use." } });
  const decision = led({ pods: [p()], bindings: [served], cloud });
  expect(said(decision)).toBe(`False GCPFailed: ${reason}: grant compute.instances.use.`);
  expect(said(decision, "Ready")).toBe(`False Mutated: GCPReady: ${reason}: grant compute.instances.use.`);
  expect(conditions(decision).DPV2Ready).toBe("True DPV2Ready");
});

describe("an edit", () => {
  const both = aRoute({ addresses: [typedAddress(A), typedAddress(B)] });

  test("that adds an address touches only that one", () => {
    const decision = led({ route: both, pods: [p()], bindings: [served], cloud: onCloud({ [A]: "node1" }) });
    expect(decision.changes.map(({ verb, binding: { spec: s } }) => [verb, s.address])).toEqual([["create", B]]);
    expect(intent(decision)).toMatchObject({ addresses: [A, B], leader: undefined });
  });

  test("that removes one takes it from the cloud, and gives it back only when it is no longer led", () => {
    const removed = binding({ address: B, led: on1 }, [oldAck]);
    const leads = { [A]: "node1", [B]: "node1" };
    const first = led({ pods: [p()], bindings: [served, removed], cloud: onCloud(leads) });
    expect(intent(first)).toMatchObject({ addresses: [A], leader: "node1" });
    expect(first.changes.map(({ binding: { spec: s } }) => [s.address, s.nodeName])).toEqual([[B, ""]]);
    const releasing = { ...first.changes[0]!.binding, status: { acks: [acked("Released", 1, "", "node1")] } };
    const waits = led({ pods: [p()], bindings: [served, releasing], cloud: onCloud(leads) });
    expect([waits.changes, waits.againAfterMs]).toEqual([[], undefined]);
    const done = led({ pods: [p()], bindings: [served, releasing], cloud: onCloud({ [A]: "node1" }) });
    expect(done.changes.map(({ verb }) => verb)).toEqual(["delete"]);
  });

  test("of the Gateway that leaves the route without one keeps what is led, as it is", () => {
    const route = aRoute();
    const verdict = acceptRoute(route, aView({ classes: [aClass(CLASS, "gce")], gateways: [], cloud: true }));
    const decision = led({ route, verdict, pods: [p()], bindings: [served], cloud: onCloud({ [A]: "node1" }) });
    expect([decision.changes, decision.cloud]).toEqual([[], { verb: "keep", addresses: [A] }]);
    // Also when its Pod goes meanwhile: what it costs to make anew is not given up for what may be back in a moment.
    const alone = led({ route, verdict, bindings: [served], cloud: onCloud({ [A]: "node1" }) });
    expect([spec(alone)?.nodeName, alone.cloud]).toEqual(["", { verb: "keep", addresses: [A] }]);
    expect(led({ route, verdict, cloud: onCloud({ [A]: "node1" }) }).cloud).toEqual({ verb: "keep", addresses: [A] });
    expect(led({ route, verdict, cloud: onCloud({}, { empty: false }) }).cloud).toEqual({ verb: "remove" });
  });

  test("that brings the route to another fabric takes everything from the cloud", () => {
    const route = aRoute();
    const cloud = onCloud({ [A]: "node1" });
    const decision = led({ route, verdict: acceptRoute(route, aView()), pods: [p()], bindings: [served], cloud });
    expect(decision.cloud).toEqual({ verb: "remove" });
    expect(spec(decision)).toMatchObject({ epoch: 2, fabric: "l2" });
    expect(spec(decision)?.led).toBeUndefined();
  });
});

test("a route of another fabric has nothing to do with a cloud, whether or not that has been read", () => {
  for (const cloud of [onCloud(), UNREAD]) {
    expect(decided({ pods: [p()], cloud }).cloud).toBeUndefined();
    expect(decided({ pods: [p()], bindings: [aBinding()], cloud }).cloud).toBeUndefined();
  }
});

describe("a route that is deleted", () => {
  const route = aRoute({}, { deletionTimestamp: NOW, finalizers: [ROUTE_FINALIZER] });
  const problem = { reason: "PermissionDenied", message: "grant compute.forwardingRules.delete." };

  test.each([
    [
      "nothing has been read yet",
      UNREAD,
      true,
      "False Mutated: the route is being deleted; what Google Cloud has of it has not been read yet",
    ],
    [
      "its addresses are still led",
      onCloud({ [B]: "node1", [A]: "node1" }),
      true,
      `False Mutated: the route is being deleted; still in Google Cloud: what leads ${A}, ${B}`,
    ],
    [
      "only the rest is left",
      onCloud({}, { empty: false }),
      true,
      "False Mutated: the route is being deleted; still in Google Cloud: what its forwarding rules pointed at",
    ],
    [
      "Google Cloud refuses",
      onCloud({ [A]: "node1" }, { problem }),
      true,
      `False GCPFailed: the route is being deleted; still in Google Cloud: what leads ${A}. PermissionDenied: grant compute.forwardingRules.delete.`,
    ],
    ["nothing is left", onCloud(), false, "False CleanupComplete: every address is released"],
  ])("keeps its finalizer until the cloud has nothing of it: %s", (_when, cloud, finalizer, text) => {
    const decision = led({ route, cloud });
    expect([decision.finalizer, decision.cloud?.verb]).toEqual([finalizer, finalizer ? "remove" : undefined]);
    expect(said(decision)).toBe(text);
    expect(said(decision, "Ready")).toBe(text);
    expect(conditions(decision).DPV2Ready).toBe("False CleanupComplete");
  });

  test("is taken from nodes and cloud at once", () => {
    const decision = led({ route, pods: [p()], bindings: [served], cloud: onCloud({ [A]: "node1" }) });
    expect(decision.cloud).toEqual({ verb: "remove" });
    expect(spec(decision)).toMatchObject({ nodeName: "", releasing: { nodeName: "node1", wait: false } });
    expect(said(decision, "Ready")).toBe(`False Mutated: the route is being deleted; still held: ${A} on node node1`);
  });

  test("a finalizer that somebody has taken away is not put back for what the cloud still has", () => {
    const bare = aRoute({ addresses: [] });
    expect(led({ route: bare, cloud: onCloud({ [A]: "node1" }) })).toMatchObject({
      finalizer: false,
      cloud: { verb: "remove" },
    });
  });
});
