// Laws of the choice of a Pod, over anything that a namespace may hold.
import fc from "fast-check";
import { choose, type ChoiceInput } from "../../controller-image/src/controller/choice";
import { ReactionMode } from "../../lib/model/gke-api";
import { isEligible } from "../../lib/model/selection";
import { aBinding, aPod, aRoute } from "../support/objects";
import { aNodeView } from "./decided";

const NODE_STATES = {
  fine: aNodeView("172.30.0.11"),
  cordoned: aNodeView("172.30.0.11", { cordoned: true }),
  lost: aNodeView("172.30.0.11", { lost: true }),
  both: aNodeView("172.30.0.11", { lost: true, cordoned: true }),
  unready: aNodeView("172.30.0.11", { ready: false, unreadyMs: 90_000 }),
  gone: undefined,
} as const;
/** The first of them more often than any other, or next to nothing would ever be eligible. */
const mostly = <T>(usual: T, ...others: T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 3 * others.length, arbitrary: fc.constant(usual) },
    { weight: 2, arbitrary: fc.constantFrom(...others) },
  );
const anyState = mostly<keyof typeof NODE_STATES>(
  "fine",
  ...(Object.keys(NODE_STATES) as (keyof typeof NODE_STATES)[]),
);
const anyPod = fc
  .record({
    name: fc.constantFrom("p", "q", "r", "s"),
    node: fc.oneof(fc.constantFrom("node1", "node2"), mostly("node2", "")),
    ip: mostly<string | undefined>("10.244.1.5", undefined),
    ready: mostly(true, false),
    terminating: mostly(false, true),
    created: fc.constantFrom("2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"),
    matches: mostly(true, false),
  })
  .map(({ name, matches, ...fields }) => aPod(name, matches ? fields : { ...fields, labels: { component: "other" } }));
const anyMove = fc.record({
  agoMs: fc.oneof(fc.integer({ min: 0, max: 650_000 }), fc.integer({ min: 0, max: 5_000 })),
  fromUid: fc.constantFrom("p-uid", "q-uid"),
  lost: fc.boolean(),
});
const anyInput = fc
  .record({
    mode: fc.constantFrom(...Object.values(ReactionMode), "Whatever"),
    pods: fc.uniqueArray(anyPod, { selector: ({ metadata }) => metadata.name, minLength: 1, maxLength: 4 }),
    owner: mostly<string | undefined>("p", "q", undefined),
    nodes: fc.record({ node1: anyState, node2: anyState }),
    moves: fc.array(anyMove, { minLength: 3, maxLength: 10 }),
    challenger: fc.constantFrom("p-uid", "q-uid", "r-uid"),
    forMs: fc.constantFrom(0, 2_999, 3_000, 20_000, 60_000),
  })
  .map(({ mode, pods, owner, nodes, moves, challenger, forMs }): ChoiceInput & { reactionMode: string } => ({
    reactionMode: mode,
    route: aRoute({ reactionMode: mode }),
    pods,
    node: (name) => NODE_STATES[nodes[name as keyof typeof nodes]],
    bindings:
      owner === undefined ? [] : [aBinding({ owner: { podName: owner, podUid: `${owner}-uid`, podIp: "10.244.1.5" } })],
    moves: () => moves,
    challenge: { podUid: challenger, forMs, since: "2026-01-01T00:10:00.000Z" },
  }));
type Input = typeof anyInput extends fc.Arbitrary<infer T> ? T : never;

const check = (law: (input: Input) => void): void => fc.assert(fc.property(anyInput, law), { numRuns: 3_000 });
const eligible = ({ pods, reactionMode }: Input) =>
  pods.filter((pod) => pod.metadata.labels?.["component"] === "proxy" && isEligible(pod, reactionMode));
const incumbent = (input: Input) =>
  input.pods.find(({ metadata }) => metadata.uid === input.bindings[0]?.spec.owner?.podUid);

