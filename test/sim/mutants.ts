// Each invariant deliberately broken in the code that ships: one expression replaced while it is loaded, never in the
// file. A mutant that no schedule notices is a hole in the checks.

import { Fabric } from "../../lib/model/binding";

export interface Mutant {
  readonly name: string;
  /** Below `controller-image/src` or `lib/model`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
  /** That whose schedules are to show it. @default l2 */
  readonly fabric?: Fabric;
  /** Invariants that it may show up as. */
  readonly breaks: readonly number[];
}

const HANDOVER = "controller-image/src/controller/handover.ts";
const STANDBY = "controller-image/src/controller/standby.ts";
const OUTCOME = "controller-image/src/agent/outcome.ts";
const LETTING_GO = "controller-image/src/agent/letting-go.ts";
const STATUS = "controller-image/src/controller/route-status.ts";
const BINDING = "lib/model/binding.ts";

export const MUTANTS: readonly Mutant[] = [
  {
    name: "a change of owner keeps the epoch",
    file: HANDOVER,
    from: "{ ...desired, epoch, releasing, standby }",
    to: "{ ...desired, epoch: spec.epoch, releasing, standby }",
    breaks: [1, 9],
  },
  {
    name: "a taken back address keeps the epoch",
    file: HANDOVER,
    from: "{ ...unowned(spec), epoch: nextEpoch(binding),",
    to: "{ ...unowned(spec), epoch: spec.epoch,",
    breaks: [1, 9],
  },
  {
    name: "the old node is never waited for",
    file: HANDOVER,
    from: 'const wait = newNode !== "" &&',
    to: 'const wait = newNode === "never" &&',
    breaks: [1],
  },
  {
    name: "the old node is forgotten at a move",
    file: HANDOVER,
    from: "return { nodeName: spec.nodeName, epoch: spec.epoch, forwardTo, wait };",
    to: "return undefined;",
    breaks: [1, 2],
  },
  {
    name: "the new node announces without waiting",
    file: BINDING,
    from: "return binding.spec.releasing?.wait !== true || isReleased(binding);",
    to: "return true;",
    breaks: [1],
  },
  {
    name: "an acknowledgement of an older epoch counts",
    file: BINDING,
    from: "return ack?.epoch === epoch && ack.podUid === owner.podUid ? ack : undefined;",
    to: "return ack;",
    breaks: [1, 2, 5, 9],
  },
  {
    name: "the hand-over waits for 50 ms",
    file: HANDOVER,
    from: "HANDOVER_WAIT_MS = 5_000",
    to: "HANDOVER_WAIT_MS = 50",
    breaks: [1, 2],
  },
  {
    name: "a binding goes before its node has let go",
    file: HANDOVER,
    from: "const done = isReleased(binding) || isGone(spec.releasing, node);",
    to: "const done = true;",
    breaks: [2, 9],
  },
  {
    name: "a move is settled before the old node has let go",
    file: HANDOVER,
    from: "if (isReleased(binding) || former === undefined || releasing.nodeName === binding.spec.nodeName) return",
    to: "if (releasing !== undefined) return",
    breaks: [2],
  },
  {
    name: "the old node lets go before the new one is ready",
    file: LETTING_GO,
    from: "if (releasing.wait && !ready) return { target: current };",
    to: "",
    breaks: [2],
  },
  {
    name: "a lower epoch is obeyed",
    file: OUTCOME,
    from: "if (spec.epoch < Math.max(leastEpoch(binding, memory), mine?.epoch ?? 0)) return refusedEpoch(spec.epoch, current);",
    to: "",
    breaks: [1, 2, 8],
  },
  {
    name: "what no cache explains is removed without asking",
    file: LETTING_GO,
    from: "if (evidence === undefined) return { target: current, inquire: true, lettingGoSince: memory?.lettingGoSince };",
    to: "if (evidence === undefined) return { target: NO_FOOTPRINT };",
    breaks: [2, 3, 9],
  },
  {
    name: "the node answers ARP while it forwards, and repeats its announcements",
    file: "controller-image/src/agent/plan.ts",
    from: "return announced !== undefined && !owns ? [address] : [];",
    to: "return announced !== undefined && owns && !owns ? [address] : [];",
    breaks: [1],
  },
  {
    name: "a node that forwards never stops",
    file: LETTING_GO,
    from: "if (forwards && owner !== undefined && view.now - since < STRAYS_MS) {",
    to: "if (forwards && owner !== undefined) {",
    breaks: [9],
  },
  {
    name: "Ready counts acknowledgements of any Pod",
    file: STATUS,
    from: "const announced = current?.state === AckState.Announced;",
    to: "const announced = binding !== undefined;",
    breaks: [5, 9],
  },
  {
    name: "Ready outlives a move",
    file: STATUS,
    from: "binding === undefined || changing ? undefined : ownerAck(binding)",
    to: "binding === undefined ? undefined : ownerAck(binding)",
    breaks: [5, 9],
  },
  {
    name: "the finalizer goes while the address is held",
    file: "controller-image/src/controller/decide.ts",
    from: "const finalizer = wanted.length > 0 || holds ||",
    to: "const finalizer = wanted.length > 0 ||",
    breaks: [2, 9],
  },
  {
    name: "a route that is not accepted for a moment loses its addresses",
    file: "controller-image/src/controller/decide.ts",
    from: "if (!deleting && !verdict.accepted && keeps(input, binding)) continue;",
    to: "",
    breaks: [2, 3, 9],
  },
  {
    name: "the younger of two rivals wins",
    file: "lib/model/acceptance.ts",
    from: "return key(a) < key(b);",
    to: "return key(a) > key(b);",
    breaks: [9],
  },
  {
    name: "a Pod that is not Ready is eligible",
    file: "lib/model/selection.ts",
    from: "[ReactionMode.ReadyCondition]: isPodReady,",
    to: "[ReactionMode.ReadyCondition]: () => true,",
    breaks: [9],
  },
  {
    name: "the oldest Pod is chosen",
    file: "lib/model/selection.ts",
    from: "return left > right ? 1 : -1;",
    to: "return left < right ? 1 : -1;",
    breaks: [9],
  },
  {
    name: "the last address takes everybody's tables with it",
    file: "controller-image/src/agent/nft.ts",
    from: "export const DELETE_TABLE = `delete table ip ${NFT_TABLE}`;",
    to: 'export const DELETE_TABLE = "flush ruleset";',
    breaks: [7],
  },
  {
    name: "one bad binding stops the agent",
    file: "controller-image/src/agent/reading.ts",
    from: "const isEpoch = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 1;",
    to: 'const isEpoch = (value: unknown): value is number => { if (value === 0 || value === 4 || Number(value) > 9e9) throw new Error("bad"); return true; };',
    breaks: [6, 9],
  },
  {
    name: "status is written though it says the same",
    file: STATUS,
    from: "return same(status, { pods: route.status?.pods ?? [], conditions: route.status?.conditions ?? [] })\n    ? undefined\n    : status;",
    to: "return { ...status, pods: [...status.pods], conditions: status.conditions.map((one) => ({ ...one, lastTransitionTime: input.now })) };",
    breaks: [9],
  },
  {
    name: "an acknowledgement may reach a binding of the same name made later",
    file: "controller-image/src/agent/acks.ts",
    from: "statusOf({ name, uid, resourceVersion: version }, entry.wanted)",
    to: "statusOf({ name, resourceVersion: version }, entry.wanted)",
    breaks: [1, 2, 9],
  },
  {
    name: "a restarted agent flushes what it does not know",
    file: "controller-image/src/agent/plan.ts",
    from: "const present: KernelState = rebuild ?",
    to: "const present: KernelState = input.memory.size === 0 || rebuild ?",
    breaks: [2, 3, 9],
  },
  {
    name: "two addresses that still forward ask the API server in turns",
    file: "controller-image/src/agent/evidence.ts",
    from: "} else if (at === undefined || at <= clock.now() + 1) {",
    to: "} else {",
    breaks: [9],
  },
  {
    name: "a node that is cut off goes on speaking",
    file: "controller-image/src/agent/plan.ts",
    from: "return isolated || doubted?.has(name) === true;",
    to: "return isolated && doubted?.has(name) === true;",
    breaks: [1],
  },
  {
    name: "a node that was cut off trusts its caches",
    file: "controller-image/src/agent/plan.ts",
    from: "return isolated || doubted?.has(name) === true;",
    to: "return isolated;",
    breaks: [1],
  },
  {
    name: "a repeated announcement that is late is sent",
    file: "controller-image/src/fabric/l2.ts",
    from: "if (clock.now() - due < LATE_MS) {",
    to: "if (clock.now() >= due - LATE_MS) {",
    breaks: [1, 3],
  },
  {
    name: "the epoch of an address is forgotten with its last trace",
    file: "controller-image/src/agent/plan.ts",
    from: "FORGET_MS = 60_000",
    to: "FORGET_MS = 0",
    breaks: [1, 2, 8],
  },
  {
    name: "a Pod on a cordoned node is as good as any",
    file: "controller-image/src/controller/choice.ts",
    from: "return node.cordoned ? NodeHealth.Cordoned : NodeHealth.Healthy;",
    to: "return node.cordoned && node.lost ? NodeHealth.Cordoned : NodeHealth.Healthy;",
    breaks: [9],
  },
  {
    name: "a Pod address is followed though the runtime says that it is another Pod's",
    file: "controller-image/src/agent/hold.ts",
    from: "const claim = claimOf(kernel.sandboxes, podUid, podIp);",
    to: "const claim = claimOf(undefined, podUid, podIp);",
    breaks: [8],
  },
  {
    name: "the old node lets go before the cloud has moved",
    file: LETTING_GO,
    from: "if (binding.spec.owner === undefined || !releasing.wait || isLed(binding)) return undefined;",
    to: "if (true as boolean) return undefined;",
    fabric: Fabric.Gce,
    breaks: [2, 3],
  },
  {
    name: "the old node lets go as soon as the new one delivers",
    file: LETTING_GO,
    from: "!releasing.wait || isLed(binding))",
    to: "!releasing.wait || ownerAck(binding) !== undefined)",
    fabric: Fabric.Gce,
    breaks: [2, 3],
  },
  {
    name: "the old node drops for ever what might come",
    file: LETTING_GO,
    from: "if (owner === undefined || now - since >= STRAYS_MS) return { target: NO_FOOTPRINT };",
    to: "",
    fabric: Fabric.Gce,
    breaks: [9],
  },
  {
    name: "Ready before the cloud leads",
    file: STATUS,
    from: "const led = binding !== undefined && isLed(binding) && !isAstray(binding, cloud);",
    to: "const led = binding !== undefined && !isAstray(binding, cloud);",
    fabric: Fabric.Gce,
    breaks: [5, 9],
  },
  {
    name: "what was led in an earlier epoch counts as led",
    file: BINDING,
    from: "(spec.led?.epoch === spec.epoch && spec.led.nodeName === spec.nodeName)",
    to: "spec.led !== undefined",
    fabric: Fabric.Gce,
    breaks: [1, 2, 3, 5, 9],
  },
  {
    name: "the cloud moves before the kernel delivers",
    file: "controller-image/src/controller/cloud-intent.ts",
    from: "return all && programmed.length > 0 ? nodeName : undefined;",
    to: "return all || programmed.length < 9 ? nodeName : undefined;",
    fabric: Fabric.Gce,
    breaks: [4],
  },
  {
    name: "the binding says where the packets go while that is being changed",
    file: HANDOVER,
    from: "if (cloud?.known !== true || cloud.unsure?.has(address) === true) return before;",
    to: "if (cloud?.known !== true) return before;",
    fabric: Fabric.Gce,
    breaks: [5],
  },
  {
    name: "the patience with the old node ends while packets still go there",
    file: HANDOVER,
    from: "const patient = !elsewhere || (answers(former)",
    to: "const patient = elsewhere && (answers(former)",
    fabric: Fabric.Gce,
    breaks: [1, 2],
  },
  {
    name: "the standby is on the owner's own node",
    file: STANDBY,
    from: "return on !== ownerNode &&",
    to: 'return on !== "" &&',
    breaks: [1, 9],
  },
  {
    name: "an address that is taken back keeps its standby",
    file: HANDOVER,
    from: "...unowned(spec), epoch: nextEpoch(binding), releasing }",
    to: "...unowned(spec), standby: spec.standby, epoch: nextEpoch(binding), releasing }",
    breaks: [1],
  },
  {
    name: "the standby's node delivers as if it had the address",
    file: "controller-image/src/agent/plan.ts",
    from: "const delivering = newest(input.delivering);",
    to: "const delivering = newest([...input.delivering, ...(Array.isArray(input.standby) ? input.standby : []).map((one: AddressBinding) => ({ ...one, spec: { ...one.spec, nodeName: input.nodeName, owner: one.spec.standby! } }))]);",
    breaks: [1, 8],
  },
  {
    name: "the standby's node gets nothing ready",
    file: "controller-image/src/agent/plan.ts",
    from: "const wanted = isStandby ||",
    to: "const wanted =",
    breaks: [9],
  },
  {
    name: "a Pod loses its addresses because Kubernetes does not hear its node",
    file: "controller-image/src/controller/choice.ts",
    from: "(isReadyButForNode(pod) ||",
    to: "(!isReadyButForNode(pod) ||",
    breaks: [2],
  },
  {
    name: "a controller that starts takes nodes that it has not asked yet for silent",
    file: "controller-image/src/controller/node-states.ts",
    from: "return now - since < FIRST_WORD_MS;",
    to: "return now < since;",
    breaks: [2],
  },
  {
    name: "a node that is told that its address has moved goes on to speak for it",
    file: "controller-image/src/agent/isolation.ts",
    from: "certain.delete(address); unsure.add(address);",
    to: "certain.delete(address);",
    breaks: [1],
  },
  {
    name: "a route goes while the cloud still leads for it",
    file: "controller-image/src/controller/decide.ts",
    from: "const finalizer = wanted.length > 0 || holds || (marked && cloud !== undefined);",
    to: "const finalizer = wanted.length > 0 || holds;",
    fabric: Fabric.Gce,
    breaks: [2],
  },
];
