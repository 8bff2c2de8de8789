import type { Plan } from "../../controller-image/src/agent/plan";
import type { AddressBinding, BindingAck, Delivery } from "../../lib/model/binding";
import { ack, binding, ME, movedAway, MY_IP, OTHER, OTHER_IP, takenBack } from "./bindings";
import { podHop } from "./memory-kernel";
import { A, Node, POD } from "./planned-node";

// A fabric that is led brings packets to the old node until the controller has led them to the new one, and nothing can be
// passed on from there.

const DELIVERIES: readonly Delivery[] = ["app", "interface", "nat"];
const HERE = { nodeName: ME, epoch: 1 };
const THERE = { nodeName: OTHER, epoch: 2 };
const MINE = ack(ME, 1, "Announced", "uid-1");
const MINUTE = 60_000;

const acknowledged = (made: Plan): BindingAck | undefined => made.outcomes.get(A)?.ack;
const given = (delivery: Delivery = "nat", more: Partial<AddressBinding["spec"]> = {}): AddressBinding =>
  binding(A, { fabric: "gce", delivery, ...more });
const moved = (delivery: Delivery = "nat", more: Parameters<typeof movedAway>[1] = {}): AddressBinding =>
  movedAway(A, { fabric: "gce", delivery, led: HERE, acks: [MINE], ...more });

/** A node that delivers the address, with the routes of a node and its Pods. */
function serving(delivery: Delivery = "nat", led?: AddressBinding["spec"]["led"]): Node {
  const node = new Node();
  node.kernel.insides = new Map([POD, "10.244.1.12"].map((pod) => [pod, new Map()]));
  node.pass({ delivering: [given(delivery, { led })] });
  return node;
}

/** What the kernel has for the address: where it is delivered, and what becomes of the rest. */
function has({ kernel }: Node) {
  const { nft, thrown } = kernel.state();
  const path = kernel.paths.get(A);
  return {
    to: nft.podOf.get(A) ?? path?.via,
    drops: nft.stray.has(A),
    blackhole: kernel.fallbacks.has(A),
    thrown: thrown.has(A),
  };
}

/** The Pod goes, and with it its interface. */
function unplug({ kernel }: Node): void {
  kernel.dropInterface("veth1");
  kernel.hops.set(POD, "unreachable");
}

const SERVED = { to: POD, drops: false, blackhole: true, thrown: true };
const DROPPED = { to: undefined, drops: true, blackhole: false, thrown: true };
const NOTHING = { to: undefined, drops: false, blackhole: false, thrown: false };

describe("the owner's node", () => {
  test.each(DELIVERIES)(
    "delivers with %s before the guest agent can claim the address, and announces nothing",
    (way) => {
      const node = serving(way);
      expect(has(node)).toEqual({ ...SERVED, to: POD });
      expect(node.kernel.lines).toContain(`route prepend throw ${A}/32 table 255 proto 153`);
      expect([node.kernel.proxies.size, node.kernel.proxyDelay]).toEqual([0, 800]);
    },
  );

  test("puts its throw there only when there is somewhere else to look", () => {
    const lines = serving().kernel.lines.filter((line) => line.startsWith("route"));
    expect(lines.map((line) => line.split(" ")[2])).toEqual(["blackhole", `${A}/32`, "throw"]);
  });

  test("has acknowledged Announced at once where nobody had the address, and Programmed while it must wait", () => {
    const waiting = given("nat", {
      epoch: 2,
      releasing: { nodeName: OTHER, epoch: 1, forwardTo: MY_IP, wait: true },
    });
    expect(acknowledged(new Node().plan({ delivering: [given()] }))?.state).toBe("Announced");
    const node = new Node();
    expect(acknowledged(node.pass({ delivering: [waiting] }))?.state).toBe("Programmed");
    expect(has(node)).toEqual(SERVED);
    const released = { ...waiting, status: { acks: [ack(OTHER, 1, "Released", "")] } };
    expect(acknowledged(node.pass({ delivering: [released] }))?.state).toBe("Announced");
  });

  test("drops what arrives when its Pod is gone or has not come yet, and lets the node's own Pods look elsewhere", () => {
    const node = serving();
    unplug(node);
    expect(acknowledged(node.pass({ delivering: [given()] }))?.reason).toBe("PodInterfaceGone");
    expect(has(node)).toEqual(DROPPED);
    const early = new Node();
    early.kernel.hops.set(POD, "unreachable");
    expect(acknowledged(early.pass({ delivering: [given()] }))?.reason).toBe("PodNotOnNode");
    expect(has(early)).toEqual(DROPPED);
  });

  test("takes a claim back that somebody has put in the place of its throw", () => {
    const node = serving();
    node.kernel.thrown.clear();
    node.pass({ delivering: [given()] });
    expect(has(node)).toEqual(SERVED);
  });
});

