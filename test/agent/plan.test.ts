import { addressesIn } from "../../controller-image/src/agent/state";
import { FailReason } from "../../lib/model/binding";
import { isNoChange, type Plan } from "../../controller-image/src/agent/plan";
import type { AddressBinding } from "../../lib/model/binding";
import { ack, binding, ME, movedAway, MY_IP, OTHER_IP, takenBack } from "./bindings";
import { podHop, segmentHop } from "./memory-kernel";
import { A, acknowledged, B, Node, POD } from "./planned-node";

describe("delivering", () => {
  test("nat: route, elements, proxy neighbour, in the order in which nothing goes astray", () => {
    const node = new Node();
    const made = node.pass({ delivering: [binding(A)] });
    expect(node.kernel.lines).toEqual([
      "rule add pref 700 lookup 7421 protocol 153",
      `route replace blackhole ${A}/32 table 7421 metric 4096 proto 153`,
      `route replace ${A}/32 via ${POD} dev veth1 onlink table 7421 proto 153`,
      "(table)",
      "add set ip pip_agent uplink_delay_800 { type ipv4_addr; }",
      "flush set ip pip_agent cluster",
      "add element ip pip_agent cluster { 10.0.0.11-10.0.0.12, 10.96.0.0-10.96.255.255, 10.244.0.0-10.244.255.255, 169.254.0.0-169.254.255.255, 224.0.0.0-239.255.255.255 }",
      `add element ip pip_agent nat_pips { ${A} }`,
      `add element ip pip_agent pip_to_pod { ${A} : ${POD} }`,
      `add element ip pip_agent pip_zone { ${A} : 267 }`,
      `add element ip pip_agent pod_to_pip { ${POD} : ${A} }`,
      `add element ip pip_agent hairpin { ${POD} . ${POD} : ${A} }`,
      `neigh replace proxy ${A} dev eth0 protocol 153`,
      // When what it was before is known to the kernel: an agent may end between any two programs.
      "ntable change name arp_cache dev eth0 proxy_delay 0",
    ]);
    expect(acknowledged(made)).toEqual(ack(ME, 1, "Announced", "uid-1"));
    expect([...made.announce]).toEqual([[A, "arp"]]);
  });

  test("app: the route and one set, no translation", () => {
    const node = new Node();
    const made = node.pass({ delivering: [binding(A, { delivery: "app" })] });
    expect(node.kernel.lines).toContain(`add element ip pip_agent pips { ${A} }`);
    expect(node.kernel.state().nft.podOf.size).toBe(0);
    expect(made.changes.steps.some(({ flush }) => flush)).toBe(false);
  });

  test("fabric none: counts as announced, without a proxy neighbour and without touching the uplink", () => {
    const node = new Node();
    const made = node.pass({ delivering: [binding(A, { fabric: "none" })] });
    expect(acknowledged(made)?.state).toBe("Announced");
    expect([...made.announce]).toEqual([]);
    expect(node.kernel.proxies.size).toBe(0);
    expect(node.kernel.proxyDelay).toBe(800);
  });

  test("a second pass changes and announces nothing", () => {
    const node = new Node();
    node.pass({ delivering: [binding(A), binding(B)] });
    const again = node.pass({ delivering: [binding(A), binding(B)] });
    expect(isNoChange(again.changes)).toBe(true);
    expect([...again.announce]).toEqual([]);
  });

  test("two addresses of one Pod: the lowest is what its own connections leave with, in any order", () => {
    for (const delivering of [
      [binding("198.51.100.10"), binding("198.51.100.9")],
      [binding("198.51.100.9"), binding("198.51.100.10")],
    ]) {
      const node = new Node();
      node.pass({ delivering });
      expect(node.kernel.state().nft.egressOf).toEqual(new Map([[POD, "198.51.100.9"]]));
      expect(node.kernel.state().nft.podOf.size).toBe(2);
    }
  });

  test("when the lowest of a Pod's addresses goes, the next one takes over its connections", () => {
    const node = new Node();
    node.pass({ delivering: [binding(A), binding(B)] });
    node.pass({ delivering: [binding(B)], releasing: [takenBack(A)] });
    expect(node.kernel.state().nft.egressOf).toEqual(new Map([[POD, B]]));
    expect(node.kernel.state().nft.hairpinOf).toEqual(new Map([[POD, B]]));
  });

  test("a table of the same name that is not ours as it should be is replaced in one transaction with all elements", () => {
    const node = new Node();
    node.pass({ delivering: [binding(A), binding(B)] });
    const before = node.kernel.state();
    const made = node.pass({
      delivering: [binding(A), binding(B)],
      kernel: { ...before, nft: { ...before.nft, base: "other" } },
    });
    expect(made.changes.base[0]).toBe("table ip pip_agent");
    expect(node.kernel.state()).toEqual(before);
  });

  test("a proxy neighbour of somebody else serves as well, and stays when the address goes", () => {
    const node = new Node();
    node.kernel.proxies.set(A, "foreign");
    node.pass({ delivering: [binding(A)] });
    expect(node.kernel.proxies.get(A)).toBe("foreign");
    node.pass({ releasing: [takenBack(A)] });
    expect(node.kernel.proxies.get(A)).toBe("foreign");
  });

  test("connections are forgotten exactly when the Pod behind a nat address changes", () => {
    const node = new Node();
    const flushed = (made: Plan) => made.changes.steps.filter(({ flush }) => flush).map(({ address }) => address);
    expect(flushed(node.pass({ delivering: [binding(A)] }))).toEqual([A]);
    expect(flushed(node.pass({ delivering: [binding(A), binding(B)] }))).toEqual([B]);
    const owner = { podName: "pod-3", podUid: "uid-3", podIp: "10.244.1.12" };
    expect(flushed(node.pass({ delivering: [binding(A, { epoch: 2, owner }), binding(B)] }))).toEqual([A]);
    expect(flushed(node.pass({ delivering: [binding(B)], releasing: [takenBack(A)] }))).toEqual([A]);
  });

  test("of a Pod whose interface is gone nothing is translated any more before any route changes, and only then", () => {
    const early = (made: Plan) => made.changes.steps.flatMap((step) => step.early);
    const lost = new Node();
    expect(early(lost.pass({ delivering: [binding(A)] }))).toEqual([]);
    lost.kernel.dropInterface("veth1");
    const made = lost.pass({ releasing: [takenBack(A)] });
    expect(early(made)).toEqual([`delete element ip pip_agent pip_to_pod { ${A} : 10.244.1.11 }`]);
    expect(made.changes.steps.flatMap(({ elements }) => elements.remove).join()).not.toContain("pip_to_pod");
    expect(lost.kernel.untouched).toBe(true);
    const living = new Node();
    living.pass({ delivering: [binding(A)] });
    expect(early(living.pass({ releasing: [takenBack(A)] }))).toEqual([]);
  });
});

