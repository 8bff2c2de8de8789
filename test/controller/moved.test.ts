import { MovedAway } from "../../controller-image/src/controller/moved";
import { Waits } from "../../controller-image/src/controller/waits";
import type { AddressBinding, BindingRelease } from "../../lib/model/binding";
import { A, aBinding } from "../support/objects";
import { VirtualClock } from "../support/virtual-clock";
import { acked } from "./decided";

/** It came from node1, was given to node2, and then to node3. */
const twiceMoved = (releasing: BindingRelease | undefined, acks: Parameters<typeof aBinding>[1]): AddressBinding =>
  aBinding(
    { epoch: 3, nodeName: "node3", owner: { podName: "r", podUid: "r-uid", podIp: "10.244.3.9" }, releasing },
    acks,
  );
const from = (nodeName: string, epoch: number, wait = false): BindingRelease => ({
  nodeName,
  epoch,
  forwardTo: "192.0.2.13",
  wait,
});
const NODES = ["node1", "node2", "node3"];
const told = (...bindings: readonly (AddressBinding | undefined)[]): readonly string[] => {
  const moved = new MovedAway();
  for (const binding of bindings) moved.note(A, binding);
  return NODES.filter((name) => moved.from(name).length > 0);
};

describe("who is told by the heartbeats that an address is another node's", () => {
  test("the node that has not let go, once nobody waits for it", () => {
    expect(told(twiceMoved(from("node2", 2), [acked("Announced", 2, "q-uid", "node2")]))).toEqual(["node2"]);
    expect(told(twiceMoved(from("node2", 2, true), [acked("Announced", 2, "q-uid", "node2")]))).toEqual([]);
    expect(told(twiceMoved(from("node2", 2), [acked("Released", 2, "", "node2")]))).toEqual([]);
  });

  test("one from before it too: the binding names one node alone that is let go of", () => {
    const before = acked("Announced", 1, "p-uid", "node1");
    expect(told(twiceMoved(from("node2", 2, true), [before]))).toEqual(["node1"]);
    expect(told(twiceMoved(undefined, [before]))).toEqual(["node1"]);
    expect(told(twiceMoved(undefined, [acked("Released", 1, "", "node1")]))).toEqual([]);
  });

  test("never the one that has it", () => {
    expect(told(twiceMoved(undefined, [acked("Announced", 1, "r-uid", "node3")]))).toEqual([]);
  });

  test("of each address once, with the node that has it now, until it has let go", () => {
    const moved = new MovedAway();
    const before = acked("Programmed", 1, "p-uid", "node1");
    moved.note(A, twiceMoved(undefined, [before]));
    moved.note(A, twiceMoved(from("node1", 1), [before]));
    expect(moved.from("node1")).toEqual([{ name: "node3", address: A }]);
    expect(told(twiceMoved(undefined, [before]), twiceMoved(undefined, [acked("Released", 1, "", "node1")]))).toEqual(
      [],
    );
    expect(told(twiceMoved(undefined, [before]), undefined)).toEqual([]);
  });
});

test("a node that an address waits for is not given its 5 s anew when the address moves on", async () => {
  const clock = new VirtualClock();
  const waits = new Waits(clock);
  const first = aBinding({ epoch: 2, nodeName: "node2", releasing: from("node1", 1, true) });
  waits.note(A, first);
  await clock.run(5_000);
  const next = aBinding({ epoch: 3, nodeName: "node3", releasing: from("node1", 1, true) });
  waits.note(A, next);
  expect(waits.ms(A, next)).toBe(5_000);
  const other = aBinding({ epoch: 4, nodeName: "node1", releasing: from("node3", 3, true) });
  waits.note(A, other);
  expect(waits.ms(A, other)).toBe(0);
});
