import fc from "fast-check";
import { decodePod, podPacking } from "../../controller-image/src/controller/pod-record";
import { projectPod } from "../../controller-image/src/controller/projections";
import { ANNOTATION_POD_IPS, ReactionMode } from "../../lib/model/gke-api";
import { keyOf, type Pod } from "../../lib/model/kubernetes";
import { isEligible } from "../../lib/model/selection";
import { podBytes } from "../support/protobuf";

const text = fc.string({ minLength: 1, maxLength: 12 });
const name = fc.stringMatching(/^[a-z0-9-]{1,12}$/);
const when = fc
  .integer({ min: 0, max: 4e9 })
  .map((seconds) => `${new Date(seconds * 1000).toISOString().slice(0, -5)}Z`);
const perhaps = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined });

const pods: fc.Arbitrary<Pod> = fc.record({
  metadata: fc.record({
    name,
    namespace: name,
    uid: perhaps(text),
    resourceVersion: perhaps(text),
    creationTimestamp: perhaps(when),
    deletionTimestamp: perhaps(when),
    labels: perhaps(fc.dictionary(text, fc.string({ maxLength: 8 }), { minKeys: 1, maxKeys: 4 })),
    annotations: fc.constantFrom(undefined, { [ANNOTATION_POD_IPS]: '[{"networkName":"n2","ip":"10.1.0.4"}]' }),
  }),
  spec: fc.record({
    nodeName: perhaps(text),
    hostNetwork: fc.constantFrom(undefined, true),
    readinessGates: fc.constantFrom(undefined, [{ conditionType: "example.com/gate" }]),
  }),
  status: fc.record({
    phase: fc.constantFrom(undefined, "Running", "Failed"),
    podIP: fc.constantFrom(undefined, "10.0.0.4", "2001:db8::4"),
    podIPs: fc.constantFrom(undefined, [{ ip: "10.0.0.4" }], [{ ip: "2001:db8::4" }, { ip: "10.0.0.4" }]),
    conditions: fc.constantFrom(
      undefined,
      [{ type: "Ready", status: "True" }],
      [
        { type: "Initialized", status: "True" },
        { type: "Ready", status: "False" },
      ],
      [
        { type: "Ready", status: "False" },
        { type: "ContainersReady", status: "True" },
      ],
      [
        { type: "example.com/gate", status: "True" },
        { type: "Ready", status: "False" },
        { type: "ContainersReady", status: "True" },
      ],
      [
        { type: "example.com/gate", status: "True" },
        { type: "Ready", status: "False" },
        { type: "ContainersReady", status: "False" },
      ],
    ),
  }),
});

describe("Pods in protobuf", () => {
  it("say the same as in JSON", () => {
    fc.assert(
      fc.property(pods, (pod) => expect(decodePod(podBytes(pod))).toEqual(projectPod(pod))),
      { numRuns: 300 },
    );
  });
});

describe("packed Pods", () => {
  it("come back as they were", () => {
    const packing = podPacking();
    fc.assert(
      fc.property(pods, (pod) => {
        const kept = projectPod(pod);
        expect(packing.unpack(keyOf(kept), packing.pack(kept))).toEqual(kept);
      }),
      { numRuns: 300 },
    );
  });

  it("share what is the same, and keep nothing of it once all are gone", () => {
    const packing = podPacking();
    fc.assert(
      fc.property(fc.array(pods, { maxLength: 8 }), (given) => {
        const packed = [...given, ...given].map((pod) => packing.pack(projectPod(pod)));
        expect(packing.shared).toBeLessThanOrEqual(2 * given.length);
        packed.forEach((one) => packing.release(one));
        expect(packing.shared).toBe(0);
      }),
    );
  });
});

test.each(Object.values(ReactionMode))("by %s what is kept of a Pod is as eligible as the Pod", (mode) => {
  fc.assert(fc.property(pods, (pod) => expect(isEligible(projectPod(pod), mode)).toBe(isEligible(pod, mode))));
});
