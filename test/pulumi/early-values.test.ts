// What a preview says of workloads whose Pod template holds addresses that are still to be reserved.
import { type Answers, answersOf, said } from "./told";

let answers: Answers;

beforeAll(() => {
  answers = answersOf("early-values.ts");
}, 60_000);

test.each([
  [
    "an address of another region",
    "adopted-elsewhere",
    /^PersistentIpPool "adopted-elsewhere" is not valid:\n {2}- addresses\[0\].region: got "europe-west1"; cluster "core" is in "us-central1", and addresses must be in its region$/,
  ],
  [
    "an address of the other type",
    "adopted-of-the-other-type",
    /^PersistentIpPool "adopted-of-the-other-type" is not valid:\n {2}- addresses\[0\]: got "a value that is not known yet"; it was reserved with addressType "INTERNAL", and the pool is "EXTERNAL": make the two agree$/,
  ],
  [
    "more Pods than addresses",
    "more-pods",
    /^PinnedStatefulSet "more-pods" is not valid:\n {2}- ordinals: got 2 addresses for 3 Pods of StatefulSet "db"; add 1 more to pool "n\d+" or set ordinals: { from: 0, to: 1 }$/,
  ],
  [
    "fewer Pods than addresses",
    "fewer-pods",
    /^PinnedStatefulSet "fewer-pods" is not valid:\n {2}- replicas: got addresses for 2 Pods, and StatefulSet "db" has 1; /,
  ],
  [
    "ordinals that start elsewhere",
    "another-start",
    /^PinnedStatefulSet "another-start" is not valid:\n {2}- ordinals: got nothing; StatefulSet "db" starts at ordinal 5: set ordinals: { from: 5, to: 6 }$/,
  ],
  [
    "a namespace that the pool does not admit",
    "closed-namespace",
    /^PinnedStatefulSet "closed-namespace" is not valid:\n {2}- namespace: got "data"; pool "n\d+" admits only routes of its own namespace "default": set allowedNamespaces on the pool$/,
  ],
  [
    "no readiness probe",
    "no-probe",
    /^PinnedStatefulSet "no-probe" is not valid:\n {2}- reactionMode: got "ReadyCondition"; no container of StatefulSet "db" has a readinessProbe, /,
  ],
  [
    "a network without an interface",
    "no-interface",
    /^PinnedStatefulSet "no-interface" is not valid:\n {2}- network: got "blue"; the Pod template of StatefulSet "db" has no interface on it: /,
  ],
  [
    "a Pod that does not exist",
    "no-such-pod",
    /^PinnedPodRoute "no-such-pod" is not valid:\n {2}- ordinal: got 1; StatefulSet "db" has 1 replica: use 0, or set replicas to at least 2$/,
  ],
  [
    "a selector that selects every Pod",
    "empty-selector",
    /^PinnedDeployment "empty-selector" is not valid:\n {2}- podSelector: got {}; no labels match every Pod, name at least one label of the Pods$/,
  ],
  [
    "a selector that no Pod of the Deployment matches",
    "wrong-labels",
    /^PinnedDeployment "wrong-labels" is not valid:\n {2}- podSelector: got {"app":"web"}; the Pods of Deployment "db" have the labels {"app":"db"}, /,
  ],
  [
    "a Deployment without a probe",
    "deployment-without-probe",
    /^PinnedDeployment "deployment-without-probe" is not valid:\n {2}- reactionMode: got "ReadyCondition"; no container of Deployment "db" has a readinessProbe, /,
  ],
])("says so in the preview where there is %s", (_, name, message) => {
  expect(said(answers[name])).toMatch(message);
});

test.each([
  ["an adopted address of which only the region is known", "adopted-nearby", "Gateway"],
  ["a probe that is still to come", "late-probe", "GKEIPRoute"],
  ["a probe with a port that is still to come", "probe-with-a-late-port", "GKEIPRoute"],
  ["an annotation that is still to come", "late-annotation", "GKEIPRoute"],
  ["a known selector, and shows it", "known-selector", "true"],
  ["a namespace that is still to come, and shows it as such", "late-namespace", "false"],
  ["a label that is still to come, and shows the rest of the route", "late-label", "false,ReadyCondition"],
])("passes over %s", (_, name, value) => {
  expect(answers[name]).toBe(value);
});
