// The judge of `npm run chaos` must notice what may not be: nothing else would tell that it is asleep.
import type { AddressBindingSpec, BindingAck } from "../../lib/model/binding";
import { A, aBinding, aRoute } from "../support/objects";
import { Owners } from "./owners";

let owners: Owners;
let violations: string[];
let version: number;

beforeEach(() => {
  version = 0;
  violations = [];
  owners = new Owners((subject, text) => void violations.push(`${subject}: ${text}`));
});

const owner = (name: string) => ({ podName: name, podUid: `${name}-uid`, podIp: "10.244.1.5" });

function bound(
  epoch: number,
  pod: string,
  at: number,
  more: Partial<AddressBindingSpec> = {},
  acks: BindingAck[] = [],
) {
  const binding = aBinding({ epoch, owner: owner(pod), nodeName: `node-of-${pod}`, ...more }, acks);
  const metadata = { ...binding.metadata, resourceVersion: String(++version) };
  owners.saw("MODIFIED", { ...binding, metadata }, 1000 * at);
}

/** @param at in seconds; each question is sent in the second of its number */
const answered = (seq: number, pod: string, at = seq + 1): string | undefined =>
  owners.judgeAnswer({ address: A, seq, sent: 1000 * seq, at: 1000 * at, by: pod }, `${pod}-uid`, 1000 * at)?.wrong;

test("the present owner may answer and the one before it, no other", () => {
  ["a", "b", "c"].forEach((pod, index) => bound(index + 1, pod, 10 * index));
  expect([answered(25, "a"), answered(26, "b"), answered(27, "c")]).toEqual([
    "and is not its owner",
    undefined,
    undefined,
  ]);
});

test("an owner of the time of the question may answer late", () => {
  ["a", "b", "c"].forEach((pod, index) => bound(index + 1, pod, 10 * index));
  expect(answered(5, "a", 26)).toBeUndefined();
});

test("a node that the binding says to be letting go may still answer", () => {
  const releasing = { nodeName: "node-of-a", epoch: 1, forwardTo: "", wait: false };
  bound(1, "a", 0);
  bound(2, "b", 10, { releasing });
  bound(3, "c", 20, { releasing });
  expect(answered(25, "a")).toBeUndefined();
});

test("a node that has the address for another Pod may not know it until it says so", () => {
  bound(1, "a", 0);
  bound(2, "b", 10, { nodeName: "node-of-a" });
  bound(2, "b", 20, { nodeName: "node-of-a" }, [
    { nodeName: "node-of-a", epoch: 2, podUid: "b-uid", state: "Announced" },
  ]);
  const behind = [5, 15, 25].map((at) => owners.isBehind(A, "node-of-a", 1000 * at));
  expect([behind, owners.isBehind(A, "node-of-b", 15_000)]).toEqual([[true, true, false], false]);
});

test("the old owner may not answer a later question than the new one did, unless it has the address again", () => {
  bound(1, "a", 0);
  bound(2, "b", 10);
  expect([answered(11, "a"), answered(12, "b"), answered(13, "a")]).toEqual([
    undefined,
    undefined,
    "after a later owner",
  ]);
  bound(3, "a", 20);
  expect([answered(21, "b"), answered(22, "a")]).toEqual([undefined, undefined]);
});

test("two nodes may answer for a moment only when the time to wait for the old one is over", () => {
  const releasing = { nodeName: "node-of-a", epoch: 1, forwardTo: "" };
  bound(1, "a", 0);
  bound(2, "b", 10, { releasing: { ...releasing, wait: true } });
  bound(2, "b", 15, { releasing: { ...releasing, wait: false } });
  expect([12_000, 15_500, 18_000].map((at) => owners.isOverdue(A, at))).toEqual([false, true, false]);
});

test("epochs grow, and each has one owner", () => {
  bound(2, "a", 0);
  bound(2, "b", 1);
  bound(1, "b", 2);
  expect(violations).toEqual([
    `${A}: epoch 2: was a-uid on node-of-a and is b-uid on node-of-b`,
    `${A}: epoch 1: after 2`,
  ]);
});

describe("a route that is Ready", () => {
  const ready = (at = 0, message = `said at ${at}`) => {
    const conditions = [{ type: "Ready", status: "True" as const, reason: "", message, observedGeneration: 1 }];
    const route = aRoute({}, { resourceVersion: String(++version) });
    owners.judgeReady({ ...route, status: { pods: ["a"], conditions } }, 1000 * at);
    return violations.map((text) => text.split(" at ")[0]);
  };
  const ack = (epoch: number, podUid: string): BindingAck => {
    return { nodeName: "node-of-a", epoch, podUid, state: "Announced" };
  };

  test("has acknowledgements for the epoch and the Pod", () => {
    bound(2, "a", 0, {}, [ack(2, "a-uid")]);
    expect(ready()).toEqual([]);
  });

  test.each([
    ["an earlier epoch", ack(1, "a-uid")],
    ["another Pod", ack(2, "b-uid")],
  ])("has more than one for %s", (_, given) => {
    bound(2, "a", 0, {}, [given]);
    expect(ready()).toEqual([expect.stringContaining("route route is Ready and 198.51.100.10 not acknowledged")]);
  });

  test("may have been written before its writer could know that somebody raised the epoch by hand", () => {
    bound(2, "a", 0, {}, [ack(2, "a-uid")]);
    bound(7, "a", 10, {}, [ack(2, "a-uid")]);
    expect(ready(10.5)).toEqual([]);
    expect(ready(12)).toHaveLength(1);
  });

  test("says nothing new where somebody else writes to it", () => {
    bound(2, "a", 0, {}, [ack(2, "a-uid")]);
    ready(1, "as before");
    bound(3, "b", 10);
    expect(ready(12, "as before")).toEqual([]);
    expect(ready(13, "another word")).toHaveLength(1);
  });

  test("has no such excuse where the controller raised it", () => {
    bound(2, "a", 0, {}, [ack(2, "a-uid")]);
    bound(3, "a", 10, { releasing: { nodeName: "node-of-a", epoch: 2, forwardTo: "", wait: false } });
    expect(ready(10.5)).toHaveLength(1);
  });

  test("is not Ready before its time: what is written later does not count", () => {
    bound(2, "a", 0);
    const early = ready();
    bound(2, "a", 1, {}, [ack(2, "a-uid")]);
    expect(early).toHaveLength(1);
  });
});
