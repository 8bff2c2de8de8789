// Somebody deletes an AddressBinding: what it said of who has the address is not forgotten with it.
import { KubeError } from "../../controller-image/src/kube/api";
import { HIGHEST_CREDIBLE_EPOCH, type AddressBinding } from "../../lib/model/binding";
import { RESOURCES } from "../../lib/model/kubernetes";
import { A, aBinding, aPod } from "../support/objects";
import { decided, withNode } from "./decided";
import { type Machine, POD_1, POD_2, twoMachines } from "./machine";
import type { World } from "./world";

const { addressBindings } = RESOURCES;

describe("while its node does not reach the API server", () => {
  let world: World;
  let machines: readonly [Machine, Machine];
  let answering: () => string[];
  let stop: () => Promise<void>;
  beforeEach(async () => {
    ({ world, machines, answering, stop } = twoMachines());
    world.pod("p", { ip: POD_1 });
    await world.until(() => world.ready() === "True ProgrammingComplete");
    machines[0].kube.connected = false;
  });
  afterEach(() => stop());

  /** Before the binding can be made anew there is a better Pod. */
  async function deletedAndMoved(): Promise<number> {
    const { epoch } = world.binding()!.spec;
    world.kube.fault = ({ verb }) =>
      verb === "create" ? new KubeError(503, "ServiceUnavailable", "not now") : undefined;
    world.server.delete(addressBindings, { name: A });
    await world.clock.run(100);
    world.pod("q", { node: "node2", ip: POD_2, created: "2026-01-01T00:30:00Z" });
    await world.clock.run(100);
    world.kube.fault = undefined;
    await world.until(() => world.binding() !== undefined);
    return epoch;
  }

  test("another node that gets the address waits for it as in any move, and never do both answer", async () => {
    const epoch = await deletedAndMoved();
    expect(world.binding()?.spec).toMatchObject({
      nodeName: "node2",
      epoch: epoch + 1,
      releasing: { nodeName: "node1", epoch, forwardTo: "172.30.0.12", wait: true },
    });
    const seen = new Set<string>();
    for (let ms = 0; ms < 10_000; ms += 50) {
      if (ms === 3_000) machines[0].kube.connected = true;
      await world.clock.run(50);
      seen.add(answering().join(" and "));
    }
    expect([...seen].filter((nodes) => nodes.includes("and"))).toEqual([]);
    expect([answering(), world.ready()]).toEqual([["node2"], "True ProgrammingComplete"]);
    expect(world.binding()?.spec.releasing).toBeUndefined();
  });

  test("and if it stays so, for five seconds, as in any move", async () => {
    await deletedAndMoved();
    await world.clock.run(4_900);
    expect(answering()).toEqual(["node1"]);
    await world.until(() => answering().includes("node2"));
    expect(world.binding()?.spec.releasing).toMatchObject({ nodeName: "node1", wait: false });
  });
});

describe("the decision", () => {
  const former = (spec: Partial<AddressBinding["spec"]> = {}): AddressBinding =>
    aBinding({ nodeName: "node1", epoch: 7, owner: { podName: "p", podUid: "p-uid", podIp: POD_1 }, ...spec });
  const begun = (before: AddressBinding, more: Parameters<typeof decided>[0] = {}) =>
    decided({ pods: [aPod("p")], former: () => before, ...more }).changes.map(({ verb, binding: { spec } }) => {
      return [verb, spec.nodeName, spec.epoch, spec.releasing];
    });
  const both = [aPod("p"), aPod("q", { node: "node2", created: "2026-01-01T00:30:00Z" })];

  test("goes on above it, for the same node as well", () => {
    expect(begun(former())).toEqual([["create", "node1", 8, undefined]]);
  });

  test("waits for its node, unless that is lost or has no Pod any more that could serve", () => {
    const releasing = { nodeName: "node1", epoch: 7, forwardTo: "172.30.0.12", wait: true };
    const without = { ...releasing, wait: false };
    expect(begun(former(), { pods: both })).toEqual([["create", "node2", 8, releasing]]);
    const lost = withNode("node1", { lost: true });
    expect(begun(former(), { pods: both, node: lost })).toEqual([["create", "node2", 8, without]]);
    expect(begun(former(), { pods: both.slice(1) })).toEqual([["create", "node2", 8, without]]);
  });

  test("keeps the node before, which its own has not heard of either", () => {
    const releasing = { nodeName: "node3", epoch: 6, forwardTo: "172.30.0.11", wait: true };
    expect(begun(former({ releasing }))).toEqual([["create", "node1", 8, releasing]]);
  });

  test("begins anew where its epoch was what had to go", () => {
    expect(begun(former({ epoch: HIGHEST_CREDIBLE_EPOCH }))).toEqual([["create", "node1", 1, undefined]]);
  });
});