describe("refusing", () => {
  test.each<[string, AddressBinding, string, string]>([
    [
      "a Pod behind a gateway",
      binding(A, { owner: { podName: "p", podUid: "u", podIp: "10.244.2.5" } }),
      FailReason.PodNotOnNode,
      "the Pod's address 10.244.2.5 is behind 10.0.0.12, not on this node; it is tried again",
    ],
    [
      "a Pod behind a tunnel",
      binding(A, { owner: { podName: "p", podUid: "u", podIp: "10.244.2.6" } }),
      FailReason.PodNotOnNode,
      "the Pod's address 10.244.2.6 is reached by wg0, which is no interface of a Pod on this node; it is tried again",
    ],
    [
      "an address of the node as the Pod's",
      binding(A, { owner: { podName: "p", podUid: "u", podIp: MY_IP } }),
      FailReason.PodOnHostNetwork,
      "the Pod's address 10.0.0.11 is its node's own (hostNetwork: true), and a node has no persistent address; run the Pod on the Pod network",
    ],
    [
      "a Pod without a route",
      binding(A, { owner: { podName: "p", podUid: "u", podIp: "10.244.1.99" } }),
      FailReason.PodNotOnNode,
      "this node has no route to the Pod's address 10.244.1.99; it is tried again",
    ],
    [
      "delivery interface where it is off",
      binding(A, { delivery: "interface" }),
      FailReason.DeliveryNotSupported,
      'delivery "interface" is off, because for it agents enter Pods: set interfaceDelivery: true on PersistentIpController, or use delivery "nat"',
    ],
    [
      "the address of another node",
      binding(OTHER_IP),
      FailReason.AddressNotAllowed,
      "10.0.0.12 is the address of a node; reserve another one",
    ],
    [
      "loopback",
      binding("127.0.0.1"),
      FailReason.InvalidBinding,
      'spec.address: got "127.0.0.1"; it must be an address outside 127.0.0.0/8, loopback',
    ],
    [
      "a delivery that does not exist",
      binding(A, { delivery: "magic" as never }),
      FailReason.InvalidBinding,
      'spec.delivery: got "magic"; it must be app, interface, nat',
    ],
    [
      "no owner",
      binding(A, { owner: undefined }),
      FailReason.InvalidBinding,
      'spec.owner: got nothing; it must name the Pod, because spec.nodeName is "node-1"',
    ],
  ])("%s fails with its reason, touches nothing and does not disturb another", (_title, bad, reason, message) => {
    const node = new Node();
    node.kernel.hops.set("10.244.2.5", { ...segmentHop, gateway: OTHER_IP });
    node.kernel.hops.set("10.244.2.6", { dev: "wg0", ifindex: 5, kind: "wireguard", local: false });
    node.kernel.hops.set(MY_IP, { dev: "lo", ifindex: 1, kind: "", local: true });
    const alone = node.plan({ delivering: [bad] });
    expect(isNoChange(alone.changes)).toBe(true);
    expect(acknowledged(alone, bad.metadata.name)).toMatchObject({ state: "Failed", reason, message });
    const made = node.pass({ delivering: [bad, binding(B)] });
    expect(acknowledged(made, B)?.state).toBe("Announced");
    expect([...addressesIn(node.kernel.state())]).toEqual([B]);
  });

  test("nat waits for the ranges of the cluster, but goes on serving what the kernel already serves", () => {
    const node = new Node();
    const early = node.pass({ delivering: [binding(A)], clusterCidrs: undefined });
    expect(acknowledged(early)?.reason).toBe(FailReason.ClusterRangesUnknown);
    expect(early.retry).toBe(true);
    node.pass({ delivering: [binding(A)] });
    const later = node.pass({ delivering: [binding(A)], clusterCidrs: undefined });
    expect(isNoChange(later.changes)).toBe(true);
    expect(acknowledged(later)?.state).toBe("Announced");
  });

  test("delivery app does not need the ranges", () => {
    const made = new Node().pass({ delivering: [binding(A, { delivery: "app" })], clusterCidrs: undefined });
    expect(acknowledged(made)?.state).toBe("Announced");
  });

  test("a lower epoch than one that was seen changes nothing and is not acknowledged", () => {
    const node = new Node();
    node.pass({ delivering: [binding(A, { epoch: 5 })] });
    const owner = { podName: "pod-3", podUid: "uid-3", podIp: "10.244.1.12" };
    const stale = node.pass({ delivering: [binding(A, { epoch: 4, owner })] });
    expect(isNoChange(stale.changes)).toBe(true);
    expect(acknowledged(stale)).toBeUndefined();
    expect(node.kernel.paths.get(A)?.via).toBe(POD);
    expect(
      node.pass({ releasing: [{ ...movedAway(A), spec: { ...movedAway(A).spec, epoch: 4 } }] }).changes.steps,
    ).toEqual([]);
  });

  test("a new Pod that cannot be served still ends the delivery to the old one", () => {
    const node = new Node();
    node.pass({ delivering: [binding(A)] });
    const owner = { podName: "pod-2", podUid: "uid-2", podIp: "10.244.1.99" };
    const made = node.pass({ delivering: [binding(A, { epoch: 2, owner })] });
    expect(node.kernel.state().nft.podOf.size).toBe(0);
    expect(node.kernel.paths.has(A)).toBe(false);
    expect(node.kernel.fallbacks.has(A)).toBe(true);
    expect(made.silence).toEqual([A]);
  });

  test("what was announced is taken back where the fabric has become another, and said again where it is the same once more", () => {
    const node = new Node();
    node.pass({ delivering: [binding(A)] });
    const elsewhere = node.pass({ delivering: [binding(A, { epoch: 2, fabric: "none" })] });
    expect([elsewhere.silence, acknowledged(elsewhere)?.state]).toEqual([[A], "Announced"]);
    expect(node.pass({ delivering: [binding(A, { epoch: 2, fabric: "none" })] }).silence).toEqual([]);
    const back = node.pass({ delivering: [binding(A, { epoch: 3 })] });
    expect([back.silence, [...back.announce]]).toEqual([[], [[A, "arp"]]]);
  });
});