test("somebody is chosen exactly when somebody is eligible, and it is one of these", () => {
  check((input) => {
    const { pod } = choose(input);
    if (eligible(input).length === 0) expect(pod).toBeUndefined();
    else expect(eligible(input)).toContain(pod);
  });
});

test("the order of the Pods never shows", () => {
  check((input) => expect(choose({ ...input, pods: [...input.pods].reverse() })).toEqual(choose(input)));
});

test("a better Pod waits only for one that can serve: eligible, with an address, on a node that answers", () => {
  let seen = 0;
  check((any) => {
    // Chance alone rarely brings together a Pod that has the addresses and a newer one.
    const others = any.pods.filter(({ metadata }) => metadata.name !== "p" && metadata.name !== "s");
    const older = any.pods.find(({ metadata }) => metadata.name === "p") ?? aPod("p");
    const newest = aPod("s", { node: "node2", created: "2026-01-01T00:03:00Z" });
    const owner = { podName: "p", podUid: "p-uid", podIp: "10.244.1.5" };
    const input = { ...any, pods: [older, newest, ...others], bindings: [aBinding({ owner })] };
    const { pod, held } = choose(input);
    if (held === undefined) return;
    seen++;
    expect(pod).toBe(incumbent(input));
    expect(eligible(input)).toContain(pod);
    expect(pod?.status?.podIP).toBeDefined();
    const node = input.node(pod?.spec?.nodeName ?? "");
    expect([node === undefined, node?.lost]).toEqual([false, false]);
    expect(eligible(input)).toContain(held.challenger);
    expect(held.againAfterMs).toBeGreaterThan(0);
    expect(held.againAfterMs).toBeLessThanOrEqual(60_000);
  });
  expect(seen).toBeGreaterThan(100);
});

test("nobody waits while nothing has moved, nor after a minute of being the better one", () => {
  check((input) => {
    expect(choose({ ...input, moves: () => [] }).held).toBeUndefined();
    const { held } = choose(input);
    if (held === undefined) return;
    const podUid = held.challenger.metadata.uid!;
    const moves = input.moves!("").map((move) => ({ ...move, agoMs: move.agoMs + 60_000 }));
    const later = { ...input, moves: () => moves, challenge: { podUid, forMs: 60_000, since: "2026-01-01T00:10:00Z" } };
    expect(choose(later)).toEqual({ pod: held.challenger });
  });
});

test("where nobody waits, a Pod on a healthy node is never passed over for one on a node that is not", () => {
  check((input) => {
    const { pod, held } = choose(input);
    if (pod === undefined || held !== undefined) return;
    const settled = eligible(input).filter(({ metadata, spec, status }) => {
      const node = input.node(spec?.nodeName ?? "");
      const healthy = node !== undefined && !node.lost && !node.cordoned;
      return healthy && metadata.deletionTimestamp === undefined && status?.podIP !== undefined;
    });
    if (settled.length > 0) expect(settled).toContain(pod);
  });
});

test("a Pod to which its node cannot deliver is left at once, however often that was before", () => {
  const owner = { podName: "p", podUid: "p-uid", podIp: "10.244.1.5" };
  const pods = [aPod("p"), aPod("q", { node: "node2", created: "2026-01-01T00:03:00Z" })];
  const moves = () => Array.from({ length: 8 }, (_, i) => ({ agoMs: i * 1_000, fromUid: "q-uid", lost: false }));
  const chosen = (state: "Announced" | "Failed"): string | undefined => {
    const binding = aBinding({ owner }, [{ nodeName: "node1", epoch: 1, podUid: "p-uid", state }]);
    const input = { route: aRoute(), pods, node: () => NODE_STATES.fine, bindings: [binding], moves };
    return choose(input).pod?.metadata.name;
  };
  expect([chosen("Announced"), chosen("Failed")]).toEqual(["p", "q"]);
});
