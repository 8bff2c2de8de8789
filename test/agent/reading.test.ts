import fc from "fast-check";
import { readBinding } from "../../controller-image/src/agent/reading";
import type { AddressBinding } from "../../lib/model/binding";
import { decodeBinding } from "../../controller-image/src/controller/decoders";
import { binding, OTHER } from "./bindings";

const A = "198.51.100.7";
const STANDBY = { nodeName: OTHER, podName: "pod-2", podUid: "uid-2", podIp: "10.244.2.11" };
const withStandby = (standby: unknown): AddressBinding => binding(A, { standby } as never);

test("who could take over is read by the agent and by the controller", () => {
  const reading = readBinding(withStandby(STANDBY));
  expect(reading.ok && reading.binding.spec.standby).toEqual(STANDBY);
  expect(decodeBinding(withStandby(STANDBY)).spec.standby).toEqual(STANDBY);
});

test.each<[string, unknown]>([
  ["nothing", null],
  ["a text", "node-2"],
  ["a list", []],
  ["no Pod", { nodeName: OTHER }],
  ["a number for a name", { ...STANDBY, podName: 7 }],
  ["a number for a node", { ...STANDBY, nodeName: 7 }],
])("%s where who could take over should be costs the owner nothing", (_, standby) => {
  const reading = readBinding(withStandby(standby));
  expect(reading.ok && reading.binding).toEqual(binding(A));
  const { standby: decoded, ...rest } = decodeBinding(withStandby(standby)).spec;
  expect([decoded, rest]).toEqual([undefined, binding(A).spec]);
});

test.each<[string, object]>([
  ["an address that is none", { podIp: "10.244.2.11; reboot" }],
  ["no UID", { podUid: "" }],
])("the agent prepares nothing for a Pod with %s", (_, change) => {
  const reading = readBinding(withStandby({ ...STANDBY, ...change }));
  expect(reading.ok && reading.binding.spec.standby).toBeUndefined();
});

test("whatever stands there, the rest of the binding is read", () => {
  fc.assert(
    fc.property(fc.anything(), (standby) => {
      const reading = readBinding(withStandby(standby));
      if (!reading.ok) throw new Error(reading.problem);
      const { standby: _, ...rest } = reading.binding.spec;
      expect(rest).toEqual(binding(A).spec);
    }),
    { numRuns: 500 },
  );
});