describe("a Pod address that is used again", () => {
  const programmed = (): Node => {
    const node = new Node();
    node.pass({ delivering: [binding(A)] });
    return node;
  };

  test("is not followed to another interface", () => {
    const node = programmed();
    node.kernel.dropInterface("veth1");
    node.kernel.hops.set(POD, podHop("veth9", 99));
    const made = node.pass({ delivering: [binding(A)] });
    expect(acknowledged(made)?.reason).toBe(FailReason.PodInterfaceGone);
    expect(node.kernel.state().nft.podOf.size).toBe(0);
    expect(node.kernel.paths.has(A)).toBe(false);
  });

  test("is followed by a higher epoch", () => {
    const node = programmed();
    node.kernel.dropInterface("veth1");
    node.kernel.hops.set(POD, podHop("veth9", 99));
    node.pass({ delivering: [binding(A)] });
    const made = node.pass({ delivering: [binding(A, { epoch: 2 })] });
    expect(acknowledged(made)?.state).toBe("Announced");
    expect(node.kernel.paths.get(A)).toEqual({ via: POD, dev: "veth9" });
  });

  test("a route deleted by hand is put back, because the interface is the same", () => {
    const node = programmed();
    node.kernel.paths.delete(A);
    const made = node.pass({ delivering: [binding(A)] });
    expect(made.changes.steps.flatMap(({ routes }) => routes)).toEqual([
      `route replace ${A}/32 via ${POD} dev veth1 onlink table 7421 proto 153`,
    ]);
    expect(acknowledged(made)?.state).toBe("Announced");
  });

  test.each(["Announced", "Programmed"] as const)(
    "is not followed after a restart either: it said %s, and the route is gone with the interface",
    (state) => {
      const node = programmed();
      node.kernel.dropInterface("veth1");
      node.kernel.hops.set(POD, podHop("veth9", 99));
      node.memory = new Map();
      const made = node.pass({ delivering: [binding(A, { acks: [ack(ME, 1, state, "uid-1")] })] });
      expect(acknowledged(made)?.reason).toBe(FailReason.PodInterfaceGone);
      node.memory = new Map();
      const said = { ...ack(ME, 1, "Failed", "uid-1"), reason: FailReason.PodInterfaceGone };
      const again = node.pass({ delivering: [binding(A, { acks: [said] })] });
      expect(acknowledged(again)?.reason).toBe(FailReason.PodInterfaceGone);
    },
  );

  test("a restarted agent adopts what is there: it changes nothing", () => {
    const node = programmed();
    node.memory = new Map();
    const made = node.pass({ delivering: [binding(A, { acks: [ack(ME, 1, "Announced", "uid-1")] })] });
    expect(isNoChange(made.changes)).toBe(true);
    expect(acknowledged(made)?.state).toBe("Announced");
    expect([...made.announce]).toEqual([[A, "arp"]]);
  });
});

