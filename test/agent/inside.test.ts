import { parseInside, podSideChanges } from "../../controller-image/src/agent/inside";
import { plan, type PlanInput, remember } from "../../controller-image/src/agent/plan";
import { setArpAnnounce } from "../../controller-image/src/agent/rtnetlink";
import { type Footprint, NO_FOOTPRINT } from "../../controller-image/src/agent/state";
import { FailReason } from "../../lib/model/binding";
import { binding, ME, movedAway, MY_IP, OTHER_IP, takenBack } from "./bindings";
import { MemoryKernel, podHop, segmentHop, UPLINK } from "./memory-kernel";

const A = "198.51.100.10";
const POD = "10.244.1.11";
const OTHER_POD = "10.244.1.12";

const given = binding(A, { delivery: "interface" });

describe("a look into a Pod", () => {
  const ADDRESSES = [
    { ifname: "lo", ifindex: 1, addr_info: [{ family: "inet", local: "127.0.0.1", label: "lo" }] },
    {
      ifname: "eth0",
      ifindex: 2,
      addr_info: [
        { family: "inet", local: POD, label: "eth0" },
        { family: "inet", local: "192.0.2.7", label: "eth0:podpin" },
        { family: "inet", local: "192.0.2.8", label: "eth0" },
        { family: "inet6", local: "fe80::1" },
      ],
    },
    { ifname: "eth1", ifindex: 3, addr_info: [{ family: "inet", local: "10.200.0.5", label: "eth1" }] },
  ];
  const ROUTES = [
    { dst: "default", gateway: "169.254.1.1", dev: "eth0" },
    { dst: "169.254.1.1", dev: "eth0" },
    { dst: "10.200.0.1", dev: "eth1" },
    { dst: "10.200.0.0/24", dev: "eth1", prefsrc: "10.200.0.5" },
  ];
  const look = (podIp: string, routes: readonly object[] = ROUTES) =>
    parseInside(podIp, "cni-1", `${JSON.stringify(ADDRESSES)}\n${JSON.stringify(routes)}\n`, "");

  test("finds the interface that has the Pod's address, and what is ours on it", () => {
    expect(look(POD)).toEqual({
      namespace: "cni-1",
      device: "eth0",
      ifindex: 2,
      addresses: new Map([
        [POD, "foreign"],
        ["192.0.2.7", "ours"],
        ["192.0.2.8", "foreign"],
      ]),
    });
  });

  test("on another interface than that of the default route finds the way back", () => {
    expect(look("10.200.0.5")).toMatchObject({ device: "eth1", own: { gateway: "10.200.0.1" } });
    const via = [...ROUTES, { dst: "10.201.0.0/16", gateway: "10.200.0.254", dev: "eth1" }];
    expect(look("10.200.0.5", via)).toMatchObject({ own: { gateway: "10.200.0.254" } });
    expect(look("10.200.0.5", ROUTES.slice(0, 2))).toMatchObject({ own: { gateway: undefined } });
  });

  test("of a namespace that does not have the Pod's address is a problem, never a place to add one", () => {
    expect(look("10.244.1.99")).toEqual({
      problem: "network namespace cni-1 does not have the Pod's address 10.244.1.99",
    });
  });

  test("without an answer is an error", () => {
    expect(() => parseInside(POD, "cni-1", "", "Killed")).toThrow('ip gave no answer to "address show": Killed');
  });
});