test("on any fabric an address that the guest agent has claimed is thrown, and stays so when the claim goes", () => {
  const node = new Node();
  node.kernel.claimed.add(A);
  node.pass({ delivering: [binding(A, { fabric: "none" })] });
  expect(has(node)).toEqual(SERVED);
  node.kernel.claimed.clear();
  node.pass({ delivering: [binding(A, { fabric: "none" })] });
  expect(has(node)).toEqual(SERVED);
});

test("where nobody claims anything and the fabric is not led, nothing is put into the kernel's own table", () => {
  const node = new Node();
  node.pass({ delivering: [binding(A), binding("198.51.100.8", { fabric: "none" })] });
  expect(node.kernel.thrown.size).toBe(0);
});

describe("the node before", () => {
  test.each(DELIVERIES)("goes on delivering with %s to the living Pod until the packets go elsewhere", (way) => {
    const node = serving(way, HERE);
    const before = node.kernel.state();
    const ready = moved(way, { acks: [MINE, ack(OTHER, 2, "Programmed", "uid-2")] });
    for (const binding of [moved(way), ready]) {
      const made = node.pass({ releasing: [binding] });
      expect(node.kernel.state()).toEqual(before);
      expect(acknowledged(made)).toBeUndefined();
    }
    const made = node.pass({ releasing: [moved(way, { led: THERE })] });
    expect(acknowledged(made)).toEqual(ack(ME, 1, "Released", ""));
    expect(has(node)).toEqual(DROPPED);
    expect(node.kernel.paths.size).toBe(0);
  });

  test.each<[string, "serves" | "drops", AddressBinding["spec"]["led"]]>([
    ["nothing is known to be led", "serves", undefined],
    ["the packets still come here", "serves", HERE],
    ["they went to the new node in an earlier epoch", "serves", { nodeName: OTHER, epoch: 1 }],
    ["they go to the new node, for this epoch", "drops", THERE],
    ["they go to a third node", "serves", { nodeName: "node-3", epoch: 1 }],
  ])("when %s: it %s", (_title, does, led) => {
    const node = serving("app", HERE);
    node.pass({ releasing: [moved("app", { led })] });
    expect(has(node)).toEqual(does === "serves" ? SERVED : DROPPED);
  });

  test.each(DELIVERIES)("drops at once what is delivered with %s when nobody waits for its Pod", (way) => {
    const node = serving(way, HERE);
    const made = node.pass({ releasing: [moved(way, { wait: false })] });
    expect(acknowledged(made)).toEqual(ack(ME, 1, "Released", ""));
    expect(has(node)).toEqual(DROPPED);
  });

  test("expects what goes astray before it lets the routes go", () => {
    const node = serving("app", HERE);
    const [step] = node.plan({ releasing: [moved("app", { led: THERE })] }).changes.steps;
    expect(step?.early).toEqual([`add element ip pip_agent strays { ${A} }`]);
    expect(step?.elements).toMatchObject({ remove: [`delete element ip pip_agent pips { ${A} }`] });
  });

  test.each(DELIVERIES)("repairs what somebody takes away meanwhile, with delivery %s", (way) => {
    const node = serving(way, HERE);
    const before = node.kernel.state();
    node.kernel.table = undefined;
    node.kernel.paths.clear();
    node.kernel.thrown.clear();
    node.pass({ releasing: [moved(way)] });
    expect(node.kernel.state()).toEqual(before);
  });

  test.each(DELIVERIES)("stops when the Pod's interface is gone, with delivery %s", (way) => {
    const node = serving(way, HERE);
    unplug(node);
    const made = node.pass({ releasing: [moved(way)] });
    expect(has(node)).toEqual(DROPPED);
    expect(acknowledged(made)?.state).toBe("Released");
  });

  test.each(DELIVERIES)("never follows the Pod's address to the next Pod, with delivery %s", (way) => {
    for (const restarted of [false, true]) {
      const node = serving(way, HERE);
      node.kernel.dropInterface("veth1");
      node.kernel.hops.set(POD, podHop("veth9", 19));
      if (restarted) node.memory = new Map();
      const made = node.pass({ releasing: [moved(way)] });
      expect(has(node)).toEqual(DROPPED);
      expect(acknowledged(made)?.state).toBe("Released");
    }
  });

  test("stops when the container runtime says that the Pod's address is another Pod's", () => {
    const node = serving("nat", HERE);
    node.kernel.sandboxes = [{ podUid: "uid-9", ips: [POD], since: 1 }];
    node.pass({ releasing: [moved()] });
    expect(has(node)).toEqual(DROPPED);
  });

  test.each(DELIVERIES)("changes nothing when its agent was started anew, with delivery %s", (way) => {
    for (const acks of [[MINE], []]) {
      const node = serving(way, HERE);
      const before = node.kernel.state();
      node.memory = new Map();
      node.pass({ releasing: [moved(way, { acks })] });
      expect(node.kernel.state()).toEqual(before);
    }
  });

  test.each<[string, "serves" | "drops", string]>([
    ["the map to the Pod", "serves", "add element ip pip_agent pip_to_pod"],
    ["the map from the Pod", "serves", "add element ip pip_agent pod_to_pip"],
    ["all that nftables has", "serves", "add element"],
    ["the routes", "drops", "route replace"],
  ])("when the kernel took its Pod's second sandbox without %s: it %s", (_title, does, refused) => {
    const node = serving("nat", HERE);
    unplug(node);
    const owner = { podName: "pod-1", podUid: "uid-1", podIp: "10.244.1.12" };
    node.kernel.refuse = (line) => (line.includes(refused) ? "Cannot allocate memory" : undefined);
    node.pass({ delivering: [given("nat", { led: { nodeName: ME, epoch: 2 }, epoch: 2, owner })] });
    node.kernel.refuse = () => undefined;
    const releasing = { nodeName: ME, epoch: 2, forwardTo: OTHER_IP, wait: true };
    const acks = [ack(ME, 2, "Failed", "uid-1")];
    const made = node.pass({ releasing: [moved("nat", { epoch: 3, releasing, acks })] });
    expect(has(node)).toEqual(does === "serves" ? { ...SERVED, to: owner.podIp } : DROPPED);
    expect(acknowledged(made)?.state).toBe(does === "serves" ? undefined : "Released");
  });

  test.each(["is there", "was deleted by somebody"])(
    "does not begin again when a cache that is behind shows the binding as it was, while our table %s",
    (table) => {
      const node = serving("app", HERE);
      node.pass({ releasing: [moved("app", { led: THERE })] });
      if (table !== "is there") node.kernel.table = undefined;
      node.pass({ releasing: [moved("app")] });
      expect(has(node)).toEqual(DROPPED);
    },
  );

  test("keeps what there is while it is not known where the old Pod is", () => {
    const node = serving("nat", HERE);
    const made = node.plan({ releasing: [moved()], kernel: { ...node.kernel.state(), hops: new Map() } });
    expect(made.changes.steps).toEqual([]);
    expect([made.retry, acknowledged(made)]).toEqual([true, undefined]);
  });

  test("delivers as before though the route's delivery was changed with the move", () => {
    const node = serving("app", HERE);
    const before = node.kernel.state();
    node.pass({ releasing: [moved("nat")] });
    expect(node.kernel.state()).toEqual(before);
  });

  test("drops for as long as the packets come here, however long, and for a minute after", () => {
    const node = serving("nat", HERE);
    const binding = moved("nat", { wait: false });
    for (const now of [0, MINUTE, 100 * MINUTE]) {
      node.now = now;
      node.pass({ releasing: [binding] });
      expect(has(node)).toEqual(DROPPED);
    }
    const led = moved("nat", { wait: false, led: THERE });
    const made = node.pass({ releasing: [led] });
    expect(made.wakeAt).toBe(node.now + MINUTE);
    expect(has(node)).toEqual(DROPPED);
    node.now += MINUTE;
    node.pass({ releasing: [led] });
    expect(has(node)).toEqual(NOTHING);
    expect(node.kernel.untouched).toBe(true);
  });

  test("drops what comes for an address that nobody has, until nothing leads it here", () => {
    const back = (led: AddressBinding["spec"]["led"]): AddressBinding => {
      const { metadata, spec } = takenBack(A);
      return { metadata, spec: { ...spec, fabric: "gce", led }, status: { acks: [MINE] } } as AddressBinding;
    };
    for (const elsewhere of [THERE, undefined]) {
      const node = serving("nat", HERE);
      const made = node.pass({ releasing: [back(HERE)] });
      expect(acknowledged(made)?.state).toBe("Released");
      expect(has(node)).toEqual(DROPPED);
      node.pass({ releasing: [back(elsewhere)] });
      expect(has(node)).toEqual(NOTHING);
    }
  });

  test("drops what comes for an address that nobody has any more, also in the middle of a move", () => {
    const nobody = moved("nat", { nodeName: "", owner: undefined, epoch: 3, wait: true });
    const node = serving("nat", HERE);
    node.pass({ releasing: [moved("nat")] });
    expect(has(node)).toEqual(SERVED);
    expect(acknowledged(node.pass({ releasing: [nobody] }))).toEqual(ack(ME, 1, "Released", ""));
    expect(has(node)).toEqual(DROPPED);
  });
});