describe("what no binding explains", () => {
  const withLeftover = (): Node => {
    const node = new Node();
    node.pass({ delivering: [binding(A)] });
    return node;
  };

  test("stays while the caches are not complete", () => {
    const made = withLeftover().plan({ synced: false });
    expect(isNoChange(made.changes)).toBe(true);
    expect(made.inquire).toEqual([]);
  });

  test("stays until the API server has been asked", () => {
    const made = withLeftover().plan({});
    expect(isNoChange(made.changes)).toBe(true);
    expect(made.inquire).toEqual([A]);
  });

  test("stays while the API server still names this node, because then the caches lag", () => {
    for (const found of [binding(A), movedAway(A)]) {
      const made = withLeftover().plan({ evidence: new Map([[A, found]]) });
      expect(isNoChange(made.changes)).toBe(true);
      expect(made.retry).toBe(true);
    }
  });

  test.each<[string, AddressBinding | "absent"]>([
    ["the binding does not exist", "absent"],
    ["it belongs to another node", { ...movedAway(A), spec: { ...movedAway(A).spec, releasing: undefined } }],
  ])("goes when %s, and with the last address everything", (_title, found) => {
    const node = withLeftover();
    node.pass({ evidence: new Map([[A, found]]) });
    expect(node.kernel.untouched).toBe(true);
  });

  test("does not go by the word of a lower epoch", () => {
    const node = new Node();
    node.pass({ delivering: [binding(A, { epoch: 9 })] });
    const stale = { ...movedAway(A), spec: { ...movedAway(A).spec, releasing: undefined } };
    expect(isNoChange(node.plan({ evidence: new Map([[A, stale]]) }).changes)).toBe(true);
  });
});

test("a binding that was deleted and made again may lead to another interface of the same Pod", () => {
  const node = new Node();
  const first = binding(A);
  node.pass({ delivering: [{ ...first, metadata: { ...first.metadata, uid: "b-1", resourceVersion: "1" } }] });
  node.pass({ evidence: new Map([[A, "absent"]]) });
  const again = binding(A, { owner: { podName: "pod-1", podUid: "uid-1", podIp: "10.244.1.12" } });
  const made = node.pass({
    delivering: [{ ...again, metadata: { ...again.metadata, uid: "b-2", resourceVersion: "2" } }],
  });
  expect(acknowledged(made)?.state).toBe("Announced");
  expect(node.kernel.paths.get(A)).toEqual({ via: "10.244.1.12", dev: "veth2" });
});
