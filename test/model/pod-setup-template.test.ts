// What a program gives to podSetup and to the route is compared where both are at hand: in the template of the workload.
import { LATER, type MaybeLater } from "../../lib/model/later";
import { planPinnedDeployment, type PinnedDeploymentInput } from "../../lib/model/pinned-deployment";
import { planPinnedStatefulSet, type PinnedStatefulSetInput } from "../../lib/model/pinned-stateful-set";
import { planPodSetup, type PodSetupInput, setupContainers } from "../../lib/model/pod-setup";
import type { PodTemplateFacts } from "../../lib/model/pod-template";
import { planPool } from "../../lib/model/pool";
import { Problems } from "../../lib/model/problems";
import { planRoute } from "../../lib/model/route";
import type { StatefulSetFacts } from "../../lib/model/workload";

const ADDRESSES = ["198.51.100.7", "198.51.100.8", "198.51.100.9", "198.51.100.10"];
const poolOf = (addresses: readonly MaybeLater<string>[], controller?: object) =>
  planPool({ name: "n2", addresses, controller }, new Problems());
const known = poolOf(ADDRESSES);
const unknown = poolOf(ADDRESSES.map(() => LATER));

/** The template of a workload whose program has spread a podSetup of these arguments into it. */
function template(setup: Partial<PodSetupInput>, pool = known): PodTemplateFacts {
  const found = planPodSetup({ pool, image: "registry.example.com/podpin:0.1.0", ...setup }, new Problems());
  const initContainers = setupContainers(found, (position) => pool.addresses[position] ?? LATER);
  return { spec: { containers: [{ readinessProbe: {} }], initContainers } };
}

const DROPPED =
  "what arrives for it would be dropped: give podSetup the same addresses, or the same addressesPerPod, startIndex and ordinals";
const UNSET = "what arrives for them would be dropped: give podSetup the same replicas or ordinals";

function ofSet(podTemplate: MaybeLater<PodTemplateFacts>, input: Partial<PinnedStatefulSetInput>): readonly string[] {
  const problems = new Problems();
  const statefulSet: StatefulSetFacts = { name: "db", replicas: input.replicas ?? 3, template: podTemplate };
  planPinnedStatefulSet({ name: "db", pool: known, statefulSet, replicas: 3, ...input }, problems);
  return problems.lines;
}

test.each<[string, MaybeLater<PodTemplateFacts>, Partial<PinnedStatefulSetInput>, string[]]>([
  ["the same replicas", template({ replicas: 3 }), {}, []],
  ["more of them, to grow without a rollout", template({ replicas: 4 }), {}, []],
  ["all of the pool", template({}), {}, []],
  [
    "fewer replicas",
    template({ replicas: 2 }),
    {},
    [`statefulSet: got a podSetup in its Pod template without addresses for Pod 2; ${UNSET}`],
  ],
  [
    "other ordinals",
    template({ ordinals: { from: 2, to: 3 } }),
    {},
    [`statefulSet: got a podSetup in its Pod template without addresses for Pods 0 to 1; ${UNSET}`],
  ],
  [
    "another startIndex",
    template({ replicas: 3 }),
    { startIndex: 1 },
    [`statefulSet: got a podSetup in its Pod template without "198.51.100.8" for Pod 0; ${DROPPED}`],
  ],
  [
    "fewer addresses for each Pod",
    template({ replicas: 2 }),
    { addressesPerPod: 2, replicas: 2 },
    [`statefulSet: got a podSetup in its Pod template without "198.51.100.8" for Pod 0; ${DROPPED}`],
  ],
  [
    "fewer addresses for each Pod while none is known",
    template({ replicas: 2 }, unknown),
    { pool: unknown, addressesPerPod: 2, replicas: 2 },
    [`statefulSet: got a podSetup in its Pod template with 1 of 2 addresses for Pod 0; ${DROPPED}`],
  ],
  ["addresses that are still to come", template({ replicas: 3 }, unknown), {}, []],
  ["all addresses in every Pod", template({ sharedCount: 4 }), {}, []],
  [
    "one address in every Pod",
    template({ sharedCount: 1 }),
    {},
    [`statefulSet: got a podSetup in its Pod template without "198.51.100.8" for Pod 1; ${DROPPED}`],
  ],
  ["no set-up", { spec: { containers: [{ readinessProbe: {} }], initContainers: [{ name: "other" }] } }, {}, []],
  ["a template that is still to come", LATER, {}, []],
  ["a spec that is still to come", { spec: LATER }, {}, []],
  [
    "a container that is still to come",
    { spec: { containers: [{ readinessProbe: {} }], initContainers: [LATER] } },
    {},
    [],
  ],
  ["delivery by the node", template({ replicas: 1 }), { pool: poolOf(ADDRESSES, {}) }, []],
  [
    "delivery app of podpin's controller",
    template({ replicas: 2 }),
    { pool: poolOf(ADDRESSES, {}), delivery: "app" },
    [`statefulSet: got a podSetup in its Pod template without addresses for Pod 2; ${UNSET}`],
  ],
])("a StatefulSet whose podSetup has %s", (_, podTemplate, input, lines) => {
  expect(ofSet(podTemplate, input)).toEqual(lines);
});

test("one Pod of a StatefulSet", () => {
  const problems = new Problems();
  const statefulSet = { name: "db", replicas: 3, template: template({ replicas: 3 }) };
  planRoute({ name: "db", pool: known, statefulSet, ordinal: 1, addresses: [{ value: "198.51.100.9" }] }, problems);
  expect(problems.lines).toEqual([
    `statefulSet: got a podSetup in its Pod template without "198.51.100.9" for Pod 1; ${DROPPED}`,
  ]);
});

function ofDeployment(podTemplate: PodTemplateFacts, input: Partial<PinnedDeploymentInput>): readonly string[] {
  const problems = new Problems();
  const deployment = { name: "web", labels: { app: "web" }, template: podTemplate };
  planPinnedDeployment({ name: "web", pool: known, deployment, ...input }, problems);
  return problems.lines;
}

test.each<[string, PodTemplateFacts, Partial<PinnedDeploymentInput>, string[]]>([
  ["the same addresses", template({ sharedCount: 4 }), {}, []],
  ["more addresses", template({ sharedCount: 2 }), { addresses: [{ value: "198.51.100.8" }] }, []],
  [
    "fewer addresses",
    template({ sharedCount: 1 }),
    { addresses: [{ value: "198.51.100.8" }] },
    [`deployment: got a podSetup in its Pod template without "198.51.100.8" for its Pods; ${DROPPED}`],
  ],
  [
    "addresses by ordinal",
    template({}),
    {},
    [
      'deployment: got a Pod template of Deployment "web" with a podSetup by ordinals; its Pods have none, and would not start: pass addresses to podSetup',
    ],
  ],
])("a Deployment whose podSetup has %s", (_, podTemplate, input, lines) => {
  expect(ofDeployment(podTemplate, input)).toEqual(lines);
});
