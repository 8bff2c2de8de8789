import fc from "fast-check";
import { acceptRoute, type RouteVerdict } from "../../lib/model/acceptance";
import { typedAddress } from "../../lib/model/address";
import { mayAnnounce, type AddressBinding, type BindingAck } from "../../lib/model/binding";
import { decide, type DecideInput, type Decision } from "../../controller-image/src/controller/decide";
import { A, aBinding, aPod, aRoute, aView, B } from "../support/objects";
import { NODES, NOW } from "./decided";

// Laws of the decision, whatever the Pods, the bindings and the acknowledgements say.

const anyPod = fc
  .record({
    name: fc.constantFrom("p", "q", "r"),
    node: fc.constantFrom("node1", "node2", "node3", ""),
    ip: fc.constantFrom("10.244.1.5", "10.244.2.7", undefined),
    ready: fc.boolean(),
    terminating: fc.boolean(),
  })
  .map(({ name, ...fields }) => aPod(name, fields));
const anyAck = fc.record({
  nodeName: fc.constantFrom("node1", "node2"),
  epoch: fc.integer({ min: 0, max: 4 }),
  podUid: fc.constantFrom("p-uid", "q-uid", ""),
  state: fc.constantFrom("Programmed", "Announced", "Released", "Failed") as fc.Arbitrary<BindingAck["state"]>,
});
const anyRelease = fc.option(
  fc.record({
    nodeName: fc.constantFrom("node1", "node2", "gone"),
    epoch: fc.integer({ min: 1, max: 3 }),
    forwardTo: fc.constantFrom("", "172.30.0.12"),
    wait: fc.boolean(),
  }),
  { nil: undefined },
);
const anyBinding = fc
  .record({
    address: fc.constantFrom(A, B),
    epoch: fc.integer({ min: 1, max: 4 }),
    pod: fc.constantFrom("p", "q", "r", ""),
    nodeName: fc.constantFrom("node1", "node2"),
    releasing: anyRelease,
    acks: fc.uniqueArray(anyAck, { selector: ({ nodeName }) => nodeName }),
  })
  .map(({ address, epoch, pod, nodeName, releasing, acks }) =>
    pod === ""
      ? aBinding({ address, epoch, nodeName: "", owner: undefined, releasing }, acks)
      : aBinding(
          { address, epoch, nodeName, owner: { podName: pod, podUid: `${pod}-uid`, podIp: "10.244.1.5" }, releasing },
          acks,
        ),
  );
const anyInput = fc.record({
  addresses: fc.subarray([typedAddress(A), typedAddress(B), { type: "x", value: "y" }]),
  deleting: fc.boolean(),
  pods: fc.uniqueArray(anyPod, { selector: ({ metadata }) => metadata.name, maxLength: 3 }),
  bindings: fc.uniqueArray(anyBinding, { selector: ({ spec: { address } }) => address }),
  deleted: fc.uniqueArray(anyBinding, { selector: ({ spec: { address } }) => address }),
  waited: fc.constantFrom(0, 6_000, 70_000),
  keepAll: fc.boolean(),
});
type Any = typeof anyInput extends fc.Arbitrary<infer T> ? T : never;

const inputOf = ({ addresses, deleting, pods, bindings, deleted, waited, keepAll }: Any): DecideInput => {
  const route = aRoute({ addresses }, deleting ? { deletionTimestamp: NOW } : {});
  const verdict: RouteVerdict = acceptRoute(route, keepAll ? aView({ gateways: [] }) : aView());
  return {
    route,
    verdict,
    rivals: new Map(),
    pods,
    node: (name) => NODES[name],
    bindings,
    former: (address) => deleted.find(({ spec }) => spec.address === address),
    waitedMs: () => waited,
    now: NOW,
  };
};

test("every input gets a decision, the same one each time, whatever the order of the objects", () => {
  fc.assert(
    fc.property(anyInput, (any) => {
      const input = inputOf(any);
      const decision = decide(input);
      const turned = decide({ ...input, pods: [...input.pods].reverse(), bindings: [...input.bindings].reverse() });
      const byAddress = ({ changes, ...rest }: Decision) => ({
        ...rest,
        changes: [...changes].sort((a, b) => a.binding.spec.address.localeCompare(b.binding.spec.address)),
      });
      expect(byAddress(turned)).toEqual(byAddress(decision));
    }),
    { numRuns: 2000 },
  );
});

test("epochs only grow, by one above all that is known, exactly when the owner changes or a node knows a higher one", () => {
  fc.assert(
    fc.property(anyInput, (any) => {
      const input = inputOf(any);
      for (const { verb, binding } of decide(input).changes) {
        const before = input.bindings.find(({ spec: { address } }) => address === binding.spec.address);
        if (verb !== "replace") continue;
        const owner = ({ spec: { nodeName, owner } }: AddressBinding) => JSON.stringify([nodeName, owner]);
        const is = before!.spec.epoch;
        const known = Math.max(is, ...(before!.status?.acks ?? []).map(({ epoch }) => epoch));
        const changes = owner(binding) !== owner(before!) || known > is;
        expect(binding.spec.epoch).toBe(changes ? known + 1 : is);
      }
    }),
    { numRuns: 2000 },
  );
});

test("a node that may still answer is never lost from sight", () => {
  fc.assert(
    fc.property(anyInput, (any) => {
      const input = inputOf({ ...any, waited: 0 });
      for (const { verb, binding } of decide(input).changes) {
        const before = input.bindings.find(({ spec: { address } }) => address === binding.spec.address);
        if (before === undefined || verb === "create" || mayAnnounce(before)) continue;
        const former = before.spec.releasing!.nodeName;
        if (NODES[former] === undefined) continue;
        expect(verb).toBe("replace");
        expect([binding.spec.releasing?.nodeName, binding.spec.nodeName]).toContain(former);
      }
    }),
    { numRuns: 2000 },
  );
});

test("nor is the node of a binding that somebody has deleted, and its epoch is not given again", () => {
  fc.assert(
    fc.property(anyInput, (any) => {
      const input = inputOf(any);
      for (const { verb, binding } of decide(input).changes) {
        const before = input.former?.(binding.spec.address);
        if (verb !== "create" || before === undefined) continue;
        const { nodeName, epoch, releasing } = before.spec;
        expect(binding.spec.epoch).toBeGreaterThan(epoch);
        const serving = mayAnnounce(before) ? nodeName : releasing!.nodeName;
        if (serving !== "") expect([binding.spec.releasing?.nodeName, binding.spec.nodeName]).toContain(serving);
      }
    }),
    { numRuns: 2000 },
  );
});

test("Ready is True only when every address is acknowledged for its Pod and epoch", () => {
  fc.assert(
    fc.property(anyInput, (any) => {
      const input = inputOf(any);
      const decision = decide(input);
      const ready = decision.status?.conditions.find(({ type }) => type === "Ready");
      if (ready?.status !== "True") return;
      expect(input.verdict.accepted).toBe(true);
      for (const address of input.verdict.addresses) {
        const binding = input.bindings.find(({ spec: { address: of } }) => of === address)!;
        const { owner, nodeName, epoch } = binding.spec;
        expect(input.pods.map(({ metadata }) => metadata.uid)).toContain(owner!.podUid);
        expect(binding.status?.acks).toContainEqual(
          expect.objectContaining({ nodeName, epoch, podUid: owner!.podUid, state: "Announced" }),
        );
      }
    }),
    { numRuns: 5000 },
  );
});
