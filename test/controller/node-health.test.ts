// What decide makes of a node that is cordoned, does not answer, or is gone.
import type { Pod } from "../../lib/model/kubernetes";
import { aBinding, aPod, aRoute } from "../support/objects";
import { acked, conditions, decided, p, spec, withNode } from "./decided";

const served = aBinding({}, [acked("Announced")]);
const ready = decided({ pods: [p()], bindings: [served] }).status!;
const route = { ...aRoute(), status: ready };
/** An older Pod on another node, to which the newest-Pod rule alone would never lead. */
const older = aPod("q", { node: "node2", ip: "10.244.2.7", created: "2026-01-01T00:00:30Z" });

describe("a cordoned node", () => {
  const node = withNode("node1", { cordoned: true });

  test("hands its addresses to an eligible Pod elsewhere, though that one is older, and is waited for", () => {
    const decision = decided({ pods: [p(), older], bindings: [served], node });
    expect(spec(decision)).toMatchObject({
      epoch: 2,
      nodeName: "node2",
      owner: { podUid: "q-uid" },
      releasing: { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.12", wait: true },
    });
  });

  test.each([
    ["there is no other Pod", [p()]],
    ["the other one is not Ready", [p(), aPod("q", { node: "node2", ready: false })]],
    ["the other one is going away", [p(), aPod("q", { node: "node2", terminating: true })]],
    ["the other one has no address yet", [p(), aPod("q", { node: "node2", ip: undefined })]],
  ])("keeps them while %s, and the route stays Ready", (_, pods) => {
    expect(decided({ route, pods, bindings: [served], node })).toMatchObject({ changes: [], status: undefined });
  });
});

describe("a Pod that Kubernetes calls not Ready for its node alone", () => {
  const unheard = (...more: readonly { readonly type: string; readonly status: string }[]): Pod => {
    const pod = p({ ready: false });
    const containers = { type: "ContainersReady", status: "True" };
    return { ...pod, status: { ...pod.status, conditions: [...(pod.status?.conditions ?? []), containers, ...more] } };
  };

  test.each([
    ["which Kubernetes calls not Ready", { ready: false, unreadyMs: 30_000 }],
    ["of which that is not known yet, or no longer", {}],
  ])("keeps its addresses while podpin hears the node %s, and the route says why", (_, fields) => {
    const decision = decided({
      route,
      pods: [unheard(), aPod("q", { node: "node2", created: "2026-01-01T00:00:30Z" })],
      bindings: [served],
      node: withNode("node1", fields),
    });
    // Written is only who would be next.
    expect(spec(decision)).toMatchObject({ epoch: 1, owner: { podUid: "p-uid" }, standby: { podUid: "q-uid" } });
    expect(decision.againAfterMs).toBe(1_000);
    expect(conditions(decision).Ready).toBe("True ProgrammingComplete");
    expect(decision.status?.conditions.find(({ type }) => type === "Ready")?.message).toBe(
      "the addresses reach Pod p; Kubernetes has not heard node node1 and calls the Pod not Ready for that; the Pod's containers are, and the node answers podpin",
    );
  });

  const gated = (gate: string): Pod => {
    const pod = unheard({ type: "example.com/gate", status: gate });
    return { ...pod, spec: { ...pod.spec, readinessGates: [{ conditionType: "example.com/gate" }] } };
  };

  test("has its readiness gates, too", () => {
    expect(decided({ route, pods: [gated("True")], bindings: [served] }).changes).toEqual([]);
    expect(decided({ route, pods: [gated("False")], bindings: [served] }).changes).toHaveLength(1);
  });

  test.each([
    ["podpin does not hear the node either", unheard(), { heard: false }],
    ["its containers are not ready", p({ ready: false }), {}],
  ])("loses them where %s", (_, pod, fields) => {
    const decision = decided({ route, pods: [pod], bindings: [served], node: withNode("node1", fields) });
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "" });
    expect(conditions(decision).Ready).toBe("False NoPodsFound");
  });

  const unasked = (gate: string): Pod => {
    const pod = p({ ready: false });
    const said = [
      { type: "ContainersReady", status: "False" },
      { type: "example.com/gate", status: gate },
    ] as const;
    const spec = { ...pod.spec, readinessGates: [{ conditionType: "example.com/gate" }] };
    return { ...pod, spec, status: { ...pod.status, conditions: [...(pod.status?.conditions ?? []), ...said] } };
  };

  test.each([
    ["Kubernetes does not hear its node yet", { ready: false, unreadyMs: 60_000, backMs: 0 }],
    ["Kubernetes hears its node again", { backMs: 14_999 }],
  ])("keeps them where its kubelet calls its containers not ready while %s", (_, fields) => {
    const decision = decided({ route, pods: [unasked("True")], bindings: [served], node: withNode("node1", fields) });
    expect(decision).toMatchObject({ changes: [], againAfterMs: 1_000 });
    expect(decision.status?.conditions.find(({ type }) => type === "Ready")).toMatchObject({
      status: "True",
      message:
        "the addresses reach Pod p; Kubernetes hears node node1 again, whose kubelet has not found the Pod Ready yet",
    });
  });

  test.each([
    ["for 15 s", "True", { backMs: 15_000 }],
    ["though Kubernetes heard the node all the time", "True", {}],
    ["and podpin hears nothing of the node", "True", { backMs: 0, heard: false }],
    ["and a readiness gate is closed", "False", { backMs: 0 }],
  ])("loses them where its kubelet calls its containers not ready %s", (_, gate, fields) => {
    const node = withNode("node1", fields);
    expect(spec(decided({ route, pods: [unasked(gate)], bindings: [served], node }))).toMatchObject({ nodeName: "" });
  });

  test("is asked nothing of, and nothing is said of it, where the route takes any Pod that exists", () => {
    const any = aRoute({ reactionMode: "Exists" });
    const decision = decided({ route: any, pods: [unheard()], bindings: [served] });
    const message = decision.status?.conditions.find(({ type }) => type === "Ready")?.message;
    expect([decision.againAfterMs, message]).toEqual([undefined, "the addresses reach Pod p"]);
  });

  test("gets none on that word", () => {
    expect(decided({ pods: [unheard()] }).changes).toEqual([]);
  });

  test("gives way to a newer Pod as always, and is waited for", () => {
    const newer = aPod("q", { node: "node2", ip: "10.244.2.7", created: "2026-01-01T00:05:00Z" });
    const node = withNode("node1", { ready: false, unreadyMs: 30_000 });
    const decision = decided({ route, pods: [unheard(), newer], bindings: [served], node });
    expect(spec(decision)).toMatchObject({ epoch: 2, nodeName: "node2", releasing: { nodeName: "node1", wait: true } });
  });
});