describe("the plan", () => {
  let kernel: MemoryKernel;
  let memory: PlanInput["memory"];

  beforeEach(() => {
    kernel = new MemoryKernel();
    kernel.hops.set(POD, podHop("veth1", 11));
    kernel.hops.set(OTHER_POD, podHop("veth2", 12));
    kernel.hops.set(OTHER_IP, segmentHop);
    kernel.insides = new Map([
      [POD, new Map()],
      [OTHER_POD, new Map()],
    ]);
    memory = new Map();
  });

  const pass = (more: Partial<PlanInput>) => {
    const input: PlanInput = {
      nodeName: ME,
      nodeIp: MY_IP,
      uplink: UPLINK,
      delivering: [],
      releasing: [],
      evidence: new Map(),
      synced: true,
      clusterCidrs: ["10.244.0.0/16"],
      kernel: kernel.state(),
      memory,
      isolated: false,
      now: 0,
      ...more,
    };
    const made = plan(input);
    memory = remember(input, made, kernel.carryOut(made.changes));
    return made;
  };
  const linesOf = (pattern: RegExp): string[] => kernel.lines.filter((line) => pattern.test(line));

  test("has the route and the record before the Pod has the address, and announces last", () => {
    pass({ delivering: [given] });
    const order = ["route replace 198", "inside {", "address replace", "neigh replace proxy"];
    const at = order.map((part) => kernel.lines.findIndex((line) => line.includes(part)));
    expect(at).toEqual([...at].sort((x, y) => x - y));
    expect(at[0]).toBeGreaterThan(-1);
    expect(kernel.insides?.get(POD)).toEqual(new Map([[A, "ours"]]));
    expect(pass({ delivering: [given] }).changes.steps).toEqual([]);
  });

  test("takes the address away after the route and before the record", () => {
    pass({ delivering: [given] });
    kernel.lines.splice(0);
    pass({ releasing: [takenBack(A)] });
    const at = ["route del 198", "address del", "delete table"].map((part) =>
      kernel.lines.findIndex((line) => line.includes(part)),
    );
    expect(at[0]).toBeGreaterThan(-1);
    expect(at).toEqual([...at].sort((x, y) => x - y));
    expect(kernel.insides?.get(POD)?.size).toBe(0);
    expect(kernel.untouched).toBe(true);
  });

  test("of a node that lets go takes the address away as soon as it forwards", () => {
    pass({ delivering: [given] });
    const acks = [{ nodeName: "node-2", epoch: 2, podUid: "uid-2", state: "Programmed" as const }];
    pass({ releasing: [movedAway(A, { delivery: "interface", acks })] });
    expect(kernel.insides?.get(POD)?.size).toBe(0);
    expect(kernel.state().nft).toMatchObject({ forward: new Set([A]), insideOf: new Map() });
  });

  test("gives back what somebody took away inside the Pod", () => {
    pass({ delivering: [given] });
    kernel.insides?.get(POD)?.clear();
    pass({ delivering: [given] });
    expect(kernel.insides?.get(POD)).toEqual(new Map([[A, "ours"]]));
  });

  test("neither adds nor takes away an address that the Pod has by itself", () => {
    kernel.insides?.get(POD)?.set(A, "foreign");
    const made = pass({ delivering: [given] });
    expect(made.outcomes.get(A)?.ack?.state).toBe("Announced");
    pass({ releasing: [takenBack(A)] });
    expect(linesOf(/^ns-/)).toEqual([]);
    expect(kernel.insides?.get(POD)).toEqual(new Map([[A, "foreign"]]));
  });

  test("moves the address from Pod to Pod", () => {
    pass({ delivering: [given] });
    const owner = { podName: "pod-2", podUid: "uid-2", podIp: OTHER_POD };
    pass({ delivering: [binding(A, { delivery: "interface", epoch: 2, owner })] });
    expect(kernel.insides?.get(POD)?.size).toBe(0);
    expect(kernel.insides?.get(OTHER_POD)).toEqual(new Map([[A, "ours"]]));
    // Create before delete, or what arrives in between is lost.
    const at = [
      `ns-${OTHER_POD}: address replace`,
      "route replace 198.51.100.10/32 via 10.244.1.12",
      `ns-${POD}: address del`,
    ];
    const order = at.map((part) => kernel.lines.findIndex((line) => line.includes(part)));
    expect(order).toEqual([...order].sort((x, y) => x - y));
    expect(order[0]).toBeGreaterThan(-1);
  });

  test("fails an address whose Pod it cannot find, and keeps one that works", () => {
    kernel.insides?.delete(POD);
    const first = pass({ delivering: [given] });
    expect(first.outcomes.get(A)?.ack).toMatchObject({
      state: "Failed",
      reason: FailReason.PodNamespaceUnknown,
      message: "the Pod with 10.244.1.11 was not looked into; it is tried again",
    });
    kernel.insides?.set(POD, new Map());
    pass({ delivering: [given] });
    const inside = kernel.insides?.get(POD);
    kernel.insides?.delete(POD);
    const blind = pass({ delivering: [given] });
    expect(blind.changes.steps).toEqual([]);
    expect(blind.retry).toBe(true);
    expect(inside).toEqual(new Map([[A, "ours"]]));
  });

  test("forgets the record of a Pod that is gone", () => {
    pass({ delivering: [given] });
    kernel.insides?.delete(POD);
    pass({ releasing: [takenBack(A)] });
    expect(kernel.untouched).toBe(true);
  });

  test("keeps the way back of a second interface for as long as an address needs it", () => {
    const side = {
      namespace: "cni-1",
      device: "eth1",
      ifindex: 3,
      own: { gateway: "10.200.0.1" },
      addresses: new Map<string, "ours" | "foreign">([
        ["192.0.2.1", "ours"],
        ["192.0.2.2", "ours"],
      ]),
    };
    const insideOf = new Map([
      ["192.0.2.1", POD],
      ["192.0.2.2", POD],
    ]);
    const state = kernel.state();
    const full = { ...state, nft: { ...state.nft, insideOf }, pods: new Map([[POD, side]]) };
    const held = { ...NO_FOOTPRINT, insideOf: POD, held: true };
    const leave = (targets: [string, Footprint][]) =>
      [...podSideChanges(full, new Map(targets)).values()].flatMap((one) => one.leave.flatMap(({ lines }) => lines));
    const first = ["address del 192.0.2.1/32 dev eth1", "rule del pref 700 from 192.0.2.1/32 lookup 7421003"];
    expect(
      leave([
        ["192.0.2.1", NO_FOOTPRINT],
        ["192.0.2.2", held],
      ]),
    ).toEqual(first);
    expect(
      leave([
        ["192.0.2.1", NO_FOOTPRINT],
        ["192.0.2.2", NO_FOOTPRINT],
      ]),
    ).toContain("route del default dev eth1 table 7421003 proto 153");
  });
});

test("the message for the kernel says: interface 7, arp_announce 2", () => {
  // As the kernel's headers have it, little end first, as every machine this is built for.
  expect(setArpAnnounce(7, 2).toString("hex")).toBe(
    [
      "34000000 1300 0100 00000000 00000000",
      "00 00 0000 07000000 00000000 00000000",
      "1400 1a00",
      "1000 0200",
      "0c00 0100",
      "0800 1200 02000000",
    ]
      .join("")
      .replaceAll(" ", ""),
  );
});
