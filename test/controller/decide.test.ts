import { typedAddress } from "../../lib/model/address";
import type { BindingAck } from "../../lib/model/binding";
import { A, aBinding, aPod, aRoute, B } from "../support/objects";
import { acked, conditions, decided, NODES, NOW, p, spec, withNode } from "./decided";

describe("the first Pod", () => {
  test("gets a binding of epoch 1 behind a finalizer, and the route is not Ready yet", () => {
    const decision = decided({ pods: [p()] });
    expect(decision.finalizer).toBe(true);
    expect(decision.changes).toEqual([
      {
        verb: "create",
        binding: {
          apiVersion: "podpin.dev/v1alpha1",
          kind: "AddressBinding",
          metadata: { name: A },
          spec: {
            address: A,
            epoch: 1,
            route: { namespace: "edge", name: "route", uid: "route-uid" },
            nodeName: "node1",
            owner: { podName: "p", podUid: "p-uid", podIp: "10.244.1.5" },
            delivery: "nat",
            fabric: "l2",
            network: "default",
          },
        },
      },
    ]);
    expect(decision.status?.pods).toEqual(["p"]);
    expect(conditions(decision)).toEqual({
      Accepted: "True Accepted",
      GCPReady: "False GCPNotReady",
      DPV2Ready: "False DPV2NotReady",
      Ready: "False Mutated",
    });
  });

  test.each([
    [[], "False GCPNotReady", "False DPV2NotReady", "False Mutated"],
    [[acked("Programmed")], "False GCPNotReady", "True DPV2Ready", "False Mutated"],
    [[acked("Announced")], "True GCPReady", "True DPV2Ready", "True ProgrammingComplete"],
    [[acked("Announced", 0)], "False GCPNotReady", "False DPV2NotReady", "False Mutated"],
    [[acked("Announced", 1, "another-uid")], "False GCPNotReady", "False DPV2NotReady", "False Mutated"],
    [[acked("Announced", 1, "p-uid", "node2")], "False GCPNotReady", "False DPV2NotReady", "False Mutated"],
  ])("makes the route Ready only by an acknowledgement of this epoch, Pod and node: %j", (acks, gcp, dpv2, ready) => {
    const decision = decided({ pods: [p()], bindings: [aBinding({}, acks)] });
    expect(decision.changes).toEqual([]);
    expect(conditions(decision)).toEqual({ Accepted: "True Accepted", GCPReady: gcp, DPV2Ready: dpv2, Ready: ready });
  });

  test("says what the agent could not do", () => {
    const failed = { ...acked("Failed"), reason: "PodNotOnNode", message: "no route to 10.244.1.5" };
    const decision = decided({ pods: [p()], bindings: [aBinding({}, [failed])] });
    expect(decision.status?.conditions.find(({ type }) => type === "DPV2Ready")).toMatchObject({
      status: "False",
      reason: "DPV2NotReady",
      message: `${A}: PodNotOnNode: no route to 10.244.1.5`,
    });
  });
});

test("no eligible Pod: the reason stands on every condition and no binding is made", () => {
  const decision = decided({ pods: [p({ ready: false })] });
  expect(decision.changes).toEqual([]);
  expect(decision.status?.pods).toEqual([]);
  expect(conditions(decision)).toEqual({
    Accepted: "True Accepted",
    GCPReady: "False NoPodsFound",
    DPV2Ready: "False NoPodsFound",
    Ready: "False NoPodsFound",
  });
});