describe("when no binding names the node any more", () => {
  const settled = (led: AddressBinding["spec"]["led"], acks: readonly BindingAck[] = []): AddressBinding =>
    moved("nat", { led, releasing: undefined, acks });

  function left(): Node {
    const node = serving("nat", HERE);
    node.pass({ releasing: [moved("nat", { wait: false })] });
    return node;
  }

  test("it asks first, and keeps what there is", () => {
    const node = left();
    const made = node.pass({});
    expect(made.inquire).toEqual([A]);
    expect(has(node)).toEqual(DROPPED);
  });

  test("it drops until the packets go elsewhere, asking now and then, and a minute longer", () => {
    const node = left();
    const made = node.pass({ evidence: new Map([[A, settled(HERE)]]) });
    expect([made.inquire, made.wakeAt]).toEqual([[A], 8_000]);
    expect(has(node)).toEqual(DROPPED);
    node.now = 30_000;
    expect(node.pass({ evidence: new Map([[A, settled(THERE)]]) }).wakeAt).toBe(35_000);
    node.now = 89_000;
    expect(node.pass({ evidence: new Map([[A, settled(THERE)]]) }).wakeAt).toBe(30_000 + MINUTE);
    expect(has(node)).toEqual(DROPPED);
    node.now = 30_000 + MINUTE;
    const last = node.pass({ evidence: new Map([[A, settled(THERE, [ack(ME, 1, "Released", "")])]]) });
    expect(last.outcomes.get(A)?.withdrawAck).toBe(true);
    expect(node.kernel.untouched).toBe(true);
  });

  test("it lets go of what it still delivers: an agent that was away for the whole move", () => {
    const node = serving("app", HERE);
    node.pass({ evidence: new Map([[A, moved("app", { led: THERE, releasing: undefined })]]) });
    expect(has(node)).toEqual(DROPPED);
  });

  test("it cleans up when the binding is gone", () => {
    const node = left();
    node.pass({ evidence: new Map([[A, "absent"]]) });
    expect(node.kernel.untouched).toBe(true);
  });

  test("an address that it has no trace of gets none", () => {
    const node = new Node();
    node.pass({ evidence: new Map([[A, settled(HERE)]]) });
    expect(node.kernel.untouched).toBe(true);
  });
});

test("a node that gets the address back delivers again", () => {
  const node = serving("nat", HERE);
  node.pass({ releasing: [moved("nat", { led: THERE })] });
  const back = given("nat", {
    epoch: 3,
    led: THERE,
    releasing: { nodeName: OTHER, epoch: 2, forwardTo: MY_IP, wait: true },
  });
  expect(acknowledged(node.pass({ delivering: [back] }))?.state).toBe("Programmed");
  expect(has(node)).toEqual(SERVED);
});

test("whatever a binding says, the node's own addresses stay the node's", () => {
  const node = new Node();
  const mine = binding(MY_IP, { fabric: "gce" });
  node.pass({ delivering: [mine] });
  node.pass({ releasing: [movedAway(MY_IP, { fabric: "gce" })] });
  node.pass({ evidence: new Map([[MY_IP, binding(MY_IP, { fabric: "gce", nodeName: OTHER })]]) });
  expect(node.kernel.untouched).toBe(true);
});
