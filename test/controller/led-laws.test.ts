// What holds whatever a fabric that is led, its nodes and its Pods may say.
import fc from "fast-check";
import { acceptRoute } from "../../lib/model/acceptance";
import { typedAddress } from "../../lib/model/address";
import { isLed, type AddressBinding, type BindingAck } from "../../lib/model/binding";
import { ROUTE_FINALIZER } from "../../lib/model/gke-api";
import { decide, type DecideInput, type Decision } from "../../controller-image/src/controller/decide";
import { A, aPod, aRoute, aView, B } from "../support/objects";
import { conditions, NODES, NOW, p } from "./decided";
import { binding, intent, onCloud, q, r, UNREAD, VIEW } from "./led";

const node = fc.constantFrom("node1", "node2", "node3");
const anyAck = fc.record({
  nodeName: node,
  epoch: fc.integer({ min: 1, max: 3 }),
  podUid: fc.constantFrom("p-uid", "q-uid", "r-uid", ""),
  state: fc.constantFrom("Programmed", "Announced", "Released", "Failed") as fc.Arbitrary<BindingAck["state"]>,
});
const anyBinding = (address: string) =>
  fc
    .record({
      epoch: fc.integer({ min: 1, max: 3 }),
      owner: fc.constantFrom("p", "q", "r", undefined),
      releasing: fc.option(fc.record({ nodeName: node, epoch: fc.constant(1), wait: fc.boolean() }), {
        nil: undefined,
      }),
      led: fc.option(fc.record({ nodeName: node, epoch: fc.integer({ min: 1, max: 3 }) }), { nil: undefined }),
      acks: fc.uniqueArray(anyAck, { selector: ({ nodeName }) => nodeName }),
    })
    .map(({ epoch, owner, releasing, led: at, acks }) =>
      binding(
        {
          address,
          epoch,
          nodeName: owner === undefined ? "" : { p: "node1", q: "node2", r: "node3" }[owner],
          owner: owner && { podName: owner, podUid: `${owner}-uid`, podIp: IPS[owner] },
          releasing: releasing && { ...releasing, forwardTo: "" },
          led: at,
        },
        acks,
      ),
    );
const IPS = { p: "10.244.1.5", q: "10.244.2.7", r: "10.244.3.3" };
const anyInput = fc
  .record({
    bindings: fc.tuple(anyBinding(A), anyBinding(B)).chain((all) => fc.subarray(all)),
    pods: fc.subarray([p(), q, r, aPod("q", { node: "node2", ip: IPS.q, ready: false })]),
    leads: fc.dictionary(fc.constantFrom(A, B), node),
    known: fc.boolean(),
    lost: fc.option(node, { nil: undefined }),
    deleting: fc.boolean(),
    accepted: fc.boolean(),
    waited: fc.constantFrom(0, 6_000, 70_000),
  })
  .map(({ bindings, pods, leads, known, lost, deleting, accepted, waited }): DecideInput => {
    const route = aRoute(
      { addresses: [typedAddress(A), typedAddress(B)] },
      { finalizers: [ROUTE_FINALIZER], ...(deleting && { deletionTimestamp: NOW }) },
    );
    return {
      route,
      verdict: acceptRoute(route, accepted ? VIEW : aView({ gateways: [] })),
      rivals: new Map(),
      pods,
      node: (name) => NODES[name] && { ...NODES[name], lost: name === lost },
      bindings,
      waitedMs: () => waited,
      cloud: known ? onCloud(leads) : UNREAD,
      now: NOW,
    };
  });
const always = (law: (input: DecideInput, decision: Decision) => void): void =>
  fc.assert(
    fc.property(anyInput, (input) => law(input, decide(input))),
    { numRuns: 1000 },
  );
const acks = ({ spec: s, status }: AddressBinding, states: readonly string[]): boolean =>
  status?.acks?.some(
    (ack) =>
      ack.nodeName === s.nodeName &&
      ack.epoch === s.epoch &&
      ack.podUid === s.owner?.podUid &&
      states.includes(ack.state),
  ) ?? false;

test("the cloud is asked to lead only to a node whose kernel delivers for this very epoch and Pod, and that owns all", () => {
  always(({ bindings }, decision) => {
    const leader = intent(decision)?.leader;
    if (leader === undefined) return;
    const at = new Map(bindings.map((one) => [one.spec.address, one]));
    for (const { binding: changed } of decision.changes) at.set(changed.spec.address, changed);
    for (const address of [A, B]) expect(at.get(address)?.spec.nodeName).toBe(leader);
    expect([A, B].some((address) => acks(at.get(address)!, ["Programmed", "Announced"]))).toBe(true);
  });
});

test("while the packets still go to a node whose Pod lives, nothing there is told to let go", () => {
  always(({ bindings, cloud, node: view, pods, verdict, route }, decision) => {
    if (!verdict.accepted || route.metadata.deletionTimestamp !== undefined || cloud?.known !== true) return;
    for (const { binding: next } of decision.changes) {
      const before = bindings.find(({ spec: s }) => s.address === next.spec.address);
      const { releasing } = next.spec;
      if (before?.spec.releasing?.wait !== true || releasing === undefined) continue;
      const at = cloud.leads.get(next.spec.address);
      const serves = before.spec.releasing.nodeName === at && view(at)?.lost === false && next.spec.nodeName !== at;
      const ended = before.status?.acks?.some(({ nodeName, state }) => nodeName === at && state === "Released");
      if (!serves || ended || pods.length === 0 || next.spec.owner === undefined) continue;
      expect(releasing).toMatchObject({ nodeName: at, wait: true });
    }
  });
});

test("Ready is True only when every address is led for its epoch, was not read to go elsewhere, and is announced", () => {
  always(({ bindings, cloud }, decision) => {
    if (conditions(decision).Ready !== "True ProgrammingComplete") return;
    for (const address of [A, B]) {
      const one = bindings.find(({ spec: s }) => s.address === address)!;
      expect([isLed(one), acks(one, ["Announced"])]).toEqual([true, true]);
      if (cloud?.known === true) expect(cloud.leads.get(address)).toBe(one.spec.nodeName);
    }
  });
});

test("what is written down as led is what was read, and nothing is when nothing was", () => {
  always(({ bindings, cloud }, decision) => {
    for (const { verb, binding: next } of decision.changes) {
      const before = bindings.find(({ spec: s }) => s.address === next.spec.address)?.spec.led;
      if (verb === "delete" || next.spec.owner === undefined) continue;
      if (cloud?.known === true) expect(next.spec.led?.nodeName).toBe(cloud.leads.get(next.spec.address));
      else expect(next.spec.led).toEqual(before);
    }
  });
});

test("the same again, with what was decided written down, changes nothing of what the cloud is asked", () => {
  always((input, decision) => {
    const at = new Map(input.bindings.map((one) => [one.spec.address, one]));
    for (const { verb, binding: one } of decision.changes) {
      if (verb === "delete") at.delete(one.spec.address);
      else at.set(one.spec.address, one);
    }
    const again = decide({ ...input, bindings: [...at.values()], waitedMs: () => 0 });
    const moved = again.changes.some(({ binding: { spec: s } }) => s.epoch !== at.get(s.address)?.spec.epoch);
    if (!moved) expect(again.cloud).toEqual(decision.cloud);
  });
});