describe("a move to another node", () => {
  const q = aPod("q", { node: "node2", ip: "10.244.2.7", created: "2026-01-01T00:05:00Z" });
  const served = aBinding({}, [acked("Announced")]);

  test("raises the epoch and waits for the old node while the old Pod lives", () => {
    const decision = decided({ pods: [p(), q], bindings: [served] });
    expect(spec(decision)).toMatchObject({
      epoch: 2,
      nodeName: "node2",
      owner: { podUid: "q-uid", podIp: "10.244.2.7" },
      releasing: { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.12", wait: true },
    });
  });

  test("does not wait when the old Pod is gone", () => {
    const decision = decided({ pods: [q], bindings: [served] });
    expect(spec(decision)?.releasing).toEqual({ nodeName: "node1", epoch: 1, forwardTo: "172.30.0.12", wait: false });
  });

  test.each([
    ["waits for a node that Kubernetes alone does not hear", { ready: false }, true],
    ["waits for a node that podpin alone does not hear", { heard: false }, true],
    ["does not wait for a node that neither hears, nor any longer", { ready: false, heard: false }, false],
    ["does not wait for a lost node, nor any longer", { ready: false, lost: true }, false],
  ])("%s", (_, fields, waits) => {
    const node = withNode("node1", fields);
    expect(spec(decided({ pods: [p(), q], bindings: [served], node }))?.releasing?.wait).toBe(waits);
    const next = decided({ pods: [p(), q], bindings: [moving([])], node });
    expect(spec(next)?.releasing?.wait ?? "as it was").toBe(waits ? "as it was" : false);
  });

  test("takes back Ready before anything else says it", () => {
    const ready = decided({ pods: [p()], bindings: [served] }).status!;
    const decision = decided({ route: { ...aRoute(), status: ready }, pods: [p(), q], bindings: [served] });
    expect(conditions(decision)).toEqual({
      Accepted: "True Accepted",
      GCPReady: "False Mutated",
      DPV2Ready: "False Mutated",
      Ready: "False Mutated",
    });
    expect(decision.status?.pods).toEqual(["q"]);
  });

  const moving = (acks: readonly BindingAck[]) =>
    aBinding(
      {
        epoch: 2,
        nodeName: "node2",
        owner: { podName: "q", podUid: "q-uid", podIp: "10.244.2.7" },
        releasing: { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.12", wait: true },
      },
      acks,
    );

  test("has no end to wait for where the node is the owner's own, as no controller writes it", () => {
    const releasing = { nodeName: "node1", epoch: 1, forwardTo: "", wait: true };
    const decision = decided({ pods: [p()], bindings: [aBinding({ releasing }, [acked("Announced")])] });
    expect(spec(decision)).toMatchObject({ epoch: 1, nodeName: "node1" });
    expect(spec(decision)?.releasing).toBeUndefined();
  });

  test("ends with the old node's acknowledgement", () => {
    const decision = decided({ pods: [p(), q], bindings: [moving([acked("Released", 1, "", "node1")])] });
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "node2" });
    expect(spec(decision)?.releasing).toBeUndefined();
  });

  test("stops waiting after five seconds, without a new epoch", () => {
    const before = decided({ pods: [p(), q], bindings: [moving([])], waitedMs: () => 4_999 });
    expect(before.changes).toEqual([]);
    expect(before.againAfterMs).toBe(1000);
    const after = decided({ pods: [p(), q], bindings: [moving([])], waitedMs: () => 5_000 });
    expect(spec(after)).toMatchObject({ epoch: 2, releasing: { nodeName: "node1", wait: false } });
  });

  test("is not interrupted by the next move while the first node may still answer", () => {
    const r = aPod("r", { node: "node3", ip: "10.244.3.3", created: "2026-01-01T00:06:00Z" });
    expect(decided({ pods: [p(), q, r], bindings: [moving([])] }).changes).toEqual([]);
    // Its owner gone, it goes on; the node that may still answer stays in sight.
    const on = decided({ pods: [p(), r], bindings: [moving([])] });
    expect(spec(on)).toMatchObject({ epoch: 3, nodeName: "node3", releasing: { nodeName: "node1", epoch: 1 } });
  });

  test("is over when the old node no longer exists", () => {
    const node = (name: string) => (name === "node1" ? undefined : NODES[name]);
    expect(spec(decided({ pods: [q], bindings: [moving([])], node }))?.releasing).toBeUndefined();
  });
});