describe("a node that does not answer", () => {
  const node = withNode("node1", { lost: true });

  test("loses its addresses to the next eligible Pod, and nobody waits for it", () => {
    const decision = decided({ route, pods: [p(), older], bindings: [served], node });
    expect(spec(decision)).toMatchObject({
      epoch: 2,
      nodeName: "node2",
      releasing: { nodeName: "node1", epoch: 1, wait: false },
    });
    expect(decision.againAfterMs).toBeUndefined();
    expect(conditions(decision).Ready).toBe("False Mutated");
  });

  test("keeps them while nobody else is eligible, and the route says that it is not Ready", () => {
    const decision = decided({ route, pods: [p()], bindings: [served], node });
    expect(decision.changes).toEqual([]);
    expect(conditions(decision)).toEqual({
      Accepted: "True Accepted",
      GCPReady: "False GCPNotReady",
      DPV2Ready: "False DPV2NotReady",
      Ready: "False DPV2NotReady",
    });
    expect(decision.status?.conditions.find(({ type }) => type === "DPV2Ready")?.message).toBe(
      "node node1 does not answer; Pod p cannot be reached, and no other eligible Pod could take over",
    );
    const back = decided({ route: { ...route, status: decision.status }, pods: [p()], bindings: [served] });
    expect(conditions(back).Ready).toBe("True ProgrammingComplete");
  });

  test("is preferred to nothing but a Pod without an address; a terminating Pod elsewhere is better", () => {
    const going = aPod("q", { node: "node2", ip: "10.244.2.7", terminating: true });
    expect(spec(decided({ pods: [p(), going], bindings: [served], node }))?.nodeName).toBe("node2");
    const starting = aPod("q", { node: "node2", ip: undefined });
    expect(decided({ pods: [p(), starting], bindings: [served], node }).changes).toEqual([]);
  });

  const moved = aBinding({
    epoch: 2,
    nodeName: "node2",
    owner: { podName: "q", podUid: "q-uid", podIp: "10.244.2.7" },
    releasing: { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.12", wait: false },
  });

  test.each([
    ["while it does not answer", { lost: true }],
    ["while Kubernetes misses it, however long", { lost: true, ready: false, unreadyMs: 86_400_000 }],
    ["when it is back but has not said anything", {}],
  ])("finds its release when it comes back: it stays %s", (_, fields) => {
    const given = { pods: [older], bindings: [moved], node: withNode("node1", fields), waitedMs: () => 86_400_000 };
    expect(decided(given)).toMatchObject({ changes: [], againAfterMs: undefined });
  });

  test("is forgotten when it has let go, or when its object is gone", () => {
    const released = { ...moved, status: { acks: [acked("Released", 1, "")] } };
    expect(spec(decided({ pods: [older], bindings: [released] }))?.releasing).toBeUndefined();
    const gone = withNode("node1", undefined);
    expect(spec(decided({ pods: [older], bindings: [moved], node: gone }))?.releasing).toBeUndefined();
  });

  test("ends the wait of a hand-over that was under way, without a new epoch", () => {
    const { releasing, ...rest } = moved.spec;
    const waiting = aBinding({ ...rest, releasing: { ...releasing!, wait: true } });
    expect(spec(decided({ pods: [older], bindings: [waiting], node }))).toMatchObject({
      epoch: 2,
      releasing: { nodeName: "node1", wait: false },
    });
  });

  test("does not hold up the move when it was to be the new owner, and the first node is still waited for", () => {
    const { releasing, ...rest } = moved.spec;
    const waiting = aBinding({ ...rest, releasing: { ...releasing!, wait: true } });
    const third = aPod("r", { node: "node3", ip: "10.244.3.3", created: "2026-01-01T00:00:10Z" });
    const pods = [older, third];
    const decision = decided({ pods, bindings: [waiting], node: withNode("node2", { lost: true }) });
    expect(spec(decision)).toMatchObject({
      epoch: 3,
      nodeName: "node3",
      releasing: { nodeName: "node1", epoch: 1, forwardTo: "172.30.0.13", wait: true },
    });
  });
});

test("a node whose object is gone counts as one that does not answer", () => {
  const node = withNode("node1", undefined);
  expect(spec(decided({ pods: [p(), older], bindings: [served], node }))?.nodeName).toBe("node2");
  expect(conditions(decided({ route, pods: [p()], bindings: [served], node })).Ready).toBe("False DPV2NotReady");
});