test("a Pod of the same name is another Pod: the epoch grows, on the same node with nothing to release", () => {
  const next = aPod("p", { uid: "p-uid-2", ip: "10.244.1.6" });
  const decision = decided({ pods: [next], bindings: [aBinding({}, [acked("Announced")])] });
  expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "node1", owner: { podUid: "p-uid-2" } });
  expect(spec(decision)?.releasing).toBeUndefined();
});

test("a Pod that outlives its own interface by ten seconds gets the address anew, not earlier", () => {
  const gone = { ...acked("Failed"), reason: "PodInterfaceGone", message: "the interface is gone" };
  const bindings = [aBinding({}, [gone])];
  const early = decided({ pods: [p()], bindings, waitedMs: () => 9_999 });
  expect([early.changes, early.againAfterMs]).toEqual([[], 1000]);
  const late = decided({ pods: [p()], bindings, waitedMs: () => 10_000 });
  expect(spec(late)).toMatchObject({ epoch: 2, nodeName: "node1", owner: { podUid: "p-uid" } });
});

describe("an edit touches only what changed", () => {
  test("an address that is added leaves the others alone", () => {
    const route = aRoute({ addresses: [typedAddress(A), typedAddress(B)] }, { generation: 2 });
    const decision = decided({ route, pods: [p()], bindings: [aBinding({}, [acked("Announced")])] });
    expect(decision.changes.map(({ verb, binding }) => [verb, binding.spec.address])).toEqual([["create", B]]);
  });

  test("an address that is taken out is released, then forgotten", () => {
    const bindings = [aBinding({}, [acked("Announced")]), aBinding({ address: B }, [acked("Announced")])];
    const first = decided({ pods: [p()], bindings });
    expect(first.changes).toHaveLength(1);
    expect(spec(first)).toMatchObject({
      address: B,
      epoch: 2,
      nodeName: "",
      releasing: { nodeName: "node1", epoch: 1 },
    });
    expect(spec(first)?.owner).toBeUndefined();
    const gone = { ...first.changes[0]!.binding, status: { acks: [acked("Released", 1, "")] } };
    const second = decided({ pods: [p()], bindings: [bindings[0]!, gone] });
    expect(second.changes.map(({ verb, binding }) => [verb, binding.spec.address])).toEqual([["delete", B]]);
  });

  test.each([
    ["InvalidAddresses", aRoute({ addresses: [typedAddress(A), { type: "gke.networking.io/cidr", value: "oops" }] })],
    ["Unattachable", aRoute({}, { annotations: { "podpin.dev/delivery": "natt" } })],
  ])("a route that is refused for a mistake, %s, keeps what works, while its Pod lives", (reason, route) => {
    const bindings = [aBinding({}, [acked("Announced")])];
    const refused = decided({ route, pods: [p()], bindings });
    expect(refused.changes).toEqual([]);
    expect(conditions(refused)).toMatchObject({ Accepted: `False ${reason}`, Ready: `False ${reason}` });
    expect(spec(decided({ route, pods: [], bindings }))).toMatchObject({ epoch: 2, nodeName: "" });
  });
});

describe("an acknowledgement of an epoch that has never been", () => {
  const owner = { podName: "p", podUid: "p-uid", podIp: "10.244.1.5" };

  test.each([
    ["the owner's node", "node1", 77],
    ["another node", "node9", 2 ** 52],
  ])("of %s is left behind in one step: a node refuses what is below its own word", (_, node, epoch) => {
    const foreign = acked("Announced", epoch, "somebody", node);
    const decision = decided({ pods: [p()], bindings: [aBinding({}, [foreign])] });
    expect(decision.changes).toHaveLength(1);
    expect(spec(decision)).toMatchObject({ epoch: epoch + 1, nodeName: "node1", owner });
    expect(spec(decision)?.releasing).toBeUndefined();
    const next = decided({ pods: [p()], bindings: [aBinding(spec(decision), [foreign])] });
    expect(next.changes).toEqual([]);
  });

  test("counts for nothing where no epoch would be left above it", () => {
    const foreign = acked("Announced", Number.MAX_SAFE_INTEGER, "somebody", "node9");
    expect(decided({ pods: [p()], bindings: [aBinding({}, [foreign])] }).changes).toEqual([]);
  });
});

describe("a deleted route", () => {
  const route = aRoute({}, { deletionTimestamp: NOW, finalizers: ["podpin.dev/address-release"] });

  test("releases its addresses and keeps its finalizer until they are gone", () => {
    const decision = decided({ route, pods: [p()], bindings: [aBinding({}, [acked("Announced")])] });
    expect(decision.finalizer).toBe(true);
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "", releasing: { nodeName: "node1" } });
    expect(conditions(decision).Ready).toBe("False Mutated");
  });

  test("waits for a node that still forwards, unless that node is gone", () => {
    const free = { owner: undefined, nodeName: "", epoch: 3, releasing: undefined };
    const binding = aBinding(free, [acked("Released", 1, "", "node2")]);
    expect(decided({ route, bindings: [binding] }).changes).toEqual([]);
    const node = (name: string) => (name === "node2" ? undefined : NODES[name]);
    expect(decided({ route, bindings: [binding], node }).changes[0]?.verb).toBe("delete");
  });

  test("is let go when nothing is held", () => {
    const decision = decided({ route, pods: [p()] });
    expect(decision.finalizer).toBe(false);
    expect(decision.changes).toEqual([]);
    expect(conditions(decision).Ready).toBe("False CleanupComplete");
  });

  test.each([
    ["is Ready holds it", { heard: false }, false],
    ["is not Ready holds it for a minute", { heard: false, ready: false, unreadyMs: 59_999 }, false],
    ["is not Ready holds it no longer", { heard: false, ready: false, unreadyMs: 60_000 }, true],
    ["is not Ready, and is lost, holds it no longer", { lost: true, ready: false, unreadyMs: 60_000 }, true],
    ["is not Ready, though podpin hears it, holds it", { ready: false, unreadyMs: 86_400_000 }, false],
  ])("a node that %s", (_, fields, gone) => {
    const { owner: _owner, ...rest } = aBinding().spec;
    const binding = aBinding({
      ...rest,
      owner: undefined,
      epoch: 2,
      nodeName: "",
      releasing: { nodeName: "node1", epoch: 1, forwardTo: "", wait: false },
    });
    const node = withNode("node1", fields);
    const { changes } = decided({ route, bindings: [binding], node, waitedMs: () => 600_000 });
    expect(changes.map(({ verb }) => verb)).toEqual(gone ? ["delete"] : []);
  });

  test("a node that only forwards, and never says that it is done, holds it for ten seconds", () => {
    const { owner: _, ...rest } = aBinding().spec;
    const releasing = { nodeName: "node1", epoch: 1, forwardTo: "", wait: false };
    const acks = [
      { nodeName: "node1", epoch: 1, podUid: "", state: "Released" },
      { nodeName: "node2", epoch: 1, podUid: "", state: "Released" },
    ] as const;
    const binding = aBinding({ ...rest, owner: undefined, epoch: 2, nodeName: "", releasing }, acks);
    expect(decided({ route, bindings: [binding], waitedMs: () => 9_999 }).changes).toEqual([]);
    expect(decided({ route, bindings: [binding], waitedMs: () => 10_000 }).changes[0]?.verb).toBe("delete");
  });
});

test("of two claims the younger says whose the address is, and serves the rest", () => {
  const route = aRoute({ addresses: [typedAddress(A), typedAddress(B)] });
  const decision = decided({ route, pods: [p()], rivals: new Map([[A, "edge/older"]]) });
  expect(decision.changes.map(({ binding }) => binding.spec.address)).toEqual([B]);
  expect(decision.status?.conditions[0]).toMatchObject({
    type: "Accepted",
    status: "False",
    reason: "InvalidAddresses",
    message: `${A}/32 belongs to GKEIPRoute edge/older; the older route keeps it, this one gets it when that one lets go`,
  });
});
